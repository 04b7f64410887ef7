"""Answers of AWS Lambda to changes of functions: the remedies, and what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from runbook_lib.sandbox.account.code import SOUND
from runbook_lib.sandbox.account.state import Function, Version
from runbook_lib.sandbox.answers.functions import configuration, described_alias, described_concurrency, missing, named
from runbook_lib.sandbox.answers.regional import regional
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World

UNRESERVED = 100
"""Executions that an account keeps unreserved, or all it has, if that is less (Lambda Developer Guide, "Configuring
reserved concurrency")."""

_CANCELLED = ("Failed", "InternalError", "The preparation of the function was cancelled by an update.")
"""What an update makes of a function that is stuck in Pending: it can be updated once more."""

_MENDED_BY: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "SubnetOutOfIPAddresses": lambda asked: "VpcConfig" in asked,
    "InternalError": lambda asked: True,
}
"""By the reason why a function failed, the updates of its configuration that take the reason away."""

_SETTINGS: Mapping[str, str] = {
    "Role": "role", "Handler": "handler", "Timeout": "timeout", "MemorySize": "memory", "Description": "description",
}  # fmt: skip


@regional("lambda", "UpdateFunctionCode")
def update_function_code(world: World, call: Call) -> dict[str, Any]:
    """The remedy for broken code: whatever is uploaded works. Aliases stay at the versions they point to."""
    function, _ = named(world, call)
    before = function.latest
    revision = f"r{int(before.code.revision[1:]) + 1}"
    repaired = replace(before.code, revision=revision, always=None, needs=None, chokes_on=None)
    world.upload(world.now, function.name, repaired)
    if before.state_reason_code == "ImageDeleted" and "ImageUri" in call.params:
        world.put_in_service(world.now, function.name)
    return _in_progress(world, function.name)


def _in_progress(world: World, name: str) -> dict[str, Any]:
    after = world.state.functions[name]
    return configuration(world, after, after.latest, None) | {"LastUpdateStatus": "InProgress"}


@regional("lambda", "UpdateFunctionConfiguration")
def update_function_configuration(world: World, call: Call) -> dict[str, Any]:
    """Change `$LATEST`. A function out of service comes back when the change takes the reason away."""
    function, _ = named(world, call)
    changes = {field: call.params[member] for member, field in _SETTINGS.items() if member in call.params}
    world.reconfigure(world.now, function.name, **changes)
    mended = _MENDED_BY.get(function.latest.state_reason_code or "")
    if function.latest.state == "Pending":
        world.put_out_of_service(world.now, function.name, *_CANCELLED)
    elif function.latest.state == "Failed" and mended and mended(call.params):
        world.put_in_service(world.now, function.name)
    return _in_progress(world, function.name)


@regional("lambda", "PublishVersion")
def publish_version(world: World, call: Call) -> dict[str, Any]:
    """Freeze `$LATEST`, code and configuration."""
    name = named(world, call)[0].name
    number = world.publish(world.now, name)
    after = world.state.functions[name]
    version = after.version(number)
    assert version is not None
    return configuration(world, after, version, number)


@regional("lambda", "CreateAlias")
def create_alias(world: World, call: Call) -> dict[str, Any]:
    """Give a version another name."""
    function, alias = named(world, call)[0], call.params["Name"]
    if alias in function.aliases:
        arn = world.scope.arn("lambda", f"function:{function.name}:{alias}")
        raise ApiError("ResourceConflictException", f"Alias already exists: {arn}", 409, Type="User")
    return _pointed(world, function, alias, call.params)


@regional("lambda", "UpdateAlias")
def update_alias(world: World, call: Call) -> dict[str, Any]:
    """Move an alias to another version."""
    function, alias = named(world, call)[0], call.params["Name"]
    if alias not in function.aliases:
        arn = world.scope.arn("lambda", f"function:{function.name}:{alias}")
        raise ApiError("ResourceNotFoundException", f"Cannot find alias arn: {arn}", 404, Type="User")
    return _pointed(world, function, alias, call.params)


def _pointed(world: World, function: Function, alias: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Point an alias where it is asked to; what is not mentioned stays as it was."""
    number = params.get("FunctionVersion") or function.aliases[alias]
    weights = params.get("RoutingConfig", {}).get("AdditionalVersionWeights")
    routing = function.routing.get(alias) if weights is None else next(iter(weights.items()), None)
    for version in (number, *([routing[0]] if routing else [])):
        if function.version(version) is None:
            raise missing(world, f"{function.name}:{version}")
    world.point_alias(world.now, function.name, alias, number, routing=routing)
    return described_alias(world, world.state.functions[function.name], alias)


@regional("lambda", "CreateFunction")
def create_function(world: World, call: Call) -> dict[str, Any]:
    """Create a function under a name that is free. What is uploaded works, and it is soon Active."""
    params, now = call.params, world.now
    if params["FunctionName"] in world.state.functions:
        message = f"Function already exist: {params['FunctionName']}"
        raise ApiError("ResourceConflictException", message, 409, Type="User")
    settings = {field: params[member] for member, field in _SETTINGS.items() if member in params}
    latest = Version("$LATEST", code=SOUND, modified=now, **settings)
    world.create_function(now, Function(params["FunctionName"], now, (latest,)))
    return configuration(world, world.state.functions[params["FunctionName"]], latest, None) | {"State": "Pending"}


@regional("lambda", "DeleteFunction")
def delete_function(world: World, call: Call) -> dict[str, Any]:
    """Delete a function with its versions; its mappings stay."""
    world.delete_function(world.now, named(world, call)[0].name)
    return {}


@regional("lambda", "PutFunctionConcurrency")
def put_function_concurrency(world: World, call: Call) -> dict[str, Any]:
    """Reserve concurrency, now. More of it is refused once too little would be left for everybody else."""
    function, _ = named(world, call)
    wanted, state = call.params["ReservedConcurrentExecutions"], world.state
    others = sum(other.concurrency or 0 for other in state.functions.values() if other.name != function.name)
    least = min(UNRESERVED, state.concurrency_limit)
    if wanted > (function.concurrency or 0) and state.concurrency_limit - others - wanted < least:
        raise ApiError(
            "InvalidParameterValueException",
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{least}].", Type="User",
        )  # fmt: skip
    world.put_concurrency(world.now, function.name, wanted)
    return described_concurrency(world.state.functions[function.name])


@regional("lambda", "DeleteFunctionConcurrency")
def delete_function_concurrency(world: World, call: Call) -> dict[str, Any]:
    """The remedy: give the reserved concurrency back, now."""
    world.delete_concurrency(world.now, named(world, call)[0].name)
    return {}
