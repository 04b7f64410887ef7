"""The other functions on the same stream beside this one, on one clock and one scale."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from runbook_lib.charts.investigated import Investigated, no_picture, subject
from runbook_lib.charts.moments import MomentLines, lines, onset_words
from runbook_lib.charts.rows import Row, draw_rows
from runbook_lib.charts.stacked_bars import (
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
from runbook_lib.observed import NotObserved
from runbook_lib.showing.axis import Axis, window_axis
from runbook_lib.showing.blocks import Chart, Prose
from runbook_lib.showing.canvas import Drawn

MOST_SIBLINGS = 4
NO_SIBLING = "No other function reads the same stream, so there is none to compare with."


def siblings(investigation: Investigated) -> Chart | Prose:
    """Show the other functions on the same stream beside this one; in words where there is none, or none was seen."""
    data = siblings_data(investigation.evidence, investigation.diagnosis)
    if not data.rows:
        return no_picture(data.unseen) or Prose.of(NO_SIBLING)
    png, width, height = draw_siblings(data)
    said = siblings_words(data)
    return Chart("siblings", "The other functions on the stream", siblings_alt(data), said, width, height, png)


@dataclass(frozen=True)
class SiblingsData:
    """The function and the others on the same stream, first the function itself, all on one scale from 0 to `top`.

    `more` others are not drawn. No row: no other function reads the stream, or `unseen` says why that is not known.
    """

    subject: str
    axis: Axis
    lines: MomentLines
    rows: tuple[StackedBars, ...]
    more: int
    unseen: str = ""

    @property
    def top(self) -> float:
        """The highest bar of all rows."""
        return max((stack.top for stack in self.rows), default=0.0)


def siblings_data(seen: Evidence, diagnosis: Diagnosis) -> SiblingsData:
    """Compute the siblings over the window."""
    axis = window_axis(seen)
    marked = lines(diagnosis, axis)
    try:
        names = sorted(seen.metrics.siblings)
        every = {mapping.function.name for mapping in seen.mappings.same_stream} | set(names)
    except NotObserved as unseen:
        return SiblingsData(subject(seen), axis, marked, (), 0, unseen.gap.reason)
    drawn = names[:MOST_SIBLINGS]
    ours = outcomes_of(lambda seen: seen.metrics.invocations, lambda seen: seen.metrics.errors)
    rows = [("self", f"{seen.incident.function}, the one of this incident", ours)]
    rows += [(f"sibling-{name}", name, _sibling(name)) for name in drawn]
    stacks = tuple(stacked(id, title, "", parts, seen, axis, marked.onset) for id, title, parts in rows)
    return SiblingsData(subject(seen), axis, marked, stacks if drawn else (), len(every) - len(drawn))


def _sibling(name: str) -> tuple[Part, ...]:
    return outcomes_of(lambda seen: seen.metrics.siblings[name], lambda seen: seen.metrics.sibling_errors[name])


# -- in words --------------------------------------------------------------------------------------------------------


def siblings_alt(data: SiblingsData) -> str:
    """Say in one sentence how the others on the stream do."""
    others = "; ".join(f"{stack.title}: {layers_words(stack, data.axis)}" for stack in data.rows[1:])
    return f"Other functions on the stream of {data.subject}, on one scale: {others}."


def siblings_words(data: SiblingsData) -> tuple[str, ...]:
    """Say everything that the siblings chart shows."""
    said = [f"All rows share the clock and the scale, 0 to {data.top:,.0f} invocations {_scale(data)}."]
    said += [stack_words(stack, data.axis, data.lines) for stack in data.rows]
    if data.more:
        said.append(f"{data.more} more functions read the stream and are not drawn.")
    return (*said, *filter(None, (onset_words(data.lines, data.axis),)))


def _scale(data: SiblingsData) -> str:
    return data.rows[0].unit


# -- drawn -----------------------------------------------------------------------------------------------------------


_ROW_IN = 0.6


def draw_siblings(data: SiblingsData) -> Drawn:
    """Draw the function and its siblings as small multiples on one scale."""
    rows: list[Row] = [(_ROW_IN, partial(draw_stack, stack=stack, axis=data.axis, top=data.top)) for stack in data.rows]
    said = f"all on one scale, 0 to {data.top:,.0f} invocations {_scale(data)}"
    more = f", {data.more} more not drawn" if data.more else ""
    return draw_rows(data.subject, f"{said}{more}", rows, data.axis, data.lines)
