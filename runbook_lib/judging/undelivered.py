"""What waits undelivered behind a cause, so that the loss clock can be read.

Every cause leaves the same question: which record is the oldest that was not delivered, and does anything shorten
its life? Where that cannot be told, the earliest bound of the onset stands in; a late guess would be an optimistic one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.findings import Trait, Verdict
from runbook_lib.findings.mapping import expected_to_deliver
from runbook_lib.interpret.arn import StreamArn
from runbook_lib.interpret.trail_event import ENDS_STREAM
from runbook_lib.judging.loss_clock import Loss, LossState, Undelivered, clock
from runbook_lib.measuring.backlog import first_of_batch, is_worked_off, oldest_unread
from runbook_lib.measuring.births import born_within
from runbook_lib.measuring.filtered import events_of
from runbook_lib.measuring.onset import Onset, delivery_gap
from runbook_lib.measuring.pipe import FlowState, Measured, Stage
from runbook_lib.measuring.setting_change import Change
from runbook_lib.measuring.thresholds import AGE_OUTDATED, DELIVERY_SLACK, LONG_WAIT
from runbook_lib.observed import otherwise


def assess(
    seen: Measured,
    causes: tuple[Verdict, ...],
    began: Onset | None,
    changes: tuple[Change, ...],
    *,
    certain: bool,
) -> Loss:
    """Read the loss clock for a diagnosis. `certain`: it ended in no fault, or in one that held nothing back."""
    if certain and began is None:
        return clock(_worked_off(seen), seen.as_of)
    traits = {trait for verdict in causes for trait in verdict.finding.traits}
    off = _off_since(seen, traits, began, changes)
    refs = tuple(dict.fromkeys((*(began.refs if began else ()), *seen.stages[Stage.WRITTEN].refs)))
    enabled = otherwise(lambda: seen.streams.table.stream_enabled, Trait.ENDS_STREAM not in traits)
    if off is not None and not enabled:
        return clock((), seen.as_of, never_recorded=(off, None), refs=refs)
    recreated = _recreated(seen) if enabled and Trait.MOVES_STREAM in traits else None
    gap = (off, recreated) if off is not None and recreated is not None and off < recreated else None
    left_out = began.earliest if began and Trait.SKIPS_RECORDS in traits else None
    waiting = tuple(_waiting(seen, began, recreated or left_out))
    if left_out is not None and recreated is None:
        waiting = tuple(replace(undelivered, passed_over=True) for undelivered in waiting)
    if (
        not causes
        and began is None
        and all(seen.stages[s].state is not FlowState.STOPPED for s in (Stage.INVOKED, Stage.SUCCEEDED))
    ):
        return Loss(
            LossState.UNKNOWN,
            None,
            None,
            None,
            "What is delivered could not be compared with what is written.",
            (),
            refs,
        )
    return clock(waiting, seen.as_of, never_recorded=gap, refs=refs)


def _worked_off(seen: Evidence) -> Iterator[Undelivered]:
    """Give the front of a backlog that delivery gains on: it waits, though nothing is wrong. Only what is new."""
    newest = otherwise(lambda: seen.backlog.last_age, None)
    if newest is None or seen.window.settled_end - newest[0] > AGE_OUTDATED:
        return
    oldest = otherwise(lambda: oldest_unread(seen.backlog) if is_worked_off(seen) else None, None)
    if oldest is not None and seen.window.end - oldest > LONG_WAIT:
        words = "Older records are worked off, faster than the clock runs; this is how far that has come."
        yield Undelivered("", oldest, words)


def began_with(seen: Measured, causes: tuple[Verdict, ...], harm: Onset, changes: tuple[Change, ...]) -> Onset:
    """Say when the harm began, where a cause tells it better than the counters of the whole pipe.

    What a new mapping skipped may lie long before a later trouble, and an old stream's last records may be delivered
    for hours after the writes have gone elsewhere.
    """
    traits = {trait for verdict in causes for trait in verdict.finding.traits}
    gap = delivery_gap(seen) if Trait.SKIPS_RECORDS in traits else None
    if gap is not None and gap.at < harm.at:
        refs = tuple(dict.fromkeys((*gap.refs, *harm.refs)))
        return replace(gap, signals=(*gap.signals, *harm.signals), refs=refs, until=None)
    moved = _moved(seen, traits, changes)
    drained = seen.stages[Stage.INVOKED].last
    if moved is None or drained is None or drained - moved <= DELIVERY_SLACK:
        return harm
    first = seen.first_write_after(instant.floor(moved) - timedelta.resolution) or instant.floor(moved)
    words = (
        f"What is written since {instant.clock(moved, seen.as_of)} is not in the stream that the mapping reads;"
        f" what was delivered up to {instant.clock(drained, seen.as_of)} had been written before."
    )
    latest = first + 2 * seen.backlog.iterator_age_ms.period
    refs = (seen.streams.table.ref, *harm.refs)
    return Onset(max(moved, first), instant.floor(moved), latest, (words,), refs)


def _moved(seen: Evidence, traits: set[Trait], changes: tuple[Change, ...]) -> datetime | None:
    """When writes ceased to reach the stream that the mappings read; None where no cause or no fact says so."""
    if Trait.MOVES_STREAM in traits and seen.streams.table.stream_enabled:
        return _recreated(seen)
    return _ended(changes) if Trait.ENDS_STREAM in traits else None


def _waiting(seen: Measured, began: Onset | None, recreated: datetime | None) -> Iterator[Undelivered]:
    """Give what each mapping has not delivered; without any mapping, what the stream itself holds."""
    oldest, basis = _oldest(seen, began, recreated)
    mappings = otherwise(lambda: expected_to_deliver(seen), ())
    invoked, failed = seen.stages[Stage.INVOKED], seen.stages[Stage.FAILED]
    failing = invoked.state is not FlowState.STOPPED and failed.state is not FlowState.IDLE
    if not mappings:
        yield Undelivered("", oldest, basis)
    for mapping in mappings:
        first = began.earliest if began and failing and mapping.maximum_retry_attempts >= 0 else oldest
        yield _of_mapping(seen, mapping, first, basis, failing)


def _untold(seen: Measured) -> str:
    """Say why the clock has nothing to start from: a counter that was not read, or none that tells."""
    unread = next((gap for stage in _TELLING if (gap := seen.stages[stage].gap) is not None), None)
    why = f"{unread.call} was not read." if unread else "the counters were read and do not tell."
    return f"When the oldest undelivered record was written could not be told: {why}"


_TELLING = (Stage.WRITTEN, Stage.INVOKED, Stage.SUCCEEDED)
"""The stages whose counters tell what was not delivered."""


def _of_mapping(
    seen: Evidence, mapping: EventSourceMapping, oldest: datetime | None, basis: str, failing: bool
) -> Undelivered:
    return Undelivered(
        mapping.uuid,
        oldest,
        basis,
        mapping.maximum_record_age_s,
        mapping.maximum_retry_attempts,
        discards=failing,
        given_up=_given_up(seen, mapping),
        destination=mapping.failure_destination if not _refused(seen) else None,
    )


def _refused(seen: Evidence) -> bool:
    """Whether the function's failure destinations took not everything: then none holds what was given up for sure."""
    return otherwise(lambda: seen.metrics.delivery_failures.last_positive, None) is not None


def _given_up(seen: Evidence, mapping: EventSourceMapping) -> float | None:
    """Count what the mapping gave up in the window; None where it does not count its events, or counted none."""
    counted = events_of(seen, mapping)
    given_up = (counted.get(f"{name}EventCount") for name in ("Dropped", "OnFailureDestinationDelivered"))
    return sum(sum(series.points.values()) for series in given_up if series is not None) or None


def _oldest(seen: Measured, began: Onset | None, recreated: datetime | None) -> tuple[datetime | None, str]:
    """Give the earliest moment from which a record may wait, and what it was read from.

    Within the minute of the last delivery, records after it were not delivered any more, so that minute's start counts.
    While failing batches are still sent, the iterator age says how old the oldest of them is.
    """
    if recreated is not None:
        return recreated, "Everything since then waits, as no mapping has begun with it."
    if began is None:
        return None, _untold(seen)
    written = otherwise(lambda: oldest_unread(seen.backlog), None)
    if seen.stages[Stage.INVOKED].state is FlowState.STOPPED:
        if written is not None and written < began.earliest:
            return written, "Read from the iterator age of the last batches: older records were waiting still."
        return began.earliest, "Read from the last delivery and the first write after it."
    if written is None:
        return began.earliest, "Read from the earliest moment at which the harm may have begun."
    sizes = otherwise(lambda: [mapping.batch_size for mapping in expected_to_deliver(seen)], [])
    oldest = otherwise(lambda: first_of_batch(seen, written, max(sizes, default=1)), written)
    if oldest < written:
        return oldest, (
            "Read from the iterator age, which is that of a batch's last record: of the batch that is still tried"
            f" the first may have been written {instant.span(written - oldest)} before."
        )
    return oldest, "Read from the iterator age of the oldest batch that is still tried."


def _recreated(seen: Evidence) -> datetime | None:
    """When the latest stream began, by its label: everything in it waits for a mapping."""
    arn = otherwise(lambda: seen.streams.table.latest_stream_arn, None)
    return StreamArn.parse(arn).label_time if arn else None


def _off_since(seen: Measured, traits: set[Trait], began: Onset | None, changes: tuple[Change, ...]) -> datetime | None:
    """Since when no stream took records: the last change that ended one, or else the earliest bound of the onset."""
    if not traits & {Trait.ENDS_STREAM, Trait.MOVES_STREAM}:
        return None
    ended = _ended(changes)
    if ended is not None:
        return ended
    if otherwise(lambda: seen.streams.table.stream_enabled, Trait.ENDS_STREAM not in traits):
        return None
    if began is not None:
        return began.earliest
    first = otherwise(lambda: seen.first_write_after(None), None)
    return max(born_within(seen)[0], first or seen.window.start)


def _ended(changes: tuple[Change, ...]) -> datetime | None:
    """When a stream was last ended, as far as the trail shows."""
    ends = (change.event.at for change in changes if any(effect.kind in ENDS_STREAM for effect in change.effects))
    return max(ends, default=None)
