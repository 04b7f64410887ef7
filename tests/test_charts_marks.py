"""Every mark of every picture, read back from its axes: it is in the data, and it lies where it can be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from example_evidence import Seen, example, example_seen, failing_seen, judged
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle, StepPatch

from runbook_lib import charts, instant
from runbook_lib.charts.correlation import correlation_data, draw_correlation
from runbook_lib.charts.iterator_age import age_data, draw_age
from runbook_lib.charts.panels import AGE, INVOCATIONS, LEAST_AGE, PanelSource, draw_panel, panel
from runbook_lib.charts.pipe_stages import draw_pipe, pipe_data
from runbook_lib.showing import canvas
from runbook_lib.showing.axis import Axis, zoom_axis
from runbook_lib.showing.blocks import Chart

pytestmark = pytest.mark.sampled

MINUTE = timedelta(minutes=1)
START = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
TIMED = [name for name in charts.__all__ if name != "pipe_stages"]
WORLDS: dict[str, Callable[[], Seen]] = {
    "stream-recreated": example_seen,
    "poison-record": failing_seen,
    "healthy": lambda: judged(example("healthy")),
    "concurrency-zero": lambda: judged(example("concurrency-zero")),
}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are drawn, instead of their bytes."""
    figures: list[Figure] = []
    monkeypatch.setattr(canvas, "png", lambda figure: figures.append(figure) or b"")
    return figures


def _places(axes: Any) -> Iterator[float]:
    """Every place in time at which something of these axes is drawn."""
    for line in axes.lines:
        if line.get_transform().contains_branch_seperately(axes.transData)[0]:
            yield from map(float, line.get_xdata())
    for patch in axes.patches:
        if isinstance(patch, StepPatch):
            yield from map(float, patch.get_data().edges)
        elif isinstance(patch, Rectangle):
            yield from (patch.get_x(), patch.get_x() + patch.get_width())
    for collection in axes.collections:
        yield from (float(place) for segment in collection.get_segments() for place in segment[:, 0])


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("world", WORLDS)
def test_every_mark_lies_on_its_axis(name: str, world: str, drawn: list[Figure]) -> None:
    """No line, bar, stretch or mark lies outside the time that its axes show, and all axes show the same time."""
    shown = getattr(charts, name)(WORLDS[world]())
    assert isinstance(shown, Chart) == bool(drawn)
    limits = {axes.get_xlim() for figure in drawn for axes in figure.axes}
    assert len(limits) == len(drawn)
    for figure in drawn:
        for axes in figure.axes:
            low, high = axes.get_xlim()
            assert all(low - 1e-9 <= place <= high + 1e-9 for place in _places(axes))


@pytest.mark.parametrize("world", WORLDS)
def test_every_change_and_failure_is_a_mark(world: str, drawn: list[Figure]) -> None:
    """On the correlation chart each change of a lane and each failure of the log stands at its own instant."""
    seen = WORLDS[world]()
    data = correlation_data(seen.evidence, seen.diagnosis, zoom_axis(seen.evidence, seen.diagnosis))
    draw_correlation(data)
    parts = drawn[0].axes
    marks = [
        float(line.get_xdata()[0]) for axes in parts for line in axes.lines if line.get_marker() in ("D", "o", "s", "X")
    ]
    wanted = [canvas.x(mark.at) for lane in data.lanes for mark in lane.marks]
    assert set(wanted) <= set(marks)
    ticks = [
        segment[0][0] for axes in parts for collection in axes.collections for segment in collection.get_segments()
    ]
    assert ticks == [canvas.x(at) for at in data.failures.times]


def test_the_projection_is_drawn_from_axis_to_deadline(drawn: list[Figure]) -> None:
    """The dashed line begins on the axis, though what waits is older, and ends at the deadline with the age it has."""
    seen = example_seen()
    data = age_data(seen.evidence, seen.diagnosis)
    assert data.oldest
    assert data.deadline
    late = replace(data, axis=replace(data.axis, start=data.oldest + timedelta(hours=1)))
    draw_age(late)
    axes = drawn[0].axes[0]
    dashed = next(line for line in axes.lines if len(line.get_xdata()) == 61)
    assert (dashed.get_xdata()[0], dashed.get_xdata()[-1]) == (canvas.x(late.axis.start), canvas.x(data.deadline))
    assert (dashed.get_ydata()[0], dashed.get_ydata()[-1]) == (3600, 86_400)


@given(st.floats(0, 1))
def test_labels_beside_a_line_stay_in_the_part(place: float) -> None:
    """A label at either end of an axis leads inwards, one in the middle to the side that was asked for."""
    with canvas.drawing(1.0) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(canvas.x(START), canvas.x(START + 24 * 60 * MINUTE))
        at = START + place * 24 * 60 * MINUTE
        sides = {canvas.beside(axes, at, wanted="left"), canvas.beside(axes, at, wanted="right")}
    assert sides == ({"left"} if place < 0.149 else {"right"} if place > 0.851 else sides)
    assert len(sides) == 2 or not 0.151 < place < 0.849


def test_the_boxes_of_the_pipe_lie_apart(drawn: list[Figure]) -> None:
    """Every stage has one box, inside the picture, and no two of them touch."""
    boxes = pipe_data(example_seen().diagnosis)
    draw_pipe(boxes, "Orders")
    axes = drawn[0].axes[0]
    extents = [patch.get_path().get_extents() for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    assert len(extents) == len(boxes)
    assert not [pair for pair in combinations(extents, 2) if pair[0].overlaps(pair[1])]
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    assert all(
        left <= extent.x0 and extent.x1 <= right and low <= extent.y0 and extent.y1 <= high for extent in extents
    )


POINTS = st.dictionaries(
    st.integers(-20, 25 * 60).map(lambda minute: START + minute * MINUTE),
    st.integers(0, 90_000).map(float),
    max_size=40,
)


def _axes(source: PanelSource, points: dict[datetime, float], hours: float) -> tuple[Any, Any]:
    """Draw one panel of these points; give its data and its axes."""
    end = START + timedelta(hours=hours)
    axis = Axis(START, end, end - 3 * MINUTE, START, end)
    data = panel(replace(source, read=lambda _: (points, MINUTE)), example(), axis, None)
    with canvas.drawing(1.0) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        draw_panel(axes, data, axis)
    return data, axes


@given(POINTS, st.sampled_from([0.5, 6.0, 24.0]))
def test_bars_are_the_points(points: dict[datetime, float], hours: float) -> None:
    """The bars of a metric are its points, each from the start of its period on, and none is added."""
    data, axes = _axes(INVOCATIONS, points, hours)
    shapes = [patch.get_data() for patch in axes.patches if isinstance(patch, StepPatch)]
    bars = [(at, value) for shape in shapes for at, value in zip(shape.edges, shape.values, strict=False)]
    assert bars == [(canvas.x(instant.floor(at, data.bucket)), value) for at, value in data.points]


@given(POINTS, st.sampled_from([0.5, 6.0, 24.0]))
def test_ages_are_the_points(points: dict[datetime, float], hours: float) -> None:
    """The line of ages goes through its points and no other, and is broken wherever a period is empty."""
    data, axes = _axes(AGE, points, hours)
    drawn = [
        list(zip(line.get_xdata(), line.get_ydata(), strict=True))
        for line in axes.lines
        if line.get_transform() == axes.transData
    ]
    assert drawn == [[(canvas.x(at), max(age, LEAST_AGE)) for at, age in run] for run in data.runs()]


@given(st.integers(-(10**6), 10**6), st.integers(0, 59))
def test_instants_stand_where_matplotlib_puts_them(minutes: int, seconds: int) -> None:
    """Instants are placed as by matplotlib's own dates, which the ticks of other tools are read against."""
    at = START + timedelta(minutes=minutes, seconds=seconds)
    assert canvas.x(at) == pytest.approx(float(date2num(at)), abs=1e-8)
