"""From verdicts to a diagnosis: what is wrong, since when, what set it off, what is lost, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from runbook_lib import instant
from runbook_lib.evidence import Evidence, step_number
from runbook_lib.evidence.signals import FunctionAlarm
from runbook_lib.findings import FINDINGS, Confidence, FindingKind, Trait, Verdict, VerdictWord, judge_all
from runbook_lib.findings.mapping import expected_to_deliver
from runbook_lib.incident import Incident, Window
from runbook_lib.instant import RETENTION
from runbook_lib.judging.all_clear import all_clear, lacking, puzzle, waiting
from runbook_lib.judging.comparison import Comparison, compare
from runbook_lib.judging.fallbacks import Fallback, review
from runbook_lib.judging.loss_clock import Loss, LossState
from runbook_lib.judging.onset_signals import corroborated
from runbook_lib.judging.proposals import Proposal, propose
from runbook_lib.judging.remedies import prescribe
from runbook_lib.judging.remedy_cards import Remedy
from runbook_lib.judging.remedy_facts import facts
from runbook_lib.judging.undelivered import assess, began_with
from runbook_lib.measuring.onset import Onset, after_last_delivery, delivery_gap, fallen_behind, onset
from runbook_lib.measuring.pipe import FlowState, Measured, Stage, StageFlow, Stages
from runbook_lib.measuring.setting_change import (
    Change,
    Coverage,
    SettingChange,
    changes,
    coverage,
    find_latent_setting_change,
    find_setting_change,
)
from runbook_lib.observed import NOTHING_TO_READ, Gap, NotObserved, attempt, known, otherwise


class Status(StrEnum):
    """The outcome of an investigation."""

    FAULT = "fault"
    NO_FAULT = "no_fault"
    UNDETERMINED = "undetermined"

    @property
    def exit_code(self) -> int:
        """0 no fault and nothing important unseen, 1 at least one cause or latent fault, 2 undetermined."""
        return {Status.NO_FAULT: 0, Status.FAULT: 1, Status.UNDETERMINED: 2}[self]


@dataclass(frozen=True)
class GapImpact:
    """A gap, and what it kept us from seeing: steps by number, and findings by id that it left undetermined."""

    gap: Gap
    steps: tuple[int, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Diagnosis:
    """The answer to an incident. Every tuple is in the order in which it should be read.

    `latent` are faults that would stop the pipe and have stopped nothing, because nobody writes. `alarms` are those
    on the function's metrics that were in ALARM in the window, as far as that could be seen. `unproved` is what an
    all-clear lacks, `waiting` what still waits in a backlog that is worked off; both in words.
    """

    incident: Incident
    as_of: datetime
    window: Window
    status: Status
    causes: tuple[Verdict, ...]
    contributing: tuple[Verdict, ...]
    symptoms: tuple[Verdict, ...]
    latent: tuple[Verdict, ...]
    innocent: tuple[Verdict, ...]
    ruled_out: tuple[Verdict, ...]
    undetermined: tuple[Verdict, ...]
    onset: Onset | None
    set_off_by: SettingChange | None
    changes: tuple[Change, ...]
    coverage: Coverage | None
    loss: Loss
    stages: Stages
    unexplained: tuple[str, ...]
    remedies: tuple[Remedy, ...]
    gaps: tuple[GapImpact, ...]
    comparison: Comparison | None = None
    fallbacks: tuple[Fallback, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    alarms: tuple[FunctionAlarm, ...] = ()
    unproved: tuple[str, ...] = ()
    waiting: str = ""

    @property
    def exit_code(self) -> int:
        """The exit code of the outcome."""
        return self.status.exit_code

    @property
    def sentence(self) -> str:
        """What is wrong, in one sentence."""
        if self.causes:
            first = self.causes[0]
            return f"{first.finding.title}{self._since}{_more(self.causes, 'cause')}."
        if self.latent:
            more = _more(self.latent, "latent fault")
            return f"{self._quiet}. The next write would not arrive: {self.latent[0].finding.title}{more}."
        if self.status is Status.NO_FAULT:
            return all_clear(self.stages, self._quiet, self.waiting)
        if self.unexplained:
            return f"{puzzle(self.stages)}: {self.unexplained[0]}"
        blind = ", ".join(sorted({impact.gap.call for impact in self.gaps if _matters(impact)}))
        unread = [f"{blind} could not be read."] if blind else []
        return f"Undetermined: {' '.join([*self.unproved[:1], *unread])}"

    @property
    def delivering(self) -> str:
        """Whether records are delivered now: `yes`, `no`, `partly` (some fail or wait meanwhile) or `unknown`."""
        outlets = [self.stages[stage].state for stage in (Stage.INVOKED, Stage.SUCCEEDED)]
        if FlowState.STOPPED in outlets:
            return "no"
        if any(state is not FlowState.FLOWING for state in outlets):
            return "unknown"
        going_on = self.onset is not None and self.onset.until is None
        return "partly" if going_on else "yes"

    @property
    def _since(self) -> str:
        """Since when, or from when to when: what is over does not stand there as if it went on."""
        if self.onset is None:
            return ""
        began = instant.clock(self.onset.at, self.as_of)
        if self.onset.before_window:
            return f", since {began} or before"
        if self.onset.until is None:
            return f", since about {began}"
        return f", from about {began} to {instant.clock(self.onset.until, self.as_of)}; delivery works again"

    @property
    def _quiet(self) -> str:
        """Why the pipe has nothing to carry, of several reasons the most particular, the last; empty where it has."""
        quiet = [verdict.finding.title for verdict in self.innocent if Trait.EXPLAINS_IDLE in verdict.finding.traits]
        return quiet[-1] if quiet else ""


def _more(verdicts: tuple[Verdict, ...], what: str) -> str:
    rest = len(verdicts) - 1
    return f"; {rest} more {what}{'s' * (rest > 1)} found" if rest else ""


def _matters(impact: GapImpact) -> bool:
    """Whether it kept a finding undetermined that is not one of those that few accounts can see."""
    return any(Trait.MAY_STAY_UNSEEN not in FINDINGS[id].traits for id in impact.findings)


def diagnose(evidence: Evidence) -> Diagnosis:
    """Judge everything that was observed. Pure: the same evidence gives the same diagnosis."""
    seen = Measured(evidence)
    verdicts = judge_all(seen)
    harm = attempt(lambda: onset(seen))
    found = _sort(verdicts, harmed=harm is not None, unharmed=harm is None and _is_idle(seen.stages))
    changed = otherwise(lambda: changes(seen), ())
    began = _began(seen, harm, found, changed)
    unexplained = _unexplained(seen, found, began)
    unproved = () if found.faults else lacking(seen, found.innocent, found.undetermined, noop=found.noop)
    status = _status(found, unexplained, unproved)
    set_off_by = _set_off_by(found, began, changed)
    return Diagnosis(
        incident=seen.incident,
        as_of=seen.as_of,
        window=seen.window,
        status=status,
        causes=found.causes,
        contributing=found.contributing,
        symptoms=found.symptoms,
        latent=found.latent,
        innocent=found.innocent,
        ruled_out=found.ruled_out,
        undetermined=found.undetermined,
        onset=began,
        set_off_by=set_off_by,
        changes=changed,
        coverage=otherwise(lambda: coverage(seen), None),
        loss=_loss(seen, found, began, changed, status),
        stages=seen.stages,
        unexplained=unexplained,
        remedies=_remedies(seen, (*found.faults, *found.contributing) or found.innocent),
        gaps=_gap_impacts(seen, verdicts),
        comparison=compare(seen, hurt=began is not None),
        fallbacks=review(seen, changed) if status is not Status.NO_FAULT and set_off_by is None else (),
        proposals=propose(seen),
        alarms=tuple(_alarms_that_rang(seen)),
        unproved=unproved,
        waiting=waiting(seen),
    )


@dataclass(frozen=True)
class _Found:
    """The verdicts by what they are to the incident. `faults` are the causes and the latent faults, the surest first.

    `noop`: no cause is found, and the stream is known to hold nothing for what was written.
    """

    faults: tuple[Verdict, ...]
    causes: tuple[Verdict, ...]
    latent: tuple[Verdict, ...]
    contributing: tuple[Verdict, ...]
    symptoms: tuple[Verdict, ...]
    innocent: tuple[Verdict, ...]
    ruled_out: tuple[Verdict, ...]
    undetermined: tuple[Verdict, ...]
    noop: bool


def _sort(verdicts: tuple[Verdict, ...], *, harmed: bool, unharmed: bool) -> _Found:
    """Sort the verdicts. `harmed`: the counters show harm; `unharmed`: what would stop the pipe is latent.

    Of a trigger that is harmed, or has a cause to be, nothing says that it works; of a table that cannot be written to,
    nothing says that nobody writes.
    """
    present = {kind: _of(verdicts, VerdictWord.PRESENT, kind) for kind in FindingKind}
    faults = tuple(sorted(present[FindingKind.CAUSE], key=_rank))
    latent = tuple(verdict for verdict in faults if unharmed and verdict.finding.stops)
    causes = tuple(verdict for verdict in faults if verdict not in latent)
    hidden = {Trait.TRIGGER_WORKS} if harmed or causes else set[Trait]()
    if any(Trait.ENDS_WRITES in verdict.finding.traits for verdict in causes):
        hidden.add(Trait.EXPLAINS_IDLE)
    return _Found(
        faults=faults,
        causes=causes,
        latent=latent,
        contributing=present[FindingKind.CONTRIBUTING],
        symptoms=present[FindingKind.SYMPTOM],
        innocent=tuple(
            verdict for verdict in present[FindingKind.INNOCENT] if not hidden & set(verdict.finding.traits)
        ),
        ruled_out=_of(verdicts, VerdictWord.ABSENT, FindingKind.CAUSE),
        undetermined=tuple(verdict for verdict in verdicts if verdict.word is VerdictWord.UNDETERMINED),
        noop=not causes and _is_noop(verdicts),
    )


def _of(verdicts: Iterable[Verdict], word: VerdictWord, kind: FindingKind) -> tuple[Verdict, ...]:
    return tuple(verdict for verdict in verdicts if verdict.word is word and verdict.finding.kind is kind)


_SURE = (Confidence.PROVED, Confidence.LIKELY, Confidence.SUSPECTED)
_ORDER = tuple(Stage)


def _rank(verdict: Verdict) -> tuple[int, int, bool]:
    """The surest first; of equals, the one nearest the source, which has to be repaired first."""
    sure = _SURE.index(verdict.confidence) if verdict.confidence else len(_SURE)
    stage = _ORDER.index(verdict.finding.stops) if verdict.finding.stops else len(_ORDER)
    return sure, stage, Trait.REPAIR_FIRST not in verdict.finding.traits


def _is_noop(verdicts: Iterable[Verdict]) -> bool:
    """Whether the stream is known to hold nothing for what was written: then nothing is missing downstream."""
    return any(
        Trait.MAKES_NO_RECORD in verdict.finding.traits and verdict.confidence is Confidence.PROVED
        for verdict in verdicts
    )


def _is_idle(stages: Stages) -> bool:
    """Whether nobody writes and all that was written has come out: a fault that is there has done no harm yet."""
    known = (FlowState.FLOWING, FlowState.IDLE)
    outlets = (stages[Stage.INVOKED], stages[Stage.SUCCEEDED])
    return stages[Stage.WRITTEN].state is FlowState.IDLE and all(flow.state in known for flow in outlets)


def _began(seen: Measured, harm: Onset | None, found: _Found, changed: tuple[Change, ...]) -> Onset | None:
    """Say when it began, beside what else tells of that time; None where nothing is known to be harmed."""
    if found.noop:
        return None
    return corroborated(seen, otherwise(lambda: _estimated(seen, known(harm), found.causes, changed), None))


def _estimated(
    seen: Measured, harm: Onset | None, causes: tuple[Verdict, ...], changed: tuple[Change, ...]
) -> Onset | None:
    """Estimate when it began: by the counters of the pipe, and by what the causes tell of it."""
    if not causes:
        return harm
    first = harm or fallen_behind(seen) or (delivery_gap(seen) if _left_out(causes) else None)
    stops = any(verdict.finding.stops or Trait.ENDS_WRITES in verdict.finding.traits for verdict in causes)
    if first is None and stops and otherwise(lambda: not seen.mappings.same_function, False):
        first = after_last_delivery(seen)  # of several streams nobody knows whose the last delivery was
    return first and otherwise(lambda: began_with(seen, causes, first, changed), first)


def _left_out(causes: tuple[Verdict, ...]) -> bool:
    """Whether a cause is one of records that were left out once, however long ago."""
    return any({Trait.SKIPS_RECORDS, Trait.PAST_LOSS} & set(verdict.finding.traits) for verdict in causes)


def _unexplained(seen: Measured, found: _Found, began: Onset | None) -> tuple[str, ...]:
    """Say which observed breaks no cause explains, and which observed flow a cause cannot explain."""
    if found.noop:
        return ()
    if found.causes:
        return found.causes[0].unexplained
    outlets: tuple[StageFlow, ...] = (seen.stages[Stage.INVOKED], seen.stages[Stage.SUCCEEDED])
    broken = next((flow.basis for flow in outlets if flow.state in (FlowState.STOPPED, FlowState.SILENT)), None)
    if broken is None and began is not None:
        broken = began.signals[0]
    return (broken,) if broken else ()


def _status(found: _Found, unexplained: tuple[str, ...], unproved: tuple[str, ...]) -> Status:
    """A fault where there is one, at work or latent; no fault only where nothing is left to prove."""
    if found.faults:
        return Status.FAULT
    return Status.UNDETERMINED if unexplained or unproved else Status.NO_FAULT


def _set_off_by(found: _Found, began: Onset | None, changed: tuple[Change, ...]) -> SettingChange | None:
    """Find the change that set the causes off, or the first latent fault where there is no cause."""
    if found.latent and not found.causes:
        first = found.latent[0].finding
        return find_latent_setting_change(first.id, first.set_off_by, changed)
    return _nearest_setting_change(found.causes, began, changed)


def _nearest_setting_change(
    causes: tuple[Verdict, ...], began: Onset | None, changed: tuple[Change, ...]
) -> SettingChange | None:
    """Find the change that set it off: of several causes that are equally sure, the one nearest to the onset."""
    sure = [verdict.finding for verdict in causes if verdict.confidence is causes[0].confidence]
    candidates = [find_setting_change(finding.id, finding.set_off_by, finding.lag, began, changed) for finding in sure]
    named = [
        (abs(setting_change.lag), setting_change)
        for setting_change in candidates
        if setting_change is not None and setting_change.lag is not None
    ]
    return min(named, key=lambda pair: pair[0], default=(None, None))[1]


def _loss(seen: Measured, found: _Found, began: Onset | None, changed: tuple[Change, ...], status: Status) -> Loss:
    """Read the loss clock; nothing is at risk behind no fault, or behind a latent one that nothing waits for.

    Unless a mapping may have skipped some: of those nobody knows.
    """
    held_nothing = not found.causes and bool(found.latent) and _nothing_waits(seen)
    loss = assess(seen, found.causes, began, changed, certain=status is Status.NO_FAULT or held_nothing)
    skipped = [v.because[0] for v in found.contributing if Trait.MAY_HAVE_SKIPPED in v.finding.traits]
    if skipped and loss.state is LossState.NONE:
        return replace(loss, state=LossState.UNKNOWN, basis=skipped[0])
    return loss


def _nothing_waits(seen: Measured) -> bool:
    """Whether nothing was written since the last delivery, as far back as a record can live."""
    last = seen.stages[Stage.INVOKED].last
    looked = last is not None or seen.window.end - seen.window.start >= RETENTION
    return looked and seen.first_write_after(last) is None


def _remedies(seen: Evidence, causes: tuple[Verdict, ...]) -> tuple[Remedy, ...]:
    ids = dict.fromkeys(id for verdict in causes for id in verdict.finding.remedies)
    touched = otherwise(lambda: expected_to_deliver(seen), ())
    return prescribe(ids, facts(seen), latest=any(mapping.starting_position == "LATEST" for mapping in touched))


def _gap_impacts(seen: Evidence, verdicts: tuple[Verdict, ...]) -> tuple[GapImpact, ...]:
    """Give each gap with the steps it occurred in and the findings that needed it."""
    steps: dict[Gap, list[int]] = {}
    for name, observation in seen.observations.items():
        found = (observation,) if isinstance(observation, Gap) else tuple(observation.gaps())
        for gap in found:
            steps.setdefault(gap, []).append(step_number(name))
    needed: dict[Gap, list[str]] = {gap: [] for gap in steps}
    for verdict in verdicts:
        for gap in verdict.needs:
            needed.setdefault(gap, []).append(verdict.finding.id)
    return tuple(
        GapImpact(gap, tuple(sorted(set(steps.get(gap, ())))), tuple(dict.fromkeys(ids)))
        for gap, ids in needed.items()
        if gap.code != NOTHING_TO_READ
    )


def _alarms_that_rang(seen: Evidence) -> Iterator[FunctionAlarm]:
    """Give the alarms that went off; of one whose history could not be seen that is not known."""
    for alarm in otherwise(lambda: seen.metrics.alarms.found, ()):
        with suppress(NotObserved):
            if alarm.ringing:
                yield alarm
