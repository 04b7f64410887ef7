"""Panels: they draw what was counted and nothing else, and say the same in words."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from example_evidence import (
    DENIED,
    Seen,
    example,
    example_seen,
    judged,
    with_fields,
)
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib import instant
from runbook_lib.charts.correlation import CorrelationData, correlation_data, correlation_words
from runbook_lib.charts.panels import AGE, ERRORS, INVOCATIONS, THROTTLES, WRITES, Panel, PanelSource, panel
from runbook_lib.measuring.pipe import write_minutes
from runbook_lib.showing.axis import Axis, overview_axis, zoom_axis

MINUTE = timedelta(minutes=1)
START = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
SOURCES = (WRITES, INVOCATIONS, ERRORS, THROTTLES, AGE)


def _overview(seen: Seen) -> CorrelationData:
    return correlation_data(seen.evidence, seen.diagnosis, overview_axis(seen.evidence, seen.diagnosis))


def _zoom(seen: Seen) -> CorrelationData:
    return correlation_data(seen.evidence, seen.diagnosis, zoom_axis(seen.evidence, seen.diagnosis))


def _source(points: Mapping[datetime, float], period: timedelta = MINUTE) -> PanelSource:
    return PanelSource("invocations", "Invocations", "a minute", lambda _: (points, period))


def _axis(hours: float) -> Axis:
    end = START + timedelta(hours=hours)
    return Axis(START, end, end - timedelta(minutes=3), START, end)


POINTS = st.dictionaries(
    st.integers(-60, 26 * 60).map(lambda minute: START + minute * MINUTE),
    st.floats(0, 1e7, allow_nan=False),
    max_size=60,
)


@given(POINTS, st.sampled_from([0.5, 1.5, 6.0, 24.0, 48.0]), st.randoms(use_true_random=False))
def test_a_panel_draws_only_what_was_counted(
    points: dict[datetime, float], hours: float, chance: random.Random
) -> None:
    """Each point is a datapoint at its own minute, none is invented, and the order of the source does not matter."""
    axis = _axis(hours)
    drawn = panel(_source(points), example(), axis, None)
    assert set(drawn.points) <= set(points.items())
    assert [at for at, _ in drawn.points] == sorted(at for at, _ in drawn.points)
    assert drawn.counted == sum(at in axis for at in points)
    inside = [value for at, value in points.items() if at in axis]
    assert (drawn.peak[1] if drawn.peak else None) == max(inside, default=None)
    assert drawn.median[0] is None or drawn.median[0] in inside
    shuffled = list(points.items())
    chance.shuffle(shuffled)
    assert panel(_source(dict(shuffled)), example(), axis, None) == drawn


@given(POINTS, st.sampled_from([0.5, 1.5, 6.0, 24.0]))
def test_nothing_is_joined_across_silence(points: dict[datetime, float], hours: float) -> None:
    """Within a run no bucket is empty, so no line and no bar stands where nothing was counted."""
    drawn = panel(_source(points), example(), _axis(hours), None)
    for run in drawn.runs():
        homes = [instant.floor(at, drawn.bucket) for at, _ in run]
        assert all(later - sooner == drawn.bucket for sooner, later in pairwise(homes))
    assert [point for run in drawn.runs() for point in run] == list(drawn.points)


@given(POINTS, st.sampled_from([0.5, 1.5, 6.0, 24.0]))
def test_silent_stretches_hold_no_datapoint(points: dict[datetime, float], hours: float) -> None:
    """A stretch marked silent was asked for and holds no datapoint; every long enough hole is marked."""
    axis = _axis(hours)
    drawn = panel(_source(points), example(), axis, None)
    for stretch in drawn.silent:
        assert not [at for at in points if stretch.start <= at < stretch.end]
        assert axis.start <= stretch.start < stretch.end <= axis.settled
    least = max(3 * MINUTE, axis.length / 96)
    covered = sum((stretch.length for stretch in drawn.silent), timedelta(0))
    if not [at for at in points if at in axis] and axis.settled - axis.start >= least:
        assert covered == axis.settled - axis.start


def test_thinning_keeps_the_highest_minute() -> None:
    """Where a day does not fit, the highest minute of each bucket is drawn, at its own time."""
    points = {START + minute * MINUTE: float(minute % 7) for minute in range(24 * 60)}
    drawn = panel(_source(points), example(), _axis(24), None)
    assert drawn.bucket == timedelta(minutes=5)
    for at, value in drawn.points:
        home = instant.floor(at, drawn.bucket)
        assert value == max(points[home + minute * MINUTE] for minute in range(5))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.id)
def test_panels_take_their_values_from_the_evidence(source: PanelSource) -> None:
    """Each metric of the chart is the one of the evidence; ages are in seconds."""
    metrics, age = example().metrics, example().backlog.iterator_age_ms
    wanted = {
        "writes": write_minutes(example()),
        "invocations": metrics.invocations.points,
        "errors": metrics.errors.points,
        "throttles": metrics.throttles.points,
        "age": {at: value / 1000 for at, value in age.points.items()},
    }[source.id]
    drawn = next(panel for panel in _zoom(example_seen()).panels if panel.id == source.id)
    assert drawn.points
    assert set(drawn.points) <= set(wanted.items())
    assert drawn.unit


def test_a_metric_unseen_is_unexamined_from_end_to_end() -> None:
    """A metric that could not be read has no point and no silence: all of it is unexamined, with the reason."""
    seen = judged(with_fields(example(), "metrics", invocations=DENIED))
    drawn = next(panel for panel in _overview(seen).panels if panel.id == "invocations")
    assert (drawn.points, drawn.silent) == ((), ())
    assert [stretch.why for stretch in drawn.unexamined] == ["May not be called."]
    told = "Invocations: not examined, May not be called; alarm DynamoDBStreamsTriggerFailure in ALARM from 12:34 UTC"
    assert any(words.startswith(told) for words in correlation_words(_overview(seen)))


def test_minutes_not_counted_yet_are_not_silence() -> None:
    """The newest minutes, which CloudWatch is still counting, are unexamined."""
    drawn = _overview(example_seen()).panels[1]
    assert drawn.unexamined[-1].why == "not counted yet"
    assert drawn.silent[-1].end == drawn.unexamined[-1].start == example().window.settled_end


def test_every_panel_names_its_unit() -> None:
    """No metric is drawn without a unit; a longer period changes it."""
    panels: tuple[Panel, ...] = _overview(example_seen()).panels
    assert [panel.unit for panel in panels] == ["requests a minute", "a minute", "a minute", "a minute", "seconds"]
    coarse = panel(_source({START: 1.0}, timedelta(minutes=5)), example(), _axis(1), None)
    assert coarse.unit == "in 5 min"
