"""How late a poller follows its mapping: it goes on for a while when disabled, and begins late at LATEST."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.timeline import Timeline

IN_FLIGHT = 60.0
"""Of what waits when a mapping at LATEST is changed, what is younger than this many seconds is skipped."""

Stretch = tuple[float, float]
"""From when to when, in epoch seconds."""


@dataclass
class Restarts:
    """By a mapping's id: while it is disabled and read all the same, and while it is at LATEST and skips.

    A mapping that was created or changed at LATEST misses records for minutes (Lambda Developer Guide; an item written
    70 seconds after the mapping was Enabled was never delivered). How long a disabled one is read on is not recorded.
    """

    lingers: dict[str, list[Stretch]] = field(default_factory=dict)
    skips: dict[str, list[Stretch]] = field(default_factory=dict)

    @classmethod
    def of(cls, timeline: Timeline, seed: int) -> Restarts:
        """Find them in a history."""
        found, before = cls(), timeline.initial.mappings
        for change in timeline.changes:
            after = timeline.at(change.at).mappings
            for uuid, mapping in after.items():
                earlier = before.get(uuid)
                if earlier is not None and earlier.modified == mapping.modified:
                    continue
                at = change.at.timestamp()
                if earlier is not None and earlier.enabled and not mapping.enabled:
                    late = noise.between(5, 45, seed, "stops", uuid, at)
                    found.lingers.setdefault(uuid, []).append((at, at + late))
                elif mapping.enabled and mapping.starting_position == "LATEST":
                    late = noise.between(75, 240, seed, "starts at LATEST", uuid, at)
                    found.skips.setdefault(uuid, []).append((at, at + late))
            before = after
        return found

    def lingering(self, uuid: str, at: float) -> bool:
        """Whether the poller of a disabled mapping goes on at an instant."""
        return any(begin <= at < end for begin, end in self.lingers.get(uuid, ()))

    def skipping(self, uuid: str, at: float) -> bool:
        """Whether a mapping skips what is written at an instant."""
        return any(begin <= at < end for begin, end in self.skips.get(uuid, ()))

    def skips_waiting(self, uuid: str, at: float) -> bool:
        """Whether a mapping begins to skip at an instant, and with it what is under way then."""
        return any(begin == at for begin, _ in self.skips.get(uuid, ()))

    def cuts(self) -> Iterator[float]:
        """When a poller stops at last."""
        return (end for stretches in self.lingers.values() for _, end in stretches)
