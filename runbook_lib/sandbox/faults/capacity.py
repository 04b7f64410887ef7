"""Faults of capacity: too little of the function may run, or it is too slow for what arrives."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.code import SOUND
from runbook_lib.sandbox.account.healthy import allow, document, stream_reader
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.trail import OPERATOR, PIPELINE
from runbook_lib.sandbox.faults.fault import fault
from runbook_lib.sandbox.world import World

_BUSY: Mapping[str, Any] = {"per_minute": 40.0, "swing": 11.0, "jitter": 8.0}
"""Traffic at which slow code falls behind."""


def _has_always_taken(world: World, seconds: float, overhead: float = 0.0) -> None:
    """Let the function's code take this long over each record and each batch, from the start of the history."""
    world.begin_with_function(code=replace(SOUND, seconds=seconds, overhead=overhead), timeout=120)


@fault(
    expects="reserved-too-low", onset=timedelta(hours=2, minutes=11, seconds=23), loss="at_risk", gradual=True,
    set_off_by="PutFunctionConcurrency20171031", symptoms=("throttled", "records-late"), remedies=("R5",),
    setting=Setting(mapping={"batch_size": 5}), forbids=("reserved-concurrency-zero", "account-concurrency-exhausted"),
)  # fmt: skip
def reserved_too_low(world: World, at: datetime) -> None:
    """To spare a database the function was held to one execution at a time, which is not enough for the orders."""
    world.set_traffic(world.start, **_BUSY)
    _has_always_taken(world, seconds=1.7)
    world.put_concurrency(at, world.setting.function, 1, by=OPERATOR)


@fault(
    expects="account-concurrency-exhausted", onset=timedelta(hours=1, minutes=7, seconds=38), loss="at_risk",
    set_off_by=None, symptoms=("function-not-invoked", "throttled"), remedies=("R35", "R18"),
    forbids=("reserved-concurrency-zero", "reserved-too-low"),
)  # fmt: skip
def account_crowded_out(world: World, at: datetime) -> None:
    """A nightly export ran away and takes every execution that the account has, which is a young one with few."""
    world.set_account_concurrency(world.start, 50)
    world.crowd_account(at, 50)


@fault(
    expects="shard-serial-lag", onset=timedelta(hours=3, minutes=16, seconds=44), loss="at_risk", gradual=True,
    set_off_by="UpdateFunctionCode20150331v2", symptoms=("records-late",), remedies=("R14",),
    setting=Setting(mapping={"batch_size": 4}), forbids=("poison-record", "reserved-too-low", "timeout"),
)  # fmt: skip
def release_too_slow(world: World, at: datetime) -> None:
    """A release looks every order up in another service; each shard waits for its batch, and falls behind."""
    world.set_traffic(world.start, **_BUSY)
    world.deploy(at, world.setting.function, replace(SOUND, revision="r42", seconds=6.6), by=PIPELINE)


@fault(
    expects="shard-serial-lag", onset=timedelta(hours=4, minutes=21, seconds=30), loss="at_risk", gradual=True,
    set_off_by=None, symptoms=("records-late",), remedies=("R14", "R41"), contributing=("payload-or-duration",),
    forbids=("poison-record", "reserved-too-low", "timeout"),
)  # fmt: skip
def items_grew_large(world: World, at: datetime) -> None:
    """Customers may attach pictures to orders now: a batch holds seven, and takes as long as one of a hundred did."""
    world.set_traffic(world.start, **_BUSY)
    _has_always_taken(world, seconds=0, overhead=50)
    world.burden(at, 790_000)


@fault(
    expects=None, onset=timedelta(hours=6, minutes=41, seconds=5), loss="none", contributing=("too-many-readers",),
    set_off_by="CreateEventSourceMapping20150331", forbids=("shard-serial-lag",),
)  # fmt: skip
def third_reader(world: World, at: datetime) -> None:
    """Another team attached its function to the stream, as its third reader."""
    name, stream = world.setting.bystander, world.table.stream
    assert stream is not None
    streams = f"{world.scope.arn('dynamodb', f'table/{world.setting.table}')}/stream/*"
    before = at - timedelta(minutes=12)
    world.put_role_policy(before, f"{name}-role", "stream-access", stream_reader(streams), by=PIPELINE)
    mapping = EventSourceMapping(
        noise.uuid4(world.seed, "mapping", name), name, stream.arn(world.scope), at, at, starting_position="LATEST"
    )
    world.create_mapping(at, mapping, by=PIPELINE)


@fault(
    expects=None, onset=timedelta(hours=2, minutes=38, seconds=17), loss="none", contributing=("write-back-loop",),
    forbids=("account-concurrency-exhausted", "shard-serial-lag"),
)  # fmt: skip
def orders_written_back(world: World, at: datetime) -> None:
    """A release counts in each order how often it was seen, up to nine times, and every count is a change to see."""
    table = world.scope.arn("dynamodb", f"table/{world.setting.table}")
    access = document(allow(["dynamodb:UpdateItem"], table))
    world.put_role_policy(at - timedelta(minutes=17), world.role_name, "item-access", access, by=PIPELINE)
    world.deploy(at, world.setting.function, replace(SOUND, revision="r42"), by=PIPELINE)
    world.write_back(at, times=9)
