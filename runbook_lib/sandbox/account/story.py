"""The verbs a world's history is told in: each changes the state and leaves the trail event real AWS would leave."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from runbook_lib.sandbox.account.code import Code, Failure
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.state import Document, Function, Scope, State, Stream, without
from runbook_lib.sandbox.account.timeline import Change
from runbook_lib.sandbox.account.traffic import Traffic
from runbook_lib.sandbox.account.trail import OPERATOR, PIPELINE, SECURITY, STACK, Actor, TrailEvent, long_date

if TYPE_CHECKING:
    from runbook_lib.sandbox.account.setting import Setting


class Told(Protocol):
    """What the verbs need of a world."""

    scope: Scope
    seed: int
    start: datetime
    setting: Setting

    @property
    def mapping(self) -> EventSourceMapping:
        """The mapping of the story's function in the healthy world."""

    def add(self, change: Change) -> None:
        """Put a change into the history."""

    def at(self, instant: datetime) -> State:
        """The state at an instant."""


class TableStory(Told):
    """What may happen to tables and their streams."""

    def disable_stream(self, at: datetime, table: str, by: Actor = OPERATOR) -> None:
        """Switch the table's stream off; its records stay readable for 24 hours."""

        def apply(state: State) -> State:
            owner = state.tables[table]
            streams = tuple(s if s.disabled else replace(s, disabled=at) for s in owner.streams)
            return state.with_table(replace(owner, streams=streams, changed=at))

        self._update_table(at, table, by, {"streamSpecification": {"streamEnabled": False}}, apply)

    def enable_stream(
        self, at: datetime, table: str, view_type: str = "NEW_AND_OLD_IMAGES", by: Actor = OPERATOR
    ) -> None:
        """Switch a stream on: always a new generation with a new ARN."""

        def apply(state: State) -> State:
            owner = state.tables[table]
            streams = (*owner.streams, Stream(table, at, view_type))
            return state.with_table(replace(owner, streams=streams, changed=at))

        specification = {"streamEnabled": True, "streamViewType": view_type}
        self._update_table(at, table, by, {"streamSpecification": specification}, apply)

    def set_capacity(self, at: datetime, table: str, write_units: int, by: Actor = OPERATOR) -> None:
        """Change the table's provisioned write capacity; it does nothing to the stream."""

        def apply(state: State) -> State:
            return state.with_table(replace(state.tables[table], write_units=write_units, changed=at))

        units = {"readCapacityUnits": self.at(at).tables[table].read_units, "writeCapacityUnits": write_units}
        self._update_table(at, table, by, {"provisionedThroughput": units}, apply)

    def put_stream_policy(self, at: datetime, table: str, document: Document, by: Actor = SECURITY) -> None:
        """Put a resource policy on the table's enabled stream, in place of the one it had."""
        stream = self.at(at).tables[table].stream
        assert stream is not None, "there is a stream to put the policy on"
        arn, label = stream.arn(self.scope), stream.label

        def apply(state: State) -> State:
            owner = state.tables[table]
            return state.with_table(replace(owner, stream_policies={**owner.stream_policies, label: document}))

        request = {"resourceArn": arn, "policy": json.dumps(document)}
        event = TrailEvent(
            at, by, "dynamodb", "PutResourcePolicy", request, {"revisionId": str(int(at.timestamp() * 1000))},
            (("AWS::DynamoDB::Stream", arn),),
        )  # fmt: skip
        self.add(Change(at, apply, event))

    def set_traffic(
        self, at: datetime, per_minute: float, swing: float = 0.0, jitter: float = 0.0, table: str | None = None
    ) -> None:
        """Make the application write this often from now on, or another one to `table`; the trail shows no writes."""
        how: dict[str, float] = {"per_minute": per_minute, "swing": swing, "jitter": jitter}

        def apply(state: State) -> State:
            before = state.traffic if table is None else state.busy.get(table, Traffic())
            return state.with_traffic(replace(before, **how), table)  # type: ignore[arg-type]

        self.add(Change(at, apply))

    def crowd_stream(self, at: datetime, table: str, readers: int) -> None:
        """Let this many readers more, who are no mappings, read the table's stream, so that reads are throttled."""
        self.add(Change(at, lambda s: s.with_table(replace(s.tables[table], readers=readers))))

    def burden(self, at: datetime, size: int) -> None:
        """Make each item carry this many bytes more, as its record in the stream then does, from now on."""
        self.add(Change(at, lambda s: replace(s, traffic=replace(s.traffic, bulk=size))))

    def write_back(self, at: datetime, times: int) -> None:
        """Let the function write each item back this often from now on; the last time it changes nothing."""
        self.add(Change(at, lambda s: replace(s, traffic=replace(s.traffic, echoes=times))))

    def poison(self, at: datetime) -> None:
        """Let the application write, at or just after this instant, one item the function's code cannot digest."""
        self.add(Change(at, lambda s: replace(s, traffic=replace(s.traffic, poison_at=at.timestamp()))))

    def _update_table(
        self, at: datetime, table: str, by: Actor, members: Mapping[str, Any], apply: Callable[[State], State]
    ) -> None:
        after = apply(self.at(at)).tables[table]
        described: dict[str, Any] = {
            "tableName": table,
            "tableArn": self.scope.arn("dynamodb", f"table/{table}"),
            "tableId": after.table_id,
            "tableStatus": "UPDATING",
            "creationDateTime": long_date(after.created),
        }
        if after.latest is not None:
            described |= {"latestStreamArn": after.latest.arn(self.scope), "latestStreamLabel": after.latest.label}
        if after.stream is not None:
            described["streamSpecification"] = {"streamEnabled": True, "streamViewType": after.stream.view_type}
        resource = ("AWS::DynamoDB::Table", table)
        event = TrailEvent(
            at, by, "dynamodb", "UpdateTable", {"tableName": table, **members}, {"tableDescription": described},
            (resource,),
        )  # fmt: skip
        self.add(Change(at, apply, event))


class FunctionStory(Told):
    """What may happen to functions."""

    def deploy(self, at: datetime, function: str, code: Code, by: Actor = PIPELINE) -> None:
        """Upload code; when the function has aliases, publish a version and move every alias to it."""
        self.upload(at, function, code, by)
        aliases = self.at(at).functions[function].aliases
        if not aliases:
            return
        number = self.publish(at, function, by)
        for alias in aliases:
            self.point_alias(at, function, alias, number, by)

    def fail_on(
        self, at: datetime, function: str, share: float = 0.0, event: str | None = None, missing: str | None = None,
        failure: Failure | None = None, tries: int = 0,
    ) -> None:  # fmt: skip
        """Let the code fail on a share of the records, on an event's, or on those without an image; nobody deploys it.

        `failure` says how (`TIMEOUT`, say), `missing` names the image. After `tries` failures a batch passes; 0: never.
        """

        def apply(state: State) -> State:
            owner, part = state.functions[function], {"share": share, "chokes_on": event, "choking": failure}
            whole: dict[str, Any] = part | {"needs": missing, "blind": missing is not None, "tries": tries}
            versions = tuple(replace(each, code=replace(each.code, **whole)) for each in owner.versions)
            return state.with_function(replace(owner, versions=versions))

        self.add(Change(at, apply))

    def chatter(self, at: datetime, function: str, *lines: str) -> None:
        """Let every invocation log these lines although nothing is wrong; `{request}` becomes the request's id."""

        def apply(state: State) -> State:
            owner = state.functions[function]
            versions = tuple(replace(each, code=replace(each.code, chatter=lines)) for each in owner.versions)
            return state.with_function(replace(owner, versions=versions))

        self.add(Change(at, apply))

    def upload(self, at: datetime, function: str, code: Code, by: Actor = PIPELINE) -> None:
        """Upload code, to `$LATEST` alone."""

        def apply(state: State) -> State:
            return state.with_function(state.functions[function].with_latest(code=code, modified=at))

        self._function_change(
            at, by, "UpdateFunctionCode20150331v2", function, {"publish": False, "dryRun": False}, apply
        )

    def publish(self, at: datetime, function: str, by: Actor = PIPELINE) -> str:
        """Publish `$LATEST` as a version and return its number."""
        self._function_change(at, by, "PublishVersion20150331", function, {}, _publish(function, at))
        return self.at(at).functions[function].versions[-1].number

    def point_alias(
        self, at: datetime, function: str, alias: str, number: str, by: Actor = PIPELINE,
        routing: tuple[str, float] | None = None,
    ) -> None:  # fmt: skip
        """Point an alias, or a new one, at a version, and by `routing` a part of its invocations at another."""
        verb = "UpdateAlias" if alias in self.at(at).functions[function].aliases else "CreateAlias"
        members: dict[str, Any] = {"name": alias, "functionVersion": number}
        if routing:
            members["routingConfig"] = {"additionalVersionWeights": dict([routing])}
        self._function_change(at, by, f"{verb}20150331", function, members, _point(function, alias, number, routing))

    def reconfigure(self, at: datetime, function: str, by: Actor = PIPELINE, **changes: Any) -> None:
        """Change fields of `$LATEST`: `timeout`, `memory`, `role`, `handler`."""

        def apply(state: State) -> State:
            return state.with_function(state.functions[function].with_latest(modified=at, **changes))

        spelt = {"memory": "memorySize"}
        members = {spelt.get(name, name): value for name, value in changes.items()}
        self._function_change(at, by, "UpdateFunctionConfiguration20150331v2", function, members, apply)

    def put_out_of_service(self, at: datetime, function: str, state: str, code: str, reason: str) -> None:
        """Let Lambda move `$LATEST` to another state, which leaves no event of its own."""

        def apply(before: State) -> State:
            owner = before.functions[function]
            return before.with_function(owner.with_latest(state=state, state_reason=reason, state_reason_code=code))

        self.add(Change(at, apply))

    def put_in_service(self, at: datetime, function: str) -> None:
        """Let Lambda move `$LATEST` to Active, which leaves no event of its own."""
        active: Any = {"state": "Active", "state_reason": None, "state_reason_code": None}

        def apply(before: State) -> State:
            return before.with_function(before.functions[function].with_latest(**active))

        self.add(Change(at, apply))

    def move_logs(self, at: datetime, function: str, group: str) -> None:
        """Let the function write to another log group from now on; no event of the trail is told of it."""
        self.add(Change(at, _with(function, log_group=group)))

    def recreate_function(self, at: datetime, function: str, by: Actor = STACK, **changes: Any) -> None:
        """Delete a function and create it again under its name; `changes` are fields of its `Version`."""
        before = self.at(at).functions[function]
        self.delete_function(at - timedelta(seconds=19), function, by)
        latest = replace(before.latest, modified=at, **changes)
        created = replace(before, created=at, versions=(latest,), aliases={})
        request = {"functionName": function, "runtime": latest.runtime, "role": latest.role, "handler": latest.handler}
        arn = self.scope.arn("lambda", f"function:{function}")
        answer = {"functionName": function, "functionArn": arn, "version": "$LATEST", "state": "Pending"}
        event = TrailEvent(
            at, by, "lambda", "CreateFunction20150331", request, answer, (("AWS::Lambda::Function", function),)
        )
        self.add(Change(at, lambda s: s.with_function(created), event))

    def refuse(
        self,
        at: datetime,
        service: str,
        name: str,
        request: Mapping[str, Any],
        error: tuple[str, str],
        by: Actor = PIPELINE,
    ) -> None:
        """Record a call that AWS refused: it changed nothing."""
        self.add(Change(at, lambda s: s, TrailEvent(at, by, service, name, request, error=error)))

    def subscribe(self, at: datetime, function: str, topic: str, by: Actor = OPERATOR) -> None:
        """Let a topic that the function publishes to invoke it: a loop, which Lambda breaks off each time."""
        arn = self.scope.arn("sns", topic)
        members = {"statementId": topic, "action": "lambda:InvokeFunction", "principal": "sns.amazonaws.com"}
        self._function_change(
            at, by, "AddPermission20150331v2", function, members | {"sourceArn": arn}, _with(function, topic=arn), None
        )

    def put_concurrency(self, at: datetime, function: str, reserved: int, by: Actor = OPERATOR) -> None:
        """Reserve concurrency; 0 stops every invocation."""
        members = {"reservedConcurrentExecutions": reserved}
        self._function_change(
            at, by, "PutFunctionConcurrency20171031", function, members, _with(function, concurrency=reserved), members
        )

    def delete_concurrency(self, at: datetime, function: str, by: Actor = OPERATOR) -> None:
        """Give the reserved concurrency back."""
        self._function_change(
            at, by, "DeleteFunctionConcurrency20171031", function, {}, _with(function, concurrency=None), None
        )

    def delete_function(self, at: datetime, function: str, by: Actor = OPERATOR) -> None:
        """Delete a function with all its versions. Its mappings stay, and stay Enabled."""
        self._function_change(
            at, by, "DeleteFunction20150331", function, {},
            lambda s: replace(s, functions=without(s.functions, function)), None,
        )  # fmt: skip

    def create_function(self, at: datetime, function: Function, by: Actor = PIPELINE) -> None:
        """Create a function under a name that is free; mappings that still name it have something to invoke again."""
        latest = function.latest
        request = {
            "functionName": function.name,
            "role": latest.role,
            "runtime": latest.runtime,
            "handler": latest.handler,
        }
        response = request | {"functionArn": self.scope.arn("lambda", f"function:{function.name}"), "state": "Pending"}
        event = TrailEvent(
            at, by, "lambda", "CreateFunction20150331", request, response, (("AWS::Lambda::Function", function.name),)
        )  # fmt: skip
        self.add(Change(at, lambda s: s.with_function(function), event))

    def _function_change(
        self, at: datetime, by: Actor, name: str, function: str, members: Mapping[str, Any],
        apply: Callable[[State], State], response: Mapping[str, Any] | str | None = "described",
    ) -> None:  # fmt: skip
        latest = self.at(at).functions[function].latest
        described = {
            "functionName": function,
            "functionArn": self.scope.arn("lambda", f"function:{function}"),
            "runtime": latest.runtime,
            "role": latest.role,
            "handler": latest.handler,
            "lastModified": at.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
            "state": "Active",
            "lastUpdateStatus": "InProgress",
        }
        answered = described if isinstance(response, str) else response
        event = TrailEvent(
            at, by, "lambda", name, {"functionName": function, **members}, answered,
            (("AWS::Lambda::Function", function),),
        )  # fmt: skip
        self.add(Change(at, apply, event))


def _with(function: str, **changes: Any) -> Callable[[State], State]:
    return lambda state: state.with_function(replace(state.functions[function], **changes))


def _publish(function: str, at: datetime) -> Callable[[State], State]:
    def apply(state: State) -> State:
        owner = state.functions[function]
        numbers = [int(version.number) for version in owner.versions if version.number.isdigit()]
        published = replace(owner.latest, number=str(max(numbers, default=0) + 1), modified=at)
        return state.with_function(replace(owner, versions=(*owner.versions, published)))

    return apply


def _point(
    function: str, alias: str, number: str, routing: tuple[str, float] | None
) -> Callable[[State], State]:  # fmt: skip
    def apply(state: State) -> State:
        owner: Function = state.functions[function]
        divided = {**without(owner.routing, alias), **({alias: routing} if routing else {})}
        return state.with_function(replace(owner, aliases={**owner.aliases, alias: number}, routing=divided))

    return apply
