"""What the application writes to the table: the input of the whole pipe.

Writes are a pure function of traffic, seed and minute, so any minute of the history can be asked for alone and
always gives the same writes. Times are seconds since the epoch (UTC): a history holds some 70,000 writes, and
plain numbers keep the simulation quick.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from runbook_lib.sandbox.account import noise

LINEAGES = 4
"""Partitions of the table, hence shards of the stream open at any moment."""

EXPIRY = "TimeToLive"
"""What stands for an operation where DynamoDB itself deletes an item past its TTL."""

_SERVICE = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
"""The `userIdentity` of a record of such a deletion (DynamoDB Developer Guide, "DynamoDB Streams and Time to Live")."""

_MASK = (1 << 64) - 1
_EVENTS = ("INSERT",) * 5 + ("MODIFY",) * 4 + ("REMOVE",)
_STATUSES = ("PLACED", "PAID", "SHIPPED", "CANCELLED")
_OPERATIONS: Mapping[str, str] = {"INSERT": "PutItem", "MODIFY": "UpdateItem", "REMOVE": "DeleteItem"}


class Write(NamedTuple):
    """One committed change of one item. `bulk` is what its record holds besides the usual few fields, in bytes."""

    at: float
    lineage: int
    event: str
    status: str
    number: int
    poison: bool = False
    expired: bool = False
    bulk: int = 0

    @property
    def operation(self) -> str:
        """The DynamoDB operation that made this write; what TTL deletes is nobody's request."""
        return EXPIRY if self.expired else _OPERATIONS[self.event]

    @property
    def sequence_number(self) -> str:
        """The stream record's sequence number: 23 digits, growing with time within a shard."""
        return f"4{int(self.at * 1_000_000):018d}{self.lineage:04d}"


@dataclass(frozen=True)
class Traffic:
    """How busy the table is.

    `per_minute` is the mean over a day; `swing` the amplitude of the daily wave (busiest at 14:00 UTC); `jitter`
    the largest random departure. `poison_at` (epoch seconds) makes the first write from then on one that the
    function's code cannot digest. `futile` writes succeed and change nothing, or fail their condition. `expiring`: the
    table has a TTL attribute, and every third deletion is TTL's. `bulk` is the size of what each record carries besides
    the usual, in bytes; `echoes` how often the function writes each item back, which triggers it anew each time.
    """

    per_minute: float = 16.0
    swing: float = 5.0
    jitter: float = 4.0
    poison_at: float | None = None
    futile: Literal["no-op", "rejected"] | None = None
    expiring: bool = False
    bulk: int = 0
    echoes: int = 0

    def count(self, seed: int, minute: int) -> int:
        """Number of writes in the minute that begins `minute` minutes after the epoch."""
        if self.per_minute <= 0:
            return 0
        wave = self.swing * math.cos((minute % 1440 - 840) / 1440 * math.tau)
        return max(0, round(self.per_minute + wave + noise.between(-self.jitter, self.jitter, seed, "writes", minute)))


def _mix(value: int) -> int:
    """Scatter an integer over 64 bits (the splitmix64 finaliser); much quicker than a digest per write."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _MASK
    return value ^ (value >> 31)


@lru_cache(maxsize=16_384)
def writes_of(traffic: Traffic, seed: int, minute: int) -> tuple[Write, ...]:
    """The writes of one minute (minutes since the epoch), in order of time. Empty when nobody wrote."""
    count, begin = traffic.count(seed, minute), minute * 60
    found = []
    for index in range(count):
        bits = _mix(seed * 0x9E3779B97F4A7C15 + minute * 4096 + index & _MASK)
        at = begin + (index + (bits & 0xFFF) / 4096) * 60 / count
        event, status = _EVENTS[(bits >> 12) % 10], _STATUSES[(bits >> 20) % 4]
        number = (bits >> 32) % 90_000 + 10_000
        expired = traffic.expiring and event == "REMOVE" and number % 3 == 0
        found.append(Write(at, (bits >> 28) % LINEAGES, event, status, number, expired=expired, bulk=traffic.bulk))
    if traffic.poison_at is not None and minute == int(traffic.poison_at // 60):
        victim = next((i for i, write in enumerate(found) if write.at >= traffic.poison_at), None)
        if victim is not None:
            found[victim] = found[victim]._replace(event="INSERT", poison=True)
    if traffic.echoes:
        found = sorted(echo for write in found for echo in _echoed(write, traffic.echoes, begin + 60))
    return tuple(found)


def _echoed(write: Write, echoes: int, end: float) -> list[Write]:
    """A write and what the function, half a second after each record, makes of it; all before the minute is over."""
    if write.event == "REMOVE":
        return [write]
    step = min(0.5, (end - write.at) / (echoes + 1))
    again = (write._replace(at=write.at + step * number, event="MODIFY") for number in range(1, echoes + 1))
    return [write, *again]


def images(write: Write, view_type: str) -> dict[str, Any]:
    """The `Keys`, `NewImage` and `OldImage` a stream of this view type carries for the write, DynamoDB-typed."""
    key = {"order_id": {"S": f"ord-{write.number}"}}
    total = {"S": "n/a"} if write.poison else {"N": str(10 + write.number % 490)}
    item = {**key, "status": {"S": write.status}, "total": total}
    found: dict[str, Any] = {"Keys": key}
    if view_type in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES") and write.event != "REMOVE":
        found["NewImage"] = item
    if view_type in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES") and write.event != "INSERT":
        found["OldImage"] = {**item, "status": {"S": "PLACED"}}
    return found


def identity(write: Write) -> dict[str, Any]:
    """The member by which a record tells a deletion of TTL's from one that somebody asked for; else none."""
    return {"userIdentity": _SERVICE} if write.expired else {}


def record(write: Write, view_type: str, region: str, created: datetime, note: str = "") -> dict[str, Any]:
    """The stream record of a write, as `dynamodbstreams:GetRecords` gives it; `note` is one more attribute.

    The members of its `userIdentity` are spelt otherwise than in the record that a function, or a filter, gets.
    """
    held = images(write, view_type)
    if note:
        held |= {name: {**item, "note": {"S": note}} for name, item in held.items() if name != "Keys"}
    return {
        "eventID": noise.hexes(32, write.number, "event", write.sequence_number),
        "eventName": write.event,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": region,
        **({"userIdentity": {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}} if write.expired else {}),
        "dynamodb": {
            "ApproximateCreationDateTime": created,
            **held,
            "SequenceNumber": write.sequence_number,
            "SizeBytes": 60 + write.number % 40 + write.bulk,
            "StreamViewType": view_type,
        },
    }
