"""Faults of the table and its stream."""

from datetime import datetime, timedelta

from runbook_lib.sandbox.faults.fault import fault
from runbook_lib.sandbox.trail import CONSOLE, STACK
from runbook_lib.sandbox.world import World


@fault(
    expects="stream-disabled", onset=timedelta(hours=5, minutes=12, seconds=37), trigger="UpdateTable", loss="losing",
    symptoms=("function-not-invoked",), remedies=("R8", "R2"), forbids=("stale-stream-arn", "esm-missing"),
)  # fmt: skip
def stream_disabled(world: World, at: datetime) -> None:
    """A clean-up of the infrastructure code dropped the table's stream specification, and the stack switched it off."""
    world.disable_stream(at, world.setting.table, by=STACK)


@fault(
    expects="stale-stream-arn", onset=timedelta(hours=2, minutes=41, seconds=8), trigger="UpdateTable", loss="at_risk",
    symptoms=("function-not-invoked",), remedies=("R2",), forbids=("stream-disabled", "esm-missing"),
)  # fmt: skip
def stream_recreated(world: World, at: datetime) -> None:
    """Somebody toggled the stream off and on in the console; the mappings still read the generation that ended."""
    world.disable_stream(at, world.setting.table, by=CONSOLE)
    world.enable_stream(at + timedelta(seconds=52.417), world.setting.table, by=CONSOLE)
