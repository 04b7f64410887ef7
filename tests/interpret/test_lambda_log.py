"""Reading Lambda log lines: every runtime, both formats, both platform styles, one row per line."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_line_samples import AT, ID, NODE, PYTHON, REPORT, TRACE, app_record, node_error, platform_record

from runbook_lib.interpret.lambda_log import FAILURES, LineKind, read

TEXT = [
    (f"START RequestId: {ID} Version: $LATEST\n", "start", None),
    (f"END RequestId: {ID}", "end", None),
    (REPORT.format(ms="3.20", used=64), "report", None),
    (REPORT.format(ms="3.20", used=128), "report", None),
    (REPORT.format(ms="3000.00", used=64) + "Status: timeout", "timeout", None),
    (REPORT.format(ms="9.00", used=64) + "Status: error\tError Type: Runtime.ExitError", "crash", "Runtime.ExitError"),
    (
        REPORT.format(ms="9.00", used=127) + "Status: error\tError Type: Runtime.ExitError",
        "out-of-memory",
        "Runtime.ExitError",
    ),
    (
        REPORT.format(ms="9.00", used=64) + "Status: error\tError Type: Runtime.HandlerNotFound",
        "init-error",
        "Runtime.HandlerNotFound",
    ),
    (REPORT.format(ms="9.00", used=64) + "Status: error\tError Type: Function.Odd", "code-error", "Function.Odd"),
    (
        "INIT_START Runtime Version: python:3.12.v18\tRuntime Version ARN: arn:aws:lambda:x::runtime:y",
        "init-start",
        None,
    ),
    ("INIT_REPORT Init Duration: 90.10 ms\tPhase: init", "init-report", None),
    ("INIT_REPORT Init Duration: 9999.00 ms\tPhase: init\tStatus: timeout", "init-error", None),
    (
        "INIT_REPORT Init Duration: 9.00 ms\tPhase: init\tStatus: error\tError Type: Extension.Crash",
        "init-error",
        "Extension.Crash",
    ),
    ("RESTORE_START Runtime Version: java:21.v5", "platform-other", None),
    ("RESTORE_REPORT Restore Duration: 70.00 ms", "init-report", None),
    ("RESTORE_REPORT Restore Duration: 70.00 ms Status: timeout", "init-error", None),
    ("XRAY TraceId: 1-65e2\tSegmentId: 42ff\tSampled: true", "xray", None),
    ("EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE, SHUTDOWN]", "extension", None),
    ("LOGS\tName: agent\tState: Subscribed\tTypes: [platform]", "extension", None),
    (
        "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code.",
        "platform-other",
        None,
    ),
    (f"{AT} {ID} Task timed out after 3.00 seconds\n\n", "timeout", None),
    (f"RequestId: {ID} Error: Runtime exited without providing a reason\nRuntime.ExitError\n", "crash", None),
    (f"RequestId: {ID} Error: Runtime exited with error: exit status 1\nRuntime.ExitError", "crash", None),
    (f"RequestId: {ID} Error: Runtime exited with error: signal: killed\nRuntime.ExitError", "out-of-memory", None),
    (f"RequestId: {ID} Process exited before completing request", "crash", None),
    ("Runtime.ExitError", "crash", "Runtime.ExitError"),
]

PYTHON_LINES = [
    ("2026-03-02 04:43:07,906 - ERROR - app.orders - could not reach the queue", "code-error", None),
    ("2026-03-02 04:43:07,906 - app.orders - ERROR - could not reach the queue", "code-error", None),
    ("2026-03-02 04:43:07,906 - INFO - app.orders - KeyError: 'status' was handled", "app", None),
    ("2026-03-02 04:43:07,906 - app.orders - WARNING - KeyError: 'status' was handled", "app", None),
    ("2026-03-02 04:43:07,906 - retrying after KeyError: 'status'", "code-error", "KeyError"),
    (PYTHON.format(level="INFO", said="Processed 3 records without error"), "app", None),
    (PYTHON.format(level="WARNING", said="ThrottlingException, will retry"), "app", None),
    (PYTHON.format(level="ERROR", said="could not reach the queue"), "code-error", None),
    (
        PYTHON.format(level="ERROR", said="boom\n" + TRACE.format(code="x", raised="ValueError: bad")),
        "code-error",
        "ValueError",
    ),
    ("[ERROR] KeyError: 'NewImage'\n" + TRACE.format(code="r['NewImage']", raised=""), "missing-image", "KeyError"),
    ("[ERROR] KeyError: 'OldImage'\rTraceback (most recent call last):\r  File \"a\"", "missing-image", "KeyError"),
    ("[ERROR] KeyError: 'status'", "code-error", "KeyError"),
    (
        "[ERROR] TypeError: 'NoneType' object is not subscriptable\n"
        + TRACE.format(code="r.get('NewImage')['a']", raised=""),
        "missing-image",
        "TypeError",
    ),
    (
        "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'orjson'",
        "init-error",
        "Runtime.ImportModuleError",
    ),
    (
        "[ERROR] Runtime.HandlerNotFound: Handler 'main' missing on module 'app'",
        "init-error",
        "Runtime.HandlerNotFound",
    ),
    (
        "[ERROR] Runtime.UserCodeSyntaxError: Syntax error in module 'app': invalid syntax",
        "init-error",
        "Runtime.UserCodeSyntaxError",
    ),
    (
        "[ERROR] ClientError: An error occurred (AccessDeniedException) when calling the PutItem operation: no",
        "access-denied",
        "AccessDeniedException",
    ),
    (
        "[ERROR] ClientError: An error occurred (ProvisionedThroughputExceededException) when calling",
        "throttled",
        "ProvisionedThroughputExceededException",
    ),
    ("[ERROR] ClientError: An error occurred (Throttling) when calling the X operation", "throttled", "Throttling"),
    ("[ERROR] MemoryError", "out-of-memory", "MemoryError"),
    (TRACE.format(code="x()", raised="decimal.InvalidOperation: [<class 'x'>]"), "code-error", None),
    (TRACE.format(code="x()", raised="ZeroDivisionError: division by zero"), "code-error", "ZeroDivisionError"),
    ("Unable to import module 'app': No module named app", "init-error", None),
]

NODE_LINES = [
    (NODE.format(level="INFO", said="Loading module for OldImage handling"), "app", None),
    (NODE.format(level="WARN", said="AccessDenied on cache, going on"), "app", None),
    (
        f"{AT}\tundefined\tERROR\tUncaught Exception \t"
        + json.dumps({"errorType": "Runtime.ImportModuleError", "errorMessage": "Error: Cannot find module 'x'"}),
        "init-error",
        "Runtime.ImportModuleError",
    ),
    (node_error("TypeError", "Cannot read properties of undefined (reading 'S')"), "missing-image", "TypeError"),
    (node_error("TypeError", "Cannot read property 'N' of undefined"), "missing-image", "TypeError"),
    (node_error("TypeError", "Cannot read properties of undefined (reading 'length')"), "code-error", "TypeError"),
    (
        node_error("AccessDeniedException", "User is not authorized to perform: sqs:SendMessage"),
        "access-denied",
        "AccessDeniedException",
    ),
    (node_error("Runtime.UnhandledPromiseRejection", "Error: late"), "code-error", "Runtime.UnhandledPromiseRejection"),
    (node_error("Runtime.NodejsExit", "the code ended the process"), "crash", "Runtime.NodejsExit"),
    (
        "<--- Last few GCs --->\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        "out-of-memory",
        None,
    ),
]

OTHER_LINES = [
    (
        'java.lang.NullPointerException: Cannot invoke "java.util.Map.get(Object)" because the return value of '
        '"StreamRecord.getNewImage()" is null\n\tat example.Handler.handle(Handler.java:9)',
        "missing-image",
        "java.lang.NullPointerException",
    ),
    (
        "java.lang.IllegalStateException: no\n\tat a.b(C.java:1)\nCaused by: java.io.IOException: x",
        "code-error",
        "java.lang.IllegalStateException",
    ),
    ('Exception in thread "main" java.lang.OutOfMemoryError: Metaspace', "out-of-memory", "java.lang.OutOfMemoryError"),
    ("Class not found: example.Handler: java.lang.ClassNotFoundException", "init-error", None),
    ("Error loading class example.Handler: java.lang.NoClassDefFoundError", "init-error", None),
    (f"2026-03-02 04:43:07 {ID} INFO  Handler:65 - Log level is now [ERROR].", "app", None),
    (f"2026-03-02 04:43:07 {ID} ERROR Handler:70 - gave up", "code-error", None),
    (
        "Unhandled exception. System.NullReferenceException: Object reference not set\n   at F.G()",
        "code-error",
        "System.NullReferenceException",
    ),
    (f"{AT}\t{ID}\tfail\tcould not parse", "code-error", None),
    (f"{AT}\t{ID}\tinfo\tparsed", "app", None),
    (
        "System.Collections.Generic.KeyNotFoundException: The given key 'NewImage' was not present in the dictionary.",
        "missing-image",
        "System.Collections.Generic.KeyNotFoundException",
    ),
    ("panic: runtime error: index out of range [3] with length 1\n\ngoroutine 1 [running]:", "code-error", None),
    ("fatal error: runtime: out of memory", "out-of-memory", None),
    ("E, [2026-03-02T04:43:07.1 #8] ERROR " + ID + " -- : gave up", "code-error", None),
    ("I, [2026-03-02T04:43:07.1 #8] INFO " + ID + " -- : went on", "app", None),
    (
        'Error raised from handler method\n{"errorMessage": "no", "errorType": "Function<NoMethodError>"}',
        "code-error",
        "Function<NoMethodError>",
    ),
    ('{"errorMessage": "cannot load such file -- x", "errorType": "Init<LoadError>"}', "init-error", "Init<LoadError>"),
    (f"RequestId: {ID} Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap]", "init-error", None),
    (f"RequestId: {ID} Error: fork/exec /var/task/bootstrap: exec format error", "init-error", None),
    ("Runtime.InvalidEntrypoint", "init-error", "Runtime.InvalidEntrypoint"),
    (
        "Rate exceeded (Service: Lambda; Status Code: 429; Error Code: TooManyRequestsException)",
        "throttled",
        "TooManyRequestsException",
    ),
    ("ERROR: AccessDenied - no identity-based policy allows it", "access-denied", "AccessDenied"),
    ("INFO: finished", "app", None),
    ("END of the nightly run", "app", None),
    ("START of the nightly run", "app", None),
    ("0 errors, 0 exceptions, signal sent, module loaded", "app", None),
    ("", "app", None),
]

JSON_LINES = [
    (platform_record("start", requestId=ID, version="8"), "start", None),
    (platform_record("runtimeDone", requestId=ID, status="failure"), "end", None),
    (platform_record("report", requestId=ID, status="success", metrics={"durationMs": 1.5}), "report", None),
    (platform_record("report", requestId=ID, metrics={"durationMs": 1.5}), "report", None),
    (platform_record("report", requestId=ID, status="timeout", metrics={}), "timeout", None),
    (
        platform_record(
            "report",
            requestId=ID,
            status="error",
            errorType="Runtime.ExitError",
            metrics={"memorySizeMB": 128, "maxMemoryUsedMB": 128},
        ),
        "out-of-memory",
        "Runtime.ExitError",
    ),
    (
        platform_record(
            "report",
            requestId=ID,
            status="error",
            errorType="Runtime.ExitError",
            metrics={"memorySizeMB": 128, "maxMemoryUsedMB": 40},
        ),
        "crash",
        "Runtime.ExitError",
    ),
    (platform_record("report", requestId=ID, status="failure"), "code-error", None),
    (platform_record("initStart", phase="init"), "init-start", None),
    (platform_record("initReport", phase="init", metrics={"durationMs": 2}), "init-report", None),
    (platform_record("initReport", phase="init", status="error", errorType="Runtime.Odd"), "init-error", "Runtime.Odd"),
    (platform_record("extension", name="agent", state="Ready"), "extension", None),
    (platform_record("telemetrySubscription", name="agent"), "extension", None),
    (platform_record("logsDropped", droppedRecords=3), "platform-other", None),
    (
        json.dumps({"time": AT, "type": "platform.fault", "record": f"RequestId: {ID} Error: Runtime exited"}),
        "crash",
        None,
    ),
    (
        json.dumps({"time": AT, "type": "function", "record": "[ERROR] KeyError: 'NewImage'"}),
        "missing-image",
        "KeyError",
    ),
    (json.dumps({"time": AT, "type": "function", "record": "[INFO] fine"}), "app", None),
    (app_record(level="INFO", message="an error-free run of module x"), "app", None),
    (app_record(level="ERROR", message="gave up"), "code-error", None),
    (
        app_record(level="ERROR", message="gave up", errorType="KeyError", errorMessage="'NewImage'", stackTrace=["x"]),
        "missing-image",
        "KeyError",
    ),
    (
        app_record(
            level="ERROR",
            message={"errorType": "TypeError", "errorMessage": "Cannot read properties of undefined (reading 'S')"},
        ),
        "missing-image",
        "TypeError",
    ),
    (
        app_record(
            level="ERROR",
            message="late",
            exception="Traceback (most recent call last):\n  a\nOSError: no",
            exception_name="OSError",
        ),
        "code-error",
        "OSError",
    ),
    (app_record(level=30, message="pino"), "app", None),
    (app_record(level=50, message="pino"), "code-error", None),
    (app_record(message="TooManyRequestsException from upstream"), "throttled", "TooManyRequestsException"),
    (json.dumps({"errorMessage": "Handler fails", "errorType": "Exception"}), "code-error", "Exception"),
    (json.dumps({"errorMessage": f"RequestId: {ID} Error: Task timed out after 1.00 seconds"}), "timeout", None),
    (json.dumps({"_aws": {}, "Errors": 0}), "app", None),
    (json.dumps({"type": "order", "record": 3}), "app", None),
    ("{not json", "app", None),
    ("[1, 2]", "app", None),
]

ALL = [*TEXT, *PYTHON_LINES, *NODE_LINES, *OTHER_LINES, *JSON_LINES]


@pytest.mark.parametrize(("message", "kind", "error_type"), ALL)
def test_line_is_of_its_kind(message: str, kind: str, error_type: str | None) -> None:
    """Each line is of the kind a Lambda engineer would call it, with the error's name where it gives one."""
    line = read(message)
    assert line.kind == kind
    assert line.is_failure is (line.kind in FAILURES)
    if error_type:
        assert line.error_type == error_type


def test_every_kind_is_met() -> None:
    """The table above shows each kind at least once."""
    assert {kind for _, kind, _ in ALL} == set(LineKind)


@given(
    st.text(max_size=200)
    | st.sampled_from([message for message, _, _ in ALL]).flatmap(
        lambda message: st.integers(0, 60).map(lambda cut: message[cut:])
    )
)
def test_no_text_stops_the_reader(message: str) -> None:
    """Any text is read as something, cut lines included, and its message is one bounded line."""
    line = read(message)
    assert isinstance(line.kind, LineKind)
    assert len(line.message) <= 500


@pytest.mark.parametrize(
    "filler", ["null None KeyError: ", "a.b.c.", "Error ", "{", '"errorType": "', "Traceback (\n", "Status: x "]
)
def test_huge_line_is_read_at_once(filler: str) -> None:
    """A log event of the largest size AWS takes, built to be expensive, is still read in a moment."""
    started = time.process_time()
    read(filler * (262_144 // len(filler)))
    read("[ERROR] " + filler * 10_000 + "NewImage")
    assert time.process_time() - started < 10


def test_many_lines_take_seconds() -> None:
    """20,000 lines of every kind take a fraction of this; a pattern gone wild takes minutes."""
    messages = [message for message, _, _ in ALL]
    started = time.process_time()
    for index in range(20_000):
        read(messages[index % len(messages)])
    assert time.process_time() - started < 10
