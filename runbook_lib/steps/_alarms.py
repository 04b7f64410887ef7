"""The alarms on a function's own metrics, and when each of them went off.

Asked metric by metric: an account may have thousands of alarms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from runbook_lib import instant
from runbook_lib.aws import Pages, StepReader, together
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.signals import ALARMED, Alarms, FunctionAlarm
from runbook_lib.incident import Window
from runbook_lib.interpret.alarm_history import StateTurn, turns
from runbook_lib.interpret.arn import FunctionRef
from runbook_lib.observed import Gap, NotObserved, attempt, known, otherwise

_OPERATION = "DescribeAlarmsForMetric"

_HISTORY = "DescribeAlarmHistory"

_KEPT = timedelta(days=30)
"""How long CloudWatch keeps the history of an alarm, after "Using Amazon CloudWatch alarms" in its User Guide."""

_MOST = 10
"""Alarms whose history is read, and pages of one history."""

_MOST_QUALIFIERS = 3
_LONGEST_PERIOD_S = 604_800
"""No alarm evaluates longer periods (PutMetricAlarm, CloudWatch API Reference)."""

_KEPT_FIELDS = (
    "AlarmName", "MetricName", "StateValue", "StateUpdatedTimestamp", "StateTransitionedTimestamp", "Statistic",
    "ExtendedStatistic", "Period", "EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ComparisonOperator",
    "TreatMissingData",
)  # fmt: skip
"""What is recorded of an alarm; its description, reasons and actions are not needed."""

_COMPARED = {
    "GreaterThanOrEqualToThreshold": "at least",
    "GreaterThanThreshold": "above",
    "LessThanThreshold": "below",
    "LessThanOrEqualToThreshold": "at most",
    "LessThanLowerOrGreaterThanUpperThreshold": "outside the expected band",
    "LessThanLowerThreshold": "below the expected band",
    "GreaterThanUpperThreshold": "above the expected band",
}


def read_alarms(function: FunctionRef, aws: StepReader, seen: Evidence) -> Alarms:
    """Read every alarm on one of the function's metrics by name. Raises NotObserved when one metric cannot be asked."""
    plain = [{"Name": "FunctionName", "Value": function.name}]
    places = [plain]
    for qualifier in _qualifiers(function, seen):
        places.append([*plain, {"Name": "Resource", "Value": f"{function.name}:{qualifier}"}])
    asked = [_question(metric, dimensions) for metric in ALARMED for dimensions in places]
    answers = together(*(partial(_described, aws, question) for question in asked))
    found = sorted((pair for answer in answers for pair in known(answer)), key=lambda pair: str(pair[0]["AlarmName"]))
    told = together(*(partial(_turns_of, raw, aws, seen) for raw, _ in found))
    refs = (aws.ref("cloudwatch", _OPERATION, **_question(metric, plain)) for metric in ALARMED)
    return Alarms(
        tuple(_alarm(raw, ref, history, seen.window) for (raw, ref), history in zip(found, told, strict=True)), *refs
    )


def _qualifiers(function: FunctionRef, seen: Evidence) -> list[str]:
    """Name the aliases and versions that our mappings invoke: their metrics have a dimension of their own."""
    invoked = otherwise(lambda: [mapping.function.qualifier for mapping in seen.mappings.ours], [])
    return list(dict.fromkeys(name for name in (function.qualifier, *invoked) if name))[:_MOST_QUALIFIERS]


def _question(metric: str, dimensions: list[dict[str, str]]) -> dict[str, Any]:
    return {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions}


def _described(aws: StepReader, question: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    answer = aws.call("cloudwatch", _OPERATION, keep=_reduced, **question)
    return [(raw, answer.ref) for raw in answer.get("MetricAlarms", []) if raw.get("AlarmName")][:_MOST]


def _reduced(answer: dict[str, Any]) -> dict[str, Any]:
    alarms = answer.get("MetricAlarms", [])
    return {"MetricAlarms": [{name: raw[name] for name in _KEPT_FIELDS if name in raw} for raw in alarms]}


def _alarm(raw: Mapping[str, Any], ref: str, turns: tuple[list[StateTurn], str], window: Window) -> FunctionAlarm:
    state = str(raw.get("StateValue", ""))
    return FunctionAlarm(
        name=str(raw["AlarmName"]),
        metric=str(raw.get("MetricName", "")),
        condition=_condition(raw),
        missing=str(raw.get("TreatMissingData", "missing")),
        state=state,
        ringing=attempt(lambda: tuple(stretches(known(turns)[0], state, window))),
        ref=ref,
        history_ref=attempt(lambda: known(turns)[1]),
    )


def _condition(raw: Mapping[str, Any]) -> str:
    """Say when an alarm goes off, as AWS evaluates it."""
    statistic = raw.get("Statistic") or raw.get("ExtendedStatistic") or "value"
    compared = _COMPARED.get(str(raw.get("ComparisonOperator")), str(raw.get("ComparisonOperator", "")))
    threshold = f" {raw['Threshold']:,g}" if isinstance(raw.get("Threshold"), int | float) else ""
    evaluated = raw.get("EvaluationPeriods", 1)
    period = instant.span(timedelta(seconds=min(raw.get("Period") or 60, _LONGEST_PERIOD_S)))
    return f"{statistic} {compared}{threshold} in {raw.get('DatapointsToAlarm', evaluated)} of {evaluated} × {period}"


# -- when it rang ----------------------------------------------------------------------------------------------


def _turns_of(raw: Mapping[str, Any], aws: StepReader, seen: Evidence) -> tuple[list[StateTurn], str]:
    """Read how an alarm changed since the window began, and the call; one that has not changed since is not asked."""
    turned = instant.optional(raw.get("StateTransitionedTimestamp") or raw.get("StateUpdatedTimestamp"))
    if turned and turned <= seen.window.start:
        return [], ""
    name = str(raw["AlarmName"])
    if seen.as_of - seen.window.start > _KEPT:
        reason = f"CloudWatch no longer has the history of alarm {name} for the whole window: it keeps 30 days."
        raise NotObserved(Gap(f"cloudwatch:{_HISTORY}", aws.region, "TooOld", reason))
    pages = _history(name, aws, seen)
    if pages.truncated:
        reason = f"The history of alarm {name} broke off after {len(pages.answers)} pages."
        raise NotObserved(Gap(f"cloudwatch:{_HISTORY}", aws.region, "Truncated", reason, ref=pages.ref))
    return list(turns(pages.items("AlarmHistoryItems"))), pages.ref


def _history(name: str, aws: StepReader, seen: Evidence) -> Pages:
    """Ask for every change of an alarm's state since the window began, oldest first."""
    return aws.pages(
        "cloudwatch",
        _HISTORY,
        most=_MOST,
        AlarmName=name,
        AlarmTypes=["MetricAlarm"],
        HistoryItemType="StateUpdate",
        StartDate=instant.iso(seen.window.start),
        EndDate=instant.iso(seen.as_of),
        ScanBy="TimestampAscending",
    )


def stretches(turns: Iterable[StateTurn], now: str, window: Window) -> Iterator[Window]:
    """Give the stretches of the window in which an alarm was in ALARM. `now` is the state after the last turn."""
    ordered = sorted(turns, key=lambda turn: turn.at)
    starts = [window.start, *(turn.at for turn in ordered)]
    states = [ordered[0].before if ordered else now, *(turn.after for turn in ordered)]
    for start, state, end in zip(starts, states, [*starts[1:], window.end], strict=True):
        begin, stop = max(start, window.start), min(end, window.end)
        if state == "ALARM" and begin < stop:
            yield Window(begin, stop)
