"""Metrics, trail, logs and health, over real HTTP to real boto3."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from served import (
    AT,
    FUNCTION,
    GROUP,
    NOW,
    TRAIL,
    Clients,
    all_events,
    clients_of,
    code_of,
    lookup,
    recent,
)

from runbook_lib.sandbox import MISSING_MODULE, Code, HealthEvent, Setting, World, document


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


def test_health_events_are_shown_to_those_who_may() -> None:
    """With a support plan events are filtered by service and status."""
    event = HealthEvent("AWS_LAMBDA_OPERATIONAL_ISSUE", "LAMBDA", AT)
    with clients_of(recent(setting=Setting(health=(event,)))) as clients:
        health = clients("health", "us-east-1")
        (found,) = health.describe_events(filter={"services": ["LAMBDA"], "eventStatusCodes": ["open"]})["events"]
        assert health.describe_events(filter={"services": ["DYNAMODB"]})["events"] == []
    assert found["eventTypeCode"] == event.code
    assert abs(found["startTime"] - AT) < timedelta(seconds=1)
