"""CloudTrail events: `parse` reads one, `effects` says what it changed, `EVENT_NAMES` lists the names to look for.

Event names are exact on purpose: LookupEvents with `UpdateEventSourceMapping` finds nothing, and that silence reads as
"no change" (the recorded name is `UpdateEventSourceMapping20150331`).

Source: "Logging AWS Lambda API calls using AWS CloudTrail",
docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html, and its siblings for DynamoDB, IAM and KMS.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from runbook_lib.interpret.trail_effect import EFFECTS, ENDS_STREAM, Effect, effects
from runbook_lib.interpret.trail_record import (
    UNDATED,
    ActorKind,
    BadTrailEvent,
    Resource,
    Target,
    TrailEvent,
    parse,
)

__all__ = [
    "EFFECTS",
    "ENDS_STREAM",
    "EVENT_NAMES",
    "GLOBAL_SOURCES",
    "POLL_EVENT_NAME",
    "UNDATED",
    "ActorKind",
    "BadTrailEvent",
    "Effect",
    "Resource",
    "Target",
    "TrailEvent",
    "effects",
    "parse",
]

EVENT_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "lambda.amazonaws.com": (
            "UpdateEventSourceMapping20150331",
            "DeleteEventSourceMapping20150331",
            "CreateEventSourceMapping20150331",
            "LambdaESMDisabled",
            "PutFunctionConcurrency20171031",
            "DeleteFunctionConcurrency20171031",
            "UpdateFunctionCode20150331v2",
            "UpdateFunctionConfiguration20150331v2",
            "UpdateAlias20150331",
            "DeleteAlias20150331",
            "CreateAlias20150331",
            "PublishVersion20150331",
            "DeleteFunction20150331",
            "CreateFunction20150331",
        ),
        "dynamodb.amazonaws.com": (
            "UpdateTable",
            "DeleteTable",
            "CreateTable",
            "RestoreTableFromBackup",
            "RestoreTableToPointInTime",
            "PutResourcePolicy",
            "DeleteResourcePolicy",
        ),
        "kms.amazonaws.com": ("DisableKey", "ScheduleKeyDeletion", "PutKeyPolicy", "RevokeGrant"),
        "logs.amazonaws.com": ("DeleteLogGroup",),
        "iam.amazonaws.com": (
            "PutRolePolicy",
            "DeleteRolePolicy",
            "AttachRolePolicy",
            "DetachRolePolicy",
            "CreatePolicyVersion",
            "SetDefaultPolicyVersion",
            "UpdateAssumeRolePolicy",
            "PutRolePermissionsBoundary",
            "DeleteRolePermissionsBoundary",
            "DeleteRole",
            "CreateRole",
        ),
        "organizations.amazonaws.com": ("UpdatePolicy", "AttachPolicy", "DetachPolicy"),
    }
)
"""The full event names to query, by event source, the most telling first.

`LambdaESMDisabled` is a data event that is logged by default; Event history shows no other data events, so its absence
proves nothing. Organizations' events appear in the management account only.
"""

GLOBAL_SOURCES = frozenset({"iam.amazonaws.com", "organizations.amazonaws.com"})
"""Sources whose events stand in us-east-1 only, whatever region the caller worked in."""

POLL_EVENT_NAME = "DescribeStream"
"""The management event that a mapping's poller leaves; GetRecords is a data event and off by default."""
