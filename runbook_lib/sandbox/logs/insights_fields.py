"""The fields CloudWatch Logs Insights finds in a log event.

System fields, the figures of Lambda's REPORT lines, and every leaf of a JSON message; see
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Protocol
from zlib import crc32

Row = dict[str, Any]
"""The fields of one event or of one group; `@timestamp` is in epoch milliseconds."""

MAX_JSON_FIELDS = 200
"""Fields Insights takes from one JSON event."""


class Event(Protocol):
    """A log event: when (epoch milliseconds), in which log stream, and what it says."""

    @property
    def at(self) -> int:
        """Epoch milliseconds."""

    @property
    def stream(self) -> str:
        """The log stream."""

    @property
    def message(self) -> str:
        """The message."""


_TYPE = re.compile(r"(START|END|REPORT) RequestId: ([0-9a-f-]+)")
_FIGURES = {
    "@duration": (re.compile(r"\tDuration: ([\d.]+) ms"), 1.0),
    "@billedDuration": (re.compile(r"Billed Duration: ([\d.]+) ms"), 1.0),
    "@initDuration": (re.compile(r"Init Duration: ([\d.]+) ms"), 1.0),
    "@memorySize": (re.compile(r"Memory Size: (\d+) MB"), 1e6),
    "@maxMemoryUsed": (re.compile(r"Max Memory Used: (\d+) MB"), 1e6),
}
_REQUEST_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def fields_of(event: Event) -> Row:
    """Return the fields of an event; memory in bytes and durations in milliseconds, as Insights has them."""
    pointer = base64.b64encode(f"{event.at}/{event.stream}/{crc32(event.message.encode())}".encode()).decode("ascii")
    row: Row = {"@timestamp": event.at, "@message": event.message, "@logStream": event.stream, "@ptr": pointer}
    kind = _TYPE.match(event.message)
    if kind:
        row |= {"@type": kind[1], "@requestId": kind[2]}
    elif request_id := _REQUEST_ID.search(event.message):
        row["@requestId"] = request_id[0]
    if kind and kind[1] == "REPORT":
        for name, (pattern, unit) in _FIGURES.items():
            if figure := pattern.search(event.message):
                row[name] = float(figure[1]) * unit
    if event.message.lstrip().startswith("{"):
        row |= dict(list(_json_fields(event.message))[:MAX_JSON_FIELDS])
    return row


def _json_fields(message: str) -> Iterator[tuple[str, Any]]:
    """Yield (path, leaf) of a JSON message: `a.b`, `list.0`. A message that is no JSON has none."""
    try:
        document = json.loads(message)
    except ValueError:
        return
    yield from _leaves(document, "")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the leaves below a value; null is no field."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        if value is not None:
            yield path, value
        return
    for key, item in items:
        yield from _leaves(item, f"{path}.{key}" if path else str(key))


def number_of(value: Any) -> float | None:
    """Return a value as a number, or None when it is not one."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except ValueError:
        return None


def shown(value: Any) -> str:
    """Return a value as a result shows it; whole numbers without a fraction."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.4f}".rstrip("0")
    return str(value)


def time_text(milliseconds: int) -> str:
    """Return a time as a result shows it: `2026-03-14 15:09:26.535`, UTC."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
