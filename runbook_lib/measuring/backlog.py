"""What waits, as the newest iterator ages tell it: how old its oldest record is, and whether it is worked off."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.evidence.signals import Backlog, Series
from runbook_lib.incident import Window
from runbook_lib.instant import MILLISECOND
from runbook_lib.measuring.births import born_within
from runbook_lib.measuring.filtered import delivering, events_of
from runbook_lib.measuring.pipe import Measured
from runbook_lib.measuring.thresholds import (
    CLIMB_DRIFT,
    CLIMB_JITTER,
    EARLIER_AGES,
    FEWEST_AGES,
    KEEPS_UP,
    LEAST_CLIMB,
    LEAST_PROGRESS,
    LONG_WAIT,
    LONGEST_PAUSE,
    NEWEST_AGES,
    STILL_CLIMBS,
    UNEVEN_SHARDS,
)
from runbook_lib.observed import otherwise


def is_worked_off(seen: Evidence) -> bool:
    """Whether the newest batches are younger than any of the half hour before: delivery gains on the clock.

    So does a mapping that began at the oldest record of its stream, with batches a day old and no fault at all. On a
    sparse table a few batches span that half hour: none of them is held against itself. A front that now stands still,
    so that its age climbs with the clock, is stuck if batches fail meanwhile; else it holds a burst of records.
    """
    points = sorted(seen.backlog.iterator_age_ms.points.items())
    newest = [(at, age) for at, age in points[-NEWEST_AGES:] if points[-1][0] - at < LONG_WAIT]
    before = [age for at, age in points if LONG_WAIT <= points[-1][0] - at <= EARLIER_AGES]
    return bool(before) and max(age for _, age in newest) < min(before) and not _stuck(seen, points)


def failed_since(seen: Evidence, mappings: Iterable[EventSourceMapping], since: datetime) -> bool | None:
    """Whether batches failed since then; None where failures leave no trace, as a mapping does not count its events.

    A batch whose records the function reports as failed is no failed invocation: only the mapping counts it.
    """
    if any(value > 0 for at, value in seen.metrics.errors.points.items() if at >= since):
        return True
    told: bool | None = False
    for mapping in mappings:
        failed = events_of(seen, mapping).get("FailedInvokeEventCount")
        if failed is None:
            told = None if "ReportBatchItemFailures" in mapping.response_types else told
        elif any(value > 0 for at, value in failed.points.items() if at >= since):
            return True
    return told


def _stuck(seen: Evidence, points: list[tuple[datetime, float]]) -> bool:
    """Whether the age has climbed about as fast as the clock since its lowest, and batches failed or may have."""
    recent = [(at, age) for at, age in points if points[-1][0] - at <= EARLIER_AGES]
    lowest_at, lowest = min(reversed(recent), key=lambda point: point[1])
    passed = (points[-1][0] - lowest_at) / MILLISECOND
    if passed < NEWEST_AGES * KEEPS_UP / MILLISECOND or points[-1][1] - lowest < STILL_CLIMBS * passed:
        return False
    return otherwise(lambda: failed_since(seen, delivering(seen), lowest_at), None) is not False


def climb(age: Series) -> Window | None:
    """Find the newest stretch in which one record grew older with the clock; None if it is short or over.

    Its age less the time that passed is the same at every try. Points below are of shards that keep up: AWS backs off,
    so that a blocked shard is not tried in every minute. Any record was once as young as those: a few tries with an age
    of its own are needed.
    """
    points = sorted(age.points.items())
    head, oldest = max(points[-NEWEST_AGES:], key=lambda point: point[1], default=(None, 0.0))
    if head is None:
        return None
    start, tries = head, 0
    for at, value in reversed(points):
        passed = (head - at) / MILLISECOND
        if at <= head and abs(oldest - passed - value) <= CLIMB_DRIFT * passed + CLIMB_JITTER / MILLISECOND:
            if start - at > LONGEST_PAUSE:
                break
            start = at
            tries += value >= KEEPS_UP / MILLISECOND
    return Window(start, head + age.period) if head - start >= LEAST_CLIMB and tries >= FEWEST_AGES else None


def newest_age(age: Series) -> timedelta:
    """Give the longest of the newest iterator ages: the blocked shard's."""
    return timedelta(milliseconds=max(value for _, value in sorted(age.points.items())[-NEWEST_AGES:]))


def oldest_unread(backlog: Backlog) -> datetime | None:
    """When the oldest record of the last batches was written, by the newest iterator ages; early by up to a period.

    A datapoint carries the start of its period and the age at some moment within it. A blocked shard is not tried
    in every minute, so a long wait counts although a newer point is of a shard that keeps up.
    """
    newest = sorted(backlog.iterator_age_ms.points.items())[-NEWEST_AGES:]
    written = [(at, at - timedelta(milliseconds=age)) for at, age in newest]
    waiting = [moment for at, moment in written if at - moment > LONG_WAIT]
    return min(waiting) if waiting else next((moment for _, moment in reversed(written)), None)


def kept_up(age: Series) -> list[datetime]:
    """Give the minutes in which nothing waited: batches were young, and none sent later holds a record written before.

    A young batch alone does not say so: it may be of another shard or stream, beside one that was not tried just then.
    """
    found: list[datetime] = []
    oldest = None
    for at, value in sorted(age.points.items(), reverse=True):
        if value < KEEPS_UP / MILLISECOND and (oldest is None or oldest >= at - KEEPS_UP):
            found.append(at)
        written = at - timedelta(milliseconds=value)
        oldest = written if oldest is None else min(oldest, written)
    return found


def first_of_batch(seen: Measured, written: datetime, batch_size: int) -> datetime:
    """Bound from below when the first record of a batch was written whose last record was written at `written`, UTC.

    IteratorAge is the age of a batch's last record (AWS Lambda Developer Guide, "Types of metrics for Lambda
    functions"), and the first one dies before it. It is no older than the newest moment before it at which the
    trigger kept up, nor than so many writes back as fill the batch, of all shards about alike, nor than its stream and
    the first write.
    """
    floor = max([born_within(seen)[0], *(at for at in kept_up(seen.backlog.iterator_age_ms) if at <= written)])
    if written - floor <= 2 * KEEPS_UP:
        return written
    shards = otherwise(lambda: _open_shards(seen), 1)
    missing, first, last = UNEVEN_SHARDS * batch_size * shards, None, written + seen.backlog.iterator_age_ms.period
    for at in sorted((at for at, writes in seen.write_minutes.items() if writes and floor <= at <= last), reverse=True):
        first = at
        if at <= written - seen.backlog.iterator_age_ms.period:  # what came in the same minute may have come after it
            missing -= seen.write_minutes[at]
        if missing <= 0:
            break
    return min(floor if first is None else first, written)


def _open_shards(seen: Measured) -> int:
    """Count the shards that records may lie in; at least one."""
    arn = seen.streams.table.latest_stream_arn
    generation = seen.streams.generation(arn) if arn else None
    return max(1, sum(shard.open for shard in generation.shards)) if generation is not None else 1


def through_at(backlog: Backlog) -> datetime | None:
    """Estimate when a backlog is worked off, by how its age has fallen in the last half hour; None without a slope."""
    points = sorted(backlog.iterator_age_ms.points.items())
    recent = [(at, timedelta(milliseconds=age)) for at, age in points if points[-1][0] - at <= EARLIER_AGES]
    if len(recent) < 2 * NEWEST_AGES:
        return None
    (first, old), (last, young) = _middle(recent[:NEWEST_AGES]), _middle(recent[-NEWEST_AGES:])
    gained = old - young
    if gained < LEAST_PROGRESS * (last - first):
        return None
    return last + young / (gained / (last - first))


def _middle(points: list[tuple[datetime, timedelta]]) -> tuple[datetime, timedelta]:
    """The point in the middle by age: a single batch of another shard does not bend the slope."""
    return sorted(points, key=lambda point: point[1])[len(points) // 2]
