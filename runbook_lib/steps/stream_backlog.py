"""Playbook step 6."""

from __future__ import annotations

from runbook_lib.aws import StepReader
from runbook_lib.evidence import Evidence, attempt, known
from runbook_lib.evidence.signals import Backlog
from runbook_lib.incident import Incident
from runbook_lib.steps import step
from runbook_lib.steps._metric_data import Query, read_series


@step(
    6,
    title="Stream backlog",
    observes="backlog",
    question="Are records waiting in the stream, and how old are they?",
    playbook="Look at the stream's records: how old is what waits, and is a backlog growing?",
    permissions=("cloudwatch:GetMetricData", "dynamodb:GetShardIterator", "dynamodb:GetRecords"),
    needs=(2,),
)
def stream_backlog(incident: Incident, aws: StepReader, seen: Evidence) -> Backlog:
    """Read ages from the iterator age and counts from the records handed to readers; no record itself is read.

    A reader slot per shard is scarce and the items belong to customers, so records are sampled only with `--peek`.
    """
    labels = attempt(lambda: [one.label for one in seen.streams.generations])
    label_of = {f"returned{n}": label for n, label in enumerate(labels if isinstance(labels, list) else ())}
    function = (("FunctionName", incident.function.name),)
    queries = [
        Query("iterator_age", "AWS/Lambda", "IteratorAge", "Maximum", "ms", "Iterator age", function),
        *(
            Query(
                name,
                "AWS/DynamoDB",
                "ReturnedRecordsCount",
                "Sum",
                "records",
                f"Records read from stream {label}",
                (("TableName", incident.table_name), ("StreamLabel", label), ("Operation", "GetRecords")),
            )
            for name, label in label_of.items()
        ),
    ]
    series = read_series(aws, seen.window, seen.as_of, queries)
    returned = {label: series[name] for name, label in label_of.items()}
    return Backlog(
        iterator_age_ms=series["iterator_age"],
        returned=attempt(lambda: returned if known(labels) is not None else {}),
        shards=attempt(lambda: {one.arn: one.shards for one in seen.streams.generations}),
    )
