"""CloudWatch metrics of a world, taken from its pipe.

A series holds a datum for a minute only where AWS would emit one: presence says as much as value. Which metrics exist
under which dimensions follows "Types of metrics for Lambda functions", "Event source mapping metrics" and "DynamoDB
metrics and dimensions" of the AWS guides. The minute of the world's clock is still incomplete and left out.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.flow import Flow
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.traffic import EXPIRY
from runbook_lib.sandbox.pipe.capacity import crowd

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World

Dimensions = frozenset[tuple[str, str]]
NO_DIMENSIONS: Dimensions = frozenset()
Key = tuple[str, str, Dimensions]
"""Namespace, metric name, dimensions."""

LOOP = 16
"""How often a function runs in a loop through a topic before Lambda breaks it off (Lambda Developer Guide, "Use Lambda
recursive loop detection")."""


@dataclass(slots=True)
class Datum:
    """The samples of one minute. `values` are the samples themselves where percentiles are worth asking for.

    Not frozen, for a history has tens of thousands, and a frozen one takes three times as long to make.
    """

    count: int
    total: float
    low: float
    high: float
    values: tuple[float, ...] = ()

    @classmethod
    def of(cls, samples: Sequence[float]) -> Datum:
        """A datum that keeps its samples."""
        return cls(len(samples), sum(samples), min(samples), max(samples), tuple(samples))

    @classmethod
    def number(cls, value: float) -> Datum:
        """A datum of a single sample."""
        return cls(1, value, value, value)

    @classmethod
    def merged(cls, data: Sequence[Datum]) -> Datum:
        """Several minutes as one."""
        return cls(
            sum(datum.count for datum in data),
            sum(datum.total for datum in data),
            min(datum.low for datum in data),
            max(datum.high for datum in data),
            tuple(value for datum in data for value in datum.values),
        )

    def statistic(self, name: str) -> float:
        """A statistic by CloudWatch's name: Sum, Average, Minimum, Maximum, SampleCount, or a percentile (`p99`).

        Raises `ValueError` for any other name.
        """
        simple = {
            "Sum": self.total,
            "Average": self.total / self.count,
            "Minimum": self.low,
            "Maximum": self.high,
            "SampleCount": float(self.count),
        }
        if name in simple:
            return simple[name]
        if name.startswith("p") and name[1:].replace(".", "", 1).isdigit():
            ordered = sorted(self.values) or [self.total / self.count]
            return ordered[max(0, math.ceil(float(name[1:]) / 100 * len(ordered)) - 1)]
        raise ValueError(name)


class Metrics:
    """Every series of a world: `series[key][minute]`, minutes counted from the epoch."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._last = int(world.now.timestamp() // 60)
        self.series: dict[Key, dict[int, Datum]] = defaultdict(dict)
        self._lambda()
        self._mappings()
        self._table()
        self._reads()

    def find(self, namespace: str, name: str, dimensions: Mapping[str, str]) -> Mapping[int, Datum]:
        """The series with exactly these dimensions; empty when there is none."""
        return self.series.get((namespace, name, frozenset(dimensions.items())), {})

    def read(
        self, namespace: str, name: str, dimensions: Mapping[str, str], begin: datetime, end: datetime, period: int
    ) -> Iterator[tuple[datetime, Datum]]:
        """Data of aligned periods (in seconds) that begin before `end`, oldest first; silence is left out."""
        series, width = self.find(namespace, name, dimensions), max(period // 60, 1)
        first = int(begin.timestamp() // 60) // width * width
        for minute in range(first, math.ceil(end.timestamp() / 60), width):
            if data := [series[m] for m in range(minute, minute + width) if m in series]:
                merged = Datum.merged(data) if len(data) > 1 else data[0]
                yield datetime.fromtimestamp(minute * 60, UTC), merged

    def _put(self, namespace: str, name: str, dimensions: Dimensions, minute: int, datum: Datum) -> None:
        if minute < self._last:
            self.series[namespace, name, dimensions][minute] = datum

    def _lambda(self) -> None:
        flows: dict[Dimensions, dict[int, list[Flow]]] = defaultdict(lambda: defaultdict(list))
        account: dict[int, list[Flow]] = defaultdict(list)
        for uuid, minutes in self._world.pipe.flows.items():
            for minute, flow in minutes.items():
                if flow.invocations or flow.throttles:
                    account[minute].append(flow)
                    function, qualifier, version = self._target(uuid, minute)
                    for number, part in (flow.by_version or {version: flow}).items():
                        *whole, last = _function_dimensions(function, qualifier, number)
                        flows[last][minute].append(part)
                    for dimensions in whole:
                        flows[dimensions][minute].append(flow)
        for dimensions, by_minute in flows.items():
            for minute, found in by_minute.items():
                self._invoked([dimensions], minute, found)
        self._bystander(account)
        self._scheduled(account)
        quota = Datum.number(self._world.state.concurrency_limit)
        for minute, found in account.items():
            self._invoked([NO_DIMENSIONS], minute, found)
            busy = Datum.number(min(sum(flow.busy for flow in found), quota.high))
            self._put("AWS/Lambda", "UnreservedConcurrentExecutions", NO_DIMENSIONS, minute, busy)
            self._put("AWS/Lambda", "ClaimedAccountConcurrency", NO_DIMENSIONS, minute, busy)
            self._put("AWS/Usage", "ConcurrentExecutionsQuota", NO_DIMENSIONS, minute, quota)

    def _target(self, uuid: str, minute: int) -> tuple[str, str | None, str]:
        state = self._world.at(datetime.fromtimestamp(minute * 60 + 59.999, UTC))
        mapping = state.mappings.get(uuid) or self._world.at(datetime.fromtimestamp(minute * 60, UTC)).mappings[uuid]
        version = state.target(mapping)
        return mapping.function_name, mapping.qualifier, version.number if version else "$LATEST"

    def _invoked(self, dimensions: Iterable[Dimensions], minute: int, flows: Sequence[Flow]) -> None:
        if minute >= self._last:
            return
        data = _invocation_data(flows)
        for key in dimensions:
            for name, datum in data.items():
                self.series["AWS/Lambda", name, key][minute] = datum

    def _scheduled(self, account: Mapping[int, list[Flow]]) -> None:
        """What schedules and topics invoke besides: no stream record is in it, so there is no iterator age."""
        world, first = self._world, int(self._world.start.timestamp() // 60)
        for minute in range(-(-first // 5) * 5, self._last, 5):
            for function in world.at(datetime.fromtimestamp(minute * 60, UTC)).functions.values():
                if not function.scheduled and not function.topic:
                    continue
                count = int(function.scheduled) + (LOOP if function.topic else 0)
                took = noise.between(40, 90, world.seed, "schedule", minute)
                flow = Flow(invocations=count, busy=1, durations=[took] * count)
                account[minute].append(flow)
                dimensions = _function_dimensions(function.name, None, "$LATEST")
                self._add(dimensions, minute, flow)
                for key in dimensions if function.topic else ():
                    self._put("AWS/Lambda", "RecursiveInvocationsDropped", key, minute, Datum.number(1))

    def _add(self, dimensions: Iterable[Dimensions], minute: int, flow: Flow) -> None:
        """Count invocations of another trigger with those that the minute has already."""
        for key in dimensions:
            for name, datum in _invocation_data([flow]).items():
                known = self.series["AWS/Lambda", name, key].get(minute)
                self._put("AWS/Lambda", name, key, minute, Datum.merged([known, datum]) if known else datum)

    def _bystander(self, account: Mapping[int, list[Flow]]) -> None:
        """The function that no stream triggers: a schedule runs it every five minutes, or a crowd of it at once."""
        world, first = self._world, int(self._world.start.timestamp() // 60)
        if world.setting.bystander not in world.state.functions:
            return
        dimensions = _function_dimensions(world.setting.bystander, None, "$LATEST")
        for minute in range(-(-first // 5) * 5, self._last):
            running = crowd(world.at(datetime.fromtimestamp(minute * 60, UTC)))
            if minute % 5 and not running:
                continue
            took = noise.between(2100, 3900, world.seed, "bystander", minute)
            at_once = max(1, running)
            flow = Flow(invocations=at_once, busy=at_once, durations=[took] * at_once)
            account[minute].append(flow)
            self._invoked(dimensions, minute, [flow])

    def _mappings(self) -> None:
        """Mapping metrics: opt-in, and only while something is polled, when they include the zeros."""
        for uuid, minutes in self._world.pipe.flows.items():
            key = frozenset({("EventSourceMappingUUID", uuid)})
            for minute, flow in minutes.items():
                mapping = self._world.at(datetime.fromtimestamp(minute * 60, UTC)).mappings.get(uuid)
                if mapping is None or not mapping.event_count or flow.polls is None:
                    continue
                for name, value in _event_counts(mapping, flow).items():
                    self._put("AWS/Lambda", name, key, minute, Datum.number(value))

    def _table(self) -> None:
        """Writes by operation; an idle table emits nothing."""
        for name, minutes in self._world.pipe.written.items():
            self._writes(("TableName", name), minutes, self._world.pipe.rejected[name])

    def _writes(
        self, table: tuple[str, str], minutes: Mapping[int, Counter[str]], rejections: Mapping[int, int]
    ) -> None:
        for minute, operations in minutes.items():
            rejected = rejections.get(minute, 0)
            if rejected:
                failed = Datum(rejected, rejected, 1, 1)
                self._put("AWS/DynamoDB", "ConditionalCheckFailedRequests", frozenset({table}), minute, failed)
            requests = {name: number for name, number in operations.items() if name != EXPIRY}
            # A write that fails its condition consumes capacity all the same; what TTL deletes consumes none.
            if count := sum(requests.values()) + rejected:
                units = Datum(count, count, 1, 1)
                self._put("AWS/DynamoDB", "ConsumedWriteCapacityUnits", frozenset({table}), minute, units)
            if expired := operations[EXPIRY]:
                deleted = Datum(expired, expired, 1, 1)
                self._put("AWS/DynamoDB", "TimeToLiveDeletedItemCount", frozenset({table}), minute, deleted)
            for operation, number in requests.items():
                latency, key = Datum(number, number * 4.2, 3.1, 9.7), frozenset({table, ("Operation", operation)})
                self._put("AWS/DynamoDB", "SuccessfulRequestLatency", key, minute, latency)

    def _reads(self) -> None:
        """Reads of streams, by table and generation."""
        reads: dict[tuple[str, str, int], list[Flow]] = defaultdict(list)
        for pipe in (self._world.pipe, *(world.pipe for world in self._world.readers)):
            for uuid, minutes in pipe.flows.items():
                account, table, label = pipe.stream_of(uuid)
                for minute, flow in minutes.items():
                    if account == self._world.account and (flow.polls or flow.starved):
                        reads[table, label, minute].append(flow)
        for (table, label, minute), flows in reads.items():
            polls, records = sum(flow.polls or 0 for flow in flows), sum(flow.polled for flow in flows)
            operation_ = frozenset({("TableName", table), ("Operation", "GetRecords")})
            if starved := sum(flow.starved for flow in flows):
                refused = Datum(starved, starved, 1, 1)
                self._put("AWS/DynamoDB", "ThrottledRequests", operation_, minute, refused)
            if not polls:
                continue
            latency = Datum(polls, polls * 3.4, 2.2, 8.1)
            self._put("AWS/DynamoDB", "SuccessfulRequestLatency", operation_, minute, latency)
            of_stream = operation_ | {("StreamLabel", label)}
            size = records * 312 + sum(flow.bulk for flow in flows)
            returned = Datum(polls, records, 0, min(records, 9))
            self._put("AWS/DynamoDB", "ReturnedRecordsCount", of_stream, minute, returned)
            self._put("AWS/DynamoDB", "ReturnedBytes", of_stream, minute, Datum(polls, size, 0, size))


def _event_counts(mapping: EventSourceMapping, flow: Flow) -> dict[str, int]:
    """What a mapping counts in a minute in which it polled."""
    counts = {"PolledEventCount": flow.polled}
    if mapping.filters:
        counts["FilteredOutEventCount"] = flow.filtered
    if flow.offered:
        counts["InvokedEventCount"] = flow.offered
    if flow.offered or flow.refused:
        counts["FailedInvokeEventCount"] = flow.refused
    # Records given up without any destination were not counted as dropped (observed, n=1).
    if flow.reported:
        counts["OnFailureDestinationDeliveredEventCount"] = flow.reported
    if flow.unreported:
        counts["DroppedEventCount"] = flow.unreported
    return counts


def _function_dimensions(function: str, qualifier: str | None, version: str) -> list[Dimensions]:
    name = ("FunctionName", function)
    resource = ("Resource", f"{function}:{qualifier}" if qualifier else function)
    found = [frozenset({name}), frozenset({name, resource})]
    return [*found, frozenset({name, resource, ("ExecutedVersion", version)})] if qualifier else found


def _invocation_data(flows: Sequence[Flow]) -> dict[str, Datum]:
    """Errors and Throttles come with every invocation, 0 included; a minute of throttles alone has nothing else."""
    durations = [value for flow in flows for value in flow.durations]
    count, throttles = len(durations), sum(flow.throttles for flow in flows)
    found = {"Throttles": Datum(max(count, throttles), throttles, int(throttles > count), int(throttles > 0))}
    if unreported := sum(flow.unreported > 0 for flow in flows):
        found["DestinationDeliveryFailures"] = Datum.number(unreported)
    if not durations:
        return found
    errors = sum(flow.errors for flow in flows)
    found["Invocations"] = Datum(count, count, 1, 1)
    found["Errors"] = Datum(count, errors, int(errors == count), int(errors > 0))
    found["Duration"] = Datum.of(durations)
    found["ConcurrentExecutions"] = Datum.number(sum(flow.busy for flow in flows))
    if ages := [value for flow in flows for value in flow.ages]:
        found["IteratorAge"] = Datum.of(ages)
    return found
