"""`verdict.json` keeps to its published form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from worlds import investigated

from runbook_lib.archive.record import Record
from runbook_lib.example import EVIDENCE
from runbook_lib.judging.verdict import to_json, to_text
from runbook_lib.running.investigation import Investigation

SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "verdict.schema.json").read_text(encoding="utf-8"))


def test_schema_is_a_schema() -> None:
    """The published document is itself a valid JSON Schema."""
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xdist_group(name))
        for name in ("healthy", "poison-record", "trail-denied", "no-table-writes", "stream-disabled")
    ],
)
def test_verdict_is_valid(name: str) -> None:
    """Verdicts of every kind validate, with no member that the schema does not know."""
    verdict = json.loads((investigated(name).folder / "verdict.json").read_text(encoding="utf-8"))
    Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(verdict)


def test_same_evidence_gives_the_same_bytes() -> None:
    """Judging the example twice gives one text, and its cause is the one it was recorded with."""
    first, second = (Investigation(Record.read(EVIDENCE)) for _ in range(2))
    assert to_text(first.diagnosis, first.record) == to_text(second.diagnosis, second.record)
    assert to_json(first.diagnosis, first.record)["causes"][0]["id"] == "stale-stream-arn"


def test_an_unexamined_incident_is_undetermined() -> None:
    """A record that holds no call at all gives a valid verdict that claims nothing."""
    recorded = Record.read(EVIDENCE)
    empty = Investigation(Record(recorded.incident, recorded.as_of, None, recorded.run))
    verdict = to_json(empty.diagnosis, empty.record)
    Draft202012Validator(SCHEMA).validate(verdict)
    assert (verdict["status"], verdict["causes"], verdict["loss"]["state"]) == ("undetermined", [], "unknown")
