"""The correlation chart: metrics above, then changes by service, states and log failures, on one clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import pairwise, product
from typing import Any

from runbook_lib import instant
from runbook_lib.charts.investigated import Investigated, subject
from runbook_lib.charts.lanes import Lane, Mark, changes_words, draw_lane, lane_words, lanes, mark_colour
from runbook_lib.charts.log_failures import Failures, draw_failures, failures, failures_words
from runbook_lib.charts.moments import MomentLines, lines
from runbook_lib.charts.panels import (
    AGE,
    ERRORS,
    INVOCATIONS,
    THROTTLES,
    WRITES,
    Panel,
    draw_panel,
    panel,
    panel_height,
    panel_words,
)
from runbook_lib.charts.states import Strip, draw_strip, generation_strip, mapping_strips, strip_words
from runbook_lib.evidence import Evidence
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.showing import canvas
from runbook_lib.showing.axis import Axis, is_blind, longest, overview_axis, zoom_axis
from runbook_lib.showing.blocks import Chart
from runbook_lib.showing.canvas import (
    BAND,
    CARD,
    DANGER,
    FAINT,
    GREY,
    INK,
    RED,
    SILENT_EDGE,
    UNSEEN,
    UNSEEN_EDGE,
    Drawn,
    x,
)
from runbook_lib.views.changes import ChangeRelation


def correlation_overview(investigation: Investigated) -> Chart:
    """Show metrics, configuration changes, mapping states and log failures of the whole window on one UTC axis."""
    axis = overview_axis(investigation.evidence, investigation.diagnosis)
    return _correlation(investigation, axis, "correlation-overview", "What changed, and what the metrics did")


def correlation_zoom(investigation: Investigated) -> Chart:
    """Show the same from 30 minutes before the onset to 60 after it, minute by minute."""
    axis = zoom_axis(investigation.evidence, investigation.diagnosis)
    return _correlation(investigation, axis, "correlation-zoom", "The onset, minute by minute")


def _correlation(investigation: Investigated, axis: Axis, id: str, title: str) -> Chart:
    data = correlation_data(investigation.evidence, investigation.diagnosis, axis)
    png, width, height = draw_correlation(data)
    return Chart(id, title, correlation_alt(data), correlation_words(data), width, height, png)


@dataclass(frozen=True)
class CorrelationData:
    """Everything that the correlation chart draws, and nothing else."""

    subject: str
    axis: Axis
    lines: MomentLines
    panels: tuple[Panel, ...]
    lanes: tuple[Lane, ...]
    strips: tuple[Strip, ...]
    failures: Failures


def correlation_data(seen: Evidence, diagnosis: Diagnosis, axis: Axis) -> CorrelationData:
    """Compute the correlation chart for one stretch of time."""
    return CorrelationData(
        subject=subject(seen),
        axis=axis,
        lines=lines(diagnosis, axis),
        panels=tuple(
            panel(source, seen, axis, diagnosis.onset) for source in (WRITES, INVOCATIONS, ERRORS, THROTTLES, AGE)
        ),
        lanes=lanes(seen, diagnosis, axis),
        strips=(*mapping_strips(seen, diagnosis, axis), generation_strip(seen, diagnosis, axis)),
        failures=failures(seen, axis),
    )


# -- in words --------------------------------------------------------------------------------------------------------

_TOLD = 40
"""Changes told in words under a chart; the timeline table has them all."""


def correlation_alt(data: CorrelationData) -> str:
    """Say in one sentence what the picture shows."""
    axis = data.axis
    when = f"from {instant.clock(axis.start)} to {instant.clock(axis.end, axis.start)}"
    onset = f", onset at {instant.clock(data.lines.onset, axis.end)}" if data.lines.onset else ", no onset on this axis"
    number = sum(len(lane.marks) for lane in data.lanes)
    blind = not number and all(is_blind(lane.unexamined, axis) for lane in data.lanes)
    changes = "no change could be looked for" if blind else changes_words(number)
    stopped = [panel for panel in data.panels if panel.id == "invocations" and panel.silent]
    silence = f"; invocations are silent for {instant.span(longest(stopped[0].silent).length)}" if stopped else ""
    return f"{data.subject}, {when}{onset}: {changes} against the metrics{silence}."


def correlation_words(data: CorrelationData) -> tuple[str, ...]:
    """Say everything that the picture shows, one paragraph each, from the same data."""
    return (
        *_marked(data.lines, data.axis),
        *(panel_words(panel, data.axis, bool(data.lines.onset)) for panel in data.panels),
        *(lane_words(lane, data.axis) for lane in data.lanes),
        *_changes_words(data),
        *(strip_words(strip, data.axis) for strip in data.strips),
        failures_words(data.failures, data.axis),
    )


def _marked(marked: MomentLines, axis: Axis) -> Iterator[str]:
    if marked.onset and marked.onset_range:
        first, last = (instant.clock(at, axis.end) for at in marked.onset_range)
        at = instant.clock(marked.onset, axis.end)
        yield f"Onset at {at}, between {first} and {last}; 5 minutes either side are shaded."
    if marked.retention:
        yield f"Records written before {instant.clock(marked.retention)} were gone when the run looked (24 hours)."
    if marked.noticed:
        yield f"Somebody noticed at {instant.clock(marked.noticed, axis.end)}."


def _changes_words(data: CorrelationData) -> Iterator[str]:
    marks = sorted((mark for lane in data.lanes for mark in lane.marks), key=lambda mark: mark.number)
    for mark in marks[:_TOLD]:
        yield f"{mark.number}. {mark.at:%Y-%m-%d %H:%M:%S} UTC: {mark.sentence} ({mark.words})."
    if len(marks) > _TOLD:
        yield f"{len(marks) - _TOLD} more changes stand in the timeline table."


# -- drawn -----------------------------------------------------------------------------------------------------------

_LEFT, _RIGHT = 0.115, 0.91
_HEAD_IN, _NUMBERS_IN, _LANE_IN, _STRIP_IN, _FOOT_IN = 0.30, 0.44, 0.21, 0.24, 0.68
_Draw = Callable[[Any], None]


def draw_correlation(data: CorrelationData) -> Drawn:
    """Draw the chart: PNG bytes, and the size in CSS pixels."""
    rows = list(_rows(data))
    tall = _HEAD_IN + sum(height + above for height, above, _ in rows) + _FOOT_IN
    with canvas.drawing(tall) as figure:
        canvas.title(figure, data.subject, tall)
        canvas.said_beside(figure, _span_words(data.axis), tall, _RIGHT)
        top, under = tall - _HEAD_IN, _FOOT_IN
        back = figure.add_axes((_LEFT, under / tall, _RIGHT - _LEFT, (top - under) / tall), zorder=-1)
        front = figure.add_axes((_LEFT, under / tall, _RIGHT - _LEFT, (top - under - _NUMBERS_IN) / tall), zorder=5)
        for height, above, part in rows:
            top -= height + above
            part(figure.add_axes((_LEFT, top / tall, _RIGHT - _LEFT, height / tall)))
        for axes in figure.axes:
            canvas.time_axis(axes, data.axis, labelled=axes is figure.axes[-1])
        _cross(back, front, data)
        _key(figure, 0.16 / tall)
        return canvas.png(figure), *canvas.size(tall)


def _rows(data: CorrelationData) -> Iterator[tuple[float, float, _Draw]]:
    """Give every part, top to bottom: its height, the space above it (inches), and how to draw it."""
    yield _NUMBERS_IN, 0.0, partial(_numbers, data=data)
    for metric in data.panels:
        yield panel_height(metric), 0.24, partial(draw_panel, panel=metric, axis=data.axis)
    for place, lane in enumerate(data.lanes):
        yield _LANE_IN, 0.04 if place else 0.16, partial(draw_lane, lane=lane, axis=data.axis)
    for place, strip in enumerate(data.strips):
        yield _STRIP_IN, 0.03 if place else 0.08, partial(draw_strip, strip=strip, axis=data.axis)
    yield _LANE_IN, 0.05, partial(draw_failures, failures=data.failures, axis=data.axis)


def _span_words(axis: Axis) -> str:
    said = f"{axis.start:%Y-%m-%d %H:%M} to {instant.clock(axis.end, axis.start)}"
    return f"{said}, highest minute of each {instant.span(axis.bucket)}" if axis.bucket > instant.MINUTE else said


_KEY = (
    ("D", RED, RED, "near the onset"),
    ("o", GREY, GREY, "earlier change"),
    ("s", GREY, GREY, "after the onset"),
    ("X", GREY, CARD, "failed, changed nothing"),
)


def _key(figure: Any, height: float) -> None:
    """Explain the shapes and the hatches in one line at the foot."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    shapes = [
        Line2D([], [], marker=shape, markersize=4.5, color=edge, markerfacecolor=face, linestyle="none", label=words)
        for shape, edge, face, words in _KEY
    ]
    patches = [
        Patch(facecolor=CARD, edgecolor=SILENT_EDGE, hatch="\\\\\\", linewidth=0.4, label="no datapoint (not zero)"),
        Patch(facecolor=UNSEEN, edgecolor=UNSEEN_EDGE, hatch="//////", linewidth=0.4, label="not examined"),
        Patch(facecolor=BAND, edgecolor="none", label="5 min either side of the onset"),
    ]
    figure.legend(
        handles=[*shapes, *patches], loc="center left", bbox_to_anchor=(_LEFT - 0.012, height), ncols=7, frameon=False,
        fontsize=6.8, labelcolor=GREY, handletextpad=0.4, columnspacing=1.3, handlelength=1.5,
    )  # fmt: skip


def _cross(back: Any, front: Any, data: CorrelationData) -> None:
    """Draw what crosses every part: the band behind them, the lines before them."""
    marked = data.lines
    for axes in (back, front):
        canvas.bare(axes)
        axes.set_yticks([])
        axes.set_xlim(x(data.axis.start), x(data.axis.end))
    if marked.band:
        back.axvspan(x(marked.band[0]), x(marked.band[1]), color=BAND, linewidth=0)
    for lane in data.lanes:
        for mark in lane.marks:
            if mark.relation in (ChangeRelation.SET_OFF, ChangeRelation.CANDIDATE):
                front.axvline(x(mark.at), color=RED, linewidth=0.8 if mark.relation is ChangeRelation.SET_OFF else 0.5)
    for at, _, colour, style in _named_lines(marked):
        onset = at == marked.onset
        (front if onset else back).axvline(x(at), color=colour, linewidth=1.1 if onset else 0.8, linestyle=style)


def _named_lines(marked: MomentLines) -> Iterator[tuple[datetime, str, str, Any]]:
    if marked.onset and marked.onset_range:
        early, late = marked.onset_range
        yield marked.onset, f"onset {marked.onset:%H:%M} ({early:%H:%M} to {late:%H:%M})", INK, "-"
    if marked.noticed:
        yield marked.noticed, f"noticed {marked.noticed:%H:%M}", GREY, (0, (1, 1.5))
    if marked.retention:
        yield marked.retention, "24 h before the run", DANGER, (0, (4, 2))


# -- the row of numbers ----------------------------------------------------------------------------------------------

MOST_NUMBERS = 14
"""More numbers than this cannot be told apart: the nearest to the onset are kept, the timeline table has them all."""


def _numbers(axes: Any, data: CorrelationData) -> None:
    """Number the changes, spread sideways with leaders; above them the names of the lines."""
    canvas.bare(axes)
    axes.set_yticks([])
    axes.set_ylim(0, 1)
    start, end = x(data.axis.start), x(data.axis.end)
    marks = worth_numbers(data)
    least = 0.009 * len(str(max((mark.number for mark in marks), default=0))) + 0.009
    places = canvas.spread([x(mark.at) for mark in marks], (end - start) * least, start, end)
    for mark, place in zip(marks, places, strict=True):
        colour = mark_colour(mark)
        axes.plot([x(mark.at), x(mark.at), place], [-0.1, 0.04, 0.18], color=colour, linewidth=0.6, clip_on=False)
        weight = "bold" if mark.relation in (ChangeRelation.SET_OFF, ChangeRelation.CANDIDATE) else "normal"
        axes.text(place, 0.2, str(mark.number), ha="center", va="bottom", fontsize=7.5, color=colour, fontweight=weight)
    _line_names(axes, data, (end - start) * _ASIDE)
    axes.axhline(-0.1, color=FAINT, linewidth=0.6, clip_on=False)


def _line_names(axes: Any, data: CorrelationData, aside: float) -> None:
    for at, words, colour, style, right in _placed(data):
        axes.text(
            x(at) + (aside if right else -aside), 0.98, words, ha="left" if right else "right", va="top", fontsize=7.5,
            color=colour, fontweight=_weight(at, data.lines),
        )  # fmt: skip
        axes.plot([x(at), x(at)], [0.68, 1], color=colour, linewidth=1.1, linestyle=style, clip_on=False)


_ASIDE = 0.005

_LETTER = {"bold": 0.0079, "normal": 0.0070}
"""How far a name stands from its line, and how wide a letter of a name is on average, as parts of the axis."""


def _weight(at: datetime, lines: MomentLines) -> str:
    return "bold" if at == lines.onset else "normal"


def _placed(data: CorrelationData) -> Iterator[tuple[datetime, str, str, Any, bool]]:
    """Give each line's name a side, right (True) or left of it, so that as many as can be meet no other name."""
    named = list(_named_lines(data.lines))
    choices = sorted(product((True, False, None), repeat=len(named)), key=lambda sides: sides.count(None))
    for sides in choices:
        chosen = [(*line, right) for line, right in zip(named, sides, strict=True) if right is not None]
        taken = sorted(_span(data, at, words, right) for at, words, _, _, right in chosen)
        if all(low >= 0 and high <= 1 for low, high in taken) and all(
            label[1] <= two[0] for label, two in pairwise(taken)
        ):
            yield from chosen
            return


def _span(data: CorrelationData, at: datetime, words: str, right: bool) -> tuple[float, float]:
    place = (at - data.axis.start) / data.axis.length
    wide = _ASIDE + _LETTER[_weight(at, data.lines)] * len(words)
    return (place, place + wide) if right else (place - wide, place)


_RANK = {ChangeRelation.SET_OFF: 0, ChangeRelation.CANDIDATE: 1}


def worth_numbers(data: CorrelationData) -> list[Mark]:
    """Choose the changes to number, in order of time: what set it off, what is near the onset, then the nearest."""
    marks = [mark for lane in data.lanes for mark in lane.marks]
    centre = data.lines.onset or data.axis.end
    nearest = sorted(marks, key=lambda mark: (_RANK.get(mark.relation, 2), abs(mark.at - centre), mark.number))
    return sorted(nearest[:MOST_NUMBERS], key=lambda mark: (mark.at, mark.number))
