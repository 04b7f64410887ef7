"""Answers of CloudWatch Logs: the functions' log groups, and the trail's when the world has one."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from runbook_lib.sandbox.account.trail import DELIVERY_LAG
from runbook_lib.sandbox.answers.cloudtrail import delivered
from runbook_lib.sandbox.answers.paging import offset_of, page, token_for
from runbook_lib.sandbox.answers.regional import regional
from runbook_lib.sandbox.logs import log_pattern
from runbook_lib.sandbox.telemetry.function_logs import LogEvent, function_events
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World

SCANNED_PER_PAGE = 10_000
"""Events one FilterLogEvents call looks at. AWS bounds the bytes scanned; either way a page may match nothing."""

INGESTION_MS = 1_800


def groups_of(world: World) -> dict[str, datetime]:
    """Every log group and when it was created. A deleted function's group stays."""
    functions = {**world.at(world.start).functions, **world.state.functions}
    found = {function.logs_to: function.created + timedelta(minutes=3) for function in functions.values()}
    if world.cloudtrail_log_group:
        found[world.cloudtrail_log_group] = world.start - timedelta(days=300)
    return found


def events_of(world: World, group: str) -> list[LogEvent]:
    """A group's events within its retention, oldest first; raises ResourceNotFoundException for an unknown group."""
    if group not in groups_of(world):
        raise ApiError("ResourceNotFoundException", "The specified log group does not exist.")
    found: list[LogEvent] = world.derive(f"log group {group}", lambda: _written(world, group))
    return found


def _written(world: World, group: str) -> list[LogEvent]:
    if group == world.cloudtrail_log_group:
        found = [
            LogEvent(_ms(entry.event.at + DELIVERY_LAG), f"{entry.account}_CloudTrail_{entry.region}", entry.text)
            for entry in delivered(world)
        ]
    else:
        functions = {**world.at(world.start).functions, **world.state.functions}
        found = [
            event
            for function in functions.values()
            if function.logs_to == group
            for event in function_events(world, function.name)
        ]
    begin = _ms(world.now - timedelta(days=world.retention_days)) if world.retention_days else 0
    # Sorted by time alone: events of one millisecond keep the order they were written in.
    return sorted((event for event in found if begin <= event.at <= _ms(world.now)), key=lambda event: event.at)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _group(call: Call) -> str:
    """The group a call names, by name or by ARN."""
    named: str = call.params.get("logGroupName") or call.params.get("logGroupIdentifier", "")
    return named.rpartition(":log-group:")[2].removesuffix(":*") or named


@regional("logs", "FilterLogEvents")
def filter_log_events(world: World, call: Call) -> dict[str, Any]:
    """Events by time, stream and pattern, oldest first. A page without events but with a token is normal."""
    params = call.params
    events = events_of(world, _group(call))
    if params.get("logStreamNames") and params.get("logStreamNamePrefix"):
        raise ApiError("InvalidParameterException", "logStreamNames and logStreamNamePrefix exclude each other")
    matches = log_pattern.compile(params.get("filterPattern", ""))
    streams, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix", "")
    begin = bisect_left(events, params.get("startTime", 0), key=lambda event: event.at)
    end = bisect_left(events, params.get("endTime", _ms(world.now)) + 1, key=lambda event: event.at)
    at, limit = begin + offset_of(params.get("nextToken"), "InvalidParameterException"), params.get("limit", 10_000)
    stop = min(end, at + SCANNED_PER_PAGE)
    found: list[dict[str, Any]] = []
    while at < stop and len(found) < limit:
        event = events[at]
        if (not streams or event.stream in streams) and event.stream.startswith(prefix) and matches(event.message):
            found.append(_filtered(event, at))
        at += 1
    return {"events": found, "searchedLogStreams": []} | ({"nextToken": token_for(at - begin)} if at < end else {})


def _filtered(event: LogEvent, number: int) -> dict[str, Any]:
    return {
        "logStreamName": event.stream,
        "timestamp": event.at,
        "message": event.message,
        "ingestionTime": event.at + INGESTION_MS,
        "eventId": f"{event.at:020d}{number:036d}",
    }


@regional("logs", "DescribeLogGroups")
def describe_log_groups(world: World, call: Call) -> dict[str, Any]:
    """Log groups by prefix or by a piece of their name, in order of name."""
    params = call.params
    found = []
    for name, created in sorted(groups_of(world).items()):
        if name.startswith(params.get("logGroupNamePrefix", "")) and params.get("logGroupNamePattern", "") in name:
            arn = world.scope.arn("logs", f"log-group:{name}")
            group: dict[str, Any] = {
                "logGroupName": name,
                "creationTime": _ms(created),
                "metricFilterCount": 0,
                "arn": f"{arn}:*",
                "storedBytes": 48_211_904,
                "logGroupClass": "STANDARD",
                "logGroupArn": arn,
            }
            found.append(group | ({"retentionInDays": world.retention_days} if world.retention_days else {}))
    size, token = min(params.get("limit", 50), 50), params.get("nextToken")
    return page(found, "logGroups", size, token, "nextToken", "InvalidParameterException")


def _spans(world: World, group: str) -> dict[str, tuple[int, int]]:
    """The times of the first and the last event of each of a group's streams."""
    spans: dict[str, tuple[int, int]] = {}
    for event in events_of(world, group):
        spans[event.stream] = (spans.get(event.stream, (event.at, 0))[0], event.at)
    return spans


@regional("logs", "DescribeLogStreams")
def describe_log_streams(world: World, call: Call) -> dict[str, Any]:
    """A group's streams with the times of their first and last events."""
    params, group = call.params, _group(call)
    found = [
        {
            "logStreamName": name,
            "creationTime": first,
            "firstEventTimestamp": first,
            "lastEventTimestamp": last,
            "lastIngestionTime": last + INGESTION_MS,
            "arn": world.scope.arn("logs", f"log-group:{group}:log-stream:{name}"),
            "storedBytes": 0,
        }
        for name, (first, last) in _spans(world, group).items()
        if name.startswith(params.get("logStreamNamePrefix", ""))
    ]
    order = "lastEventTimestamp" if params.get("orderBy") == "LastEventTime" else "logStreamName"
    found.sort(key=lambda stream: (stream[order], stream["logStreamName"]), reverse=params.get("descending", False))
    size, token = min(params.get("limit", 50), 50), params.get("nextToken")
    return page(found, "logStreams", size, token, "nextToken", "InvalidParameterException")
