"""What alarms name: tables, functions and event source mappings, by the dimensions of their metrics. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runbook_lib.alarm.events import Alarm, Metric
from runbook_lib.errors import BadParameters
from runbook_lib.interpret.arn import FunctionRef, table_name_of

_FUNCTION = ("functionname", "function", "functionarn", "lambdafunction")
_TABLE = ("tablename", "table", "tablearn", "streamarn")
_MAPPING = ("eventsourcemappinguuid",)
"""The names of dimensions, in lower case: AWS's own, and what people call theirs."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class NamedResources:
    """What alarms name, each once, in the order in which it was named."""

    tables: tuple[str, ...] = ()
    functions: tuple[FunctionRef, ...] = ()
    mappings: tuple[str, ...] = ()

    @property
    def is_pair(self) -> bool:
        """Whether this is one table and one function, so that nothing need be looked up."""
        return len(self.tables) == len(self.functions) == 1 and not self.mappings

    def __str__(self) -> str:
        words = (("table", self.tables), ("function", self.functions), ("mapping", self.mappings))
        told = [f"{word} {', '.join(map(str, names))}" for word, names in words if names]
        return " and ".join(told) or "no table, function or mapping"


def named_by(alarms: Iterable[Alarm]) -> NamedResources:
    """Gather what the metrics of alarms name. Raises BadParameters for a name that cannot be one."""
    metrics = [metric for alarm in alarms for metric in alarm.metrics]
    return NamedResources(
        tuple(dict.fromkeys(_table(value) for metric in metrics for value in _held(metric, _TABLE))),
        tuple(dict.fromkeys(ref for metric in metrics for ref in _functions(metric))),
        tuple(dict.fromkeys(_mapping(value) for metric in metrics for value in _held(metric, _MAPPING))),
    )


def mentioned(name: str, alarms: Iterable[Alarm]) -> bool:
    """Whether the name or the description of an alarm has this name in it, not as a part of a longer word."""
    word = re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", re.IGNORECASE)
    return any(word.search(text) for alarm in alarms for text in (alarm.name, alarm.description))


def _held(metric: Metric, names: tuple[str, ...]) -> Iterator[str]:
    yield from (value for name in names if (value := metric.dimensions.get(name)))


def _functions(metric: Metric) -> Iterator[FunctionRef]:
    """Lambda tells the alias in a dimension of its own: `Resource` is the name, or `name:alias`."""
    resource = metric.dimensions.get("resource", "")
    for value in _held(metric, _FUNCTION):
        yield _function(resource if resource.startswith(f"{value}:") else value)


def _function(text: str) -> FunctionRef:
    try:
        return FunctionRef.parse(text)
    except ValueError:
        raise _wrong("function", text) from None


def _table(text: str) -> str:
    try:
        return table_name_of(text)
    except ValueError:
        raise _wrong("table", text) from None


def _mapping(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise _wrong("event source mapping", text)
    return text


def _wrong(what: str, text: str) -> BadParameters:
    return BadParameters(
        f"The alarm names the {what} {text[:80]!r}, which is no name of one.", "Name it with --table and --function."
    )
