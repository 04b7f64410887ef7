"""What the sandbox answers to each API operation. Importing this package registers them all.

Nothing here is true by itself: an answer is derived from the world when it is asked for.
"""

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
