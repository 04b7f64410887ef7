"""Answers over real HTTP to real boto3: the meaning that models do not check."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from runbook_lib.sandbox.code import MISSING_MODULE, Code
from runbook_lib.sandbox.healthy import Setting, document, stream_reader
from runbook_lib.sandbox.server import serve
from runbook_lib.sandbox.state import HealthEvent
from runbook_lib.sandbox.world import World

NOW = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
AT = NOW - timedelta(hours=2, seconds=11)
FUNCTION = "orders-projector"
GROUP = f"/aws/lambda/{FUNCTION}"
TRAIL = "cloudtrail/management"

NOBODY = "00000000-0000-4000-8000-000000000000"

Clients = Callable[..., Any]


def recent(**how: Any) -> World:
    """A world with a short history."""
    return World(NOW, history=timedelta(hours=6), **how)


@contextmanager
def clients_of(world: World) -> Iterator[Clients]:
    """Serve a world and hand out clients to it: `clients("lambda")`. No answer may violate its model."""
    with serve(world) as box:
        keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "sandbox", "endpoint_url": box.url}
        session = boto3.session.Session(region_name=world.region)
        yield lambda service, region=None: session.client(service, region_name=region, **keys)
        assert box.violations == []


@pytest.fixture(scope="module")
def healthy() -> Iterator[Clients]:
    """Clients to a healthy world on an alias, with its trail in CloudWatch Logs."""
    with clients_of(recent(setting=Setting(alias="live"), cloudtrail_log_group=TRAIL)) as clients:
        yield clients


def code_of(call: Callable[..., Any], **params: Any) -> str:
    """The error code a call fails with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def described(clients: Clients) -> dict[str, Any]:
    """The table."""
    found: dict[str, Any] = clients("dynamodb").describe_table(TableName="Orders")["Table"]
    return found


ASKED = [
    ({"FunctionName": FUNCTION}, 0),
    ({"FunctionName": f"{FUNCTION}:live"}, 1),
    ({"FunctionName": f"123456789012:function:{FUNCTION}:live"}, 1),
    ({"FunctionName": f"arn:aws:lambda:eu-west-1:123456789012:function:{FUNCTION}:live"}, 1),
    ({"FunctionName": f"arn:aws:lambda:eu-west-1:123456789012:function:{FUNCTION}"}, 0),
    ({"FunctionName": f"{FUNCTION}:7"}, 0),
    ({"FunctionName": "orders-notifier"}, 1),
    ({}, 2),
]


@pytest.mark.parametrize(("params", "count"), ASKED)
def test_mappings_are_listed_by_exact_qualifier(healthy: Clients, params: dict[str, str], count: int) -> None:
    """A bare name does not find the mapping of an alias; the alias does, however it is written."""
    assert len(healthy("lambda").list_event_source_mappings(**params)["EventSourceMappings"]) == count


def test_mappings_are_listed_by_source(healthy: Clients) -> None:
    """The stream's ARN finds every consumer, another ARN finds none."""
    arn = described(healthy)["LatestStreamArn"]
    found = healthy("lambda").list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
    assert len({mapping["FunctionArn"] for mapping in found}) == 2
    assert not healthy("lambda").list_event_source_mappings(EventSourceArn=arn + "0")["EventSourceMappings"]


def test_mappings_come_in_pages(healthy: Clients) -> None:
    """A page of one leads to the next, and a foreign marker is refused."""
    pages = healthy("lambda").get_paginator("list_event_source_mappings").paginate(PaginationConfig={"PageSize": 1})
    assert [len(page["EventSourceMappings"]) for page in pages] == [1, 1]
    listing = healthy("lambda").list_event_source_mappings
    assert code_of(listing, Marker="bm9uc2Vuc2U=") == "InvalidParameterValueException"


def test_the_time_of_a_mapping_is_cut_to_the_minute() -> None:
    """LastModified has no seconds, whenever the change was made."""
    world = recent()
    world.update_mapping(AT, world.mapping.uuid, enabled=False)
    with clients_of(world) as clients:
        shown = clients("lambda").get_event_source_mapping(UUID=world.mapping.uuid)
    assert shown["LastModified"] == AT.replace(second=0, microsecond=0)
    assert shown["State"] == "Disabled"


MISSING = [
    (
        "lambda",
        "get_event_source_mapping",
        {"UUID": NOBODY},
        "ResourceNotFoundException",
    ),
    ("lambda", "get_function", {"FunctionName": "nope"}, "ResourceNotFoundException"),
    ("lambda", "get_function", {"FunctionName": FUNCTION, "Qualifier": "nope"}, "ResourceNotFoundException"),
    ("lambda", "get_alias", {"FunctionName": FUNCTION, "Name": "nope"}, "ResourceNotFoundException"),
    ("lambda", "get_policy", {"FunctionName": FUNCTION}, "ResourceNotFoundException"),
    ("dynamodb", "describe_table", {"TableName": "nope"}, "ResourceNotFoundException"),
    ("iam", "get_role", {"RoleName": "nope"}, "NoSuchEntity"),
    ("iam", "get_role_policy", {"RoleName": f"{FUNCTION}-role", "PolicyName": "nope"}, "NoSuchEntity"),
    ("iam", "get_policy", {"PolicyArn": "arn:aws:iam::aws:policy/nope"}, "NoSuchEntity"),
    ("logs", "filter_log_events", {"logGroupName": "nope"}, "ResourceNotFoundException"),
    ("health", "describe_events", {}, "SubscriptionRequiredException"),
    ("service-quotas", "get_service_quota", {"ServiceCode": "lambda", "QuotaCode": "L-0"}, "NoSuchResourceException"),
]


@pytest.mark.parametrize(("service", "operation", "params", "code"), MISSING)
def test_what_is_not_there_is_a_typed_error(
    healthy: Clients, service: str, operation: str, params: dict[str, str], code: str
) -> None:
    """Each service has its own word for missing."""
    assert code_of(getattr(healthy(service), operation), **params) == code


def test_a_qualifier_decides_what_is_described(healthy: Clients) -> None:
    """An alias resolves to its version and keeps its own ARN."""
    client = healthy("lambda")
    alias = client.get_function_configuration(FunctionName=FUNCTION, Qualifier="live")
    assert (alias["Version"], alias["FunctionArn"].endswith(f":{FUNCTION}:live")) == ("7", True)
    assert client.get_function_configuration(FunctionName=f"{FUNCTION}:live")["Version"] == "7"
    assert client.get_function_configuration(FunctionName=FUNCTION)["Version"] == "$LATEST"
    assert [a["Name"] for a in client.list_aliases(FunctionName=FUNCTION)["Aliases"]] == ["live"]
    versions = client.list_versions_by_function(FunctionName=FUNCTION)["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "6", "7"]


def test_no_reserved_concurrency_is_not_zero() -> None:
    """The member is absent when nothing is reserved and 0 when everything is throttled."""
    world = recent()
    with clients_of(world) as clients:
        client = clients("lambda")
        assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName=FUNCTION)
        assert "Concurrency" not in client.get_function(FunctionName=FUNCTION)
        client.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
        assert client.get_function_concurrency(FunctionName=FUNCTION)["ReservedConcurrentExecutions"] == 0
        assert client.get_function(FunctionName=FUNCTION)["Concurrency"] == {"ReservedConcurrentExecutions": 0}
        client.delete_function_concurrency(FunctionName=FUNCTION)
        assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName=FUNCTION)


def test_unreserved_concurrency_is_what_reservations_leave() -> None:
    """Account settings subtract what functions reserved."""
    world = recent()
    world.put_concurrency(AT, FUNCTION, 40)
    with clients_of(world) as clients:
        limits = clients("lambda").get_account_settings()["AccountLimit"]
    assert (limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]) == (1000, 960)


def test_a_disabled_stream_keeps_its_arn_and_loses_its_specification() -> None:
    """DescribeTable cannot be read as enabled from the latest ARN."""
    world = recent()
    world.disable_stream(AT, "Orders")
    with clients_of(world) as clients:
        table = described(clients)
        assert "StreamSpecification" not in table
        stream = clients("dynamodbstreams").describe_stream(StreamArn=table["LatestStreamArn"])["StreamDescription"]
    assert stream["StreamStatus"] == "DISABLED"
    assert all("EndingSequenceNumber" in shard["SequenceNumberRange"] for shard in stream["Shards"])


def test_old_generations_live_for_a_day() -> None:
    """ListStreams shows an ended generation for 24 hours; then it is not found."""
    world = recent()
    old = world.table.streams[0].arn(world.scope)
    world.disable_stream(AT, "Orders")
    world.enable_stream(AT + timedelta(seconds=50), "Orders")
    with clients_of(world) as clients:
        streams = clients("dynamodbstreams")
        arns = [stream["StreamArn"] for stream in streams.list_streams(TableName="Orders")["Streams"]]
        assert arns == [old, described(clients)["LatestStreamArn"]]
        assert len(streams.list_streams(Limit=1)["Streams"]) == 1
        world.advance(timedelta(hours=22, minutes=1))
        assert len(streams.list_streams(TableName="Orders")["Streams"]) == 1
        with pytest.raises(ClientError, match=f"Requested resource not found: Stream: {old} not found"):
            streams.describe_stream(StreamArn=old)


def shards(clients: Clients, arn: str) -> list[dict[str, Any]]:
    """Every shard, collected five at a time."""
    found: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        page = clients("dynamodbstreams").describe_stream(StreamArn=arn, Limit=5, **more)["StreamDescription"]
        found += page["Shards"]
        if "LastEvaluatedShardId" not in page:
            return found
        more = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}


def test_shards_form_four_lines_of_parents_and_children(healthy: Clients) -> None:
    """Pages join without gap or repeat, four shards are open, and a child starts after its parent ended."""
    found = shards(healthy, described(healthy)["LatestStreamArn"])
    by_id = {shard["ShardId"]: shard for shard in found}
    assert len(by_id) == len(found) > 20
    assert sum("EndingSequenceNumber" not in shard["SequenceNumberRange"] for shard in found) == 4
    children = [shard for shard in found if "ParentShardId" in shard]
    assert len(children) >= len(found) - 4
    for child in children:
        end = by_id[child["ParentShardId"]]["SequenceNumberRange"]["EndingSequenceNumber"]
        assert int(end) < int(child["SequenceNumberRange"]["StartingSequenceNumber"])


def test_records_are_those_that_were_written(healthy: Clients) -> None:
    """All records of the open shards of the last minutes, read page by page, in order, once each."""
    arn = described(healthy)["LatestStreamArn"]
    streams, found = healthy("dynamodbstreams"), []
    for shard in shards(healthy, arn):
        if "EndingSequenceNumber" in shard["SequenceNumberRange"]:
            continue
        place: str | None = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        mine: list[str] = []
        while place and (page := streams.get_records(ShardIterator=place, Limit=500))["Records"]:
            mine += [entry["dynamodb"]["SequenceNumber"] for entry in page["Records"]]
            place = page.get("NextShardIterator")
        assert mine == sorted(mine)
        found += mine
    assert len(set(found)) == len(found) > 500


def test_a_closed_shard_ends(healthy: Clients) -> None:
    """Read to its end, a closed shard gives no further iterator; LATEST of an open one gives no records yet."""
    arn, streams = described(healthy)["LatestStreamArn"], healthy("dynamodbstreams")
    found = shards(healthy, arn)
    for shard in (found[4], found[-1]):
        place = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST")
        page = streams.get_records(ShardIterator=place["ShardIterator"])
        assert page["Records"] == []
        assert ("NextShardIterator" in page) == ("EndingSequenceNumber" not in shard["SequenceNumberRange"])


def test_iterators_and_records_expire() -> None:
    """An iterator dies after 15 minutes, a record after 24 hours, and nonsense is no iterator."""
    world = recent()
    with clients_of(world) as clients:
        streams, arn = clients("dynamodbstreams"), described(clients)["LatestStreamArn"]
        shard = shards(clients, arn)[-1]
        where = {"StreamArn": arn, "ShardId": shard["ShardId"]}
        start = shard["SequenceNumberRange"]["StartingSequenceNumber"]
        place = streams.get_shard_iterator(**where, ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber=start)
        assert code_of(streams.get_records, ShardIterator="nonsense") == "ValidationException"
        nowhere = {"StreamArn": arn, "ShardId": "shardId-00000000000000000000-00000000", "ShardIteratorType": "LATEST"}
        assert code_of(streams.get_shard_iterator, **nowhere) == "ResourceNotFoundException"
        world.advance(timedelta(minutes=16))
        assert code_of(streams.get_records, **{"ShardIterator": place["ShardIterator"]}) == "ExpiredIteratorException"
        old = "4" + f"{int((NOW - timedelta(hours=25)).timestamp() * 1e6):018d}" + "0000"
        late = {**where, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": old}
        assert code_of(streams.get_shard_iterator, **late) == "TrimmedDataAccessException"


def series(clients: Clients, namespace: str = "AWS/Lambda", period: int = 60, stat: str = "Sum", **how: Any) -> Any:
    """One metric of the function over the last two hours, as GetMetricData answers it."""
    dimensions = [{"Name": name, "Value": value} for name, value in how.pop("by", {"FunctionName": FUNCTION}).items()]
    metric = {"Namespace": namespace, "MetricName": how.pop("metric", "Invocations"), "Dimensions": dimensions}
    query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}
    window = {"StartTime": NOW - timedelta(hours=2), "EndTime": NOW}
    return clients("cloudwatch").get_metric_data(MetricDataQueries=[query], **window, **how)


NOTHING = [
    {"namespace": "AWS/Nope"},
    {"metric": "Nope"},
    {"by": {}, "namespace": "AWS/DynamoDB"},
    {"by": {"FunctionName": "nope"}},
    {"by": {"FunctionName": FUNCTION, "Resource": FUNCTION}},
    {"by": {"Resource": f"{FUNCTION}:live"}},
]


@pytest.mark.parametrize("how", NOTHING)
def test_only_the_exact_metric_has_data(healthy: Clients, how: dict[str, Any]) -> None:
    """Another namespace, name or set of dimensions is another metric, without data."""
    (result,) = series(healthy, **how)["MetricDataResults"]
    assert (result["Values"], result["StatusCode"]) == ([], "Complete")


def test_periods_are_aligned_and_newest_first(healthy: Clients) -> None:
    """Buckets begin at multiples of the period whatever the start, and come newest first unless asked otherwise."""
    (newest,) = series(healthy, period=300)["MetricDataResults"]
    (oldest,) = series(healthy, period=300, ScanBy="TimestampAscending")["MetricDataResults"]
    assert all(at.timestamp() % 300 == 0 for at in newest["Timestamps"])
    assert newest["Timestamps"] == sorted(newest["Timestamps"], reverse=True)
    assert newest["Values"] == oldest["Values"][::-1]
    minutes = series(healthy)["MetricDataResults"][0]
    first = newest["Timestamps"][3]
    by_minute = dict(zip(minutes["Timestamps"], minutes["Values"], strict=True))
    assert sum(by_minute[first + timedelta(minutes=number)] for number in range(5)) == newest["Values"][3]


def test_metric_data_come_in_pages(healthy: Clients) -> None:
    """Pages of a few points join to the whole, and all but the last say that they are partial."""
    whole = series(healthy)["MetricDataResults"][0]["Values"]
    joined: list[float] = []
    page = series(healthy, MaxDatapoints=50)
    statuses = []
    while True:
        for result in page["MetricDataResults"]:
            joined += result["Values"]
            statuses.append(result["StatusCode"])
        if "NextToken" not in page:
            break
        page = series(healthy, MaxDatapoints=50, NextToken=page["NextToken"])
    assert joined == whole
    assert statuses == ["PartialData", "PartialData", "Complete"]


def test_statistics_keep_their_order(healthy: Clients) -> None:
    """Minimum, median, p99 and maximum of one period are in that order, and the average lies between."""
    found = {
        stat: series(healthy, period=3600, stat=stat, metric="Duration")["MetricDataResults"][0]["Values"][1]
        for stat in ("Minimum", "p50", "p99", "Maximum", "Average")
    }
    assert found["Minimum"] < found["p50"] < found["p99"] <= found["Maximum"]
    assert found["Minimum"] < found["Average"] < found["Maximum"]


def test_an_unknown_statistic_is_refused(healthy: Clients) -> None:
    """A mistyped statistic fails instead of giving nothing."""
    with pytest.raises(ClientError, match="ValidationError"):
        series(healthy, stat="Mean")


def lookup(clients: Clients, region: str | None = None, **attribute: str) -> list[dict[str, Any]]:
    """Every event of a region with this attribute."""
    wanted = [{"AttributeKey": key, "AttributeValue": value} for key, value in attribute.items()]
    pages = clients("cloudtrail", region).get_paginator("lookup_events").paginate(LookupAttributes=wanted)
    return [event for page in pages for event in page["Events"]]


def test_the_trail_takes_one_attribute(healthy: Clients) -> None:
    """Two attributes are refused, as AWS does."""
    two = [{"AttributeKey": "ReadOnly", "AttributeValue": "false"}, {"AttributeKey": "EventId", "AttributeValue": "x"}]
    assert code_of(healthy("cloudtrail").lookup_events, LookupAttributes=two) == "InvalidLookupAttributesException"


def test_event_names_match_in_full() -> None:
    """The name without its API date finds nothing and looks like no change."""
    world = recent()
    world.update_mapping(AT, world.mapping.uuid, enabled=False)
    with clients_of(world) as clients:
        assert lookup(clients, EventName="UpdateEventSourceMapping") == []
        (event,) = lookup(clients, EventName="UpdateEventSourceMapping20150331")
        names = {found["EventName"] for found in lookup(clients, ResourceName=FUNCTION)}
    assert event["EventTime"] == AT.replace(microsecond=0)
    assert json.loads(event["CloudTrailEvent"])["requestParameters"]["enabled"] is False
    assert "UpdateEventSourceMapping20150331" not in names


def test_role_changes_are_in_one_region_only() -> None:
    """IAM's events are in us-east-1 and nowhere else; the others are where they happened."""
    world = recent()
    world.put_role_policy(AT, world.role_name, "stream-access", document())
    world.put_concurrency(AT, FUNCTION, 0)
    with clients_of(world) as clients:
        times = [event["EventTime"] for event in lookup(clients, "us-east-1", EventName="PutRolePolicy")]
        assert times.count(AT.replace(microsecond=0)) == 1
        assert lookup(clients, EventName="PutRolePolicy") == []
        assert len(lookup(clients, EventName="PutFunctionConcurrency20171031")) == 1
        assert lookup(clients, "us-east-1", EventName="PutFunctionConcurrency20171031") == []
        assert lookup(clients, "eu-central-1") == []


def test_events_of_the_last_minutes_are_not_delivered_yet() -> None:
    """What happened four minutes ago is not in the history; two minutes later it is."""
    world = recent()
    world.put_concurrency(NOW - timedelta(minutes=4), FUNCTION, 0)
    with clients_of(world) as clients:
        assert lookup(clients, EventName="PutFunctionConcurrency20171031") == []
        world.advance(timedelta(minutes=2))
        assert len(lookup(clients, EventName="PutFunctionConcurrency20171031")) == 1


def test_the_history_comes_newest_first_in_pages_of_fifty(healthy: Clients) -> None:
    """Pages join without repeat, in falling order of time, within the window asked for."""
    first = healthy("cloudtrail").lookup_events(MaxResults=50)
    assert len(first["Events"]) == 50
    begin, end = NOW - timedelta(hours=6), NOW - timedelta(minutes=20)
    pages = list(healthy("cloudtrail").get_paginator("lookup_events").paginate(StartTime=begin, EndTime=end))
    events = [event for page in pages for event in page["Events"]]
    times = [event["EventTime"] for event in events]
    assert times == sorted(times, reverse=True)
    assert len({event["EventId"] for event in events}) == len(events) > 50
    assert begin <= min(times) <= max(times) <= end


def all_events(clients: Clients, **params: Any) -> tuple[list[dict[str, Any]], int]:
    """Every log event that matches, and how many pages were empty."""
    events: list[dict[str, Any]] = []
    empty = 0
    for page in clients("logs").get_paginator("filter_log_events").paginate(**params):
        events += page["events"]
        empty += not page["events"]
    return events, empty


def test_an_empty_page_of_logs_is_not_the_end() -> None:
    """The errors of the last hour are behind pages without a match; the paginator finds them all."""
    world = World(NOW, history=timedelta(hours=40))
    world.deploy(NOW - timedelta(minutes=30), FUNCTION, Code("r42", always=MISSING_MODULE))
    with clients_of(world) as clients:
        events, empty = all_events(clients, logGroupName=GROUP, filterPattern='"ImportModuleError"')
        again, _ = all_events(
            clients,
            logGroupName=GROUP,
            filterPattern="?ImportModuleError ?nonsense",
            PaginationConfig={"PageSize": 100},
        )
    assert empty >= 2
    assert len(events) > 400
    assert len({event["eventId"] for event in events}) == len(events)
    assert again == events


def test_log_lines_come_in_the_order_they_were_written(healthy: Clients) -> None:
    """START, END and REPORT of an invocation follow each other."""
    begin = int((NOW - timedelta(minutes=3)).timestamp() * 1000)
    events, _ = all_events(healthy, logGroupName=GROUP, startTime=begin)
    streams = {event["logStreamName"] for event in events}
    assert streams
    for stream in streams:
        words = [event["message"].split()[0] for event in events if event["logStreamName"] == stream]
        assert words == ["START", "END", "REPORT"] * (len(words) // 3)


def test_json_logs_are_json() -> None:
    """In JSON format every line parses, and a failed report says why."""
    world = recent(setting=Setting(log_format="JSON"))
    world.deploy(NOW - timedelta(minutes=30), FUNCTION, Code("r42", always=MISSING_MODULE))
    pattern = '{ $.type = "platform.report" && $.record.status != "success" }'
    with clients_of(world) as clients:
        begin = int((NOW - timedelta(minutes=5)).timestamp() * 1000)
        events, _ = all_events(clients, logGroupName=GROUP, startTime=begin)
        failed, _ = all_events(clients, logGroupName=GROUP, startTime=begin, filterPattern=pattern)
        logging = clients("lambda").get_function_configuration(FunctionName=FUNCTION)["LoggingConfig"]
    assert logging["LogFormat"] == "JSON"
    assert {json.loads(event["message"]).get("type", "") for event in events} >= {"platform.start", "platform.report"}
    assert failed
    assert {json.loads(event["message"])["record"]["errorType"] for event in failed} == {"Runtime.ImportModuleError"}


def test_log_groups_and_streams_are_described(healthy: Clients) -> None:
    """Groups by prefix, streams by last event; the trail's group is one of them."""
    groups = healthy("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/orders")["logGroups"]
    assert [group["logGroupName"] for group in groups] == ["/aws/lambda/orders-notifier", GROUP]
    streams = healthy("logs").describe_log_streams(logGroupName=GROUP, orderBy="LastEventTime", descending=True)
    last = streams["logStreams"][0]["lastEventTimestamp"]
    assert 0 < NOW.timestamp() * 1000 - last < 60_000


def test_the_trail_is_in_cloudwatch_logs_too(healthy: Clients) -> None:
    """The log group holds the events of all regions that the histories hold, word for word."""
    events, _ = all_events(healthy, logGroupName=TRAIL, filterPattern='{ $.eventName = "PutRolePolicy" }')
    looked_up = lookup(healthy, "us-east-1", EventName="PutRolePolicy")
    assert sorted(event["message"] for event in events) == sorted(event["CloudTrailEvent"] for event in looked_up)
    assert events


def simulate(clients: Clients, *actions: str) -> dict[str, Any]:
    """The simulator's results for the function's role on the latest stream, by action."""
    found = clients("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::123456789012:role/{FUNCTION}-role",
        ActionNames=list(actions),
        ResourceArns=[described(clients)["LatestStreamArn"]],
    )
    return {result["EvalActionName"]: result for result in found["EvaluationResults"]}


def test_the_simulator_tells_allow_deny_and_silence_apart() -> None:
    """Each decision comes with the policies that made it."""
    world = recent()
    denial = {"Effect": "Deny", "Action": "dynamodb:GetRecords", "Resource": "*"}
    world.attach_role_policy(AT, world.role_name, world.create_policy(AT, "guardrail", document(denial)))
    with clients_of(world) as clients:
        found = simulate(clients, "dynamodb:DescribeStream", "dynamodb:GetRecords", "s3:GetObject")
    decisions = {action: result["EvalDecision"] for action, result in found.items()}
    assert decisions == {
        "dynamodb:DescribeStream": "allowed", "dynamodb:GetRecords": "explicitDeny", "s3:GetObject": "implicitDeny",
    }  # fmt: skip
    matched = found["dynamodb:GetRecords"]["MatchedStatements"]
    assert [(s["SourcePolicyId"], s["SourcePolicyType"]) for s in matched] == [("guardrail", "user-managed")]


def test_the_simulator_shows_the_boundary() -> None:
    """A boundary that does not allow is named in the detail."""
    world = recent()
    world.put_boundary(AT, world.role_name, world.create_policy(AT, "fence", document()))
    with clients_of(world) as clients:
        result = simulate(clients, "dynamodb:GetRecords")["dynamodb:GetRecords"]
        role = clients("iam").get_role(RoleName=world.role_name)["Role"]
    assert result["EvalDecision"] == "implicitDeny"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith(":policy/fence")


def test_health_events_are_shown_to_those_who_may() -> None:
    """With a support plan events are filtered by service and status."""
    event = HealthEvent("AWS_LAMBDA_OPERATIONAL_ISSUE", "LAMBDA", AT)
    with clients_of(recent(setting=Setting(health=(event,)))) as clients:
        health = clients("health", "us-east-1")
        (found,) = health.describe_events(filter={"services": ["LAMBDA"], "eventStatusCodes": ["open"]})["events"]
        assert health.describe_events(filter={"services": ["DYNAMODB"]})["events"] == []
    assert found["eventTypeCode"] == event.code
    assert abs(found["startTime"] - AT) < timedelta(seconds=1)


def delivering(world: World) -> bool:
    """Whether the function was handed records in the last whole minute, without an error."""
    last = int(world.now.timestamp() // 60) - 1
    mine = [uuid for uuid, mapping in world.state.mappings.items() if mapping.function_name == FUNCTION]
    flows = [world.pipe.flows[uuid].get(last) for uuid in mine]
    return any(flow is not None and flow.delivered and not flow.errors for flow in flows)


def enable(clients: Clients, world: World) -> None:
    """R1."""
    answer = clients("lambda").update_event_source_mapping(UUID=world.mapping.uuid, Enabled=True)
    assert answer["State"] == "Enabling"
    assert clients("lambda").get_event_source_mapping(UUID=world.mapping.uuid)["State"] == "Enabled"


def replace_mapping(clients: Clients, world: World) -> None:
    """R2, with R8 before it where the stream is off."""
    if "StreamSpecification" not in described(clients):
        specification = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        clients("dynamodb").update_table(TableName="Orders", StreamSpecification=specification)
    how = {"FunctionName": FUNCTION, "EventSourceArn": described(clients)["LatestStreamArn"]}
    client = clients("lambda")
    assert client.create_event_source_mapping(**how, StartingPosition="TRIM_HORIZON")["State"] == "Creating"
    assert code_of(client.create_event_source_mapping, **how, StartingPosition="LATEST") == "ResourceConflictException"


REMEDIES: list[tuple[str, Callable[[World], None], Callable[[Clients, World], None]]] = [
    ("R1", lambda w: w.update_mapping(AT, w.mapping.uuid, enabled=False), enable),
    ("R2", lambda w: w.delete_mapping(AT, w.mapping.uuid), replace_mapping),
    ("R8", lambda w: w.disable_stream(AT, "Orders"), replace_mapping),
    (
        "R3",
        lambda w: w.update_mapping(AT, w.mapping.uuid, filters=('{"eventName": ["x"]}',)),
        lambda c, w: c("lambda").update_event_source_mapping(UUID=w.mapping.uuid, FilterCriteria={}),
    ),
    (
        "R4",
        lambda w: w.delete_role_policy(AT, w.role_name, "stream-access"),
        lambda c, w: c("iam").put_role_policy(
            RoleName=w.role_name, PolicyName="p", PolicyDocument=json.dumps(stream_reader("*"))
        ),
    ),
    (
        "R5",
        lambda w: w.put_concurrency(AT, FUNCTION, 0),
        lambda c, w: c("lambda").delete_function_concurrency(FunctionName=FUNCTION),
    ),
    (
        "R6",
        lambda w: w.poison(AT),
        lambda c, w: c("lambda").update_event_source_mapping(
            UUID=w.mapping.uuid, MaximumRetryAttempts=1, BisectBatchOnFunctionError=True
        ),
    ),
    (
        "R10",
        lambda w: w.deploy(AT, FUNCTION, Code("r42", always=MISSING_MODULE)),
        lambda c, w: c("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=b"repaired"),
    ),
    (
        "R12",
        lambda w: w.put_boundary(AT, w.role_name, w.create_policy(AT, "fence", document())),
        lambda c, w: c("iam").delete_role_permissions_boundary(RoleName=w.role_name),
    ),
]


@pytest.mark.parametrize(("name", "tell", "remedy"), REMEDIES, ids=[name for name, _, _ in REMEDIES])
def test_a_remedy_applied_through_the_api_works(
    name: str, tell: Callable[[World], None], remedy: Callable[[Clients, World], None]
) -> None:
    """Done with the command of the remedy table, it brings deliveries back, and without it there are none."""
    world = World(NOW, history=timedelta(hours=3))
    tell(world)
    assert not delivering(world)
    with clients_of(world) as clients:
        remedy(clients, world)
        world.advance(timedelta(minutes=4))
        assert delivering(world)


def test_a_mapping_is_not_created_without_the_right_to_read() -> None:
    """AWS checks the role when a mapping is created, and so does the sandbox."""
    world = recent()
    world.delete_mapping(AT, world.mapping.uuid)
    world.delete_role_policy(AT, world.role_name, "stream-access")
    with clients_of(world) as clients, pytest.raises(ClientError, match="Cannot access stream"):
        clients("lambda").create_event_source_mapping(
            FunctionName=FUNCTION, EventSourceArn=described(clients)["LatestStreamArn"], StartingPosition="LATEST"
        )


def test_a_stream_is_not_switched_twice(healthy: Clients) -> None:
    """Enabling an enabled stream is refused in DynamoDB's words."""
    specification = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    with pytest.raises(ClientError, match="Table already has an enabled stream"):
        healthy("dynamodb").update_table(TableName="Orders", StreamSpecification=specification)
