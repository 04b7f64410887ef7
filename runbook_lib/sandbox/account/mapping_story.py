"""The verbs about event source mappings: made, changed, refused, given up by Lambda."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.state import State, without
from runbook_lib.sandbox.account.story import Told
from runbook_lib.sandbox.account.timeline import Change
from runbook_lib.sandbox.account.trail import LAMBDA, OPERATOR, Actor, TrailEvent, long_date


class MappingStory(Told):
    """What may happen to event source mappings."""

    def create_mapping(self, at: datetime, mapping: EventSourceMapping, by: Actor = OPERATOR) -> None:
        """Create a mapping."""
        request = {
            "functionName": mapping.function,
            "eventSourceArn": mapping.stream_arn,
            "enabled": mapping.enabled,
            "startingPosition": mapping.starting_position,
            "batchSize": mapping.batch_size,
        } | ({"filterCriteria": {}} if mapping.filters else {})
        self._mapping_change(
            at, by, "CreateEventSourceMapping20150331", mapping, request, lambda s: s.with_mapping(mapping)
        )

    def create_mapping_again(
        self, at: datetime, by: Actor = OPERATOR, name: str = "anew", **changes: Any
    ) -> EventSourceMapping:
        """Create a mapping like the story's first under an id that belongs to `name`; `changes` are its fields."""
        uuid = noise.uuid4(self.seed, "mapping", name)
        anew = replace(self.mapping, uuid=uuid, created=at, modified=at, **changes)
        self.create_mapping(at, anew, by)
        return anew

    def update_mapping(
        self, at: datetime, uuid: str, by: Actor = OPERATOR, request: Mapping[str, Any] | None = None, **changes: Any
    ) -> None:
        """Change a mapping; `changes` are its fields, `request` further members of the recorded request."""
        after = replace(self.at(at).mappings[uuid], modified=at, reason="User action", **changes)
        recorded: dict[str, Any] = {"uUID": uuid} | dict(request or {})
        if "enabled" in changes:
            recorded["enabled"] = changes["enabled"]
        if "filters" in changes:
            recorded["filterCriteria"] = {}
        if "function" in changes:
            recorded["functionName"] = changes["function"]

        def apply(state: State) -> State:
            return state.with_mapping(replace(state.mappings[uuid], modified=at, reason="User action", **changes))

        self._mapping_change(at, by, "UpdateEventSourceMapping20150331", after, recorded, apply)

    def change_mapping_untold(self, at: datetime, uuid: str, **changes: Any) -> None:
        """Change fields of a mapping without an event in the trail: its time of modification alone tells of it."""
        self.add(Change(at, lambda s: s.with_mapping(replace(s.mappings[uuid], modified=at, **changes))))

    def tell_result(self, at: datetime, uuid: str, text: str | None) -> None:
        """Have LastProcessingResult say this from now on, whatever the poller does; None: what comes of its batches."""
        self.add(Change(at, lambda s: s.with_mapping(replace(s.mappings[uuid], result=text))))

    def stall_pollers(self, at: datetime, *uuids: str) -> None:
        """Let the pollers of these mappings stand still for a reason inside AWS that no API tells."""

        def apply(state: State) -> State:
            for uuid in uuids:
                state = state.with_mapping(replace(state.mappings[uuid], stalled=True))
            return state

        self.add(Change(at, apply))

    def delete_mapping(self, at: datetime, uuid: str, by: Actor = OPERATOR) -> None:
        """Delete a mapping and its checkpoint."""
        gone = self.at(at).mappings[uuid]
        self._mapping_change(
            at, by, "DeleteEventSourceMapping20150331", gone, {"uUID": uuid},
            lambda s: replace(s, mappings=without(s.mappings, uuid)),
        )  # fmt: skip

    def fail_to_create(
        self, at: datetime, mapping: EventSourceMapping, code: str, message: str, by: Actor = OPERATOR
    ) -> None:
        """Let an attempt to create a mapping be refused: only the trail knows of it."""
        request = {"functionName": mapping.function, "eventSourceArn": mapping.stream_arn}
        event = TrailEvent(at, by, "lambda", "CreateEventSourceMapping20150331", request, error=(code, message))
        self.add(Change(at, lambda state: state, event))

    def give_up_mapping(self, at: datetime, uuid: str, code: str) -> None:
        """Let Lambda disable a mapping by itself, with a reason code of "Logging Lambda API calls using CloudTrail".

        AWS publishes no text for the mapping's own reason then; the sandbox gives one that names the code.
        """

        def apply(state: State) -> State:
            reason = f"Lambda disabled the event source mapping: {code}"
            return state.with_mapping(replace(state.mappings[uuid], enabled=False, modified=at, reason=reason))

        arn = self.scope.arn("lambda", f"event-source-mapping:{uuid}")
        event = TrailEvent(
            at, LAMBDA, "lambda", "LambdaESMDisabled", resources=(("AWS::Lambda::EventSourceMapping", arn),),
            details={"ESMDisableReason": code},
        )  # fmt: skip
        self.add(Change(at, apply, event))

    def _mapping_change(
        self, at: datetime, by: Actor, name: str, mapping: EventSourceMapping, request: Mapping[str, Any],
        apply: Callable[[State], State],
    ) -> None:  # fmt: skip
        passing = {"Create": "Creating", "Delete": "Deleting"}.get(name[:6], "Updating")
        if "enabled" in request and name.startswith("Update"):
            passing = "Enabling" if request["enabled"] else "Disabling"
        response = {
            "uUID": mapping.uuid,
            "batchSize": mapping.batch_size,
            "eventSourceArn": mapping.stream_arn,
            "functionArn": self.scope.arn("lambda", f"function:{mapping.function}"),
            "lastModified": long_date(at),
            "state": passing,
            "stateTransitionReason": "User action",
            "startingPosition": mapping.starting_position,
        } | ({"filterCriteria": {}} if mapping.filters else {})
        self.add(Change(at, apply, TrailEvent(at, by, "lambda", name, request, response)))
