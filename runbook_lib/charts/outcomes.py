"""What became of the invocations, and of records where the mapping counts them, beneath the writes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from runbook_lib import instant
from runbook_lib.charts.investigated import Investigated, subject
from runbook_lib.charts.moments import MomentLines, lines, onset_words
from runbook_lib.charts.panels import WRITES, Panel, draw_panel, of_series, panel, panel_height, panel_words
from runbook_lib.charts.rows import Row, draw_rows
from runbook_lib.charts.stacked_bars import (
    Counted,
    Part,
    StackedBars,
    draw_stack,
    layers_words,
    outcomes_of,
    stack_words,
    stacked,
)
from runbook_lib.evidence import Evidence
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.observed import otherwise
from runbook_lib.showing.axis import Axis, window_axis
from runbook_lib.showing.blocks import Chart
from runbook_lib.showing.canvas import Drawn


def outcomes(investigation: Investigated) -> Chart:
    """Show the writes, and stacked beneath what became of invocations, and of records where the mapping counts them."""
    data = outcomes_data(investigation.evidence, investigation.diagnosis)
    png, width, height = draw_outcomes(data)
    said = outcomes_words(data)
    return Chart("outcomes", "What became of the invocations", outcomes_alt(data), said, width, height, png)


_OUTCOMES = (
    *outcomes_of(lambda seen: seen.metrics.invocations, lambda seen: seen.metrics.errors),
    Part("throttled", "throttled", of_series(lambda seen: seen.metrics.throttles), harm=True),
    Part("dropped", "dropped (loop)", of_series(lambda seen: seen.metrics.recursion_dropped), harm=True, rare=True),
)
_DELIVERED = "OnFailureDestinationDeliveredEventCount"
_MOST_MAPPINGS = 2


@dataclass(frozen=True)
class OutcomesData:
    """Writes, what became of the invocations, and what became of the records of mappings that count them."""

    subject: str
    axis: Axis
    lines: MomentLines
    writes: Panel
    stacks: tuple[StackedBars, ...]
    note: str


def outcomes_data(seen: Evidence, diagnosis: Diagnosis) -> OutcomesData:
    """Compute the outcomes over the window."""
    axis = window_axis(seen)
    marked = lines(diagnosis, axis)
    uuids = otherwise(lambda: sorted(seen.metrics.mapping_events), None)
    kinds = [("invocations", "Invocations", "", _OUTCOMES)]
    kinds += [
        (f"records-{uuid}", f"Records of mapping {uuid[:8]}", "records", _records(uuid))
        for uuid in (uuids or [])[:_MOST_MAPPINGS]
    ]
    stacks = [stacked(*kind, seen, axis, marked.onset) for kind in kinds]
    return OutcomesData(
        subject(seen), axis, marked, panel(WRITES, seen, axis, diagnosis.onset), tuple(stacks), _note(uuids)
    )


def _records(uuid: str) -> tuple[Part, ...]:
    return (
        Part("invoked", "handed over", partial(_events, uuid, "InvokedEventCount")),
        Part("filtered", "filtered out", partial(_events, uuid, "FilteredOutEventCount")),
        Part("dropped", "dropped", partial(_events, uuid, "DroppedEventCount"), harm=True),
        Part("destination", "to failure target", partial(_events, uuid, _DELIVERED), harm=True),
    )


def _events(uuid: str, metric: str, seen: Evidence) -> Counted:
    series = seen.metrics.mapping_events[uuid][metric]
    return series.points, series.period


def _note(uuids: list[str] | None) -> str:
    if uuids is None:
        return "Whether the mapping counts its records could not be seen; those filtered or dropped are not known."
    if not uuids:
        return "The mapping does not count its records (EventCount metrics); those filtered or dropped are not known."
    more = len(uuids) - _MOST_MAPPINGS
    return f"{more} more mappings count their records and are not drawn." if more > 0 else ""


# -- in words --------------------------------------------------------------------------------------------------------


def outcomes_alt(data: OutcomesData) -> str:
    """Say in one sentence what became of the invocations."""
    return f"Invocations of {data.subject}: {layers_words(data.stacks[0], data.axis)}."


def outcomes_words(data: OutcomesData) -> tuple[str, ...]:
    """Say everything that the outcomes chart shows."""
    return tuple(
        sentence
        for sentence in (
            panel_words(data.writes, data.axis, bool(data.lines.onset)),
            *(stack_words(stack, data.axis, data.lines) for stack in data.stacks),
            data.note,
            onset_words(data.lines, data.axis),
        )
        if sentence
    )


# -- drawn -----------------------------------------------------------------------------------------------------------


_STACK_IN = 1.15


def draw_outcomes(data: OutcomesData) -> Drawn:
    """Draw the writes, and beneath them what became of invocations and records."""
    rows: list[Row] = [(panel_height(data.writes), partial(draw_panel, panel=data.writes, axis=data.axis))]
    rows += [(_STACK_IN, partial(draw_stack, stack=stack, axis=data.axis)) for stack in data.stacks]
    return draw_rows(data.subject, _said(data.stacks[0]), rows, data.axis, data.lines)


def _said(stack: StackedBars) -> str:
    return f"bars: the worst minute of each {instant.span(stack.bucket)}" if stack.bucket > instant.MINUTE else ""
