"""What the sandbox answers to each API operation. Importing this package registers them all."""

from runbook_lib.sandbox.answers import (
    alarms,
    cloudtrail,
    cloudwatch,
    dynamodb,
    function_changes,
    functions,
    iam,
    identity,
    keys,
    logs,
    mapping_changes,
    mappings,
    platform,
    queries,
    streams,
)

__all__ = [
    "alarms",
    "cloudtrail",
    "cloudwatch",
    "dynamodb",
    "function_changes",
    "functions",
    "iam",
    "identity",
    "keys",
    "logs",
    "mapping_changes",
    "mappings",
    "platform",
    "queries",
    "streams",
]
