"""Pictures of an incident, each with the same said in words.

Each function takes an investigation (anything with `evidence` and `diagnosis`) and returns a `blocks.Chart`. What is
drawn is computed first, as data that can be tested; matplotlib is loaded only when something is drawn.
"""

from __future__ import annotations

from runbook_lib.blocks import Chart
from runbook_lib.charts.correlation import alt, correlation, describe
from runbook_lib.charts.data import Axis, Investigated, overview_axis, zoom_axis

__all__ = ["correlation_overview", "correlation_zoom"]


def correlation_overview(investigation: Investigated) -> Chart:
    """Show metrics, configuration changes, mapping states and log failures of the whole window on one UTC axis."""
    axis = overview_axis(investigation.evidence, investigation.diagnosis)
    return _correlation(investigation, axis, "correlation-overview", "What changed, and what the metrics did")


def correlation_zoom(investigation: Investigated) -> Chart:
    """Show the same from 30 minutes before the onset to 60 after it, minute by minute."""
    axis = zoom_axis(investigation.evidence, investigation.diagnosis)
    return _correlation(investigation, axis, "correlation-zoom", "The onset, minute by minute")


def _correlation(investigation: Investigated, axis: Axis, id: str, title: str) -> Chart:
    from runbook_lib.charts.overview import draw

    data = correlation(investigation.evidence, investigation.diagnosis, axis)
    png, width, height = draw(data)
    return Chart(id, title, alt(data), describe(data), width, height, png)
