"""Faults of the table and its stream."""

from datetime import datetime, timedelta

from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.trail import CONSOLE, OPERATOR, PIPELINE, SECURITY, STACK
from runbook_lib.sandbox.faults.fault import fault
from runbook_lib.sandbox.world import World

KEY = "arn:aws:kms:eu-west-1:123456789012:key/5e2d1c8a-7b34-4f0e-9a61-c83d5b7f2e10"


@fault(
    expects="stream-disabled", onset=timedelta(hours=5, minutes=12, seconds=37), loss="losing",
    set_off_by="UpdateTable", symptoms=("function-not-invoked",), remedies=("R8", "R2"),
    forbids=("stale-stream-arn", "esm-missing"),
)  # fmt: skip
def stream_disabled(world: World, at: datetime) -> None:
    """A clean-up of the infrastructure code dropped the table's stream specification, and the stack switched it off."""
    world.disable_stream(at, world.setting.table, by=STACK)


@fault(
    expects="stale-stream-arn", onset=timedelta(hours=2, minutes=41, seconds=8), loss="at_risk",
    set_off_by="UpdateTable", symptoms=("function-not-invoked",), remedies=("R2",),
    forbids=("stream-disabled", "esm-missing"),
)  # fmt: skip
def stream_recreated(world: World, at: datetime) -> None:
    """Somebody toggled the stream off and on in the console; the mappings still read the generation that ended."""
    world.disable_stream(at, world.setting.table, by=CONSOLE)
    world.enable_stream(at + timedelta(seconds=52.417), world.setting.table, by=CONSOLE)


@fault(
    expects="table-recreated-or-restored", onset=timedelta(hours=3, minutes=22, seconds=6), loss="losing",
    set_off_by="DeleteTable", symptoms=("function-not-invoked",), remedies=("R8", "R2"),
    forbids=("stream-disabled", "stale-stream-arn", "esm-missing"),
)  # fmt: skip
def table_restored(world: World, at: datetime) -> None:
    """After a bad import the table was deleted and restored from last night's backup, which restores no stream."""
    world.delete_table(at, world.setting.table, by=OPERATOR)
    world.restore_table(at + timedelta(seconds=37.208), world.setting.table, by=OPERATOR)


@fault(
    expects="table-recreated-or-restored", onset=timedelta(hours=1, minutes=58, seconds=8), loss="at_risk",
    set_off_by="DeleteTable", symptoms=("function-not-invoked",), remedies=("R2",),
    forbids=("stream-disabled", "stale-stream-arn", "esm-missing"),
)  # fmt: skip
def table_replaced(world: World, at: datetime) -> None:
    """A change of the key schema made the pipeline replace the table, stream and all; the mappings stayed behind."""
    world.delete_table(at, world.setting.table, by=PIPELINE)
    world.create_table(at + timedelta(seconds=22.519), world.setting.table, "NEW_AND_OLD_IMAGES", by=PIPELINE)


@fault(
    expects="table-key-inaccessible", onset=timedelta(hours=2, minutes=36, seconds=19), loss="at_risk",
    set_off_by="DisableKey", remedies=("R9",),
    forbids=("stream-disabled", "cmk-denied-to-role"),
    setting=Setting(table_fields={"key": KEY}),
)  # fmt: skip
def table_key_disabled(world: World, at: datetime) -> None:
    """A clean-up of unused keys disabled the one that the table is encrypted with."""
    world.disable_key(at, world.setting.table, by=SECURITY)


@fault(
    expects="stream-disabled", onset=timedelta(hours=4, minutes=9, seconds=52), loss="losing",
    set_off_by="UpdateTable", symptoms=("function-not-invoked",), remedies=("R8", "R24"),
    contributing=("wrong-cdc-product",), forbids=("stale-stream-arn", "esm-missing"),
)  # fmt: skip
def moved_to_kinesis(world: World, at: datetime) -> None:
    """The table's changes were moved to Kinesis and its stream was switched off, as if nobody else read it."""
    stream = world.scope.arn("kinesis", "stream/orders-changes")
    world.feed_kinesis(at - timedelta(minutes=14), world.setting.table, stream, by=PIPELINE)
    world.disable_stream(at, world.setting.table, by=PIPELINE)
