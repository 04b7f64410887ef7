"""Event source mappings and their targets as observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbook_lib import instant
from runbook_lib.evidence.function import Function
from runbook_lib.interpret.arn import FunctionRef, table_name_of
from runbook_lib.interpret.processing_result import ProcessingResult, read
from runbook_lib.observed import Gap, NotObserved, Observed


@dataclass(frozen=True)
class EventSourceMapping(Observed):
    """One event source mapping.

    `last_modified` is truncated to the minute by AWS and also moves when only the state changed (observed, n=1).
    `maximum_record_age_s` and `maximum_retry_attempts` are -1 for "no limit", which is the default: a failing batch
    then blocks its shard until the records expire. `filters` is empty when there are none *or* when AWS withholds
    them because they are encrypted: `filters_encrypted` tells which.
    """

    uuid: str
    event_source_arn: str
    function_arn: str
    state: str
    state_transition_reason: str
    last_modified: datetime | None
    processing: ProcessingResult
    starting_position: str
    batch_size: int
    batching_window_s: int
    parallelization_factor: int
    maximum_record_age_s: int
    maximum_retry_attempts: int
    bisect_on_error: bool
    tumbling_window_s: int
    filters: tuple[str, ...]
    filters_encrypted: bool
    filter_error: str | None
    failure_destination: str | None
    response_types: tuple[str, ...]
    metrics: tuple[str, ...]
    ref: str

    @property
    def function(self) -> FunctionRef:
        """The target's name and qualifier."""
        return FunctionRef.parse(self.function_arn)

    @property
    def table_name(self) -> str | None:
        """The table whose stream this mapping reads; None for another kind of source."""
        return table_name_of(self.event_source_arn) if ":dynamodb:" in self.event_source_arn else None

    @property
    def enabled(self) -> bool:
        """Whether AWS calls it Enabled: weak evidence that anything is polled."""
        return self.state == "Enabled"

    @property
    def readable_filters(self) -> tuple[str, ...]:
        """The filters, empty where there are none; raises NotObserved where AWS withholds encrypted ones."""
        if self.filters_encrypted and not self.filters:
            call, reason = "lambda:GetEventSourceMapping", f"The filters of mapping {self.uuid} are encrypted."
            raise NotObserved(Gap(call, "", "FilterWithheld", reason, "kms:Decrypt", self.ref))
        return self.filters

    @property
    def counts_events(self) -> bool:
        """Whether EventCount metrics are switched on; without them their absence says nothing."""
        return "EventCount" in self.metrics

    @classmethod
    def from_api(cls, raw: Mapping[str, Any], ref: str) -> EventSourceMapping:
        """Read one event source mapping as List, Get or Update answer it."""
        error = raw.get("FilterCriteriaError") or {}
        return cls(
            uuid=raw.get("UUID", ""),
            event_source_arn=raw.get("EventSourceArn", ""),
            function_arn=raw.get("FunctionArn", ""),
            state=raw.get("State", ""),
            state_transition_reason=raw.get("StateTransitionReason", ""),
            last_modified=instant.optional(raw.get("LastModified")),
            processing=read(raw.get("LastProcessingResult")),
            starting_position=raw.get("StartingPosition", ""),
            batch_size=raw.get("BatchSize", 100),
            batching_window_s=raw.get("MaximumBatchingWindowInSeconds", 0),
            parallelization_factor=raw.get("ParallelizationFactor", 1),
            maximum_record_age_s=raw.get("MaximumRecordAgeInSeconds", -1),
            maximum_retry_attempts=raw.get("MaximumRetryAttempts", -1),
            bisect_on_error=bool(raw.get("BisectBatchOnFunctionError")),
            tumbling_window_s=raw.get("TumblingWindowInSeconds", 0),
            filters=tuple(
                criterion.get("Pattern", "") for criterion in (raw.get("FilterCriteria") or {}).get("Filters") or ()
            ),
            filters_encrypted=bool(raw.get("KMSKeyArn")),
            filter_error=f"{error.get('ErrorCode')}: {error.get('Message')}" if error else None,
            failure_destination=((raw.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination"),
            response_types=tuple(raw.get("FunctionResponseTypes") or ()),
            metrics=tuple((raw.get("MetricsConfig") or {}).get("Metrics") or ()),
            ref=ref,
        )


@dataclass(frozen=True)
class Alias(Observed):
    """One alias of the function, and the version it points to."""

    name: str
    version: str
    ref: str


@dataclass(frozen=True)
class Mappings(Observed):
    """Step 3: every mapping that touches the table or the function, and the function as each mapping invokes it.

    `ours` are those from any generation of the table's stream to the function, whatever its qualifier: empty means
    that the whole region was listed and there is none. `same_stream` go from the table to other functions,
    `same_function` from other sources to the function. `function` is read at the qualifier that the first of `ours`
    invokes, or else as the incident names it; `newest` is `$LATEST`, read where `function` is another version.
    """

    ours: tuple[EventSourceMapping, ...]
    same_stream: tuple[EventSourceMapping, ...]
    same_function: tuple[EventSourceMapping, ...]
    listed: int
    ref: str
    function: Function
    aliases: tuple[Alias, ...]
    similar_functions: tuple[str, ...]
    newest: Function | None = None


@dataclass(frozen=True)
class MappingStatus(Observed):
    """Step 8: each of our mappings read one by one, which also shows what the list leaves out.

    `table_name` mirrors the incident so that a reader need not look elsewhere.
    """

    mappings: tuple[EventSourceMapping, ...]
