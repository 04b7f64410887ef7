"""Worlds with a short history, and what flowed through the pipe of their mapping."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from runbook_lib.sandbox import World
from runbook_lib.sandbox.account.flow import Flow

NOW = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
AT = NOW - timedelta(hours=2, seconds=11)
FUNCTION = {"FunctionName": "orders-projector"}


def minute(at: datetime) -> int:
    """The minute of an instant, counted from the epoch."""
    return int(at.timestamp() // 60)


def flows(world: World, begin: datetime, end: datetime = NOW) -> list[Flow]:
    """What the story's mapping did in the whole minutes between two instants; minutes it did not exist are left out."""
    found = world.pipe.flows[world.mapping.uuid]
    return [found[m] for m in range(minute(begin) + 1, minute(end)) if m in found]


def total(world: World, name: str, begin: datetime, end: datetime = NOW) -> int:
    """The sum of one count over the whole minutes between two instants."""
    return sum(getattr(flow, name) for flow in flows(world, begin, end))


def recent(now: datetime, **how: Any) -> World:
    """A world with a short history, for tests of its last hours."""
    return World(now, history=timedelta(hours=5), **how)


@cache
def healthy() -> World:
    """A healthy world that tests only read."""
    return recent(NOW)
