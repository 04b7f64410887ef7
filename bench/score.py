"""What an investigation concluded, held against the truth of its world."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import verdict_rules
from axes import AxisRow, Truth
from runbook_lib.findings import FINDINGS, Confidence, Verdict
from runbook_lib.judging.diagnosis import Diagnosis, Status
from runbook_lib.judging.loss_clock import LossState
from runbook_lib.judging.verdict import to_json
from runbook_lib.sandbox import Fault, World, all_faults
from serve_world import InvestigationResult

FAULT, UNKNOWN = "fault", "unknown"
SURE = (Confidence.PROVED, Confidence.LIKELY)
_LIVES = timedelta(hours=24)


class ScoreResult(StrEnum):
    """How a verdict compares with the truth: the worst last."""

    RIGHT = "right"
    ABSTAINED = "abstained"
    WRONG = "wrong"


@dataclass(frozen=True)
class ScoreCase:
    """A world and its truth. `expects` are the causes in the order in which they must be repaired; empty: none."""

    kind: str
    fault: Fault
    expects: tuple[str, ...]

    @property
    def id(self) -> str:
        """The name of the world."""
        return self.fault.id


@dataclass(frozen=True)
class Score:
    """How one case came out. Errors are in seconds; None where there is no truth, or no answer, to compare.

    `rules` are the offences of its sentences against the rules of `verdict_rules`.
    """

    id: str
    kind: str
    result: ScoreResult
    named: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    top3: bool
    cited: bool
    false_causes: tuple[str, ...]
    proved_wrong: tuple[str, ...]
    set_off_by: ScoreResult
    onset_error_s: float | None
    onset_bounded: bool
    deadline_early_s: float | None
    optimistic: bool
    trouble: tuple[str, ...]
    rules: tuple[str, ...] = ()


def single_faults() -> tuple[ScoreCase, ...]:
    """Every fault of the catalogue."""
    return tuple(ScoreCase(FAULT, fault, (fault.expects,) if fault.expects else ()) for fault in all_faults().values())


def score(case: ScoreCase, world: World, outcome: InvestigationResult) -> Score:
    """Hold one investigation against the truth."""
    found = outcome.diagnosis
    named = tuple((verdict.finding.id, str(verdict.confidence)) for verdict in _faults(found))
    ids = tuple(id for id, _ in named)
    proved = [id for id, sure in named if sure == Confidence.PROVED]
    false = tuple(id for id in ids if id not in case.expects)
    onset, early, bounded, optimistic = _clocks(case, world, found)
    return Score(
        id=case.id,
        kind=case.kind,
        result=_result(case, found),
        named=named,
        missing=tuple(id for id in case.expects if id not in ids),
        top3=set(case.expects) <= set(ids[:3]),
        cited=all(_cites(verdict, outcome) for verdict in _faults(found)),
        false_causes=false,
        proved_wrong=tuple(id for id in proved if id not in case.expects),
        set_off_by=_set_off_by(case, world, found),
        onset_error_s=onset,
        onset_bounded=bounded,
        deadline_early_s=early,
        optimistic=optimistic,
        trouble=tuple(_trouble(case, found, false)),
        rules=tuple(verdict_rules.check(to_json(found, outcome.record))),
    )


def _faults(found: Diagnosis) -> tuple[Verdict, ...]:
    """What is said to be wrong, whether it has done harm or waits for the next write."""
    return (*found.causes, *found.latent)


def _result(case: ScoreCase, found: Diagnosis) -> ScoreResult:
    ids = tuple(verdict.finding.id for verdict in _faults(found))
    if case.kind == UNKNOWN:
        return ScoreResult.RIGHT if not ids and found.status is Status.UNDETERMINED else ScoreResult.WRONG
    if not case.expects:
        if ids:
            return ScoreResult.WRONG
        return ScoreResult.RIGHT if found.status is Status.NO_FAULT else ScoreResult.ABSTAINED
    if ids[: len(case.expects)] == case.expects:
        return ScoreResult.RIGHT
    return ScoreResult.ABSTAINED if not ids and found.status is Status.UNDETERMINED else ScoreResult.WRONG


def _trouble(case: ScoreCase, found: Diagnosis, false: tuple[str, ...]) -> Iterable[str]:
    """Say what is wrong whatever the first cause is: a forbidden id as a cause, an innocent proved."""
    forbidden = set(case.fault.forbids) & {verdict.finding.id for verdict in _faults(found)}
    if forbidden:
        yield f"names {', '.join(sorted(forbidden))}"
    sure = [
        verdict.finding.id for verdict in _faults(found) if verdict.finding.id in false and verdict.confidence in SURE
    ]
    if sure:
        yield f"is sure of {', '.join(sure)}"


def _cites(verdict: Verdict, outcome: InvestigationResult) -> bool:
    """Whether every reference of a cause is a recorded call, the run itself or an event of the trail."""
    known = {call.ref for call in outcome.record.calls()} | {"run"}
    told = {ref for ref in verdict.refs if not ref.startswith("trail:")}
    return bool(verdict.refs) and told <= known


def _set_off_by(case: ScoreCase, world: World, found: Diagnosis) -> ScoreResult:
    """The change that set it off, or none where none did or the trail is refused; another one is wrong."""
    began, named = case.fault.began(world.now), found.set_off_by
    if named is None:
        unseen = any(rule.operation == "LookupEvents" for rule in case.fault.rules)
        return (
            ScoreResult.RIGHT if case.fault.set_off_by is None or not case.expects or unseen else ScoreResult.ABSTAINED
        )
    event = named.change.event
    right = (
        began is not None and event.event_name == case.fault.set_off_by and abs(event.at - began) < timedelta(minutes=1)
    )
    return ScoreResult.RIGHT if right else ScoreResult.WRONG


def _clocks(case: ScoreCase, world: World, found: Diagnosis) -> tuple[float | None, float | None, bool, bool]:
    """Compare onset and deadline with the oldest write that was not delivered: errors, bounds, optimism.

    A gradual fault began before that write: what was written first has been delivered, late.
    """
    truth = case.fault.oldest_unread(world) if case.expects else None
    if truth is None:
        return None, None, True, False
    onset = early = None
    bounded = True
    if found.onset is not None:
        began = (case.fault.began(world.now) if case.fault.gradual else None) or truth
        onset = (found.onset.at - began).total_seconds()
        bounded = _holds(found.onset.earliest, began, found.onset.latest)
    deadline, loss = truth + _LIVES, found.loss
    if loss.deadline is not None and case.fault.loss == "at_risk":
        early = (deadline - loss.deadline).total_seconds()
    late = early is not None and early < 0
    return onset, early, bounded, late or (loss.state is LossState.NONE and case.fault.loss != "none")


class RefusalEffect(StrEnum):
    """What a refused action did to a verdict: the last three must not be."""

    UNASKED = "not asked for"
    UNCHANGED = "unchanged"
    WEAKER = "weaker"
    UNDETERMINED = "undetermined"
    UNNAMED = "undetermined without naming the action"
    CLEARED = "no fault, though broken"
    MISLED = "another cause"


def _is_wider(id: str, known: str) -> bool:
    """Whether a finding is of every way to fail of another one, and of more: it says the same, less particularly."""
    return set(FINDINGS[known].modes) < set(FINDINGS[id].modes)


OFFENCES = (RefusalEffect.UNNAMED, RefusalEffect.CLEARED, RefusalEffect.MISLED)


def compare(case: ScoreCase, action: str, whole: Diagnosis, blinded: Diagnosis) -> RefusalEffect:
    """Say what became of a verdict when an action was refused."""
    before = [(verdict.finding.id, verdict.confidence) for verdict in _faults(whole)]
    after = [(verdict.finding.id, verdict.confidence) for verdict in _faults(blinded)]
    ours = {known for known, _ in before}
    others = [(id, sure) for id, sure in after if id not in ours and not any(_is_wider(id, known) for known in ours)]
    if any(sure in SURE for _, sure in others) or (others and len(others) == len(after)):
        return RefusalEffect.MISLED
    if before == after and whole.status is blinded.status:
        return RefusalEffect.UNCHANGED
    if blinded.status is Status.NO_FAULT:
        return RefusalEffect.CLEARED if case.expects else RefusalEffect.WEAKER
    if blinded.status is Status.UNDETERMINED:
        named = {gap.gap.call for gap in blinded.gaps if gap.findings}
        return RefusalEffect.UNDETERMINED if action in named else RefusalEffect.UNNAMED
    return RefusalEffect.WEAKER


class Wrong(StrEnum):
    """What an investigation may get wrong on a row of the axes, besides which cause comes first."""

    NO_FAULT = "false no_fault"
    CLOCK = "clock optimistic"
    LOSING = "being lost now, nothing is"
    ONSET = "onset outside its bounds"
    LATE = "trigger after its onset"
    TRIGGER = "another trigger"
    PROVED = "proved and wrong"


@dataclass(frozen=True)
class RowScore:
    """How one row of the axes came out.

    `said` is the status, `healthy` that nothing is wrong in truth; `clocks` are what was said of onset and loss, and
    what is so.
    """

    row: AxisRow
    result: ScoreResult
    said: Status
    named: tuple[tuple[str, str], ...]
    wrong: tuple[Wrong, ...]
    healthy: bool
    clocks: str
    lacks: str = ""

    @property
    def is_wrong(self) -> bool:
        """Whether anything that was said is not so."""
        return self.result is ScoreResult.WRONG or bool(self.wrong)


def score_row(row: AxisRow, truth: Truth, found: Diagnosis) -> RowScore:
    """Hold a diagnosis against the truth of a row."""
    faults = [(verdict.finding.id, verdict.confidence) for verdict in _faults(found)]
    first = tuple(id for id, _ in faults[: len(truth.causes) or 1])
    if faults or (truth.causes and found.status is Status.NO_FAULT):
        result = ScoreResult.RIGHT if first == truth.causes else ScoreResult.WRONG
    else:
        healthy = not truth.causes and found.status is Status.NO_FAULT
        result = ScoreResult.RIGHT if healthy else ScoreResult.ABSTAINED
    return RowScore(
        row=row,
        result=result,
        said=found.status,
        named=tuple((id, str(sure)) for id, sure in faults),
        wrong=tuple(_wrong(truth, found)),
        healthy=not truth.causes,
        clocks=_said_of_clocks(truth, found),
        lacks=found.sentence if result is ScoreResult.ABSTAINED else "",
    )


def _said_of_clocks(truth: Truth, found: Diagnosis) -> str:
    began, loss, named = found.onset, found.loss, found.set_off_by
    bounds = f"{began.earliest:%d %T}..{began.latest:%d %T}" if began else "none"
    event = f"{named.change.event.event_name} {named.change.event.at:%d %T}" if named else "none"
    return (
        f"onset {bounds} (truth {_day(truth.onset)}), loss {loss.state} until {_day(loss.deadline)} (truth: oldest"
        f" {_day(truth.oldest)}{', lost' if truth.lost else ''}), trigger {event} (truth {', '.join(truth.triggers)}"
        f" {_day(truth.began)})"
    )


def _day(at: datetime | None) -> str:
    return f"{at:%d %T}" if at else "none"


def _wrong(truth: Truth, found: Diagnosis) -> Iterable[Wrong]:
    """Name everything that was said and is not so."""
    loss, began, named = found.loss, found.onset, found.set_off_by
    if truth.causes and found.status is Status.NO_FAULT:
        yield Wrong.NO_FAULT
    if truth.oldest is not None:
        late = loss.deadline is not None and not truth.lost and loss.deadline > truth.oldest + _LIVES
        if late or loss.state is LossState.NONE:
            yield Wrong.CLOCK
    if loss.state is LossState.LOSING and not truth.lost:
        yield Wrong.LOSING
    if began is not None and truth.onset is not None:
        earliest = truth.onset if began.may_be_older else began.earliest
        if not _holds(earliest, truth.onset, began.latest):
            yield Wrong.ONSET
    if named is not None:
        event = named.change.event
        if began is not None and event.at > began.latest:
            yield Wrong.LATE
        told = truth.began is not None and abs(event.at - truth.began) < timedelta(minutes=1)
        if not (told and event.event_name in truth.triggers):
            yield Wrong.TRIGGER
    if any(
        verdict.confidence is Confidence.PROVED and verdict.finding.id not in truth.causes for verdict in _faults(found)
    ):
        yield Wrong.PROVED


def _holds(earliest: datetime, at: datetime, latest: datetime) -> bool:
    return earliest <= at <= latest + timedelta(minutes=1)
