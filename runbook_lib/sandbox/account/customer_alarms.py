"""The alarms that a customer of the healthy world has: one of each kind."""

from __future__ import annotations

from datetime import datetime

from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.state import Stream
from runbook_lib.sandbox.account.watched import Alarm, CompositeAlarm, Watched

ALARM = "DynamoDBStreamsTriggerFailure"
"""The alarm of the playbook."""


def alarms(setting: Setting, stream: Stream, uuid: str, born: datetime) -> tuple[Alarm | CompositeAlarm, ...]:
    """One of each kind: the playbook's own, Lambda's and DynamoDB's metrics, an expression, and one of them all."""
    function, table = setting.function, setting.table
    of_function = (("FunctionName", function),)
    resource = (*of_function, ("Resource", f"{function}:{setting.alias}")) if setting.alias else of_function
    of_stream = (("TableName", table), ("Operation", "GetRecords"), ("StreamLabel", stream.label))
    invoked, failed = (
        Watched("AWS/Lambda", name, "Sum", of_function, name.lower()) for name in ("Invocations", "Errors")
    )
    age = Watched("AWS/Lambda", "IteratorAge", "Maximum", resource)
    read = Watched("AWS/DynamoDB", "ReturnedRecordsCount", "Sum", of_stream)
    polled = Watched("AWS/Lambda", "PolledEventCount", "Sum", (("EventSourceMappingUUID", uuid),))
    below, above = "LessThanThreshold", "GreaterThanThreshold"
    found = (
        Alarm(
            ALARM, (invoked,), 1.0, below, 5, "breaching", born,
            "The orders stream no longer reaches its projector",
        ),
        Alarm(f"{function}-iterator-age", (age,), 600_000.0, above, 3, "notBreaching", born),
        Alarm(
            f"{function}-error-rate", (failed, invoked), 50.0, above, 3, "notBreaching", born,
            expression="100 * errors / invocations",
        ),
        Alarm(f"{table}-stream-unread", (read,), 1.0, below, 5, "breaching", born),
        *([Alarm(f"{function}-mapping-idle", (polled,), 1.0, below, 5, "breaching", born)] * setting.event_count),
    )  # fmt: skip
    return (*found, CompositeAlarm(f"{table}-pipeline", tuple(alarm.name for alarm in found), born))
