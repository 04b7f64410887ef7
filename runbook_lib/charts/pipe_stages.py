"""The pipe from write to function, and the first stage at which records stop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbook_lib import instant
from runbook_lib.charts.investigated import Investigated, subject
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.measuring.pipe import FlowState, Stage, StageFlow
from runbook_lib.showing import canvas
from runbook_lib.showing.blocks import Chart
from runbook_lib.showing.canvas import CARD, GREEN, GREY, INK, RED, SOFT, UNSEEN, Drawn
from runbook_lib.views.judgement import STAGE_NAMES, STATE_NAMES


def pipe_stages(investigation: Investigated) -> Chart:
    """Show the pipe from write to function, and the first stage at which records stop."""
    boxes = pipe_data(investigation.diagnosis)
    png, width, height = draw_pipe(boxes, subject(investigation.evidence))
    words = tuple(pipe_words(investigation.diagnosis))
    return Chart("pipe-stages", "Where the pipe breaks", pipe_alt(boxes), words, width, height, png)


_UNITS = {
    Stage.WRITTEN: "write request",
    Stage.POLLED: "record",
    Stage.FILTERED: "record",
    Stage.INVOKED: "invocation",
    Stage.FAILED: "invocation",
    Stage.SUCCEEDED: "invocation",
}


@dataclass(frozen=True)
class StageBox:
    """One stage as drawn: name, state and count in words, and whether the pipe breaks here."""

    stage: Stage
    name: str
    state: FlowState
    said: str
    count: str
    last: str
    broken: bool


def pipe_data(diagnosis: Diagnosis) -> tuple[StageBox, ...]:
    """Compute the boxes of the pipe, left to right."""
    broken = diagnosis.stages.broken_at
    return tuple(_box(flow, flow is broken, diagnosis.as_of) for flow in diagnosis.stages.flows.values())


def _box(flow: StageFlow, broken: bool, as_of: datetime) -> StageBox:
    return StageBox(
        stage=flow.stage,
        name=STAGE_NAMES[flow.stage],
        state=flow.state,
        said=STATE_NAMES[flow.state],
        count=_counted(flow),
        last=f"last {instant.clock(flow.last, as_of)}" if flow.last else "",
        broken=broken,
    )


def _counted(flow: StageFlow) -> str:
    if flow.total is None:
        return "not counted"
    return f"{flow.total:,.0f} {_UNITS.get(flow.stage, 'record')}{'' if flow.total == 1 else 's'}"


# -- in words --------------------------------------------------------------------------------------------------------


def pipe_alt(boxes: tuple[StageBox, ...]) -> str:
    """Say in one sentence where the pipe breaks."""
    broken = next((box for box in boxes if box.broken), None)
    blind = [box.name for box in boxes if box.state is FlowState.UNKNOWN]
    unknown = f" Not known: {', '.join(blind)}." if blind else ""
    if broken is None:
        return f"The pipe from write to function: no stage was seen to stop.{unknown}"
    return f"The pipe from write to function: the first stage seen to stop is '{broken.name}'.{unknown}"


def pipe_words(diagnosis: Diagnosis) -> Iterator[str]:
    """Say what each stage counted."""
    for flow in diagnosis.stages.flows.values():
        yield f"{STAGE_NAMES[flow.stage].capitalize()}: {STATE_NAMES[flow.state]}. {flow.basis}"


# -- drawn -----------------------------------------------------------------------------------------------------------

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
_SIDE_ARROW = {"arrowstyle": "-|>", "color": "#9a9a96", "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}


def draw_pipe(boxes: tuple[StageBox, ...], subject: str) -> Drawn:
    """Draw the pipe left to right; what is filtered out or fails leaves it downwards."""
    tall = 2.95
    with canvas.drawing(tall) as figure:
        canvas.title(figure, subject, tall)
        axes = figure.add_axes((0, 0, 1, 1))
        canvas.bare(axes)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlim(0, canvas.WIDTH_IN)
        axes.set_ylim(0, tall)
        by_stage = {box.stage: box for box in boxes}
        for place, stage in enumerate(_MAIN):
            _draw_box(axes, by_stage[stage], 0.16 + place * _STEP, _UP)
            if place:
                _draw_arrow(axes, place, by_stage[stage])
        for stage, beside in _ASIDE.items():
            _draw_box(axes, by_stage[stage], 0.16 + beside * _STEP, _DOWN)
            middle = 0.16 + beside * _STEP + _WIDE / 2
            axes.annotate("", (middle, _DOWN + _HIGH), (middle, _UP + _HIGH / 2), arrowprops=_SIDE_ARROW)
        return canvas.png(figure), *canvas.size(tall)


def _draw_box(axes: Any, box: StageBox, left: float, bottom: float) -> None:
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


def _draw_arrow(axes: Any, place: int, into: StageBox) -> None:
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
