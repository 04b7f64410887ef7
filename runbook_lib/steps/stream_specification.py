"""Playbook step 2."""

from __future__ import annotations

from typing import Any

from runbook_lib.aws import StepReader, together
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.source import Stream, Streams, TimeToLive
from runbook_lib.incident import Incident
from runbook_lib.interpret.arn import StreamArn
from runbook_lib.observed import Gap
from runbook_lib.steps import step
from runbook_lib.steps.table_and_service_health import describe_table

_MOST_SHARD_PAGES = 5
"""Five pages of a hundred shards: enough to see the shape of any stream without spending its call budget."""


@step(
    2,
    title="Stream specification",
    observes="streams",
    question="Is a stream enabled on the table, and does it carry the item images that the function needs?",
    playbook="Read the table's stream specification: is the stream enabled, and with which view type?",
    permissions=(
        "dynamodb:DescribeTable",
        "dynamodb:ListStreams",
        "dynamodb:DescribeStream",
        "dynamodb:DescribeKinesisStreamingDestination",
        "dynamodb:DescribeTimeToLive",
    ),
)
def stream_specification(incident: Incident, aws: StepReader, seen: Evidence) -> Streams:
    """Ask for the table and every generation of its stream that is still listed (old ones stay for 24 hours)."""
    table, generations, kinesis, ttl = together(
        lambda: describe_table(incident, aws),
        lambda: _generations(incident, aws),
        lambda: _kinesis_destinations(incident, aws),
        lambda: _time_to_live(incident, aws),
    )
    return Streams(table=table, generations=generations, kinesis_destinations=kinesis, ttl=ttl)


def _time_to_live(incident: Incident, aws: StepReader) -> TimeToLive:
    asked: dict[str, Any] = {"TableName": incident.table_name}
    answer = aws.find("dynamodb", "DescribeTimeToLive", **asked)
    if answer is not None:
        answer["TimeToLiveDescription"].require(TimeToLiveStatus=str)
    return TimeToLive.from_api(answer, aws.ref("dynamodb", "DescribeTimeToLive", **asked))


def _generations(incident: Incident, aws: StepReader) -> tuple[Stream, ...]:
    listed = aws.pages("dynamodbstreams", "ListStreams", most=5, TableName=incident.table_name)
    arns = (stream.require(StreamArn=StreamArn.parse)["StreamArn"] for stream in listed.every("Streams"))
    newest = sorted(arns, key=lambda arn: StreamArn.parse(arn).label, reverse=True)
    found = together(*(lambda arn=arn: describe_stream(aws, arn) for arn in newest))
    return tuple(
        Stream.unseen(arn, stream) if isinstance(stream, Gap) else stream
        for arn, stream in zip(newest, found, strict=True)
    )


def describe_stream(aws: StepReader, arn: str) -> Stream:
    """Describe one stream generation with its shards; one that AWS no longer knows is ABSENT."""
    known = aws.find("dynamodbstreams", "DescribeStream", StreamArn=arn)
    ref = aws.ref("dynamodbstreams", "DescribeStream", StreamArn=arn)
    if known is None:
        return Stream.from_api(arn, None, ref)
    pages = aws.pages("dynamodbstreams", "DescribeStream", most=_MOST_SHARD_PAGES, StreamArn=arn)
    for page in pages.answers:
        page["StreamDescription"].require(StreamStatus=str, Shards=list)
    return Stream.from_api(arn, pages.answers, ref, truncated=pages.truncated)


def _kinesis_destinations(incident: Incident, aws: StepReader) -> tuple[str, ...]:
    answer = aws.find("dynamodb", "DescribeKinesisStreamingDestination", TableName=incident.table_name)
    found = answer.get("KinesisDataStreamDestinations") or () if answer else ()
    return tuple(
        str(destination.get("StreamArn")) for destination in found if destination.get("DestinationStatus") == "ACTIVE"
    )
