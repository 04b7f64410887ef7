"""Stacks of outcomes: each part of a bar is what its own metric counted in that minute, and the words say the same."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from example_evidence import example
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import StepPatch

from runbook_lib import instant
from runbook_lib.charts.stacked_bars import Bar, Part, StackedBars, draw_stack, outcomes_of, stacked
from runbook_lib.evidence.signals import Series
from runbook_lib.showing import canvas
from runbook_lib.showing.axis import Axis

MINUTE = timedelta(minutes=1)
START = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)

COUNTS = st.dictionaries(
    st.integers(-30, 25 * 60).map(lambda minute: START + minute * MINUTE), st.integers(0, 5000).map(float), max_size=40
)
HOURS = st.sampled_from([0.5, 1.5, 6.0, 24.0, 48.0])


def _axis(hours: float) -> Axis:
    end = START + timedelta(hours=hours)
    return Axis(START, end, end - timedelta(minutes=3), START, end)


def _series(points: Mapping[datetime, float], period: timedelta = MINUTE) -> Series:
    return Series("m", "M", "count", "Sum", period, points, "ref-1")


def _stack(invocations: Series, errors: Series, throttles: Series, axis: Axis) -> StackedBars:
    parts = (
        *outcomes_of(lambda _: invocations, lambda _: errors),
        Part("throttled", "throttled", lambda _: (throttles.points, throttles.period), harm=True),
    )
    return stacked("invocations", "Invocations", "", parts, example(), axis, None)


def _by_layer(stack: StackedBars, bar: Bar) -> dict[str, float | None]:
    return dict(zip([layer.id for layer in stack.layers], bar.values, strict=True))


@given(COUNTS, COUNTS, COUNTS, HOURS, st.randoms(use_true_random=False))
def test_every_part_of_a_bar_was_counted_in_its_minute(
    invoked: dict[datetime, float],
    failed: dict[datetime, float],
    throttled: dict[datetime, float],
    hours: float,
    chance: random.Random,
) -> None:
    """A part is its metric's own datapoint or none; succeeded and failed make up the invocations; order is nothing."""
    axis = _axis(hours)
    drawn = _stack(_series(invoked), _series(failed), _series(throttled), axis)
    for bar in drawn.bars:
        parts = _by_layer(drawn, bar)
        assert bar.at in axis
        assert parts["failed"] == failed.get(bar.at)
        assert parts["throttled"] == throttled.get(bar.at)
        if parts["succeeded"] is not None:
            assert parts["succeeded"] + (parts["failed"] or 0) == invoked[bar.at]
        if parts.get("unknown") is not None:
            assert bar.at not in failed
            assert parts["unknown"] == invoked[bar.at]
    shuffled = [list(points.items()) for points in (invoked, failed, throttled)]
    for points in shuffled:
        chance.shuffle(points)
    assert _stack(*(_series(dict(points)) for points in shuffled), axis) == drawn  # type: ignore[call-arg, arg-type, misc]


@given(COUNTS, COUNTS, COUNTS, HOURS)
def test_of_each_period_the_worst_minute_is_drawn(
    invoked: dict[datetime, float], failed: dict[datetime, float], throttled: dict[datetime, float], hours: float
) -> None:
    """Every period with a datapoint has one bar, that of most harm; totals count every minute; gaps stay gaps."""
    axis = _axis(hours)
    drawn = _stack(_series(invoked), _series(failed), _series(throttled), axis)
    counted = {at for points in (invoked, failed, throttled) for at in points if at in axis}
    homes = [instant.floor(bar.at, drawn.bucket) for bar in drawn.bars]
    assert homes == sorted({instant.floor(at, drawn.bucket) for at in counted})
    for bar, home in zip(drawn.bars, homes, strict=True):
        within = [at for at in counted if instant.floor(at, drawn.bucket) == home]
        assert failed.get(bar.at, 0) + throttled.get(bar.at, 0) == max(
            failed.get(at, 0) + throttled.get(at, 0) for at in within
        )
    totals = {layer.id: layer.total for layer in drawn.layers}
    assert totals["failed"] == sum(value for at, value in failed.items() if at in axis)
    for run in drawn.runs():
        starts = [instant.floor(bar.at, drawn.bucket) for bar in run]
        assert all(later - sooner == drawn.bucket for sooner, later in pairwise(starts))
    assert not [at for stretch in drawn.silent for at in counted if stretch.start <= at < stretch.end]


@given(COUNTS, COUNTS, COUNTS, HOURS)
def test_what_is_drawn_is_the_data(
    invoked: dict[datetime, float], failed: dict[datetime, float], throttled: dict[datetime, float], hours: float
) -> None:
    """Read back from the axes, the shapes hold each value above nothing once, in its period, within the axis."""
    axis = _axis(hours)
    drawn_stack = _stack(_series(invoked), _series(failed), _series(throttled), axis)
    with canvas.drawing(1.0) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        draw_stack(axes, drawn_stack, axis)
        shapes = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    drawn: list[tuple[str, float, float]] = []
    for shape in shapes:
        tops, edges, base = shape.get_data()
        assert canvas.x(axis.start) <= min(edges)
        assert max(edges) <= canvas.x(axis.end)
        drawn += [(str(shape.get_label()), at, top - low) for at, top, low in zip(edges, tops, base, strict=False)]
    wanted = [
        (layer.id, canvas.x(max(instant.floor(bar.at, drawn_stack.bucket), axis.start)), value)
        for bar in drawn_stack.bars
        for layer, value in zip(drawn_stack.layers, bar.values, strict=True)
        if value
    ]
    assert len(drawn) == len(wanted)
    for (name, at, height), (layer, start, value) in zip(sorted(drawn), sorted(wanted), strict=True):
        assert name == layer
        assert (at, height) == pytest.approx((start, value))


def test_a_longer_period_changes_the_unit() -> None:
    """Counts of five minutes are never headed a minute."""
    five = timedelta(minutes=5)
    axis = _axis(1)
    points = {START: 5.0}
    drawn_stack = _stack(_series(points, five), _series(points, five), _series({}, five), axis)
    assert (drawn_stack.unit, drawn_stack.bucket) == ("in 5 min", five)
    assert _stack(_series(points), _series(points), _series({}), axis).unit == "a minute"
