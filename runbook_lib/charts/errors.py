"""The classes of error in the log over time, as data and in words.

Lines are counted, not invocations: one failure may leave several lines, and code may log an error and still succeed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib import instant
from runbook_lib.charts.correlation import MomentLines, lines, subject
from runbook_lib.charts.tracks import failures
from runbook_lib.evidence import Evidence
from runbook_lib.interpret.lambda_log import ErrorClass, LineKind
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.observed import NotObserved
from runbook_lib.showing.axis import Axis, Stretch, runs, window_axis

MOST_CLASSES = 5
OTHER = "other classes"

_BY_KIND = {LineKind.TIMEOUT: "Task timed out", LineKind.OUT_OF_MEMORY: "Out of memory"}
"""What a line means says more here than the type that it names, or does not name."""


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


# -- in words ----------------------------------------------------------------------------------------------------


def errors_alt(data: ErrorsData) -> str:
    """Say in one sentence which classes there are."""
    said = ", ".join(f"{row.name} {row.total:,}" for row in data.rows)
    return f"Lines of error in the log of {data.subject}, by class: {said}."


def errors_words(data: ErrorsData) -> tuple[str, ...]:
    """Say everything that the chart of error classes shows."""
    said = [_row_words(row, data) for row in data.rows]
    said += [
        f"Not examined from {instant.clock(stretch.start, data.axis.end)}"
        f" to {instant.clock(stretch.end, data.axis.end)}: {stretch.why.rstrip('.')}."
        for stretch in data.unexamined
    ]
    if data.lines.onset:
        said.append(f"Onset at {instant.clock(data.lines.onset, data.axis.end)}.")
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
