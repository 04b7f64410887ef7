"""Answers of AWS CloudTrail: the event history of one region."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from runbook_lib.sandbox.account.trail import DELIVERY_LAG, Recorded
from runbook_lib.sandbox.answers.paging import page
from runbook_lib.sandbox.telemetry.history import recorded
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError
from runbook_lib.sandbox.wire.registry import answers

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World

_ATTRIBUTES: Mapping[str, Callable[[Recorded, str], bool]] = {
    "EventId": lambda found, value: found.event_id == value,
    "ReadOnly": lambda found, value: str(found.event.read_only).lower() == value.lower(),
    "Username": lambda found, value: found.event.actor.username == value,
    "ResourceType": lambda found, value: any(kind == value for kind, _ in found.event.resources),
    "ResourceName": lambda found, value: any(name == value for _, name in found.event.resources),
    "EventSource": lambda found, value: found.body["eventSource"] == value,
    "AccessKeyId": lambda found, value: found.body["userIdentity"].get("accessKeyId") == value,
}


def history_of(world: World) -> list[Recorded]:
    """The account's trail up to now, oldest first, computed once."""
    found: list[Recorded] = world.derive("history", lambda: recorded(world))
    return found


def delivered(world: World) -> list[Recorded]:
    """What CloudTrail has delivered by now: the last minutes are still under way."""
    return [found for found in history_of(world) if found.event.at + DELIVERY_LAG <= world.now]


def _newest_first(world: World, region: str) -> Mapping[str, list[Recorded]]:
    """What was delivered in a region by the name of the event, and all of it under no name, computed once."""

    def build() -> Mapping[str, list[Recorded]]:
        named: dict[str, list[Recorded]] = {"": []}
        for found in reversed(delivered(world)):
            if (found.account, found.region) == (world.account, region):
                named[""].append(found)
                named.setdefault(found.event.name, []).append(found)
        return named

    listed: Mapping[str, list[Recorded]] = world.derive(f"events of {region}", build)
    return listed


@answers("cloudtrail", "LookupEvents")
def lookup_events(world: World, call: Call) -> dict[str, Any]:
    """Management events of the called region, newest first, by at most one attribute. Names match in full."""
    return paged_events(call, events_for(world, call), Recorded.looked_up)


def events_for(world: World, call: Call) -> list[Recorded]:
    """Every event that a look-up asks for, newest first."""
    params = call.params
    attributes = params.get("LookupAttributes", [])
    if len(attributes) > 1:
        raise ApiError("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
    begin, end = params.get("StartTime", world.now - timedelta(days=90)), params.get("EndTime", world.now)
    if begin > end:
        raise ApiError("InvalidTimeRangeException", "The start time must be before the end time.")
    (key, value) = (attributes[0]["AttributeKey"], attributes[0]["AttributeValue"]) if attributes else ("", "")
    listed = _newest_first(world, call.region).get(value if key == "EventName" else "", [])
    return [
        found
        for found in listed
        if begin <= found.event.at.replace(microsecond=0) <= end
        and (key in ("", "EventName") or _ATTRIBUTES[key](found, value))
    ]


_Event = TypeVar("_Event")


def paged_events(call: Call, events: Sequence[_Event], shown: Callable[[_Event], dict[str, Any]]) -> dict[str, Any]:
    """A page of events, each as it is shown."""
    size = min(call.params.get("MaxResults", 50), 50)
    answer = page(events, "Events", size, call.params.get("NextToken"), "NextToken", "InvalidNextTokenException")
    return answer | {"Events": [shown(event) for event in answer["Events"]]}
