"""Answers of Amazon CloudWatch: alarms."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from runbook_lib.sandbox.account.watched import Alarm, CompositeAlarm, Watched
from runbook_lib.sandbox.answers.cloudwatch import metrics_of
from runbook_lib.sandbox.answers.paging import page
from runbook_lib.sandbox.answers.regional import regional
from runbook_lib.sandbox.telemetry.alarm_states import transitions
from runbook_lib.sandbox.wire.call import Call

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World

AnyAlarm = Alarm | CompositeAlarm

_PERIOD = 60
"""Seconds of one period, in every alarm here."""


@regional("cloudwatch", "DescribeAlarms")
def describe_alarms(world: World, call: Call) -> dict[str, Any]:
    """Alarms by name, prefix and state; composite ones only for who asks for that type."""
    params = call.params
    found = [
        described
        for alarm in _asked(world, call)
        if alarm.name in params.get("AlarmNames", [alarm.name])
        and alarm.name.startswith(params.get("AlarmNamePrefix", ""))
        and (described := _described(world, alarm))["StateValue"] == params.get("StateValue", described["StateValue"])
    ]
    answer = page(found, "All", params.get("MaxRecords", 50), params.get("NextToken"), "NextToken")
    here = answer.pop("All")
    return answer | {
        "MetricAlarms": [alarm for alarm in here if "AlarmRule" not in alarm],
        "CompositeAlarms": [alarm for alarm in here if "AlarmRule" in alarm],
    }


@regional("cloudwatch", "DescribeAlarmsForMetric")
def describe_alarms_for_metric(world: World, call: Call) -> dict[str, Any]:
    """The alarms on exactly this metric with exactly these dimensions: none on an expression, and no composite one."""
    params = call.params
    wanted = params["Namespace"], params["MetricName"], _pairs(params.get("Dimensions", []))
    of_metric = [
        _described(world, alarm)
        for alarm in world.state.alarms
        if isinstance(alarm, Alarm)
        and not alarm.expression
        and (alarm.watched[0].namespace, alarm.watched[0].metric, frozenset(alarm.watched[0].dimensions)) == wanted
        and params.get("Statistic") in (None, alarm.watched[0].statistic)
        and params.get("Period") in (None, _PERIOD)
    ]
    return {"MetricAlarms": of_metric}


def _pairs(dimensions: list[dict[str, str]]) -> frozenset[tuple[str, str]]:
    return frozenset((dimension["Name"], dimension["Value"]) for dimension in dimensions)


@regional("cloudwatch", "DescribeAlarmHistory")
def describe_alarm_history(world: World, call: Call) -> dict[str, Any]:
    """State changes of alarms within the asked time, newest first unless asked otherwise."""
    params = call.params
    items: list[dict[str, Any]] = [
        {
            "AlarmName": alarm.name,
            "AlarmType": _kind(alarm),
            "Timestamp": at,
            "HistoryItemType": "StateUpdate",
            "HistorySummary": f"Alarm updated from {before} to {after}",
            "HistoryData": json.dumps(
                {"version": "1.0", "oldState": {"stateValue": before}, "newState": {"stateValue": after}}
            ),
        }
        for alarm in _asked(world, call)
        if params.get("AlarmName") in (None, alarm.name)
        for (_, before), (at, after) in pairwise(_transitions(world, alarm))
        if params.get("StartDate", at) <= at <= params.get("EndDate", at)
    ]
    items.sort(key=lambda item: item["Timestamp"], reverse=params.get("ScanBy") != "TimestampAscending")
    return page(items, "AlarmHistoryItems", params.get("MaxRecords", 100), params.get("NextToken"), "NextToken")


def _asked(world: World, call: Call) -> list[AnyAlarm]:
    """The alarms of the asked types: metric alarms alone unless said otherwise."""
    kinds = call.params.get("AlarmTypes") or ["MetricAlarm"]
    return [alarm for alarm in world.state.alarms if _kind(alarm) in kinds]


def _kind(alarm: AnyAlarm) -> str:
    return "CompositeAlarm" if isinstance(alarm, CompositeAlarm) else "MetricAlarm"


def _transitions(world: World, alarm: AnyAlarm) -> list[tuple[datetime, str]]:
    found: list[tuple[datetime, str]] = world.derive(
        f"alarm {alarm.name}", lambda: transitions(alarm, world.state.alarms, metrics_of(world), world.start, world.now)
    )
    return found


def _described(world: World, alarm: AnyAlarm) -> dict[str, Any]:
    at, state = _transitions(world, alarm)[-1]
    common = {
        "AlarmName": alarm.name,
        "AlarmArn": world.scope.arn("cloudwatch", f"alarm:{alarm.name}"),
        "AlarmDescription": alarm.description,
        "AlarmConfigurationUpdatedTimestamp": alarm.created,
        "ActionsEnabled": True,
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "StateValue": state,
        "StateUpdatedTimestamp": at,
        "StateTransitionedTimestamp": at,
    }
    if isinstance(alarm, CompositeAlarm):
        arns = ", ".join(world.scope.arn("cloudwatch", f"alarm:{name}") for name in alarm.children)
        return common | {"AlarmRule": alarm.rule, "StateReason": f"{arns} were evaluated to {state}"}
    return common | _metric_alarm(alarm, state)


def _metric_alarm(alarm: Alarm, state: str) -> dict[str, Any]:
    """What a metric alarm has besides: its one metric by itself, or those of an expression as queries."""
    breach = alarm.comparison.removesuffix("Threshold").replace("Than", " than").lower()
    relation = breach if state == "ALARM" else f"not {breach}"
    watches: dict[str, Any] = {
        "StateReason": f"Threshold Crossed: {alarm.periods} datapoints were {relation} the threshold"
        f" ({alarm.threshold}).",
        "EvaluationPeriods": alarm.periods,
        "DatapointsToAlarm": alarm.periods,
        "Threshold": alarm.threshold,
        "ComparisonOperator": alarm.comparison,
        "TreatMissingData": alarm.missing,
    }
    if alarm.expression:
        queries = [_query(watched) for watched in alarm.watched]
        return watches | {"Metrics": [*queries, {"Id": "e1", "Expression": alarm.expression, "ReturnData": True}]}
    (watched,) = alarm.watched
    metric = _metric(watched)
    return watches | metric | {"Statistic": watched.statistic, "Period": _PERIOD}


def _query(watched: Watched) -> dict[str, Any]:
    stat = {"Metric": _metric(watched), "Period": _PERIOD, "Stat": watched.statistic}
    return {"Id": watched.id, "MetricStat": stat, "ReturnData": False}


def _metric(watched: Watched) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in watched.dimensions]
    return {"Namespace": watched.namespace, "MetricName": watched.metric, "Dimensions": dimensions}
