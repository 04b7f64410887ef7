"""Which stream a mapping reads, and what it invokes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.findings import FindingKind, Sign, Trait, against, decisive, finding, sign
from runbook_lib.findings.mapping import GUIDE
from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.findings.source import replaced
from runbook_lib.interpret.arn import StreamArn
from runbook_lib.interpret.trail_event import effects
from runbook_lib.measuring.pipe import Stage
from runbook_lib.measuring.setting_change import changes


@finding(
    "esm-missing",
    kind=FindingKind.CAUSE,
    title="No event source mapping connects the table's stream to the function",
    modes=("B1",),
    stops=Stage.POLLED,
    diagnosis=(5,),
    reads=(3,),
    remedies=(RemedyId.MAP_LATEST_STREAM,),
    set_off_by=("mapping-deleted", "mapping-updated"),
    lag=timedelta(minutes=15),
    source=f"{GUIDE}/services-dynamodb-eventsourcemapping.html",
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
    kind=FindingKind.CAUSE,
    title="The mapping reads an old stream; the table's stream has been re-created",
    modes=("A7",),
    stops=Stage.POLLED,
    diagnosis=(4, 5),
    reads=(2, 3),
    remedies=(RemedyId.MAP_LATEST_STREAM,),
    set_off_by=("stream-disabled", "stream-enabled", "table-created", "table-deleted", "table-restored"),
    lag=timedelta(hours=24),
    traits=(Trait.MOVES_STREAM,),
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
    current = [mapping for mapping in ours if mapping.event_source_arn == table.latest_stream_arn]
    if current:
        yield against(f"Mapping {current[0].uuid} reads the latest stream of {table.name}.", current[0], table)
        return
    if replaced(seen):
        yield against(f"The stream was not re-created alone: {table.name} is a new table of the same name.", table)
        return
    latest = StreamArn.parse(table.latest_stream_arn or "").label
    for mapping in ours:
        old = StreamArn.parse(mapping.event_source_arn).label
        yield decisive(
            f"Mapping {mapping.uuid} ({mapping.state}) reads stream {old}; the table's stream is now {latest}.",
            mapping,
            table,
        )
        generation = seen.streams.generation(mapping.event_source_arn)
        if generation is not None and generation.status != "ENABLED":
            yield sign(f"Stream {old} is {generation.status} and receives no more records.", generation)


@finding(
    "esm-wrong-target",
    kind=FindingKind.CONTRIBUTING,
    title="A mapping of the stream invokes something else than the code that is meant",
    modes=("B2",),
    diagnosis=(5,),
    reads=(3, 9),
    remedies=(RemedyId.RETARGET_MAPPING,),
    set_off_by=("mapping-updated", "code-changed"),
    lag=timedelta(hours=24),
    source=f"{GUIDE}/configuration-aliases.html",
)
def esm_wrong_target(seen: Evidence) -> Iterator[Sign]:
    """A mapping can be pointed at another function, and one on an alias stays with the alias's version.

    New code that was uploaded and not published behind the alias never runs, while the old code runs well.
    """
    ours = seen.mappings.ours
    if ours:
        yield from _behind(seen)
        return
    neighbours = {mapping.uuid.lower(): mapping for mapping in seen.mappings.same_stream}
    for event in seen.changes.regional:
        for effect in effects(event):
            moved = neighbours.get(effect.target.lower())
            if moved is not None and "functionName" in effect.values.get("changed", ()):
                when = instant.clock(event.at, seen.as_of)
                yield sign(
                    f"At {when} mapping {moved.uuid} was pointed at {moved.function_arn}.", f"trail:{event.event_id}"
                )


def _behind(seen: Evidence) -> Iterator[Sign]:
    """Compare the version that is invoked with what was uploaded last."""
    invoked, newest = seen.mappings.function, seen.mappings.newest
    if newest is None or not (invoked.exists and newest.exists) or newest.code_sha256 == invoked.code_sha256:
        yield against(f"{invoked.label} has the code that was uploaded last.", invoked)
    elif newest.last_modified is not None and newest.last_modified >= seen.window.start:
        when = instant.clock(newest.last_modified, seen.as_of)
        yield sign(
            f"New code was uploaded at {when}; the mapping invokes {invoked.label}, version {invoked.version}.", newest
        )


@finding(
    "create-rejected",
    kind=FindingKind.CONTRIBUTING,
    title="An attempt to create or change the mapping was refused",
    modes=("B12",),
    diagnosis=(5, 7),
    reads=(3, 9),
    remedies=(RemedyId.MAP_LATEST_STREAM,),
    set_off_by=(),
    source="https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html",
)
def create_rejected(seen: Evidence) -> Iterator[Sign]:
    """Lambda tries the role on the stream when a mapping is made and refuses one that cannot work.

    A deployment that makes the mapping before the role's policy has taken effect fails so, and may leave none behind.
    """
    latest = seen.streams.table.latest_stream_arn
    current = [mapping for mapping in seen.mappings.ours if mapping.event_source_arn == latest]
    if current:
        yield against(f"Mapping {current[0].uuid} reads the table's stream.", current[0])
        return
    trail = {event.event_id for event in seen.changes.regional}
    refused = [
        change.event
        for change in changes(seen)
        if change.event.event_id in trail and not change.event.succeeded and change.event.operation in _ATTEMPTS
    ]
    for event in refused[-3:]:
        when = instant.clock(event.at, seen.as_of)
        yield sign(
            f"{event.operation} failed at {when}: {event.error_code}: {event.error_message}", f"trail:{event.event_id}"
        )


_ATTEMPTS = {"CreateEventSourceMapping", "UpdateEventSourceMapping"}
