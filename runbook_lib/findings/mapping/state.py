"""Whether a mapping is switched on, and who switched it off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.findings import FindingKind, Sign, against, decisive, finding, sign
from runbook_lib.findings.mapping import GUIDE, expected_to_deliver
from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.interpret.trail_event import Effect, TrailEvent, effects
from runbook_lib.measuring.pipe import Stage
from runbook_lib.measuring.thresholds import SETTLES, STUCK
from runbook_lib.observed import otherwise

_OFF = {"Disabled", "Disabling"}
_BY_REQUEST = {"User action", "USER_INITIATED", "User initiated", ""}


@finding(
    "esm-disabled-by-user",
    kind=FindingKind.CAUSE,
    title="The event source mapping was disabled by a request",
    modes=("B3",),
    stops=Stage.POLLED,
    diagnosis=(5,),
    reads=(3, 8, 9),
    remedies=(RemedyId.ENABLE_MAPPING,),
    set_off_by=("mapping-disabled", "mapping-created"),
    lag=timedelta(minutes=10),
    source=f"{GUIDE}/services-dynamodb-eventsourcemapping.html",
)
def esm_disabled_by_user(seen: Evidence) -> Iterator[Sign]:
    """A disabled mapping polls no shard, so records wait in the stream until they expire.

    Deploys, incident brakes and planned pauses do this; it does not switch itself on again.
    """
    off, on = _off_and_on(seen)
    if on or not off:
        yield from (against(f"Mapping {mapping.uuid} is {mapping.state}.", mapping) for mapping in on)
        return
    if _disabled_by_lambda(seen, off):
        yield against("Lambda itself disabled the mapping.", off[0])
        return
    for mapping in off:
        yield decisive(
            f"Mapping {mapping.uuid} is {mapping.state}; the reason AWS gives is {mapping.state_transition_reason!r}.",
            mapping,
        )
    yield from _requests(seen, off)


def _off_and_on(seen: Evidence) -> tuple[list[EventSourceMapping], list[EventSourceMapping]]:
    """Tell the mappings that are switched off, or are being, from the others."""
    mappings = expected_to_deliver(seen)
    return [each for each in mappings if each.state in _OFF], [each for each in mappings if each.state not in _OFF]


def _requests(seen: Evidence, off: list[EventSourceMapping]) -> Iterator[Sign]:
    """Find the requests in the trail that switched these mappings off."""
    uuids = {mapping.uuid.lower() for mapping in off}
    for event in otherwise(lambda: seen.changes.visible(), ()):
        for effect in effects(event):
            if effect.kind == "mapping-disabled" and effect.target.lower() in uuids:
                when = instant.clock(event.at, seen.as_of)
                yield sign(f"{event.operation} at {when} by {event.actor} switched it off.", f"trail:{event.event_id}")


def _disabled_by_lambda(seen: Evidence, off: list[EventSourceMapping]) -> bool:
    """Whether AWS gives a reason of its own, or the trail shows Lambda's own event for one of these mappings."""
    own = any(mapping.state_transition_reason not in _BY_REQUEST for mapping in off)
    return own or any(True for _ in _own_events(seen, off))


def _own_events(seen: Evidence, off: list[EventSourceMapping]) -> Iterator[tuple[TrailEvent, Effect]]:
    """Give the events by which Lambda itself disabled these mappings; silence proves nothing."""
    uuids = {mapping.uuid.lower() for mapping in off}
    for event in otherwise(lambda: seen.changes.visible(), ()):
        for effect in effects(event):
            if effect.kind == "mapping-disabled-by-lambda" and effect.target.lower() in uuids:
                yield event, effect


_CODES = {
    "FUNCTION_NOT_FOUND": "it found no function, version or alias to invoke",
    "AUTHORIZATION_ERROR": "the execution role was refused",
    "RESOURCE_NOT_FOUND": "it found no stream to read",
    "FUNCTION_IN_FAILED_STATE": "the function was in a failed state",
    "REGION_NAME_NOT_VALID": "the region of the source is not valid",
}


@finding(
    "esm-disabled-by-lambda",
    kind=FindingKind.CAUSE,
    title="Lambda disabled the event source mapping",
    modes=("B4",),
    stops=Stage.POLLED,
    diagnosis=(5,),
    reads=(3, 8, 9),
    remedies=(RemedyId.ENABLE_MAPPING,),
    set_off_by=(
        "mapping-disabled-by-lambda",
        "function-deleted",
        "alias-deleted",
        "role-deleted",
        "trust-changed",
        "role-policy-deleted",
        "role-policy-detached",
        "table-deleted",
    ),
    lag=timedelta(hours=24),
    source=f"{GUIDE}/logging-using-cloudtrail.html",
)
def esm_disabled_by_lambda(seen: Evidence) -> Iterator[Sign]:
    """Lambda gives up on a mapping whose errors persist; mend what it gave up on, then enable it again.

    The event it logs carries a reason code, and its absence from the trail proves nothing.
    """
    off, on = _off_and_on(seen)
    if on or not off:
        yield from (against(f"Mapping {mapping.uuid} is {mapping.state}.", mapping) for mapping in on)
        return
    if not _disabled_by_lambda(seen, off):
        yield against("AWS names a request as the reason, and no event of Lambda's own was found.", off[0])
        return
    for mapping in off:
        yield decisive(f"Mapping {mapping.uuid} is {mapping.state}: {mapping.state_transition_reason}.", mapping)
    for event, effect in _own_events(seen, off):
        why = _CODES.get(str(effect.values.get("reason_code")), "it gives no documented reason code")
        when = instant.clock(event.at, seen.as_of)
        yield sign(f"LambdaESMDisabled at {when}: {why}. Mend that before enabling.", f"trail:{event.event_id}")


@finding(
    "esm-transitional",
    kind=FindingKind.INNOCENT,
    title="The mapping is between two states, or was changed just now",
    modes=("B5",),
    diagnosis=(5,),
    reads=(3, 8),
    source=f"{GUIDE}/with-ddb.html",
)
def esm_transitional(seen: Evidence) -> Iterator[Sign]:
    """After a mapping is made or changed its pollers take minutes to follow: within ten minutes, wait.

    How long a change may take is not published; one that takes longer than a quarter of an hour is worth asking about.
    """
    passing = [mapping for mapping in expected_to_deliver(seen) if mapping.state in _PASSING]
    settling = [
        mapping
        for mapping in expected_to_deliver(seen)
        if mapping.enabled and _changed_since(mapping, seen.as_of - SETTLES)
    ]
    if not (passing or settling):
        yield against("No mapping is between two states or was changed just now.", seen.mappings)
    for mapping in passing:
        yield decisive(f"Mapping {mapping.uuid} is {mapping.state}.", mapping)
        if mapping.last_modified is not None:
            for_ = seen.as_of - mapping.last_modified
            advice = "wait" if for_ <= STUCK else "it seems stuck"
            yield sign(f"It has been so for about {instant.span(for_)}: {advice}.", mapping)
    for mapping in settling:
        yield sign(
            f"Mapping {mapping.uuid} was made or changed within the last {instant.span(SETTLES)}: wait.", mapping
        )


def _changed_since(mapping: EventSourceMapping, moment: datetime) -> bool:
    return mapping.last_modified is not None and mapping.last_modified >= moment


_PASSING = {"Creating", "Enabling", "Updating", "Deleting"}
