"""What hides the change that set a fault off, or stands in its place: maskings of the failure catalogue."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from example_evidence import DENIED, example, judged, with_fields
from worlds import in_world, investigated, tried

from runbook_lib.evidence.source import HealthEvent
from runbook_lib.interpret.trail_event import TrailEvent, effects
from runbook_lib.judging.diagnosis import Diagnosis, Status
from runbook_lib.judging.loss_clock import LossState
from runbook_lib.measuring.onset import Onset
from runbook_lib.measuring.pipe import Stage
from runbook_lib.measuring.setting_change import Change, find_setting_change

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def _causes(found: Diagnosis) -> list[str]:
    return [cause.finding.id for cause in found.causes]


@in_world("role-lost-getrecords")
def test_masking_16_where_was_searched_is_said() -> None:
    """A change of a role stands in us-east-1: with that region unseen none is named, and the region is."""
    whole = investigated("role-lost-getrecords").diagnosis
    assert whole.set_off_by is not None
    assert whole.set_off_by.change.event.operation == "PutRolePolicy"
    gap = replace(DENIED, call="cloudtrail:LookupEvents", region="us-east-1")
    found = judged(with_fields(example("role-lost-getrecords"), "changes", iam=gap)).diagnosis
    assert _causes(found) == ["role-missing-stream-actions"]
    assert found.set_off_by is None
    assert found.coverage is not None
    assert any(sentence.startswith("us-east-1: ") for sentence in found.coverage.missing)


def _update_table(minutes: float, **request: Any) -> Change:
    event = TrailEvent(
        f"e{minutes}", datetime.fromisoformat("2026-03-14T12:00:00+00:00") + minutes * MINUTE,
        "dynamodb.amazonaws.com", "UpdateTable", "UpdateTable", actor="role/deployer",
        request={"tableName": "Orders", **request},
    )  # fmt: skip
    return Change(event, effects(event))


def test_masking_17_updates_of_capacity_do_not_pass_for_a_stream_change() -> None:
    """Of many UpdateTables only one that touches the stream can have ended it, however near the others stand."""
    capacity = {"provisionedThroughput": {"readCapacityUnits": 50, "writeCapacityUnits": 80}}
    off = _update_table(-9, streamSpecification={"streamEnabled": False})
    noise = (_update_table(-30, **capacity), _update_table(-1, **capacity), _update_table(0.2, **capacity))
    at = datetime.fromisoformat("2026-03-14T12:00:00+00:00")
    began = Onset(at, at - MINUTE, at + MINUTE, ("words",), ("ref",))
    found = find_setting_change("stream-disabled", ("stream-disabled",), 24 * HOUR, began, (*noise, off))
    assert found is not None
    assert found.change is off
    assert find_setting_change("stream-disabled", ("stream-disabled",), 24 * HOUR, began, noise) is None


@in_world("poller-stands-still-after-a-release")
def test_masking_18_an_outage_is_not_blamed_on_the_release_beside_it() -> None:
    """Every consumer stopped in the minute of an open service event: the release of that minute set nothing off."""
    world = tried("poller-stands-still-after-a-release")
    seen, last = world.seen, world.diagnosis.stages[Stage.INVOKED].last
    assert (world.diagnosis.causes, world.diagnosis.status) == ((), Status.UNDETERMINED)
    assert last is not None
    event = HealthEvent("LAMBDA", "AWS_LAMBDA_OPERATIONAL_ISSUE", "issue", "open", last, None, "run")
    siblings = {
        name: replace(series, points={at: value for at, value in series.points.items() if at <= last})
        for name, series in seen.metrics.siblings.items()
    }
    out = with_fields(with_fields(seen, "health", events=(event,)), "metrics", siblings=siblings)
    found = judged(out).diagnosis
    assert _causes(found) == ["service-event"]
    assert found.set_off_by is None


@in_world("stream-recreated-behind-a-brake")
def test_masking_19_a_change_hours_before_the_silence_is_found() -> None:
    """The old stream drained for hours after the change: neither the release of the brake nor five minutes mislead."""
    world = tried("stream-recreated-behind-a-brake")
    found, last = world.diagnosis, world.diagnosis.stages[Stage.INVOKED].last
    assert found.set_off_by is not None
    assert last is not None
    assert found.set_off_by.change.event.operation == "UpdateTable"
    assert last - found.set_off_by.change.event.at > 4 * HOUR
    assert _causes(found) == ["stale-stream-arn"]
    assert not world.score.optimistic


@in_world("stream-switched-off-behind-a-brake")
def test_masking_19_records_are_lost_since_the_stream_went_off() -> None:
    """Deliveries went on for hours after the stream was switched off: what is lost is counted from the change."""
    found = tried("stream-switched-off-behind-a-brake").diagnosis
    assert found.set_off_by is not None
    assert found.loss.state is LossState.LOSING
    assert found.loss.already_lost_from == found.set_off_by.change.event.at
