"""The state of the account at one instant: frozen values, changed only by making new ones.

Every member is a fact that AWS would act upon; what AWS *shows* (answers, metrics, logs, trail) is derived from these
elsewhere. Times are aware UTC datetimes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.code import Code
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.traffic import LINEAGES, Traffic
from runbook_lib.sandbox.account.watched import Alarm, CompositeAlarm, HealthEvent

RETENTION = timedelta(hours=24)
"""How long a stream record lives, and how long a disabled stream stays readable (DynamoDB Developer Guide, Streams)."""

KEY_LOSS_REACHES = timedelta(minutes=5, seconds=30)
"""How long a table can be used after its key was lost: a laboratory's probe of GetItem; assumed of other operations."""

UPDATING = timedelta(seconds=5)
"""How long a table is UPDATING after its stream was disabled (a laboratory's probe); assumed of other changes."""

Document = Mapping[str, Any]
"""A parsed IAM policy document."""


def iso(at: datetime, timespec: str = "milliseconds") -> str:
    """ISO 8601 without a zone, as stream labels and CloudTrail bodies write it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=timespec)


@dataclass(frozen=True)
class Scope:
    """The account and region every ARN of a world is made of."""

    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in this account; IAM's carry no region."""
        region = "" if service in ("iam", "sts") else self.region
        return f"arn:aws:{service}:{region}:{self.account}:{resource}"


@dataclass(frozen=True)
class Stream:
    """One generation of a table's stream; disabling and enabling again makes another, with another label."""

    table: str
    created: datetime
    view_type: str
    disabled: datetime | None = None

    @cached_property
    def label(self) -> str:
        """The stream's creation time, to the millisecond."""
        return iso(self.created)

    def arn(self, scope: Scope) -> str:
        """The stream's ARN."""
        return scope.arn("dynamodb", f"table/{self.table}/stream/{self.label}")

    def readable(self, at: datetime) -> bool:
        """Whether the stream still exists: for good while enabled, and 24 h after it was disabled."""
        return self.created <= at and (self.disabled is None or at < self.disabled + RETENTION)


@dataclass(frozen=True)
class Table:
    """A DynamoDB table and every generation of its stream, oldest first.

    `restored` from a backup or a point in time; `kinesis` is the ARN of a Kinesis stream that it feeds as well, since
    `kinesis_since`; `replicas` are its other regions; `key` the ARN of the customer's KMS key it is encrypted with,
    lost from `key_lost` until `key_regained`, in what KMS calls `key_state`. `partitions` beyond `LINEAGES` hold items
    that nobody writes to. `readers` are those of its stream that are no mapping. `changed` is when it was updated last.
    """

    name: str
    table_id: str
    created: datetime
    streams: tuple[Stream, ...] = ()
    write_units: int = 50
    read_units: int = 50
    ttl_attribute: str | None = None
    resource_policy: Document | None = None
    stream_policies: Mapping[str, Document] = field(default_factory=dict)
    restored: bool = False
    kinesis: str | None = None
    kinesis_since: datetime | None = None
    replicas: tuple[str, ...] = ()
    key: str | None = None
    key_lost: datetime | None = None
    key_regained: datetime | None = None
    key_state: str = "Enabled"
    partitions: int = LINEAGES
    readers: int = 0
    changed: datetime | None = None

    def updating(self, at: datetime) -> bool:
        """Whether a change of it is still under way, during which DynamoDB takes no other."""
        return self.changed is not None and self.changed <= at < self.changed + UPDATING

    def usable(self, at: float) -> bool:
        """Whether its key lets it be read and written at an instant (epoch seconds); one of AWS's own always does."""
        if self.key_lost is None or at < (self.key_lost + KEY_LOSS_REACHES).timestamp():
            return True
        return self.key_regained is not None and at >= (self.key_regained + self._lag("usable again", 1, 7)).timestamp()

    @property
    def key_loss_detected(self) -> datetime | None:
        """When DynamoDB finds out that it has lost the key; None when it never does, as the key is back before."""
        found = self.key_lost and self.key_lost + self._lag("detected", 13, 75)
        return None if found is None or (self.key_regained is not None and self.key_regained <= found) else found

    def out_of_reach(self, at: datetime) -> bool:
        """Whether DynamoDB calls it inaccessible: half a minute after it found out, until long after it works again."""
        if (detected := self.key_loss_detected) is None or at < detected + timedelta(seconds=25):
            return False
        return self.key_regained is None or at < self.key_regained + self._lag("accessible again", 18, 57)

    def _lag(self, what: str, least: float, most: float) -> timedelta:
        """A number of minutes that belongs to the table and to the loss of its key."""
        return timedelta(minutes=noise.between(least, most, 0, self.table_id, self.key_lost, what))

    @property
    def latest(self) -> Stream | None:
        """The youngest generation, enabled or not; None when the table never had a stream."""
        return self.streams[-1] if self.streams else None

    @property
    def stream(self) -> Stream | None:
        """The enabled stream; None while there is none."""
        latest = self.latest
        return latest if latest is not None and latest.disabled is None else None


@dataclass(frozen=True)
class Version:
    """A function's code and configuration: `$LATEST`, or a published version.

    `update_failure` says why the last update failed (None: it did not), `key` is the ARN of the customer's KMS key.
    """

    number: str
    role: str
    code: Code
    modified: datetime
    handler: str = "app.handler"
    runtime: str = "python3.12"
    memory: int = 256
    timeout: int = 30
    description: str = ""
    state: str = "Active"
    state_reason: str | None = None
    state_reason_code: str | None = None
    update_failure: str | None = None
    package: str = "Zip"
    key: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Function:
    """A Lambda function. `routing` says which version gets what part of an alias's invocations besides the alias's own.

    `concurrency` None means unreserved, 0 means fully throttled.
    `scheduled`: a schedule invokes it every five minutes, whatever its streams do. `topic` is the ARN of
    one that it publishes to and that invokes it as well, as often: a loop, which Lambda breaks off each time.
    """

    name: str
    created: datetime
    versions: tuple[Version, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    routing: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    concurrency: int | None = None
    log_format: str = "Text"
    log_group: str | None = None
    scheduled: bool = False
    topic: str | None = None

    @property
    def logs_to(self) -> str:
        """The function's log group."""
        return self.log_group or f"/aws/lambda/{self.name}"

    @property
    def latest(self) -> Version:
        """`$LATEST`."""
        return self.versions[0]

    def version(self, qualifier: str | None) -> Version | None:
        """The version that a qualifier (alias, number, `$LATEST` or None) names; None when there is no such one."""
        number = self.aliases.get(qualifier or "$LATEST", qualifier or "$LATEST")
        return next((version for version in self.versions if version.number == number), None)

    def divided(self, qualifier: str | None) -> tuple[Version, float] | None:
        """The second version of an alias and its part of the invocations; None for an alias, or any other, of one."""
        number, part = self.routing.get(qualifier or "", ("", 0.0))
        second = next((version for version in self.versions if version.number == number), None)
        return (second, part) if second is not None else None

    def with_latest(self, **changes: Any) -> "Function":
        """This function with `$LATEST` changed."""
        return replace(self, versions=(replace(self.latest, **changes), *self.versions[1:]))


@dataclass(frozen=True)
class Role:
    """An IAM role: who may assume it, and what it may do."""

    name: str
    role_id: str
    created: datetime
    trust: Document
    inline: Mapping[str, Document] = field(default_factory=dict)
    attached: tuple[str, ...] = ()
    boundary: str | None = None
    path: str = "/"


@dataclass(frozen=True)
class ManagedPolicy:
    """A managed policy, AWS's (its ARN's account is `aws`) or the customer's own."""

    arn: str
    policy_id: str
    created: datetime
    document: Document
    version: str = "v1"

    @property
    def name(self) -> str:
        """The last part of the ARN."""
        return self.arn.rpartition("/")[2]

    @property
    def by_aws(self) -> bool:
        """Whether AWS manages it."""
        return self.arn.startswith("arn:aws:iam::aws:")


@dataclass(frozen=True)
class State:
    """Everything at one instant. Mappings are keyed by UUID; the other collections by name or ARN.

    `organization` holds the service control policies above the account that deny something, besides the one that
    allows everything; None for an account of no organization. `crowd` is how many executions the function that no
    stream triggers has running at any time. `orphans` are the streams of deleted tables. `traffic` is what the story's
    application writes to the oldest table; `busy` has, by name, the tables that are written to besides.
    `members` are the other accounts whose events the organization's trail delivers here.
    """

    tables: Mapping[str, Table]
    mappings: Mapping[str, EventSourceMapping]
    functions: Mapping[str, Function]
    roles: Mapping[str, Role]
    policies: Mapping[str, ManagedPolicy]
    traffic: Traffic = field(default_factory=Traffic)
    busy: Mapping[str, Traffic] = field(default_factory=dict)
    concurrency_limit: int = 1000
    crowd: int = 0
    key_policies: Mapping[str, Document] = field(default_factory=dict)
    disabled_keys: frozenset[str] = frozenset()
    organization: tuple[Document, ...] | None = None
    orphans: tuple[Stream, ...] = ()
    alarms: tuple[Alarm | CompositeAlarm, ...] = ()
    health: tuple[HealthEvent, ...] | None = None
    members: tuple[str, ...] = ()

    @property
    def source(self) -> Table | None:
        """The table that the application of the story writes to, the oldest of those that no other application has."""
        return next((table for table in self.tables.values() if table.name not in self.busy), None)

    @property
    def written_to(self) -> tuple[Table, ...]:
        """Every table that somebody writes to, the story's first."""
        source = self.source
        return (*((source,) if source else ()), *(table for table in self.tables.values() if table.name in self.busy))

    def traffic_of(self, table: Table) -> Traffic:
        """How busy a table is that somebody writes to."""
        return self.busy.get(table.name, self.traffic)

    def target(self, mapping: EventSourceMapping) -> Version | None:
        """The version a mapping invokes; None when the function or its qualifier is gone."""
        function = self.functions.get(mapping.function_name)
        return function.version(mapping.qualifier) if function else None

    def divided(self, mapping: EventSourceMapping) -> tuple[Version, float] | None:
        """The second version that a mapping invokes and its part of the invocations; None when there is but one."""
        function = self.functions.get(mapping.function_name)
        return function.divided(mapping.qualifier) if function else None

    def stream(self, arn: str) -> Stream | None:
        """The stream generation with this ARN (any account part); None when there never was one.

        A Kinesis stream that a table feeds is read like a generation that began with the feed.
        """
        if ":kinesis:" in arn:
            fed = (table for table in self.tables.values() if table.kinesis == arn and table.kinesis_since is not None)
            return next((Stream(table.name, table.kinesis_since, "NEW_AND_OLD_IMAGES") for table in fed), None)  # type: ignore[arg-type]
        table, _, label = arn.rpartition(":table/")[2].partition("/stream/")
        owner = self.tables.get(table)
        known = (*(owner.streams if owner else ()), *self.orphans)
        return next((stream for stream in known if (stream.table, stream.label) == (table, label)), None)

    def with_traffic(self, traffic: Traffic, table: str | None = None) -> "State":
        """This state with the story's application as busy as this, or another one that writes to `table`."""
        return replace(self, traffic=traffic) if table is None else replace(self, busy={**self.busy, table: traffic})

    def with_mapping(self, mapping: EventSourceMapping) -> "State":
        """This state with the mapping added or replaced."""
        return replace(self, mappings={**self.mappings, mapping.uuid: mapping})

    def with_function(self, function: Function) -> "State":
        """This state with the function added or replaced."""
        return replace(self, functions={**self.functions, function.name: function})

    def with_role(self, role: Role) -> "State":
        """This state with the role added or replaced."""
        return replace(self, roles={**self.roles, role.name: role})

    def with_policy(self, policy: ManagedPolicy) -> "State":
        """This state with the managed policy added or replaced."""
        return replace(self, policies={**self.policies, policy.arn: policy})

    def with_table(self, table: Table) -> "State":
        """This state with the table added or replaced."""
        return replace(self, tables={**self.tables, table.name: table})


def without(collection: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A copy of a collection that lacks one key."""
    return {name: value for name, value in collection.items() if name != key}
