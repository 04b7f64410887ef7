"""Where in the stream a mapping began to read, and how long it gathers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.findings import FindingKind, Sign, Trait, against, counter, decisive, finding, sign
from runbook_lib.findings.mapping import GUIDE, expected_to_deliver
from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.interpret.trail_event import TrailEvent, effects
from runbook_lib.measuring.onset import Onset, delivery_gap
from runbook_lib.measuring.pipe import Measured
from runbook_lib.measuring.thresholds import START_UP


def _at_latest(seen: Evidence) -> tuple[EventSourceMapping, ...]:
    return tuple(mapping for mapping in expected_to_deliver(seen) if mapping.starting_position == "LATEST")


def _events(seen: Evidence, mapping: EventSourceMapping, *kinds: str) -> Iterator[TrailEvent]:
    """Give the changes of these kinds that were made to this mapping, oldest first."""
    for event in seen.changes.regional:
        if any(effect.kind in kinds and effect.target.lower() == mapping.uuid.lower() for effect in effects(event)):
            yield event


@finding(
    "latest-startup-gap",
    kind=FindingKind.CAUSE,
    title="A mapping that was made anew at LATEST skipped everything that waited for it",
    modes=("B6",),
    stops=None,
    diagnosis=(5, 7),
    reads=(3, 6, 9),
    remedies=(RemedyId.REPLAY_SKIPPED,),
    set_off_by=("mapping-deleted", "stream-disabled", "table-deleted"),
    lag=timedelta(minutes=15),
    traits=(Trait.SKIPS_RECORDS,),
    source=f"{GUIDE}/with-ddb.html",
)
def latest_startup_gap(seen: Measured) -> Iterator[Sign]:
    """LATEST begins with what is written once the mapping works, minutes after it was made, and nothing says so.

    The records between the old mapping and the new are still in the stream for 24 hours, and nobody reads them.
    """
    fresh = _at_latest(seen)
    if not fresh:
        yield against("Every mapping began at the oldest record of its stream.", seen.mappings)
        return
    gap = delivery_gap(seen)
    if gap is None:
        yield against("No stretch of writes was left without an invocation.", seen.backlog.iterator_age_ms)
        return
    for mapping in fresh:
        if mapping.last_modified is not None and gap.earliest <= mapping.last_modified <= _resumed(seen, gap.at):
            when = instant.clock(mapping.last_modified, seen.as_of)
            yield sign(
                f"Mapping {mapping.uuid} starts at LATEST and was last changed at {when}, before deliveries resumed.",
                mapping,
            )
    made = [(mapping, event) for mapping in fresh for event in _making(seen, mapping, gap)[-1:]]
    if not made:
        for mapping in fresh:
            yield against(f"The trail shows no making of mapping {mapping.uuid} in the gap.", mapping)
    for mapping, event in made:
        when = instant.clock(event.at, seen.as_of)
        yield decisive(
            f"Mapping {mapping.uuid} was created at {when} to start at LATEST.", mapping, f"trail:{event.event_id}"
        )
        yield counter(gap.signals[0], *gap.refs)


def _making(seen: Evidence, mapping: EventSourceMapping, gap: Onset) -> list[TrailEvent]:
    """Find the creation of a mapping in the gap; a pause that ended leaves the same gap and loses nothing."""
    resumed = _resumed(seen, gap.at)
    created = _events(seen, mapping, "mapping-created")
    return [event for event in created if gap.earliest < event.at <= resumed <= event.at + START_UP]


def _resumed(seen: Evidence, after: datetime) -> datetime:
    """When deliveries went on after a gap: the end of the first period with one."""
    age = seen.backlog.iterator_age_ms
    return min((at + age.period for at in age.points if at > after), default=seen.window.end)


@finding(
    "missed-records",
    kind=FindingKind.SYMPTOM,
    title="For a while the table was written to and the stream invoked nothing",
    modes=(),
    diagnosis=(3,),
    reads=(6, 7),
    source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
)
def missed_records(seen: Measured) -> Iterator[Sign]:
    """A gap between deliveries that went on afterwards: what was written in it came late, or never.

    The counters cannot tell which; after a mere pause it came late.
    """
    gap = delivery_gap(seen)
    if gap is None:
        yield against("No stretch of writes was left without an invocation.", seen.backlog.iterator_age_ms)
        return
    yield sign(gap.signals[0], *gap.refs)


@finding(
    "latest-update-gap",
    kind=FindingKind.CONTRIBUTING,
    title="A mapping at LATEST was changed lately, which can skip records around the change",
    modes=("B7", "B8"),
    diagnosis=(5, 7),
    reads=(3, 9),
    remedies=(RemedyId.REPLAY_SKIPPED,),
    set_off_by=("mapping-updated", "mapping-enabled", "mapping-filter-changed"),
    lag=timedelta(minutes=15),
    source=f"{GUIDE}/with-ddb.html",
)
def latest_update_gap(seen: Evidence) -> Iterator[Sign]:
    """Polling is eventually consistent for minutes around any change of a mapping, and LATEST can then miss records.

    Nothing shows which. Switching metrics on to diagnose is such a change too, so remedies carry a warning.
    """
    fresh = _at_latest(seen)
    if not fresh:
        yield against("No mapping starts at LATEST.", seen.mappings)
        return
    for mapping in fresh:
        kinds = ("mapping-updated", "mapping-enabled", "mapping-disabled", "mapping-filter-changed")
        for event in list(_events(seen, mapping, *kinds))[-3:]:
            when = instant.clock(event.at, seen.as_of)
            yield sign(
                f"{event.operation} at {when}; mapping {mapping.uuid} starts at LATEST: compare what was written around"
                " then with what arrived.",
                f"trail:{event.event_id}",
            )


@finding(
    "batching-or-tumbling-delay",
    kind=FindingKind.INNOCENT,
    title="The mapping gathers records for a while before it invokes the function",
    modes=("B11",),
    diagnosis=(6,),
    reads=(3, 8),
    remedies=(RemedyId.DELIVER_SOONER,),
    source=f"{GUIDE}/services-ddb-windows.html",
)
def batching_or_tumbling_delay(seen: Evidence) -> Iterator[Sign]:
    """A batching window (up to 5 minutes) or a tumbling one (up to 15) makes deliveries late; none is lost."""
    gathering = [
        mapping for mapping in expected_to_deliver(seen) if mapping.batching_window_s or mapping.tumbling_window_s
    ]
    if not gathering:
        yield against("No mapping waits to fill a batch.", seen.mappings)
    for mapping in gathering:
        if mapping.batching_window_s:
            yield decisive(
                f"Mapping {mapping.uuid} waits up to {mapping.batching_window_s} s to fill a batch.", mapping
            )
        if mapping.tumbling_window_s:
            yield decisive(f"Mapping {mapping.uuid} sums up windows of {mapping.tumbling_window_s} s.", mapping)
