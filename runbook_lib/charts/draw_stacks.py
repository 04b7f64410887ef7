"""Stacks of outcomes and rows of error classes, drawn: one under another, on one clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from typing import Any

from runbook_lib import instant
from runbook_lib.charts.correlation import MomentLines
from runbook_lib.charts.draw_parts import draw_panel, fill, panel_height
from runbook_lib.charts.errors import OTHER, ErrorRow, ErrorsData
from runbook_lib.charts.stacks import Layer, OutcomesData, SiblingsData, StackedBars, scale
from runbook_lib.showing import canvas
from runbook_lib.showing.axis import Axis
from runbook_lib.showing.canvas import BLUE, CARD, GREEN, GREY, INK, PURPLE, RED, SOFT, x

LEFT, RIGHT = 0.075, 0.85
_HEAD_IN, _ONSET_IN, _FOOT_IN, _ABOVE_IN = 0.24, 0.12, 0.44, 0.25
_OUTCOMES_IN, _SIBLING_IN, _ERRORS_IN = 1.15, 0.6, 0.48

Drawn = tuple[bytes, int, int]
"""PNG bytes, and the size in CSS pixels."""

Row = tuple[float, Callable[[Any], None]]
"""A row: its height in inches, and how to draw it."""

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

_SHOWN = 34
_ODD = re.compile(r"[^ -~]")


def draw_outcomes(data: OutcomesData) -> Drawn:
    """Draw the writes, and beneath them what became of invocations and records."""
    rows: list[Row] = [(panel_height(data.writes), partial(draw_panel, panel=data.writes, axis=data.axis))]
    rows += [(_OUTCOMES_IN, partial(draw_stack, stack=stack, axis=data.axis)) for stack in data.stacks]
    return _draw(data.subject, _said(data.stacks[0]), rows, data.axis, data.lines)


def draw_siblings(data: SiblingsData) -> Drawn:
    """Draw the function and its siblings as small multiples on one scale."""
    rows: list[Row] = [
        (_SIBLING_IN, partial(draw_stack, stack=stack, axis=data.axis, top=data.top)) for stack in data.rows
    ]
    said = f"all on one scale, 0 to {data.top:,.0f} invocations {scale(data)}"
    more = f", {data.more} more not drawn" if data.more else ""
    return _draw(data.subject, f"{said}{more}", rows, data.axis, data.lines)


def draw_errors(data: ErrorsData) -> Drawn:
    """Draw one row for each class of error, each on its own scale."""
    rows: list[Row] = [(_ERRORS_IN, partial(draw_class, row=row, data=data)) for row in data.rows]
    return _draw(data.subject, f"lines in {instant.span(data.axis.bucket)}", rows, data.axis, data.lines)


def _said(stack: StackedBars) -> str:
    return f"bars: the worst minute of each {instant.span(stack.bucket)}" if stack.bucket > instant.MINUTE else ""


def _draw(subject: str, said: str, rows: list[Row], axis: Axis, marked: MomentLines) -> Drawn:
    head = _HEAD_IN + (_ONSET_IN if marked.onset else 0)
    tall = head + sum(height + _ABOVE_IN for height, _ in rows) + _FOOT_IN
    with canvas.drawing(tall) as figure:
        figure.text(0.012, 1 - 0.15 / tall, subject, fontsize=9.5, fontweight="bold", va="center")
        figure.text(RIGHT, 1 - 0.15 / tall, said, fontsize=7.5, color=GREY, ha="right", va="center")
        top = tall - head
        for place, (height, part) in enumerate(rows):
            top -= height + _ABOVE_IN
            axes = figure.add_axes((LEFT, top / tall, RIGHT - LEFT, height / tall))
            part(axes)
            canvas.time_axis(axes, axis, labelled=place == len(rows) - 1)
            canvas.moments(axes, marked.onset, marked.band, named=place == 0)
        return canvas.png(figure), *canvas.size(tall)


# -- stacks ------------------------------------------------------------------------------------------------------


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


# -- classes of error --------------------------------------------------------------------------------------------


def draw_class(axes: Any, row: ErrorRow, data: ErrorsData) -> None:
    """Draw how many lines of one class each period holds; the base line stands where the log was searched."""
    canvas.bare(axes)
    colour = GREY if row.name == OTHER else RED
    canvas.headed(axes, shown(row.name), f"{data.others} of them" if row.name == OTHER else "", colour)
    canvas.hatch(axes, data.unexamined, data.axis, blind=True)
    canvas.count_scale(axes, float(row.top), True)
    for start, end in _searched(data):
        axes.plot([start, end], [0, 0], color=colour, linewidth=0.9, zorder=1.9, solid_capstyle="butt")
    for run in row.runs(data.axis.bucket):
        edges = canvas.edges((at for at, _ in run), data.axis.bucket, data.axis)
        fill(axes, edges, [float(number) for _, number in run], colour)
    canvas.aside(axes, f"{row.total:,} line{'' if row.total == 1 else 's'}\nlast at {row.last:%H:%M}", colour)


def _searched(data: ErrorsData) -> Iterator[tuple[float, float]]:
    at = data.axis.start
    for stretch in sorted(data.unexamined, key=lambda stretch: stretch.start):
        if at < stretch.start:
            yield x(at), x(stretch.start)
        at = max(at, stretch.end)
    if at < data.axis.end:
        yield x(at), x(data.axis.end)


def shown(name: str) -> str:
    """Give a name out of a log as it can be drawn: on one line, of letters that the font has, and not too long."""
    plain = _ODD.sub("?", name)
    return plain if len(plain) <= _SHOWN else f"{plain[: _SHOWN - 3]}..."
