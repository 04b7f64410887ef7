"""Answers of AWS Lambda to changes of event source mappings: the remedies, and what is refused of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.answers.mappings import described, function_named, mapping_of
from runbook_lib.sandbox.answers.regional import regional
from runbook_lib.sandbox.pipe.filter_truth import is_pattern
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World

_FIELDS: Mapping[str, str] = {
    "BatchSize": "batch_size",
    "MaximumBatchingWindowInSeconds": "window",
    "ParallelizationFactor": "parallelization",
    "MaximumRecordAgeInSeconds": "maximum_record_age",
    "MaximumRetryAttempts": "maximum_retry_attempts",
    "BisectBatchOnFunctionError": "bisect",
    "Enabled": "enabled",
}


@regional("lambda", "CreateEventSourceMapping")
def create_event_source_mapping(world: World, call: Call) -> dict[str, Any]:
    """The remedy for a missing or stale mapping; refuses what AWS refuses."""
    function, source = function_named(call.params["FunctionName"]), call.params["EventSourceArn"]
    if "StartingPosition" not in call.params:
        # AWS's wording is not recorded.
        raise _invalid("1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
                       "Member must not be null.")  # fmt: skip
    mapping = EventSourceMapping(
        uuid=noise.uuid4(world.seed, "mapping", function, source),
        function=function,
        stream_arn=source,
        created=world.now,
        modified=world.now,
        starting_position=call.params["StartingPosition"],
        **_settings(call),
    )
    _refuse(world, mapping)
    world.create_mapping(world.now, mapping)
    return described(world, mapping, "Creating")


@regional("lambda", "UpdateEventSourceMapping")
def update_event_source_mapping(world: World, call: Call) -> dict[str, Any]:
    """The remedy for a paused, filtered or blocked mapping."""
    before = mapping_of(world, call)
    if before.shown(world.now) == "Updating":
        # AWS's wording is not recorded.
        raise ApiError("ResourceInUseException", f"The mapping {before.uuid} is being updated.", 400, Type="User")
    changes = _settings(call)
    _refuse(world, replace(before, **changes), before)
    world.update_mapping(world.now, before.uuid, **changes)
    after = world.state.mappings[before.uuid]
    passing = "Updating" if after.enabled == before.enabled else "Enabling" if after.enabled else "Disabling"
    return described(world, after, passing)


@regional("lambda", "DeleteEventSourceMapping")
def delete_event_source_mapping(world: World, call: Call) -> dict[str, Any]:
    """Delete a mapping."""
    mapping = mapping_of(world, call)
    answer = described(world, mapping, "Deleting")
    world.delete_mapping(world.now, mapping.uuid)
    return answer


def _refuse(world: World, mapping: EventSourceMapping, before: EventSourceMapping | None = None) -> None:
    """Raise what Lambda refuses of a mapping that is to be; of one that is to be disabled it does not try the reads."""
    state, source = world.state, mapping.stream_arn
    if 0 <= mapping.maximum_record_age < 60:
        raise _invalid("MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)")
    if not all(map(is_pattern, mapping.filters)):
        raise _invalid("Invalid filter pattern definition.")
    if state.target(mapping) is None:
        raise _invalid("Function does not exist")
    stream = world.pipe.access.stream(source, world.now)
    if mapping.enabled and (stream is None or not stream.readable(world.now)):
        raise _invalid(f"Stream not found: {source}")
    for other in state.mappings.values():
        if other is not before and (other.function, other.stream_arn) == (mapping.function, source):
            raise _taken(world, other)
    soon = (world.now + timedelta(minutes=1)).timestamp()
    if mapping.enabled and (world.pipe.access.refusal(mapping, soon) or "").startswith("PROBLEM: User"):
        raise _invalid(
            f"Cannot access stream {source}. Please ensure the role can perform the GetRecords, GetShardIterator, "
            "DescribeStream, and ListStreams Actions on your stream in IAM."
        )


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message, Type="User")


def _taken(world: World, other: EventSourceMapping) -> ApiError:
    arn = world.scope.arn("lambda", f"function:{other.function}")
    return ApiError(
        "ResourceConflictException",
        f'The event source arn (" {other.stream_arn} ") and function (" {arn} ") provided mapping already exists. '
        f"Please update or delete the existing mapping with UUID {other.uuid}", 409, Type="User",
    )  # fmt: skip


def _settings(call: Call) -> dict[str, Any]:
    """The fields of `EventSourceMapping` a create or update names."""
    params = call.params
    found = {field: params[member] for member, field in _FIELDS.items() if member in params}
    if "FilterCriteria" in params:
        found["filters"] = tuple(item["Pattern"] for item in params["FilterCriteria"].get("Filters", []))
    if "MetricsConfig" in params:
        found["event_count"] = "EventCount" in params["MetricsConfig"].get("Metrics", [])
    if "DestinationConfig" in params:
        found["destination"] = params["DestinationConfig"].get("OnFailure", {}).get("Destination")
    if "FunctionResponseTypes" in params:
        found["response_types"] = tuple(params["FunctionResponseTypes"])
    if "FunctionName" in params and call.operation.startswith("Update"):
        found["function"] = function_named(params["FunctionName"])
    return found
