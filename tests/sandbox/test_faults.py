"""The catalogue of faults: what each world shows must follow from what was done to it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from fault_worlds import BUILT, FAULTS, NOW, ask, each, world_of

from runbook_lib.sandbox import ALARM, World, build, fault
from runbook_lib.sandbox.account.state import KEY_LOSS_REACHES
from runbook_lib.sandbox.answers.cloudtrail import history_of
from runbook_lib.sandbox.answers.cloudwatch import metrics_of

FUNCTION = {"FunctionName": "orders-projector"}
TABLE = {"TableName": "Orders"}
FELT_LATE = {"table-key-disabled": KEY_LOSS_REACHES}
"""Faults after which functions are invoked for a while still."""


def began(name: str) -> datetime:
    """When the fault's change was made, or three hours ago where nothing was changed."""
    return FAULTS[name].began(NOW) or NOW - timedelta(hours=3)


def values(world: World, namespace: str, name: str, dimensions: Mapping[str, str], stat: str = "Sum") -> list[float]:
    """A metric's values since two minutes after the fault took effect, oldest first, silence left out."""
    late = FELT_LATE.get(BUILT[id(world)], timedelta(0)) if namespace == "AWS/Lambda" else timedelta(0)
    begin = began(BUILT[id(world)]) + late + timedelta(minutes=2)
    data = metrics_of(world).read(namespace, name, dimensions, begin, NOW, 60)
    return [datum.statistic(stat) for _, datum in data]


def test_the_catalogue_holds_the_first_faults() -> None:
    """Every fault that was promised is there, the healthy ones first."""
    assert next(iter(FAULTS)) == "healthy"
    assert {name: entry.expects for name, entry in FAULTS.items()}.items() >= {
        "healthy": None,
        "mapping-on-alias": None,
        "no-table-writes": None,
        "stream-disabled": "stream-disabled",
        "stream-recreated": "stale-stream-arn",
        "mapping-deleted": "esm-missing",
        "mapping-paused": "esm-disabled-by-user",
        "trail-denied": "esm-disabled-by-user",
        "role-lost-getrecords": "role-missing-stream-actions",
        "role-pinned-to-table-arn": "role-missing-stream-actions",
        "explicit-deny": "explicit-deny-identity",
        "permissions-boundary": "permissions-boundary",
        "filter-without-type-descriptor": "filter-matches-nothing",
        "concurrency-zero": "reserved-concurrency-zero",
        "poison-record": "poison-record",
        "import-error-after-deploy": "init-or-import-error",
        "function-deleted": "function-or-qualifier-deleted",
        "view-type-without-image": "view-type-lacks-image",
    }.items()


def test_an_unknown_fault_is_refused_by_name() -> None:
    """The error lists what there is."""
    with pytest.raises(KeyError, match=r"no fault 'nonsense'; known are healthy, .*stream-recreated"):
        build("nonsense", NOW)


def test_a_fault_without_a_story_is_refused() -> None:
    """The docstring is the story, and there must be one."""
    with pytest.raises(ValueError, match="untold tells no story"):

        @fault(expects=None, onset=None, loss="none")
        def untold(world: World, at: datetime) -> None:
            pass


@pytest.mark.parametrize("name", each(FAULTS))
def test_names_do_not_give_the_answer_away(name: str) -> None:
    """Resources are called the same in every world."""
    state = world_of(name).at(world_of(name).start)
    assert set(state.tables) == {"Orders"}
    assert set(state.functions) == {"orders-projector", "orders-notifier", "billing-export"}


@pytest.mark.parametrize("name", each([name for name, entry in FAULTS.items() if entry.set_off_by]))
def test_the_trigger_is_in_the_trail_at_the_onset(name: str) -> None:
    """The event that made the change is recorded at that second, and changes the state at that instant."""
    world, at = world_of(name), began(name)
    names = [entry.event.name for entry in history_of(world) if entry.event.at == at]
    assert names == [FAULTS[name].set_off_by]
    assert world.at(at) != world.at(at - timedelta(microseconds=1))


@pytest.mark.parametrize(
    "name", each([name for name, entry in FAULTS.items() if entry.expects and not entry.set_off_by])
)
def test_no_trigger_means_no_event(name: str) -> None:
    """Where nothing was called, or all was refused, the trail holds no change of ours for hours before the harm."""
    events = [change.event for change in world_of(name).changes if change.event is not None]
    near = [event for event in events if began(name) - timedelta(hours=6) <= event.at]
    assert [event for event in near if event.error is None] == []


NOT_INVOKED = [name for name, entry in FAULTS.items() if "function-not-invoked" in entry.symptoms]


@pytest.mark.parametrize("name", each(NOT_INVOKED))
def test_not_invoked_is_silence_while_writes_go_on(name: str) -> None:
    """Since the onset the stream has invoked nothing though the table was written to; others may have invoked."""
    world = world_of(name)
    assert values(world, "AWS/Lambda", "IteratorAge", FUNCTION) == []
    masked = "other-triggers-mask" in FAULTS[name].notes
    assert bool(values(world, "AWS/Lambda", "Invocations", FUNCTION)) is masked
    assert min(values(world, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", TABLE)) > 0


@pytest.mark.parametrize("name", each(NOT_INVOKED))
def test_invocations_were_there_until_the_onset(name: str) -> None:
    """Every minute of the hour before has some by the stream, and the last one is within two minutes of the onset."""
    at = began(name)
    series = metrics_of(world_of(name)).find("AWS/Lambda", "IteratorAge", FUNCTION)
    onset = int(at.timestamp() // 60)
    assert all(minute in series for minute in range(onset - 60, onset))
    late = int(FELT_LATE.get(name, timedelta(0)) / timedelta(minutes=1))
    assert 0 <= max(series) - onset + 1 <= 2 + late


@pytest.mark.parametrize("name", each(["healthy", "mapping-on-alias"]))
def test_a_working_trigger_follows_the_writes(name: str) -> None:
    """Every written record is invoked for, without error."""
    world = world_of(name)
    invoked = values(world, "AWS/Lambda", "Invocations", FUNCTION)
    assert invoked == values(world, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", TABLE)
    assert set(values(world, "AWS/Lambda", "Errors", FUNCTION)) == {0}


ANSWERED_ILL = {"partial-batch-misuse", "tumbling-no-state"}


@pytest.mark.parametrize(
    "name", each([name for name, entry in FAULTS.items() if "iterator-age-rising" in entry.symptoms])
)
def test_a_blocked_shard_grows_old_minute_by_minute(name: str) -> None:
    """Iterator age rises steadily to about the age of the fault, with errors all the time or, answered ill, none."""
    world = world_of(name)
    ages = values(world, "AWS/Lambda", "IteratorAge", FUNCTION, "Maximum")
    assert ages == sorted(ages)
    assert ages[-1] == pytest.approx((NOW - began(name)).total_seconds() * 1000, rel=0.05)
    errors = values(world, "AWS/Lambda", "Errors", FUNCTION)
    assert not any(errors) if FAULTS[name].expects in ANSWERED_ILL else all(errors)


def test_poison_leaves_a_share_of_successes_and_an_import_error_none() -> None:
    """What tells the two apart is in the metrics."""
    errors, invoked = (values(world_of("poison-record"), "AWS/Lambda", n, FUNCTION) for n in ("Errors", "Invocations"))
    assert sum(errors) < 0.5 * sum(invoked)
    for name in ("import-error-after-deploy", "view-type-without-image"):
        errors, invoked = (values(world_of(name), "AWS/Lambda", n, FUNCTION) for n in ("Errors", "Invocations"))
        assert errors == invoked


def test_zero_concurrency_shows_throttles_alone() -> None:
    """Throttles trickle in every minute."""
    assert min(values(world_of("concurrency-zero"), "AWS/Lambda", "Throttles", FUNCTION)) > 0


LIES = [
    ("healthy", "Enabled", "OK"),
    ("no-table-writes", "Enabled", "OK"),
    ("stream-disabled", "Enabled", "OK"),
    ("stream-recreated", "Enabled", "OK"),
    ("mapping-paused", "Disabled", "OK"),
    ("filter-without-type-descriptor", "Enabled", "OK"),
    ("concurrency-zero", "Enabled", "OK"),
    ("function-deleted", "Enabled", "PROBLEM: Function call failed"),
    ("poison-record", "Enabled", "PROBLEM: Function call failed"),
    ("import-error-after-deploy", "Enabled", "PROBLEM: Function call failed"),
    ("role-lost-getrecords", "Enabled", "identity-based policy allows the dynamodb:GetRecords action"),
    ("role-pinned-to-table-arn", "Enabled", "identity-based policy allows the dynamodb:DescribeStream action"),
    ("explicit-deny", "Enabled", "with an explicit deny in an identity-based policy"),
    ("permissions-boundary", "Enabled", "permissions boundary allows the dynamodb:DescribeStream action"),
]


@pytest.mark.parametrize(("name", "state", "result"), each(LIES))
def test_a_mapping_says_of_itself_what_aws_would(name: str, state: str, result: str) -> None:
    """Enabled and OK are no proof of health: most faults leave the mapping saying so."""
    world = world_of(name)
    shown = ask(world, "lambda", "GetEventSourceMapping", UUID=world.mapping.uuid)
    assert (shown["State"], shown["StateTransitionReason"]) == (state, "User action")
    assert shown["LastProcessingResult"].endswith(result)


@pytest.mark.parametrize(
    "name",
    each([n for n, entry in FAULTS.items() if entry.loss != "none" and not entry.gradual and n not in FELT_LATE]),
)
def test_the_oldest_unread_write_is_as_old_as_the_fault(name: str) -> None:
    """The loss clock starts at the onset, when the change reached the pipe, or at the first of the calls it took."""
    oldest = FAULTS[name].oldest_unread(world_of(name))
    assert oldest is not None
    assert timedelta(seconds=-20) <= oldest - began(name) < timedelta(seconds=65)


@pytest.mark.parametrize(
    "name", each([name for name, entry in FAULTS.items() if entry.loss == "none" or name in FELT_LATE])
)
def test_nothing_waits_where_nothing_is_wrong(name: str) -> None:
    """A healthy world has no unread write, but what a window gathers; nor has one whose reads end with writes."""
    world = world_of(name)
    assert FAULTS[name].oldest_unread(world) is None
    for uuid, cursor in world.pipe.cursors.items():
        gathered = world.state.mappings[uuid].window
        assert cursor.oldest is None or NOW.timestamp() - cursor.oldest.at <= gathered


HURTING_ALL = {
    *("stream-disabled", "stale-stream-arn", "table-recreated-or-restored", "table-key-inaccessible"),
    *("scp-or-rcp", "account-concurrency-exhausted", "service-event"),
}
NOTHING_TO_READ = {"no-table-writes", "noop-writes"}


@pytest.mark.parametrize(
    "name",
    each(
        n for n, fault in FAULTS.items() if fault.expects not in HURTING_ALL and not NOTHING_TO_READ & set(fault.notes)
    ),
)
def test_the_sibling_is_invoked_unless_the_stream_is_at_fault(name: str) -> None:
    """A fault of one function's own leaves the other consumer alone; a fault of the stream hits both."""
    assert len(values(world_of(name), "AWS/Lambda", "Invocations", {"FunctionName": "orders-notifier"})) > 30


@pytest.mark.parametrize(
    "name",
    each(
        ["stream-disabled", "stream-recreated", "table-restored", "table-replaced", "table-key-disabled", "noop-writes"]
    ),
)
def test_a_fault_of_the_stream_hits_the_sibling_too(name: str) -> None:
    """Both consumers fall silent."""
    assert values(world_of(name), "AWS/Lambda", "Invocations", {"FunctionName": "orders-notifier"}) == []


LOGGED = [
    ("poison-record", "[ERROR] ValueError: could not convert string to float: 'n/a'"),
    ("import-error-after-deploy", "[ERROR] Runtime.ImportModuleError: Unable to import module 'app'"),
    ("view-type-without-image", "[ERROR] KeyError: 'NewImage'"),
]


@pytest.mark.parametrize(("name", "text"), each(LOGGED))
def test_failures_are_logged_in_the_runtimes_words(name: str, text: str) -> None:
    """The function's log group holds the error since the onset and not before."""
    world, at = world_of(name), int(began(name).timestamp() * 1000)
    found = ask(
        world, "logs", "FilterLogEvents", logGroupName="/aws/lambda/orders-projector", filterPattern=f'"{text}"',
        startTime=at - 3_600_000,
    )  # fmt: skip
    times = [event["timestamp"] for event in found["events"]]
    assert times
    assert min(times) >= at
    assert max(times) > at + 600_000


def test_the_poison_record_is_named_in_every_failure() -> None:
    """The same sequence number is retried over and over."""
    found = ask(
        world_of("poison-record"), "logs", "FilterLogEvents", logGroupName="/aws/lambda/orders-projector",
        filterPattern='"cannot apply record"',
    )  # fmt: skip
    assert len({event["message"].split()[-1] for event in found["events"]}) == 1


@pytest.mark.parametrize("name", each(["mapping-paused", "no-table-writes", "function-deleted"]))
def test_the_alarm_rings_when_invocations_cease(name: str) -> None:
    """The customer's own alarm on missing invocations goes off within minutes, also when it is a false alarm."""
    world = world_of(name)
    (alarm,) = ask(world, "cloudwatch", "DescribeAlarms", AlarmNames=[ALARM])["MetricAlarms"]
    assert alarm["StateValue"] == "ALARM"
    assert timedelta(minutes=4) < alarm["StateUpdatedTimestamp"] - began(name) < timedelta(minutes=8)


def test_the_alarm_is_quiet_in_health() -> None:
    """No alarm where every minute has invocations."""
    alarms = ask(world_of("healthy"), "cloudwatch", "DescribeAlarms", AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    states = {
        alarm["AlarmName"]: alarm["StateValue"] for alarm in (*alarms["MetricAlarms"], *alarms["CompositeAlarms"])
    }
    assert len(states) == 5
    assert set(states.values()) == {"OK"}


def test_the_denied_investigator_is_a_rule_of_the_world() -> None:
    """The trail is refused by the front, not missing from the world."""
    world = world_of("trail-denied")
    (rule,) = world.rules
    assert (rule.service, rule.operation) == ("cloudtrail", "LookupEvents")
    assert ask(world, "cloudtrail", "LookupEvents")["Events"]
