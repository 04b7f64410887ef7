"""Alarms in every dress in which CloudWatch sends them, made from an answer of DescribeAlarms."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

ARN = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{}"
AT = "2026-03-14T13:51:21.000+0000"
UUID = "92f53014-5709-4900-8225-74261ef4db9d"

Described = Mapping[str, Any]


def metric(namespace: str, name: str, **dimensions: str) -> dict[str, Any]:
    """The part of a metric alarm that says what it watches."""
    listed = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    return {"Namespace": namespace, "MetricName": name, "Dimensions": listed}


def described(name: str, state: str = "ALARM", **more: Any) -> dict[str, Any]:
    """An alarm as DescribeAlarms answers it."""
    arn, at = ARN.format(name), datetime.fromisoformat(AT)
    return {"AlarmName": name, "AlarmArn": arn, "StateValue": state, "StateTransitionedTimestamp": at, **more}


def eventbridge(alarm: Described) -> dict[str, Any]:
    """Its state change as EventBridge delivers it."""
    return {
        "version": "0",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": "123456789012",
        "time": "2026-03-14T13:51:21Z",
        "region": "eu-west-1",
        "resources": [alarm["AlarmArn"]],
        "detail": _detail(alarm),
    }


def lambda_action(alarm: Described) -> dict[str, Any]:
    """What a Lambda function gets that is an action of the alarm."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": "123456789012",
        "time": AT,
        "region": "eu-west-1",
        "alarmData": _detail(alarm),
    }


def notification(alarm: Described) -> dict[str, Any]:
    """The message that an alarm publishes to a topic."""
    more = {key: alarm[key] for key in ("AlarmRule", "TriggeringChildren") if key in alarm}
    if "AlarmRule" not in alarm:
        more["Trigger"] = {
            "Period": 60,
            **{key: alarm[key] for key in ("Namespace", "MetricName", "Metrics") if key in alarm},
            **({"Dimensions": _small(alarm["Dimensions"])} if "Dimensions" in alarm else {}),
        }
    return {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription"),
        "AWSAccountId": "123456789012",
        "NewStateValue": alarm["StateValue"],
        "StateChangeTime": _time(alarm),
        "Region": "EU (Ireland)",
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": "OK",
        **more,
    }


def envelope(alarm: Described) -> dict[str, Any]:
    """A topic's message as it arrives over HTTP or in a queue."""
    return {"Type": "Notification", "MessageId": "m-1", "Message": json.dumps(notification(alarm))}


def function_event(alarm: Described) -> dict[str, Any]:
    """A topic's message as a Lambda function gets it."""
    return {"Records": [{"EventSource": "aws:sns", "Sns": envelope(alarm)}]}


def queued(alarm: Described) -> dict[str, Any]:
    """A topic's message in a queue, as a Lambda function gets it."""
    return {"Records": [{"eventSource": "aws:sqs", "messageId": "m-2", "body": json.dumps(envelope(alarm))}]}


def received(alarm: Described) -> dict[str, Any]:
    """An EventBridge event in a queue, as `aws sqs receive-message` prints it."""
    return {"Messages": [{"MessageId": "m-3", "Body": json.dumps(eventbridge(alarm))}]}


def printed(alarm: Described) -> dict[str, Any]:
    """What `aws cloudwatch describe-alarms` prints."""
    kinds = ("CompositeAlarms", "MetricAlarms") if "AlarmRule" in alarm else ("MetricAlarms", "CompositeAlarms")
    plain = json.loads(json.dumps(alarm, default=lambda at: at.isoformat()))
    return {kinds[0]: [plain], kinds[1]: []}


DRESSES: tuple[Callable[[Described], dict[str, Any]], ...] = (
    *(eventbridge, lambda_action, notification, envelope, function_event, queued, received, printed),
)


def _detail(alarm: Described) -> dict[str, Any]:
    configuration: dict[str, Any] = {"description": alarm.get("AlarmDescription")}
    if "AlarmRule" in alarm:
        configuration["alarmRule"] = alarm["AlarmRule"]
    else:
        configuration["metrics"] = [
            _query(query) for query in alarm.get("Metrics") or [{"MetricStat": {"Metric": alarm}}]
        ]
    state = {"value": alarm["StateValue"], "timestamp": _time(alarm), "reason": "Threshold Crossed"}
    return {"alarmName": alarm["AlarmName"], "configuration": configuration, "state": state}


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    if "Expression" in query:
        return {"id": query["Id"], "expression": query["Expression"], "returnData": True}
    held = query["MetricStat"]["Metric"]
    dimensions = {each["Name"]: each["Value"] for each in held["Dimensions"]}
    metric = {"namespace": held["Namespace"], "name": held["MetricName"], "dimensions": dimensions}
    return {"id": query.get("Id", "m1"), "metricStat": {"metric": metric, "period": 60, "stat": "Sum"}}


def _small(dimensions: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{"value": dimension["Value"], "name": dimension["Name"]} for dimension in dimensions]


def _time(alarm: Described) -> str:
    at: datetime = alarm["StateTransitionedTimestamp"]
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"
