"""Answers of AWS Lambda about functions, their versions, aliases and concurrency."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.state import Function, Version
from runbook_lib.sandbox.answers.mappings import function_named
from runbook_lib.sandbox.answers.paging import page
from runbook_lib.sandbox.answers.regional import regional
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World


def missing(world: World, resource: str) -> ApiError:
    """The error about a function, version or alias that does not exist."""
    arn = world.scope.arn("lambda", f"function:{resource}")
    return ApiError("ResourceNotFoundException", f"Function not found: {arn}", 404, Type="User")


def named(world: World, call: Call) -> tuple[Function, str | None]:
    """The function and qualifier a call names; both the name and `Qualifier` may carry the latter."""
    name, _, qualifier = function_named(call.params["FunctionName"]).partition(":")
    wanted = call.params.get("Qualifier") or qualifier or None
    function = world.state.functions.get(name)
    if function is None:
        raise missing(world, f"{name}:{wanted}" if wanted else name)
    return function, wanted


def configuration(world: World, function: Function, version: Version, qualifier: str | None) -> dict[str, Any]:
    """A `FunctionConfiguration`. Its ARN repeats the qualifier that was asked for, its Version is the resolved one."""
    suffix = f":{qualifier}" if qualifier else ""
    code = noise.hexes(64, world.seed, function.name, version.code.revision)
    found: dict[str, Any] = {
        "FunctionName": function.name,
        "FunctionArn": world.scope.arn("lambda", f"function:{function.name}{suffix}"),
        "Runtime": version.runtime,
        "Role": version.role,
        "Handler": version.handler,
        "CodeSize": 18_000 + int(code[:3], 16),
        "Description": version.description,
        "Timeout": version.timeout,
        "MemorySize": version.memory,
        "LastModified": version.modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
        "CodeSha256": code[:43] + "=",
        "Version": version.number,
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": noise.uuid4(world.seed, "revision", function.name, version.number, version.modified),
        "State": version.state,
        "LastUpdateStatus": "Failed" if version.update_failure else "Successful",
        "PackageType": version.package,
        "Architectures": ["arm64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "RuntimeVersionConfig": {
            "RuntimeVersionArn": f"arn:aws:lambda:{world.region}::runtime:{noise.hexes(64, 0, version.runtime)}"
        },
        "LoggingConfig": {"LogFormat": function.log_format, "LogGroup": function.logs_to},
    }
    if function.log_format == "JSON":
        found["LoggingConfig"] |= {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}
    if version.update_failure:
        found |= {
            "LastUpdateStatusReason": version.update_failure,
            "LastUpdateStatusReasonCode": "InvalidConfiguration",
        }
    if version.environment:
        found["Environment"] = {"Variables": dict(version.environment)}
    if version.key is not None:
        found["KMSKeyArn"] = version.key
    if version.package == "Image":
        found = {
            name: value for name, value in found.items() if name not in ("Runtime", "Handler", "RuntimeVersionConfig")
        }
    if version.state_reason is not None:
        found |= {"StateReason": version.state_reason, "StateReasonCode": version.state_reason_code}
    return found


def _resolved(world: World, call: Call) -> tuple[Function, dict[str, Any]]:
    function, qualifier = named(world, call)
    version = function.version(qualifier)
    if version is None:
        raise missing(world, f"{function.name}:{qualifier}")
    return function, configuration(world, function, version, qualifier)


@regional("lambda", "GetFunctionConfiguration")
def get_function_configuration(world: World, call: Call) -> dict[str, Any]:
    """The configuration of a function at a qualifier."""
    return _resolved(world, call)[1]


@regional("lambda", "GetFunction")
def get_function(world: World, call: Call) -> dict[str, Any]:
    """Configuration, code location and, only when some is reserved, concurrency."""
    function, described = _resolved(world, call)
    location = f"https://awslambda-{world.region}-tasks.s3.{world.region}.amazonaws.com/snapshots/{function.name}"
    answer: dict[str, Any] = {"Configuration": described, "Code": {"RepositoryType": "S3", "Location": location}}
    return answer | ({"Concurrency": described_concurrency(function)} if function.concurrency is not None else {})


def described_concurrency(function: Function) -> dict[str, Any]:
    """Nothing when unreserved: an absent member, which is not 0."""
    reserved = function.concurrency
    return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}


@regional("lambda", "ListFunctions")
def list_functions(world: World, call: Call) -> dict[str, Any]:
    """Every function at `$LATEST`; with FunctionVersion=ALL every version."""
    everything = call.params.get("FunctionVersion") == "ALL"
    found = [
        configuration(world, function, version, version.number if everything else None)
        for function in sorted(world.state.functions.values(), key=lambda function: function.name)
        for version in (function.versions if everything else function.versions[:1])
    ]
    return paged_functions(call, found)


def paged_functions(call: Call, found: list[dict[str, Any]]) -> dict[str, Any]:
    """A page of functions."""
    return page(found, "Functions", min(call.params.get("MaxItems", 50), 50), call.params.get("Marker"))


def described_alias(world: World, function: Function, name: str) -> dict[str, Any]:
    """An alias as every answer shows it."""
    number, part = function.routing.get(name, ("", 0.0))
    divided = {"RoutingConfig": {"AdditionalVersionWeights": {number: part}}} if number else {}
    return divided | {
        "AliasArn": world.scope.arn("lambda", f"function:{function.name}:{name}"),
        "Name": name,
        "FunctionVersion": function.aliases[name],
        "Description": "",
        "RevisionId": noise.uuid4(world.seed, "alias", function.name, name, function.aliases[name]),
    }


@regional("lambda", "ListAliases")
def list_aliases(world: World, call: Call) -> dict[str, Any]:
    """A function's aliases, also those of one version only."""
    function, _ = named(world, call)
    found = [
        described_alias(world, function, name)
        for name, number in sorted(function.aliases.items())
        if call.params.get("FunctionVersion") in (None, number)
    ]
    return page(found, "Aliases", min(call.params.get("MaxItems", 50), 50), call.params.get("Marker"))


@regional("lambda", "GetAlias")
def get_alias(world: World, call: Call) -> dict[str, Any]:
    """One alias."""
    function, _ = named(world, call)
    name: str = call.params["Name"]
    if name not in function.aliases:
        arn = world.scope.arn("lambda", f"function:{function.name}:{name}")
        raise ApiError("ResourceNotFoundException", f"Cannot find alias arn: {arn}", 404, Type="User")
    return described_alias(world, function, name)


@regional("lambda", "GetFunctionConcurrency")
def get_function_concurrency(world: World, call: Call) -> dict[str, Any]:
    """Reserved concurrency; an empty answer means that none is reserved."""
    return described_concurrency(named(world, call)[0])


@regional("lambda", "GetAccountSettings")
def get_account_settings(world: World, call: Call) -> dict[str, Any]:
    """The account's limits, and what of them is unreserved."""
    functions = world.state.functions.values()
    limit = world.state.concurrency_limit
    return {
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": limit,
            "UnreservedConcurrentExecutions": limit - sum(function.concurrency or 0 for function in functions),
        },
        "AccountUsage": {"TotalCodeSize": 18_600 * len(functions), "FunctionCount": len(functions)},
    }


@regional("lambda", "GetPolicy")
def get_policy(world: World, call: Call) -> dict[str, Any]:
    """A function fed by a stream has no resource policy, and needs none; a topic needs one."""
    function, _ = named(world, call)
    if function.topic:
        statement = {
            "Sid": function.topic.rpartition(":")[2],
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "lambda:InvokeFunction",
            "Resource": world.scope.arn("lambda", f"function:{function.name}"),
            "Condition": {"ArnLike": {"AWS:SourceArn": function.topic}},
        }
        return {"Policy": json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": [statement]})}
    raise ApiError("ResourceNotFoundException", "The resource you requested does not exist.", 404, Type="User")
