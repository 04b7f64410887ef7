"""A history: an initial state and the changes made to it since."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from runbook_lib.sandbox.account.state import State
from runbook_lib.sandbox.account.trail import TrailEvent


@dataclass(frozen=True)
class Change:
    """Something that happened: what it did to the state, and the trail event it left (None when it leaves none)."""

    at: datetime
    apply: Callable[[State], State]
    event: TrailEvent | None = None


class Timeline:
    """States in order of time. Changes of the same instant apply in the order they were told."""

    def __init__(self, initial: State) -> None:
        self.initial = initial
        self._changes: list[Change] = []
        self._times: list[datetime] = []
        self._states: list[State] = []

    def add(self, change: Change) -> None:
        """Insert a change at its place in time."""
        self._changes.insert(bisect_right(self._times, change.at), change)
        self._times, self._states, state = [], [], self.initial
        for entry in self._changes:
            state = entry.apply(state)
            self._times.append(entry.at)
            self._states.append(state)

    def at(self, instant: datetime) -> State:
        """The state at an instant, changes of that very instant included."""
        index = bisect_right(self._times, instant)
        return self._states[index - 1] if index else self.initial

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change, oldest first."""
        return tuple(self._changes)
