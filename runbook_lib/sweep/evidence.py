"""What was seen of one trigger, in the form in which an investigation sees it, so that the same findings judge it.

Whatever a sweep does not look at is a gap that says so; nothing that rests on it can be ruled out or found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping, Mappings
from runbook_lib.evidence.signals import Backlog, Concurrency, Metrics
from runbook_lib.evidence.source import Health, Identity, Stream, Streams
from runbook_lib.incident import Incident
from runbook_lib.observed import Each, Gap, Observed, attempt
from runbook_lib.steps.function_metrics import FAILED_WRITES, MAPPING_EVENTS, WRITES
from runbook_lib.sweep.area import OpenArea, SweepPart
from runbook_lib.sweep.counters import Counted, Key
from runbook_lib.sweep.survey import Connection, Survey

NOT_SWEPT = "NotExamined"
"""The code of the gap that stands for what a sweep never looks at."""

NOT_EXAMINED = (
    "permissions of the execution role",
    "the function's code, configuration and logs",
    "stream records and shards",
    "mapping filters that are encrypted",
    "configuration changes (CloudTrail)",
    "AWS Health",
)
"""What a sweep never looks at."""


@dataclass(frozen=True)
class AccountLimits(Observed):
    """The account's concurrency."""

    total: int
    unreserved: int
    ref: str


@dataclass(frozen=True)
class SweptConnection:
    """One trigger as a sweep sees it. `closer` holds what was asked again of one that does not seem to work."""

    opened: OpenArea
    survey: Survey
    generations: Mapping[str, list[str]] | Gap
    limits: AccountLimits
    connection: Connection
    mappings: tuple[EventSourceMapping, ...]
    neighbours: tuple[EventSourceMapping, ...]
    counted: Counted
    reserved: int | Gap | None

    def closer(self, counted: Counted, reserved: int | Gap | None) -> SweptConnection:
        """Add the answers of a closer look."""
        return replace(self, counted={**self.counted, **counted}, reserved=reserved)

    @property
    def streams(self) -> tuple[str, ...]:
        """The generations of the table's stream, the newest first; none where they could not be listed."""
        return () if isinstance(self.generations, Gap) else tuple(self.generations.get(self.connection.table_arn, ()))

    def evidence(self) -> Evidence:
        """Give it as evidence."""
        named = self.mappings[0].function
        target = f"{named.name}:{named.qualifier}" if named.qualifier else named.name
        incident = Incident.within(self.opened.record.scope, "sweep", self.connection.table, target)
        observations: dict[str, Observed | Gap] = {
            "health": self._health(),
            "streams": self._streams(),
            "mappings": self._mappings(),
            "logs": _unswept("the function's logs"),
            "role": _unswept("the execution role's permissions"),
            "backlog": self._backlog(),
            "metrics": self._metrics(),
            "status": _unswept("each mapping by itself"),
            "changes": _unswept("configuration changes"),
        }
        return Evidence(incident, self.opened.as_of, observations, self.opened.window)

    def _health(self) -> Health:
        identity = self.opened.record.run["identity"]
        return Health(
            identity=Identity(identity["Account"], identity["Arn"], "run"),
            table=attempt(lambda: self.survey.table(self.connection.table_arn)),
            events=_unswept("AWS Health"),
            similar_tables=(),
        )

    def _streams(self) -> Streams:
        unread = _unswept("the stream itself")
        return Streams(
            table=attempt(lambda: self.survey.table(self.connection.table_arn)),
            generations=(
                _unswept("which streams are listed; that they could not be is said of the region")
                if isinstance(self.generations, Gap)
                else tuple(Stream.unseen(arn, unread) for arn in self.streams)
            ),
            kinesis_destinations=_unswept("Kinesis destinations of the table"),
            ttl=_unswept("the table's time to live"),
        )

    def _mappings(self) -> Mappings:
        beside = [mapping for mapping in self.neighbours if mapping not in self.mappings]
        ours = self.connection.table
        return Mappings(
            ours=self.mappings,
            same_stream=tuple(mapping for mapping in beside if mapping.table_name == ours),
            same_function=tuple(mapping for mapping in beside if mapping.table_name != ours),
            listed=self.survey.listed,
            ref=self.survey.mappings_ref,
            function=_unswept("the function's configuration"),
            aliases=_unswept("the function's aliases"),
            similar_functions=(),
        )

    def _backlog(self) -> Backlog:
        return Backlog(
            iterator_age_ms=self._of(self.connection.function, "IteratorAge"),
            returned=Each(
                {arn.rpartition("/")[2]: self._of(arn, "ReturnedRecordsCount") for arn in self.streams}
                if all((arn, "ReturnedRecordsCount") in self.counted for arn in self.streams)
                else {}
            ),
            returned_bytes=_unswept("the size of what readers were handed"),
            shards=_unswept("the stream's shards"),
        )

    def _metrics(self) -> Metrics:
        of, name, table = self._of, self.connection.function, self.connection.table_arn
        closer = (table, FAILED_WRITES[0]) in self.counted
        return Metrics(
            invocations=of(name, "Invocations"),
            errors=of(name, "Errors"),
            throttles=of(name, "Throttles"),
            duration_ms=_unswept("durations"),
            concurrent=_unswept("the function's concurrency in use"),
            account_concurrent=of("", "ConcurrentExecutions"),
            delivery_failures=_unswept("failed deliveries"),
            consumed_writes=of(table, "ConsumedWriteCapacityUnits"),
            writes=Each({operation: of(table, operation) for operation in WRITES} if closer else {}),
            failed_writes=Each({metric: of(table, metric) for metric in FAILED_WRITES})
            if closer
            else _unswept("refusals"),
            mapping_events={
                mapping.uuid: Each({event: of(mapping.uuid, event) for event in MAPPING_EVENTS})
                for mapping in self.mappings
                if mapping.counts_events
            },
            siblings=_unswept("the other functions on the stream"),
            sibling_errors=_unswept("the other functions on the stream"),
            concurrency=Concurrency(
                reserved=self.reserved,  # type: ignore[arg-type]
                reserved_ref=self.opened.part(SweepPart.CLOSER).ref(
                    "lambda", "GetFunctionConcurrency", FunctionName=name
                ),
                account_limit=attempt(lambda: self.limits.total),
                account_unreserved=attempt(lambda: self.limits.unreserved),
                account_ref=attempt(lambda: self.limits.ref),
            ),
            duration_total_ms=_unswept("durations"),
            unreserved_concurrent=of("", "UnreservedConcurrentExecutions"),
            expired_items=_unswept("expired items"),
            recursion_dropped=_unswept("recursive invocations"),
            hourly_invocations=_unswept("the week before"),
            hourly_writes=_unswept("the week before"),
            alarms=_unswept("alarms"),
        )

    def _of(self, whose: str, metric: str) -> Any:
        key: Key = (whose, metric)
        if key in self.counted:
            return self.counted[key]
        return Gap(
            "cloudwatch:GetMetricData",
            self.survey.region,
            "OtherAccount",
            f"{metric} of {self.connection.table} is counted in account {self.connection.owner}, where the table is.",
        )


def _unswept(what: str) -> Any:
    return Gap("sweep", "", NOT_SWEPT, f"Not examined by a sweep: {what}.")


NOT_ASKED = _unswept("the function's reserved concurrency")


def swept(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Leave out what no sweep looks at: what remains is what it should have seen and could not."""
    return tuple(gap for gap in gaps if gap.code != NOT_SWEPT)
