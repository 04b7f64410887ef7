"""Log lines, filters, trail events and policies that people met: what the kit reads in each now, and what is right.

Each row holds both, and a mark whether they agree. Whoever mends the kit changes `now` and the mark.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.interpret.filter_pattern import defects, never_matches
from runbook_lib.interpret.lambda_log import LineKind, LogLine, read
from runbook_lib.interpret.policy import Policy, evaluate, poller_context
from runbook_lib.interpret.trail_event import effects, parse
from runbook_lib.sandbox.logs import log_pattern
from runbook_lib.steps.function_logs import FAILURES

ROLE = "arn:aws:iam::123456789012:role/orders-projector-role"
STREAM = "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders/stream/2026-03-14T09:09:17.528"
READS = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
FETCHES = log_pattern.compile(FAILURES)

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    """The rows of a table beside this file."""
    lines = (Path(__file__).parent / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _each(table: list[Row]) -> Any:
    return pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in table])


LINES, FILTERS = rows("log_lines"), rows("filter_patterns")
EVENTS, POLICIES = rows("trail_events"), rows("policies")


def is_read_rightly(row: Row) -> bool:
    """Whether a line is read as it should be, and, where it tells of a failure, fetched at all."""
    now, right = row["now"], row["right"]
    failure = LogLine(LineKind(right["kind"]), "").is_failure
    alike = now["kind"] == right["kind"] and right["error_type"] in (None, now["error_type"])
    return alike and (now["fetched"] or not failure)


@_each(LINES)
def test_log_line(row: Row) -> None:
    """The line is read as its row says, and found or not by the search for failures."""
    line = read(row["text"])
    now = {"kind": line.kind, "error_type": line.error_type, "fetched": bool(FETCHES(row["text"]))}
    assert now == row["now"]


@_each(FILTERS)
def test_filter(row: Row) -> None:
    """The filter is called hopeless or not as its row says, with these defects."""
    text, view_type = json.dumps(row["pattern"]), row["view_type"]
    found = [one.kind for one in defects(text, view_type=view_type)]
    assert {"never_matches": never_matches([text], view_type=view_type), "defects": found} == row["now"]


@_each(EVENTS)
def test_trail_event(row: Row) -> None:
    """The event changed what its row says, in these words."""
    assert [[one.kind, one.detail] for one in effects(parse(row["event"]))] == row["now"]


@_each(POLICIES)
def test_policy(row: Row) -> None:
    """Each of the three reads of a stream is decided as the row says."""
    stream = row.get("stream", STREAM)
    layers: dict[str, Any] = {
        "identity": [Policy("identity", row["identity"])],
        "boundary": Policy("boundary", row["boundary"]) if "boundary" in row else None,
        "resource_policies": [Policy("stream", row["resource_policy"])] if "resource_policy" in row else [],
        "service_control": [Policy("scp", one) for one in row["service_control"]] if "service_control" in row else None,
    }
    context = poller_context(ROLE, stream)
    decided = {evaluate(read, stream, principal_arn=ROLE, context=context, **layers).decision for read in READS}
    assert decided == {row["now"]}


@_each([*LINES, *FILTERS, *POLICIES])
def test_mark_of_what_is_right(row: Row) -> None:
    """A row is marked as right where what is read now is what should be read."""
    now, right = row["now"], row["right"]
    if "text" in row:
        agree = is_read_rightly(row)
    elif "pattern" in row:
        agree = now["never_matches"] == right["never_matches"]
    else:
        agree = now == right
    assert row["is_right"] is agree


def test_no_policy_is_decided_wrongly() -> None:
    """Where a policy is not decided rightly, it is left open."""
    assert {row["now"] for row in POLICIES if not row["is_right"]} <= {"unknown"}
