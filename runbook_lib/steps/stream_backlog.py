"""Playbook step 6."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from runbook_lib import instant
from runbook_lib.aws import StepReader, together
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.evidence.signals import Backlog, Peek, Series
from runbook_lib.evidence.source import Shard, Stream
from runbook_lib.incident import Incident
from runbook_lib.interpret.filter_pattern import BadPattern, Pattern, parse
from runbook_lib.observed import Each, Gap, NotObserved, attempt, known, otherwise
from runbook_lib.steps import step
from runbook_lib.steps._metric_data import MetricQuery, read_series

_MOST_READERS, _MOST_READERS_GLOBAL = 2, 1
"""Readers that a shard can serve at once (DynamoDB Developer Guide, "Reading and processing a stream"); of a global
table's one less (Lambda Developer Guide, "Simultaneous readers in DynamoDB streams")."""

_MOST_SAMPLED = 3
_SAMPLE = 100
"""A peek costs at most two calls for each of three shards, and brings at most a hundred records of each."""


@step(
    6,
    title="Stream backlog",
    observes="backlog",
    question="Are records waiting in the stream, and how old are they?",
    playbook="Look at the stream's records: how old is what waits, and is a backlog growing?",
    permissions=("cloudwatch:GetMetricData", "dynamodb:GetShardIterator", "dynamodb:GetRecords"),
    needs=(2, 3),
)
def stream_backlog(incident: Incident, aws: StepReader, seen: Evidence) -> Backlog:
    """Read ages from the iterator age and counts from the records handed to readers; no record itself is read.

    A reader slot per shard is scarce and the items belong to customers, so records are sampled only with `--peek`.
    """
    labels = attempt(lambda: [stream.label for stream in seen.streams.generations])
    function = (("FunctionName", incident.function.name),)
    age = MetricQuery("iterator_age", "AWS/Lambda", "IteratorAge", "Maximum", "ms", "Iterator age", function)
    known_labels = labels if isinstance(labels, list) else []
    series = read_series(aws, seen.window, seen.as_of, [age, *_reads(incident, known_labels)])

    def by_label(kind: str) -> Each[Series]:
        return Each({label: series[f"{kind}{n}"] for n, label in enumerate(known(labels))})

    return Backlog(
        iterator_age_ms=series["iterator_age"],
        returned=attempt(lambda: by_label("returned")),
        returned_bytes=attempt(lambda: by_label("bytes")),
        shards=attempt(lambda: Each({stream.arn: attempt(_shards(stream)) for stream in seen.streams.generations})),
        peeks=attempt(lambda: _peeks(aws, seen)) if aws.peek else (),
    )


def _reads(incident: Incident, labels: list[str]) -> Iterator[MetricQuery]:
    """Ask what all readers of each generation of the stream were handed."""
    for n, label in enumerate(labels):
        of = (("TableName", incident.table_name), ("StreamLabel", label), ("Operation", "GetRecords"))
        name = "ReturnedRecordsCount"
        yield MetricQuery(
            f"returned{n}", "AWS/DynamoDB", name, "Sum", "records", f"Records read from stream {label}", of
        )
        yield MetricQuery(
            f"bytes{n}", "AWS/DynamoDB", "ReturnedBytes", "Sum", "bytes", f"Bytes read from stream {label}", of
        )


def _shards(stream: Stream) -> Callable[[], tuple[Shard, ...]]:
    return lambda: stream.shards


def _peeks(aws: StepReader, seen: Evidence) -> tuple[Peek, ...]:
    """Sample the oldest records of a few open shards of the latest stream: two calls a shard and no more.

    One reader too many would take a slot from those at work, so a stream that has all it can serve is left alone.
    """
    stream = seen.streams.latest
    readers = len(
        [mapping for mapping in (*seen.mappings.ours, *seen.mappings.same_stream) if _is_read_by(mapping, stream)]
    )
    if readers >= (_MOST_READERS_GLOBAL if seen.streams.table.replica_regions else _MOST_READERS):
        reason = (
            f"The stream already has {_readers(readers)} per shard, as many as it can serve; no record was sampled."
        )
        raise NotObserved(Gap("dynamodb:GetRecords", aws.region, "TooManyReaders", reason))
    shards = [shard for shard in stream.shards if shard.open][:_MOST_SAMPLED] if stream else []
    filters = otherwise(lambda: _filters(seen), None)
    arn = stream.arn if stream else ""
    return tuple(
        known(peek) for peek in together(*(lambda id=shard.shard_id: _peek(aws, arn, id, filters) for shard in shards))
    )


def _is_read_by(mapping: EventSourceMapping, stream: Stream | None) -> bool:
    """Whether a mapping may be polling: in every state but Disabled, as changes between them take their time."""
    return stream is not None and mapping.state != "Disabled" and mapping.event_source_arn == stream.arn


def _readers(readers: int) -> str:
    return f"{readers} reader" if readers == 1 else f"{readers} readers"


def _filters(seen: Evidence) -> tuple[Pattern, ...]:
    """Read the filters of the mapping; raises NotObserved where they are encrypted, or are none that we can read."""
    try:
        return tuple(parse(text) for mapping in seen.mappings.ours[:1] for text in mapping.readable_filters)
    except BadPattern as problem:
        raise NotObserved(Gap("lambda:GetEventSourceMapping", "", "BadPattern", str(problem))) from None


def _peek(aws: StepReader, arn: str, shard_id: str, filters: tuple[Pattern, ...] | None) -> Peek:
    """Read one batch from the oldest record on; only its ages and counts are kept."""
    asked: dict[str, Any] = {"StreamArn": arn, "ShardId": shard_id, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = aws.call("dynamodbstreams", "GetShardIterator", **asked)["ShardIterator"]
    kept = aws.call(
        "dynamodbstreams",
        "GetRecords",
        keep=lambda answer: _counted(answer, filters),
        ShardIterator=iterator,
        Limit=_SAMPLE,
    )
    return Peek(
        shard_id=shard_id,
        records=kept["Count"],
        oldest=instant.optional(kept.get("Oldest")),
        newest=instant.optional(kept.get("Newest")),
        event_names=kept["EventNames"],
        matching_filter=kept.get("Matching"),
        kept_out_by=kept["KeptOutBy"],
        ref=kept.ref,
    )


def _counted(answer: dict[str, Any], filters: tuple[Pattern, ...] | None) -> dict[str, Any]:
    """Reduce a batch of records to what may be kept of it: no key, no image, no sequence number."""
    records = answer.get("Records") or []
    times = sorted(str((record.get("dynamodb") or {}).get("ApproximateCreationDateTime")) for record in records)
    out = [leaves for record in records if (leaves := _kept_out_by(filters or (), record))]
    return {
        "Count": len(records),
        "Oldest": times[0] if times else None,
        "Newest": times[-1] if times else None,
        "EventNames": dict(Counter(str(record.get("eventName")) for record in records)),
        "Matching": None if filters is None else len(records) - len(out),
        "KeptOutBy": dict(Counter(leaf for leaves in out for leaf in leaves)),
    }


def _kept_out_by(filters: tuple[Pattern, ...], record: dict[str, Any]) -> frozenset[str]:
    """Give what each filter fails a record for; empty for a record that passes one of them."""
    leaves = [pattern.failing_leaf(record) for pattern in filters]
    return frozenset() if None in leaves else frozenset(leaf for leaf in leaves if leaf is not None)
