"""Records exist and the mapping does not fetch or pass them: the event source mapping."""

from __future__ import annotations

from importlib import import_module

from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.observed import otherwise

GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg"


def expected_to_deliver(seen: Evidence) -> tuple[EventSourceMapping, ...]:
    """Give the mappings that should deliver today's records: those on the latest stream, or all where none is.

    Read one by one where that succeeded, because the list leaves out encrypted filters.
    """
    latest = otherwise(lambda: seen.streams.table.latest_stream_arn, None)
    fresh = otherwise(lambda: {mapping.uuid: mapping for mapping in seen.status.mappings}, {})
    ours = tuple(fresh.get(mapping.uuid, mapping) for mapping in seen.mappings.ours)
    return tuple(mapping for mapping in ours if mapping.event_source_arn == latest) or ours


for _part in ("connection", "state", "filters", "discards", "position"):
    import_module(f"{__name__}.{_part}")
