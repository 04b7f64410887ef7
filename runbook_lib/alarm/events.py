"""Alarms as CloudWatch sends and answers them, read into what they name. Pure, and wary: an event is anybody's text.

The same alarm comes in several dresses: an EventBridge event, an SNS notification, the event of an alarm's Lambda
action, an answer of DescribeAlarms, and any of them inside the envelope of SNS, SQS or a Lambda event. They differ in
their cases and in where things stand, so every key is read in lower case and each fact from the places it may have.

Source: "Alarm events and EventBridge" and "Notifying users on alarm changes" in the Amazon CloudWatch User Guide,
docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runbook_lib import instant
from runbook_lib.errors import BadParameters
from runbook_lib.interpret.arn import Arn

LARGEST = 1_048_576
"""Bytes of an event: the most that a message of SQS, the roomiest of the envelopes, may have."""

_DEEPEST = 8
"""Envelopes inside envelopes. SNS in SQS in a Lambda event is five of our steps."""

_MOST = 100
"""Alarms that are read from one event, and metrics of one alarm."""

_LONGEST = 255
"""Characters of an alarm's name."""

_ENVELOPES = ("records", "messages", "sns", "message", "body", "metricalarms", "compositealarms")
_INNER = ("detail", "alarmdata")
"""Where an EventBridge event and the event of a Lambda action keep the alarm."""

_STATE = ("statevalue", "newstatevalue", "state.value")
_SINCE = ("statetransitionedtimestamp", "stateupdatedtimestamp", "statechangetime", "state.timestamp")
_RULE = ("alarmrule", "configuration.alarmrule")
_SAID = ("alarmdescription", "configuration.description")
_METRICS = ("metrics", "trigger.metrics", "configuration.metrics")

_CHILD = re.compile(r"""\b(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"([^"]*)"|'([^']*)'|([^\s()"']+))\s*\)""")


@dataclass(frozen=True)
class Metric:
    """One metric that an alarm watches; the names of its dimensions are in lower case."""

    namespace: str
    name: str
    dimensions: Mapping[str, str] = field(default_factory=dict, hash=False)
    account: str = ""


@dataclass(frozen=True)
class Alarm:
    """One alarm. `since` is when it went into its `state`; `rule` is a composite alarm's, which has no metrics.

    Every text is AWS's or a stranger's, and empty where none was given. `triggering` names the alarms that a
    notification of a composite alarm says it went off for.
    """

    name: str
    region: str = ""
    account: str = ""
    state: str = ""
    since: datetime | None = None
    metrics: tuple[Metric, ...] = ()
    rule: str = ""
    description: str = ""
    triggering: tuple[str, ...] = ()

    @property
    def children(self) -> tuple[str, ...]:
        """The names of the alarms that a composite alarm's rule speaks of, each once."""
        found = ("".join(match.groups("")) for match in _CHILD.finditer(self.rule))
        return tuple(dict.fromkeys(_bare(name) for name in found))[:_MOST]


def read_event(content: str) -> tuple[Alarm, ...]:
    """Read the alarms of an event, each once. Raises BadParameters for what is none, or is no JSON, or is too much."""
    size = len(content.encode("utf-8", "surrogatepass"))
    if size > LARGEST:
        raise BadParameters(f"The event has {size:,} bytes.", f"No event of an alarm has more than {LARGEST:,}.")
    try:
        value = json.loads(content, object_pairs_hook=_folded)
    except (ValueError, RecursionError):
        raise BadParameters("The event is not JSON.", "Give it as EventBridge, SNS or SQS delivered it.") from None
    found = tuple(dict.fromkeys(_alarms(value, {}, _DEEPEST)))
    if not found:
        raise BadParameters(
            "The event tells of no CloudWatch alarm.",
            "Give an EventBridge event, an SNS notification, or what `aws cloudwatch describe-alarms` prints.",
        )
    return found[:_MOST]


def read_answer(answer: Mapping[str, Any]) -> tuple[Alarm, ...]:
    """Read the alarms of an answer of DescribeAlarms."""
    return tuple(_alarms(json.loads(json.dumps(answer), object_pairs_hook=_folded), {}, _DEEPEST))


def _folded(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key.lower(): value for key, value in pairs}


def _alarms(value: Any, around: Mapping[str, Any], depth: int) -> Iterator[Alarm]:
    """Look for alarms through the envelopes; `around` is what stands about an alarm outside it."""
    if depth == 0:
        return
    if isinstance(value, str):
        with suppress(ValueError, RecursionError):
            inner = json.loads(value, object_pairs_hook=_folded)
            yield from _alarms(inner, around, depth - 1) if not isinstance(inner, str) else ()
    elif isinstance(value, list):
        for raw in value[:_MOST]:
            yield from _alarms(raw, around, depth - 1)
    elif isinstance(value, dict) and _text(value.get("alarmname")):
        yield _alarm(value, around)
    elif isinstance(value, dict):
        for name in (*_INNER, *_ENVELOPES):
            yield from _alarms(value.get(name), value if name in _INNER else {}, depth - 1)


def _alarm(value: Mapping[str, Any], around: Mapping[str, Any]) -> Alarm:
    arn = _arn(value.get("alarmarn")) or _arn(around.get("alarmarn")) or _arn(_first(around.get("resources")))
    return Alarm(
        name=_text(value.get("alarmname"))[:_LONGEST],
        region=_text(around.get("region")) or (arn.region if arn else ""),
        account=_text(around.get("account")) or (arn.account if arn else _text(value.get("awsaccountid"))),
        state=_text_at(value, _STATE),
        since=_instant(_text_at(value, _SINCE)),
        metrics=tuple(_metrics(value))[:_MOST],
        rule=_text_at(value, _RULE),
        description=_text_at(value, _SAID),
        triggering=tuple(_triggering(value.get("triggeringchildren"))),
    )


def _metrics(value: Mapping[str, Any]) -> Iterator[Metric]:
    """Every metric of an alarm: its one, or those that the expressions of a metric-math alarm are made of."""
    for place in (value, value.get("trigger")):
        if isinstance(place, dict) and "metricname" in place:
            yield _metric(place, {})
    for path in _METRICS:
        listed = _at(value, path)
        for query in listed if isinstance(listed, list) else ():
            metric = _at(query, "metricstat.metric")
            if isinstance(metric, dict):
                yield _metric(metric, query)


def _metric(value: Mapping[str, Any], query: Mapping[str, Any]) -> Metric:
    return Metric(
        _text(value.get("namespace")),
        _text(value.get("metricname")) or _text(value.get("name")),
        dict(_dimensions(value.get("dimensions"))),
        _text(query.get("accountid")),
    )


def _dimensions(value: Any) -> Iterator[tuple[str, str]]:
    """Dimensions are a list of names and values, but in events a mapping."""
    if isinstance(value, dict):
        yield from ((name, _text(held)) for name, held in value.items())
    for dimension in value if isinstance(value, list) else ():
        if isinstance(dimension, dict):
            yield _text(dimension.get("name")).lower(), _text(dimension.get("value"))


def _triggering(value: Any) -> Iterator[str]:
    for child in value[:_MOST] if isinstance(value, list) else ():
        name = _bare(_text(child.get("arn")) if isinstance(child, dict) else _text(child))
        if name:
            yield name


def _bare(name: str) -> str:
    """Give an alarm's name from its ARN; a name stays as it is."""
    return name.partition(":alarm:")[2] or name


def _text_at(value: Mapping[str, Any], paths: tuple[str, ...]) -> str:
    return next((text for path in paths if (text := _text(_at(value, path)))), "")


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _arn(value: Any) -> Arn | None:
    with suppress(ValueError):
        return Arn.parse(_text(value))
    return None


def _instant(text: str) -> datetime | None:
    with suppress(ValueError, OverflowError):
        return instant.parse(text)
    return None
