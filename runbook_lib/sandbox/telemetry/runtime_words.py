"""An unhandled error as each runtime of Lambda writes it into the log (Text format).

Python's words follow the guide; those of the other runtimes are as remembered, and held against no recording.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from runbook_lib.sandbox.account.code import Failure


def in_words(runtime: str, failure: Failure, request: str, at: str) -> str:
    """What a runtime (`nodejs22.x`) logs of a failure, with its trace; an unknown one speaks like a custom runtime."""
    name = next((name for name in _WORDS if runtime.startswith(name)), "provided")
    return _WORDS[name](failure, request, at)


def runtime_version(runtime: str) -> str:
    """The version that INIT_START names: `python:3.12.v71` of `python3.12`."""
    name = runtime.rstrip(".x0123456789")
    return f"{name}:{runtime[len(name) :].removesuffix('.x')}.v71"


def _python(failure: Failure, request: str, at: str) -> str:
    trace = "\n".join(("Traceback (most recent call last):", *failure.trace))
    return f"[ERROR] {failure.error_type}: {failure.message}\n{trace}\n"


def _node(failure: Failure, request: str, at: str) -> str:
    said = f"{failure.error_type}: {failure.message}"
    stack = [said, *(line.strip() for line in failure.trace)]
    body = {"errorType": failure.error_type, "errorMessage": failure.message, "stack": stack}
    kind = "Uncaught Exception" if failure.at_init else "Invoke Error"
    return f"{at}\t{request}\tERROR\t{kind} \t{json.dumps(body, separators=(',', ':'))}\n"


def _java(failure: Failure, request: str, at: str) -> str:
    trace = "".join(f"\tat {line.strip()}\n" for line in failure.trace)
    return f"{failure.message}: {failure.error_type}\n{failure.error_type}: {failure.message}\n{trace}\n"


def _ruby(failure: Failure, request: str, at: str) -> str:
    body = {
        "errorMessage": failure.message,
        "errorType": f"Function<{failure.error_type}>",
        "stackTrace": [line.strip() for line in failure.trace],
    }
    return f"Error raised from handler method\n{json.dumps(body)}\n"


def _dotnet(failure: Failure, request: str, at: str) -> str:
    trace = "".join(f"   at {line.strip()}\n" for line in failure.trace)
    return f"{at}\t{request}\tfail\t{failure.error_type}: {failure.message}\n{trace}\n"


def _custom(failure: Failure, request: str, at: str) -> str:
    return json.dumps({"errorMessage": failure.message, "errorType": failure.error_type}) + "\n"


_WORDS: Mapping[str, Callable[[Failure, str, str], str]] = {
    "python": _python,
    "nodejs": _node,
    "java": _java,
    "ruby": _ruby,
    "dotnet": _dotnet,
    "provided": _custom,
}
