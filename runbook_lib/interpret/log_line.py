"""Lines of a Lambda function's log, read into what they mean: platform reports, failures, and everything else.

Reads both log formats (text and JSON), both platform styles (timeouts and crashes once had lines of their own and now
end the REPORT line as `Status: timeout` or `Status: error Error Type: ...`), and what the managed runtimes and custom
ones write about errors.

Sources: docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html (old and new style),
.../telemetry-schema-reference.html and .../monitoring-cloudwatchlogs-logformat.html (JSON). That `signal: killed`
means out of memory is long-standing experience, not documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from runbook_lib.interpret.log_signs import LEVELS, PREFIXES, error_name, raised_in, sign_of, unwrapped

_LONGEST = 500


class LineKind(StrEnum):
    """What a line is. The kinds from `TIMEOUT` to `CODE_ERROR` say that something failed."""

    START = "start"
    END = "end"
    REPORT = "report"
    INIT_START = "init-start"
    INIT_REPORT = "init-report"
    EXTENSION = "extension"
    XRAY = "xray"
    PLATFORM_OTHER = "platform-other"
    APP = "app"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out-of-memory"
    CRASH = "crash"
    INIT_ERROR = "init-error"
    ACCESS_DENIED = "access-denied"
    THROTTLED = "throttled"
    MISSING_IMAGE = "missing-image"
    CODE_ERROR = "code-error"


FAILURES = frozenset(
    {
        LineKind.TIMEOUT,
        LineKind.OUT_OF_MEMORY,
        LineKind.CRASH,
        LineKind.INIT_ERROR,
        LineKind.ACCESS_DENIED,
        LineKind.THROTTLED,
        LineKind.MISSING_IMAGE,
        LineKind.CODE_ERROR,
    }
)
"""The kinds of line that report a failure. A failed invocation may leave several of them, and code may log an error and
still succeed: count invocations with metrics, not with lines."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log event, read.

    `message` is what it says in one line, without the runtime's prefix. A field that the line does not carry is None.
    `duration_ms` is of the invocation (of the init phase in an INIT_REPORT; the limit reached in an old-style timeout);
    `memory_mb` is what the function is given, `max_memory_mb` what it used. Retries may reuse a `request_id`.
    """

    kind: LineKind
    message: str
    request_id: str | None = None
    error_type: str | None = None
    duration_ms: float | None = None
    memory_mb: int | None = None
    max_memory_mb: int | None = None
    status: str | None = None
    version: str | None = None
    sequence_number: str | None = None

    @property
    def is_failure(self) -> bool:
        """Whether the line reports a failure: of the platform, or one that the code raised or logged."""
        return self.kind in FAILURES


def read(message: str) -> LogLine:
    """Read one log event, which may hold several lines (a stack trace). Never raises: what it cannot read is APP."""
    text = message.strip()
    if "\r" in text:
        # Some runtimes keep a trace in one event by ending its lines with carriage returns.
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    token = text.partition(" ")[0].partition("\t")[0]
    platform = _PLATFORM.get(token)
    if platform and text.startswith(platform[1]):
        return _platform_line(platform[0], text)
    if text.startswith("{"):
        document = _document(text)
        if document is not None:
            return _json_line(document, text)
    return _text_line(text)


_PLATFORM: Mapping[str, tuple[LineKind, str]] = {
    "START": (LineKind.START, "START RequestId:"),
    "END": (LineKind.END, "END RequestId:"),
    "REPORT": (LineKind.REPORT, "REPORT RequestId:"),
    "INIT_START": (LineKind.INIT_START, "INIT_START"),
    "INIT_REPORT": (LineKind.INIT_REPORT, "INIT_REPORT"),
    "RESTORE_START": (LineKind.PLATFORM_OTHER, "RESTORE_START"),
    "RESTORE_REPORT": (LineKind.INIT_REPORT, "RESTORE_REPORT"),
    "XRAY": (LineKind.XRAY, "XRAY TraceId:"),
    "EXTENSION": (LineKind.EXTENSION, "EXTENSION\tName:"),
    "LOGS": (LineKind.EXTENSION, "LOGS\tName:"),
    "TELEMETRY": (LineKind.EXTENSION, "TELEMETRY\tName:"),
    "LAMBDA_WARNING:": (LineKind.PLATFORM_OTHER, "LAMBDA_WARNING:"),
}
"""What the platform writes in text format: the line's first word, what the line is, and how it must begin."""

_REPORTED = re.compile(
    r"(RequestId|Version|Init Duration|Billed Restore Duration|Restore Duration|Billed Duration|Duration|Memory Size|"
    r"Max Memory Used|Status|Error Type): ?([^\s,]+)"
)


def _platform_line(kind: LineKind, text: str) -> LogLine:
    said = dict(_REPORTED.findall(text))
    timed = {LineKind.REPORT: "Duration", LineKind.INIT_REPORT: "Init Duration"}.get(kind, "")
    return _reported(
        kind,
        text,
        request_id=said.get("RequestId"),
        duration=said.get(timed) or said.get("Restore Duration"),
        memory=said.get("Memory Size"),
        used=said.get("Max Memory Used"),
        status=said.get("Status"),
        error_type=said.get("Error Type"),
        version=said.get("Version") if kind is LineKind.START else None,
    )


def _reported(
    kind: LineKind,
    text: str,
    *,
    request_id: Any = None,
    duration: Any = None,
    memory: Any = None,
    used: Any = None,
    status: Any = None,
    error_type: Any = None,
    version: Any = None,
) -> LogLine:
    """Build a platform line; a REPORT of a failed phase is of the kind of its failure."""
    size, most = _number(memory), _number(used)
    if kind in (LineKind.REPORT, LineKind.INIT_REPORT) and status not in (None, "success"):
        kind = _failed_phase(kind, str(status), str(error_type or ""), size, most)
        text = f"Status: {status}" + (f" Error Type: {error_type}" if error_type else "")
    return LogLine(
        kind,
        text[:_LONGEST],
        _word(request_id),
        _word(error_type),
        _number(duration),
        None if size is None else int(size),
        None if most is None else int(most),
        _word(status),
        _word(version),
    )


def _failed_phase(kind: LineKind, status: str, error_type: str, size: float | None, used: float | None) -> LineKind:
    if kind is LineKind.INIT_REPORT:
        return LineKind.INIT_ERROR
    if status == "timeout":
        return LineKind.TIMEOUT
    sign = sign_of(error_type)
    found = LineKind(sign[0]) if sign else LineKind.CODE_ERROR
    # The new style no longer says "signal: killed": a crash with the memory used up is the same thing.
    if found is LineKind.CRASH and size and used and used >= 0.98 * size:
        return LineKind.OUT_OF_MEMORY
    return found


_PLATFORM_EVENTS: Mapping[str, LineKind] = {
    "platform.start": LineKind.START,
    "platform.runtimeDone": LineKind.END,
    "platform.end": LineKind.END,
    "platform.report": LineKind.REPORT,
    "platform.initStart": LineKind.INIT_START,
    "platform.initReport": LineKind.INIT_REPORT,
    "platform.restoreReport": LineKind.INIT_REPORT,
    "platform.extension": LineKind.EXTENSION,
    "platform.telemetrySubscription": LineKind.EXTENSION,
    "platform.logsSubscription": LineKind.EXTENSION,
}
"""A failed `runtimeDone` stays END: the report of the same invocation carries the same status."""


def _document(text: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _json_line(document: Mapping[str, Any], text: str) -> LogLine:
    """Read a line in JSON format: of the platform, of the code, or an error as the runtime prints it."""
    event, record = document.get("type"), document.get("record")
    if not isinstance(event, str) or "record" not in document:
        return _app_document(document, text)
    if isinstance(record, str):
        return read(record)
    record = record if isinstance(record, dict) else {}
    if not event.startswith("platform."):
        return _app_document(record, text)
    return _platform_record(event, record)


def _platform_record(event: str, record: Mapping[str, Any]) -> LogLine:
    metrics = record.get("metrics")
    metrics = metrics if isinstance(metrics, dict) else {}
    return _reported(
        _PLATFORM_EVENTS.get(event, LineKind.PLATFORM_OTHER),
        event,
        request_id=record.get("requestId"),
        duration=metrics.get("durationMs"),
        memory=metrics.get("memorySizeMB"),
        used=metrics.get("maxMemoryUsedMB"),
        status=record.get("status"),
        error_type=record.get("errorType"),
        version=record.get("version"),
    )


_REQUEST_ID_NAMES = ("requestId", "AWSrequestId", "AWSRequestId", "function_request_id", "aws_request_id", "request_id")
_TYPE_NAMES = ("errorType", "exception_name", "error_type")
_ERROR_NAMES = ("errorMessage", "exception", "error")
_NUMBERED_LEVELS = {40: "WARN", 50: "ERROR", 60: "FATAL"}


def _app_document(document: Mapping[str, Any], text: str) -> LogLine:
    """Read what the code logged as JSON; Node.js puts a logged error inside `message`."""
    said = document.get("message")
    inner = said if isinstance(said, dict) else {}
    error_type = _first(document, _TYPE_NAMES) or _first(inner, _TYPE_NAMES)
    error = _first(document, _ERROR_NAMES) or _first(inner, _ERROR_NAMES)
    level = document.get("level", "")
    level = _NUMBERED_LEVELS.get(level, "INFO") if isinstance(level, int) else str(level).upper()
    plain = said if isinstance(said, str) else error or error_type or text
    if not level and (error_type or error):
        level = "ERROR"
    shown = _one_line(error or plain)
    shown = f"{error_type}: {shown}" if error_type and error_type not in shown else shown
    whole = text if error_type or error else plain
    return _app(shown, whole, level, _word(_first(document, _REQUEST_ID_NAMES)), error_type, text)


def _text_line(text: str) -> LogLine:
    """Read a line in text format: strip the runtime's prefix, then see what the rest says."""
    level, request_id, body = "", None, text
    for prefix in PREFIXES:
        found = prefix.match(text)
        if found:
            level = (found["level"] or "").upper()
            request_id = found["rid"]
            body = text[found.end() :]
            break
    if request_id == "undefined":
        # Node.js before the first invocation.
        request_id = None
    return _app(body, body, level, request_id, None, text)


def _app(shown: str, whole: str, level: str, request_id: str | None, error_type: str | None, text: str) -> LogLine:
    """Build a line of the code or the runtime from its message, everything it holds, and the level it was logged at."""
    severity = LEVELS.get(level)
    sign = sign_of(_telling(whole)) if severity is not False else None
    if sign is None and not severity:
        return LogLine(LineKind.APP, _one_line(shown), request_id, error_type, sequence_number=_sequence(text))
    shown, error_type = unwrapped(shown, error_type)
    said = _one_line(shown)
    kind = LineKind(sign[0]) if sign else LineKind.CODE_ERROR
    limit = _TIMED_OUT.search(said) if kind is LineKind.TIMEOUT else None
    return LogLine(
        kind,
        said,
        request_id or _requested(said),
        (sign[1] if sign else None) or error_type or error_name(said),
        float(limit[1]) * 1000 if limit else None,
        sequence_number=_sequence(text),
    )


def _telling(text: str) -> str:
    """The part of a text that is searched: a log event may be 256 KB long, and says what failed at either end."""
    return text if len(text) <= 6000 else f"{text[:4000]}\n{text[-2000:]}"


_TIMED_OUT = re.compile(r"Task timed out after (\d+(?:\.\d+)?) seconds")
_REQUESTED = re.compile(r"RequestId: ([0-9a-f-]{36})")
_SEQUENCE = re.compile(r"equence[_ ]?[Nn]umber\W{1,6}(\d{12,40})")


def _requested(text: str) -> str | None:
    found = _REQUESTED.search(text)
    return found[1] if found else None


def _sequence(text: str) -> str | None:
    """The sequence number of a stream record, if the line names one; 21 to 40 digits by the API's model."""
    found = _SEQUENCE.search(text) if "equence" in text else None
    return found[1] if found else None


def _one_line(text: str) -> str:
    """The words that say what went wrong: the first line, and the last of a Python traceback, which names the error."""
    if "\n" not in text:
        return text[:_LONGEST]
    first = text.partition("\n")[0].strip()
    raised = raised_in(text) if "Traceback (" in text else None
    if raised and first.startswith("Traceback ("):
        return raised[:_LONGEST]
    return (f"{first}: {raised}" if raised and raised not in first else first)[:_LONGEST]


def _first(document: Mapping[str, Any], names: Iterable[str]) -> str | None:
    return next((value for name in names if isinstance(value := document.get(name), str) and value), None)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
