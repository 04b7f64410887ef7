"""What CloudWatch counts of many triggers: a few series of each, five hundred at a time.

The first look asks what tells a trigger that works from one that does not. Of those that do not, a closer look asks
which writes there were and whether the function may run at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from runbook_lib.aws import StepReader, together
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.evidence.signals import Series
from runbook_lib.interpret.arn import StreamArn
from runbook_lib.observed import attempt, known
from runbook_lib.steps._metric_data import MetricQuery, read_series
from runbook_lib.steps.function_metrics import FAILED_WRITES, MAPPING_EVENTS, WRITES
from runbook_lib.sweep.area import OpenArea
from runbook_lib.sweep.survey import Connection

AT_ONCE = 500
"""Series that one GetMetricData call may ask for."""

_PERIOD_S = 300

_OF_FUNCTION = (
    ("Invocations", "Sum", "count", "Invocations"),
    ("Errors", "Sum", "count", "Errors"),
    ("Throttles", "Sum", "count", "Throttles"),
    ("IteratorAge", "Maximum", "ms", "Iterator age"),
)
_OF_ACCOUNT = (
    ("ConcurrentExecutions", "Account concurrency"),
    ("UnreservedConcurrentExecutions", "Unreserved concurrency in use"),
)

Key = tuple[str, str]
"""Whose series it is (a function's name, a table's or stream's ARN, a mapping's UUID or nobody's), and the metric."""

Counted = Mapping[Key, Series]
"""Series by their keys, with a gap in the place of each that could not be read."""


@dataclass(frozen=True)
class CounterQuery:
    """One series to ask for, and what it will be found under."""

    key: Key
    namespace: str
    metric: str
    statistic: str
    unit: str
    label: str
    dimensions: tuple[tuple[str, str], ...] = ()

    def query(self, number: int) -> MetricQuery:
        """Give it as the query of this number."""
        return MetricQuery(
            f"q{number}", self.namespace, self.metric, self.statistic, self.unit, self.label, self.dimensions
        )


def first_look(connection: Connection, mappings: Iterable[EventSourceMapping], account: str) -> Iterator[CounterQuery]:
    """Ask for a trigger's counters; the table's are to be had in its own account only."""
    function = (("FunctionName", connection.function),)
    for metric, statistic, unit, label in _OF_FUNCTION:
        yield CounterQuery((connection.function, metric), "AWS/Lambda", metric, statistic, unit, label, function)
    if connection.owner == account:
        metric = "ConsumedWriteCapacityUnits"
        yield CounterQuery(
            (connection.table_arn, metric), "AWS/DynamoDB", metric, "Sum", "units", "Write capacity", _table(connection)
        )
    for mapping in (each for each in mappings if each.counts_events):
        for name in MAPPING_EVENTS:
            of = (("EventSourceMappingUUID", mapping.uuid),)
            yield CounterQuery((mapping.uuid, name), "AWS/Lambda", name, "Sum", "records", name, of)


def closer_look(connection: Connection, streams: Iterable[str], account: str) -> Iterator[CounterQuery]:
    """Ask which writes there were, which were refused, and what the readers of each stream were handed."""
    if connection.owner != account:
        return
    for name in WRITES:
        of = (*_table(connection), ("Operation", name))
        label = f"{name} requests"
        key = (connection.table_arn, name)
        yield CounterQuery(key, "AWS/DynamoDB", "SuccessfulRequestLatency", "SampleCount", "requests", label, of)
    for name in FAILED_WRITES:
        yield CounterQuery((connection.table_arn, name), "AWS/DynamoDB", name, "Sum", "count", name, _table(connection))
    for arn in streams:
        stream = StreamArn.parse(arn).label
        of = (*_table(connection), ("StreamLabel", stream), ("Operation", "GetRecords"))
        label = f"Records read from stream {stream}"
        yield CounterQuery(
            (arn, "ReturnedRecordsCount"), "AWS/DynamoDB", "ReturnedRecordsCount", "Sum", "records", label, of
        )


def of_account() -> Iterator[CounterQuery]:
    """Ask what all functions of the account use of its concurrency."""
    for metric, label in _OF_ACCOUNT:
        yield CounterQuery(("", metric), "AWS/Lambda", metric, "Maximum", "executions", label)


def _table(connection: Connection) -> tuple[tuple[str, str], ...]:
    return (("TableName", connection.table),)


def batches(
    queries_of: Mapping[Connection, Iterable[CounterQuery]],
) -> Iterator[tuple[tuple[Connection, ...], tuple[CounterQuery, ...]]]:
    """Group triggers so that each group's series, those they share but once, fit into one call."""
    group: list[Connection] = []
    held: dict[Key, CounterQuery] = {}
    for connection, series in queries_of.items():
        more = {query.key: query for query in series}
        if group and len(held | more) > AT_ONCE:
            yield tuple(group), tuple(held.values())
            group, held = [], {}
        group.append(connection)
        held |= more
    if group:
        yield tuple(group), tuple(held.values())


def count(opened: OpenArea, part: str, queries: Iterable[CounterQuery]) -> Counted:
    """Read these series, in as many calls as they need; of a call that fails each of its series is a gap."""
    every, aws = tuple(queries), opened.part(part)
    chunks = [every[begin : begin + AT_ONCE] for begin in range(0, len(every), AT_ONCE)]
    read = together(*(lambda chunk=chunk: _read(opened, aws, chunk) for chunk in chunks))
    return {
        query.key: attempt(lambda found=found, query=query: known(found)[query.key])  # type: ignore[misc]
        for chunk, found in zip(chunks, read, strict=True)
        for query in chunk
    }


def _read(opened: OpenArea, aws: StepReader, chunk: tuple[CounterQuery, ...]) -> dict[Key, Series]:
    queries = {query.key: query.query(number) for number, query in enumerate(chunk)}
    series = read_series(aws, opened.window, opened.as_of, queries.values(), finest_s=_PERIOD_S)
    return {key: series[query.id] for key, query in queries.items()}
