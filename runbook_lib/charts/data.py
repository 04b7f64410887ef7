"""What a chart shows, computed before anything is drawn: a pure function of evidence and diagnosis.

Every point is a datapoint of CloudWatch, at its own minute and with its own value. Where there is none, there is none:
*silent* stretches were asked for and hold no datapoint, *unexamined* ones were not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from runbook_lib import instant
from runbook_lib.diagnosis import Diagnosis
from runbook_lib.evidence import Evidence, NotObserved, otherwise
from runbook_lib.evidence.signals import FunctionAlarm, Series
from runbook_lib.incident import Window
from runbook_lib.instant import MINUTE, RETENTION
from runbook_lib.onset import Onset
from runbook_lib.stages import write_minutes

_COLUMNS = 300
"""A day of minutes does not fit a picture: points are thinned to about so many, the highest of each bucket."""

_SILENCES = 96
"""A silent stretch is marked from this fraction of the axis on; a shorter one stays a plain gap."""


class Investigated(Protocol):
    """What a chart needs of an investigation."""

    @property
    def evidence(self) -> Evidence:
        """What was observed."""

    @property
    def diagnosis(self) -> Diagnosis:
        """What was concluded."""


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


@dataclass(frozen=True)
class RingingAlarm:
    """An alarm that was in ALARM on the axis, and when."""

    name: str
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True)
class Panel:
    """One metric. `points` are oldest first, each a datapoint of the source; `scale` divides values into `unit`.

    `counted` is the number of datapoints on the axis before thinning, `total` their sum, `last` the newest of them,
    `median` the median before and after the onset (None where there is none), all in `unit`. `ringing` are the alarms
    on this metric that were in ALARM, as far as that could be seen.
    """

    id: str
    title: str
    unit: str
    period: timedelta
    bucket: timedelta
    points: tuple[tuple[datetime, float], ...]
    silent: tuple[Stretch, ...]
    unexamined: tuple[Stretch, ...]
    counted: int
    total: float
    last: tuple[datetime, float] | None
    median: tuple[float | None, float | None]
    ringing: tuple[RingingAlarm, ...] = ()

    @property
    def peak(self) -> tuple[datetime, float] | None:
        """The highest point, the first of several."""
        return max(self.points, key=lambda point: (point[1], -point[0].timestamp()), default=None)

    @property
    def flat(self) -> bool:
        """Whether everything that was counted is zero."""
        return not self.peak or self.peak[1] == 0

    def runs(self) -> Iterator[tuple[tuple[datetime, float], ...]]:
        """Give the points in runs without a gap: only within one may they be joined by a line."""
        return runs(self.points, self.bucket, lambda point: point[0])


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


@dataclass(frozen=True)
class PanelSource:
    """Where a panel's values come from: its card, and how to read the minutes from the evidence.

    `metric` is AWS's name of it, by which alarms know it; empty for what is made of several.
    """

    id: str
    title: str
    unit: str
    read: Callable[[Evidence], tuple[Mapping[datetime, float], timedelta]]
    metric: str = ""


def of_series(look: Callable[[Evidence], Series]) -> Callable[[Evidence], tuple[Mapping[datetime, float], timedelta]]:
    """Read the points of one series."""

    def read(seen: Evidence) -> tuple[Mapping[datetime, float], timedelta]:
        series = look(seen)
        return series.points, series.period

    return read


def _writes(seen: Evidence) -> tuple[Mapping[datetime, float], timedelta]:
    return write_minutes(seen), seen.metrics.consumed_writes.period


def _age(seen: Evidence) -> tuple[Mapping[datetime, float], timedelta]:
    series = seen.backlog.iterator_age_ms
    return {at: value / 1000 for at, value in series.points.items()}, series.period


WRITES = PanelSource("writes", "Writes to the table", "requests a minute", _writes)
INVOCATIONS = PanelSource(
    "invocations", "Invocations", "a minute", of_series(lambda seen: seen.metrics.invocations), "Invocations"
)
ERRORS = PanelSource("errors", "Errors", "a minute", of_series(lambda seen: seen.metrics.errors), "Errors")
THROTTLES = PanelSource(
    "throttles", "Throttles", "a minute", of_series(lambda seen: seen.metrics.throttles), "Throttles"
)
AGE = PanelSource("age", "Iterator age", "seconds", _age, "IteratorAge")


def panel(source: PanelSource, seen: Evidence, axis: Axis, began: Onset | None) -> Panel:
    """Compute one panel; a metric that could not be read is unexamined from end to end, with the reason."""
    try:
        points, period = source.read(seen)
    except NotObserved as unseen:
        nothing = tuple(axis.clip(axis.start, axis.end, unseen.gap.reason))
        return Panel(
            source.id, source.title, source.unit, MINUTE, axis.bucket, (), (), nothing, 0, 0.0, None, (None, None),
            tuple(_ringing(source.metric, seen, axis)),
        )  # fmt: skip
    bucket = max(axis.bucket, period)
    inside = sorted((at, value) for at, value in points.items() if at in axis)
    return Panel(
        id=source.id,
        title=source.title,
        unit=source.unit if period == MINUTE else source.unit.replace("a minute", f"in {instant.span(period)}"),
        period=period,
        bucket=bucket,
        points=tuple(_thinned(inside, bucket)),
        silent=tuple(silences([at for at, _ in inside], axis, period)),
        unexamined=(
            *axis.clip(axis.start, axis.asked_from, "not asked for"),
            *axis.clip(axis.settled, min(axis.end, axis.as_of), "not counted yet"),
        ),
        counted=len(inside),
        total=sum(value for _, value in inside),
        last=inside[-1] if inside else None,
        median=_medians(inside, began),
        ringing=tuple(_ringing(source.metric, seen, axis)),
    )


def _ringing(metric: str, seen: Evidence, axis: Axis) -> Iterator[RingingAlarm]:
    for alarm in otherwise(lambda: seen.metrics.alarms.found, ()) if metric else ():
        stretches = tuple(part for window in _rung(alarm) for part in axis.clip(window.start, window.end, "ALARM"))
        if alarm.metric == metric and stretches:
            yield RingingAlarm(alarm.name, stretches)


def _rung(alarm: FunctionAlarm) -> tuple[Window, ...]:
    return otherwise(lambda: alarm.ringing, ())


def _thinned(points: Iterable[tuple[datetime, float]], bucket: timedelta) -> Iterator[tuple[datetime, float]]:
    """Keep the highest point of each bucket, at its own minute; the first of equals."""
    best: dict[datetime, tuple[datetime, float]] = {}
    for at, value in points:
        home = instant.floor(at, bucket)
        if home not in best or value > best[home][1]:
            best[home] = (at, value)
    yield from best.values()


def silences(at: list[datetime], axis: Axis, period: timedelta) -> Iterator[Stretch]:
    """Give the stretches that were asked for and hold no datapoint, where they are long enough to be seen."""
    start, end = max(axis.start, instant.floor(axis.asked_from, period)), min(axis.end, axis.settled)
    least = max(3 * period, axis.length / _SILENCES)
    free_from = start
    for moment in (*at, end):
        if moment - free_from >= least:
            yield Stretch(free_from, min(moment, end), "no datapoint")
        free_from = max(free_from, moment + period)


def _medians(points: list[tuple[datetime, float]], began: Onset | None) -> tuple[float | None, float | None]:
    if began is None:
        return _median([value for _, value in points]), None
    before = [value for at, value in points if at < began.at]
    return _median(before), _median([value for at, value in points if at >= began.at])


def _median(values: list[float]) -> float | None:
    """The lower median: always a value that was counted."""
    return sorted(values)[(len(values) - 1) // 2] if values else None


# -- axes ------------------------------------------------------------------------------------------------------


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
