"""The catalogue of faults: what each world shows must follow from what was done to it."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from runbook_lib.sandbox import ALARM, ApiError, Call, World, all_faults, build, fault
from runbook_lib.sandbox.answers.cloudtrail import history_of
from runbook_lib.sandbox.answers.cloudwatch import metrics_of
from runbook_lib.sandbox.wire import conformance
from runbook_lib.sandbox.wire.registry import ANSWERS

NOW = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
TRAIL_GROUP = "cloudtrail/management"
FAULTS = all_faults()
FUNCTION = {"FunctionName": "orders-projector"}
TABLE = {"TableName": "Orders"}
BUILT: dict[int, str] = {}
"""The fault that a world was built for, by the world's identity."""


@cache
def world_of(name: str) -> World:
    """The world of a fault, with a short history that holds some good hours; tests only read it."""
    harm = FAULTS[name].onset if FAULTS[name].expects else None
    history = max(timedelta(hours=12), (harm or timedelta(0)) + timedelta(hours=2))
    world = build(name, NOW, history=history, cloudtrail_log_group=TRAIL_GROUP)
    BUILT[id(world)] = name
    return world


def each(cases: Iterable[str | tuple[str, ...]]) -> list[Any]:
    """Parametrize by fault so that all tests of one run in one process, where its world is built once.

    Every fourth fault is looked at in every run of the tests, and those that a test names itself.
    """
    rows = [(case,) if isinstance(case, str) else case for case in cases]
    often = {*list(FAULTS)[::4], *(row[0] for row in rows if len(rows) < len(FAULTS) // 6)}
    return [
        pytest.param(*row, marks=[pytest.mark.xdist_group(row[0]), *([] if row[0] in often else [pytest.mark.slow])])
        for row in rows
    ]


def began(name: str) -> datetime:
    """When the fault's change was made, or three hours ago where nothing was changed."""
    return FAULTS[name].began(NOW) or NOW - timedelta(hours=3)


def values(world: World, namespace: str, name: str, dimensions: Mapping[str, str], stat: str = "Sum") -> list[float]:
    """A metric's values since two minutes after the fault began, oldest first, silence left out."""
    begin = began(BUILT[id(world)]) + timedelta(minutes=2)
    data = metrics_of(world).read(namespace, name, dimensions, begin, NOW, 60)
    return [datum.statistic(stat) for _, datum in data]


def ask(world: World, service: str, operation: str, region: str = "eu-west-1", **params: Any) -> dict[str, Any]:
    """The world's answer to a call, without the wire."""
    return ANSWERS[service, operation](world, Call(service, operation, region, "AKID", params))


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
    assert 0 <= max(series) - onset + 1 <= 2


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


@pytest.mark.parametrize("name", each([n for n, entry in FAULTS.items() if entry.loss != "none" and not entry.gradual]))
def test_the_oldest_unread_write_is_as_old_as_the_fault(name: str) -> None:
    """The loss clock starts at the onset, when the change reached the pipe, or at the first of the calls it took."""
    oldest = FAULTS[name].oldest_unread(world_of(name))
    assert oldest is not None
    assert timedelta(seconds=-20) <= oldest - began(name) < timedelta(seconds=65)


@pytest.mark.parametrize("name", each([name for name, entry in FAULTS.items() if entry.loss == "none"]))
def test_nothing_waits_where_nothing_is_wrong(name: str) -> None:
    """A healthy world has no unread write, but what a batching window gathers."""
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


def calls(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    """One call of every read an investigation makes, and more, in terms of this world."""
    function, role, uuid = "orders-projector", "orders-projector-role", world.mapping.uuid
    stream = (world.table.latest or world.at(world.start).tables["Orders"].streams[-1]).arn(world.scope)
    group = "/aws/lambda/orders-projector"
    table, name, of_role = {"TableName": "Orders"}, {"FunctionName": function}, {"RoleName": role}
    managed = {"PolicyArn": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"}
    metric = {
        "Namespace": "AWS/Lambda",
        "MetricName": "Duration",
        "Dimensions": [{"Name": "FunctionName", "Value": function}],
    }
    window = {"StartTime": NOW - timedelta(hours=2), "EndTime": NOW}
    query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "p99"}}
    source = f"arn:aws:iam::123456789012:role/{role}"
    return [
        ("sts", "GetCallerIdentity", {}),
        *(("dynamodb", operation, table) for operation in (
            "DescribeTable", "DescribeTimeToLive", "DescribeKinesisStreamingDestination")),
        ("dynamodb", "ListTables", {}),
        ("dynamodb", "GetResourcePolicy", {"ResourceArn": stream}),
        ("dynamodbstreams", "ListStreams", table),
        ("dynamodbstreams", "DescribeStream", {"StreamArn": stream}),
        *(("lambda", operation, name) for operation in (
            "GetFunction", "GetFunctionConfiguration", "ListAliases",
            "GetFunctionConcurrency", "GetPolicy", "ListEventSourceMappings")),
        ("lambda", "GetAlias", {**name, "Name": "live"}),
        ("lambda", "ListEventSourceMappings", {"EventSourceArn": stream}),
        ("lambda", "GetEventSourceMapping", {"UUID": uuid}),
        ("lambda", "ListFunctions", {"FunctionVersion": "ALL"}),
        ("lambda", "GetAccountSettings", {}),
        *(("iam", operation, of_role) for operation in (
            "GetRole", "ListRolePolicies", "ListAttachedRolePolicies")),
        ("iam", "GetRolePolicy", {**of_role, "PolicyName": "stream-access"}),
        ("iam", "ListRoles", {}),
        ("iam", "GetPolicy", managed),
        ("iam", "GetPolicyVersion", {**managed, "VersionId": "v1"}),
        ("iam", "SimulatePrincipalPolicy", {
            "PolicySourceArn": source, "ActionNames": ["dynamodb:GetRecords"], "ResourceArns": [stream]}),
        ("cloudwatch", "GetMetricData", {"MetricDataQueries": [query], **window}),
        ("cloudwatch", "DescribeAlarms", {}),
        ("cloudwatch", "DescribeAlarmHistory", {}),
        ("logs", "DescribeLogGroups", {}),
        ("logs", "DescribeLogStreams", {"logGroupName": group}),
        ("logs", "FilterLogEvents", {"logGroupName": group, "limit": 50}),
        ("logs", "FilterLogEvents", {"logGroupName": TRAIL_GROUP, "limit": 50}),
        ("cloudtrail", "LookupEvents", {}),
        ("health", "DescribeEvents", {}),
        ("service-quotas", "GetServiceQuota", {"ServiceCode": "lambda", "QuotaCode": "L-B99A9384"}),
    ]  # fmt: skip


@pytest.mark.parametrize("name", each(FAULTS))
def test_every_answer_of_every_world_conforms(name: str) -> None:
    """Whatever is asked of whichever world, botocore's models allow the answer, and errors are typed ones."""
    world, found, errors = world_of(name), [], set()
    for service, operation, params in calls(world):
        try:
            answer = ask(world, service, operation, **params)
        except ApiError as error:
            errors.add(error.code)
        else:
            found += conformance.violations(service, operation, answer)
    assert found == []
    absent = {"ResourceNotFoundException", "PolicyNotFoundException", "NoSuchEntity"}
    assert errors <= {*absent, "SubscriptionRequiredException"}


@pytest.mark.parametrize("name", each(["poison-record", "explicit-deny"]))
def test_two_builds_of_a_fault_give_the_same_answers(name: str) -> None:
    """The same fault, clock and seed answer every call alike."""
    again = build(name, NOW, history=timedelta(hours=12), cloudtrail_log_group=TRAIL_GROUP)

    def said(world: World, service: str, operation: str, params: dict[str, Any]) -> str:
        try:
            return json.dumps(ask(world, service, operation, **params), default=str)
        except ApiError as error:
            return str(error)

    for call in calls(again):
        assert said(again, *call) == said(world_of(name), *call)


def test_the_denied_investigator_is_a_rule_of_the_world() -> None:
    """The trail is refused by the front, not missing from the world."""
    world = world_of("trail-denied")
    (rule,) = world.rules
    assert (rule.service, rule.operation) == ("cloudtrail", "LookupEvents")
    assert ask(world, "cloudtrail", "LookupEvents")["Events"]


def test_a_setting_may_differ_for_one_build() -> None:
    """EventCount, for example, can be switched on for any fault."""
    world = build("mapping-paused", NOW, history=timedelta(hours=3), event_count=True)
    shown = ask(world, "lambda", "GetEventSourceMapping", UUID=world.mapping.uuid)
    assert shown["MetricsConfig"] == {"Metrics": ["EventCount"]}
