"""The parts of a picture, each drawn on axes of its own: a metric, a lane of changes, a strip of states, log ticks."""

from __future__ import annotations

from typing import Any

from runbook_lib import instant
from runbook_lib.charts.correlation import is_blind, value_words
from runbook_lib.charts.data import Panel
from runbook_lib.charts.tracks import INVOKING, Failures, Lane, Mark, Span, Strip
from runbook_lib.showing import canvas
from runbook_lib.showing.axis import Axis
from runbook_lib.showing.canvas import (
    BLUE,
    CARD,
    DANGER,
    FAINT,
    GREEN,
    GREY,
    INK,
    PURPLE,
    RED,
    SOFT,
    UNSEEN,
    UNSEEN_EDGE,
    x,
)
from runbook_lib.views.changes import ChangeRelation

_COLOUR = {"writes": BLUE, "invocations": GREEN, "errors": RED, "throttles": PURPLE, "age": INK}
_COUNTS_IN, _AGE_IN, _FLAT_IN = 0.66, 1.05, 0.15

AGE_TICKS = ((1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min"), (3600, "1 h"), (21600, "6 h"), (86400, "24 h"))
LEAST_AGE = 0.1
"""Seconds at the foot of the logarithmic axis; what is younger stands on it."""

# -- metrics ---------------------------------------------------------------------------------------------------


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
    (draw_ages if panel.id == "age" else draw_counts)(axes, panel, axis, colour)
    if panel.last:
        at, value = panel.last
        gap = " " if panel.flat and panel.id != "age" else "\n"
        canvas.aside(axes, f"last {value_words(panel, value)}{gap}at {at:%H:%M}", colour)
    else:
        canvas.aside(axes, "not examined" if is_blind(panel.unexamined, axis) else "silent", colour)
    draw_ringing(axes, panel, axis)


def draw_ringing(axes: Any, panel: Panel, axis: Axis) -> None:
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


def draw_counts(axes: Any, panel: Panel, axis: Axis, colour: str) -> None:
    """Draw counts as bars on a base line that stands only where something was counted, zero included."""
    top = max((value for _, value in panel.points), default=0.0)
    canvas.count_scale(axes, top, bool(panel.points))
    for run in panel.runs():
        edges = canvas.edges((instant.floor(at, panel.bucket) for at, _ in run), panel.bucket, axis)
        axes.plot([edges[0], edges[-1]], [0, 0], color=colour, linewidth=1.3, zorder=2, solid_capstyle="butt")
        fill(axes, edges, [value for _, value in run], colour)


def fill(axes: Any, edges: list[float], values: list[float], colour: str, zorder: float = 2.0) -> None:
    """Fill the bars of one run as one shape: single bars would leave slits that look like gaps."""
    # As `axes.stairs` does, which first works out limits that the part has already.
    from matplotlib.patches import StepPatch

    axes.add_artist(StepPatch(values, edges, fill=True, color=colour, linewidth=0, zorder=zorder))


def draw_ages(axes: Any, panel: Panel, axis: Axis, colour: str) -> None:
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


# -- lanes, strips, log ----------------------------------------------------------------------------------------

_SHAPES = {
    ChangeRelation.SET_OFF: ("D", 7.0),
    ChangeRelation.CANDIDATE: ("D", 5.5),
    ChangeRelation.CONTEXT: ("o", 4.5),
    ChangeRelation.AFTER: ("s", 4.5),
    ChangeRelation.FAILED: ("X", 5.5),
}


def mark_colour(mark: Mark) -> str:
    """Give the colour of a change; its shape says the same."""
    return RED if mark.relation in (ChangeRelation.SET_OFF, ChangeRelation.CANDIDATE) else GREY


def draw_lane(axes: Any, lane: Lane, axis: Axis) -> None:
    """Draw a service's changes; the shape says how each stands to the onset, not the colour alone."""
    canvas.bare(axes)
    axes.set_yticks([])
    axes.set_ylim(-1, 1)
    axes.axhline(0, color=FAINT, linewidth=0.7, zorder=1)
    canvas.name(axes, lane.name)
    canvas.hatch(axes, lane.unexamined, axis, blind=True)
    for mark in lane.marks:
        shape, size = _SHAPES[mark.relation]
        colour, hollow = mark_colour(mark), mark.relation is ChangeRelation.FAILED
        axes.plot(
            [x(mark.at)], [0], marker=shape, markersize=size, color=colour, linestyle="none", zorder=5, clip_on=False,
            markerfacecolor=CARD if hollow else colour, markeredgecolor=colour if hollow else CARD, markeredgewidth=0.7,
        )  # fmt: skip
    blind = is_blind(lane.unexamined, axis)
    found = f"{len(lane.marks)} change{'' if len(lane.marks) == 1 else 's'}" if lane.marks else "no change"
    canvas.aside(axes, "not examined" if blind and not lane.marks else found, GREY)


def draw_strip(axes: Any, strip: Strip, axis: Axis) -> None:
    """Draw states end to end; what is not known is hatched. The last one is said at the right edge."""
    canvas.bare(axes)
    axes.set_yticks([])
    axes.set_ylim(0, 1)
    canvas.name(axes, strip.name)
    for span in strip.spans:
        colour, known = _state_colour(span), _is_known(span)
        axes.axvspan(
            x(span.start), x(span.end), 0.1, 0.9, facecolor=SOFT[colour] if known else UNSEEN,
            edgecolor=CARD if known else UNSEEN_EDGE, hatch=None if known else "////", linewidth=0, zorder=1.5,
        )  # fmt: skip
        axes.axvline(x(span.start), 0.1, 0.9, color=CARD, linewidth=1.2, zorder=1.6)
        if span.state != _short(strip) and len(span.state) + 2 < (span.end - span.start) / axis.length * 140:
            axes.annotate(
                span.state, (x(span.start), 0.5), (4, 0), textcoords="offset points", fontsize=7, va="center",
                zorder=4, color=INK if known else GREY,
                bbox=None if known else {"facecolor": CARD, "edgecolor": "none", "pad": 1, "alpha": 0.85},
            )  # fmt: skip
    if strip.spans:
        last = strip.spans[-1]
        canvas.aside(axes, _short(strip), _state_colour(last) if _is_known(last) else GREY)


def _short(strip: Strip) -> str:
    """Give the last state in a word that fits the right edge; nothing when it takes more."""
    said = strip.spans[-1].state.split(",")[0].split(":")[0]
    return said if len(said) <= 14 else ""


def _is_known(span: Span) -> bool:
    return span.sure or span.state == INVOKING


def _state_colour(span: Span) -> str:
    """Enabled is no sign that anything flows, so it is not green."""
    if any(word in span.state for word in ("Disabled", "Deleted", "no stream", "none when")):
        return RED
    if not _is_known(span):
        return GREY
    return GREEN if span.state == INVOKING else BLUE


def draw_failures(axes: Any, failures: Failures, axis: Axis) -> None:
    """Draw each failure in the log as a tick."""
    canvas.bare(axes, keep=("bottom",))
    axes.set_yticks([])
    axes.set_ylim(0, 1)
    canvas.name(axes, "Log failures")
    canvas.hatch(axes, failures.unexamined, axis, blind=True)
    if failures.times:
        axes.vlines([x(at) for at in failures.times], 0.14, 0.9, color=RED, linewidth=0.6, alpha=0.75, zorder=3)
    blind = is_blind(failures.unexamined, axis)
    words = f"{len(failures.times):,} in all" if failures.times else "not examined" if blind else "none found"
    canvas.aside(axes, words, RED if failures.times else GREY)
