"""The siblings chart: the functions on one stream share clock and scale, and one unseen is not one missing."""

from __future__ import annotations

import pytest
from example_evidence import DENIED, Seen, example_seen, replaced, with_fields

from runbook_lib import charts
from runbook_lib.charts.siblings import MOST_SIBLINGS, NO_SIBLING, siblings_data, siblings_words
from runbook_lib.charts.stacked_bars import draw_stack
from runbook_lib.observed import NotObserved
from runbook_lib.showing import canvas
from runbook_lib.showing.blocks import Chart, Prose


def _with_siblings(number: int) -> Seen:
    """Give the example with so many other functions on its stream, each with other counts."""
    seen = example_seen()
    (series,) = seen.evidence.metrics.siblings.values()
    (errors,) = seen.evidence.metrics.sibling_errors.values()
    some = {
        f"reader-{n}": replaced(series, points={at: v * (n + 1) for at, v in series.points.items()})
        for n in range(number)
    }
    return Seen(
        with_fields(seen.evidence, "metrics", siblings=some, sibling_errors=dict.fromkeys(some, errors)), seen.diagnosis
    )


def test_siblings_share_clock_and_scale() -> None:
    """The function stands first, its siblings beneath, as many as fit, on one stated scale that holds them all."""
    seen = _with_siblings(MOST_SIBLINGS + 2)
    data = siblings_data(seen.evidence, seen.diagnosis)
    assert [row.id for row in data.rows] == ["self", *(f"sibling-reader-{n}" for n in range(MOST_SIBLINGS))]
    assert data.top == max(row.top for row in data.rows) > data.rows[0].top
    assert data.more == 3
    said = siblings_words(data)
    assert f"0 to {data.top:,.0f} invocations a minute" in said[0]
    assert "3 more functions read the stream and are not drawn." in said


def test_siblings_are_drawn_on_one_scale() -> None:
    """Read back from the axes, every row has the same limits."""
    seen = _with_siblings(3)
    data = siblings_data(seen.evidence, seen.diagnosis)
    with canvas.drawing(4.0) as figure:
        limits = set()
        for row in data.rows:
            axes = figure.add_axes((0, 0, 1, 1))
            draw_stack(axes, row, data.axis, top=data.top)
            limits.add(axes.get_ylim())
    assert len(limits) == 1


def test_siblings_unseen_are_not_siblings_missing() -> None:
    """That no other function reads the stream is said only where it was seen; one whose errors are unseen is drawn."""
    seen = example_seen()
    nobody = with_fields(with_fields(seen.evidence, "metrics", siblings={}), "mappings", same_stream=())
    assert charts.siblings(Seen(nobody, seen.diagnosis)) == Prose.of(NO_SIBLING)
    unseen = charts.siblings(Seen(with_fields(seen.evidence, "metrics", siblings=DENIED), seen.diagnosis))
    assert isinstance(unseen, Prose)
    assert unseen.style == "gap"
    half = with_fields(seen.evidence, "metrics", sibling_errors=DENIED)
    with pytest.raises(NotObserved):
        _ = half.metrics.sibling_errors
    shown = charts.siblings(Seen(half, seen.diagnosis))
    assert isinstance(shown, Chart)
    assert "orders-notifier: succeeded not examined (May not be called), 19,666 outcome unknown" in shown.alt
