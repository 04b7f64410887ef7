"""The world of each fault, built once in a process, and what it answers without the wire."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from runbook_lib.sandbox import Call, World, all_faults, build
from runbook_lib.sandbox.wire.registry import ANSWERS

NOW = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
TRAIL_GROUP = "cloudtrail/management"
FAULTS = all_faults()
BUILT: dict[int, str] = {}
"""The fault that a world was built for, by the world's identity."""


@cache
def world_of(name: str) -> World:
    """The world of a fault, with a short history that holds some good hours; tests only read it."""
    harm = FAULTS[name].onset if FAULTS[name].expects else None
    history = max(timedelta(hours=12), (harm or timedelta(0)) + timedelta(hours=2))
    world = build(name, NOW, history=history, cloudtrail_log_group=TRAIL_GROUP)
    BUILT[id(world)] = name
    return world


def each(cases: Iterable[str | tuple[str, ...]]) -> list[Any]:
    """Parametrize by fault so that all tests of one run in one process, where its world is built once.

    Every fourth fault is looked at in every run of the tests, and those that a test names itself.
    """
    rows = [(case,) if isinstance(case, str) else case for case in cases]
    often = {*list(FAULTS)[::4], *(row[0] for row in rows if len(rows) < len(FAULTS) // 6)}
    return [
        pytest.param(*row, marks=[pytest.mark.xdist_group(row[0]), *([] if row[0] in often else [pytest.mark.slow])])
        for row in rows
    ]


def ask(world: World, service: str, operation: str, region: str = "eu-west-1", **params: Any) -> dict[str, Any]:
    """The world's answer to a call, without the wire."""
    return ANSWERS[service, operation](world, Call(service, operation, region, "AKID", params))
