"""The correlation chart: lines, lanes, strips and log failures are the evidence's, and the words say the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise, product

import pytest
from example_evidence import DENIED, Seen, example, example_seen, judged, replaced, with_fields, with_observations
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from runbook_lib.charts.correlation import (
    MOST_NUMBERS,
    CorrelationData,
    correlation_data,
    correlation_words,
    draw_correlation,
    worth_numbers,
)
from runbook_lib.charts.lanes import NOT_DELIVERED
from runbook_lib.charts.states import INVOKING
from runbook_lib.interpret.trail_event import Effect
from runbook_lib.measuring.setting_change import Change
from runbook_lib.showing import canvas
from runbook_lib.showing.axis import Axis, overview_axis, retention_line, zoom_axis
from runbook_lib.views.changes import ChangeRelation

MINUTE = timedelta(minutes=1)
START = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)


def _overview(seen: Seen) -> CorrelationData:
    return correlation_data(seen.evidence, seen.diagnosis, overview_axis(seen.evidence, seen.diagnosis))


def _zoom(seen: Seen) -> CorrelationData:
    return correlation_data(seen.evidence, seen.diagnosis, zoom_axis(seen.evidence, seen.diagnosis))


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
    words = correlation_words(_overview(judged(with_observations(example(), changes=DENIED))))
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
    data = correlation_data(seen.evidence, seen.diagnosis, replace(axis, start=axis.start - timedelta(minutes=9)))
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


# -- words and numbers ----


def test_the_words_tell_what_the_picture_draws() -> None:
    """The description holds every change, every metric's highest and last value, and every state."""
    data = _overview(example_seen())
    said = " ".join(correlation_words(data))
    for lane in data.lanes:
        for mark in lane.marks:
            assert f"{mark.number}. {mark.at:%Y-%m-%d %H:%M:%S} UTC: {mark.sentence}" in said
    for panel in data.panels[:2]:
        assert panel.peak
        assert panel.last
        assert f"highest {panel.peak[1]:,.0f} at" in said
        assert f"last {panel.last[1]:,.0f} at" in said
        assert f"{panel.counted:,} datapoints" in said
    for strip in data.strips:
        assert all(span.state in said for span in strip.spans)


def test_of_many_changes_the_trigger_keeps_its_number() -> None:
    """Where there are more changes than numbers that can be told apart, the trigger and its neighbours keep theirs."""
    seen = example_seen()
    change, onset = seen.diagnosis.changes[0], seen.diagnosis.onset
    assert onset
    many = tuple(
        replace(change, event=replace(change.event, event_id=str(at), at=onset.at + timedelta(seconds=at)))
        for at in range(-200, 200)
    )
    trigger = replace(seen.diagnosis.set_off_by, change=many[3])  # type: ignore[type-var]
    data = _overview(Seen(seen.evidence, replace(seen.diagnosis, changes=many, set_off_by=trigger)))
    kept = [change.number for change in worth_numbers(data)]
    assert len(kept) == MOST_NUMBERS
    assert kept == sorted(kept)
    assert 4 in kept
    assert 201 in kept


def test_names_of_lines_never_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever onset and noticing lie, the drawn names of the two lines neither touch nor leave the axis."""
    shown: list[tuple[int, list[Bbox]]] = []

    def measure(figure: Figure) -> bytes:
        named = [text for text in figure.axes[2].texts if not text.get_text().isdigit()]
        shown.append((len(named), [text.get_window_extent() for text in named] + [figure.axes[2].get_window_extent()]))
        return b""

    monkeypatch.setattr(canvas, "png", measure)
    data = replace(_overview(example_seen()), panels=(), lanes=(), strips=())
    for onset, noticed in product((30, 700, 1300), range(50, 1450, 280)):
        first, second = (data.axis.start + at * MINUTE for at in (onset, noticed))
        lines = replace(data.lines, onset=first, onset_range=(first - MINUTE, first + MINUTE), noticed=second)
        draw_correlation(replace(data, lines=lines))
    for _, boxes in shown:
        *names, axis = boxes
        assert all(axis.x0 <= name.x0 and name.x1 <= axis.x1 for name in names)
        assert all(left.x1 < right.x0 or right.x1 < left.x0 for left, right in combinations(names, 2))
    assert sum(count == 2 for count, _ in shown) >= 0.8 * len(shown)
