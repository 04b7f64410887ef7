"""The correlation chart as data: metrics, changes, states and log failures on one axis, and the same in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib import instant
from runbook_lib.charts.data import AGE, ERRORS, INVOCATIONS, THROTTLES, WRITES, Panel, panel
from runbook_lib.charts.tracks import (
    Failures,
    Lane,
    Strip,
    failures,
    generation_strip,
    lanes,
    mapping_strips,
)
from runbook_lib.evidence import Evidence
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.measuring.thresholds import FIRST_WINDOW
from runbook_lib.showing.axis import Axis, Stretch, retention_line

_TOLD = 40
"""Changes told in words under a chart; the timeline table has them all."""


@dataclass(frozen=True)
class MomentLines:
    """The moments that cross every part of a picture, each None where there is none on the axis.

    `band` is the playbook's five minutes either side of the onset, as far as the axis goes; `onset_range` the bounds of
    the estimate.
    """

    onset: datetime | None
    onset_range: tuple[datetime, datetime] | None
    band: tuple[datetime, datetime] | None
    retention: datetime | None
    noticed: datetime | None


@dataclass(frozen=True)
class ChartData:
    """Everything that the correlation chart draws, and nothing else."""

    subject: str
    axis: Axis
    lines: MomentLines
    panels: tuple[Panel, ...]
    lanes: tuple[Lane, ...]
    strips: tuple[Strip, ...]
    failures: Failures


def correlation(seen: Evidence, diagnosis: Diagnosis, axis: Axis) -> ChartData:
    """Compute the correlation chart for one stretch of time."""
    return ChartData(
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


def subject(seen: Evidence) -> str:
    """Name what a picture is about."""
    return f"{seen.incident.table_name} to {seen.incident.function}, {seen.incident.region}"


def lines(diagnosis: Diagnosis, axis: Axis) -> MomentLines:
    """Find the moments to mark on an axis."""
    began, noticed = diagnosis.onset, diagnosis.incident.detected_at
    seen = began is not None and began.at in axis
    return MomentLines(
        onset=began.at if began and seen else None,
        onset_range=(began.earliest, began.latest) if began and seen else None,
        band=_on(axis, began.at - FIRST_WINDOW, began.at + FIRST_WINDOW) if began and seen else None,
        retention=retention_line(axis),
        noticed=noticed if noticed and noticed in axis else None,
    )


def _on(axis: Axis, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    return max(start, axis.start), min(end, axis.end)


# -- in words --------------------------------------------------------------------------------------------------


def alt(data: ChartData) -> str:
    """Say in one sentence what the picture shows."""
    axis = data.axis
    when = f"from {instant.clock(axis.start)} to {instant.clock(axis.end, axis.start)}"
    onset = f", onset at {instant.clock(data.lines.onset, axis.end)}" if data.lines.onset else ", no onset on this axis"
    number = sum(len(lane.marks) for lane in data.lanes)
    blind = not number and all(is_blind(lane.unexamined, axis) for lane in data.lanes)
    changes = "no change could be looked for" if blind else _changes(number)
    stopped = [panel for panel in data.panels if panel.id == "invocations" and panel.silent]
    silence = (
        f"; invocations are silent for {instant.span(max(stopped[0].silent, key=_length).length)}" if stopped else ""
    )
    return f"{data.subject}, {when}{onset}: {changes} against the metrics{silence}."


def _length(stretch: Stretch) -> timedelta:
    return stretch.length


def describe(data: ChartData) -> tuple[str, ...]:
    """Say everything that the picture shows, one paragraph each, from the same data."""
    return (
        *_marked(data.lines, data.axis),
        *(panel_words(panel, data.axis, bool(data.lines.onset)) for panel in data.panels),
        *(_lane_words(lane, data.axis) for lane in data.lanes),
        *_changes_words(data),
        *(_strip_words(strip, data.axis) for strip in data.strips),
        _failures_words(data.failures, data.axis),
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
        longest = max(panel.silent, key=_length)
        parts.append(f"longest silence {instant.span(longest.length)} from {instant.clock(longest.start, axis.end)}")
    return f"{panel.title} ({panel.unit}): {'; '.join([', '.join(parts), *_ringing_words(panel, axis)])}."


def _ringing_words(panel: Panel, axis: Axis) -> Iterator[str]:
    for alarm in panel.ringing:
        yield f"alarm {alarm.name} in ALARM {' and '.join(_between(part, axis) for part in alarm.stretches)}"


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


def _lane_words(lane: Lane, axis: Axis) -> str:
    if is_blind(lane.unexamined, axis) and not lane.marks:
        return f"{lane.name}: not examined, {lane.unexamined[0].why.rstrip('.')}."
    found = f"{_changes(len(lane.marks))} recorded"
    blind = "; ".join(f"{part.why} {_between(part, axis)}" for part in lane.unexamined)
    return f"{lane.name}: {found}{f'; {blind}' if blind else ''}."


def _changes(number: int) -> str:
    return f"{number or 'no'} change{'' if number < 2 else 's'}"


def is_blind(unexamined: tuple[Stretch, ...], axis: Axis) -> bool:
    """Whether nothing at all of a track was examined."""
    return any(stretch.length == axis.length for stretch in unexamined)


def _between(stretch: Stretch, axis: Axis) -> str:
    return f"from {instant.clock(stretch.start, axis.end)} to {instant.clock(stretch.end, axis.end)}"


def _changes_words(data: ChartData) -> Iterator[str]:
    marks = sorted((mark for lane in data.lanes for mark in lane.marks), key=lambda mark: mark.number)
    for mark in marks[:_TOLD]:
        yield f"{mark.number}. {mark.at:%Y-%m-%d %H:%M:%S} UTC: {mark.sentence} ({mark.words})."
    if len(marks) > _TOLD:
        yield f"{len(marks) - _TOLD} more changes stand in the timeline table."


def _strip_words(strip: Strip, axis: Axis) -> str:
    told = "; ".join(f"{span.state} from {instant.clock(span.start, axis.end)}" for span in strip.spans)
    return f"{strip.name}: {told or 'nothing on this axis'}."


def _failures_words(failures: Failures, axis: Axis) -> str:
    if failures.note:
        return f"Log failures: {failures.note}"
    if is_blind(failures.unexamined, axis) and not failures.times:
        return f"Log failures: not examined, {failures.unexamined[0].why.rstrip('.')}."
    blind = "".join(f"; {part.why} {_between(part, axis)}" for part in failures.unexamined)
    if not failures.times:
        return f"Log failures: none found{blind}."
    first, last = instant.clock(failures.times[0], axis.end), instant.clock(failures.times[-1], axis.end)
    return f"Log failures: {len(failures.times):,} between {first} and {last}{blind}."
