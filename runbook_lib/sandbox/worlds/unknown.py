"""The trigger is broken for a reason that AWS does not show: whoever names a cause here is guessing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from runbook_lib.sandbox.account.code import Code
from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.trail import PIPELINE
from runbook_lib.sandbox.faults.fault import Tell
from runbook_lib.sandbox.world import World
from runbook_lib.sandbox.worlds.trial import trial


def _unknown(**members: Any) -> Callable[[Tell], Tell]:
    return trial("unknown", **({"loss": "at_risk"} | members))


@_unknown(onset=timedelta(hours=3, minutes=14, seconds=6))
def poller_stands_still(world: World, at: datetime) -> None:
    """Our mapping's poller stands still inside AWS; everything that can be read is in order."""
    world.stall_pollers(at, world.mapping.uuid)


@_unknown(onset=timedelta(hours=2, minutes=2, seconds=51))
def every_poller_stands_still(world: World, at: datetime) -> None:
    """All pollers of the stream stand still, and the account's support plan shows no AWS Health."""
    world.stall_pollers(at, *world.state.mappings)


@_unknown(onset=timedelta(hours=1, minutes=47, seconds=22), setting=Setting(event_count=True))
def poller_stands_still_and_counts_nothing(world: World, at: datetime) -> None:
    """The poller stands still, and its own counters fall silent with it."""
    world.stall_pollers(at, world.mapping.uuid)


@_unknown(onset=timedelta(hours=4, minutes=31, seconds=40), forbids=("init-or-import-error", "esm-disabled-by-user"))
def poller_stands_still_after_a_release(world: World, at: datetime) -> None:
    """The poller stands still since the minute of a sound release, which has nothing to do with it."""
    world.deploy(at - timedelta(seconds=44), world.setting.function, Code("r43"), by=PIPELINE)
    world.stall_pollers(at, world.mapping.uuid)


@_unknown(onset=timedelta(minutes=52, seconds=18), setting=Setting(alias="live"))
def poller_of_an_alias_stands_still(world: World, at: datetime) -> None:
    """The mapping belongs to an alias, reads Enabled and OK, and stands still."""
    world.stall_pollers(at, world.mapping.uuid)


@_unknown(
    onset=timedelta(hours=3, minutes=39, seconds=12), forbids=("filter-matches-nothing",),
    setting=Setting(filters=('{"dynamodb": {"NewImage": {"status": {"S": ["SHIPPED"]}}}}',)),
)  # fmt: skip
def poller_with_a_sound_filter_stands_still(world: World, at: datetime) -> None:
    """A filter that has always worked is still in place; the poller behind it stands still."""
    world.stall_pollers(at, world.mapping.uuid)
