"""The world: one truth on a timeline, and the verbs that change it."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from runbook_lib.sandbox import MISSING_MODULE, TIMEOUT, Code, EventSourceMapping, Setting, Traffic, World, document
from runbook_lib.sandbox.account.traffic import images, record, writes_of
from runbook_lib.sandbox.account.trail import Recorded
from runbook_lib.sandbox.telemetry.history import recorded

NOW = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
AT = NOW - timedelta(hours=2, seconds=11)


def recent(now: datetime, **how: Any) -> World:
    """A world with a short history, for tests of its last hours."""
    return World(now, history=timedelta(hours=5), **how)


@cache
def healthy() -> World:
    """A healthy world that tests only read."""
    return World(NOW)


def told(world: World) -> list[Recorded]:
    """The trail events of the world's own changes, oldest first."""
    own = [change.event for change in world.changes if change.event is not None]
    return [entry for entry in recorded(world) if any(entry.event is event for event in own)]


def test_a_clock_without_a_zone_is_refused() -> None:
    """A world whose time cannot be placed is not made."""
    with pytest.raises(ValueError, match="time zone"):
        World(datetime(2026, 3, 14))


def test_the_history_reaches_far_enough_back() -> None:
    """Metrics exist for at least 49 hours before the clock."""
    first = min(healthy().pipe.written["Orders"])
    assert first * 60 <= (NOW - timedelta(hours=49)).timestamp()


def test_the_state_changes_at_the_instant_of_a_change_and_not_before() -> None:
    """`at` folds changes up to and including the instant asked for."""
    world = recent(NOW)
    world.put_concurrency(AT, "orders-projector", 0)
    before, after = world.at(AT - timedelta(microseconds=1)), world.at(AT)
    assert before.functions["orders-projector"].concurrency is None
    assert after.functions["orders-projector"].concurrency == 0


def test_changes_apply_in_order_of_time_however_they_are_told() -> None:
    """A change told later but made earlier does not undo the later one."""
    world = recent(NOW)
    world.put_concurrency(AT, "orders-projector", 0)
    world.put_concurrency(AT - timedelta(hours=1), "orders-projector", 40)
    assert world.function.concurrency == 0
    assert world.at(AT - timedelta(minutes=1)).functions["orders-projector"].concurrency == 40


def test_a_stream_switched_on_again_is_another_stream() -> None:
    """Re-enabling makes a new generation with a new label while the old one stays readable for 24 hours."""
    world = recent(NOW)
    old = world.table.stream
    assert old is not None
    world.disable_stream(AT, "Orders")
    assert world.table.stream is None
    world.enable_stream(AT + timedelta(minutes=1), "Orders", "KEYS_ONLY")
    new = world.table.stream
    assert new is not None
    assert new.label != old.label
    assert new.view_type == "KEYS_ONLY"
    ended = world.table.streams[0]
    assert ended.readable(AT + timedelta(hours=23, minutes=59))
    assert not ended.readable(AT + timedelta(hours=24))


def test_a_deleted_function_leaves_its_mapping_enabled() -> None:
    """AWS does not switch a mapping off with its function; neither does the world."""
    world = recent(NOW)
    world.delete_function(AT, "orders-projector")
    assert world.mapping.uuid in world.state.mappings
    assert world.state.mappings[world.mapping.uuid].enabled
    assert world.state.target(world.mapping) is None


def test_a_deploy_behind_an_alias_publishes_and_moves_it() -> None:
    """With an alias a release is three events, and the alias runs the new code."""
    world = recent(NOW, setting=Setting(alias="live"))
    world.deploy(AT, "orders-projector", Code("r42", always=MISSING_MODULE))
    assert [entry.event.name for entry in told(world)] == [
        "UpdateFunctionCode20150331v2", "PublishVersion20150331", "UpdateAlias20150331",
    ]  # fmt: skip
    target = world.state.target(world.mapping)
    assert target is not None
    assert target.code.always is MISSING_MODULE


VERBS = {
    "UpdateTable": lambda w: w.disable_stream(AT, "Orders"),
    "UpdateEventSourceMapping20150331": lambda w: w.update_mapping(AT, w.mapping.uuid, enabled=False),
    "DeleteEventSourceMapping20150331": lambda w: w.delete_mapping(AT, w.mapping.uuid),
    "PutFunctionConcurrency20171031": lambda w: w.put_concurrency(AT, "orders-projector", 0),
    "DeleteFunctionConcurrency20171031": lambda w: w.delete_concurrency(AT, "orders-projector"),
    "UpdateFunctionCode20150331v2": lambda w: w.deploy(AT, "orders-projector", Code("r42")),
    "UpdateFunctionConfiguration20150331v2": lambda w: w.reconfigure(AT, "orders-projector", timeout=3),
    "DeleteFunction20150331": lambda w: w.delete_function(AT, "orders-projector"),
    "AddPermission20150331v2": lambda w: w.subscribe(AT, "orders-projector", "orders-reminders"),
    "PutRolePolicy": lambda w: w.put_role_policy(AT, w.role_name, "stream-access", document()),
    "DeleteRolePolicy": lambda w: w.delete_role_policy(AT, w.role_name, "stream-access"),
    "AttachRolePolicy": lambda w: w.attach_role_policy(AT, w.role_name, "arn:aws:iam::aws:policy/X"),
    "DetachRolePolicy": lambda w: w.detach_role_policy(AT, w.role_name, "arn:aws:iam::aws:policy/X"),
    "PutRolePermissionsBoundary": lambda w: w.put_boundary(AT, w.role_name, "arn:aws:iam::aws:policy/X"),
    "DeleteRolePermissionsBoundary": lambda w: w.delete_boundary(AT, w.role_name),
    "UpdateAssumeRolePolicy": lambda w: w.update_trust(AT, w.role_name, document()),
    "CreatePolicy": lambda w: w.create_policy(AT, "guardrail", document()),
}


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_leaves_its_trail_event(name: str) -> None:
    """A change is recorded once, at its time, under AWS's full event name and in the region AWS keeps it."""
    world = recent(NOW)
    VERBS[name](world)
    (entry,) = told(world)
    body = json.loads(entry.text)
    assert (body["eventName"], body["eventTime"]) == (name, "2026-03-14T13:09:15Z")
    assert body["awsRegion"] == ("us-east-1" if body["eventSource"] == "iam.amazonaws.com" else "eu-west-1")
    assert body["userIdentity"]["arn"].startswith("arn:aws:")
    assert body["readOnly"] is False


def test_parameters_are_spelt_as_the_trail_spells_them() -> None:
    """A mapping's id is `uUID`, members start with small letters, and filters are redacted to nothing."""
    world = recent(NOW)
    world.update_mapping(AT, world.mapping.uuid, filters=('{"eventName": ["INSERT"]}',), enabled=False)
    (entry,) = told(world)
    assert entry.body["requestParameters"] == {"uUID": world.mapping.uuid, "enabled": False, "filterCriteria": {}}
    assert entry.body["responseElements"]["uUID"] == world.mapping.uuid


def test_switching_the_stream_names_table_and_specification() -> None:
    """The event of a stream switched off names the table and says so in the request."""
    world = recent(NOW)
    world.disable_stream(AT, "Orders")
    (entry,) = told(world)
    assert entry.body["requestParameters"] == {"tableName": "Orders", "streamSpecification": {"streamEnabled": False}}


def test_a_poison_record_leaves_no_trail() -> None:
    """Item writes are data events, which the event history does not hold."""
    world = recent(NOW)
    world.poison(AT)
    assert told(world) == []


def test_the_trail_holds_noise_around_the_story() -> None:
    """Capacity changes, other functions' releases, pollers and readers are recorded too."""
    names = {entry.event.name for entry in recorded(healthy())}
    assert names >= {
        "UpdateTable", "UpdateFunctionCode20150331v2", "DescribeStream", "AssumeRole", "DescribeTable", "PutRolePolicy",
    }  # fmt: skip


def test_a_denied_poller_is_recorded_as_denied() -> None:
    """A role that lost DescribeStream leaves AccessDenied footprints afterwards and successful ones before."""
    world = recent(NOW)
    world.delete_role_policy(AT, world.role_name, "stream-access")
    looks = [entry.event for entry in recorded(world) if entry.event.name == "DescribeStream"]
    own = [event for event in looks if world.role_name in event.actor.name]
    late = [event for event in own if event.at > AT + timedelta(minutes=2)]
    assert late
    assert {event.error[0] for event in late if event.error} == {"AccessDenied"}
    assert all(event.error for event in late)
    assert not any(event.error for event in own if event.at < AT)


def test_two_worlds_of_one_seed_are_equal() -> None:
    """Same clock and seed, same history to the last value."""
    first, other = recent(NOW, seed=5), recent(NOW, seed=5)
    assert first.state == other.state
    assert first.pipe.flows == other.pipe.flows
    assert [entry.text for entry in recorded(first)] == [entry.text for entry in recorded(other)]


def test_worlds_of_other_seeds_differ() -> None:
    """The seed changes ids and traffic."""
    first, other = recent(NOW), recent(NOW, seed=5)
    assert other.mapping.uuid != first.mapping.uuid
    assert other.pipe.written != first.pipe.written


def test_advancing_the_clock_lives_on() -> None:
    """A step forward adds minutes and leaves those already past as they were."""
    world = recent(NOW)
    before = dict(world.pipe.written["Orders"])
    world.advance(timedelta(minutes=10))
    assert world.now == NOW + timedelta(minutes=10)
    whole = [minute for minute in before if (minute + 1) * 60 <= NOW.timestamp()]
    after = world.pipe.written["Orders"]
    assert {minute: after[minute] for minute in whole} == {minute: before[minute] for minute in whole}
    assert len(world.pipe.written["Orders"]) == len(before) + 10


def test_a_mapping_splits_its_target() -> None:
    """Name, qualifier and label of a mapping are read from what it was given."""
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders/stream/2026-01-01T00:00:00.001"
    mapping = EventSourceMapping("u", "fn:live", arn, NOW, NOW)
    assert (mapping.function_name, mapping.qualifier) == ("fn", "live")
    assert mapping.stream_label == "2026-01-01T00:00:00.001"
    assert dataclasses.replace(mapping, function="fn").qualifier is None


def test_writes_stay_within_the_promised_rate() -> None:
    """Every minute of a healthy day has 7 to 25 writes, in order of time, inside the minute."""
    for minute in range(29_000_000, 29_001_440, 7):
        writes = writes_of(Traffic(), 0, minute)
        assert 7 <= len(writes) <= 25
        assert [write.at for write in writes] == sorted(write.at for write in writes)
        assert all(minute * 60 <= write.at < minute * 60 + 60 for write in writes)


def test_exactly_one_write_is_poison() -> None:
    """The first write at or after the instant is the one, and the only one."""
    at = 29_000_000 * 60 + 17.0
    writes = [w for minute in (29_000_000, 29_000_001) for w in writes_of(Traffic(poison_at=at), 0, minute)]
    assert [write for write in writes if write.poison] == [next(write for write in writes if write.at >= at)._replace(
        event="INSERT", poison=True)]  # fmt: skip


IMAGES = [
    ("KEYS_ONLY", "INSERT", {"Keys"}),
    ("KEYS_ONLY", "REMOVE", {"Keys"}),
    ("NEW_IMAGE", "MODIFY", {"Keys", "NewImage"}),
    ("NEW_IMAGE", "REMOVE", {"Keys"}),
    ("OLD_IMAGE", "INSERT", {"Keys"}),
    ("OLD_IMAGE", "MODIFY", {"Keys", "OldImage"}),
    ("NEW_AND_OLD_IMAGES", "INSERT", {"Keys", "NewImage"}),
    ("NEW_AND_OLD_IMAGES", "MODIFY", {"Keys", "NewImage", "OldImage"}),
    ("NEW_AND_OLD_IMAGES", "REMOVE", {"Keys", "OldImage"}),
]


@pytest.mark.parametrize(("view_type", "event", "members"), IMAGES)
def test_a_view_type_decides_the_images(view_type: str, event: str, members: set[str]) -> None:
    """A record carries what its stream's view type and its event allow, and nothing else."""
    write = writes_of(Traffic(), 0, 29_000_000)[0]._replace(event=event)
    assert set(images(write, view_type)) == members
    assert record(write, view_type, "eu-west-1", NOW)["dynamodb"]["StreamViewType"] == view_type


CODE = [
    (Code("r"), {}, "NEW_AND_OLD_IMAGES", None),
    (Code("r"), {"poison": True}, "NEW_AND_OLD_IMAGES", "ValueError"),
    (Code("r", hardy=True), {"poison": True}, "NEW_AND_OLD_IMAGES", None),
    (Code("r", always=TIMEOUT), {}, "NEW_AND_OLD_IMAGES", "Sandbox.Timedout"),
    (Code("r", needs="NewImage"), {"event": "INSERT"}, "KEYS_ONLY", "KeyError"),
    (Code("r", needs="NewImage"), {"event": "INSERT"}, "NEW_IMAGE", None),
    (Code("r", needs="NewImage"), {"event": "REMOVE"}, "KEYS_ONLY", None),
    (Code("r", needs="OldImage"), {"event": "MODIFY"}, "NEW_IMAGE", "KeyError"),
    (Code("r", needs="OldImage"), {"event": "INSERT"}, "NEW_IMAGE", None),
]


@pytest.mark.parametrize(("code", "changes", "view_type", "error"), CODE)
def test_code_fails_where_it_must(code: Code, changes: dict[str, object], view_type: str, error: str | None) -> None:
    """Code fails on what it cannot digest, with its own error, and on nothing else."""
    write = writes_of(Traffic(), 0, 29_000_000)[0]._replace(**changes)
    failure = code.failure(write, view_type)
    assert (failure.error_type if failure else None) == error
