"""How much of the function may run at once, and how slow code works its way through the shards."""

from __future__ import annotations

from collections.abc import Set
from itertools import accumulate, islice
from typing import TYPE_CHECKING

from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.state import Function, State, Version
from runbook_lib.sandbox.account.traffic import Write

if TYPE_CHECKING:
    from runbook_lib.sandbox.account.flow import Cursor, Flow, Tick

_START = 0.2
"""Seconds between a record's write and the earliest invocation with it."""
_MEMORY = 256
"""Megabytes with which code takes the time it states; the processor's share grows with the memory."""
_MOST_AT_ONCE = 10
"""The largest parallelization factor."""


PAYLOAD = 6_000_000
"""Bytes that one invocation takes at most; a batch is cut to that (Lambda Developer Guide, "Lambda quotas")."""


def within_payload(batch: list[Write]) -> list[Write]:
    """The part of a batch that fits into one invocation: one record at least."""
    if not batch or not batch[-1].bulk:
        return batch
    sizes = accumulate(write.bulk for write in batch)
    return batch[: max(1, sum(size <= PAYLOAD for size in sizes))]


def room(state: State, function: Function) -> int:
    """How many executions of the function the account leaves room for; never below zero."""
    if function.concurrency is not None:
        return min(function.concurrency, state.concurrency_limit)
    reserved = sum(function.concurrency or 0 for function in state.functions.values())
    return max(0, state.concurrency_limit - reserved - (state.crowd if _cap(state) is None else 0))


def crowd(state: State) -> int:
    """How many executions the function that no stream triggers has running: no more than it has reserved."""
    cap = _cap(state)
    return state.crowd if cap is None else min(state.crowd, cap)


def _cap(state: State) -> int | None:
    """What the function that no stream triggers has reserved; None when it takes from what nobody has."""
    triggered = {mapping.function_name for mapping in state.mappings.values()}
    return next((function.concurrency for function in state.functions.values() if function.name not in triggered), None)


def work_slowly(
    mapping: EventSourceMapping, cursor: Cursor, version: Version, view_type: str, tick: Tick, flow: Flow, places: int
) -> set[int]:
    """Let code that takes its time have as many batches of each shard at once as the mapping allows.

    Of the shards that wait for a place the one with the oldest record is served first; the others are throttled. What
    comes back are the shards whose next batch the code cannot digest: they are left as they are.
    """
    blocked: set[int] = set()
    while (found := _next(cursor, tick, places, mapping.parallelization, blocked)) is not None:
        start, (lineage, *others) = found
        queue = cursor.queues[lineage]
        batch = within_payload([write for write in islice(queue, mapping.batch_size) if write.at + _START <= start])
        if any(version.code.failure(write, view_type) for write in batch):
            blocked.add(lineage)
            continue
        duration = 0.05 + (version.code.overhead + version.code.seconds * len(batch)) * _MEMORY / version.memory
        flow.work(start, duration * 1000, batch, lineage)
        running = 1 + sum(end > start for lane in cursor.lanes for end in lane)
        flow.busy = max(flow.busy, running)
        flow.throttles += len(others) if running >= places else 0
        cursor.lanes[lineage] = sorted([*cursor.lanes[lineage], start + duration])[-_MOST_AT_ONCE:]
        for _ in batch:
            queue.popleft()
    return blocked


def _next(cursor: Cursor, tick: Tick, places: int, factor: int, blocked: Set[int]) -> tuple[float, list[int]] | None:
    """When the next batch starts and which shards wait then, the oldest record's first; None when not in this tick."""
    ready = {
        n: max(_free(cursor.lanes[n], factor), queue[0].at + _START)
        for n, queue in enumerate(cursor.queues)
        if queue and n not in blocked
    }
    if not ready:
        return None
    start = max(min(ready.values()), tick.begin)
    running = sorted(end for lane in cursor.lanes for end in lane if end > start)
    if len(running) >= places:
        start = running[len(running) - places]
    if start >= tick.end:
        return None
    return start, sorted((n for n, at in ready.items() if at <= start), key=lambda n: cursor.queues[n][0].at)


def _free(ends: list[float], factor: int) -> float:
    """When a shard can have its next batch: once fewer than `factor` of its batches run."""
    return ends[-factor] if len(ends) >= factor else 0.0
