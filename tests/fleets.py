"""Fleets of the sandbox, and how to serve them as AWS would."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from unittest import mock

from worlds import NOW

from runbook_lib.sandbox.fleet import Fleet
from runbook_lib.sandbox.fleet_kinds import kind, mixed
from runbook_lib.sandbox.front import ServedWorld
from runbook_lib.sandbox.rules import Rule
from runbook_lib.sandbox.server import RunningSandbox, serve


def fleet(triggers: int, broken: int = 0, unread: int = 0, account: str = "123456789012") -> Fleet:
    """Give a fleet of so many triggers, of which so many are broken, and so many streams that nobody reads."""
    return Fleet(mixed(triggers, broken, unread, partial(kind, now=NOW, account=account)))


def fleet_of(*kinds: str, account: str = "123456789012") -> Fleet:
    """Give a fleet of one trigger of each of these kinds."""
    return Fleet(kind(name, NOW, account) for name in kinds)


@contextmanager
def enforcing(world: ServedWorld, *rules: Rule) -> Iterator[RunningSandbox]:
    """Serve a world as AWS would, rates and all, and point this process at it."""
    sandbox = serve(world, rules=rules, rates=True)
    with sandbox, mock.patch.dict(os.environ, {**sandbox.environment, "RUNBOOK_PACE": "aws"}):
        yield sandbox
