"""What becomes of a write: rejected, committed without a change, or recorded in a stream."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from runbook_lib.sandbox.account.state import State, Stream
from runbook_lib.sandbox.account.timeline import Timeline
from runbook_lib.sandbox.account.traffic import Write, writes_of

KEY_SECONDS = 600
"""How long writes go on after the table's key was lost. AWS publishes no figure; the sandbox assumes one."""


def committed(state: State, tried: Sequence[Write]) -> list[Write]:
    """The writes that succeed: there is a table to write to, its key can be used, the condition holds."""
    table = state.source
    if table is None or state.traffic.futile == "rejected":
        return []
    if table.key_lost is None:
        return [*tried]
    return [write for write in tried if decrypts(state, table.name, write.at - KEY_SECONDS)]


def recorded(state: State, tried: Sequence[Write]) -> list[Write]:
    """The writes that change an item, without which a stream records nothing."""
    return committed(state, tried) if state.traffic.futile is None else []


def fed_streams(state: State) -> Callable[[str], bool]:
    """Tell of any stream ARN whether what is written now goes to it.

    That is the first table's enabled one, for only the first table that has a stream is written to, and every Kinesis
    stream that a table feeds.
    """
    kinesis = {table.kinesis for table in state.tables.values() if table.kinesis}
    stream = next((table.stream for table in state.tables.values() if table.stream), None)
    label = stream.label if stream else None
    return lambda arn: arn in kinesis or arn.rpartition("/stream/")[2] == label


def decrypts(state: State, table: str, at: float) -> bool:
    """Whether the table's key, if it has one of the customer's, could be used at an instant (epoch seconds)."""
    owner = state.tables.get(table)
    return owner is None or owner.key_lost is None or at < owner.key_lost.timestamp()


def records_of(timeline: Timeline, stream: Stream, seed: int, begin: float, end: float) -> list[Write]:
    """The writes a stream generation recorded between two instants (epoch seconds), oldest first."""
    low = max(begin, stream.created.timestamp())
    high = min(end, stream.disabled.timestamp() if stream.disabled else end)
    changes = [change.at.timestamp() for change in timeline.changes]
    found: list[Write] = []
    for minute in range(int(low // 60), int(high // 60) + 1):
        between = changes[bisect_right(changes, minute * 60) : bisect_left(changes, minute * 60 + 60)]
        edges = [minute * 60, *between, minute * 60 + 60]
        for first, last in pairwise(edges):
            state = timeline.at(datetime.fromtimestamp(first, UTC))
            if state.source is None or state.source.name != stream.table:
                continue
            tried = [w for w in writes_of(state.traffic, seed, minute) if first <= w.at < last and low <= w.at < high]
            found += recorded(state, tried)
    return found
