"""From signs to a verdict: the one loop that turns missing evidence into undetermined."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from runbook_lib.evidence import Evidence, Gap, NotObserved
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
from runbook_lib.remedies import REMEDIES
from runbook_lib.remedy_cards import Remedy
from runbook_lib.stages import FlowState, Stage, StageFlow, Stages

AS_OF = datetime(2026, 3, 14, 15, 0, tzinfo=UTC)
SEEN = Evidence(Incident("INC-1", "eu-west-1", "Orders", "orders-projector"), AS_OF, {})
GAP = Gap("lambda:ListEventSourceMappings", "eu-west-1", "AccessDeniedException", "denied", "lambda:List...", "r")


def _stages(state: FlowState) -> Stages:
    return Stages({stage: StageFlow(stage, state, f"{stage} is {state}", refs=(f"c-{stage}",)) for stage in Stage})


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
    verdict = judge(_finding(*signs, blind=blind), SEEN, _stages(state))
    assert (verdict.word, verdict.confidence) == (word, confidence)
    assert (GAP in verdict.needs) is (blind and word is not ABSENT)


def test_a_cause_says_what_it_does_not_explain() -> None:
    """A fault that stops the pipe while the pipe flows is not proved, and the flow is named."""
    verdict = judge(_finding(D, C), SEEN, _stages(FlowState.FLOWING))
    assert verdict.unexplained == ("invoked is flowing",)


def test_every_finding_without_any_evidence_is_undetermined() -> None:
    """With nothing observed no finding is present and none is ruled out."""
    words = {name: judge(one, SEEN, _stages(FlowState.UNKNOWN)).word for name, one in FINDINGS.items()}
    assert set(words.values()) == {VerdictWord.UNDETERMINED}


@pytest.mark.parametrize("one", FINDINGS.values(), ids=FINDINGS)
def test_cards_are_whole(one: Finding) -> None:
    """Every card has a reason, a source, steps it reads and remedies that exist; a cause has a remedy."""
    assert len(one.why) > 40
    assert one.source.startswith("https://docs.aws.amazon.com/")
    assert set(one.reads) <= set(range(1, 10))
    assert set(one.diagnosis) <= set(range(1, 10))
    assert one.reads
    assert set(one.remedies) <= set(REMEDIES)
    assert one.remedies or one.kind is not FindingKind.CAUSE


@pytest.mark.parametrize("one", REMEDIES.values(), ids=REMEDIES)
def test_remedies_are_whole(one: Remedy) -> None:
    """Every remedy says what to run, at what risk, what becomes of the records, when it may be done and what to see."""
    assert one.command.startswith("aws ")
    for text in (one.title, one.risk, one.effect, one.precondition, one.check):
        assert len(text) > 12
    assert all(text.endswith(".") for text in (one.risk, one.effect, one.precondition, one.check))


def test_every_remedy_is_prescribed() -> None:
    """No remedy waits for a finding that prescribes it."""
    assert set(REMEDIES) == {remedy for one in FINDINGS.values() for remedy in one.remedies}


def _source(one: Finding) -> str:
    return inspect.getsource(one.recognise)


@pytest.mark.parametrize("words", ["except ", "print(", "now(", "Gap", "_lib.aws"])
def test_no_finding_handles_missing_evidence(words: str) -> None:
    """No recognition catches anything, knows of gaps, prints, or knows the time."""
    assert {one.id for one in FINDINGS.values() if words in _source(one)} == set()
