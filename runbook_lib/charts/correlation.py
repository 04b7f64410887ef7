"""The correlation chart as data: metrics, changes, states and log failures on one axis, and the same in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib import instant
from runbook_lib.charts.data import (
    AGE,
    ERRORS,
    INVOCATIONS,
    THROTTLES,
    WRITES,
    Axis,
    Panel,
    Stretch,
    panel,
    retention_line,
)
from runbook_lib.charts.tracks import (
    Failures,
    Lane,
    Strip,
    failures,
    generation_strip,
    lanes,
    mapping_strips,
)
from runbook_lib.diagnosis import Diagnosis
from runbook_lib.evidence import Evidence
from runbook_lib.onset import FIRST_WINDOW

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
        panels=tuple(panel(one, seen, axis, diagnosis.onset) for one in (WRITES, INVOCATIONS, ERRORS, THROTTLES, AGE)),
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
    stopped = [one for one in data.panels if one.id == "invocations" and one.silent]
    silence = (
        f"; invocations are silent for {instant.span(max(stopped[0].silent, key=_length).length)}" if stopped else ""
    )
    return f"{data.subject}, {when}{onset}: {changes} against the metrics{silence}."


def _length(one: Stretch) -> timedelta:
    return one.length


def describe(data: ChartData) -> tuple[str, ...]:
    """Say everything that the picture shows, one paragraph each, from the same data."""
    return (
        *_marked(data.lines, data.axis),
        *(panel_words(one, data.axis, bool(data.lines.onset)) for one in data.panels),
        *(_lane_words(one, data.axis) for one in data.lanes),
        *_changes_words(data),
        *(_strip_words(one, data.axis) for one in data.strips),
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


def panel_words(one: Panel, axis: Axis, with_onset: bool) -> str:
    """Say what one metric shows."""
    if not one.counted:
        blind = is_blind(one.unexamined, axis)
        told = f"not examined, {one.unexamined[0].why.rstrip('.')}" if blind else "no datapoint"
        return f"{one.title}: {'; '.join([told, *_ringing_words(one, axis)])}."
    parts = [f"{one.counted:,} datapoint{'' if one.counted == 1 else 's'}", *_heights(one, axis)]
    before, after = one.median
    if with_onset and not one.flat:
        parts.append(f"median {_median_words(one, before)} before the onset and {_median_words(one, after)} after it")
    if one.silent:
        longest = max(one.silent, key=_length)
        parts.append(f"longest silence {instant.span(longest.length)} from {instant.clock(longest.start, axis.end)}")
    return f"{one.title} ({one.unit}): {'; '.join([', '.join(parts), *_ringing_words(one, axis)])}."


def _ringing_words(one: Panel, axis: Axis) -> Iterator[str]:
    for alarm in one.ringing:
        yield f"alarm {alarm.name} in ALARM {' and '.join(_between(part, axis) for part in alarm.stretches)}"


def _heights(one: Panel, axis: Axis) -> Iterator[str]:
    if one.flat:
        yield "all zero"
    elif one.peak:
        yield f"highest {value_words(one, one.peak[1])} at {instant.clock(one.peak[0], axis.end)}"
    if one.last:
        yield f"last {value_words(one, one.last[1])} at {instant.clock(one.last[0], axis.end)}"


def value_words(one: Panel, value: float) -> str:
    """Say a value of a panel: ages as lengths of time, counts as numbers."""
    if one.id != "age":
        return f"{value:,.0f}"
    return f"{value * 1000:.0f} ms" if value < 1 else instant.span(timedelta(seconds=value))


def _median_words(one: Panel, value: float | None) -> str:
    return "no datapoint" if value is None else value_words(one, value)


def _lane_words(one: Lane, axis: Axis) -> str:
    if is_blind(one.unexamined, axis) and not one.marks:
        return f"{one.name}: not examined, {one.unexamined[0].why.rstrip('.')}."
    found = f"{_changes(len(one.marks))} recorded"
    blind = "; ".join(f"{part.why} {_between(part, axis)}" for part in one.unexamined)
    return f"{one.name}: {found}{f'; {blind}' if blind else ''}."


def _changes(number: int) -> str:
    return f"{number or 'no'} change{'' if number < 2 else 's'}"


def is_blind(unexamined: tuple[Stretch, ...], axis: Axis) -> bool:
    """Whether nothing at all of a track was examined."""
    return any(one.length == axis.length for one in unexamined)


def _between(one: Stretch, axis: Axis) -> str:
    return f"from {instant.clock(one.start, axis.end)} to {instant.clock(one.end, axis.end)}"


def _changes_words(data: ChartData) -> Iterator[str]:
    marks = sorted((one for lane in data.lanes for one in lane.marks), key=lambda one: one.number)
    for one in marks[:_TOLD]:
        yield f"{one.number}. {one.at:%Y-%m-%d %H:%M:%S} UTC: {one.sentence} ({one.words})."
    if len(marks) > _TOLD:
        yield f"{len(marks) - _TOLD} more changes stand in the timeline table."


def _strip_words(one: Strip, axis: Axis) -> str:
    told = "; ".join(f"{span.state} from {instant.clock(span.start, axis.end)}" for span in one.spans)
    return f"{one.name}: {told or 'nothing on this axis'}."


def _failures_words(one: Failures, axis: Axis) -> str:
    if one.note:
        return f"Log failures: {one.note}"
    if is_blind(one.unexamined, axis) and not one.times:
        return f"Log failures: not examined, {one.unexamined[0].why.rstrip('.')}."
    blind = "".join(f"; {part.why} {_between(part, axis)}" for part in one.unexamined)
    if not one.times:
        return f"Log failures: none found{blind}."
    first, last = instant.clock(one.times[0], axis.end), instant.clock(one.times[-1], axis.end)
    return f"Log failures: {len(one.times):,} between {first} and {last}{blind}."
