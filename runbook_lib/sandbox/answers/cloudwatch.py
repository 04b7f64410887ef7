"""Answers of Amazon CloudWatch: metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from runbook_lib.sandbox.answers.paging import offset_of, token_for
from runbook_lib.sandbox.answers.regional import regional
from runbook_lib.sandbox.telemetry.metrics import Metrics
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError, not_emulated

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World

Points = list[tuple[datetime, float]]

POINTS_PER_PAGE = 100_800
"""Data points in one GetMetricData answer (CloudWatch API Reference)."""


QUERIES_PER_CALL = 500


def metrics_of(world: World) -> Metrics:
    """The world's metrics, computed once."""
    found: Metrics = world.derive("metrics", lambda: Metrics(world))
    return found


@regional("cloudwatch", "GetMetricData")
def get_metric_data(world: World, call: Call) -> dict[str, Any]:
    """Series by exact namespace, name and dimensions, in aligned periods, newest first unless asked otherwise."""
    begin, end = call.params["StartTime"], call.params["EndTime"]
    if begin >= end:
        raise ApiError("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
    return paged_data(call, lambda query: points_of(world, query, begin, end))


def paged_data(call: Call, read: Callable[[Mapping[str, Any]], Points]) -> dict[str, Any]:
    """Answer from `read`, which gives the points of a query oldest first, as many as one answer may hold."""
    newest_first = call.params.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    queries = [query for query in call.params["MetricDataQueries"] if query.get("ReturnData", True)]
    if len(queries) > QUERIES_PER_CALL:
        message = f"The collection MetricDataQueries must not have a size greater than {QUERIES_PER_CALL}."
        raise ApiError("ValidationError", message)
    room = min(call.params.get("MaxDatapoints", POINTS_PER_PAGE), POINTS_PER_PAGE)
    skip = offset_of(call.params.get("NextToken"), "InvalidNextToken")
    results, seen = [], 0
    for query in queries:
        points = read(query)
        if newest_first:
            points = points[::-1]
        here = points[max(0, skip - seen) : max(0, skip + room - seen)]
        partial = seen + len(points) > skip + room
        seen += len(points)
        if seen < skip or (not here and partial):
            continue
        results.append({
            "Id": query["Id"],
            "Label": query.get("Label", query.get("MetricStat", {}).get("Metric", {}).get("MetricName", query["Id"])),
            "Timestamps": [at for at, _ in here],
            "Values": [value for _, value in here],
            "StatusCode": "PartialData" if partial else "Complete",
        })  # fmt: skip
    answer: dict[str, Any] = {"MetricDataResults": results, "Messages": []}
    return answer | ({"NextToken": token_for(skip + room)} if seen > skip + room else {})


def points_of(world: World, query: Mapping[str, Any], begin: datetime, end: datetime) -> Points:
    """The points of one query, oldest first."""
    if "MetricStat" not in query:
        raise not_emulated("cloudwatch:GetMetricData with an Expression")
    wanted, metric = query["MetricStat"], query["MetricStat"]["Metric"]
    data = metrics_of(world).read(
        metric["Namespace"], metric["MetricName"], _dimensions(metric), begin, end, _period(wanted["Period"])
    )
    try:
        return [(at, datum.statistic(wanted["Stat"])) for at, datum in data]
    except ValueError as error:
        raise ApiError("ValidationError", f"The value {error} for parameter Stat is not supported.") from error


def _period(seconds: int) -> int:
    if seconds % 60:
        raise ApiError("ValidationError", f"Period must be a multiple of 60, was {seconds}.")
    return seconds


def _dimensions(metric: Mapping[str, Any]) -> dict[str, str]:
    return {item["Name"]: item.get("Value", "") for item in metric.get("Dimensions", [])}
