"""Worlds in which nothing is wrong, though it may look so."""

from datetime import datetime, timedelta

from runbook_lib.sandbox.account.code import Code
from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.trail import PIPELINE
from runbook_lib.sandbox.faults.fault import fault
from runbook_lib.sandbox.world import World


@fault(expects=None, onset=None, loss="none")
def healthy(world: World, at: datetime) -> None:
    """Everything works; the alarm was somebody's typing error."""


@fault(
    expects=None, onset=None, loss="none", setting=Setting(alias="live"),
    forbids=("esm-missing", "esm-wrong-target"),
)  # fmt: skip
def mapping_on_alias(world: World, at: datetime) -> None:
    """The team deploys behind the alias `live`, so the mapping belongs to it and not to the bare function."""


@fault(
    expects=None, onset=timedelta(hours=4, minutes=18, seconds=9), loss="none", notes=("no-table-writes",),
    forbids=("stream-disabled", "filter-matches-nothing"),
)  # fmt: skip
def no_table_writes(world: World, at: datetime) -> None:
    """The shop closed for stocktaking: nobody has written to the table since, so nothing has been triggered."""
    world.set_traffic(at, per_minute=0)


@fault(
    expects=None, onset=timedelta(hours=3, minutes=5, seconds=41), loss="none", notes=("noop-writes",),
    forbids=("stream-disabled", "filter-matches-nothing", "role-missing-stream-actions"),
)  # fmt: skip
def noop_writes(world: World, at: datetime) -> None:
    """A nightly job writes every order again exactly as it is: busy writes, and not one change to record."""
    world.write_in_vain(at, "no-op")


@fault(
    expects=None, onset=timedelta(hours=2, minutes=44, seconds=27), loss="none",
    notes=("no-table-writes", "rejected-writes"), forbids=("stream-disabled", "filter-matches-nothing"),
)  # fmt: skip
def rejected_writes(world: World, at: datetime) -> None:
    """A client writes on the condition that an order is new, and none is: every write is refused."""
    world.write_in_vain(at, "rejected")


@fault(
    expects=None, onset=None, loss="none", notes=("batching-or-tumbling-delay",),
    setting=Setting(mapping={"window": 240}), forbids=("shard-serial-lag", "esm-missing"),
)  # fmt: skip
def batching_window(world: World, at: datetime) -> None:
    """The mapping waits up to four minutes to fill a batch, so on a quiet day every delivery is that late."""
    world.set_traffic(at - timedelta(hours=30), per_minute=3)


@fault(
    expects=None, onset=None, loss="none", notes=("replica-expectations",), contributing=("too-many-readers",),
    setting=Setting(table_fields={"replicas": ("us-east-1",)}), forbids=("wrong-scope",),
)  # fmt: skip
def global_table(world: World, at: datetime) -> None:
    """The table is global; somebody counted fewer stream records here than writes over all regions."""


@fault(
    expects=None, onset=None, loss="none", contributing=("filter-unreadable",),
    setting=Setting(
        filters=('{"eventName": ["INSERT", "MODIFY"]}',),
        mapping={"filter_key": "arn:aws:kms:eu-west-1:123456789012:key/0d6f2a9e-41b7-4c53-8e2a-97c1f0b3d845"},
    ),
    forbids=("filter-matches-nothing",),
)  # fmt: skip
def filter_key_disabled(world: World, at: datetime) -> None:
    """The key that encrypts the mapping's filters is disabled: the trigger goes on, and nobody can read its filter."""


@fault(
    expects=None, onset=timedelta(hours=4, minutes=37, seconds=52), loss="none", notes=("success-without-effect",),
    forbids=("handler-error", "retry-exhausted-drop"),
)  # fmt: skip
def effect_missing(world: World, at: datetime) -> None:
    """A release writes to a database of another stage: every batch succeeds, and nothing arrives where it should."""
    world.deploy(at, world.setting.function, Code("r42"), by=PIPELINE)


@fault(
    expects=None, onset=timedelta(hours=1, minutes=34, seconds=40), loss="none", notes=("quota",),
    forbids=("update-failed-red-herring", "init-or-import-error"),
)  # fmt: skip
def code_storage_full(world: World, at: datetime) -> None:
    """A release was refused because the region's code storage is full; the release before goes on working."""
    request = {"functionName": world.setting.function, "publish": False, "dryRun": False}
    refusal = ("CodeStorageExceededException", "Code storage limit exceeded.")
    world.refuse(at, "lambda", "UpdateFunctionCode20150331v2", request, refusal, by=PIPELINE)


@fault(
    expects=None, onset=None, loss="none", notes=("ttl-expectation",),
    setting=Setting(table_fields={"ttl_attribute": "expires_at"}), forbids=("filter-matches-nothing",),
)  # fmt: skip
def expiry_takes_its_time(world: World, at: datetime) -> None:
    """Drafts expire by TTL; somebody misses the record of one that is past its time and not yet deleted."""
