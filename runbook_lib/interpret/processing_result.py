"""What an event source mapping's `LastProcessingResult` says, and how little it proves.

The text is Lambda's own and not specified; the Lambda API reference, EventSourceMappingConfiguration, calls it only
"the result of the event source mapping's last processing attempt". The access-denied wording follows
docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html; that it appears here, with the mapping still
`Enabled`, and that it outlives its cause, was observed (n=1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from runbook_lib.interpret.arn import role_name_of
from runbook_lib.interpret.policy_document import PolicyType

_PROBLEM = re.compile(r"\s*PROBLEM\b\s*:?\s*", re.IGNORECASE)
_NOT_AUTHORIZED = re.compile(
    r"User:\s+(?P<caller>\S+)\s+is not authorized to perform:\s+(?P<action>[\w-]+:\w+)"
    r"(?:\s+on resource:\s+\"?(?P<resource>[^\s\"]+)\"?)?(?P<why>.*)",
    re.DOTALL,
)
_WHY = re.compile(
    r"(?:with an (?P<explicit>explicit deny) in (?:an?|the)|because no)\s+"
    rf"(?P<type>{'|'.join(re.escape(each) for each in PolicyType)})"
    r"(?:\s*:\s*(?P<policy>arn:\S+))?"
)


class ResultKind(StrEnum):
    """The kinds of result a stream mapping shows."""

    NONE_YET = "none yet"
    OK = "ok"
    FUNCTION_CALL_FAILED = "function call failed"
    NOT_AUTHORIZED = "not authorized"
    INTERNAL_ERROR = "internal error"
    CANNOT_ASSUME_ROLE = "cannot assume role"
    OTHER_PROBLEM = "other problem"
    ABSENT = "absent"
    UNRECOGNISED = "unrecognised"


_EXACT: Mapping[str, ResultKind] = {
    "": ResultKind.ABSENT,
    "no records processed": ResultKind.NONE_YET,
    "ok": ResultKind.OK,
}

_PROBLEMS: tuple[tuple[str, ResultKind], ...] = (
    ("function call failed", ResultKind.FUNCTION_CALL_FAILED),
    ("failed to assume", ResultKind.CANNOT_ASSUME_ROLE),
    ("cannot be assumed", ResultKind.CANNOT_ASSUME_ROLE),
    ("internal lambda error", ResultKind.INTERNAL_ERROR),
)
"""Fragments, in lower case, of what follows `PROBLEM:`."""

_MEANINGS: Mapping[ResultKind, str] = {
    ResultKind.NONE_YET: (
        "No batch is known to have reached the function. It does not prove that the stream is empty: the text stays "
        "when every record is filtered out, or dropped for its age before it reaches the function."
    ),
    ResultKind.OK: (
        "The last batch that reached the function succeeded. It does not prove that the trigger works now: the text "
        "stays while the mapping is throttled, stalled or starved, and when the handler swallows its errors."
    ),
    ResultKind.FUNCTION_CALL_FAILED: (
        "The last invocation returned an error or could not be made. It does not tell which: an exception, a timeout, "
        "memory, a failed start or a missing function all read alike."
    ),
    ResultKind.NOT_AUTHORIZED: (
        "Lambda was refused when it last called AWS with the execution role. AWS names only one type of policy even "
        "where several deny, and the text stays for a while after the policy is mended."
    ),
    ResultKind.INTERNAL_ERROR: (
        "Lambda reports an error of its own. It proves no cause: the text also appears on mappings that have been idle "
        "for long."
    ),
    ResultKind.CANNOT_ASSUME_ROLE: (
        "Lambda could not assume the execution role. It does not tell whether the role is gone or no longer trusts "
        "Lambda."
    ),
    ResultKind.OTHER_PROBLEM: (
        "The last attempt ended in a problem of a kind this kit does not know. Read the text as it stands; it tells of "
        "one attempt, not of now."
    ),
    ResultKind.ABSENT: "The mapping shows no result. Nothing follows from that.",
    ResultKind.UNRECOGNISED: "The text is none that Lambda is known to write. Nothing follows from it.",
}

_PROBLEM_KINDS = frozenset(
    {
        ResultKind.FUNCTION_CALL_FAILED,
        ResultKind.NOT_AUTHORIZED,
        ResultKind.INTERNAL_ERROR,
        ResultKind.CANNOT_ASSUME_ROLE,
        ResultKind.OTHER_PROBLEM,
    }
)


@dataclass(frozen=True)
class ProcessingResult:
    """One `LastProcessingResult`, verbatim in `text` (None when AWS sent none).

    The rest is set for NOT_AUTHORIZED only, each where the text carries it: the calling role's name, its session, the
    action and resource refused, the type of policy named, its ARN, and whether it denies (`explicit`) or merely does
    not allow.
    """

    kind: ResultKind
    text: str | None
    role: str | None = None
    action: str | None = None
    resource: str | None = None
    policy_type: PolicyType | None = None
    session: str | None = None
    policy_arn: str | None = None
    explicit: bool | None = None

    @property
    def is_problem(self) -> bool:
        """Whether the last attempt failed, as far as the text says; it may have been mended since."""
        return self.kind in _PROBLEM_KINDS

    @property
    def meaning(self) -> str:
        """What the result shows, and what it does not prove."""
        return _MEANINGS[self.kind]


def read(text: str | None) -> ProcessingResult:
    """Read a `LastProcessingResult`; never raises, and what is not recognised keeps its text."""
    plain = (text or "").strip()
    exact = _EXACT.get(plain.rstrip(".").lower())
    if exact:
        return ProcessingResult(exact, text)
    problem = _PROBLEM.match(plain)
    if not problem:
        return ProcessingResult(ResultKind.UNRECOGNISED, text)
    refused = _NOT_AUTHORIZED.search(plain)
    if refused:
        return _not_authorized(text, refused)
    said = plain[problem.end() :].lower()
    kind = next((kind for fragment, kind in _PROBLEMS if fragment in said), ResultKind.OTHER_PROBLEM)
    return ProcessingResult(kind, text)


def _not_authorized(text: str | None, refused: re.Match[str]) -> ProcessingResult:
    """The parts of an access-denied message."""
    caller = refused["caller"]
    why = _WHY.search(refused["why"])
    return ProcessingResult(
        kind=ResultKind.NOT_AUTHORIZED,
        text=text,
        role=_role(caller),
        action=refused["action"],
        resource=refused["resource"],
        policy_type=PolicyType(why["type"]) if why else None,
        session=caller.rpartition("/")[2] if ":assumed-role/" in caller else None,
        policy_arn=why["policy"] if why else None,
        explicit=why["explicit"] is not None if why else None,
    )


def _role(caller: str) -> str | None:
    """The role's name, or None when the caller is no role."""
    try:
        return role_name_of(caller) if caller.startswith("arn:") else None
    except ValueError:
        return None
