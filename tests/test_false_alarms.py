"""What looks broken and is not: each false alarm of the failure catalogue, and that the kit raises none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from example_evidence import DENIED, example, judged, replaced, with_fields
from worlds import FAST, in_world, investigated, tried

from runbook_lib.aws import READS
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.evidence.signals import Series
from runbook_lib.interpret.policy import Decision
from runbook_lib.interpret.processing_result import read
from runbook_lib.interpret.trail_event import TrailEvent
from runbook_lib.judging.diagnosis import Diagnosis, Status
from runbook_lib.judging.loss_clock import LossState
from runbook_lib.judging.remedies import REMEDIES
from runbook_lib.measuring.pipe import FlowState, Stage
from runbook_lib.sandbox import ALARM
from runbook_lib.steps import STEPS

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def _declared(service: str) -> set[str]:
    """The permissions that the steps declare for a service."""
    declared = {action for step in STEPS.values() for action in step.permissions}
    return {action for action in declared if action.startswith(f"{service}:")}


def _noted(found: Diagnosis) -> set[str]:
    """The harmless facts of an investigation that must have ended well."""
    assert (found.status, found.causes, found.latent, found.unexplained) == (Status.NO_FAULT, (), (), ())
    return {verdict.finding.id for verdict in found.innocent}


def _with_mapping(seen: Evidence, **changed: Any) -> Evidence:
    """Give evidence with some fields of our mappings replaced, in the list and read one by one."""
    mappings: tuple[EventSourceMapping, ...] = tuple(replaced(mapping, **changed) for mapping in seen.status.mappings)
    return with_fields(with_fields(seen, "mappings", ours=mappings), "status", mappings=mappings)


def _with_function(seen: Evidence, **changed: Any) -> Evidence:
    return with_fields(seen, "mappings", function=replaced(seen.mappings.function, **changed))


def _empty(series: Series) -> Series:
    return replace(series, points={})


def _world(name: str) -> object:
    marks = [pytest.mark.xdist_group(name), *([] if name in FAST else [pytest.mark.slow])]
    return pytest.param(name, marks=marks)


@pytest.mark.parametrize("world", [_world(name) for name in ("no-table-writes", "noop-writes", "rejected-writes")])
def test_false_alarm_01_nothing_is_written_here(world: str) -> None:
    """No writes, writes that change nothing and refused writes trigger nothing, and that is what is said."""
    seen = investigated(world)
    assert world in _noted(seen.diagnosis)
    assert seen.diagnosis.sentence.startswith("No fault found. ")
    assert [remedy.id for remedy in seen.diagnosis.remedies] == ["R20"]


@in_world("no-table-writes")
def test_false_alarm_01_writes_of_another_region_are_not_counted_here() -> None:
    """A replica that nobody writes to is told to be one: its writes may be counted in another region."""
    seen = example("no-table-writes")
    table = replaced(seen.streams.table, replica_regions=("us-east-1",))
    found = judged(with_fields(seen, "streams", table=table)).diagnosis
    assert {"no-table-writes", "replica-expectations"} <= _noted(found)
    (noted,) = (verdict for verdict in found.innocent if verdict.finding.id == "replica-expectations")
    assert "Writes of other regions are not counted here" in " ".join(noted.because)


@in_world("no-table-writes")
def test_false_alarm_02_an_idle_function_on_a_quiet_table() -> None:
    """With nothing to do the mapping has processed nothing and the function sleeps: neither is a fault."""
    seen = _with_mapping(example("no-table-writes"), processing=read("No records processed"))
    idle = _with_function(seen, state="Inactive", state_reason_code="Idle", state_reason="The function is idle.")
    assert {"no-table-writes", "state-inactive-idle"} <= _noted(judged(idle).diagnosis)


@in_world("healthy")
def test_false_alarm_03_a_window_gathers_records() -> None:
    """A batching or tumbling window makes deliveries late and loses none: it is noted, with its length."""
    found = judged(_with_mapping(example("healthy"), batching_window_s=240, tumbling_window_s=300)).diagnosis
    assert "batching-or-tumbling-delay" in _noted(found)
    told = " ".join(sentence for verdict in found.innocent for sentence in verdict.because)
    assert "240 s" in told
    assert "300 s" in told


@in_world("healthy")
def test_false_alarm_03_a_lag_under_load_that_is_worked_off() -> None:
    """A shard that fell a quarter of an hour behind in a rush and gains again is no fault, and its age is told."""
    seen = example("healthy")
    age = seen.backlog.iterator_age_ms
    late = {at: 60_000.0 * 15 + (max(age.points) - at) / (2 * timedelta(milliseconds=1)) for at in age.points}
    rush = {**age.points, **{at: value for at, value in late.items() if max(age.points) - at < HOUR}}
    found = judged(with_fields(seen, "backlog", iterator_age_ms=replace(age, points=rush))).diagnosis
    assert "success-without-effect" not in _noted(found)
    assert found.loss.state is LossState.AT_RISK


@in_world("healthy")
@pytest.mark.parametrize("state", ["Creating", "Enabling", "Updating", "Enabled"])
def test_false_alarm_04_a_mapping_made_or_changed_minutes_ago(state: str) -> None:
    """A mapping that was made or changed within ten minutes may not poll yet: the advice is to wait."""
    seen = example("healthy")
    fresh = _with_mapping(seen, state=state, last_modified=seen.as_of - 4 * MINUTE)
    found = judged(fresh).diagnosis
    assert "esm-transitional" in _noted(found)
    (noted,) = (verdict for verdict in found.innocent if verdict.finding.id == "esm-transitional")
    assert noted.because[-1].endswith("wait.")


@in_world("healthy")
def test_false_alarm_05_a_filter_that_works_as_designed() -> None:
    """A filter that drops most records is nobody's fault: how many of the polled ones it drops is shown."""
    seen = example("healthy")
    (mapping,) = seen.status.mappings
    counted = {
        name: replace(seen.metrics.invocations, name=name, points=dict.fromkeys(seen.metrics.invocations.points, value))
        for name, value in (("PolledEventCount", 8.0), ("FilteredOutEventCount", 6.0), ("InvokedEventCount", 2.0))
    }
    shipped = ('{"dynamodb": {"NewImage": {"status": {"S": ["SHIPPED"]}}}}',)
    filtering = _with_mapping(seen, filters=shipped, metrics=("EventCount",))
    found = judged(with_fields(filtering, "metrics", mapping_events={mapping.uuid: counted})).diagnosis
    _noted(found)
    assert "filter-matches-nothing" in {verdict.finding.id for verdict in found.ruled_out}
    minutes = len(seen.metrics.invocations.points)
    assert found.stages[Stage.FILTERED].basis == f"{6 * minutes:,} of {8 * minutes:,} polled records were filtered out."


@pytest.mark.parametrize(
    ("world", "remedy", "words"),
    [
        pytest.param("mapping-paused", "R1", "a pause may be meant", marks=pytest.mark.xdist_group("mapping-paused")),
        pytest.param("concurrency-zero", "R5", "ask who set it", marks=pytest.mark.xdist_group("concurrency-zero")),
    ],
)
def test_false_alarm_06_a_deliberate_pause_is_asked_about(world: str, remedy: str, words: str) -> None:
    """Who paused it and when is named, and no command undoes it without asking them first."""
    found = investigated(world).diagnosis
    assert found.set_off_by is not None
    assert found.set_off_by.change.event.actor.startswith("arn:aws:")
    first = found.remedies[0]
    assert first.id == remedy
    assert words in f"{first.risk} {first.precondition}"


@in_world("healthy")
def test_false_alarm_07_expiry_that_is_late_is_not_looked_for() -> None:
    """TTL deletes when it likes: that nothing expired yet is told as no cause, and breaks no healthy verdict."""
    seen = example("healthy")
    ttl = replace(seen.streams.ttl, status="ENABLED", attribute="expires_at")
    assert "ttl-expectation" in _noted(judged(with_fields(seen, "streams", ttl=ttl)).diagnosis)


@in_world("healthy")
@pytest.mark.parametrize(
    ("function", "group", "noted"),
    [
        ({"log_group": "/platform/orders"}, {"name": "/platform/orders"}, "looking-in-wrong-logs"),
        ({"system_log_level": "WARN"}, {}, "looking-in-wrong-logs"),
        ({}, {"log_class": "DELIVERY"}, "looking-in-wrong-logs"),
        ({}, {"exists": False, "last_event_at": None}, "role-cannot-log"),
    ],
)
def test_false_alarm_08_logs_elsewhere_filtered_or_gone(
    function: dict[str, Any], group: dict[str, Any], noted: str
) -> None:
    """Counters beat logs: a log that is elsewhere, quiet, unsearchable or gone is noted, and the trigger works."""
    seen = _with_function(example("healthy"), **function)
    found = judged(with_fields(seen, "logs", group=replaced(seen.logs.group, **group))).diagnosis
    assert noted in _noted(found)


@in_world("healthy")
@pytest.mark.parametrize("minutes", [8, -1])
def test_false_alarm_08_logs_that_are_late(minutes: int) -> None:
    """Lines may be ten minutes late: that the newest is a little older than the last invocation is not even noted."""
    seen = example("healthy")
    last = seen.metrics.invocations.last_positive
    assert last is not None
    group = replaced(seen.logs.group, last_event_at=last - minutes * MINUTE)
    assert "role-cannot-log" not in _noted(judged(with_fields(seen, "logs", group=group)).diagnosis)


@in_world("a-first-catch-up")
def test_false_alarm_09_first_catch_up_from_trim_horizon() -> None:
    """A first mapping begins with records a day old: an age that falls is no fault, and its front sets the clock."""
    world = tried("a-first-catch-up")
    age = world.seen.backlog.iterator_age_ms
    assert (age.peak or 0) > 23 * HOUR / timedelta(milliseconds=1)
    assert age.points[max(age.points)] > HOUR / timedelta(milliseconds=1)
    _noted(world.diagnosis)
    assert (world.diagnosis.onset, world.diagnosis.loss.state) == (None, LossState.AT_RISK)
    assert world.diagnosis.loss.deadline is not None
    assert world.diagnosis.loss.deadline > world.seen.as_of


@in_world("healthy")
@pytest.mark.parametrize(
    ("changed", "noted"),
    [
        ({"update_status": "Failed", "update_reason": "The image is too large."}, "update-failed-red-herring"),
        ({"runtime": "python3.7"}, "runtime-deprecated"),
    ],
)
def test_false_alarm_10_what_fails_to_update_still_runs(changed: dict[str, str], noted: str) -> None:
    """A failed update and a deprecated runtime are noted as harmless while invocations succeed."""
    assert noted in _noted(judged(_with_function(example("healthy"), **changed)).diagnosis)


@in_world("healthy")
def test_false_alarm_11_what_a_stream_does_not_need() -> None:
    """No ListStreams, no failure destination, no resource policy: nothing of it is asked of a trigger that works."""
    seen = example("healthy")
    role = seen.role
    refused = tuple(
        replaced(decision, decision="implicitDeny") if decision.action == "dynamodb:ListStreams" else decision
        for decision in role.simulated
    )
    ours = tuple(
        replace(decision, decision=Decision.IMPLICIT_DENY) if decision.action == "dynamodb:ListStreams" else decision
        for decision in role.evaluated
    )
    assert (refused != role.simulated, ours != role.evaluated) == (True, True)
    assert {mapping.failure_destination for mapping in seen.status.mappings} == {None}
    _noted(judged(with_fields(seen, "role", simulated=refused, evaluated=ours, resource_policies=())).diagnosis)
    assert "GetPolicy" not in READS["lambda"]


@in_world("no-table-writes")
def test_false_alarm_12_no_datapoints_on_an_idle_function() -> None:
    """A function without a single datapoint, on a table without a write, is idle; metrics are asked for, not listed."""
    seen = example("no-table-writes")
    metrics = seen.metrics
    silent = with_fields(
        seen, "metrics", invocations=_empty(metrics.invocations), errors=_empty(metrics.errors),
        duration_ms=_empty(metrics.duration_ms), concurrent=_empty(metrics.concurrent),
        writes={name: _empty(series) for name, series in metrics.writes.items()},
        consumed_writes=_empty(metrics.consumed_writes),
    )  # fmt: skip
    silent = with_fields(silent, "backlog", iterator_age_ms=_empty(seen.backlog.iterator_age_ms))
    found = judged(silent).diagnosis
    assert "no-table-writes" in _noted(found)
    assert found.stages[Stage.INVOKED].state is FlowState.IDLE
    assert "cloudwatch:ListMetrics" not in _declared("cloudwatch")


@in_world("no-table-writes")
def test_false_alarm_13_an_alarm_is_no_evidence() -> None:
    """The user's own alarm, which treats missing data as breaching, is told of, and clears or convicts nothing."""
    seen = investigated("no-table-writes")
    assert "no-table-writes" in _noted(seen.diagnosis)
    assert ALARM in {alarm.name for alarm in seen.diagnosis.alarms}
    deaf = judged(with_fields(example("no-table-writes"), "metrics", alarms=DENIED)).diagnosis
    assert deaf == replace(seen.diagnosis, alarms=(), proposals=deaf.proposals, gaps=deaf.gaps)
    at = seen.diagnosis.as_of - HOUR
    alarm = TrailEvent(
        "e-1", at, "monitoring.amazonaws.com", "PutMetricAlarm", "PutMetricAlarm", actor="role/deployer",
        request={"alarmName": ALARM},
    )  # fmt: skip
    told = example("no-table-writes")
    told = with_fields(told, "changes", regional=(*told.changes.regional, alarm))
    assert alarm not in {change.event for change in judged(told).diagnosis.changes}


@in_world("healthy")
def test_false_alarm_14_fewer_records_than_writes_and_duplicates() -> None:
    """A replica joins writes into fewer records, and delivery is at least once: neither count has to agree."""
    seen = example("healthy")
    table = replaced(seen.streams.table, replica_regions=("us-east-1",))
    half = {
        label: replace(series, points={at: value // 2 for at, value in series.points.items()})
        for label, series in seen.backlog.returned.items()
    }
    doubled = replace(
        seen.metrics.invocations, points={at: 2 * value for at, value in seen.metrics.invocations.points.items()}
    )
    replica = with_fields(with_fields(seen, "streams", table=table), "backlog", returned=half)
    assert "replica-expectations" in _noted(judged(replica).diagnosis)
    _noted(judged(with_fields(seen, "metrics", invocations=doubled)).diagnosis)
    assert "once more what had been delivered" in REMEDIES["R2"].effect
