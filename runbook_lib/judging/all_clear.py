"""What an all-clear still lacks: nothing silent, nothing failing, and recent records seen handled by this mapping.

"No fault found" is the dearest sentence of all. It is said where recent records were seen handled, or counted as
filtered out, and that by this very mapping; or where nothing was written and nothing needed is unseen.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.findings import Trait, Verdict
from runbook_lib.findings.mapping import expected_to_deliver
from runbook_lib.instant import MILLISECOND
from runbook_lib.interpret.amount import amount, begun
from runbook_lib.measuring.backlog import is_worked_off, newest_age, through_at
from runbook_lib.measuring.filtered import delivering, events_of, gathering
from runbook_lib.measuring.onset import fallen_behind
from runbook_lib.measuring.pipe import FlowState, Measured, Stage, StageFlow, Stages
from runbook_lib.measuring.thresholds import FAILING_NOW, FEWEST_AGES, KEEPS_UP, LONG_WAIT, LONGEST_PAUSE, NEWEST_AGES
from runbook_lib.observed import NotObserved, otherwise

_COME_OUT = (FlowState.FLOWING, FlowState.IDLE)


def silent(stages: Stages) -> StageFlow | None:
    """Give the outlet that nothing has come out of lately, where it is not sure that it has stopped."""
    outlets = (stages[Stage.INVOKED], stages[Stage.SUCCEEDED])
    return next((flow for flow in outlets if flow.state is FlowState.SILENT), None)


def puzzle(stages: Stages) -> str:
    """Say of what no cause explains how bad it is, without a full stop."""
    if stages.broken_at is not None:
        return "The trigger is broken and no known cause explains it"
    return "It is not known whether the trigger works" if silent(stages) else "No known cause explains this"


def all_clear(stages: Stages, quiet: str, waits: str) -> str:
    """Say that nothing is wrong, and why: `quiet` is why there was nothing to deliver, `waits` what still waits."""
    if quiet:
        return f"No fault found. {quiet}."
    if waits:
        return f"No fault found now: {waits}."
    if stages[Stage.INVOKED].state is FlowState.IDLE and stages[Stage.WRITTEN].state is FlowState.FLOWING:
        return f"No fault found: {stages[Stage.INVOKED].basis}"
    return "No fault found: what is written is delivered."


def lacking(
    seen: Measured, innocent: tuple[Verdict, ...], undetermined: tuple[Verdict, ...], *, noop: bool
) -> tuple[str, ...]:
    """Say what an all-clear lacks, in sentences; empty where nothing does.

    A cause that could not be looked for may hide behind a pipe that works for most records: then what has failed or
    was left out matters. `noop`: the stream is known to hold nothing for what was written.
    """
    blind = any(verdict.finding.may_hide_a_fault for verdict in undetermined)
    quiet = noop or any(Trait.EXPLAINS_IDLE in verdict.finding.traits for verdict in innocent)
    if quiet and not blind:
        return ()
    lacks = tuple(_lacking(seen, blind=blind))
    fallen = otherwise(lambda: fallen_behind(seen), None) if blind and not lacks else None
    return fallen.signals[:1] if fallen else lacks


def _lacking(seen: Measured, *, blind: bool) -> Iterator[str]:
    written, invoked, succeeded = (seen.stages[stage] for stage in (Stage.WRITTEN, Stage.INVOKED, Stage.SUCCEEDED))
    if blind and written.state is not FlowState.FLOWING:
        yield f"No recent record was seen handled. {written.basis}"
        return
    if written.state is FlowState.IDLE:
        return
    for flow in (invoked, succeeded):
        if flow.state not in _COME_OUT:
            yield f"Whether records come out was not seen: {flow.gap.reason}" if flow.gap else flow.basis
            return
    yield from _one_batch_fails(seen)
    yield from _waits_longer(seen)
    yield from _may_be_given_up(seen)
    yield from _not_attributed(seen, dropped=invoked.state is FlowState.IDLE)
    if blind and not _is_young(seen) and invoked.state is FlowState.FLOWING:
        yield "The records that were handled last are old ones: of recent ones none was seen handled."


def _one_batch_fails(seen: Measured) -> Iterator[str]:
    """Say that invocations fail while a record waits longer than it should: one batch may block its shard.

    Others pass beside it, so neither counts of successes nor an age that is still young clears the pipe.
    """
    last, ages = _failed_last(seen), seen.backlog.iterator_age_ms
    if last is None or not ages.points or seen.window.settled_end - last > LONGEST_PAUSE or is_worked_off(seen):
        return
    age = newest_age(ages)
    if age >= KEEPS_UP + gathering(delivering(seen)):
        when = instant.clock(last, seen.as_of)
        yield f"Batches failed up to {when}, and a record of the last ones had waited for {instant.span(age)}."


def _waits_longer(seen: Measured) -> Iterator[str]:
    """Say that the newest batches wait, and longer than any of the hours before: a lag may have begun to grow."""
    points = sorted(seen.backlog.iterator_age_ms.points.items())
    newest, before = points[-NEWEST_AGES:], [age for at, age in points if points[-1][0] - at >= LONG_WAIT]
    if len(before) < FEWEST_AGES or is_worked_off(seen):
        return
    gathers = gathering(delivering(seen))
    shortest = timedelta(milliseconds=min(age for _, age in newest))
    if shortest >= KEEPS_UP + gathers and shortest / MILLISECOND > max(before):
        since = instant.clock(points[0][0], seen.as_of)
        yield f"The newest batches had waited for {instant.span(shortest)}, longer than any since {since}."


def _failed_last(seen: Measured) -> datetime | None:
    """When a batch failed last: an invocation, or records that a mapping counts as failed though no invocation did."""
    own = (events_of(seen, mapping).get("FailedInvokeEventCount") for mapping in delivering(seen))
    failed = (seen.metrics.errors, *(series for series in own if series is not None))
    return max((series.last_positive for series in failed if series.last_positive is not None), default=None)


def _may_be_given_up(seen: Measured) -> Iterator[str]:
    """Say that enough invocations failed lately to use a mapping's retries up: what is given up leaves no lag."""
    errors, until = seen.metrics.errors, seen.window.settled_end
    if errors.last_positive is None or until - errors.last_positive > LONGEST_PAUSE:
        return
    failed = errors.between(until - FAILING_NOW, until)
    for mapping in delivering(seen):
        if 0 <= mapping.maximum_retry_attempts < sum(failed.values()) and not _counts_what_it_gives_up(seen, mapping):
            retries = amount(mapping.maximum_retry_attempts, "retries")
            yield (
                f"{begun(amount(sum(failed.values()), 'invocations'))} failed in the last hour, and mapping"
                f" {mapping.uuid} gives a batch up after {retries}: whether it did is not counted."
            )


def _counts_what_it_gives_up(seen: Evidence, mapping: EventSourceMapping) -> bool:
    """Whether it would be counted: events are, and there is a failure destination, without which AWS counts none."""
    return bool(events_of(seen, mapping) and mapping.failure_destination)


def _is_young(seen: Evidence) -> bool:
    newest = otherwise(lambda: seen.backlog.last_age, None)
    return newest is not None and newest[1] <= LONG_WAIT


def _not_attributed(seen: Measured, *, dropped: bool) -> Iterator[str]:
    """Say why what is invoked need not be this mapping's doing. `dropped`: nothing is, as all is filtered out.

    Invocations and iterator age are the function's, over all its streams; only EventCount is a mapping's own.
    """
    try:
        mappings, others = expected_to_deliver(seen), seen.mappings.same_function
    except NotObserved as unseen:
        yield f"Whether what invokes the function is this mapping was not seen: {unseen.gap.reason}"
        return
    own = [
        name
        for mapping in mappings
        for name, series in events_of(seen, mapping).items()
        if series.last_positive is not None and series.last_positive >= seen.window.settled_end - LONG_WAIT
    ]
    if dropped or own:
        return
    streams = {_origin(mapping) for mapping in (*mappings, *others) if _is_at_work(mapping)}
    if len(streams) > 1:
        yield (
            f"The function is invoked by {len(streams)} streams, and nothing counts what this mapping hands over"
            " (EventCount is off): its own records may or may not be among those handled."
        )


def _is_at_work(mapping: EventSourceMapping) -> bool:
    return mapping.state != "Disabled" and _is_stream(mapping)


def _is_stream(mapping: EventSourceMapping) -> bool:
    """Whether it reads a stream: other sources leave no iterator age."""
    return any(f":{service}:" in mapping.event_source_arn for service in ("dynamodb", "kinesis"))


def _origin(mapping: EventSourceMapping) -> str:
    """The table, whatever generation of its stream; or the stream of another service."""
    return mapping.event_source_arn.partition("/stream/")[0]


def waiting(seen: Measured) -> str:
    """Say what still waits in a backlog that is worked off; empty where nothing does, or where that is not seen."""
    newest = otherwise(lambda: seen.backlog.last_age if is_worked_off(seen) else None, None)
    if newest is None or newest[1] <= LONG_WAIT:
        return ""
    at, age = newest
    through = through_at(seen.backlog)
    end = f", and are through at about {instant.clock(through, seen.as_of)} if it goes on like this" if through else ""
    return (
        f"{instant.span(age)} of records wait, as of {instant.clock(at, seen.as_of)}, and are worked off faster than"
        f" new ones come{end}"
    )
