"""IAM policy documents as they come from AWS, read into statements that can be held against one request.

Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html and
.../reference_policies_grammar.html.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from runbook_lib.interpret.arn import Arn, role_name_of
from runbook_lib.interpret.policy_condition import ConditionResult, outcomes
from runbook_lib.interpret.policy_pattern import Context, Truth, all_of, any_of, matches, negate

_SUPPORTS_VARIABLES = "2012-10-17"

_WITHOUT_RESOURCE = frozenset({"dynamodb:liststreams"})
"""Actions for which AWS supports no resource but `*` in a policy (see `Statement.covers`)."""


class PolicyType(StrEnum):
    """The kinds of policy that can deny a request, in the words AWS's access-denied messages use.

    Source: docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html.
    """

    IDENTITY_BASED = "identity-based policy"
    PERMISSIONS_BOUNDARY = "permissions boundary"
    SERVICE_CONTROL = "service control policy"
    RESOURCE_CONTROL = "resource control policy"
    RESOURCE_BASED = "resource-based policy"
    SESSION = "session policy"
    VPC_ENDPOINT = "VPC endpoint policy"
    ROLE_TRUST = "role trust policy"


@dataclass(frozen=True)
class AccessRequest:
    """One call as IAM sees it: `context` has lower-case keys, `principal` is the ARN of the calling role."""

    action: str
    resource: str
    principal: str | None
    context: Context


@dataclass(frozen=True)
class Patterns:
    """The values of Action or Resource; `excluded` for NotAction and NotResource, which mean all but these."""

    values: tuple[str, ...]
    excluded: bool = False

    def cover(self, fits: Callable[[str], Truth]) -> Truth:
        """Whether the element covers what `fits` looks for."""
        found = any_of(fits(value) for value in self.values)
        return negate(found) if self.excluded else found


@dataclass(frozen=True)
class StatementMatch:
    """How one statement stands to one request, element by element."""

    action: Truth
    resource: Truth
    principal: Truth
    conditions: tuple[ConditionResult, ...]

    @property
    def truth(self) -> Truth:
        """Whether the statement takes effect on the request."""
        return all_of((self.action, self.resource, self.principal, *(outcome.met for outcome in self.conditions)))


@dataclass(frozen=True)
class Statement:
    """One statement; `label` is its Sid, or `Statement[n]` counted from 0 as in the document when it has none.

    `resources` is None where the document gives none (only trust policies may), `principals` None where it gives no
    Principal or a NotPrincipal, which is not evaluated. `variables` tells whether `${...}` stands for a value.
    """

    label: str
    allows: bool
    actions: Patterns
    resources: Patterns | None
    principals: tuple[tuple[str, str], ...] | None
    condition: Mapping[str, Mapping[str, Any]]
    variables: bool

    def apply(self, request: AccessRequest, principal: Truth) -> StatementMatch:
        """Hold the statement against a request; `principal` tells whether it concerns the caller at all."""
        return StatementMatch(
            action=self.actions.cover(lambda pattern: matches(pattern, request.action, None, any_case=True)),
            resource=self.covers(request),
            principal=principal,
            conditions=outcomes(self.condition, request.context, variables=self.variables),
        )

    def covers(self, request: AccessRequest) -> Truth:
        """Whether Resource or NotResource covers the request's resource; unknown where the statement has neither.

        ListStreams is not a call on one stream. The Service Authorization Reference gives it no resource type, which
        means that only `*` grants it (docs.aws.amazon.com/service-authorization/latest/reference/list_dynamodb.html),
        while AWS's own sample policies name `table/T/stream/*`. So a narrower pattern that would fit leaves it
        unknown, and one that would not fit does not cover it.
        """
        if self.resources is None:
            return None
        wide = request.action.lower() in _WITHOUT_RESOURCE
        context = request.context if self.variables else None

        def fits(pattern: str) -> Truth:
            """Whether one Resource value fits."""
            fit = matches(pattern, request.resource, context)
            if not wide or not pattern.strip("*"):
                return fit
            return None if request.resource == "*" or fit is not False else False

        return self.resources.cover(fits)

    @property
    def names_everyone(self) -> bool:
        """Whether the Principal is `*`."""
        return ("AWS", "*") in (self.principals or ())

    def names(self, caller: str | None, *, by_account: bool) -> Truth:
        """Whether Principal names the calling role (its ARN; None when not known).

        `by_account`: whether naming the caller's account is enough. It is in a Deny, and across accounts, where the
        other account delegates; within an account it only leaves the matter to identity-based policies. One session
        of the role may or may not be the poller's (its session names carry a timestamp), and a bare principal id
        (AROA...) may or may not be this role: both leave it unknown.
        Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html.
        """
        if self.principals is None:
            return None
        return any_of(kind == "AWS" and _is_caller(value, caller, by_account) for kind, value in self.principals)


def _is_caller(value: str, caller: str | None, by_account: bool) -> Truth:
    """Whether one value of an AWS principal means the calling role."""
    if value == "*":
        return True
    if caller is None:
        return None
    role = Arn.parse(caller)
    if value in {role.account, f"arn:{role.partition}:iam::{role.account}:root"}:
        return by_account
    if value == caller:
        return True
    if value.startswith("arn:"):
        session = f"arn:{role.partition}:sts::{role.account}:assumed-role/{role_name_of(caller)}/"
        return None if value.startswith(session) else False
    return False if value.isdigit() else None


@dataclass(frozen=True)
class Policy:
    """A policy by name; `document` None when it could not be read, so that nothing is known of what it says."""

    name: str
    document: Mapping[str, Any] | None

    @classmethod
    def parse(cls, name: str, document: str | Mapping[str, Any] | None) -> Policy:
        """Take a document as AWS gives it: JSON text, URL-encoded JSON text (IAM's own form), or already read.

        Never raises: what is no JSON object becomes a policy nothing is known of.
        """
        if isinstance(document, str):
            text = unquote(document) if document.lstrip().startswith("%") else document
            try:
                document = json.loads(text)
            except (ValueError, RecursionError):
                document = None
        return cls(name, document if isinstance(document, Mapping) else None)

    @cached_property
    def statements(self) -> tuple[Statement, ...] | None:
        """The statements in document order; None when the document is unread or malformed anywhere."""
        if self.document is None:
            return None
        listed = self.document.get("Statement")
        if isinstance(listed, Mapping):
            listed = [listed]
        if not isinstance(listed, list | tuple):
            return None
        variables = self.document.get("Version") == _SUPPORTS_VARIABLES
        try:
            return tuple(_statement(item, index, variables) for index, item in enumerate(listed))
        except _MalformedError:
            return None


class _MalformedError(Exception):
    """A statement that IAM would not have accepted."""


def _statement(item: Any, index: int, variables: bool) -> Statement:
    """Read one statement; raises _MalformedError."""
    if not isinstance(item, Mapping) or item.get("Effect") not in ("Allow", "Deny"):
        raise _MalformedError
    actions = _patterns(item, "Action")
    condition = item.get("Condition") or {}
    if actions is None or not _is_condition(condition):
        raise _MalformedError
    sid = item.get("Sid")
    return Statement(
        label=sid if isinstance(sid, str) and sid else f"Statement[{index}]",
        allows=item["Effect"] == "Allow",
        actions=actions,
        resources=_patterns(item, "Resource"),
        principals=_principals(item.get("Principal")),
        condition=condition,
        variables=variables,
    )


def _patterns(item: Mapping[str, Any], element: str) -> Patterns | None:
    """An element or its Not... form; None when neither is there. Both at once are malformed."""
    present = [name for name in (element, f"Not{element}") if name in item]
    if len(present) > 1:
        raise _MalformedError
    return Patterns(_strings(item[present[0]]), excluded=present[0] != element) if present else None


def _principals(principal: Any) -> tuple[tuple[str, str], ...] | None:
    """Pairs of kind (AWS, Service, Federated, CanonicalUser) and value; None when there is no Principal."""
    if principal is None:
        return None
    if principal == "*":
        return (("AWS", "*"),)
    if not isinstance(principal, Mapping):
        raise _MalformedError
    return tuple((str(kind), value) for kind, values in principal.items() for value in _strings(values))


def _strings(value: Any) -> tuple[str, ...]:
    """A string or a list of strings; anything else is malformed."""
    listed: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(each, str) for each in listed):
        raise _MalformedError
    return tuple(listed)


def _is_condition(condition: Any) -> bool:
    """Whether this has the shape of a Condition block: operators holding keys."""
    return isinstance(condition, Mapping) and all(isinstance(tests, Mapping) for tests in condition.values())
