"""How the runtimes begin their log lines, and by what words a failure is known.

The tables here are the knowledge of `lambda_log`: a new runtime or a new wording is a row, not a branch.
Sources: the "Log and monitor" and "errors" pages of each runtime in docs.aws.amazon.com/lambda/latest/dg/, and
docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html for start-up errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

LEVELS: Mapping[str, bool] = {
    **dict.fromkeys(("FATAL", "CRITICAL", "CRIT", "SEVERE", "ERROR", "ERR", "FAIL"), True),
    **dict.fromkeys(("WARN", "WARNING", "NOTICE", "INFO", "DEBUG", "DBUG", "TRACE", "TRCE", "FINE"), False),
}
"""Log levels: whether the code called it an error. A warning is what the code chose to live with."""

_LEVEL = (
    r"(?P<level>FATAL|CRITICAL|SEVERE|ERROR|WARN(?:ING)?|NOTICE|INFO|DEBUG|TRACE|FINE"
    r"|crit|fail|err|warn|info|dbug|trce)"
)
_ID = r"(?P<rid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|undefined)"
_TIME = r"\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.,]*(?:Z|[+-]\d\d:?\d\d)?\]?"

PREFIXES = (
    # Python's logging in a format of its own: time, level and logger between dashes, in either order.
    re.compile(rf"{_TIME}(?P<rid>)\s+-\s+(?:[\w.]+\s+-\s+)?{_LEVEL}\s+-\s+"),
    # Node.js, .NET, Java with Log4j: time, request id, level. A platform line has no level.
    re.compile(rf"{_TIME}\s+(?:{_ID}\s+)?(?:{_LEVEL}\b:?\s+)?"),
    # Python: level, then time and request id when the logger wrote it, neither when the runtime did.
    re.compile(rf"\[{_LEVEL}\]\s*(?:{_TIME}\s+)?(?:{_ID}\s+)?"),
    # Ruby: severity letter, time and process, level.
    re.compile(rf"[DIWEFA], \[[^\]]*\]\s+{_LEVEL}\s+(?:{_ID}\s+)?-- [^:]*:\s*"),
    # The platform about a runtime that died.
    re.compile(rf"RequestId: {_ID}(?P<level>)\s+(?=Error\b|Process\b)"),
    re.compile(r"(?P<level>FATAL|CRITICAL|SEVERE|ERROR|WARN(?:ING)?|INFO|DEBUG|TRACE)\b:?(?P<rid>)\s+(?=\S)"),
)
"""How a line begins, by who writes it; each gives `level` and `rid` (the request id), either possibly empty."""

_NAME = r"[A-Za-z_][\w.$:]*"
_ERROR_NAME = rf"{_NAME}(?:Error|Exception|Panic|Fault|Interrupt|Exit)\b"


@dataclass(frozen=True)
class _Sign:
    """Words that tell a failure: any of `needles` for a quick look, then `pattern`; its group `code` is a name."""

    kind: str
    needles: tuple[str, ...]
    pattern: re.Pattern[str]


_SIGNS = (
    _Sign(
        "timeout",
        ("Task timed out", "Sandbox.Timedout"),
        re.compile(r"Task timed out after|Sandbox\.Timedout"),
    ),
    _Sign(
        "out-of-memory",
        ("signal: killed", "OutOfMemory", "out of memory", "MemoryError"),
        re.compile(
            r"signal: killed|OutOfMemory(?:Error|Exception)?\b|heap out of memory|runtime: out of memory"
            r"|\b(?:No)?MemoryError\b"
        ),
    ),
    _Sign(
        "init-error",
        ("Runtime", "module", "bootstrap", "load", "Class not found", "Init<", "Validation", "exec format", "Launch"),
        re.compile(
            r"Runtime\.(?:ImportModuleError|HandlerNotFound|UserCodeSyntaxError|InvalidEntrypoint|MalformedHandlerName"
            r"|MalformedStreamingHandler|InvalidWorkingDir|InvalidHandler\w*|BadFunctionCode|ClassNotFound)"
            r"|Unable to import module|Unable to load type|Cannot find module|Handler '[^']*' missing on module"
            r"|Syntax error in module|valid bootstrap|Runtime failed to start|/bootstrap: |exec format error"
            r"|^(?:Class not found|Error loading (?:class|method))|Init<|LambdaValidationException|IMAGE\s+Launch error"
        ),
    ),
    _Sign(
        "crash",
        ("Runtime", "Extension.", "exited", "signal: ", "egmentation fault"),
        re.compile(
            r"Runtime\.(?:ExitError|NodejsExit)|Extension\.[A-Z]\w+|Runtime exited|Process exited before completing"
            r"|signal: \w+|[Ss]egmentation fault"
        ),
    ),
    _Sign(
        "access-denied",
        ("AccessDenied", "Access denied", "Access Denied", "not authorized", "Unauthorized", "AuthorizationError"),
        re.compile(
            r"(?P<code>(?:KMS)?AccessDenied(?:Exception)?\b|UnauthorizedOperation|AuthorizationError(?:Exception)?\b)"
            r"|is not authorized to (?:perform|invoke|access)|Access [Dd]enied"
        ),
    ),
    _Sign(
        "throttled",
        ("Exceeded", "exceeded", "Throttl", "TooManyRequests", "SlowDown"),
        re.compile(
            r"(?P<code>(?:ProvisionedThroughputExceeded|Throttling|Throttled|TooManyRequests|RequestLimitExceeded"
            r"|RequestThrottled|LimitExceeded)(?:Exception|Error)\b|RequestLimitExceeded\b|\bSlowDown\b"
            r"|(?<=\()Throttling(?=\)))|\bRate [Ee]xceeded\b"
        ),
    ),
    _Sign(
        "missing-image",
        ("NewImage", "OldImage", "new_image", "old_image", "of undefined"),
        re.compile(
            r"(?:KeyError|undefined|null|None|nil\b|NullPointer|not found|NoMethod).*(?:New|Old|new_|old_)[Ii]mage\b"
            r"|(?:New|Old|new_|old_)[Ii]mage\b.*(?:is null|is undefined|None|was not present)"
            r"|of undefined \(reading '(?:S|N|B|M|L|SS|NS|BS|BOOL|NULL)'\)"
            r"|Cannot read property '(?:S|N|B|M|L|SS|NS|BS|BOOL|NULL)' of undefined",
            re.DOTALL,
        ),
    ),
    _Sign(
        "code-error",
        ("rror", "xception", "anic: ", "Traceback ", "Panic", "Fault", "Interrupt", "Exit", "Unhandled"),
        re.compile(
            rf"^(?:Uncaught |Unhandled exception\. |Caused by: )?{_ERROR_NAME}(?=:|<|\s*$| \()|^Error: "
            r"|^Traceback \(most recent call last\)|^panic: |^fatal error: |Exception in thread|Unhandled exception"
            r"|Uncaught Exception|Unhandled Promise Rejection|Error raised from handler"
            r"|(?:Error|Exception): |\"errorType\": ?\"",
            re.MULTILINE,
        ),
    ),
)
"""In order of precedence: a denied call that ends in a KeyError is a denied call."""


def sign_of(text: str) -> tuple[str, str | None] | None:
    """Say which failure a text tells and the error's name where the sign itself is one; None when it tells none."""
    for sign in _SIGNS:
        for needle in sign.needles:
            if needle in text:
                if sign.pattern.search(text):
                    return sign.kind, _code(sign.pattern, text)
                break
    return None


def _code(pattern: re.Pattern[str], text: str) -> str | None:
    if "code" not in pattern.groupindex:
        return None
    return next((found["code"] for found in pattern.finditer(text) if found["code"]), None)


_EMBEDDED_TYPE = re.compile(r'"errorType":\s*"([^"]+)"')
_EMBEDDED_MESSAGE = re.compile(r'"errorMessage":\s*"((?:[^"\\]|\\.)*)"')
_LEADING = re.compile(
    r"(?:Exception in thread \"[^\"]*\" |Unhandled exception\. |Uncaught |Caused by: )?(?:Function|Init)?<?"
    rf"({_ERROR_NAME})"
)
_RUNTIME = re.compile(r"\b(?:Runtime|Extension|Sandbox)\.[A-Z]\w+")
_INSIDE = re.compile(rf"\b({_ERROR_NAME})(?=: )")


def unwrapped(text: str, error_type: str | None) -> tuple[str, str | None]:
    """Take the error out of the JSON that Node.js and Ruby print behind a few words; else give back what came."""
    if '"errorType"' not in text or error_type:
        return text, error_type
    kind, message = _EMBEDDED_TYPE.search(text), _EMBEDDED_MESSAGE.search(text)
    if not kind:
        return text, error_type
    return f"{kind[1]}: {message[1] if message else ''}".rstrip(": "), kind[1]


def error_name(text: str) -> str | None:
    """The name of the error in a one-line message (`KeyError`, `Runtime.ExitError`); None when it gives none."""
    found = _RUNTIME.search(text)
    if found:
        return found[0]
    found = _LEADING.match(text) or _INSIDE.search(text)
    return found[1] if found else None


_RAISED = re.compile(rf"{_NAME}(?:: .*)?")


def raised_in(trace: str) -> str | None:
    """The last line of a Python traceback that names an exception: at the margin, unlike code; None without one."""
    lines = (line.rstrip() for line in reversed(trace.splitlines()[1:]))
    return next((line for line in lines if _RAISED.fullmatch(line)), None)
