"""Answers of Amazon DynamoDB Streams: generations, shards and a sample of records.

A shard lives about four hours and is then followed by a child (DynamoDB Developer Guide, "Change data capture with
DynamoDB Streams"); closed shards are listed while they may still hold records.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.state import RETENTION, Stream
from runbook_lib.sandbox.account.traffic import LINEAGES, Write, record
from runbook_lib.sandbox.answers.regional import regional
from runbook_lib.sandbox.pipe.writes import records_of
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World

SHARD_LIFE = timedelta(hours=4)
ITERATOR_LIFE = timedelta(minutes=15)
RECORDS_PER_CALL = 1000


@dataclass(frozen=True)
class Shard:
    """One shard: the records of one partition (`lineage`) between two instants; `end` None while it is open."""

    lineage: int
    begin: datetime
    end: datetime | None
    seed: int

    @property
    def shard_id(self) -> str:
        """The id: creation time in milliseconds, then eight hexadecimal digits."""
        stamp = int(self.begin.timestamp() * 1000)
        return f"shardId-{stamp:020d}-{noise.hexes(8, self.seed, 'shard', self.lineage, stamp)}"

    @property
    def starting(self) -> str:
        """The sequence number it starts at."""
        return _sequence(self.begin.timestamp(), self.lineage)


def _sequence(at: float, lineage: int) -> str:
    return Write(at, lineage, "INSERT", "", 0).sequence_number


def _time_of(sequence: str) -> float:
    """When the record with this number was written, or a grain of time before that: the number is rounded down."""
    return int(sequence[1:19]) / 1_000_000 - 3e-7


def stream_of(world: World, arn: str) -> Stream:
    """The stream generation with this ARN; raises ResourceNotFoundException once it is gone."""
    stream = world.state.stream(arn)
    if stream is None or not stream.readable(world.now):
        raise ApiError("ResourceNotFoundException", f"Requested resource not found: Stream: {arn} not found")
    return stream


def shards_of(world: World, stream: Stream) -> list[Shard]:
    """The shards of a stream that may hold records, oldest first within a partition."""
    end = min(stream.disabled or world.now, world.now)
    table = world.state.tables.get(stream.table)
    found = []
    for lineage in range(table.partitions if table else LINEAGES):
        phase = SHARD_LIFE * noise.unit(world.seed, "roll", stream.label, lineage)
        first = int((world.now - RETENTION - stream.created - phase) / SHARD_LIFE)
        for number in range(max(first, -1), int((end - stream.created - phase) / SHARD_LIFE) + 1):
            begin = max(stream.created, stream.created + phase + number * SHARD_LIFE)
            close = stream.created + phase + (number + 1) * SHARD_LIFE
            if close > world.now - RETENTION and begin < end:
                closed = close if close <= end else stream.disabled
                found.append(Shard(lineage, _to_ms(begin), _to_ms(closed) if closed else None, world.seed))
    return sorted(found, key=lambda shard: (shard.begin, shard.lineage))


def _to_ms(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


@regional("dynamodbstreams", "ListStreams")
def list_streams(world: World, call: Call) -> dict[str, Any]:
    """Stream generations that still live, also those disabled less than 24 hours ago."""
    return paged_streams(call, streams_for(world, call.params.get("TableName")))


def streams_for(world: World, table: str | None) -> list[dict[str, Any]]:
    """The generations of a table, or of all tables."""
    return [
        {"StreamArn": stream.arn(world.scope), "TableName": stream.table, "StreamLabel": stream.label}
        for stream in (*(s for owner in world.state.tables.values() for s in owner.streams), *world.state.orphans)
        if table in (None, stream.table) and stream.readable(world.now)
    ]


def paged_streams(call: Call, found: list[dict[str, Any]]) -> dict[str, Any]:
    """A page of generations."""
    arns = [entry["StreamArn"] for entry in found]
    begin = arns.index(after) + 1 if (after := call.params.get("ExclusiveStartStreamArn")) in arns else 0
    page = found[begin : begin + call.params.get("Limit", 100)]
    rest = begin + len(page) < len(found)
    return {"Streams": page} | ({"LastEvaluatedStreamArn": page[-1]["StreamArn"]} if rest else {})


@regional("dynamodbstreams", "DescribeStream")
def describe_stream(world: World, call: Call) -> dict[str, Any]:
    """A generation and its shards, a page at a time."""
    arn: str = call.params["StreamArn"]
    stream = stream_of(world, arn)
    shards = shards_of(world, stream)
    ids = [shard.shard_id for shard in shards]
    begin = ids.index(after) + 1 if (after := call.params.get("ExclusiveStartShardId")) in ids else 0
    page = shards[begin : begin + min(call.params.get("Limit", 100), 100)]
    described = {
        "StreamArn": arn,
        "StreamLabel": stream.label,
        "StreamStatus": "DISABLED" if stream.disabled else "ENABLED",
        "StreamViewType": stream.view_type,
        "CreationRequestDateTime": stream.created,
        "TableName": stream.table,
        "KeySchema": [{"AttributeName": "order_id", "KeyType": "HASH"}],
        "Shards": [_described(shard, shards) for shard in page],
    }
    if begin + len(page) < len(shards):
        described["LastEvaluatedShardId"] = page[-1].shard_id
    return {"StreamDescription": described}


def _described(shard: Shard, shards: list[Shard]) -> dict[str, Any]:
    numbers = {"StartingSequenceNumber": shard.starting}
    if shard.end is not None:
        numbers["EndingSequenceNumber"] = _sequence(shard.end.timestamp() - 0.000001, shard.lineage)
    parent = next((other for other in shards if other.lineage == shard.lineage and other.end == shard.begin), None)
    found: dict[str, Any] = {"ShardId": shard.shard_id, "SequenceNumberRange": numbers}
    return found | ({"ParentShardId": parent.shard_id} if parent else {})


@regional("dynamodbstreams", "GetShardIterator")
def get_shard_iterator(world: World, call: Call) -> dict[str, Any]:
    """A place in a shard, good for fifteen minutes."""
    params = call.params
    stream = stream_of(world, params["StreamArn"])
    shard = _shard(world, stream, params["ShardId"])
    kind = params["ShardIteratorType"]
    oldest = (world.now - RETENTION).timestamp()
    if kind == "TRIM_HORIZON":
        at = max(oldest, shard.begin.timestamp())
    elif kind == "LATEST":
        at = (shard.end or world.now).timestamp()
    elif kind == "AT_TIMESTAMP":
        if params["Timestamp"] > world.now:
            raise ApiError("ValidationException", "Timestamp cannot be in the future.")
        at = max(oldest, shard.begin.timestamp(), params["Timestamp"].timestamp())
    else:
        at = _time_of(params["SequenceNumber"]) + (0.0000013 if kind.startswith("AFTER") else 0)
        if at < oldest:
            raise ApiError(
                "TrimmedDataAccessException",
                "The operation attempted to read past the oldest stream record in a shard.",
            )
    return {"ShardIterator": _iterator(world, params["StreamArn"], shard.shard_id, at)}


def _shard(world: World, stream: Stream, shard_id: str) -> Shard:
    found = next((shard for shard in shards_of(world, stream) if shard.shard_id == shard_id), None)
    if found is None:
        raise ApiError("ResourceNotFoundException", f"Requested resource not found: Shard: {shard_id} not found")
    return found


def _iterator(world: World, arn: str, shard_id: str, at: float) -> str:
    place = json.dumps([arn, shard_id, at, world.now.timestamp()]).encode()
    return f"{arn}|1|{base64.b64encode(place).decode()}"


def _place(world: World, iterator: str) -> tuple[str, str, float]:
    try:
        arn, shard_id, at, issued = json.loads(base64.b64decode(iterator.rpartition("|")[2], validate=True))
    except (ValueError, binascii.Error) as error:
        raise ApiError("ValidationException", "Invalid ShardIterator") from error
    if world.now - datetime.fromtimestamp(issued, UTC) > ITERATOR_LIFE:
        raise ApiError("ExpiredIteratorException", "Iterator expired: it was issued more than 15 minutes ago.")
    if at < (world.now - RETENTION).timestamp() - 1:
        raise ApiError("TrimmedDataAccessException", "The operation attempted to read past the oldest stream record.")
    return arn, shard_id, at


@regional("dynamodbstreams", "GetRecords")
def get_records(world: World, call: Call) -> dict[str, Any]:
    """Records from an iterator on. A closed shard read to its end gives no further iterator."""
    arn, shard_id, at = _place(world, call.params["ShardIterator"])
    stream = stream_of(world, arn)
    shard = _shard(world, stream, shard_id)
    limit = min(call.params.get("Limit", RECORDS_PER_CALL), RECORDS_PER_CALL)
    end = (shard.end or world.now).timestamp()
    found = list(_from(world, stream, shard.lineage, at, end, limit + 1))
    here, more = found[:limit], len(found) > limit
    answer: dict[str, Any] = {
        "Records": [
            record(
                write, stream.view_type, world.region, datetime.fromtimestamp(int(write.at), UTC), world.setting.note
            )
            for write in here
        ]
    }
    if more or shard.end is None:
        place = here[-1].at + 0.000001 if more else end
        answer["NextShardIterator"] = _iterator(world, arn, shard_id, place)
    return answer


def _from(world: World, stream: Stream, lineage: int, begin: float, end: float, limit: int) -> Iterator[Write]:
    """At most `limit` writes of a partition, read in stretches of ten minutes so that a sample stays cheap."""
    at, count = begin, 0
    while at < end and count < limit:
        until = min(end, at + 600)
        for write in records_of(world.timeline, stream, world.seed, at, until):
            if write.lineage == lineage and count < limit:
                count += 1
                yield write
        at = until
