"""The classes of error in the log over time, a row each.

Lines are counted, not invocations: one failure may leave several lines, and code may log an error and still succeed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from runbook_lib import instant
from runbook_lib.charts.investigated import Investigated, no_picture, subject
from runbook_lib.charts.log_failures import failures
from runbook_lib.charts.moments import MomentLines, lines, onset_words
from runbook_lib.charts.panels import fill_bars
from runbook_lib.charts.rows import Row, draw_rows
from runbook_lib.evidence import Evidence
from runbook_lib.interpret.lambda_log import ErrorClass, LineKind
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.observed import NotObserved
from runbook_lib.showing import canvas
from runbook_lib.showing.axis import Axis, Stretch, between, runs, window_axis
from runbook_lib.showing.blocks import Chart, Prose
from runbook_lib.showing.canvas import GREY, RED, Drawn, x

MOST_CLASSES = 5
OTHER = "other classes"

_BY_KIND = {LineKind.TIMEOUT: "Task timed out", LineKind.OUT_OF_MEMORY: "Out of memory"}
"""What a line means says more here than the type that it names, or does not name."""


def error_classes(investigation: Investigated) -> Chart | Prose:
    """Show the classes of error in the log over time; in words where there is none, or the log was not seen."""
    data = errors_data(investigation.evidence, investigation.diagnosis)
    if not data.rows:
        return no_picture(data.unseen) or Prose.of(data.note)
    png, width, height = draw_errors(data)
    said = errors_words(data)
    return Chart("error-classes", "Lines of error by class", errors_alt(data), said, width, height, png)


@dataclass(frozen=True)
class ErrorRow:
    """One class: how many lines of it were written in each period that holds any, by the period's start."""

    name: str
    counts: tuple[tuple[datetime, int], ...]
    first: datetime
    last: datetime

    @property
    def total(self) -> int:
        """How many lines in all."""
        return sum(number for _, number in self.counts)

    @property
    def top(self) -> int:
        """The most lines in one period."""
        return max(number for _, number in self.counts)

    def runs(self, bucket: timedelta) -> Iterator[tuple[tuple[datetime, int], ...]]:
        """Give the periods in runs without an empty one between them."""
        return runs(self.counts, bucket, lambda timed: timed[0])


@dataclass(frozen=True)
class ErrorsData:
    """The most frequent classes, what is left as one row of its own (`others` classes), and what was not searched.

    No row: `unseen` says why the log was not seen, else `note` why it holds none.
    """

    subject: str
    axis: Axis
    lines: MomentLines
    rows: tuple[ErrorRow, ...]
    others: int
    unexamined: tuple[Stretch, ...]
    note: str = ""
    unseen: str = ""


def errors_data(seen: Evidence, diagnosis: Diagnosis) -> ErrorsData:
    """Compute the error classes over the window."""
    axis = window_axis(seen)
    about, marked = subject(seen), lines(diagnosis, axis)
    try:
        group, classes = seen.logs.group, seen.logs.errors
    except NotObserved as unseen:
        blind = tuple(axis.clip(axis.start, axis.end, unseen.gap.reason))
        return ErrorsData(about, axis, marked, (), 0, blind, unseen=unseen.gap.reason)
    blind = failures(seen, axis).unexamined
    named = _named(classes, axis)
    if not named:
        return ErrorsData(about, axis, marked, (), 0, blind, _nothing(group.name, group.exists, blind))
    ranked = sorted(named.items(), key=lambda item: (-len(item[1]), min(item[1]), item[0]))
    kept = ranked if len(ranked) <= MOST_CLASSES + 1 else ranked[:MOST_CLASSES]
    rest = [at for _, times in ranked[len(kept) :] for at in times]
    rows = [_row(name, times, axis) for name, times in kept]
    rows += [_row(OTHER, rest, axis)] if rest else []
    return ErrorsData(about, axis, marked, tuple(rows), len(ranked) - len(kept), blind)


def _named(classes: tuple[ErrorClass, ...], axis: Axis) -> dict[str, list[datetime]]:
    found: dict[str, list[datetime]] = {}
    for error_class in classes:
        times = [at for at in error_class.times if at in axis]
        if times:
            found.setdefault(class_name(error_class), []).extend(times)
    return found


def class_name(error_class: ErrorClass) -> str:
    """Name a class by what happened, else by the error's type, else by the kind of line."""
    return (
        _BY_KIND.get(error_class.kind)
        or error_class.error_type
        or f"{str(error_class.kind).replace('-', ' ')}, no type given"
    )


def _nothing(group: str, exists: bool, blind: tuple[Stretch, ...]) -> str:
    if not exists:
        return f"There is no log group {group}, so no class of error can be drawn."
    where = f"{group}, as far as it was searched" if blind else group
    return f"No failure was found in {where}: there is no class of error to draw."


def _row(name: str, times: list[datetime], axis: Axis) -> ErrorRow:
    counts = Counter(period_of(at, axis) for at in times)
    return ErrorRow(name, tuple(sorted(counts.items())), min(times), max(times))


def period_of(at: datetime, axis: Axis) -> datetime:
    """Give the start of the period that an instant lies in; periods are counted from the start of the axis."""
    return axis.start + (at - axis.start) // axis.bucket * axis.bucket


# -- in words --------------------------------------------------------------------------------------------------------


def errors_alt(data: ErrorsData) -> str:
    """Say in one sentence which classes there are."""
    said = ", ".join(f"{row.name} {row.total:,}" for row in data.rows)
    return f"Lines of error in the log of {data.subject}, by class: {said}."


def errors_words(data: ErrorsData) -> tuple[str, ...]:
    """Say everything that the chart of error classes shows."""
    said = [_row_words(row, data) for row in data.rows]
    said += [f"Not examined {between(stretch, data.axis)}: {stretch.why.rstrip('.')}." for stretch in data.unexamined]
    said += filter(None, [onset_words(data.lines, data.axis)])
    return (*said, "Lines are counted, not invocations: one failure may leave several.")


def _row_words(row: ErrorRow, data: ErrorsData) -> str:
    end, period = data.axis.end, instant.span(data.axis.bucket)
    name = f"{row.name} ({data.others})" if row.name == OTHER and data.others else row.name
    onset = data.lines.onset
    before = f", {_before(row, onset, data.axis.bucket):,} of them before the period of the onset" if onset else ""
    return (
        f"{name}: {row.total:,} line{'' if row.total == 1 else 's'} between {instant.clock(row.first, end)} and"
        f" {instant.clock(row.last, end)}, at most {row.top:,} in {period}{before}."
    )


def _before(row: ErrorRow, onset: datetime, bucket: timedelta) -> int:
    return sum(number for at, number in row.counts if at + bucket <= onset)


# -- drawn -----------------------------------------------------------------------------------------------------------


_ROW_IN = 0.48


_SHOWN = 34
_ODD = re.compile(r"[^ -~]")


def draw_errors(data: ErrorsData) -> Drawn:
    """Draw one row for each class of error, each on its own scale."""
    rows: list[Row] = [(_ROW_IN, partial(draw_class, row=row, data=data)) for row in data.rows]
    return draw_rows(data.subject, f"lines in {instant.span(data.axis.bucket)}", rows, data.axis, data.lines)


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
        fill_bars(axes, edges, [float(number) for _, number in run], colour)
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
