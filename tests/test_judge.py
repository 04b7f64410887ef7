"""From signs to a verdict: the one loop that turns missing evidence into undetermined."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from runbook_lib.evidence import Evidence
from runbook_lib.findings import (
    FINDINGS,
    Confidence,
    Finding,
    FindingKind,
    Sign,
    VerdictWord,
    against,
    counter,
    decisive,
    judge,
    sign,
)
from runbook_lib.incident import Incident
from runbook_lib.judging.remedies import REMEDIES
from runbook_lib.judging.remedy_cards import Remedy
from runbook_lib.measuring.pipe import FlowState, Measured, Stage, StageFlow, Stages
from runbook_lib.observed import Gap, NotObserved

AS_OF = datetime(2026, 3, 14, 15, 0, tzinfo=UTC)
INCIDENT = Incident("INC-1", "eu-west-1", "Orders", "orders-projector")
GAP = Gap("lambda:ListEventSourceMappings", "eu-west-1", "AccessDeniedException", "denied", "lambda:List...", "r")


def _nothing_seen() -> Measured:
    return Measured(Evidence(INCIDENT, AS_OF, {}))


def _seen(state: FlowState) -> Measured:
    """Nothing observed, and every stage of the pipe in one state."""
    seen = _nothing_seen()
    flows = {stage: StageFlow(stage, state, f"{stage} is {state}", refs=(f"c-{stage}",)) for stage in Stage}
    seen.stages = Stages(flows)
    return seen


def _finding(*signs: Sign, blind: bool = False, stops: Stage | None = Stage.POLLED) -> Finding:
    def recognise(_: Evidence) -> Iterator[Sign]:
        yield from signs
        if blind:
            raise NotObserved(GAP)

    return replace(FINDINGS["esm-missing"], recognise=recognise, stops=stops)


D, S, C, A = decisive("d", "r1"), sign("s", "r2"), counter("c", "r3"), against("a", "r4")
PRESENT, ABSENT, UNKNOWN = VerdictWord.PRESENT, VerdictWord.ABSENT, VerdictWord.UNDETERMINED

CASES: list[tuple[tuple[Sign, ...], bool, FlowState, VerdictWord, Confidence | None]] = [
    ((), False, FlowState.STOPPED, ABSENT, None),
    ((), True, FlowState.STOPPED, UNKNOWN, None),
    ((A,), False, FlowState.STOPPED, ABSENT, None),
    ((D, A), False, FlowState.STOPPED, ABSENT, None),
    ((A,), True, FlowState.STOPPED, ABSENT, None),
    ((D,), False, FlowState.STOPPED, PRESENT, Confidence.PROVED),
    ((D,), False, FlowState.UNKNOWN, PRESENT, Confidence.SUSPECTED),
    ((D,), False, FlowState.IDLE, PRESENT, Confidence.SUSPECTED),
    ((D, S), False, FlowState.UNKNOWN, PRESENT, Confidence.LIKELY),
    ((D, C), False, FlowState.UNKNOWN, PRESENT, Confidence.PROVED),
    ((D, C), False, FlowState.FLOWING, PRESENT, Confidence.LIKELY),
    ((D,), True, FlowState.STOPPED, PRESENT, Confidence.PROVED),
    ((S,), False, FlowState.STOPPED, PRESENT, Confidence.LIKELY),
    ((S,), False, FlowState.UNKNOWN, PRESENT, Confidence.SUSPECTED),
    ((C,), False, FlowState.STOPPED, ABSENT, None),
    ((C,), True, FlowState.STOPPED, UNKNOWN, None),
]


@pytest.mark.parametrize(("signs", "blind", "state", "word", "confidence"), CASES)
def test_signs_make_a_verdict(
    signs: tuple[Sign, ...], blind: bool, state: FlowState, word: VerdictWord, confidence: Confidence | None
) -> None:
    """Proved needs a decisive state and a count that fits; what speaks against it rules it out; blindness is told."""
    verdict = judge(_finding(*signs, blind=blind), _seen(state))
    assert (verdict.word, verdict.confidence) == (word, confidence)
    assert (GAP in verdict.needs) is (blind and word is not ABSENT)


def test_a_cause_says_what_it_does_not_explain() -> None:
    """A fault that stops the pipe while the pipe flows is not proved, and the flow is named."""
    verdict = judge(_finding(D, C), _seen(FlowState.FLOWING))
    assert verdict.unexplained == ("invoked is flowing",)


def test_every_finding_without_any_evidence_is_undetermined() -> None:
    """With nothing observed no finding is present and none is ruled out."""
    words = {name: judge(finding, _nothing_seen()).word for name, finding in FINDINGS.items()}
    assert set(words.values()) == {VerdictWord.UNDETERMINED}


@pytest.mark.parametrize("finding", FINDINGS.values(), ids=FINDINGS)
def test_cards_are_whole(finding: Finding) -> None:
    """Every card has a reason, a source, steps it reads and remedies that exist; a cause has a remedy."""
    assert len(finding.why) > 40
    assert finding.source.startswith("https://docs.aws.amazon.com/")
    assert set(finding.reads) <= set(range(1, 10))
    assert set(finding.diagnosis) <= set(range(1, 10))
    assert finding.reads
    assert set(finding.remedies) <= set(REMEDIES)
    assert finding.remedies or finding.kind is not FindingKind.CAUSE


@pytest.mark.parametrize("remedy", REMEDIES.values(), ids=REMEDIES)
def test_remedies_are_whole(remedy: Remedy) -> None:
    """Every remedy says what to run, at what risk, what becomes of the records, when it may be done and what to see."""
    assert remedy.command.startswith("aws ")
    for text in (remedy.title, remedy.risk, remedy.effect, remedy.precondition, remedy.check):
        assert len(text) > 12
    assert all(text.endswith(".") for text in (remedy.risk, remedy.effect, remedy.precondition, remedy.check))


def test_every_remedy_is_prescribed() -> None:
    """No remedy waits for a finding that prescribes it."""
    assert set(REMEDIES) == {remedy for finding in FINDINGS.values() for remedy in finding.remedies}


def _source(finding: Finding) -> str:
    return inspect.getsource(finding.recognise)


@pytest.mark.parametrize("words", ["except ", "print(", "now(", "Gap", "_lib.aws"])
def test_no_finding_handles_missing_evidence(words: str) -> None:
    """No recognition catches anything, knows of gaps, prints, or knows the time."""
    assert {finding.id for finding in FINDINGS.values() if words in _source(finding)} == set()
