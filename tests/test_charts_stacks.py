"""Stacks of outcomes: each part of a bar is what its own metric counted in that minute, and the words say the same."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from example_evidence import DENIED, Seen, example, example_seen, failing_seen, judged, replaced, with_fields
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import StepPatch

from runbook_lib import charts, instant
from runbook_lib.blocks import Chart, Prose
from runbook_lib.charts import canvas
from runbook_lib.charts.data import Axis
from runbook_lib.charts.draw_stacks import draw_stack, label_of
from runbook_lib.charts.stacks import (
    MOST_SIBLINGS,
    NO_SIBLING,
    Bar,
    Part,
    Stacked,
    outcomes_data,
    outcomes_of,
    outcomes_words,
    siblings_data,
    siblings_words,
    stacked,
)
from runbook_lib.evidence import NotObserved
from runbook_lib.evidence.signals import Series

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


def _stack(invocations: Series, errors: Series, throttles: Series, axis: Axis) -> Stacked:
    parts = (
        *outcomes_of(lambda _: invocations, lambda _: errors),
        Part("throttled", "throttled", lambda _: (throttles.points, throttles.period), harm=True),
    )
    return stacked("invocations", "Invocations", "", parts, example(), axis, None)


def _by_layer(one: Stacked, bar: Bar) -> dict[str, float | None]:
    return dict(zip([layer.id for layer in one.layers], bar.values, strict=True))


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
    shuffled = [list(one.items()) for one in (invoked, failed, throttled)]
    for one in shuffled:
        chance.shuffle(one)
    assert _stack(*(_series(dict(one)) for one in shuffled), axis) == drawn  # type: ignore[call-arg, arg-type, misc]


@given(COUNTS, COUNTS, COUNTS, HOURS)
def test_of_each_period_the_worst_minute_is_drawn(
    invoked: dict[datetime, float], failed: dict[datetime, float], throttled: dict[datetime, float], hours: float
) -> None:
    """Every period with a datapoint has one bar, that of most harm; totals count every minute; gaps stay gaps."""
    axis = _axis(hours)
    drawn = _stack(_series(invoked), _series(failed), _series(throttled), axis)
    counted = {at for one in (invoked, failed, throttled) for at in one if at in axis}
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
    assert not [at for one in drawn.silent for at in counted if one.start <= at < one.end]


@settings(max_examples=20)  # each is drawn
@given(COUNTS, COUNTS, COUNTS, HOURS)
def test_what_is_drawn_is_the_data(
    invoked: dict[datetime, float], failed: dict[datetime, float], throttled: dict[datetime, float], hours: float
) -> None:
    """Read back from the axes, the shapes hold each value above nothing once, in its period, within the axis."""
    axis = _axis(hours)
    one = _stack(_series(invoked), _series(failed), _series(throttled), axis)
    with canvas.drawing(1.0) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        draw_stack(axes, one, axis)
        shapes = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    drawn: list[tuple[str, float, float]] = []
    for shape in shapes:
        tops, edges, base = shape.get_data()
        assert canvas.x(axis.start) <= min(edges)
        assert max(edges) <= canvas.x(axis.end)
        drawn += [(str(shape.get_label()), at, top - low) for at, top, low in zip(edges, tops, base, strict=False)]
    wanted = [
        (layer.id, canvas.x(max(instant.floor(bar.at, one.bucket), axis.start)), value)
        for bar in one.bars
        for layer, value in zip(one.layers, bar.values, strict=True)
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
    one = _stack(_series(points, five), _series(points, five), _series({}, five), axis)
    assert (one.unit, one.bucket) == ("in 5 min", five)
    assert _stack(_series(points), _series(points), _series({}), axis).unit == "a minute"


# -- on evidence -------------------------------------------------------------------------------------------------


def test_the_outcomes_are_those_of_the_metrics() -> None:
    """The totals of the layers are the metrics' own, and the words say them."""
    seen = failing_seen()
    data = outcomes_data(seen.evidence, seen.diagnosis)
    totals = {layer.id: layer.total for layer in data.stacks[0].layers}
    metrics = seen.evidence.metrics
    failed = sum(metrics.errors.points.values())
    assert failed > 0
    assert totals == {"succeeded": sum(metrics.invocations.points.values()) - failed, "failed": failed, "throttled": 0}
    said = " ".join(outcomes_words(data))
    assert f"{totals['succeeded']:,.0f} succeeded" in said
    assert f"{failed:,.0f} failed" in said
    assert "does not count its records" in said
    assert f"since the minute of the onset {data.stacks[0].layers[0].since_onset:,.0f} succeeded" in said


def test_without_errors_seen_nothing_succeeded_or_failed() -> None:
    """Invocations whose errors could not be read are of unknown outcome, and the stack is marked as unexamined."""
    seen = judged(with_fields(failing_seen().evidence, "metrics", errors=DENIED))
    one = outcomes_data(seen.evidence, seen.diagnosis).stacks[0]
    layers = {layer.id: layer for layer in one.layers}
    assert layers["unknown"].total == sum(seen.evidence.metrics.invocations.points.values())
    assert (layers["succeeded"].unseen, layers["failed"].unseen) == ("May not be called.", "May not be called.")
    assert one.unexamined[0].why == "May not be called."
    assert label_of(layers["failed"]) == "failed: unseen"
    assert "failed not examined (May not be called)" in charts.outcomes(seen).alt


def test_a_metric_without_datapoints_is_not_zero() -> None:
    """A layer that CloudWatch has nothing of is said to be silent, and takes no part in any bar."""
    silent = replaced(failing_seen().evidence.metrics.throttles, points={})
    seen = judged(with_fields(failing_seen().evidence, "metrics", throttles=silent))
    one = outcomes_data(seen.evidence, seen.diagnosis).stacks[0]
    assert label_of(one.layers[-1]) == "throttled: silent"
    assert {bar.values[-1] for bar in one.bars} == {None}
    assert "throttled no datapoint" in charts.outcomes(seen).alt


def test_records_are_stacked_where_the_mapping_counts_them() -> None:
    """Records filtered out or dropped come from the mapping's own counts; without these nobody claims to know."""
    seen = example_seen()
    at = seen.evidence.window.start + MINUTE
    counts = {"InvokedEventCount": 3.0, "FilteredOutEventCount": 2.0}
    events = {name: _series({at: value}) for name, value in counts.items()}
    events |= {name: _series({}) for name in ("DroppedEventCount", "OnFailureDestinationDeliveredEventCount")}
    counting = with_fields(seen.evidence, "metrics", mapping_events={"0f0f0f0f-0000": events})
    data = outcomes_data(counting, seen.diagnosis)
    assert [one.title for one in data.stacks] == ["Invocations", "Records of mapping 0f0f0f0f"]
    assert [layer.total for layer in data.stacks[1].layers] == [3.0, 2.0, 0.0, 0.0]
    assert data.stacks[1].unit == "records a minute"
    assert data.note == ""
    blind = with_fields(seen.evidence, "metrics", mapping_events=DENIED)
    assert "could not be seen" in outcomes_data(blind, seen.diagnosis).note


# -- siblings ----------------------------------------------------------------------------------------------------


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
    assert [one.id for one in data.rows] == ["self", *(f"sibling-reader-{n}" for n in range(MOST_SIBLINGS))]
    assert data.top == max(one.top for one in data.rows) > data.rows[0].top
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
        for one in data.rows:
            axes = figure.add_axes((0, 0, 1, 1))
            draw_stack(axes, one, data.axis, top=data.top)
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
