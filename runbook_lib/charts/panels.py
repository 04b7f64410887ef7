"""A panel shows one metric: as data, in words, and drawn.

Every point is a datapoint of CloudWatch, at its own minute and with its own value. Where there is none, there is none:
*silent* stretches were asked for and hold no datapoint, *unexamined* ones were not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.signals import FunctionAlarm, Series
from runbook_lib.incident import Window
from runbook_lib.instant import MINUTE
from runbook_lib.measuring.onset import Onset
from runbook_lib.measuring.pipe import write_minutes
from runbook_lib.observed import NotObserved, otherwise
from runbook_lib.showing import canvas
from runbook_lib.showing.axis import Axis, Stretch, between, is_blind, longest, runs, silences
from runbook_lib.showing.canvas import BLUE, DANGER, FAINT, GREEN, INK, PURPLE, RED, x


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


# -- in words --------------------------------------------------------------------------------------------------------


def panel_words(panel: Panel, axis: Axis, with_onset: bool) -> str:
    """Say what one metric shows."""
    if not panel.counted:
        blind = is_blind(panel.unexamined, axis)
        told = f"not examined, {panel.unexamined[0].why.rstrip('.')}" if blind else "no datapoint"
        return f"{panel.title}: {'; '.join([told, *_ringing_words(panel, axis)])}."
    parts = [f"{panel.counted:,} datapoint{'' if panel.counted == 1 else 's'}", *_heights(panel, axis)]
    before, after = panel.median
    if with_onset and not panel.flat:
        parts.append(
            f"median {_median_words(panel, before)} before the onset and {_median_words(panel, after)} after it"
        )
    if panel.silent:
        silence = longest(panel.silent)
        parts.append(f"longest silence {instant.span(silence.length)} from {instant.clock(silence.start, axis.end)}")
    return f"{panel.title} ({panel.unit}): {'; '.join([', '.join(parts), *_ringing_words(panel, axis)])}."


def _ringing_words(panel: Panel, axis: Axis) -> Iterator[str]:
    for alarm in panel.ringing:
        yield f"alarm {alarm.name} in ALARM {' and '.join(between(part, axis) for part in alarm.stretches)}"


def _heights(panel: Panel, axis: Axis) -> Iterator[str]:
    if panel.flat:
        yield "all zero"
    elif panel.peak:
        yield f"highest {value_words(panel, panel.peak[1])} at {instant.clock(panel.peak[0], axis.end)}"
    if panel.last:
        yield f"last {value_words(panel, panel.last[1])} at {instant.clock(panel.last[0], axis.end)}"


def value_words(panel: Panel, value: float) -> str:
    """Say a value of a panel: ages as lengths of time, counts as numbers."""
    if panel.id != "age":
        return f"{value:,.0f}"
    return f"{value * 1000:.0f} ms" if value < 1 else instant.span(timedelta(seconds=value))


def _median_words(panel: Panel, value: float | None) -> str:
    return "no datapoint" if value is None else value_words(panel, value)


# -- drawn -----------------------------------------------------------------------------------------------------------

_COLOUR = {"writes": BLUE, "invocations": GREEN, "errors": RED, "throttles": PURPLE, "age": INK}
_COUNTS_IN, _AGE_IN, _FLAT_IN = 0.66, 1.05, 0.15
AGE_TICKS = ((1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min"), (3600, "1 h"), (21600, "6 h"), (86400, "24 h"))

LEAST_AGE = 0.1
"""Seconds at the foot of the logarithmic axis; what is younger stands on it."""


def panel_height(panel: Panel) -> float:
    """Give a metric the room it needs, in inches: what is zero throughout needs a line only."""
    if panel.id == "age":
        return _AGE_IN
    return _FLAT_IN if panel.flat else _COUNTS_IN


def draw_panel(axes: Any, panel: Panel, axis: Axis) -> None:
    """Draw one metric: ages on a logarithmic axis, counts as bars."""
    canvas.bare(axes)
    colour = _COLOUR.get(panel.id, GREEN)
    canvas.headed(axes, panel.title, "log scale" if panel.id == "age" else panel.unit, colour)
    canvas.hatch(axes, panel.silent, axis, blind=False)
    canvas.hatch(axes, panel.unexamined, axis, blind=True)
    (_draw_ages if panel.id == "age" else _draw_counts)(axes, panel, axis, colour)
    if panel.last:
        at, value = panel.last
        gap = " " if panel.flat and panel.id != "age" else "\n"
        canvas.aside(axes, f"last {value_words(panel, value)}{gap}at {at:%H:%M}", colour)
    else:
        canvas.aside(axes, "not examined" if is_blind(panel.unexamined, axis) else "silent", colour)
    _draw_ringing(axes, panel, axis)


def _draw_ringing(axes: Any, panel: Panel, axis: Axis) -> None:
    """Draw when alarms on a metric were in ALARM, as bars along its upper edge; their names above, where there is room.

    The words beneath the picture name them all.
    """
    stretches = [part for alarm in panel.ringing for part in alarm.stretches]
    for part in stretches:
        axes.plot(
            [x(part.start), x(part.end)], [1, 1], transform=axes.get_xaxis_transform(), color=DANGER, linewidth=3.0,
            solid_capstyle="butt", zorder=6, clip_on=False,
        )  # fmt: skip
    if not stretches:
        return
    first, last = min(part.start for part in stretches), max(part.end for part in stretches)
    name = panel.ringing[0].name if len(panel.ringing) == 1 else f"{len(panel.ringing)} alarms"
    left, right = ((at - axis.start) / axis.length for at in (first, last))
    fitting = (words for words in (f"ALARM {name} from {first:%H:%M}", f"ALARM {name}") if _wide(words) <= 1 - left)
    words, place, side = next(fitting, f"ALARM {first:%H:%M}"), left, "left"
    if left < _TITLE or left + _wide(words) > 1:
        place, side = right, "right"
    if side == "left" or right - _wide(words) > _TITLE:
        axes.annotate(
            words, (place, 1), (0, 3), xycoords="axes fraction", textcoords="offset points", fontsize=6.8, va="bottom",
            ha=side, color=DANGER, fontweight="bold", zorder=6,
        )  # fmt: skip


_TITLE = 0.27
"""The part of an axis's width that the head of a panel takes at the left."""


def _wide(words: str) -> float:
    """Estimate the part of an axis's width that small bold words take."""
    return 0.0075 * len(words)


def _draw_counts(axes: Any, panel: Panel, axis: Axis, colour: str) -> None:
    """Draw counts as bars on a base line that stands only where something was counted, zero included."""
    top = max((value for _, value in panel.points), default=0.0)
    canvas.count_scale(axes, top, bool(panel.points))
    for run in panel.runs():
        edges = canvas.edges((instant.floor(at, panel.bucket) for at, _ in run), panel.bucket, axis)
        axes.plot([edges[0], edges[-1]], [0, 0], color=colour, linewidth=1.3, zorder=2, solid_capstyle="butt")
        fill_bars(axes, edges, [value for _, value in run], colour)


def fill_bars(axes: Any, edges: list[float], values: list[float], colour: str, zorder: float = 2.0) -> None:
    """Fill the bars of one run as one shape: single bars would leave slits that look like gaps."""
    # As `axes.stairs` does, which first works out limits that the part has already.
    from matplotlib.patches import StepPatch

    axes.add_artist(StepPatch(values, edges, fill=True, color=colour, linewidth=0, zorder=zorder))


def _draw_ages(axes: Any, panel: Panel, axis: Axis, colour: str) -> None:
    """Draw ages on a logarithmic axis, joined only within runs, with the 24 hours that a record lives."""
    axes.set_yscale("log")
    axes.set_ylim(LEAST_AGE, 86_400 * 2.5)
    axes.set_yticks([seconds for seconds, _ in AGE_TICKS], [name for _, name in AGE_TICKS])
    axes.minorticks_off()
    for seconds, _ in AGE_TICKS[:-1]:
        axes.axhline(seconds, color=FAINT, linewidth=0.4, zorder=0.4)
    axes.axhline(86_400, color=DANGER, linewidth=1.0, zorder=2.2)
    axes.annotate(
        "lost beyond here", (0, 86_400), (3, -1.5), xycoords=("axes fraction", "data"), textcoords="offset points",
        fontsize=6.8, color=DANGER, va="top",
    )  # fmt: skip
    for run in panel.runs():
        at, ages = [x(point[0]) for point in run], [max(point[1], LEAST_AGE) for point in run]
        axes.plot(
            at, ages, color=colour, linewidth=1.0, zorder=2.4, marker="o" if len(run) == 1 else None, markersize=1.8
        )
