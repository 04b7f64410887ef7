"""Every operation that may leave through the one door to AWS. All are reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Paging(NamedTuple):
    """How an operation pages: the parameter that takes the token, and where the answer holds the next one."""

    parameter: str
    token: tuple[str, ...]


_MARKER = Paging("Marker", ("NextMarker",))
_IAM = Paging("Marker", ("Marker",))
_ONE = None

READS: Mapping[str, Mapping[str, Paging | None]] = {
    "sts": {"GetCallerIdentity": _ONE},
    "health": {"DescribeEvents": Paging("nextToken", ("nextToken",))},
    "dynamodb": {
        "DescribeTable": _ONE,
        "ListTables": Paging("ExclusiveStartTableName", ("LastEvaluatedTableName",)),
        "DescribeTimeToLive": _ONE,
        "DescribeKinesisStreamingDestination": _ONE,
        "GetResourcePolicy": _ONE,
    },
    "dynamodbstreams": {
        "ListStreams": Paging("ExclusiveStartStreamArn", ("LastEvaluatedStreamArn",)),
        "DescribeStream": Paging("ExclusiveStartShardId", ("StreamDescription", "LastEvaluatedShardId")),
        "GetShardIterator": _ONE,
        "GetRecords": _ONE,
    },
    "lambda": {
        "ListEventSourceMappings": _MARKER,
        "GetEventSourceMapping": _ONE,
        "GetFunctionConfiguration": _ONE,
        "ListFunctions": _MARKER,
        "ListAliases": _MARKER,
        "GetFunctionConcurrency": _ONE,
        "GetAccountSettings": _ONE,
    },
    "iam": {
        "GetRole": _ONE,
        "ListRolePolicies": _IAM,
        "GetRolePolicy": _ONE,
        "ListAttachedRolePolicies": _IAM,
        "GetPolicy": _ONE,
        "GetPolicyVersion": _ONE,
        "SimulatePrincipalPolicy": _IAM,
    },
    "kms": {"DescribeKey": _ONE, "GetKeyPolicy": _ONE, "ListGrants": Paging("Marker", ("NextMarker",))},
    "logs": {
        "DescribeLogGroups": Paging("nextToken", ("nextToken",)),
        "DescribeLogStreams": Paging("nextToken", ("nextToken",)),
        "FilterLogEvents": Paging("nextToken", ("nextToken",)),
    },
    "cloudwatch": {
        "GetMetricData": Paging("NextToken", ("NextToken",)),
        "DescribeAlarms": Paging("NextToken", ("NextToken",)),
        "DescribeAlarmsForMetric": _ONE,
        "DescribeAlarmHistory": Paging("NextToken", ("NextToken",)),
    },
    "cloudtrail": {"LookupEvents": Paging("NextToken", ("NextToken",))},
}
"""Every operation that may leave through this door. All are reads."""


def iam_action(service: str, operation: str) -> str:
    """Name the IAM action that a call needs."""
    prefix = {"dynamodbstreams": "dynamodb"}.get(service, service)
    return f"{prefix}:{operation}"
