"""The charts of one question each, drawn."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from runbook_lib import instant
from runbook_lib.charts.draw_parts import LEAST_AGE, draw_panel
from runbook_lib.charts.single import AgeData, StageBox
from runbook_lib.measuring.pipe import FlowState, Stage
from runbook_lib.showing import canvas
from runbook_lib.showing.canvas import CARD, DANGER, GREEN, GREY, INK, RED, SOFT, UNSEEN, x

_LEFT, _RIGHT, _HEAD_IN, _FOOT_IN = 0.075, 0.91, 0.42, 0.44
Drawn = tuple[bytes, int, int]
"""PNG bytes, and the size in CSS pixels."""


def _title(figure: Any, words: str, tall: float) -> None:
    figure.text(0.012, 1 - 0.15 / tall, words, fontsize=9.5, fontweight="bold", va="center")


# -- the age of what waits -------------------------------------------------------------------------------------


def draw_age(data: AgeData) -> Drawn:
    """Draw the age up to now, and dashed the age of a record that is never delivered, up to its end."""
    tall = 2.9
    with canvas.drawing(tall) as figure:
        _title(figure, data.subject, tall)
        axes = figure.add_axes((_LEFT, _FOOT_IN / tall, _RIGHT - _LEFT, (tall - _HEAD_IN - _FOOT_IN) / tall))
        draw_panel(axes, data.panel, data.axis)
        canvas.time_axis(axes, data.axis, labelled=True)
        if data.oldest and data.deadline:
            _project(axes, data)
        if data.axis.end > data.axis.as_of:
            axes.axvspan(
                x(data.axis.as_of), x(data.axis.end), facecolor=SOFT[GREY], alpha=0.45, linewidth=0, zorder=0.1
            )
            _line(axes, data.axis.as_of, f"the run, {data.axis.as_of:%H:%M}", GREY, "left")
        if data.lines.onset:
            _line(axes, data.lines.onset, f"onset {data.lines.onset:%H:%M}", INK, "right")
        return canvas.png(figure), *canvas.size(tall)


def _project(axes: Any, data: AgeData) -> None:
    assert data.oldest
    assert data.deadline
    begin = max(data.oldest, data.axis.start)
    steps = [begin + (data.deadline - begin) * (part / 60) ** 3 for part in range(61)]
    ages = [max((at - data.oldest).total_seconds(), LEAST_AGE) for at in steps]
    axes.plot([x(at) for at in steps], ages, color=DANGER, linewidth=1.0, linestyle=(0, (4, 2.5)), zorder=2.3)
    axes.plot(
        [x(data.deadline)],
        [(data.deadline - data.oldest).total_seconds()],
        marker="X",
        markersize=6,
        color=DANGER,
        zorder=5,
    )
    for words, height, weight in (
        (f"lost from {instant.clock(data.deadline)}", 3600.0, "bold"),
        ("dashed: age of the oldest undelivered record, projected", 900.0, "normal"),
    ):
        axes.annotate(
            words, (x(data.deadline), height), (0, 0), ha="right", va="center", textcoords="offset points",
            fontsize=8 if weight == "bold" else 7, fontweight=weight, color=DANGER,
        )  # fmt: skip


def _line(axes: Any, at: datetime, words: str, colour: str, wanted: Literal["left", "right"]) -> None:
    axes.axvline(x(at), color=colour, linewidth=1.0, zorder=3)
    side = canvas.beside(axes, at, wanted=wanted)
    axes.annotate(
        words, (x(at), 0), (canvas.ASIDE[side], 4), xycoords=("data", "axes fraction"), textcoords="offset points",
        ha=side, fontsize=7.5, color=colour, fontweight="bold", zorder=5,
    )  # fmt: skip


# -- the pipe --------------------------------------------------------------------------------------------------

_MAIN = (Stage.WRITTEN, Stage.IN_STREAM, Stage.POLLED, Stage.INVOKED, Stage.SUCCEEDED)
_ASIDE = {Stage.FILTERED: 2.5, Stage.FAILED: 3.5}
"""What leaves the pipe sideways, and between which stages (counted from 0) it does."""

_LOOK = {
    FlowState.FLOWING: (SOFT[GREEN], GREEN, "-", GREEN),
    FlowState.STOPPED: (SOFT[RED], RED, "-", RED),
    FlowState.IDLE: (CARD, GREY, "-", GREY),
    FlowState.UNKNOWN: (UNSEEN, GREY, (0, (3, 2)), GREY),
}
"""Ground, edge, line of the edge and ink by state; the word stands in the box as well."""

_FAILING = (SOFT[RED], RED, "-", RED)


def look(box: StageBox) -> tuple[str, str, Any, str]:
    """Give ground, edge, line and ink of a stage: that failures flow is nothing green."""
    return _FAILING if box.stage is Stage.FAILED and box.state is FlowState.FLOWING else _LOOK[box.state]


_WIDE, _HIGH, _STEP, _UP, _DOWN = 1.62, 0.92, 1.98, 1.46, 0.14


def draw_pipe(boxes: tuple[StageBox, ...], subject: str) -> Drawn:
    """Draw the pipe left to right; what is filtered out or fails leaves it downwards."""
    tall = 2.95
    with canvas.drawing(tall) as figure:
        _title(figure, subject, tall)
        axes = figure.add_axes((0, 0, 1, 1))
        canvas.bare(axes)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlim(0, canvas.WIDTH_IN)
        axes.set_ylim(0, tall)
        by_stage = {box.stage: box for box in boxes}
        for place, stage in enumerate(_MAIN):
            _box(axes, by_stage[stage], 0.16 + place * _STEP, _UP)
            if place:
                _arrow(axes, place, by_stage[stage])
        for stage, beside in _ASIDE.items():
            _box(axes, by_stage[stage], 0.16 + beside * _STEP, _DOWN)
            middle = 0.16 + beside * _STEP + _WIDE / 2
            axes.annotate("", (middle, _DOWN + _HIGH), (middle, _UP + _HIGH / 2), arrowprops=_SIDE_ARROW)
        return canvas.png(figure), *canvas.size(tall)


_SIDE_ARROW = {"arrowstyle": "-|>", "color": "#9a9a96", "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}


def _box(axes: Any, box: StageBox, left: float, bottom: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    face, edge, line, ink = look(box)
    axes.add_patch(
        FancyBboxPatch(
            (left, bottom), _WIDE, _HIGH, boxstyle="round,pad=0,rounding_size=0.07", facecolor=face, edgecolor=edge,
            linewidth=2.2 if box.broken else 1.0, linestyle=line, zorder=2,
        )
    )  # fmt: skip
    middle = left + _WIDE / 2
    for words, height, size, colour, weight in (
        (box.name, 0.75, 8.5, INK, "bold"),
        (box.said, 0.54, 8, ink, "normal"),
        (box.count, 0.33, 7, GREY, "normal"),
        (box.last, 0.15, 7, GREY, "normal"),
    ):
        axes.text(
            middle, bottom + height, words, ha="center", va="center", fontsize=size, color=colour, fontweight=weight,
            zorder=3,
        )  # fmt: skip
    if box.broken:
        axes.text(
            middle,
            bottom + _HIGH + 0.11,
            "breaks here",
            ha="center",
            va="center",
            fontsize=8,
            fontweight="bold",
            color=RED,
        )


def _arrow(axes: Any, place: int, into: StageBox) -> None:
    """Draw what leads into a stage; into one that has stopped it is crossed out."""
    start, end, height = 0.16 + (place - 1) * _STEP + _WIDE, 0.16 + place * _STEP, _UP + _HIGH / 2
    stopped = into.broken
    axes.annotate(
        "", (end, height), (start, height),
        arrowprops=_SIDE_ARROW | {"color": RED if stopped else GREY, "linewidth": 1.2},
    )  # fmt: skip
    if stopped:
        middle = end - 0.12
        axes.plot([middle], [height], marker="x", markersize=8, markeredgewidth=2.0, color=RED, zorder=5)
