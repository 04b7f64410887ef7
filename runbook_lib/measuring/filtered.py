"""What the filters of our mappings let through, where a mapping counts that, and which filters stand there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.evidence.signals import Series
from runbook_lib.observed import otherwise


@dataclass(frozen=True)
class LetThrough:
    """What mappings that count their events polled and filtered out, by minute."""

    polled: Mapping[datetime, float]
    dropped: Mapping[datetime, float]

    @property
    def minutes(self) -> dict[datetime, float]:
        """What was left for the function."""
        return {at: max(value - self.dropped.get(at, 0.0), 0.0) for at, value in self.polled.items()}

    def all_dropped(self, last: datetime | None, as_of: datetime) -> str:
        """Say that all that was polled since `last` was filtered out; empty where not, or where nothing was polled."""
        polled, dropped = (
            sum(value for at, value in minutes.items() if last is None or at > last)
            for minutes in (self.polled, self.dropped)
        )
        if not polled or dropped < polled:
            return ""
        since = f" since {instant.clock(last, as_of)}" if last else " in the window"
        return f"All {polled:,.0f} records polled{since} were filtered out"


def delivering(seen: Evidence) -> tuple[EventSourceMapping, ...]:
    """Give our mappings on the latest stream, or all of ours where none is; none where they could not be read."""
    latest = otherwise(lambda: seen.streams.table.latest_stream_arn, None)
    ours = otherwise(lambda: seen.status.mappings, ()) or otherwise(lambda: seen.mappings.ours, ())
    return tuple(mapping for mapping in ours if mapping.event_source_arn == latest) or ours


def filters_of(mappings: tuple[EventSourceMapping, ...]) -> str:
    """Quote the filters that stand before the function, or say that they cannot be read; empty where there is none."""
    quoted = [pattern for mapping in mappings for pattern in mapping.filters]
    if not quoted and any(mapping.filters_encrypted for mapping in mappings):
        return "it is encrypted"
    return ", ".join(dict.fromkeys(quoted))


def gathering(mappings: Iterable[EventSourceMapping]) -> timedelta:
    """Say for how long these mappings hold records back on purpose, to fill a batch."""
    return timedelta(seconds=max((mapping.batching_window_s for mapping in mappings), default=0))


def events_of(seen: Evidence, mapping: EventSourceMapping) -> Mapping[str, Series]:
    """Give what a mapping counts of its own events, by metric name; empty where it counts none or none was seen."""
    return otherwise(lambda: seen.metrics.mapping_events, {}).get(mapping.uuid, {})


def counts_of(seen: Evidence, mappings: tuple[EventSourceMapping, ...]) -> tuple[Mapping[str, Series], ...]:
    """Give the event counts of these mappings; empty unless each of them counts."""
    events = otherwise(lambda: seen.metrics.mapping_events, {})
    found = tuple(events[mapping.uuid] for mapping in mappings if mapping.uuid in events)
    return found if len(found) == len(mappings) else ()


def let_through(seen: Evidence, mappings: tuple[EventSourceMapping, ...]) -> LetThrough | None:
    """Count what the filters let through; None where nothing counts it, or none is dropped."""
    events = counts_of(seen, mappings)
    polled, dropped = (
        _summed(series[name] for series in events) for name in ("PolledEventCount", "FilteredOutEventCount")
    )
    return LetThrough(polled, dropped) if any(dropped.values()) else None


def _summed(counted: Iterable[Series]) -> dict[datetime, float]:
    minutes: dict[datetime, float] = {}
    for series in counted:
        for at, value in series.points.items():
            minutes[at] = minutes.get(at, 0.0) + value
    return minutes
