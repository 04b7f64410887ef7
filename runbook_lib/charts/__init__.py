"""Pictures of an incident, each with the same said in words.

Each function takes an investigation (anything with `evidence` and `diagnosis`) and returns a `blocks.Chart`, or a
sentence where there is nothing to draw. It lies in the module of its name (both correlation charts in `correlation`),
which computes the data, a pure function of evidence and diagnosis that can be tested; says it in words; and draws it,
from the data alone. Modules of other names hold the parts that several charts are put together from. matplotlib is
loaded only when something is drawn. Nothing here judges, or draws what was not
counted.
"""

from __future__ import annotations

from runbook_lib.charts.correlation import correlation_overview, correlation_zoom
from runbook_lib.charts.error_classes import error_classes
from runbook_lib.charts.iterator_age import iterator_age
from runbook_lib.charts.outcomes import outcomes
from runbook_lib.charts.pipe_stages import pipe_stages
from runbook_lib.charts.siblings import siblings

__all__ = [
    "correlation_overview",
    "correlation_zoom",
    "error_classes",
    "iterator_age",
    "outcomes",
    "pipe_stages",
    "siblings",
]
