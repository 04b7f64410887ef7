"""Where the pipe breaks: written -> in stream -> polled -> filtered -> invoked -> failed -> succeeded.

Each stage is *flowing*, *stopped*, *silent* (nothing has come out lately, and it is not known why), *idle* (nothing
came in, so nothing can come out) or *unknown*. "Recently" is measured against the stage's own input: a stage has
stopped when something was written well after the last sign that it let anything through, so a quiet table never looks
broken and a busy one is not given half an hour of grace. Before that, the pipe's own history decides: see `silence`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.signals import Series
from runbook_lib.interpret.amount import amount
from runbook_lib.measuring.filtered import counts_of, delivering, filters_of, gathering, let_through
from runbook_lib.measuring.silence import silence
from runbook_lib.measuring.thresholds import LONGEST_PAUSE, QUIET_TABLE, YOUNG_FAILURE, YOUNG_FAILURES
from runbook_lib.observed import Gap, NotObserved, otherwise


class Stage(StrEnum):
    """A stage of the pipe, left to right."""

    WRITTEN = "written"
    IN_STREAM = "in_stream"
    POLLED = "polled"
    FILTERED = "filtered"
    INVOKED = "invoked"
    FAILED = "failed"
    SUCCEEDED = "succeeded"


class FlowState(StrEnum):
    """What a stage does now."""

    FLOWING = "flowing"
    STOPPED = "stopped"
    SILENT = "silent"
    IDLE = "idle"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class StageFlow:
    """One stage as measured. `total` is None where nothing counts it; `last` is the newest sign of life in the window.

    `since` is the first input that did not come through (only when stopped, silent, or idle as filters dropped it).
    `basis` says in words what was counted.
    """

    stage: Stage
    state: FlowState
    basis: str
    total: float | None = None
    last: datetime | None = None
    since: datetime | None = None
    refs: tuple[str, ...] = ()
    gap: Gap | None = None


@dataclass(frozen=True)
class Stages:
    """Every stage of the pipe, left to right.

    `by_mapping` holds the totals of each mapping's own event counts by metric name, for mappings that count.
    """

    flows: Mapping[Stage, StageFlow]
    by_mapping: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __getitem__(self, stage: Stage) -> StageFlow:
        return self.flows[stage]

    def observed(self, stage: Stage) -> StageFlow:
        """Give a stage that could be measured; raises NotObserved for one that could not."""
        flow = self[stage]
        if flow.gap is not None:
            raise NotObserved(flow.gap)
        return flow

    @property
    def broken_at(self) -> StageFlow | None:
        """The first stage that has input and no output; None when none is known to have stopped."""
        return next((flow for flow in self.flows.values() if flow.state is FlowState.STOPPED), None)

    def agreement(
        self, stops: Stage | None, *, decided: bool = False
    ) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], tuple[str, ...], tuple[Gap, ...]]:
        """Compare a fault that stops the pipe at `stops` with what was counted; `decided`: a state shows the fault.

        A silence that may be none fits only a fault that a state shows. Returns the counts that fit (sentence and
        calls), the sentences that do not, and the gaps in between. Where nobody writes, what came through earlier
        speaks neither for the fault nor against it.
        """
        if stops is None:
            return (), (), ()
        outlet = self[Stage.SUCCEEDED if stops in (Stage.FAILED, Stage.SUCCEEDED) else Stage.INVOKED]
        if outlet.state is FlowState.STOPPED or (decided and outlet.state is FlowState.SILENT):
            return ((outlet.basis, outlet.refs),), (), ()
        if outlet.state is FlowState.FLOWING:
            return (), () if self[Stage.WRITTEN].state is FlowState.IDLE else (outlet.basis,), ()
        return (), (), (outlet.gap,) if outlet.gap else ()


class Measured(Evidence):
    """What was seen, and what is measured from it: each thing once, for all who judge.

    Reading a measure that nothing was seen for raises `NotObserved`, like any other unseen fact.
    """

    def __init__(self, seen: Evidence) -> None:
        super().__init__(seen.incident, seen.as_of, seen.observations, seen.window)

    @cached_property
    def stages(self) -> Stages:
        """Every stage of the pipe; one that cannot be measured is unknown, with its gap."""
        flows: dict[Stage, StageFlow] = {}
        for stage, look in _LOOKS.items():
            try:
                flows[stage] = look(self)
            except NotObserved as unseen:
                flows[stage] = StageFlow(stage, FlowState.UNKNOWN, f"Not seen: {unseen.gap.reason}", gap=unseen.gap)
        return Stages(flows, otherwise(lambda: _by_mapping(self), {}))

    @cached_property
    def write_minutes(self) -> Mapping[datetime, float]:
        """Successful write requests per minute over all write operations; capacity units where those are unknown."""
        return write_minutes(self)

    @cached_property
    def success_minutes(self) -> Mapping[datetime, float]:
        """Successful invocations per minute: started less failed."""
        errors = self.metrics.errors.points
        return {at: max(value - errors.get(at, 0.0), 0.0) for at, value in self.metrics.invocations.points.items()}

    def first_write_after(self, moment: datetime | None) -> datetime | None:
        """Find the first minute after `moment` (None: of the window) in which something was written."""
        place = bisect_right(self._written_at, moment) if moment else 0
        return self._written_at[place] if place < len(self._written_at) else None

    @cached_property
    def _written_at(self) -> list[datetime]:
        return sorted(at for at, value in self.write_minutes.items() if value > 0)


def write_minutes(seen: Evidence) -> dict[datetime, float]:
    """Count successful write requests per minute over all write operations; capacity units where requests are unknown.

    Requests are an upper bound for records: a write that changes nothing leaves no record. Capacity is used by refused
    writes too, so it does not stand in for requests where some were refused.
    """
    minutes: dict[datetime, float] = {}
    for series in seen.metrics.writes.values():
        for at, value in series.points.items():
            minutes[at] = minutes.get(at, 0.0) + value
    refused = any(series.points for series in otherwise(lambda: seen.metrics.failed_writes, {}).values())
    return minutes if minutes or refused else dict(seen.metrics.consumed_writes.points)


def _by_mapping(seen: Evidence) -> dict[str, dict[str, float]]:
    """Add up each mapping's own counts; a metric without any datapoint is left out, as it is not zero."""
    return {
        uuid: {name: sum(series.points.values()) for name, series in counts.items() if series.points}
        for uuid, counts in seen.metrics.mapping_events.items()
    }


def _written(seen: Measured) -> StageFlow:
    minutes = seen.write_minutes
    total = sum(minutes.values())
    last = max((at for at, value in minutes.items() if value > 0), default=None)
    refs = (seen.metrics.consumed_writes.ref,)
    if last is None:
        return StageFlow(
            Stage.WRITTEN, FlowState.IDLE, "CloudWatch counts no write to the table in the window.", 0.0, refs=refs
        )
    at = instant.clock(last, seen.as_of)
    if seen.window.settled_end - last > QUIET_TABLE:
        words = f"Nothing has been written since {at}; {amount(total, 'write requests')} in the window before that."
        return StageFlow(Stage.WRITTEN, FlowState.IDLE, words, total, last, refs=refs)
    words = f"{amount(total, 'write requests')} in the window, the last at {at}."
    return StageFlow(Stage.WRITTEN, FlowState.FLOWING, words, total, last, refs=refs)


def _in_stream(seen: Evidence) -> StageFlow:
    table = seen.streams.table
    if not table.exists or not table.stream_enabled:
        words = "No stream is enabled on the table: writes leave no record."
        return StageFlow(Stage.IN_STREAM, FlowState.STOPPED, words, refs=(table.ref,))
    words = "The stream is enabled; AWS counts records only when somebody reads them."
    return StageFlow(Stage.IN_STREAM, FlowState.UNKNOWN, words, refs=(table.ref,))


def _polled(seen: Measured) -> StageFlow:
    counted = [series["PolledEventCount"] for series in seen.metrics.mapping_events.values()]
    if counted:
        return _against_writes(seen, Stage.POLLED, counted, "polled by the mapping")
    label = (seen.streams.table.latest_stream_arn or "").rsplit("/", 1)[-1]
    returned = seen.backlog.returned.get(label)
    if returned is None:
        return StageFlow(Stage.POLLED, FlowState.UNKNOWN, "Nothing counts what the mapping polls (EventCount is off).")
    if seen.mappings.same_stream:
        words = "Records are counted for all readers of the stream together, and it has other readers."
        return StageFlow(Stage.POLLED, FlowState.UNKNOWN, words, sum(returned.points.values()), refs=(returned.ref,))
    return _against_writes(seen, Stage.POLLED, [returned], "read from the latest stream")


def _filtered(seen: Evidence) -> StageFlow:
    counted = [series["FilteredOutEventCount"] for series in seen.metrics.mapping_events.values()]
    if not counted:
        return StageFlow(Stage.FILTERED, FlowState.UNKNOWN, "Nothing counts what filters drop (EventCount is off).")
    total = sum(sum(series.points.values()) for series in counted)
    polled = sum(sum(series["PolledEventCount"].points.values()) for series in seen.metrics.mapping_events.values())
    words = f"{total:,.0f} of {amount(polled, 'polled records were')} filtered out."
    return StageFlow(Stage.FILTERED, FlowState.FLOWING, words, total, refs=(counted[0].ref,))


def _invoked(seen: Measured) -> StageFlow:
    """Iterator age has a datapoint only when a stream invoked the function: it tells our trigger from other ones."""
    age = seen.backlog.iterator_age_ms
    flow = _against_writes(seen, Stage.INVOKED, [age], "invoked by a stream", counts=False)
    total = sum(seen.metrics.invocations.points.values())
    return StageFlow(
        flow.stage, flow.state, flow.basis, total, flow.last, flow.since, (*flow.refs, seen.metrics.invocations.ref)
    )


def _failed(seen: Evidence) -> StageFlow:
    errors = seen.metrics.errors
    total = sum(errors.points.values())
    if total == 0:
        return StageFlow(Stage.FAILED, FlowState.IDLE, "No invocation failed in the window.", 0.0, refs=(errors.ref,))
    last = errors.last_positive
    assert last is not None
    words = f"{amount(total, 'invocations')} failed, the last at {instant.clock(last, seen.as_of)}."
    return StageFlow(Stage.FAILED, FlowState.FLOWING, words, total, last, refs=(errors.ref,))


def _succeeded(seen: Measured) -> StageFlow:
    invocations = seen.metrics.invocations
    minutes = seen.success_minutes
    good = Series("Successes", "Successful invocations", "count", "Sum", invocations.period, minutes, invocations.ref)
    return _all_failing(seen) or _against_writes(seen, Stage.SUCCEEDED, [good], "handled without an error")


def _all_failing(seen: Measured) -> StageFlow | None:
    """Recognise that the newest invocations failed and none has succeeded since: a fact, however young it is.

    Nothing is said where the stream invoked none of them. Where they are few, or where such stretches have ended in a
    success before, it may be one batch that fails among others.
    """
    errors, until = seen.metrics.errors, seen.window.settled_end
    good = sorted(at for at, value in seen.success_minutes.items() if value > 0)
    last = good[-1] if good else None
    bad = {at: value for at, value in errors.points.items() if value > 0 and (last is None or at > last)}
    if not bad or until - max(bad) > LONGEST_PAUSE or not bad.keys() & seen.backlog.iterator_age_ms.points.keys():
        return None
    first, many = min(bad), sum(bad.values())
    long, often = until - first >= YOUNG_FAILURE, many >= YOUNG_FAILURES
    if not long and not often:
        return None
    failed = {at: value for at, value in errors.points.items() if value > 0}
    stretch = silence(failed, good, until, gathers=timedelta(0))
    alike = stretch.alike if stretch is not None else 0
    words = f"Since {instant.clock(first, seen.as_of)} {_many(many, 'invocation')} failed and none has succeeded"
    words += f"; as long a stretch has ended in a success {_many(alike, 'time')} before." if alike else "."
    state = FlowState.STOPPED if long and often and not alike else FlowState.SILENT
    total = sum(seen.success_minutes.values())
    return StageFlow(Stage.SUCCEEDED, state, words, total, last, first, (errors.ref, seen.metrics.invocations.ref))


def _against_writes(
    seen: Measured, stage: Stage, counted: list[Series], verb: str, *, counts: bool = True
) -> StageFlow:
    """Compare a stage's newest sign of life with what was written after it."""
    refs = (counted[0].ref, seen.metrics.consumed_writes.ref)
    total = sum(sum(series.points.values()) for series in counted) if counts else None
    alive = {at for series in counted for at, value in series.points.items() if value > 0 or not counts}
    last, until = max(alive, default=None), seen.window.settled_end
    behind = () if stage is Stage.POLLED else delivering(seen)
    polls = bool(behind) and otherwise(lambda: _polled(seen).state is FlowState.FLOWING, False)
    passed = let_through(seen, behind) if polls else None
    if passed is not None and (dropped := passed.all_dropped(last, seen.as_of)):
        words = f"{dropped}, so nothing was left to be {verb}."
        return StageFlow(stage, FlowState.IDLE, words, total, last, seen.first_write_after(last), refs)
    put_in = seen.write_minutes if passed is None else passed.minutes
    gathers = gathering(behind)
    quiet = silence(put_in, alive, until, gathers=gathers)
    if quiet is None:
        if last is None:
            return StageFlow(
                stage, FlowState.IDLE, f"Nothing was written, so nothing could be {verb}.", total, refs=refs
            )
        words = f"Up to {instant.clock(last, seen.as_of)} records were {verb}, and nothing was written well after that."
        return StageFlow(stage, FlowState.FLOWING, words, total, last, refs=refs)
    noun = "write request" if passed is None else "record that no filter dropped"
    filters = "" if passed is not None or counts_of(seen, behind) else filters_of(behind)
    if quiet.is_unheard_of or (quiet.is_long(until) and not quiet.is_usual and not filters):
        since = quiet.late if quiet.late is not None and quiet.is_long(until) else quiet.since
        missed = sum(value for at, value in put_in.items() if at >= since)
        before = f"since {instant.clock(last, seen.as_of)}" if last else "in the whole window"
        words = f"{_many(missed, noun)} from {instant.clock(since, seen.as_of)} on, and nothing {verb} {before}."
        return StageFlow(stage, FlowState.STOPPED, words, total, last, since, refs)
    if filters:
        why = f"whether the filter dropped them is not counted: {filters}"
    elif quiet.is_usual:
        why = f"silences of {instant.span(quiet.usual)} are usual here, so it may be none"
    else:
        why = "too short a time to be sure that it has stopped"
    words = f"Since {instant.clock(quiet.since, seen.as_of)} {_many(quiet.missed, noun)} and nothing {verb}; {why}."
    return StageFlow(stage, FlowState.SILENT, words, total, last, quiet.since, refs)


def _many(count: float, noun: str) -> str:
    head, _, rest = noun.partition(" that ")
    plural = f"{head}s" if count != 1 else head
    return f"{count:,.0f} {plural}{' that ' + rest if rest else ''}"


_LOOKS: dict[Stage, Callable[[Measured], StageFlow]] = {
    Stage.WRITTEN: _written,
    Stage.IN_STREAM: _in_stream,
    Stage.POLLED: _polled,
    Stage.FILTERED: _filtered,
    Stage.INVOKED: _invoked,
    Stage.FAILED: _failed,
    Stage.SUCCEEDED: _succeeded,
}
