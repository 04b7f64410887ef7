"""Records exist and the mapping does not fetch or pass them: the event source mapping."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence, otherwise
from runbook_lib.evidence.mapping import Mapping
from runbook_lib.findings import Kind, Sign, against, counter, decisive, finding, sign
from runbook_lib.interpret.arn import StreamArn
from runbook_lib.interpret.filter_pattern import defects, never_matches
from runbook_lib.interpret.trail_event import effects
from runbook_lib.stages import Stage

_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg"
_OFF = {"Disabled", "Disabling"}
_BY_REQUEST = {"User action", "USER_INITIATED", "User initiated", ""}


def serving(seen: Evidence) -> tuple[Mapping, ...]:
    """Give the mappings that should deliver today's records: those on the latest stream, or all where none is.

    Read one by one where that succeeded, because the list leaves out encrypted filters.
    """
    latest = otherwise(lambda: seen.streams.table.latest_stream_arn, None)
    fresh = otherwise(lambda: {one.uuid: one for one in seen.status.mappings}, {})
    ours = tuple(fresh.get(one.uuid, one) for one in seen.mappings.ours)
    return tuple(one for one in ours if one.event_source_arn == latest) or ours


@finding(
    "esm-missing",
    kind=Kind.CAUSE,
    title="No event source mapping connects the table's stream to the function",
    modes=("B1",),
    stops=Stage.POLLED,
    diagnosis=(5,),
    reads=(3,),
    remedies=("R2",),
    set_off_by=("mapping-deleted",),
    lag=timedelta(minutes=15),
    source=f"{_GUIDE}/services-dynamodb-eventsourcemapping.html",
)
def esm_missing(seen: Evidence) -> Iterator[Sign]:
    """Lambda reads a stream only through a mapping; without one nobody fetches the records.

    Every mapping of the region is listed and compared, because asking by function name misses those on an alias.
    """
    ours = seen.mappings.ours
    if ours:
        yield against(f"Mapping {ours[0].uuid} goes from the table's stream to {ours[0].function_arn}.", ours[0])
        return
    yield decisive(
        f"None of the {seen.mappings.listed} event source mappings of the region goes from table"
        f" {seen.incident.table_name} to function {seen.incident.function.name}.",
        seen.mappings,
    )


@finding(
    "stale-stream-arn",
    kind=Kind.CAUSE,
    title="The mapping reads an old stream; the table's stream has been re-created",
    modes=("A7",),
    stops=Stage.POLLED,
    diagnosis=(4, 5),
    reads=(2, 3),
    remedies=("R2",),
    set_off_by=("stream-disabled", "stream-enabled", "table-created", "table-deleted", "table-restored"),
    lag=timedelta(hours=24),
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html",
)
def stale_stream_arn(seen: Evidence) -> Iterator[Sign]:
    """A stream that is switched off and on again gets a new ARN, and a mapping cannot be moved to it.

    The old mapping stays Enabled on a stream that receives nothing. What the old stream still held is delivered
    first, so the harm can lag the change by up to 24 hours.
    """
    table, ours = seen.streams.table, seen.mappings.ours
    if not table.stream_enabled:
        yield against("No stream is enabled at all, so there is no newer one to read.", table)
        return
    if not ours:
        yield against("There is no mapping that could be stale.", seen.mappings)
        return
    current = [one for one in ours if one.event_source_arn == table.latest_stream_arn]
    if current:
        yield against(f"Mapping {current[0].uuid} reads the latest stream of {table.name}.", current[0], table)
        return
    latest = StreamArn.parse(table.latest_stream_arn or "").label
    for one in ours:
        old = StreamArn.parse(one.event_source_arn).label
        yield decisive(
            f"Mapping {one.uuid} ({one.state}) reads stream {old}; the table's stream is now {latest}.", one, table
        )
        generation = seen.streams.generation(one.event_source_arn)
        if generation is not None and generation.status != "ENABLED":
            yield sign(f"Stream {old} is {generation.status} and receives no more records.", generation)


@finding(
    "esm-disabled-by-user",
    kind=Kind.CAUSE,
    title="The event source mapping was disabled by a request",
    modes=("B3",),
    stops=Stage.POLLED,
    diagnosis=(5,),
    reads=(3, 8, 9),
    remedies=("R1",),
    set_off_by=("mapping-disabled", "mapping-created"),
    lag=timedelta(minutes=10),
    source=f"{_GUIDE}/services-dynamodb-eventsourcemapping.html",
)
def esm_disabled_by_user(seen: Evidence) -> Iterator[Sign]:
    """A disabled mapping polls no shard, so records wait in the stream until they expire.

    Deploys, incident brakes and planned pauses do this; it does not switch itself on again.
    """
    mappings = serving(seen)
    off = [one for one in mappings if one.state in _OFF]
    if not off or len(off) < len(mappings):
        yield from (against(f"Mapping {one.uuid} is {one.state}.", one) for one in mappings if one.state not in _OFF)
        return
    if _disabled_by_lambda(seen, off):
        yield against("Lambda itself disabled the mapping.", off[0])
        return
    for one in off:
        yield decisive(
            f"Mapping {one.uuid} is {one.state}; the reason AWS gives is {one.state_transition_reason!r}.", one
        )
    yield from _requests(seen, off)


def _requests(seen: Evidence, off: list[Mapping]) -> Iterator[Sign]:
    """Find the requests in the trail that switched these mappings off."""
    uuids = {one.uuid.lower() for one in off}
    for event in otherwise(lambda: seen.changes.visible(), ()):
        for effect in effects(event):
            if effect.kind == "mapping-disabled" and effect.target.lower() in uuids:
                when = instant.clock(event.at, seen.as_of)
                yield sign(f"{event.operation} at {when} by {event.actor} switched it off.", f"trail:{event.event_id}")


def _disabled_by_lambda(seen: Evidence, off: list[Mapping]) -> bool:
    """Whether AWS gives a reason of its own, or the trail shows Lambda's own event for one of these mappings."""
    uuids = {one.uuid.lower() for one in off}
    own = any(one.state_transition_reason not in _BY_REQUEST for one in off)
    events = otherwise(lambda: seen.changes.visible(), ())
    return own or any(
        effect.kind == "mapping-disabled-by-lambda" and effect.target.lower() in uuids
        for event in events
        for effect in effects(event)
    )


@finding(
    "esm-disabled-by-lambda",
    kind=Kind.CAUSE,
    title="Lambda disabled the event source mapping",
    modes=("B4",),
    stops=Stage.POLLED,
    diagnosis=(5,),
    reads=(3, 8, 9),
    remedies=("R1",),
    set_off_by=("mapping-disabled-by-lambda",),
    lag=timedelta(minutes=10),
    source=f"{_GUIDE}/logging-using-cloudtrail.html",
)
def esm_disabled_by_lambda(seen: Evidence) -> Iterator[Sign]:
    """Lambda gives up on a mapping whose errors persist; mend what it gave up on, then enable it again.

    The event it logs carries a reason code, and its absence from the trail proves nothing.
    """
    mappings = serving(seen)
    off = [one for one in mappings if one.state in _OFF]
    if not off or len(off) < len(mappings):
        yield from (against(f"Mapping {one.uuid} is {one.state}.", one) for one in mappings if one.state not in _OFF)
        return
    if not _disabled_by_lambda(seen, off):
        yield against("AWS names a request as the reason, and no event of Lambda's own was found.", off[0])
        return
    for one in off:
        yield decisive(f"Mapping {one.uuid} is {one.state}: {one.state_transition_reason}.", one)


@finding(
    "filter-matches-nothing",
    kind=Kind.CAUSE,
    title="The mapping's filter can match no record",
    modes=("B9",),
    stops=Stage.INVOKED,
    diagnosis=(5,),
    reads=(2, 3, 8),
    remedies=("R3",),
    set_off_by=("mapping-filter-changed", "mapping-created", "stream-enabled"),
    lag=timedelta(minutes=10),
    source=f"{_GUIDE}/with-ddb-filtering.html",
)
def filter_matches_nothing(seen: Evidence) -> Iterator[Sign]:
    """A filtered record is passed over for good: no error, no retry, no log line, and the mapping reads Enabled.

    Values in a stream record are typed (`{"S": "paid"}`) and numbers are strings, so a filter that looks right in
    plain JSON can be unable to match anything.
    """
    view = otherwise(lambda: seen.streams.table.view_type, None) or "NEW_AND_OLD_IMAGES"
    for one in serving(seen):
        if not one.filters:
            yield against(f"Mapping {one.uuid} has no filter.", one)
            continue
        if not never_matches(one.filters, view_type=view):
            yield from _filtered_out(seen, one)
            continue
        for text in one.filters:
            for defect in defects(text, view_type=view):
                if defect.never_matches:
                    yield decisive(f"Filter of mapping {one.uuid}, at {defect.leaf}: {defect.sentence}", one)
        yield from _filtered_out(seen, one)


def _filtered_out(seen: Evidence, one: Mapping) -> Iterator[Sign]:
    """Compare what was polled with what was filtered out, where the mapping counts its events."""
    counted = otherwise(lambda: seen.metrics.mapping_events.get(one.uuid, {}), {})
    if not counted:
        return
    polled = sum(counted["PolledEventCount"].points.values())
    dropped = sum(counted["FilteredOutEventCount"].points.values())
    if polled and dropped == polled:
        yield counter(f"All {polled:,.0f} polled records were filtered out.", counted["FilteredOutEventCount"])
