"""The source side as observed: table, streams, and the health of the services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from runbook_lib import instant
from runbook_lib.interpret.arn import StreamArn
from runbook_lib.observed import Gap, Observed


@dataclass(frozen=True)
class Identity(Observed):
    """Who looked: the account and principal of the credentials."""

    account: str
    arn: str
    ref: str


@dataclass(frozen=True)
class Table(Observed):
    """A DynamoDB table. `exists` False: DescribeTable says there is none of this name in this region and account.

    `latest_stream_arn` outlives the stream: it does not say that a stream is enabled, `stream_enabled` does. Where one
    is enabled and not named, reading it raises NotObserved: what it is compared with is neither old nor new then.
    """

    name: str
    exists: bool
    ref: str
    arn: str = ""
    status: str = ""
    table_id: str = ""
    created_at: datetime | None = None
    stream_enabled: bool = False
    view_type: str | None = None
    latest_stream_arn: str | None = None
    billing_mode: str = "PROVISIONED"
    sse_status: str | None = None
    sse_type: str | None = None
    kms_key_arn: str | None = None
    key_inaccessible_since: datetime | None = None
    restored_at: datetime | None = None
    replica_regions: tuple[str, ...] = ()
    consistency: str | None = None

    def __post_init__(self) -> None:
        held = {field.name: object.__getattribute__(self, field.name) for field in fields(self)}
        if held["stream_enabled"] is True and held["latest_stream_arn"] is None:
            reason = "DescribeTable names no stream although one is enabled."
            unnamed = Gap("dynamodb:DescribeTable", "", "NoStreamArn", reason, ref=self.ref)
            object.__setattr__(self, "latest_stream_arn", unnamed)

    @classmethod
    def from_api(cls, name: str, answer: Mapping[str, Any] | None, ref: str) -> Table:
        """Read a DescribeTable answer; None stands for ResourceNotFoundException."""
        if answer is None:
            return cls(name=name, exists=False, ref=ref)
        raw = answer["Table"]
        stream = raw.get("StreamSpecification") or {}
        encryption = raw.get("SSEDescription") or {}
        return cls(
            name=name,
            exists=True,
            ref=ref,
            arn=raw.get("TableArn", ""),
            status=raw.get("TableStatus", ""),
            table_id=raw.get("TableId", ""),
            created_at=instant.optional(raw.get("CreationDateTime")),
            stream_enabled=bool(stream.get("StreamEnabled")),
            view_type=stream.get("StreamViewType"),
            latest_stream_arn=raw.get("LatestStreamArn"),
            billing_mode=(raw.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED"),
            sse_status=encryption.get("Status"),
            sse_type=encryption.get("SSEType"),
            kms_key_arn=encryption.get("KMSMasterKeyArn"),
            key_inaccessible_since=instant.optional(encryption.get("InaccessibleEncryptionDateTime")),
            restored_at=instant.optional((raw.get("RestoreSummary") or {}).get("RestoreDateTime")),
            replica_regions=tuple(r.get("RegionName", "") for r in raw.get("Replicas") or ()),
            consistency=raw.get("MultiRegionConsistency"),
        )


@dataclass(frozen=True)
class HealthEvent(Observed):
    """One AWS Health event of Lambda or DynamoDB in our region."""

    service: str
    type_code: str
    category: str
    status: str
    started: datetime | None
    ended: datetime | None
    ref: str


@dataclass(frozen=True)
class Health(Observed):
    """Step 1: does the table exist, and are the services well?

    `events` empty means that AWS Health was asked and lists none. `similar_tables` is asked only when the table
    does not exist: names of the region's tables, for a mistyped parameter.
    """

    identity: Identity
    table: Table
    events: tuple[HealthEvent, ...]
    similar_tables: tuple[str, ...]


@dataclass(frozen=True)
class Shard(Observed):
    """One shard. An open shard still takes records; sequence numbers are not times."""

    shard_id: str
    parent_id: str | None
    first_sequence: str | None
    last_sequence: str | None

    @property
    def open(self) -> bool:
        """Whether the shard still takes records."""
        return self.last_sequence is None


@dataclass(frozen=True)
class Stream(Observed):
    """One generation of the table's stream. `status` is ABSENT when AWS no longer knows the ARN.

    `shards` is complete unless `shards_truncated`.
    """

    arn: str
    label: str
    status: str
    ref: str
    view_type: str | None = None
    created_at: datetime | None = None
    shards: tuple[Shard, ...] = ()
    shards_truncated: bool = False

    @property
    def readable(self) -> bool:
        """Whether a poller can still read records from it (a disabled stream stays readable for 24 hours)."""
        return self.status != "ABSENT"

    @classmethod
    def unseen(cls, arn: str, gap: Gap) -> Stream:
        """A stream that is listed and could not be described: its ARN is known, all else is a gap."""
        unknown: Any = gap
        return cls(
            arn=arn,
            label=StreamArn.parse(arn).label,
            status=unknown,
            ref=gap.ref,
            view_type=unknown,
            created_at=unknown,
            shards=unknown,
        )

    @classmethod
    def from_api(
        cls, arn: str, pages: tuple[Mapping[str, Any], ...] | None, ref: str, *, truncated: bool = False
    ) -> Stream:
        """Read the pages of a DescribeStream answer; None stands for ResourceNotFoundException."""
        label = StreamArn.parse(arn).label
        if pages is None:
            return cls(arn=arn, label=label, status="ABSENT", ref=ref)
        first = pages[0]["StreamDescription"]
        shards = tuple(
            Shard(
                shard_id=raw.get("ShardId", ""),
                parent_id=raw.get("ParentShardId"),
                first_sequence=(raw.get("SequenceNumberRange") or {}).get("StartingSequenceNumber"),
                last_sequence=(raw.get("SequenceNumberRange") or {}).get("EndingSequenceNumber"),
            )
            for page in pages
            for raw in page["StreamDescription"].get("Shards") or ()
        )
        return cls(
            arn=arn,
            label=first.get("StreamLabel", label),
            status=first.get("StreamStatus", ""),
            ref=ref,
            view_type=first.get("StreamViewType"),
            created_at=instant.optional(first.get("CreationRequestDateTime")),
            shards=shards,
            shards_truncated=truncated,
        )


@dataclass(frozen=True)
class TimeToLive(Observed):
    """Whether items of the table expire. `status` is DISABLED, too, where nobody ever asked for it."""

    status: str
    attribute: str | None
    ref: str

    @property
    def on(self) -> bool:
        """Whether DynamoDB deletes what is past its time."""
        return self.status == "ENABLED"

    @classmethod
    def from_api(cls, answer: Mapping[str, Any] | None, ref: str) -> TimeToLive:
        """Read a DescribeTimeToLive answer; None stands for ResourceNotFoundException."""
        raw = (answer or {}).get("TimeToLiveDescription") or {}
        return cls(raw.get("TimeToLiveStatus", "DISABLED"), raw.get("AttributeName"), ref)


@dataclass(frozen=True)
class Streams(Observed):
    """Step 2: the table's stream specification, and every generation of its stream that AWS still lists.

    `generations` is newest first; empty means ListStreams lists none. `kinesis_destinations` are active *Kinesis
    Data Streams for DynamoDB* targets: a different product, often confused with DynamoDB Streams.
    """

    table: Table
    generations: tuple[Stream, ...]
    kinesis_destinations: tuple[str, ...]
    ttl: TimeToLive

    @property
    def latest(self) -> Stream | None:
        """The generation that DescribeTable calls latest, if it is still listed."""
        return next((stream for stream in self.generations if stream.arn == self.table.latest_stream_arn), None)

    def generation(self, arn: str) -> Stream | None:
        """Find a generation by ARN."""
        return next((stream for stream in self.generations if stream.arn == arn), None)
