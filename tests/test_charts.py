"""Charts: they draw what was counted and nothing else, and say the same in words."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from example_evidence import (
    DENIED,
    Seen,
    example,
    example_seen,
    judged,
    replaced,
    with_fields,
    with_observations,
)
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib import instant
from runbook_lib.charts.correlation import ChartData, correlation, describe
from runbook_lib.charts.data import AGE, ERRORS, INVOCATIONS, THROTTLES, WRITES, Panel, PanelSource, panel
from runbook_lib.charts.tracks import INVOKING, NOT_DELIVERED
from runbook_lib.interpret.trail_event import Effect
from runbook_lib.measuring.pipe import write_minutes
from runbook_lib.measuring.setting_change import Change
from runbook_lib.showing.axis import Axis, overview_axis, retention_line, zoom_axis
from runbook_lib.views.changes import ChangeRelation

MINUTE = timedelta(minutes=1)
START = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
SOURCES = (WRITES, INVOCATIONS, ERRORS, THROTTLES, AGE)


def _overview(seen: Seen) -> ChartData:
    return correlation(seen.evidence, seen.diagnosis, overview_axis(seen.evidence, seen.diagnosis))


def _zoom(seen: Seen) -> ChartData:
    return correlation(seen.evidence, seen.diagnosis, zoom_axis(seen.evidence, seen.diagnosis))


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
    assert any(words.startswith(told) for words in describe(_overview(seen)))


def test_minutes_not_counted_yet_are_not_silence() -> None:
    """The newest minutes, which CloudWatch is still counting, are unexamined."""
    drawn = _overview(example_seen()).panels[1]
    assert drawn.unexamined[-1].why == "not counted yet"
    assert drawn.silent[-1].end == drawn.unexamined[-1].start == example().window.settled_end


# -- axes and lines ----------------------------------------------------------------------------------------------


def test_the_zoom_lies_around_the_onset() -> None:
    """The zoom reaches from 30 minutes before the onset to 60 after it, and not beyond the window."""
    seen = example_seen()
    assert seen.diagnosis.onset
    axis = zoom_axis(seen.evidence, seen.diagnosis)
    assert axis.start == seen.diagnosis.onset.at - timedelta(minutes=30)
    assert axis.end == seen.diagnosis.onset.at + timedelta(minutes=60)
    assert axis.bucket == MINUTE
    early = replace(seen.diagnosis, onset=replace(seen.diagnosis.onset, at=seen.evidence.window.start))
    assert zoom_axis(seen.evidence, early).start == seen.evidence.window.start


def test_the_overview_reaches_back_to_the_first_change() -> None:
    """Where the widened search found an earlier change, the axis reaches it and the metrics before are unexamined."""
    seen = example_seen()
    change = seen.diagnosis.changes[0]
    at = seen.evidence.window.start - timedelta(hours=9, minutes=20)
    early = replace(change, event=replace(change.event, at=at))
    data = _overview(Seen(seen.evidence, replace(seen.diagnosis, changes=(early, *seen.diagnosis.changes))))
    assert data.axis.start <= at
    assert data.panels[0].unexamined[0].why == "not asked for"
    assert data.panels[0].unexamined[0].end == seen.evidence.window.start


def test_the_retention_line_stands_where_it_lies_on_the_axis() -> None:
    """The moment 24 hours before the run is marked only where the axis holds it."""
    as_of = START + timedelta(hours=30)
    wide = Axis(START, as_of, as_of, START, as_of)
    assert retention_line(wide) == START + timedelta(hours=6)
    narrow = Axis(as_of - timedelta(hours=2), as_of, as_of, START, as_of)
    assert retention_line(narrow) is None


def test_the_lines_of_the_example() -> None:
    """Onset, its range and the five minutes either side are on the axis of the example."""
    data = _overview(example_seen())
    onset = example_seen().diagnosis.onset
    assert onset
    assert data.lines.onset == onset.at
    assert data.lines.onset_range == (onset.earliest, onset.latest)
    assert data.lines.band == (onset.at - timedelta(minutes=5), onset.at + timedelta(minutes=5))


# -- lanes, strips, log ------------------------------------------------------------------------------------------


def test_every_change_on_the_axis_stands_on_its_lane() -> None:
    """Lanes hold exactly the changes of the diagnosis that the axis holds, under their numbers in the timeline."""
    seen = example_seen()
    data = _overview(seen)
    drawn = {mark.number: mark.at for lane in data.lanes for mark in lane.marks}
    assert drawn == {number: change.event.at for number, change in enumerate(seen.diagnosis.changes, 1)}
    relations = {mark.relation for lane in data.lanes for mark in lane.marks}
    assert ChangeRelation.SET_OFF in relations


def test_a_lane_is_quiet_only_where_it_was_searched() -> None:
    """What CloudTrail has not delivered yet is unexamined, and an unread trail is unexamined from end to end."""
    assert [stretch.why for stretch in _overview(example_seen()).lanes[0].unexamined] == [NOT_DELIVERED]
    for changed in ({"regional": DENIED, "searches": ()}, {"searches": ()}):
        data = _overview(judged(with_fields(example(), "changes", **changed)))
        assert all(lane.unexamined[0].length == data.axis.length for lane in data.lanes)
    words = describe(_overview(judged(with_observations(example(), changes=DENIED))))
    assert [word for word in words if word.startswith("IAM")] == ["IAM: not examined, May not be called."]


def test_a_search_cut_short_leaves_its_lanes_unexamined() -> None:
    """A trail search that broke off proves no absence on the lanes it covers."""
    searches = tuple(replaced(search, truncated=True) for search in example().changes.searches)
    data = _overview(judged(with_fields(example(), "changes", searches=searches)))
    assert {stretch.why for lane in data.lanes for stretch in lane.unexamined} == {"search cut short"}


def test_strips_lie_end_to_end() -> None:
    """The states of a mapping and the generations of the stream follow one another without overlap, on the axis."""
    for data in (_overview(example_seen()), _zoom(example_seen())):
        for strip in data.strips:
            assert strip.spans
            for span, following in pairwise(strip.spans):
                assert span.end <= following.start
            assert all(data.axis.start <= span.start < span.end <= data.axis.end for span in strip.spans)


def test_the_generations_of_the_example() -> None:
    """The strip shows the older stream, the stretch without one, and the latest."""
    spans = _zoom(example_seen()).strips[-1].spans
    states = [span.state for span in spans]
    assert states == ["older stream, enabled", "no stream: writes leave no record", "latest stream, enabled"]
    assert all(span.sure for span in spans)


def test_a_mapping_on_an_old_stream_is_not_shown_as_merely_enabled() -> None:
    """Enabled on a stream that is not the latest is said as such."""
    assert _overview(example_seen()).strips[0].spans[0].state == "Enabled on an older stream, no change recorded"


def test_without_the_trail_a_state_is_not_read_backwards() -> None:
    """A state read at the end is not drawn over a past that nobody recorded."""
    seen = judged(with_fields(example(), "changes", regional=DENIED, searches=()))
    span = _overview(seen).strips[0].spans[0]
    assert span.state == "Enabled on an older stream when read, before that not known"
    assert not span.sure


def test_a_state_is_kept_where_the_trail_was_searched() -> None:
    """Where the axis reaches back further than the search, only the part before it is not known."""
    seen = example_seen()
    axis = overview_axis(seen.evidence, seen.diagnosis)
    data = correlation(seen.evidence, seen.diagnosis, replace(axis, start=axis.start - timedelta(minutes=9)))
    before, since = data.strips[0].spans
    assert (before.state, before.sure) == ("not searched", False)
    assert since.start == min(search.window.start for search in example().changes.searches)
    assert (since.state, since.sure) == ("Enabled on an older stream, no change recorded", True)


def _paused() -> Seen:
    """Give the example as if somebody had disabled its mapping, on the latest stream, an hour after the onset."""
    seen = example_seen()
    assert seen.diagnosis.onset
    mapping = replaced(seen.evidence.mappings.ours[0], state="Disabled")
    event = replace(seen.diagnosis.changes[0].event, at=seen.diagnosis.onset.at + timedelta(hours=1))
    change = Change(event, (Effect("mapping-disabled", "mapping", mapping.uuid, "It was disabled."),))
    evidence = with_fields(seen.evidence, "mappings", ours=(mapping,))
    return Seen(evidence, replace(seen.diagnosis, changes=(change,), set_off_by=None))


def test_a_paused_mapping_turns_at_the_change() -> None:
    """The strip of a mapping that was disabled turns at the recorded change, and before it rests on iterator age."""
    seen = _paused()
    before, after = _overview(seen).strips[0].spans
    assert (before.state, before.sure) == (INVOKING, False)
    assert (after.state, after.sure) == ("Disabled", True)
    assert after.start == seen.diagnosis.changes[0].event.at


def test_others_may_have_invoked_the_function() -> None:
    """Where another mapping can have caused the iterator age, the past of ours is not recorded."""
    seen = _paused()
    other = replaced(seen.evidence.mappings.ours[0], uuid="0" * 8)
    evidence = with_fields(seen.evidence, "mappings", same_function=(other,))
    assert _overview(Seen(evidence, seen.diagnosis)).strips[0].spans[0].state == "not recorded"


def test_log_failures_are_those_of_the_log() -> None:
    """Ticks are the failures of the log on the axis; a search cut short leaves the rest of its stretch unexamined."""
    window = example().window
    times = tuple(window.end - timedelta(minutes=minute) for minute in (600, 90, 3))
    evidence = with_fields(example(), "logs", failure_times=times)
    assert _overview(judged(evidence)).failures.times == times
    assert _overview(judged(evidence)).failures.unexamined == ()
    searches = tuple(replaced(search, truncated=True) for search in evidence.logs.searches)
    cut = _overview(judged(with_fields(evidence, "logs", searches=searches)))
    assert {stretch.why for stretch in cut.failures.unexamined} == {"search cut short"}
    assert any(stretch.start == times[-1] for stretch in cut.failures.unexamined)


def test_every_panel_names_its_unit() -> None:
    """No metric is drawn without a unit; a longer period changes it."""
    panels: tuple[Panel, ...] = _overview(example_seen()).panels
    assert [panel.unit for panel in panels] == ["requests a minute", "a minute", "a minute", "a minute", "seconds"]
    coarse = panel(_source({START: 1.0}, timedelta(minutes=5)), example(), _axis(1), None)
    assert coarse.unit == "in 5 min"
