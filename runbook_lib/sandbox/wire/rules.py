"""Rules: what gets between an investigator and the answers (a denial, throttling, latency, failures, lost connections).

A rule departs from the world's truth for the caller only. Each service words its refusals in its own way, so the tables
below say which code and HTTP status it uses; see
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html for the sentence of a denial and each
service's "Common Error Types" page for the codes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import Any

from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError

Refusal = Callable[[Call, str], ApiError]
"""From a call and the account it goes to, to the error the caller gets."""

ANY = "*"


class ConnectionDropped(Exception):
    """The connection is to be reset without a reply."""


@dataclass(frozen=True)
class Rule:
    """What happens to the calls it matches, at most `times` times (None: always).

    `service` and `operation` are botocore's names or "*"; `principal` is an access key id or None for every caller.
    `garbles` sends half a document as if it were whole, `cuts` breaks off in the middle of a body; `ahead` is how far
    the `Date` of the reply is from the world's clock.
    """

    service: str = ANY
    operation: str = ANY
    principal: str | None = None
    times: int | None = None
    latency_ms: float = 0
    refusal: Refusal | None = None
    drops: bool = False
    garbles: bool = False
    cuts: bool = False
    ahead: timedelta = timedelta(0)

    def matches(self, call: Call) -> bool:
        """Tell whether the rule is about this call."""
        return (
            self.service in (ANY, call.service)
            and self.operation in (ANY, call.operation)
            and self.principal in (None, call.access_key)
        )


class RuleBook:
    """The rules of one sandbox, with the count of how often each was used."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        self._used = [0] * len(self._rules)
        self._lock = Lock()

    def apply_to(self, call: Call) -> list[Rule]:
        """Return the rules that apply to a call, in order, and count each as used once."""
        with self._lock:
            hits = [number for number, rule in enumerate(self._rules) if rule.matches(call) and self._is_left(number)]
            for number in hits:
                self._used[number] += 1
        return [self._rules[number] for number in hits]

    def _is_left(self, number: int) -> bool:
        """Tell whether a rule may be used once more."""
        times = self._rules[number].times
        return times is None or self._used[number] < times


def deny(service: str, operation: str = ANY, principal: str | None = None) -> Rule:
    """Return a rule that denies an operation for want of an identity-based policy."""
    return Rule(service, operation, principal, refusal=_access_denied)


@dataclass(frozen=True)
class _AllBut(Rule):
    """A rule about every call whose IAM action is not one of `allowed`; asking who one is needs no permission."""

    allowed: frozenset[str] = frozenset()

    def matches(self, call: Call) -> bool:
        """Tell whether the rule is about this call."""
        return action_of(call) not in self.allowed and call.service != "sts"


def allow_only(*actions: str) -> Rule:
    """Return a rule that enforces an identity-based policy: every action but these is denied."""
    return _AllBut(refusal=_access_denied, allowed=frozenset(actions))


def throttle(service: str, operation: str = ANY, times: int | None = None, principal: str | None = None) -> Rule:
    """Return a rule that throttles an operation, the first `times` calls or always."""
    return Rule(service, operation, principal, times, refusal=throttled)


def latency(ms: float, service: str = ANY, operation: str = ANY, times: int | None = None) -> Rule:
    """Return a rule that lets a call wait this many milliseconds before it is answered."""
    return Rule(service, operation, times=times, latency_ms=ms)


def fail(service: str, operation: str = ANY, status: int = 500, times: int | None = None) -> Rule:
    """Return a rule that fails calls on the service's side with this HTTP status."""
    code = _FAILURES.get(status, "InternalFailure")
    return Rule(service, operation, times=times, refusal=lambda call, account: ApiError(code, _FAILED, status))


def refuse(service: str, operation: str, code: str, message: str, status: int = 400, times: int | None = None) -> Rule:
    """Return a rule that gives one particular error, for example `SubscriptionRequiredException` of Health."""
    return Rule(service, operation, times=times, refusal=lambda call, account: ApiError(code, message, status))


def drop(service: str = ANY, operation: str = ANY, times: int | None = None) -> Rule:
    """Return a rule that resets the connection instead of replying."""
    return Rule(service, operation, times=times, drops=True)


def garble(service: str = ANY, operation: str = ANY, times: int | None = None) -> Rule:
    """Return a rule that answers with half a document, as a proxy does that does not tell of its own trouble."""
    return Rule(service, operation, times=times, garbles=True)


def cut(service: str = ANY, operation: str = ANY, times: int | None = None) -> Rule:
    """Return a rule that closes the connection in the middle of a body."""
    return Rule(service, operation, times=times, cuts=True)


def skew(ahead: timedelta) -> Rule:
    """Return a rule under which the `Date` of every reply is so far ahead of the world's clock."""
    return Rule(ahead=ahead)


def expired_credentials(principal: str | None = None) -> Rule:
    """Return a rule under which every call fails as it does with expired temporary credentials."""
    return Rule(principal=principal, refusal=_expired)


_FAILED = "The request processing has failed because of an unknown error, exception or failure."
_FAILURES = {500: "InternalFailure", 502: "BadGateway", 503: "ServiceUnavailable", 504: "GatewayTimeout"}

_DENIALS = {
    "iam": ("AccessDenied", 403),
    "s3": ("AccessDenied", 403),
    "sts": ("AccessDenied", 403),
    "cloudwatch": ("AccessDenied", 403),
    "sqs": ("AccessDenied", 403),
    "sns": ("AuthorizationError", 403),
    "lambda": ("AccessDeniedException", 403),
    "pipes": ("AccessDeniedException", 403),
}
"""Code and status of a denial; JSON services not named here give AccessDeniedException with 400."""

_THROTTLES = {
    "iam": ("Throttling", 400),
    "s3": ("SlowDown", 503),
    "sts": ("Throttling", 400),
    "cloudwatch": ("Throttling", 400),
    "sns": ("Throttled", 429),
    "sqs": ("RequestThrottled", 403),
    "lambda": ("TooManyRequestsException", 429),
    "service-quotas": ("TooManyRequestsException", 400),
}
"""Code and status of throttling; services not named here give ThrottlingException with 400."""

_ACTION_PREFIXES = {"dynamodbstreams": "dynamodb", "service-quotas": "servicequotas", "resourcegroupstaggingapi": "tag"}
"""IAM's prefix where it differs from botocore's name of the service."""


def action_of(call: Call) -> str:
    """Return the IAM action of a call: `dynamodb:DescribeStream`."""
    return f"{_ACTION_PREFIXES.get(call.service, call.service)}:{call.operation}"


def _access_denied(call: Call, account: str) -> ApiError:
    """Return the denial a caller without a policy for the action gets."""
    code, status = _DENIALS.get(call.service, ("AccessDeniedException", 400))
    action, resource = action_of(call), _resource_of(call, account)
    on = f" on resource: {resource}" if resource else ""
    return ApiError(
        code,
        f"User: arn:aws:iam::{account}:user/investigator is not authorized to perform: {action}{on} "
        f"because no identity-based policy allows the {action} action",
        status,
    )


def throttled(call: Call, account: str) -> ApiError:
    """Return the throttling error of the service."""
    code, status = _THROTTLES.get(call.service, ("ThrottlingException", 400))
    members: dict[str, Any] = {"Reason": "CallerRateLimitExceeded"} if call.service == "lambda" else {}
    return ApiError(code, "Rate exceeded", status, **members)


def _expired(call: Call, account: str) -> ApiError:
    """Return what the service says to an expired session token; query services have their own word for it."""
    code, status = ("ExpiredToken", 403) if call.service in {"iam", "sts", "sns"} else ("ExpiredTokenException", 400)
    if call.service in {"lambda", "pipes"}:
        status = 403
    return ApiError(code, "The security token included in the request is expired", status)


_RESOURCES: dict[str, tuple[tuple[str, str], ...]] = {
    "dynamodb": (("TableName", "arn:aws:dynamodb:{region}:{account}:table/{value}"), ("ResourceArn", "{value}")),
    "dynamodbstreams": (
        ("StreamArn", "{value}"),
        ("TableName", "arn:aws:dynamodb:{region}:{account}:table/{value}/stream/*"),
    ),
    "lambda": (
        ("UUID", "arn:aws:lambda:{region}:{account}:event-source-mapping:{value}"),
        ("FunctionName", "arn:aws:lambda:{region}:{account}:function:{value}"),
    ),
    "iam": (
        ("RoleName", "role {value}"),
        ("PolicyArn", "policy {value}"),
        ("PolicySourceArn", "{value}"),
    ),
    "logs": (
        ("logGroupName", "arn:aws:logs:{region}:{account}:log-group:{value}:log-stream:"),
        ("logGroupNamePrefix", "arn:aws:logs:{region}:{account}:log-group:{value}:log-stream:"),
    ),
    "kms": (("KeyId", "{value}"),),
    "sqs": (("QueueUrl", "{value}"),),
    "sns": (("TopicArn", "{value}"),),
}
"""By service, the parameter that names the resource and how a denial writes it."""

_ON_EVERYTHING = frozenset({"dynamodb", "dynamodbstreams", "lambda"})
"""Services that write `on resource: *` for an operation on no particular resource."""


def _resource_of(call: Call, account: str) -> str | None:
    """Return the resource a denial names, or None where the service names none."""
    if call.service == "lambda" and call.operation == "ListEventSourceMappings":
        return ANY
    for parameter, pattern in _RESOURCES.get(call.service, ()):
        value = call.params.get(parameter)
        if isinstance(value, str) and value:
            return (
                value if value.startswith("arn:") else pattern.format(region=call.region, account=account, value=value)
            )
    return ANY if call.service in _ON_EVERYTHING else None
