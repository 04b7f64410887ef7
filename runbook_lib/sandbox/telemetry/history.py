"""The account's trail: the story's own events among the daily noise of everybody else's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.trail import CONSOLE, LAMBDA, MONITOR, PIPELINE, STACK, Recorded, TrailEvent, poller
from runbook_lib.sandbox.pipe.access import CANNOT_ASSUME

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World

POLLER_EVERY = timedelta(minutes=10)
"""How often a poller's DescribeStream is recorded. Real pollers call it oftener; this keeps a world small."""


def recorded(world: World) -> list[Recorded]:
    """Every event up to now, oldest first, delivered or not."""
    events = [change.event for change in world.changes if change.event is not None and change.at <= world.now]
    events += [*_pollers(world), *_capacity(world), *_neighbour(world), *_readers(world), *_members(world)]
    events.sort(key=lambda event: event.at)
    return [
        Recorded(event, event.account or world.account, world.region, world.seed, number)
        for number, event in enumerate(events)
    ]


def _beats(world: World, every: timedelta, name: str) -> Iterator[datetime]:
    """Instants roughly `every` apart, never on the dot."""
    at, number = world.start, 0
    while at < world.now:
        jittered = at + every * noise.between(0.1, 0.9, world.seed, name, number)
        if jittered < world.now:
            yield jittered.replace(microsecond=0)
        at, number = at + every, number + 1


def _pollers(world: World) -> Iterator[TrailEvent]:
    """What running mappings leave: a role session every hour, and a DescribeStream now and then, refused or not."""
    for uuid in world.pipe.flows:
        for at in _beats(world, POLLER_EVERY, uuid):
            mapping = world.at(at).mappings.get(uuid)
            if mapping is not None and mapping.enabled:
                yield from _poll(world, mapping, at)


def _poll(world: World, mapping: EventSourceMapping, at: datetime) -> Iterator[TrailEvent]:
    access = world.pipe.access
    stream, role = access.stream(mapping.stream_arn, at), access.role_of(mapping, at.timestamp())
    if stream is None or role is None or not stream.readable(at):
        return
    problem = access.refusal(mapping, at.timestamp()) or ""
    if problem == CANNOT_ASSUME:
        return
    session = access.session(mapping, at.timestamp())
    if at.minute < 10:
        yield _assumed(world.scope.arn("iam", f"role/{role}"), session, at - timedelta(seconds=2))
    denied = "dynamodb:DescribeStream" in problem
    yield TrailEvent(
        at, poller(role, session, mapping.uuid), "dynamodb", "DescribeStream",
        {"streamArn": mapping.stream_arn, "limit": 100},
        resources=(("AWS::DynamoDB::Stream", mapping.stream_arn),), read_only=True,
        error=("AccessDenied", problem.removeprefix("PROBLEM: ")) if denied else None,
    )  # fmt: skip


def _assumed(arn: str, session: str, at: datetime) -> TrailEvent:
    """Lambda takes the function's role for its poller."""
    return TrailEvent(
        at, LAMBDA, "sts", "AssumeRole", {"roleArn": arn, "roleSessionName": session},
        resources=(("AWS::IAM::Role", arn),), read_only=True,
    )  # fmt: skip


def _capacity(world: World) -> Iterator[TrailEvent]:
    """A schedule adjusts the table's capacity: `UpdateTable` events that have nothing to do with the stream."""
    name = world.setting.table
    for number, at in enumerate(_beats(world, timedelta(hours=7), "capacity")):
        units = {"readCapacityUnits": 50, "writeCapacityUnits": 50 + 10 * (number % 2)}
        yield TrailEvent(
            at, STACK, "dynamodb", "UpdateTable", {"tableName": name, "provisionedThroughput": units},
            {"tableDescription": {"tableName": name, "tableStatus": "UPDATING"}}, (("AWS::DynamoDB::Table", name),),
        )  # fmt: skip


def _neighbour(world: World) -> Iterator[TrailEvent]:
    """Somebody else's releases, and their role's."""
    function = world.setting.bystander
    arn = world.scope.arn("lambda", f"function:{function}")
    for team in range(1, world.setting.teams):
        yield from _team(world, team)
    for at in _beats(world, timedelta(hours=6), "neighbour"):
        yield TrailEvent(
            at, PIPELINE, "lambda", "UpdateFunctionCode20150331v2", {"functionName": function, "publish": False},
            {"functionName": function, "functionArn": arn, "lastUpdateStatus": "InProgress"},
            (("AWS::Lambda::Function", function),),
        )  # fmt: skip
        yield TrailEvent(
            at + timedelta(seconds=41), PIPELINE, "iam", "PutRolePolicy",
            {"roleName": f"{function}-role", "policyName": "export-bucket",
             "policyDocument": '{"Version": "2012-10-17", "Statement": []}'},
            resources=(("AWS::IAM::Role", f"{function}-role"),),
        )  # fmt: skip


def _team(world: World, team: int) -> Iterator[TrailEvent]:
    """One of many teams of a big account, at work on what is its own."""
    name = f"team-{team:03d}-worker"
    arn = world.scope.arn("lambda", f"function:{name}")
    uuid = noise.uuid4(world.seed, name)
    acts: tuple[tuple[str, str, dict[str, object]], ...] = (
        ("lambda", "UpdateFunctionCode20150331v2", {"functionName": name, "publish": False}),
        ("lambda", "UpdateFunctionConfiguration20150331v2", {"functionName": arn, "timeout": 30}),
        ("lambda", "UpdateEventSourceMapping20150331", {"uUID": uuid, "batchSize": 50}),
        ("dynamodb", "UpdateTable", {"tableName": f"team-{team:03d}", "billingMode": "PAY_PER_REQUEST"}),
        ("iam", "PutRolePolicy", {"roleName": f"{name}-role", "policyName": "work", "policyDocument": "{}"}),
    )
    for number, at in enumerate(_beats(world, timedelta(hours=3), name)):
        source, event, request = acts[(number + team) % len(acts)]
        yield TrailEvent(at, PIPELINE, source, event, request, {"functionArn": arn} if source == "lambda" else None)


def _members(world: World) -> Iterator[TrailEvent]:
    """The same work as here, on what has the same names, in the other accounts of the organization and elsewhere."""
    function, table = world.setting.function, world.setting.table
    for account in world.state.members:
        acts: tuple[tuple[str, str, dict[str, object]], ...] = (
            ("lambda", "UpdateFunctionCode20150331v2", {"functionName": function, "publish": False}),
            ("lambda", "UpdateEventSourceMapping20150331", {"uUID": noise.uuid4(0, account), "enabled": False}),
            ("dynamodb", "UpdateTable", {"tableName": table, "streamSpecification": {"streamEnabled": False}}),
            ("lambda", "PutFunctionConcurrency20171031", {"functionName": function, "reservedConcurrentExecutions": 0}),
        )
        for number, at in enumerate(_beats(world, timedelta(hours=2), account)):
            source, name, request = acts[number % len(acts)]
            region = world.region if number % 3 else "ap-southeast-2"
            yield TrailEvent(at, PIPELINE, source, name, request, account=account, region=region)


def _readers(world: World) -> Iterator[TrailEvent]:
    """People and inventories looking around."""
    table, function = world.setting.table, world.setting.function
    looks = (
        (CONSOLE, "dynamodb", "DescribeTable", {"tableName": table}),
        (MONITOR, "lambda", "GetFunction20150331v2", {"functionName": function}),
        (CONSOLE, "lambda", "ListEventSourceMappings20150331", {"functionName": function}),
        (MONITOR, "iam", "GetRole", {"roleName": f"{function}-role"}),
    )
    for number, at in enumerate(_beats(world, timedelta(minutes=50), "readers")):
        actor, source, name, request = looks[number % len(looks)]
        yield TrailEvent(at.astimezone(UTC), actor, source, name, request, read_only=True)
