"""Playbook step 1."""

from __future__ import annotations

import difflib

from runbook_lib import instant
from runbook_lib.aws import Answer, StepReader, together
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.source import Health, HealthEvent, Identity, Table
from runbook_lib.incident import Incident
from runbook_lib.interpret.arn import Arn, StreamArn
from runbook_lib.steps import step

HEALTH_REGION = "us-east-1"
"""AWS Health has one active endpoint, in us-east-1 (AWS Health User Guide, "Accessing the AWS Health API")."""


@step(
    1,
    title="Table and service health",
    observes="health",
    question="Does the table exist here, and are DynamoDB and Lambda well in this region?",
    playbook="Check that the table exists and that AWS reports DynamoDB and Lambda as healthy in its region.",
    permissions=("dynamodb:DescribeTable", "dynamodb:ListTables", "health:DescribeEvents"),
)
def table_and_service_health(incident: Incident, aws: StepReader, seen: Evidence) -> Health:
    """Ask for the table and for open or recent AWS Health events; names of other tables only if it does not exist."""
    table, events = together(lambda: describe_table(incident, aws), lambda: _health_events(incident, aws, seen))
    missing = isinstance(table, Table) and not table.exists
    (similar,) = together(lambda: _similar_tables(incident, aws)) if missing else ((),)
    identity = Identity(account=aws.identity["Account"], arn=aws.identity["Arn"], ref="run")
    return Health(identity=identity, table=table, events=events, similar_tables=similar)


def describe_table(incident: Incident, aws: StepReader) -> Table:
    """Describe the incident's table; one that does not exist is an answer. Steps 1 and 2 share the recorded call."""
    answer = aws.find("dynamodb", "DescribeTable", TableName=incident.table_name)
    ref = aws.ref("dynamodb", "DescribeTable", TableName=incident.table_name)
    if answer is not None:
        _check(answer["Table"])
    return Table.from_api(incident.table_name, answer, ref)


def _check(table: Answer) -> None:
    """Refuse a table that does not say what AWS always says: an enabled stream has its ARN, and it outlives it."""
    table.require(TableStatus=str, TableArn=Arn.parse).require_if_present(LatestStreamArn=StreamArn.parse)
    if (table.get("StreamSpecification") or {}).get("StreamEnabled"):
        table.require(LatestStreamArn=StreamArn.parse)


def _health_events(incident: Incident, aws: StepReader, seen: Evidence) -> tuple[HealthEvent, ...]:
    wanted = {
        "services": ["LAMBDA", "DYNAMODB"],
        "regions": [incident.region, "global"],
        "eventTypeCategories": ["issue"],
        "eventStatusCodes": ["open", "closed"],
        "lastUpdatedTimes": [{"from": instant.iso(seen.window.start)}],
    }
    pages = aws.pages("health", "DescribeEvents", region=HEALTH_REGION, most=3, filter=wanted)
    return tuple(
        HealthEvent(
            service=raw.get("service", ""),
            type_code=raw.get("eventTypeCode", ""),
            category=raw.get("eventTypeCategory", ""),
            status=raw.get("statusCode", ""),
            started=instant.optional(raw.get("startTime")),
            ended=instant.optional(raw.get("endTime")),
            ref=pages.ref,
        )
        for raw in pages.every("events")
    )


def _similar_tables(incident: Incident, aws: StepReader) -> tuple[str, ...]:
    names = [str(name) for page in aws.pages("dynamodb", "ListTables", most=5).answers for name in page["TableNames"]]
    return tuple(difflib.get_close_matches(incident.table_name, names, n=3, cutoff=0.5))
