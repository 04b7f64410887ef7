"""Playbook step 7."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from runbook_lib.aws import StepReader, together
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.signals import Concurrency, Metrics, Series
from runbook_lib.incident import Incident
from runbook_lib.observed import Each, attempt, known
from runbook_lib.steps import step
from runbook_lib.steps._alarms import read_alarms
from runbook_lib.steps._metric_data import MetricQuery, read_series

WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems", "ExecuteStatement")
FAILED_WRITES = ("ConditionalCheckFailedRequests", "TransactionConflict", "WriteThrottleEvents")
MAPPING_EVENTS = (
    "PolledEventCount",
    "FilteredOutEventCount",
    "InvokedEventCount",
    "FailedInvokeEventCount",
    "DroppedEventCount",
    "OnFailureDestinationDeliveredEventCount",
)
_MOST_SIBLINGS = 10


@step(
    7,
    title="Function metrics",
    observes="metrics",
    question="Is the function being invoked, does it fail, is it throttled?",
    playbook="Read the function's invocation and error metrics: is it invoked at all, and does it succeed?",
    permissions=(
        "cloudwatch:GetMetricData",
        "cloudwatch:DescribeAlarmsForMetric",
        "cloudwatch:DescribeAlarmHistory",
        "lambda:GetFunctionConcurrency",
        "lambda:GetAccountSettings",
    ),
    needs=(3,),
)
def function_metrics(incident: Incident, aws: StepReader, seen: Evidence) -> Metrics:
    """Read the counters of function, table writes, mappings and siblings in one call, the limits, and the alarms."""
    counting = attempt(lambda: {m.uuid: m for m in seen.mappings.ours if m.counts_events})
    siblings = attempt(lambda: sorted({m.function.name for m in seen.mappings.same_stream})[:_MOST_SIBLINGS])
    uuids = list(counting) if isinstance(counting, dict) else []
    names = siblings if isinstance(siblings, list) else []
    queries = [*_function(incident), *_table(incident), *_mappings(uuids), *_siblings(names, "Invocations")]
    series, failures, concurrency, history, alarms = together(
        lambda: read_series(aws, seen.window, seen.as_of, queries),
        lambda: _sibling_errors(names, aws, seen),
        lambda: _concurrency(incident, aws),
        lambda: _history(incident, aws, seen),
        lambda: read_alarms(incident.function, aws, seen),
    )

    def single(name: str) -> Series:
        found: Series = attempt(lambda: known(series)[name])
        return found

    def each(prefix: str, names: Iterable[str]) -> Each[Series]:
        return attempt(lambda: Each({name: known(series)[f"{prefix}{name}"] for name in names}))

    return Metrics(
        invocations=single("invocations"),
        errors=single("errors"),
        throttles=single("throttles"),
        duration_ms=single("duration"),
        concurrent=single("concurrent"),
        account_concurrent=single("account_concurrent"),
        delivery_failures=single("delivery_failures"),
        consumed_writes=single("consumed_writes"),
        writes=each("write_", WRITES),
        failed_writes=each("failed_", FAILED_WRITES),
        mapping_events=attempt(
            lambda: {uuid: known(each(f"m{n}_", MAPPING_EVENTS)) for n, uuid in enumerate(known(counting))}
        ),
        siblings=attempt(lambda: Each({name: known(series)[f"sibling{n}"] for n, name in enumerate(known(siblings))})),
        sibling_errors=attempt(
            lambda: Each({name: known(failures)[f"sibling{n}"] for n, name in enumerate(known(siblings))})
        ),
        concurrency=concurrency,
        duration_total_ms=single("duration_total"),
        unreserved_concurrent=single("unreserved_concurrent"),
        expired_items=single("expired_items"),
        recursion_dropped=single("recursion_dropped"),
        hourly_invocations=attempt(lambda: known(history)["hourly_invocations"]),
        hourly_writes=attempt(lambda: known(history)["hourly_writes"]),
        alarms=alarms,
    )


def _sibling_errors(names: list[str], aws: StepReader, seen: Evidence) -> dict[str, Series]:
    """Read the siblings' errors in a call of their own: a run recorded without them keeps every other counter."""
    return read_series(aws, seen.window, seen.as_of, _siblings(names, "Errors")) if names else {}


def _history(incident: Incident, aws: StepReader, seen: Evidence) -> dict[str, Series]:
    """Read a week by the hour, to see whether this stall is a habit."""
    week = seen.window.widened(timedelta(days=7))
    function, table = (("FunctionName", incident.function.name),), (("TableName", incident.table_name),)
    queries = (
        MetricQuery(
            "hourly_invocations", "AWS/Lambda", "Invocations", "Sum", "count", "Invocations per hour", function
        ),
        MetricQuery(
            "hourly_writes", "AWS/DynamoDB", "ConsumedWriteCapacityUnits", "Sum", "units", "Writes per hour", table
        ),
    )
    return read_series(aws, week, seen.as_of, queries, finest_s=3600)


def _function(incident: Incident) -> Iterator[MetricQuery]:
    function = (("FunctionName", incident.function.name),)
    for name, metric, statistic, unit, label in (
        ("invocations", "Invocations", "Sum", "count", "Invocations"),
        ("errors", "Errors", "Sum", "count", "Errors"),
        ("throttles", "Throttles", "Sum", "count", "Throttles"),
        ("duration", "Duration", "Maximum", "ms", "Duration"),
        ("duration_total", "Duration", "Sum", "ms", "Time spent"),
        ("concurrent", "ConcurrentExecutions", "Maximum", "executions", "Concurrent executions"),
        ("delivery_failures", "DestinationDeliveryFailures", "Sum", "count", "Failed deliveries"),
        ("recursion_dropped", "RecursiveInvocationsDropped", "Sum", "count", "Recursive invocations dropped"),
    ):
        yield MetricQuery(name, "AWS/Lambda", metric, statistic, unit, label, function)
    for name, metric, label in (
        ("account_concurrent", "ConcurrentExecutions", "Account concurrency"),
        ("unreserved_concurrent", "UnreservedConcurrentExecutions", "Unreserved concurrency in use"),
    ):
        yield MetricQuery(name, "AWS/Lambda", metric, "Maximum", "executions", label)


def _table(incident: Incident) -> Iterator[MetricQuery]:
    table = (("TableName", incident.table_name),)
    yield MetricQuery(
        "consumed_writes", "AWS/DynamoDB", "ConsumedWriteCapacityUnits", "Sum", "units", "Write capacity", table
    )
    yield MetricQuery(
        "expired_items", "AWS/DynamoDB", "TimeToLiveDeletedItemCount", "Sum", "items", "Expired items", table
    )
    for name in WRITES:
        yield MetricQuery(
            f"write_{name}",
            "AWS/DynamoDB",
            "SuccessfulRequestLatency",
            "SampleCount",
            "requests",
            f"{name} requests",
            (*table, ("Operation", name)),
        )
    for name in FAILED_WRITES:
        yield MetricQuery(f"failed_{name}", "AWS/DynamoDB", name, "Sum", "count", name, table)


def _mappings(uuids: list[str]) -> Iterator[MetricQuery]:
    for n, uuid in enumerate(uuids):
        for name in MAPPING_EVENTS:
            yield MetricQuery(
                f"m{n}_{name}", "AWS/Lambda", name, "Sum", "records", name, (("EventSourceMappingUUID", uuid),)
            )


def _siblings(names: list[str], metric: str) -> Iterator[MetricQuery]:
    for n, name in enumerate(names):
        function = (("FunctionName", name),)
        yield MetricQuery(f"sibling{n}", "AWS/Lambda", metric, "Sum", "count", f"{metric} of {name}", function)


def _concurrency(incident: Incident, aws: StepReader) -> Concurrency:
    """Read the limits; the key is absent for an unreserved function, 0 for one that may not run at all."""
    name = incident.function.name
    reserved, account = together(
        lambda: aws.find("lambda", "GetFunctionConcurrency", FunctionName=name),
        lambda: aws.call("lambda", "GetAccountSettings"),
    )
    limit = attempt(lambda: known(account)["AccountLimit"])
    return Concurrency(
        reserved=attempt(lambda: (known(reserved) or {}).get("ReservedConcurrentExecutions")),
        reserved_ref=aws.ref("lambda", "GetFunctionConcurrency", FunctionName=name),
        account_limit=attempt(lambda: known(limit)["ConcurrentExecutions"]),
        account_unreserved=attempt(lambda: known(limit)["UnreservedConcurrentExecutions"]),
        account_ref=aws.ref("lambda", "GetAccountSettings"),
    )
