"""The log of a Lambda function: `read` a line, join the lines of a trace, count equal errors as one class."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib.interpret.log_line import FAILURES, LineKind, LogLine, read

__all__ = ["FAILURES", "ErrorClass", "LineKind", "LogEvent", "LogLine", "group", "join_traces", "read", "signature"]

LogEvent = tuple[datetime, str, str]
"""When (UTC), which log stream, what: as FilterLogEvents gives it."""


@dataclass(frozen=True)
class ErrorClass:
    """Failures that say the same thing.

    `signature` is the error with ids, numbers and times taken out; `times` is when each line was written, UTC, oldest
    first: lines, not invocations; `example` is the first one's own words.
    """

    signature: str
    kind: LineKind
    error_type: str | None
    times: tuple[datetime, ...]
    example: str

    @property
    def count(self) -> int:
        """How many lines say it."""
        return len(self.times)

    @property
    def first(self) -> datetime:
        """When the first of them was written."""
        return self.times[0]

    @property
    def last(self) -> datetime:
        """When the newest of them was written."""
        return self.times[-1]


_VARIABLE = re.compile(
    r"(?P<redacted>\bperson-[0-9a-f]{6}\b|\[[a-z][a-z ]* [0-9a-f]{6}\])"
    r"|(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.,]*(?:Z|[+-]\d\d:?\d\d)?)"
    r"|(?P<id>\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
    r"|\b(?=[A-Z]*\d)[A-Z0-9]{20,}\b)"
    r"|(?P<hex>\b0x[0-9a-fA-F]+\b|\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b)"
    r"|(?P<n>\d+(?:[.,]\d+)*)"
)


def signature(line: LogLine) -> str:
    """Give the error's words with times, ids, hexadecimal and numbers replaced, so that equal errors read equal."""
    words = _VARIABLE.sub(lambda found: f"<{found.lastgroup}>", line.message)
    named = line.error_type
    return words if not named or named in line.message else f"{named}: {words}"


def group(lines: Iterable[tuple[datetime, LogLine]]) -> list[ErrorClass]:
    """Count the failures among the lines by class, the most frequent first, equal counts by first occurrence.

    Lines that report no failure are left out; no lines give no classes.
    """
    alike: dict[tuple[LineKind, str], list[tuple[datetime, LogLine]]] = {}
    for at, line in lines:
        if line.is_failure:
            alike.setdefault((line.kind, signature(line)), []).append((at, line))
    classes = (_class(words, members) for (_, words), members in alike.items())
    return sorted(classes, key=lambda error_class: (-error_class.count, error_class.first, error_class.signature))


def _class(words: str, members: list[tuple[datetime, LogLine]]) -> ErrorClass:
    _, line = members[0]
    _, oldest = min(members, key=lambda member: member[0])
    return ErrorClass(words, line.kind, line.error_type, tuple(sorted(at for at, _ in members)), oldest.message)


_CONTINUES = re.compile(
    r"\s+\S|Caused by: |\.\.\. \d+ more|During handling of the above|The above exception|goroutine \d+|\)|\}|\]"
    r"|Traceback \(most recent call last\)|Require stack:|- /|Runtime\.\w+$"
)
_PLATFORM = re.compile(r"(?:START|END|REPORT|INIT_\w+|RESTORE_\w+|XRAY|EXTENSION|LOGS|TELEMETRY)\b|\{")
_AT_MARGIN = re.compile(r"[A-Za-z_][\w.]*(?:: .*)?\Z")
_TOGETHER = timedelta(seconds=2)


def join_traces(events: Iterable[LogEvent]) -> list[LogEvent]:
    """Put the lines of a stack trace back behind the line that heads it, per log stream, within two seconds.

    Runtimes that print line by line leave one event per line of a trace. A traceback with no error line before it heads
    itself. Order is kept; an event that belongs to no trace comes out as it went in.
    """
    joined: list[list[LogEvent]] = []
    heads: dict[str, list[LogEvent]] = {}
    for event in events:
        at, stream, message = event
        head = heads.get(stream)
        if head and at - head[-1][0] <= _TOGETHER and _belongs(head, message):
            head.append(event)
            continue
        joined.append([event])
        if _PLATFORM.match(message):
            heads.pop(stream, None)
        else:
            heads[stream] = joined[-1]
    return [_as_one(part) for part in joined]


def _as_one(part: list[LogEvent]) -> LogEvent:
    at, stream, _ = part[0]
    return part[0] if len(part) == 1 else (at, stream, "\n".join(message.rstrip("\r\n") for _, _, message in part))


def _belongs(head: list[LogEvent], message: str) -> bool:
    """Whether a message goes on with the trace begun."""
    if message.startswith("Traceback "):
        return len(head) > 1 or read(head[0][2]).is_failure
    if _CONTINUES.match(message):
        return True
    # The line that ends a Python traceback stands at the margin, behind an indented one.
    in_trace = head[-1][2][:1] in (" ", "\t") and any(line[2].startswith("Traceback ") for line in head)
    return in_trace and _AT_MARGIN.match(message.rstrip()) is not None
