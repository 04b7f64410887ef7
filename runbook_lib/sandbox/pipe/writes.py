"""What becomes of a write: rejected, committed without a change, or recorded in a stream."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.state import State, Stream, Table
from runbook_lib.sandbox.account.timeline import Timeline
from runbook_lib.sandbox.account.traffic import Write, writes_of


def tried(state: State, table: Table, seed: int, minute: int) -> tuple[Write, ...]:
    """What somebody tries to write to a table in one minute; each table has writes of its own."""
    own = seed if table.name not in state.busy else int(noise.hexes(8, seed, "writes to", table.name), 16)
    return writes_of(state.traffic_of(table), own, minute)


def committed(state: State, table: Table, tried: Sequence[Write]) -> list[Write]:
    """The writes that succeed: the table's key can be used, the condition holds."""
    if state.traffic_of(table).futile == "rejected":
        return []
    return [*tried] if table.key_lost is None else [write for write in tried if table.usable(write.at)]


def recorded(state: State, table: Table, tried: Sequence[Write]) -> list[Write]:
    """The writes that change an item, without which a stream records nothing."""
    return committed(state, table, tried) if state.traffic_of(table).futile is None else []


def fed_by(state: State, stream_arn: str) -> Table | None:
    """The table whose writes go to a stream now; None when nothing does, as to one that was disabled."""
    if ":kinesis:" in stream_arn:
        return next((table for table in state.written_to if table.kinesis == stream_arn), None)
    name, _, label = stream_arn.rpartition(":table/")[2].partition("/stream/")
    table = next((table for table in state.written_to if table.name == name), None)
    return table if table is not None and table.stream is not None and table.stream.label == label else None


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
            table = next((table for table in state.written_to if table.name == stream.table), None)
            if table is None:
                continue
            writes = tried(state, table, seed, minute)
            asked = [write for write in writes if first <= write.at < last and low <= write.at < high]
            found += recorded(state, table, asked)
    return found
