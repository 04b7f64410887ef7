"""Answers of AWS Lambda about event source mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.answers.paging import page
from runbook_lib.sandbox.answers.regional import regional
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World


def function_named(text: str) -> str:
    """A function's name with its qualifier, if any, from a name, `name:qualifier`, partial or full ARN."""
    return text.rpartition(":function:")[2] if ":function:" in text else text


def described(world: World, mapping: EventSourceMapping, state: str | None = None) -> dict[str, Any]:
    """A mapping as Get and List show it: `LastModified` cut to the minute (observed, n=1), the last result as it is."""
    cursor = world.pipe.cursors.get(mapping.uuid)
    result = mapping.result or (cursor.result if cursor else "No records processed")
    found: dict[str, Any] = {
        "UUID": mapping.uuid,
        "StartingPosition": mapping.starting_position,
        "BatchSize": mapping.batch_size,
        "MaximumBatchingWindowInSeconds": mapping.window,
        "ParallelizationFactor": mapping.parallelization,
        "EventSourceArn": mapping.stream_arn,
        "FunctionArn": world.scope.arn("lambda", f"function:{mapping.function}"),
        "LastModified": mapping.modified.replace(second=0, microsecond=0),
        "LastProcessingResult": result + mapping.remark,
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


def mapping_of(world: World, call: Call) -> EventSourceMapping:
    """The mapping a caller names; raises ResourceNotFoundException in Lambda's words."""
    mapping = world.state.mappings.get(call.params["UUID"])
    if mapping is None:
        raise ApiError("ResourceNotFoundException", "The resource you requested does not exist.", 404, Type="User")
    return mapping


@regional("lambda", "GetEventSourceMapping")
def get_event_source_mapping(world: World, call: Call) -> dict[str, Any]:
    """One mapping. Filters that are encrypted can be read by nobody here: their key is disabled."""
    mapping = mapping_of(world, call)
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
