"""The time axis of a picture, and what lies on it: stretches of silence, and runs without a gap.

Silence and what was not examined are stretches of their own, so that a picture can show them as what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.instant import RETENTION
from runbook_lib.judging.diagnosis import Diagnosis

_COLUMNS = 300
"""A day of minutes does not fit a picture: points are thinned to about so many, the highest of each bucket."""

_SILENCES = 96
"""A silent stretch is marked from this fraction of the axis on; a shorter one stays a plain gap."""


@dataclass(frozen=True)
class Stretch:
    """A stretch of time, UTC, start included and end excluded, and what is to be said of it."""

    start: datetime
    end: datetime
    why: str

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True)
class Axis:
    """The time axis that all parts of a picture share. `settled` is where CloudWatch's counting was complete."""

    start: datetime
    end: datetime
    settled: datetime
    asked_from: datetime
    as_of: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end

    @property
    def length(self) -> timedelta:
        """From end to end."""
        return self.end - self.start

    @property
    def bucket(self) -> timedelta:
        """How much time one drawn point stands for: a minute, or as much as fits."""
        return next((size for size in _BUCKETS if self.length / size <= _COLUMNS), _BUCKETS[-1])

    def clip(self, start: datetime, end: datetime, why: str) -> Iterator[Stretch]:
        """Give the part of a stretch that lies on the axis; nothing when none does."""
        start, end = max(start, self.start), min(end, self.end)
        if start < end:
            yield Stretch(start, end, why)


_BUCKETS = tuple(timedelta(minutes=size) for size in (1, 5, 10, 15, 30, 60, 120))


def longest(stretches: Iterable[Stretch]) -> Stretch:
    """Give the longest stretch, the first of equals; there must be one."""
    return max(stretches, key=lambda stretch: stretch.length)


def is_blind(unexamined: Iterable[Stretch], axis: Axis) -> bool:
    """Whether nothing at all of the axis was examined."""
    return any(stretch.length == axis.length for stretch in unexamined)


def between(stretch: Stretch, axis: Axis) -> str:
    """Say from when to when a stretch lasts."""
    return f"from {instant.clock(stretch.start, axis.end)} to {instant.clock(stretch.end, axis.end)}"


Timed = TypeVar("Timed")


def runs(items: Iterable[Timed], bucket: timedelta, at: Callable[[Timed], datetime]) -> Iterator[tuple[Timed, ...]]:
    """Split what is in order of time wherever a bucket between two neighbours is empty."""
    run: list[Timed] = []
    for item in items:
        if run and instant.floor(at(item), bucket) - instant.floor(at(run[-1]), bucket) > bucket:
            yield tuple(run)
            run = []
        run.append(item)
    if run:
        yield tuple(run)


def silences(at: list[datetime], axis: Axis, period: timedelta) -> Iterator[Stretch]:
    """Give the stretches that were asked for and hold no datapoint, where they are long enough to be seen."""
    start, end = max(axis.start, instant.floor(axis.asked_from, period)), min(axis.end, axis.settled)
    least = max(3 * period, axis.length / _SILENCES)
    free_from = start
    for moment in (*at, end):
        if moment - free_from >= least:
            yield Stretch(free_from, min(moment, end), "no datapoint")
        free_from = max(free_from, moment + period)


def overview_axis(seen: Evidence, diagnosis: Diagnosis) -> Axis:
    """The whole window; longer where the search for changes was widened and found one before it."""
    start = seen.window.start
    first = min((change.event.at for change in diagnosis.changes), default=start)
    if first < start:
        start = instant.floor(first, timedelta(hours=1))
    return Axis(start, seen.window.end, seen.window.settled_end, seen.window.start, seen.as_of)


def window_axis(seen: Evidence) -> Axis:
    """The whole window, and nothing else."""
    window = seen.window
    return Axis(window.start, window.end, window.settled_end, window.start, seen.as_of)


def zoom_axis(seen: Evidence, diagnosis: Diagnosis) -> Axis:
    """From 30 minutes before the onset to 60 after; without an onset, the last 90 minutes of the window.

    A setting change that lies further back is not reached for: the overview shows it.
    """
    window = seen.window
    middle = diagnosis.onset.at if diagnosis.onset else window.end - timedelta(minutes=60)
    start = max(window.start, instant.floor(middle - timedelta(minutes=30)))
    end = min(window.end, instant.floor(middle + timedelta(minutes=60)))
    return Axis(start, max(end, start + timedelta(minutes=5)), window.settled_end, window.start, seen.as_of)


def retention_line(axis: Axis) -> datetime | None:
    """The moment 24 hours before the run, where it lies on the axis: records written before it are gone."""
    line = axis.as_of - RETENTION
    return line if line in axis and line - axis.start > axis.length / 100 else None
