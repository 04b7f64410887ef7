"""What a log line carries: the measures of a report, request ids, sequence numbers, words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from log_line_samples import AT, ID, NODE, PYTHON, REPORT, TRACE, app_record, node_error, platform_record

from runbook_lib.interpret.lambda_log import LineKind, LogLine, read


def test_report_gives_its_measures() -> None:
    """A REPORT line gives request id, duration, memory and, in the new style, status and error."""
    line = read(
        REPORT.format(ms="933.59", used=127) + "Init Duration: 80.00 ms\tStatus: error\tError Type: Runtime.ExitError"
    )
    assert line == LogLine(
        LineKind.OUT_OF_MEMORY,
        "Status: error Error Type: Runtime.ExitError",
        request_id=ID,
        error_type="Runtime.ExitError",
        duration_ms=933.59,
        memory_mb=128,
        max_memory_mb=127,
        status="error",
    )


def test_json_report_gives_the_same_measures() -> None:
    """The JSON report of an invocation reads like its text report."""
    metrics = {"durationMs": 933.59, "memorySizeMB": 128, "maxMemoryUsedMB": 127, "initDurationMs": 80.0}
    text = REPORT.format(ms="933.59", used=127) + "Status: error\tError Type: Runtime.ExitError"
    record = platform_record("report", requestId=ID, status="error", errorType="Runtime.ExitError", metrics=metrics)
    assert read(record) == read(text)


@pytest.mark.parametrize(
    ("message", "field", "value"),
    [
        (f"START RequestId: {ID} Version: 7", "version", "7"),
        (f"{AT} {ID} Task timed out after 3.05 seconds", "duration_ms", 3050.0),
        (f"{AT} {ID} Task timed out after 3.05 seconds", "request_id", ID),
        (f"RequestId: {ID} Error: Runtime exited", "request_id", ID),
        (f"[ERROR] ValueError: gave up on RequestId: {ID}", "request_id", ID),
        (PYTHON.format(level="ERROR", said="x"), "request_id", ID),
        (NODE.format(level="INFO", said="x"), "request_id", ID),
        (f"{AT}\tundefined\tERROR\tx", "request_id", None),
        (app_record(level="INFO", message="x"), "request_id", ID),
        (json.dumps({"level": "INFO", "message": "x", "AWSrequestId": ID}), "request_id", ID),
        ("INIT_REPORT Init Duration: 9.50 ms", "duration_ms", 9.5),
        ("x {'SequenceNumber': '123450000000012345678901'}", "sequence_number", "123450000000012345678901"),
        (
            '{"message": "x", "sequenceNumber": "123450000000012345678901"}',
            "sequence_number",
            "123450000000012345678901",
        ),
        ("sequence number 12", "sequence_number", None),
        (PYTHON.format(level="ERROR", said="gave up"), "message", "gave up"),
        ("[ERROR] KeyError: 'a'\n" + TRACE.format(code="x", raised=""), "message", "KeyError: 'a'"),
        (TRACE.format(code="x", raised="ValueError: bad"), "message", "ValueError: bad"),
        (
            PYTHON.format(level="ERROR", said="gave up\n" + TRACE.format(code="x", raised="ValueError: bad")),
            "message",
            "gave up: ValueError: bad",
        ),
        (node_error("TypeError", 'no "x"'), "message", 'TypeError: no \\"x\\"'),
        (app_record(level="ERROR", message="m", errorType="E", errorMessage="bad"), "message", "E: bad"),
        ("x" * 2000, "message", "x" * 500),
    ],
)
def test_line_gives_its_fields(message: str, field: str, value: Any) -> None:
    """What a line carries is read into the field of that name; what it lacks is None."""
    assert getattr(read(message), field) == value
