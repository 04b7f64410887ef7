"""Pictures of an incident, each with the same said in words.

Each function takes an investigation (anything with `evidence` and `diagnosis`) and returns a `blocks.Chart`, or a
sentence where there is nothing to draw. What is drawn is computed first, as data that can be tested; matplotlib is
loaded only when something is drawn. Nothing here judges, or draws what was not counted.
"""

from __future__ import annotations

from runbook_lib.charts import errors, single, stacks
from runbook_lib.charts.correlation import alt, correlation, describe, subject
from runbook_lib.charts.data import Investigated
from runbook_lib.showing.axis import Axis, overview_axis, zoom_axis
from runbook_lib.showing.blocks import Chart, Prose

__all__ = [
    "correlation_overview",
    "correlation_zoom",
    "error_classes",
    "iterator_age",
    "outcomes",
    "pipe_stages",
    "siblings",
]


def correlation_overview(investigation: Investigated) -> Chart:
    """Show metrics, configuration changes, mapping states and log failures of the whole window on one UTC axis."""
    axis = overview_axis(investigation.evidence, investigation.diagnosis)
    return _correlation(investigation, axis, "correlation-overview", "What changed, and what the metrics did")


def correlation_zoom(investigation: Investigated) -> Chart:
    """Show the same from 30 minutes before the onset to 60 after it, minute by minute."""
    axis = zoom_axis(investigation.evidence, investigation.diagnosis)
    return _correlation(investigation, axis, "correlation-zoom", "The onset, minute by minute")


def _correlation(investigation: Investigated, axis: Axis, id: str, title: str) -> Chart:
    from runbook_lib.charts.draw_correlation import draw

    data = correlation(investigation.evidence, investigation.diagnosis, axis)
    png, width, height = draw(data)
    return Chart(id, title, alt(data), describe(data), width, height, png)


def iterator_age(investigation: Investigated) -> Chart:
    """Show how old the records were that reached the function, the 24 hours they live, and the projected deadline."""
    from runbook_lib.charts.draw_single import draw_age

    data = single.age_data(investigation.evidence, investigation.diagnosis)
    png, width, height = draw_age(data)
    title = "How old what waits is, and when it is lost"
    return Chart("iterator-age", title, single.age_alt(data), single.age_words(data), width, height, png)


def outcomes(investigation: Investigated) -> Chart:
    """Show the writes, and stacked beneath what became of invocations, and of records where the mapping counts them."""
    from runbook_lib.charts.draw_stacks import draw_outcomes

    data = stacks.outcomes_data(investigation.evidence, investigation.diagnosis)
    png, width, height = draw_outcomes(data)
    said = stacks.outcomes_words(data)
    return Chart("outcomes", "What became of the invocations", stacks.outcomes_alt(data), said, width, height, png)


def siblings(investigation: Investigated) -> Chart | Prose:
    """Show the other functions on the same stream beside this one; in words where there is none, or none was seen."""
    data = stacks.siblings_data(investigation.evidence, investigation.diagnosis)
    if not data.rows:
        return _unseen(data.unseen) or Prose.of(stacks.NO_SIBLING)
    from runbook_lib.charts.draw_stacks import draw_siblings

    png, width, height = draw_siblings(data)
    said = stacks.siblings_words(data)
    return Chart("siblings", "The other functions on the stream", stacks.siblings_alt(data), said, width, height, png)


def error_classes(investigation: Investigated) -> Chart | Prose:
    """Show the classes of error in the log over time; in words where there is none, or the log was not seen."""
    data = errors.errors_data(investigation.evidence, investigation.diagnosis)
    if not data.rows:
        return _unseen(data.unseen) or Prose.of(data.note)
    from runbook_lib.charts.draw_stacks import draw_errors

    png, width, height = draw_errors(data)
    said = errors.errors_words(data)
    return Chart("error-classes", "Lines of error by class", errors.errors_alt(data), said, width, height, png)


def _unseen(reason: str) -> Prose | None:
    """Say why there is no picture, where what it shows could not be seen."""
    return Prose.of(f"There is no picture: {reason}", style="gap") if reason else None


def pipe_stages(investigation: Investigated) -> Chart:
    """Show the pipe from write to function, and the first stage at which records stop."""
    from runbook_lib.charts.draw_single import draw_pipe

    boxes = single.pipe_data(investigation.diagnosis)
    png, width, height = draw_pipe(boxes, subject(investigation.evidence))
    words = tuple(single.pipe_words(investigation.diagnosis))
    return Chart("pipe-stages", "Where the pipe breaks", single.pipe_alt(boxes), words, width, height, png)
