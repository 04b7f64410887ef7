"""The catalogue of faults: worlds with one thing wrong, and with what a good diagnosis says about each.

Nothing here says what AWS would answer: a fault tells what happened, and the rest follows.
"""

from datetime import datetime
from typing import Any

from runbook_lib.sandbox.faults import (
    authorization,
    capacity,
    discards,
    function,
    health,
    mapping,
    processing,
    source,
    visibility,
)
from runbook_lib.sandbox.faults.fault import FAULTS, Fault
from runbook_lib.sandbox.world import World

__all__ = [
    "Fault",
    "all_faults",
    "authorization",
    "build",
    "capacity",
    "discards",
    "function",
    "health",
    "mapping",
    "processing",
    "source",
    "visibility",
]


def all_faults() -> dict[str, Fault]:
    """Every fault by id: `healthy`, the other worlds without a cause, then the rest by id."""
    order = sorted(FAULTS, key=lambda name: (FAULTS[name].expects is not None, name != "healthy", name))
    return {name: FAULTS[name] for name in order}


def build(name: str, now: datetime, seed: int = 0, **how: Any) -> World:
    """The world with the named fault at this clock; `how` is what `Fault.build` takes.

    Raises `KeyError` that lists the known faults when there is none of this name.
    """
    if name not in FAULTS:
        raise KeyError(f"there is no fault {name!r}; known are {', '.join(all_faults())}")
    return FAULTS[name].build(now, seed, **how)
