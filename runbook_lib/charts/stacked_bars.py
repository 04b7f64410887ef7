"""Stacked bars, of the outcomes of invocations or of records: as data, in words, and drawn.

Every part of a bar is a datapoint of its own metric in that minute; only *succeeded* is computed, as invocations less
errors where both were counted. A part without a datapoint is left out of its bar, never drawn as zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from runbook_lib import instant
from runbook_lib.charts.moments import MomentLines
from runbook_lib.charts.panels import of_series
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.signals import Series
from runbook_lib.instant import MINUTE
from runbook_lib.observed import NotObserved, otherwise
from runbook_lib.showing import canvas
from runbook_lib.showing.axis import Axis, Stretch, longest, runs, silences
from runbook_lib.showing.canvas import BLUE, CARD, GREEN, GREY, INK, PURPLE, RED, SOFT

Counted = tuple[Mapping[datetime, float], timedelta]


@dataclass(frozen=True)
class Part:
    """One part of a stack: its card, and how to read its minutes. `harm`: what of a period is worth seeing most.

    `rare`: not worth a word where nothing was counted.
    """

    id: str
    name: str
    read: Callable[[Evidence], Counted]
    harm: bool = False
    rare: bool = False


@dataclass(frozen=True)
class Layer:
    """One part as counted on the axis: its total, that since the onset, and the newest minute that is not zero.

    `unseen` says why it is not known.
    """

    id: str
    name: str
    counted: int = 0
    total: float = 0.0
    since_onset: float = 0.0
    last: datetime | None = None
    unseen: str = ""


@dataclass(frozen=True)
class Bar:
    """One minute: the value of each layer in it, None where its metric has no datapoint."""

    at: datetime
    values: tuple[float | None, ...]

    @property
    def height(self) -> float:
        """All that was counted."""
        return sum(value or 0.0 for value in self.values)


@dataclass(frozen=True)
class StackedBars:
    """Layers, bottom to top, and their bars, oldest first: of each period the minute with the most harm."""

    id: str
    title: str
    unit: str
    bucket: timedelta
    layers: tuple[Layer, ...]
    bars: tuple[Bar, ...]
    silent: tuple[Stretch, ...]
    unexamined: tuple[Stretch, ...]

    @property
    def top(self) -> float:
        """The highest bar; 0 where nothing was counted."""
        return max((bar.height for bar in self.bars), default=0.0)

    def runs(self) -> Iterator[tuple[Bar, ...]]:
        """Give the bars in runs without a gap."""
        return runs(self.bars, self.bucket, lambda bar: bar.at)


def stacked(
    id: str, title: str, unit: str, parts: Iterable[Part], seen: Evidence, axis: Axis, onset: datetime | None
) -> StackedBars:
    """Compute one stack; where a part could not be read the stack is unexamined, and what else was counted is kept."""
    read = [(part, _counted_or_reason(part, seen)) for part in parts]
    periods = [found[1] for _, found in read if not isinstance(found, str)]
    columns = [
        (_layer(part, found, axis, onset), {} if isinstance(found, str) else found[0], part.harm)
        for part, found in read
    ]
    columns = [column for column, (part, _) in zip(columns, read, strict=True) if _is_told(column[0], part)]
    period = max(periods, default=MINUTE)
    bucket = max(axis.bucket, period)
    minutes = sorted({at for _, points, _ in columns for at in points if at in axis})
    bars = [Bar(at, tuple(points.get(at) for _, points, _ in columns)) for at in minutes]
    blind = next((layer.unseen for layer, _, _ in columns if layer.unseen), "")
    return StackedBars(
        id=id,
        title=title,
        unit=f"{unit} {'a minute' if period == MINUTE else f'in {instant.span(period)}'}".strip(),
        bucket=bucket,
        layers=tuple(layer for layer, _, _ in columns),
        bars=tuple(_worst(bars, bucket, [harm for _, _, harm in columns])),
        silent=() if blind else tuple(silences(minutes, axis, period)),
        unexamined=(
            *(axis.clip(axis.start, axis.end, blind) if blind else ()),
            *axis.clip(axis.settled, min(axis.end, axis.as_of), "not counted yet"),
        ),
    )


def _counted_or_reason(part: Part, seen: Evidence) -> Counted | str:
    try:
        return part.read(seen)
    except NotObserved as unseen:
        return unseen.gap.reason


def _layer(part: Part, counted: Counted | str, axis: Axis, onset: datetime | None) -> Layer:
    if isinstance(counted, str):
        return Layer(part.id, part.name, unseen=counted)
    inside = {at: value for at, value in counted[0].items() if at in axis}
    since = sum(value for at, value in inside.items() if onset and at >= onset)
    last = max((at for at, value in inside.items() if value > 0), default=None)
    return Layer(part.id, part.name, len(inside), sum(inside.values()), since, last)


def _is_told(layer: Layer, part: Part) -> bool:
    return not part.rare or layer.counted > 0 or bool(layer.unseen)


def _worst(bars: list[Bar], bucket: timedelta, harm: list[bool]) -> Iterator[Bar]:
    """Keep of each period the minute with the most harm, then with the most of all; the first of equals."""

    def weight(bar: Bar) -> tuple[float, float]:
        return sum(value or 0.0 for value, bad in zip(bar.values, harm, strict=True) if bad), bar.height

    best: dict[datetime, Bar] = {}
    for bar in bars:
        home = instant.floor(bar.at, bucket)
        if home not in best or weight(bar) > weight(best[home]):
            best[home] = bar
    yield from best.values()


_Look = Callable[[Evidence], Series]


def outcomes_of(invocations: _Look, errors: _Look) -> tuple[Part, ...]:
    """Split invocations into succeeded and failed; those without a count of errors beside them are neither."""

    def succeeded(seen: Evidence) -> Counted:
        all_, failed = invocations(seen), errors(seen).points
        return {at: n - failed[at] for at, n in all_.points.items() if at in failed and n >= failed[at]}, all_.period

    def unknown(seen: Evidence) -> Counted:
        all_ = otherwise(lambda: invocations(seen), None)
        failed = otherwise(lambda: errors(seen).points, {})
        if all_ is None:
            return {}, MINUTE
        return {at: n for at, n in all_.points.items() if at not in failed}, all_.period

    return (
        Part("succeeded", "succeeded", succeeded),
        Part("unknown", "outcome unknown", unknown, rare=True),
        Part("failed", "failed", of_series(errors), harm=True),
    )


# -- in words --------------------------------------------------------------------------------------------------------


def stack_words(stack: StackedBars, axis: Axis, marked: MomentLines) -> str:
    """Say what one stack shows."""
    parts = [layers_words(stack, axis)]
    counted = [layer for layer in stack.layers if layer.counted]
    if marked.onset and counted:
        since = ", ".join(f"{layer.since_onset:,.0f} {layer.name}" for layer in counted)
        parts.append(f"since the minute of the onset {since}")
    if stack.top:
        highest = max(stack.bars, key=lambda bar: bar.height)
        parts.append(f"highest drawn {highest.height:,.0f} at {instant.clock(highest.at, axis.end)}")
    if stack.silent:
        silence = longest(stack.silent)
        parts.append(f"longest silence {instant.span(silence.length)} from {instant.clock(silence.start, axis.end)}")
    thinned = f", of each {instant.span(stack.bucket)} the worst minute" if stack.bucket > MINUTE and stack.bars else ""
    return f"{stack.title} ({stack.unit}{thinned}): {'; '.join(parts)}."


def layers_words(stack: StackedBars, axis: Axis) -> str:
    """Say how much of each layer was counted; what has no datapoint is not zero, and what was not seen is neither."""
    reasons = {layer.unseen for layer in stack.layers}
    if len(reasons) == 1 and (reason := reasons.pop()):
        return f"not examined ({reason.rstrip('.')})"
    return ", ".join(_layer_words(layer, axis) for layer in stack.layers)


def _layer_words(layer: Layer, axis: Axis) -> str:
    if layer.unseen:
        return f"{layer.name} not examined ({layer.unseen.rstrip('.')})"
    if not layer.counted:
        return f"{layer.name} no datapoint"
    last = f" (the last at {instant.clock(layer.last, axis.end)})" if layer.last else ""
    return f"{layer.total:,.0f} {layer.name}{last}"


# -- drawn -----------------------------------------------------------------------------------------------------------

_LOOK: dict[str, tuple[str, str, str | None]] = {
    "succeeded": (SOFT[GREEN], GREEN, None),
    "invoked": (SOFT[GREEN], GREEN, None),
    "filtered": (SOFT[BLUE], BLUE, None),
    "unknown": (SOFT[GREY], GREY, None),
    "failed": (RED, RED, None),
    "destination": (RED, RED, None),
    "throttled": (PURPLE, CARD, "////"),
    "dropped": (INK, CARD, "\\\\\\\\"),
}
"""Ground, edge and hatch of a layer: what is well is pale, harm is dark, and the three harms differ in hatch too."""


def draw_stack(axes: Any, stack: StackedBars, axis: Axis, top: float | None = None) -> None:
    """Draw one stack; its base line stands only where something was counted, zero included."""
    canvas.bare(axes)
    canvas.headed(axes, stack.title, stack.unit, INK)
    canvas.hatch(axes, stack.silent, axis, blind=False)
    canvas.hatch(axes, stack.unexamined, axis, blind=True, label=not stack.bars)
    high = stack.top if top is None else top
    canvas.count_scale(axes, high, bool(stack.bars))
    for run in stack.runs():
        edges = canvas.edges((instant.floor(bar.at, stack.bucket) for bar in run), stack.bucket, axis)
        axes.plot([edges[0], edges[-1]], [0, 0], color=GREY, linewidth=0.9, zorder=1.9, solid_capstyle="butt")
        base = [0.0] * len(run)
        for place, layer in enumerate(stack.layers):
            tops = [low + (bar.values[place] or 0.0) for low, bar in zip(base, run, strict=True)]
            _fill(axes, edges, base, tops, layer)
            base = tops
    _label(axes, stack)


def _fill(axes: Any, edges: list[float], base: list[float], tops: list[float], layer: Layer) -> None:
    """Fill a layer where it is more than nothing: an edge along zeros would look like a little of it."""
    ground, edge, hatch = _LOOK[layer.id]
    for more, places in groupby(range(len(tops)), key=lambda at: tops[at] > base[at]):
        if more:
            first, *others = places
            end = first + len(others) + 1
            axes.stairs(
                tops[first:end], edges[first : end + 1], baseline=base[first:end], fill=True, facecolor=ground,
                edgecolor=edge, hatch=hatch, linewidth=0 if hatch or ground == edge else 0.5, zorder=2, label=layer.id,
            )  # fmt: skip


def _label(axes: Any, stack: StackedBars) -> None:
    """Say each layer's total beside the stack, the uppermost first, in the order in which they lie."""
    from matplotlib.patches import Patch

    handles = []
    for layer in reversed(stack.layers):
        ground, edge, hatch = _LOOK[layer.id]
        handles.append(Patch(facecolor=ground, edgecolor=edge, hatch=hatch, linewidth=0.5, label=label_of(layer)))
    axes.legend(
        handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=7, labelcolor=INK,
        handlelength=0.9, handleheight=0.9, handletextpad=0.5, labelspacing=0.35, borderpad=0.2,
    )  # fmt: skip


def label_of(layer: Layer) -> str:
    """Say a layer's total in the words that fit beside a stack."""
    if layer.unseen:
        return f"{layer.name}: unseen"
    return f"{layer.total:,.0f} {layer.name}" if layer.counted else f"{layer.name}: silent"
