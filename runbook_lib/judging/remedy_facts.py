"""What the commands of remedies need to know of this incident."""

from __future__ import annotations

from runbook_lib.evidence import Evidence
from runbook_lib.findings.mapping import expected_to_deliver
from runbook_lib.interpret.filter_pattern import corrected
from runbook_lib.observed import otherwise


def facts(seen: Evidence) -> dict[str, str]:
    """Collect what the commands of remedies need, by the names in their braces; what was not seen is left out."""
    first = otherwise(lambda: expected_to_deliver(seen)[:1], ())
    known = {
        "region": seen.incident.region,
        "table": seen.incident.table_name,
        "function": seen.incident.function.name,
        "target": seen.incident.function_name,
        "batch_size": "100",
        "filter_criteria": "{}",
    }
    table_arn = otherwise(lambda: seen.streams.table.arn, "")
    view = otherwise(lambda: seen.streams.table.view_type, None) or otherwise(
        lambda: seen.streams.generations[0].view_type if seen.streams.generations else None, None
    )
    known["view_type"] = view or "NEW_AND_OLD_IMAGES"
    for mapping in first:
        known |= {"destination": mapping.failure_destination} if mapping.failure_destination else {}
        known |= {"uuid": mapping.uuid, "target": mapping.function_arn, "batch_size": str(mapping.batch_size)}
        fixed = corrected(mapping.filters, view_type=known["view_type"])
        known["filter_criteria"] = fixed or "{}"
    latest = otherwise(lambda: seen.streams.table.latest_stream_arn, None)
    key = otherwise(lambda: seen.streams.table.kms_key_arn, None)
    known |= {"table_key": key} if key else {}
    if latest:
        known["latest_stream_arn"] = latest
    role = otherwise(lambda: seen.role.role.name, "") or otherwise(
        lambda: seen.mappings.function.role_arn.rsplit("/", 1)[-1], ""
    )
    if role:
        known["role"] = role
    if table_arn:
        known["grant"] = (
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["dynamodb:DescribeStream",'
            f'"dynamodb:GetRecords","dynamodb:GetShardIterator"],"Resource":"{table_arn}/stream/*"}},'
            '{"Effect":"Allow","Action":"dynamodb:ListStreams","Resource":"*"}]}'
        )
    known["trust"] = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},'
        '"Action":"sts:AssumeRole"}]}'
    )
    return known
