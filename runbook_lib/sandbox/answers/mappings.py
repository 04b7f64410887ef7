"""Answers of AWS Lambda about event source mappings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.state import EventSourceMapping
from runbook_lib.sandbox.answers.paging import page
from runbook_lib.sandbox.answers.regional import regional
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


def function_named(text: str) -> str:
    """A function's name with its qualifier, if any, from a name, `name:qualifier`, partial or full ARN."""
    return text.rpartition(":function:")[2] if ":function:" in text else text


def described(world: World, mapping: EventSourceMapping, state: str | None = None) -> dict[str, Any]:
    """A mapping as Get and List show it: `LastModified` cut to the minute (observed, n=1), the last result as it is."""
    cursor = world.pipe.cursors.get(mapping.uuid)
    found: dict[str, Any] = {
        "UUID": mapping.uuid,
        "StartingPosition": mapping.starting_position,
        "BatchSize": mapping.batch_size,
        "MaximumBatchingWindowInSeconds": mapping.window,
        "ParallelizationFactor": mapping.parallelization,
        "EventSourceArn": mapping.stream_arn,
        "FunctionArn": world.scope.arn("lambda", f"function:{mapping.function}"),
        "LastModified": mapping.modified.replace(second=0, microsecond=0),
        "LastProcessingResult": (cursor.result if cursor else "No records processed") + mapping.remark,
        "State": state or mapping.shown(world.now),
        "StateTransitionReason": mapping.reason,
        "DestinationConfig": {"OnFailure": {"Destination": mapping.destination} if mapping.destination else {}},
        "MaximumRecordAgeInSeconds": mapping.maximum_record_age,
        "BisectBatchOnFunctionError": mapping.bisect,
        "MaximumRetryAttempts": mapping.maximum_retry_attempts,
        "TumblingWindowInSeconds": mapping.tumbling,
        "FunctionResponseTypes": list(mapping.response_types),
        "EventSourceMappingArn": world.scope.arn("lambda", f"event-source-mapping:{mapping.uuid}"),
    }
    if mapping.filter_key:
        found["KMSKeyArn"] = mapping.filter_key
    elif mapping.filters:
        found["FilterCriteria"] = {"Filters": [{"Pattern": pattern} for pattern in mapping.filters]}
    if mapping.event_count:
        found["MetricsConfig"] = {"Metrics": ["EventCount"]}
    return found


def _mapping(world: World, call: Call) -> EventSourceMapping:
    mapping = world.state.mappings.get(call.params["UUID"])
    if mapping is None:
        raise ApiError("ResourceNotFoundException", "The resource you requested does not exist.", 404, Type="User")
    return mapping


@regional("lambda", "GetEventSourceMapping")
def get_event_source_mapping(world: World, call: Call) -> dict[str, Any]:
    """One mapping. Filters that are encrypted can be read by nobody here: their key is disabled."""
    mapping = _mapping(world, call)
    found = described(world, mapping)
    if mapping.filter_key and mapping.filters:
        message = "Lambda was unable to decrypt your filter criteria because the KMS key used is disabled."
        found["FilterCriteriaError"] = {"ErrorCode": "DisabledException", "Message": message}
    return found


@regional("lambda", "ListEventSourceMappings")
def list_event_source_mappings(world: World, call: Call) -> dict[str, Any]:
    """Mappings by function and by source. The qualifier must match exactly: a bare name finds no alias's mapping."""
    name, source = call.params.get("FunctionName"), call.params.get("EventSourceArn")
    found = [
        described(world, mapping)
        for mapping in world.state.mappings.values()
        if (name is None or mapping.function == function_named(name)) and source in (None, mapping.stream_arn)
    ]
    return paged_mappings(call, found)


def paged_mappings(call: Call, found: list[dict[str, Any]]) -> dict[str, Any]:
    """A page of mappings."""
    return page(found, "EventSourceMappings", min(call.params.get("MaxItems", 100), 100), call.params.get("Marker"))


@regional("lambda", "CreateEventSourceMapping")
def create_event_source_mapping(world: World, call: Call) -> dict[str, Any]:
    """The remedy for a missing or stale mapping; refuses what AWS refuses."""
    function, source = function_named(call.params["FunctionName"]), call.params["EventSourceArn"]
    state = world.state
    stream = state.stream(source)
    if stream is None or not stream.readable(world.now):
        raise ApiError("InvalidParameterValueException", f"Stream not found: {source}", Type="User")
    for other in state.mappings.values():
        if other.function == function and other.stream_arn == source:
            arn = world.scope.arn("lambda", f"function:{function}")
            raise ApiError(
                "ResourceConflictException",
                f'The event source arn (" {source} ") and function (" {arn} ") provided mapping already exists. '
                f"Please update or delete the existing mapping with UUID {other.uuid}", 409, Type="User",
            )  # fmt: skip
    mapping = EventSourceMapping(
        uuid=noise.uuid4(world.seed, "mapping", function, source),
        function=function,
        stream_arn=source,
        created=world.now,
        modified=world.now,
        starting_position=call.params.get("StartingPosition", "LATEST"),
        **_settings(call),
    )
    if state.target(mapping) is None:
        raise ApiError("InvalidParameterValueException", "Function does not exist", Type="User")
    if (world.pipe.refusal(mapping, (world.now + timedelta(minutes=1)).timestamp()) or "").startswith("PROBLEM: User"):
        raise ApiError(
            "InvalidParameterValueException",
            f"Cannot access stream {source}. Please ensure the role can perform the GetRecords, GetShardIterator, "
            "DescribeStream, and ListStreams Actions on your stream in IAM.", Type="User",
        )  # fmt: skip
    world.create_mapping(world.now, mapping)
    return described(world, mapping, "Creating")


@regional("lambda", "UpdateEventSourceMapping")
def update_event_source_mapping(world: World, call: Call) -> dict[str, Any]:
    """The remedy for a paused, filtered or blocked mapping."""
    before = _mapping(world, call)
    world.update_mapping(world.now, before.uuid, **_settings(call))
    after = world.state.mappings[before.uuid]
    passing = "Updating" if after.enabled == before.enabled else "Enabling" if after.enabled else "Disabling"
    return described(world, after, passing)


@regional("lambda", "DeleteEventSourceMapping")
def delete_event_source_mapping(world: World, call: Call) -> dict[str, Any]:
    """Delete a mapping."""
    mapping = _mapping(world, call)
    answer = described(world, mapping, "Deleting")
    world.delete_mapping(world.now, mapping.uuid)
    return answer


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
