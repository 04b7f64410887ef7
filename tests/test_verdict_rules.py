"""What the sentences of a verdict must not do in any world: contradict, repeat, miscount, or give no reason."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from example_evidence import evidence_in, example
from worlds import FAST, in_world, investigated

import verdict_rules
from runbook_lib.archive.record import Record
from runbook_lib.findings import FINDINGS, VerdictWord, judge
from runbook_lib.judging.diagnosis import diagnose
from runbook_lib.judging.verdict import to_json
from runbook_lib.measuring.pipe import Measured
from runbook_lib.sandbox import all_faults

Document = dict[str, Any]
WORLDS = [
    pytest.param(name, marks=[pytest.mark.xdist_group(name), *([] if name in FAST else [pytest.mark.slow])])
    for name in all_faults()
]


def _document(name: str) -> Document:
    done = investigated(name)
    return to_json(done.diagnosis, Record.read(done.folder / "evidence"))


@pytest.mark.parametrize("name", WORLDS)
def test_sentences_keep_the_rules(name: str) -> None:
    """The verdict on a recorded world offends against no rule."""
    assert verdict_rules.check(_document(name)) == []


@pytest.mark.parametrize("name", WORLDS)
def test_every_finding_gives_a_reason_in_every_world(name: str) -> None:
    """A finding that is there, or is ruled out, says why; one that is undetermined says what it lacks."""
    seen = Measured(evidence_in(investigated(name).folder))
    for finding in FINDINGS.values():
        verdict = judge(finding, seen)
        told = verdict.lacking if verdict.word is VerdictWord.UNDETERMINED else verdict.because
        assert told, f"{finding.id} is {verdict.word} and says nothing"


def _with(document: Document, **changed: Any) -> Document:
    return {**deepcopy(document), **changed}


def _cause(*because: str, id: str = "stale-stream-arn", title: str = "None is there") -> Document:
    return {"id": id, "title": title, "because": list(because), "not_explained": []}


@in_world("stream-recreated")
@pytest.mark.parametrize(
    ("changed", "offence"),
    [
        ({"causes": [_cause()]}, "causes: stale-stream-arn has no reason"),
        ({"ruled_out": [{"id": "quota", "because": []}]}, "ruled_out: quota has no reason"),
        ({"causes": [_cause("A record waits.", "A record waits.")]}, "says twice"),
        ({"causes": [_cause("1 records wait.")]}, "'1 records'"),
        ({"causes": [_cause("So 0 shards are open.")]}, "'0 shards'"),
        ({"causes": [_cause("It took 1 write requests.")]}, "'1 write requests'"),
        ({"causes": [_cause("It waited 1 minutes.")]}, "'1 minutes'"),
        ({"not_causes": [_cause("So it is.", title="The trigger works: look behind it")]}, "The trigger works"),
        ({"causes": [_cause("So it is.")], "ruled_out": [_cause("So it is not.")]}, "is there and ruled out"),
        (
            {
                "not_causes": [_cause("So it is.", title="Nobody writes to the table")],
                "causes": [_cause("17 write requests from 12:00 UTC on, and nothing invoked since 11:50 UTC.")],
            },
            "Nobody writes",
        ),
        ({"symptoms": [_cause("The iterator age has climbed since 01:02 UTC, to 3 h.")]}, "and the onset is"),
        ({"unexplained": ["The age could not be told: the counters are not readable."]}, "not readable"),
    ],
)
def test_rules_find_what_offends(changed: Document, offence: str) -> None:
    """Each kind of offence is found in a verdict that has it, beside a verdict that has none."""
    document = _document("stream-recreated")
    assert verdict_rules.check(document) == []
    assert any(offence in found for found in verdict_rules.check(_with(document, **changed)))


@in_world("stream-recreated")
@pytest.mark.parametrize(
    "words",
    [
        "0 of 23,016 polled records were filtered out.",
        "10,001 records wait, 21 minutes at least.",
        "12 log lines say: 1 errors in 0 records",
        "Batches of 1 wait.",
    ],
)
def test_rules_let_pass_what_is_right(words: str) -> None:
    """No sentence that counts rightly, and nothing that a log line says, offends."""
    document = _document("stream-recreated")
    assert verdict_rules.check(_with(document, causes=[_cause(words)])) == []


@in_world("healthy")
def test_a_harmed_trigger_is_not_said_to_work() -> None:
    """Of a trigger with a cause, or with harm that nothing explains, nothing says that it works."""
    assert "success-without-effect" in {verdict.finding.id for verdict in diagnose(example("healthy")).innocent}
    for name in FAST:
        done = investigated(name).diagnosis
        if done.causes or done.unexplained:
            assert "success-without-effect" not in {verdict.finding.id for verdict in done.innocent}
