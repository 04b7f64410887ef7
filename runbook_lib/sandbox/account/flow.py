"""What flows through the pipe: invocations, a mapping's minute, its place in the stream, and the stretch of time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from runbook_lib.sandbox.account.code import Failure
from runbook_lib.sandbox.account.traffic import LINEAGES, Write

LOGGED_PER_MINUTE = 3
"""Successful invocations of one mapping written to the log in one minute: a sample, unless a world has it otherwise.

Failures are all written.
"""

NOTHING_YET, OK, FAILED = "No records processed", "OK", "PROBLEM: Function call failed"


class Attempt(NamedTuple):
    """One invocation: when it began (epoch seconds), how long it took (ms), and how it failed, if it did.

    `version` is the function's, where its alias divides what it gets between two.
    """

    at: float
    duration: float
    first: Write
    records: int
    failure: Failure | None
    lineage: int
    version: str = ""


@dataclass(slots=True)
class Flow:
    """What one mapping did in one minute. `polls` None: nothing was polled; 0 records polled is another thing.

    `handled` are the records that the function took without failing, `starved` the reads that were refused because the
    stream has too many readers, `by_version` what of it each version did where it is `divided` by an alias.
    """

    polls: int | None = None
    polled: int = 0
    bulk: int = 0
    filtered: int = 0
    offered: int = 0
    refused: int = 0
    reported: int = 0
    unreported: int = 0
    invocations: int = 0
    errors: int = 0
    throttles: int = 0
    busy: int = 0
    ages: list[float] = field(default_factory=list)
    durations: list[float] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    logged: int = LOGGED_PER_MINUTE
    handled: list[Write] = field(default_factory=list)
    starved: int = 0
    divided: bool = False
    by_version: dict[str, Flow] = field(default_factory=dict)

    @property
    def delivered(self) -> int:
        """How many records the function took without failing."""
        return len(self.handled)

    def note(self, attempt: Attempt, age: float) -> None:
        """Count one invocation whose last record was this old (ms) when it began."""
        self.invocations += 1
        self.offered += attempt.records
        self.errors += attempt.failure is not None and not attempt.failure.returned
        self.ages.append(age)
        self.durations.append(attempt.duration)
        if attempt.failure is not None or len(self.attempts) < self.logged:
            self.attempts.append(attempt)
        if attempt.version:
            self.by_version.setdefault(attempt.version, Flow(busy=1)).note(attempt._replace(version=""), age)

    def work(self, start: float, duration: float, batch: list[Write], lineage: int) -> None:
        """Count one invocation that digested its batch."""
        self.note(Attempt(start, duration, batch[0], len(batch), None, lineage), (start - batch[-1].at) * 1000)
        self.handled += batch


@dataclass(slots=True)
class Cursor:
    """Where a mapping stands in its stream, shard by shard, and what its last batch came to.

    `lanes` holds when the newest batches of each shard end, where the code takes its time; `lost` are records given up,
    `skipped` those that a mapping at LATEST never looked at.
    """

    label: str
    queues: list[deque[Write]] = field(default_factory=lambda: [deque() for _ in range(LINEAGES)])
    retries: list[int] = field(default_factory=lambda: [0] * LINEAGES)
    held: list[int] = field(default_factory=lambda: [0] * LINEAGES)
    seen: list[float] = field(default_factory=lambda: [0.0] * LINEAGES)
    lanes: list[list[float]] = field(default_factory=lambda: [[] for _ in range(LINEAGES)])
    result: str = NOTHING_YET
    lost: list[Write] = field(default_factory=list)
    skipped: list[Write] = field(default_factory=list)

    @property
    def oldest(self) -> Write | None:
        """The oldest record not yet delivered; None when there is no backlog."""
        return min((queue[0] for queue in self.queues if queue), default=None)


@dataclass(frozen=True)
class Tick:
    """A stretch of time, within one minute, in which nothing changes. Epoch seconds."""

    begin: float
    end: float

    @property
    def minute(self) -> int:
        """Minutes since the epoch."""
        return int(self.begin // 60)

    def instants(self, every: float, phase: float = 0.0) -> int:
        """How many instants of a regular beat fall into the stretch."""
        return int((self.end - phase) // every) - int((self.begin - phase) // every)
