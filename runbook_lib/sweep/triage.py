"""The verdict on one trigger of a sweep: what the findings say of it, in the few words that a table has room for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.findings import Confidence, Trait, Verdict
from runbook_lib.judging.diagnosis import Diagnosis, Status, diagnose
from runbook_lib.judging.loss_clock import Loss
from runbook_lib.measuring.pipe import FlowState, Stage
from runbook_lib.sweep.evidence import SweptConnection, swept
from runbook_lib.sweep.survey import Connection

_MOST_SENTENCES = 3


class TriageOutcome(StrEnum):
    """What became of one trigger, the gravest first. None of them says that it is healthy."""

    FAULT = "fault"
    SUSPECT = "suspect"
    NOT_EXAMINED = "not_examined"
    QUIET = "quiet"
    NOTHING_SEEN = "nothing_seen"

    @property
    def exit_code(self) -> int:
        """1 for a cause, 2 for what is undetermined, else 0."""
        return _EXIT_CODES.get(self, 0)


_EXIT_CODES = {TriageOutcome.FAULT: 1, TriageOutcome.SUSPECT: 2, TriageOutcome.NOT_EXAMINED: 2}


@dataclass(frozen=True)
class FoundFault:
    """One finding that is present: its id, its title, how sure, and the first sentences for it."""

    id: str
    title: str
    confidence: str
    because: tuple[str, ...]

    @classmethod
    def of(cls, verdict: Verdict) -> FoundFault:
        """Take it from a verdict."""
        sure = verdict.confidence.value if verdict.confidence else ""
        return cls(verdict.finding.id, verdict.finding.title, sure, verdict.because[:_MOST_SENTENCES])


@dataclass(frozen=True)
class Triage:
    """The verdict on one trigger. `unseen` says what this sweep should have seen of it and could not.

    `is_throttled`: invocations were refused for want of concurrency.
    """

    connection: Connection
    target: str
    mappings: tuple[str, ...]
    outcome: TriageOutcome
    sentence: str
    causes: tuple[FoundFault, ...]
    signs: tuple[FoundFault, ...]
    loss: Loss
    since: datetime | None
    unseen: tuple[str, ...]
    is_throttled: bool = False

    @property
    def is_wrong(self) -> bool:
        """Whether records do not arrive, as far as can be seen: a closer look may tell more."""
        return self.outcome in (TriageOutcome.FAULT, TriageOutcome.SUSPECT)


def triage(seen: SweptConnection) -> Triage:
    """Judge one trigger by the findings that judge an investigation."""
    evidence = seen.evidence()
    diagnosis = diagnose(evidence)
    problems = [mapping for mapping in seen.mappings if mapping.processing.is_problem]
    unseen = tuple(dict.fromkeys(gap.reason for gap in swept(evidence.gaps())))
    outcome = _outcome(diagnosis, problems, unseen)
    signs = (*diagnosis.symptoms, *diagnosis.contributing)
    return Triage(
        connection=seen.connection,
        target=evidence.incident.function_name,
        mappings=tuple(mapping.uuid for mapping in seen.mappings),
        outcome=outcome,
        sentence=_sentence(outcome, diagnosis, problems, unseen),
        causes=tuple(map(FoundFault.of, (*diagnosis.causes, *diagnosis.latent))),
        signs=tuple(map(FoundFault.of, signs)),
        loss=diagnosis.loss,
        since=diagnosis.onset.at if diagnosis.onset else None,
        unseen=unseen,
        is_throttled=any(Trait.THROTTLES in verdict.finding.traits for verdict in signs),
    )


def _outcome(diagnosis: Diagnosis, problems: list[EventSourceMapping], unseen: Iterable[str]) -> TriageOutcome:
    """A fault where a cause is named, suspect where something is wrong and none is; else what could be seen decides."""
    if diagnosis.status is Status.FAULT:
        return TriageOutcome.FAULT
    undetermined = diagnosis.status is Status.UNDETERMINED
    if diagnosis.unexplained or (undetermined and (diagnosis.symptoms or problems)):
        return TriageOutcome.SUSPECT
    if any(unseen):
        return TriageOutcome.NOT_EXAMINED
    if diagnosis.stages[Stage.WRITTEN].state is FlowState.IDLE or _quiet(diagnosis):
        return TriageOutcome.QUIET
    return TriageOutcome.NOT_EXAMINED if undetermined else TriageOutcome.NOTHING_SEEN


def _sentence(
    outcome: TriageOutcome, diagnosis: Diagnosis, problems: list[EventSourceMapping], unseen: tuple[str, ...]
) -> str:
    if outcome is TriageOutcome.NOTHING_SEEN:
        return "Records arrive; nothing is wrong in what a sweep looks at."
    if outcome is TriageOutcome.QUIET:
        why = _quiet(diagnosis) or "Nobody writes to the table"
        return f"{why}. Whether the next record would arrive was not examined."
    if outcome is TriageOutcome.NOT_EXAMINED:
        return f"Not examined: {unseen[0]}" if unseen else "Not examined: what is decisive no sweep looks at."
    if outcome is TriageOutcome.SUSPECT:
        return f"Broken, and why was not examined: {_wrong(diagnosis, problems)}"
    return diagnosis.sentence


def _wrong(diagnosis: Diagnosis, problems: list[EventSourceMapping]) -> str:
    if diagnosis.unexplained:
        return diagnosis.unexplained[0]
    if problems:
        return f"its mapping last said {problems[0].processing.text!r}."
    return f"{diagnosis.symptoms[0].finding.title}."


def _quiet(diagnosis: Diagnosis) -> str:
    """Say why there was nothing to deliver; empty where there was something, or where that is not known for sure."""
    quiet = (
        verdict
        for verdict in diagnosis.innocent
        if Trait.EXPLAINS_IDLE in verdict.finding.traits and verdict.confidence is Confidence.PROVED
    )
    return next((verdict.finding.title for verdict in quiet), "")
