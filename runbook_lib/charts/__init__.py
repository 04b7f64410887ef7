"""Pictures of an incident, each with the same said in words.

Each function takes an investigation (anything with `evidence` and `diagnosis`) and returns a `blocks.Chart`. What is
drawn is computed first, as data that can be tested; matplotlib is loaded only when something is drawn.
"""

from __future__ import annotations

from runbook_lib.blocks import Chart
from runbook_lib.charts import single
from runbook_lib.charts.correlation import alt, correlation, describe, subject
from runbook_lib.charts.data import Axis, Investigated, overview_axis, zoom_axis

__all__ = ["correlation_overview", "correlation_zoom", "invocations", "iterator_age", "pipe_stages"]


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


def invocations(investigation: Investigated) -> Chart:
    """Show writes against invocations and their failures, throttles, and the other functions on the same stream."""
    from runbook_lib.charts.draw_single import draw_invocations

    data = single.invocations_data(investigation.evidence, investigation.diagnosis)
    png, width, height = draw_invocations(data)
    words = single.invocations_words(data)
    return Chart("invocations", "Invoked, failed, throttled", single.invocations_alt(data), words, width, height, png)


def pipe_stages(investigation: Investigated) -> Chart:
    """Show the pipe from write to function, and the first stage at which records stop."""
    from runbook_lib.charts.draw_single import draw_pipe

    boxes = single.pipe_data(investigation.diagnosis)
    png, width, height = draw_pipe(boxes, subject(investigation.evidence))
    words = tuple(single.pipe_words(investigation.diagnosis))
    return Chart("pipe-stages", "Where the pipe breaks", single.pipe_alt(boxes), words, width, height, png)
