"""What a chart shows, computed before anything is drawn: a pure function of evidence and diagnosis.

Every point is a datapoint of CloudWatch, at its own minute and with its own value. Where there is none, there is none:
*silent* stretches were asked for and hold no datapoint, *unexamined* ones were not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.signals import FunctionAlarm, Series
from runbook_lib.incident import Window
from runbook_lib.instant import MINUTE
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.measuring.onset import Onset
from runbook_lib.measuring.pipe import write_minutes
from runbook_lib.observed import NotObserved, otherwise
from runbook_lib.showing.axis import Axis, Stretch, runs, silences


class Investigated(Protocol):
    """What a chart needs of an investigation."""

    @property
    def evidence(self) -> Evidence:
        """What was observed."""

    @property
    def diagnosis(self) -> Diagnosis:
        """What was concluded."""


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


def _medians(points: list[tuple[datetime, float]], began: Onset | None) -> tuple[float | None, float | None]:
    if began is None:
        return _median([value for _, value in points]), None
    before = [value for at, value in points if at < began.at]
    return _median(before), _median([value for at, value in points if at >= began.at])


def _median(values: list[float]) -> float | None:
    """The lower median: always a value that was counted."""
    return sorted(values)[(len(values) - 1) // 2] if values else None
