"""The alarms on the function's metrics: found by metric, ringing as their history says, shown where they ring."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from example_evidence import DENIED, evidence_in, example, judged, replaced, with_fields
from hypothesis import given
from hypothesis import strategies as st
from worlds import in_world, investigated

from runbook_lib import views
from runbook_lib.charts.correlation import correlation_data, correlation_words
from runbook_lib.charts.panels import ERRORS, INVOCATIONS, panel
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.signals import ALARMED, FunctionAlarm
from runbook_lib.incident import Window
from runbook_lib.interpret.alarm_history import StateTurn
from runbook_lib.observed import Gap, NotObserved
from runbook_lib.report import export
from runbook_lib.sandbox import deny
from runbook_lib.showing.axis import overview_axis
from runbook_lib.showing.blocks import TableBlock
from runbook_lib.steps._alarms import stretches

START = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=2))
AGE_ALARM, SILENCE_ALARM = "orders-projector-iterator-age", "DynamoDBStreamsTriggerFailure"


def at(minute: int) -> datetime:
    """Give a moment by its minute after the beginning of the window."""
    return START + timedelta(minutes=minute)


def alarm(seen: Evidence, name: str) -> FunctionAlarm:
    """Give an alarm that was found, by its name."""
    return next(alarm for alarm in seen.metrics.alarms.found if alarm.name == name)


@pytest.mark.parametrize(
    ("told", "now", "minutes"),
    [
        ([], "OK", []),
        ([], "ALARM", [(0, 120)]),
        ([], "INSUFFICIENT_DATA", []),
        ([(30, "OK", "ALARM")], "ALARM", [(30, 120)]),
        ([(30, "ALARM", "OK")], "OK", [(0, 30)]),
        ([(30, "OK", "ALARM"), (50, "ALARM", "OK"), (70, "OK", "ALARM")], "ALARM", [(30, 50), (70, 120)]),
        ([(50, "ALARM", "OK"), (30, "OK", "ALARM")], "OK", [(30, 50)]),
        ([(30, "OK", "ALARM"), (150, "ALARM", "OK")], "OK", [(30, 120)]),
        ([(150, "OK", "ALARM")], "ALARM", []),
        ([(150, "ALARM", "OK")], "OK", [(0, 120)]),
        ([(30, "INSUFFICIENT_DATA", "ALARM"), (30, "ALARM", "OK")], "OK", []),
    ],
)
def test_an_alarm_rings_as_its_history_says(
    told: list[tuple[int, str, str]], now: str, minutes: list[tuple[int, int]]
) -> None:
    """An alarm was in ALARM between its changes, before the first as that says, and outside the window not at all."""
    found = stretches([StateTurn(at(when), before, after) for when, before, after in told], now, WINDOW)
    assert [(stretch.start, stretch.end) for stretch in found] == [(at(first), at(last)) for first, last in minutes]


_STATES = st.sampled_from(["OK", "ALARM", "INSUFFICIENT_DATA"])


@given(st.lists(st.tuples(st.integers(-60, 200), _STATES, _STATES), max_size=8), _STATES)
def test_ringing_stays_in_the_window(told: list[tuple[int, str, str]], now: str) -> None:
    """Whatever a history says, its stretches lie in the window, in order, and none is empty or overlaps another."""
    found = list(stretches([StateTurn(at(when), before, after) for when, before, after in told], now, WINDOW))
    ends = [end for stretch in found for end in (stretch.start, stretch.end)]
    assert ends == sorted(ends)
    assert all(stretch.start < stretch.end for stretch in found)
    assert all(WINDOW.start <= end <= WINDOW.end for end in ends)


@in_world("poison-record")
def test_the_alarm_that_rang_is_found_with_its_time() -> None:
    """A blocked shard sets the alarm on the iterator age off, a quarter of an hour after it began; no other rings."""
    seen = example("poison-record")
    ringing = alarm(seen, AGE_ALARM)
    began = investigated("poison-record").began
    assert began is not None
    assert (ringing.metric, ringing.state, ringing.missing) == ("IteratorAge", "ALARM", "notBreaching")
    assert ringing.condition == "Maximum above 600,000 in 3 of 3 × 1 min"
    (stretch,) = ringing.ringing
    assert timedelta(minutes=10) < stretch.start - began < timedelta(minutes=20)
    assert stretch.end == seen.window.end
    assert alarm(seen, SILENCE_ALARM).ringing == ()


@in_world("poison-record")
def test_an_alarm_that_has_not_changed_needs_no_history() -> None:
    """Only an alarm that changed since the window began costs a call for its history."""
    asked = [entry.operation for entry in investigated("poison-record").journal]
    assert asked.count("DescribeAlarmsForMetric") == len(ALARMED)
    assert asked.count("DescribeAlarmHistory") == 1
    seen = example("poison-record")
    assert alarm(seen, AGE_ALARM).history_ref
    assert not alarm(seen, SILENCE_ALARM).history_ref


@in_world("mapping-on-alias")
def test_an_alarm_on_the_alias_is_found_too() -> None:
    """Where a mapping invokes an alias, its iterator age may be watched under the alias's own dimension."""
    assert alarm(example("mapping-on-alias"), AGE_ALARM).metric == "IteratorAge"


@in_world("mapping-paused")
def test_the_chart_has_the_alarm_on_its_metric() -> None:
    """An alarm that rang is drawn on the panel of its own metric, in the time it rang, and said in words."""
    seen = judged(example("mapping-paused"))
    axis = overview_axis(seen.evidence, seen.diagnosis)
    data = correlation_data(seen.evidence, seen.diagnosis, axis)
    drawn = {panel.id: panel.ringing for panel in data.panels if panel.ringing}
    assert list(drawn) == ["invocations"]
    (ringing,) = drawn["invocations"]
    wanted = alarm(seen.evidence, SILENCE_ALARM).ringing
    assert ringing.name == SILENCE_ALARM
    assert [(stretch.start, stretch.end) for stretch in ringing.stretches] == [
        (stretch.start, stretch.end) for stretch in wanted
    ]
    (told,) = (words for words in correlation_words(data) if "in ALARM" in words)
    assert told.startswith("Invocations (a minute): ")
    assert f"alarm {SILENCE_ALARM} in ALARM from 13:52" in told


@in_world("mapping-paused")
def test_what_cannot_be_seen_of_an_alarm_is_not_drawn() -> None:
    """Without the alarms, or without the history of one, no bar is drawn and the counts are the same."""
    seen = judged(example("mapping-paused"))
    axis = overview_axis(seen.evidence, seen.diagnosis)
    whole = panel(INVOCATIONS, seen.evidence, axis, seen.diagnosis.onset)
    alarms = seen.evidence.metrics.alarms
    deaf = tuple(replaced(alarm, ringing=DENIED) for alarm in alarms.found)
    for hidden in (DENIED, replaced(alarms, found=deaf)):
        without = with_fields(seen.evidence, "metrics", alarms=hidden)
        assert panel(INVOCATIONS, without, axis, seen.diagnosis.onset) == replaced(whole, ringing=())
    assert panel(ERRORS, seen.evidence, axis, seen.diagnosis.onset).ringing == ()


@in_world("mapping-paused")
def test_step_7_shows_the_alarms() -> None:
    """The step's page has each alarm with its condition and the time it rang, and names what was not looked for."""
    seen = example("mapping-paused")
    text = str(views.step_view(7, seen))
    assert SILENCE_ALARM in text
    assert "2026-03-14 13:52:21" in text
    assert "composite ones, are not looked for" in text
    deaf = tuple(replaced(alarm, ringing=DENIED) for alarm in seen.metrics.alarms.found)
    blind = with_fields(seen, "metrics", alarms=replaced(seen.metrics.alarms, found=deaf))
    tables = [block for block in views.step_view(7, blind).blocks if isinstance(block, TableBlock)]
    (shown,) = (table for table in tables if table.title == "Alarms on the function's metrics")
    assert [row[-1] for row in shown.rows] == ["Not seen: May not be called."] * len(deaf)


@in_world("mapping-paused")
def test_the_timelines_have_the_alarm() -> None:
    """When an alarm went off stands in the timeline of the report and of the export, and in verdict.json."""
    done = investigated("mapping-paused")
    wanted = "2026-03-14 13:52:21", "CloudWatch alarm"
    (row,) = (row for row in views.changes_view(done.diagnosis).rows if row[2] == wanted[1])
    assert row[1] == wanted[0]
    assert SILENCE_ALARM in row[4]
    assert row[5].endswith("after the onset")
    lines = [json.loads(line) for line in export.timeline(done.diagnosis).splitlines()]
    assert [line["datetime"][:19] for line in lines if line["timestamp_desc"] == "Alarm"] == ["2026-03-14T13:52:21"]
    (told,) = json.loads((done.folder / "verdict.json").read_text(encoding="utf-8"))["alarms"]
    assert told["name"] == SILENCE_ALARM
    assert [stretch["from"][:19] for stretch in told["in_alarm"]] == ["2026-03-14T13:52:21"]


@pytest.mark.xdist_group("mapping-paused")
@pytest.mark.parametrize("operation", ["DescribeAlarmsForMetric", "DescribeAlarmHistory"])
def test_denied_alarms_change_no_verdict(operation: str) -> None:
    """Who may not read alarms gets the same causes, and the permission that is missing by name."""
    blind = investigated("mapping-paused", deny("cloudwatch", operation))
    whole = investigated("mapping-paused")
    assert blind.diagnosis.sentence == whole.diagnosis.sentence
    assert [cause.finding.id for cause in blind.diagnosis.causes] == [
        cause.finding.id for cause in whole.diagnosis.causes
    ]
    assert f"cloudwatch:{operation}" in {gap.gap.permission for gap in blind.diagnosis.gaps}
    seen = evidence_in(blind.folder)
    with pytest.raises(NotObserved):
        _ = [alarm.ringing for alarm in seen.metrics.alarms.found]


@in_world("mapping-paused")
def test_a_run_recorded_before_alarms_were_read_replays() -> None:
    """Evidence without the alarms is a gap in them, and every counter is there."""
    seen = example("mapping-paused")
    old = Gap("cloudwatch:DescribeAlarmsForMetric", "eu-west-1", "NotRecorded", "Not recorded.", None, "x")
    without = with_fields(seen, "metrics", alarms=old)
    assert without.metrics.invocations == seen.metrics.invocations
    with pytest.raises(NotObserved):
        _ = without.metrics.alarms
