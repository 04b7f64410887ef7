"""What state each of the customer's alarms was in when, as the metrics of the world imply."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from runbook_lib.sandbox.account.watched import Alarm, CompositeAlarm
from runbook_lib.sandbox.telemetry.metrics import Datum, Metrics

EVALUATED_AFTER = timedelta(minutes=1, seconds=21)
"""How long after the beginning of a minute an alarm has judged it."""
COMBINED_AFTER = timedelta(seconds=2)
"""How long after one of its alarms a composite alarm follows."""

History = list[tuple[datetime, str]]
"""When an alarm came into which state, oldest first."""

_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "LessThanThreshold": operator.lt,
    "GreaterThanThreshold": operator.gt,
}
_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def transitions(
    alarm: Alarm | CompositeAlarm,
    among: Iterable[Alarm | CompositeAlarm],
    metrics: Metrics,
    start: datetime,
    now: datetime,
) -> History:
    """When an alarm changed state between `start` and `now`, its first state first."""
    if isinstance(alarm, Alarm):
        return _of_metrics(alarm, metrics, start, now)
    children = [other for other in among if other.name in alarm.children and isinstance(other, Alarm)]
    states: dict[str, str] = {}
    found: History = [(alarm.created, "OK")]
    changes = [(at, child.name, state) for child in children for at, state in _of_metrics(child, metrics, start, now)]
    for at, name, to in sorted(changes):
        states[name] = to
        state = "ALARM" if "ALARM" in states.values() else "OK"
        if state != found[-1][1] and at + COMBINED_AFTER <= now:
            found.append((at + COMBINED_AFTER, state))
    return found


def _of_metrics(alarm: Alarm, metrics: Metrics, start: datetime, now: datetime) -> History:
    """Judge minute by minute: a minute without data breaches or not as the alarm's `TreatMissingData` says."""
    series = {
        watched.id: metrics.find(watched.namespace, watched.metric, dict(watched.dimensions))
        for watched in alarm.watched
    }
    statistics = {watched.id: watched.statistic for watched in alarm.watched}
    expression = ast.parse(alarm.expression or alarm.watched[0].id, mode="eval").body
    found: History = [(alarm.created, "OK")]
    run = 0
    for number in range(int((now - start) / timedelta(minutes=1))):
        at = start + timedelta(minutes=number)
        value = _value(expression, _minute(series, statistics, int(at.timestamp() // 60)))
        breaches = (
            alarm.missing == "breaching" if value is None else _COMPARED[alarm.comparison](value, alarm.threshold)
        )
        run = run + 1 if breaches else 0
        state = "ALARM" if run >= alarm.periods else "OK" if run == 0 else found[-1][1]
        if state != found[-1][1] and at + EVALUATED_AFTER <= now:
            found.append((at + EVALUATED_AFTER, state))
    return found


def _minute(
    series: Mapping[str, Mapping[int, Datum]], statistics: Mapping[str, str], minute: int
) -> Mapping[str, float]:
    return {id: data[minute].statistic(statistics[id]) for id, data in series.items() if minute in data}


def _value(node: ast.expr, values: Mapping[str, float]) -> float | None:
    """Work out an expression of metric math; without an operand, or divided by zero, there is no datapoint."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name):
        return values.get(node.id)
    assert isinstance(node, ast.BinOp), ast.dump(node)
    left, right = _value(node.left, values), _value(node.right, values)
    if left is None or right is None or (right == 0 and isinstance(node.op, ast.Div)):
        return None
    return _OPERATORS[type(node.op)](left, right)
