"""The iterator age: how old the records were that reached the function, and when what waits is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from runbook_lib import instant
from runbook_lib.charts.investigated import Investigated, subject
from runbook_lib.charts.moments import MomentLines, lines
from runbook_lib.charts.panels import AGE, LEAST_AGE, Panel, draw_panel, panel, panel_words, value_words
from runbook_lib.evidence import Evidence
from runbook_lib.instant import RETENTION
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.judging.loss_clock import LossState
from runbook_lib.observed import otherwise
from runbook_lib.showing import canvas
from runbook_lib.showing.axis import Axis, overview_axis
from runbook_lib.showing.blocks import Chart
from runbook_lib.showing.canvas import DANGER, GREY, INK, SOFT, Drawn, x


def iterator_age(investigation: Investigated) -> Chart:
    """Show how old the records were that reached the function, the 24 hours they live, and the projected deadline."""
    data = age_data(investigation.evidence, investigation.diagnosis)
    png, width, height = draw_age(data)
    title = "How old what waits is, and when it is lost"
    return Chart("iterator-age", title, age_alt(data), age_words(data), width, height, png)


@dataclass(frozen=True)
class AgeData:
    """The iterator age, and where it leads.

    `oldest` is when the oldest undelivered record was written, by the loss clock, and `deadline` when it is lost; both
    None where the clock names no deadline. The line between them is a projection, not a measurement.
    """

    subject: str
    axis: Axis
    lines: MomentLines
    panel: Panel
    oldest: datetime | None
    deadline: datetime | None


def age_data(seen: Evidence, diagnosis: Diagnosis) -> AgeData:
    """Compute the age chart; its axis reaches to the deadline where there is one ahead."""
    whole = overview_axis(seen, diagnosis)
    oldest, deadline = _projection(seen, diagnosis)
    end = max(whole.end, deadline + timedelta(minutes=30)) if deadline else whole.end
    axis = Axis(seen.window.start, end, whole.settled, whole.asked_from, whole.as_of)
    return AgeData(
        subject(seen), axis, lines(diagnosis, axis), panel(AGE, seen, axis, diagnosis.onset), oldest, deadline
    )


def _projection(seen: Evidence, diagnosis: Diagnosis) -> tuple[datetime | None, datetime | None]:
    loss = diagnosis.loss
    if loss.state is not LossState.AT_RISK or loss.deadline is None:
        return None, None
    uuid = next((mapping_loss.uuid for mapping_loss in loss.mappings if mapping_loss.deadline == loss.deadline), "")
    limits = otherwise(
        lambda: [mapping.maximum_record_age_s for mapping in seen.mappings.ours if mapping.uuid == uuid], []
    )
    lives = min([RETENTION, *(timedelta(seconds=limit) for limit in limits if limit > 0)])
    return loss.deadline - lives, loss.deadline


# -- in words --------------------------------------------------------------------------------------------------------


def age_alt(data: AgeData) -> str:
    """Say in one sentence what the age chart shows."""
    panel = data.panel
    last = (
        f"last {value_words(panel, panel.last[1])} at {instant.clock(panel.last[0], data.axis.as_of)}"
        if panel.last
        else "no datapoint"
    )
    ahead = f"; by the loss clock the oldest record is lost at {instant.clock(data.deadline)}" if data.deadline else ""
    return f"Iterator age of {data.subject}: {last}{ahead}."


def age_words(data: AgeData) -> tuple[str, ...]:
    """Say everything that the age chart shows."""
    said = [panel_words(data.panel, data.axis, bool(data.lines.onset))]
    if data.lines.onset:
        said.append(f"Onset at {instant.clock(data.lines.onset, data.axis.as_of)}.")
    if data.oldest and data.deadline:
        said.append(
            f"Projection, not measured: a record written at {instant.clock(data.oldest)} and never delivered is lost at"
            f" {instant.clock(data.deadline)}, {instant.span(data.deadline - data.axis.as_of)} after the run."
        )
    said.append("A record lives 24 hours; what is older is lost.")
    return tuple(said)


# -- drawn -----------------------------------------------------------------------------------------------------------

_LEFT, _RIGHT, _HEAD_IN, _FOOT_IN = 0.075, 0.91, 0.42, 0.44


def draw_age(data: AgeData) -> Drawn:
    """Draw the age up to now, and dashed the age of a record that is never delivered, up to its end."""
    tall = 2.9
    with canvas.drawing(tall) as figure:
        canvas.title(figure, data.subject, tall)
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
