"""A region with many triggers, a few of them broken: thousands of members that share the stories of a dozen worlds.

Each member is one of these worlds under a name of its own. A call about a member is asked of its world in that world's
words and answered in the member's; what is asked of the whole region is put together from all of them. So whatever is
shown of a member follows from its world, and thousands of them cost little more than the dozen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.trail import Recorded
from runbook_lib.sandbox.answers.cloudtrail import events_for, paged_events
from runbook_lib.sandbox.answers.cloudwatch import Points, paged_data, points_of
from runbook_lib.sandbox.answers.dynamodb import paged_names
from runbook_lib.sandbox.answers.functions import paged_functions
from runbook_lib.sandbox.answers.mappings import described, paged_mappings
from runbook_lib.sandbox.answers.streams import paged_streams, streams_for
from runbook_lib.sandbox.fleet.fleet_kinds import MODEL, Kind
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError, not_emulated
from runbook_lib.sandbox.wire.registry import ANSWERS
from runbook_lib.sandbox.wire.renamed import renamed
from runbook_lib.sandbox.world import World

_READS = ("Describe", "Filter", "Get", "List", "Lookup", "Simulate", "Start", "Stop")
_WORDS = ("orders", "parcels", "invoices", "sessions", "payments", "carts", "ratings", "tickets")
_NUMBER = re.compile(r"-(\d{5})(?![0-9a-z])")


@dataclass(frozen=True)
class Member:
    """One table of the region, with its stream, its function and their mapping; all are named after `stem`."""

    number: int
    stem: str
    kind: Kind

    @property
    def table(self) -> str:
        """The table."""
        return self.stem

    @property
    def function(self) -> str:
        """The function that its stream triggers."""
        return f"{self.stem}-projector"

    @cached_property
    def outward(self) -> Mapping[str, str]:
        """From the words of its world to its own."""
        uuids = {uuid: noise.uuid4(self.number, "mapping", uuid) for uuid in self.kind.uuids}
        return {MODEL: self.stem, **uuids}

    @cached_property
    def inward(self) -> Mapping[str, str]:
        """From its own words to those of its world."""
        return {ours: theirs for theirs, ours in self.outward.items()}


class Fleet:
    """A region of members; it stands still, and nothing is changed through it."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self.members = [
            Member(number, f"{_WORDS[number % len(_WORDS)]}-{number:05d}", kind)
            for number, kind in enumerate(kinds, start=1)
        ]
        self._by_uuid = {
            uuid: member for member in self.members for uuid in member.outward.values() if uuid != member.stem
        }
        self._any = next(
            (member.kind.world for member in self.members if not member.kind.broken), self.members[0].kind.world
        )
        self._listed: dict[str, list[Any]] = {}
        self._points: dict[tuple[str, str, datetime, datetime], Points] = {}

    @property
    def now(self) -> datetime:
        """The clock, which all its worlds have."""
        return self._any.now

    @property
    def account(self) -> str:
        """The account."""
        return self._any.account

    @property
    def region(self) -> str:
        """The region."""
        return self._any.region

    def seed_moto(self, client_factory: Any) -> None:
        """Nothing: the worlds answer for all they contain."""

    def answer(self, call: Call) -> dict[str, Any] | None:
        """Answer a call; None for one that the worlds do not answer either."""
        key = (call.service, call.operation)
        if key not in ANSWERS:
            return None
        if not call.operation.startswith(_READS):
            raise not_emulated(f"{call.action} in a fleet")
        if key == ("cloudwatch", "GetMetricData"):
            begin, end = call.params["StartTime"], call.params["EndTime"]
            return self._outside(call) or paged_data(call, lambda query: self._series(query, begin, end))
        if (found := self._whole(call)) is not None:
            return found
        member = self._named(call)
        return self._asked(call, member) if member else self._outside(call) or ANSWERS[key](self._any, call)

    def _outside(self, call: Call) -> dict[str, Any] | None:
        """Answer from another region, where there is nothing."""
        key = (call.service, call.operation)
        return ANSWERS[key](self._any, call) if call.region != self.region else None

    def _named(self, call: Call) -> Member | None:
        """The member that the parameters of a call name."""
        for text in _texts(call.params):
            if text in self._by_uuid:
                return self._by_uuid[text]
            for number in map(int, _NUMBER.findall(text)):
                if 0 < number <= len(self.members) and self.members[number - 1].stem in text:
                    return self.members[number - 1]
        return None

    def _asked(self, call: Call, member: Member) -> dict[str, Any]:
        """Ask a member's world in its words."""
        inside = replace(call, params=renamed(call.params, member.inward))
        try:
            answer = ANSWERS[call.service, call.operation](member.kind.world, inside)
        except ApiError as error:
            error.message = renamed(error.message, member.outward)
            raise
        return dict(renamed(answer, member.outward))

    def _series(self, query: Mapping[str, Any], begin: datetime, end: datetime) -> Points:
        """The points of one query; members that share a world share them, too."""
        member = self._named(Call("cloudwatch", "GetMetricData", self.region, params=query))
        kind = member.kind if member else None
        asked = renamed(query, member.inward) if member else query
        key = (kind.name if kind else "", json.dumps(asked.get("MetricStat"), sort_keys=True), begin, end)
        if key not in self._points:
            self._points[key] = points_of(kind.world if kind else self._any, asked, begin, end)
        return self._points[key]

    def _whole(self, call: Call) -> dict[str, Any] | None:
        """Answer what is asked of the region as a whole; None for anything else."""
        whole = _WHOLE.get((call.service, call.operation))
        about = replace(call, params={name: item for name, item in call.params.items() if name not in _TOKENS})
        if whole is None or self._named(about) or (call.region != self.region and call.operation != "LookupEvents"):
            return None
        return whole(self, call)

    def _every(self, name: str, look: Any) -> list[Any]:
        """List what every member has, once."""
        if name not in self._listed:
            shown = {
                kind.name: look(kind.world)
                for kind in {member.kind.name: member.kind for member in self.members}.values()
            }
            self._listed[name] = [
                renamed(item, member.outward) for member in self.members for item in shown[member.kind.name]
            ]
        return self._listed[name]

    def mappings(self, call: Call) -> dict[str, Any]:
        """Every mapping."""
        return paged_mappings(call, self._every("mappings", _mappings))

    def streams(self, call: Call) -> dict[str, Any]:
        """Every stream."""
        return paged_streams(call, self._every("streams", lambda world: streams_for(world, None)))

    def tables(self, call: Call) -> dict[str, Any]:
        """Every table's name."""
        return paged_names(call, self._every("tables", lambda world: list(world.state.tables)))

    def functions(self, call: Call) -> dict[str, Any]:
        """Every function."""
        whole = replace(call, params={"MaxItems": 50})
        return paged_functions(
            call, self._every("functions", lambda world: ANSWERS["lambda", "ListFunctions"](world, whole)["Functions"])
        )

    def events(self, call: Call) -> dict[str, Any]:
        """What was done to every member, newest first."""
        found = [
            renamed(event, {**member.outward, event["EventId"]: noise.uuid4(member.number, event["EventId"])})
            for member in self.members
            for event in map(Recorded.looked_up, events_for(member.kind.world, call))
        ]
        return paged_events(call, sorted(found, key=lambda event: event["EventTime"], reverse=True), dict)


_TOKENS = {"ExclusiveStartStreamArn", "ExclusiveStartTableName", "Marker"}
"""Parameters that say how far a list was read, and may do so by a member's name."""

_WHOLE: dict[tuple[str, str], Callable[[Fleet, Call], dict[str, Any]]] = {
    ("lambda", "ListEventSourceMappings"): Fleet.mappings,
    ("lambda", "ListFunctions"): Fleet.functions,
    ("dynamodb", "ListTables"): Fleet.tables,
    ("dynamodbstreams", "ListStreams"): Fleet.streams,
    ("cloudtrail", "LookupEvents"): Fleet.events,
}


def _mappings(world: World) -> list[dict[str, Any]]:
    return [described(world, mapping) for mapping in world.state.mappings.values()]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
