"""IAM as the sandbox's AWS applies it: a definite yes or no for one principal, action and resource.

Written apart from the kit's own evaluation on purpose: what a test proves would otherwise be that the kit agrees
with itself. Follows "Policy evaluation logic" of the IAM User Guide for one account: an explicit deny wins, be it of
the organization, the resource, the role or its boundary; then the boundary and the identity policies must both allow.
"""

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from runbook_lib.sandbox.account.state import Document, Role, State

STREAM_READS = ("dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:GetRecords")
"""What a poller does to a stream, in its order; a Kinesis stream is read by operations of the same names."""


@dataclass(frozen=True)
class Source:
    """A policy that speaks for a role. `kind` is a `PolicySourceType` of the IAM API."""

    name: str
    kind: str
    document: Document


@dataclass(frozen=True)
class Ruling:
    """The decision on one request, in the words of `iam:SimulatePrincipalPolicy`.

    `decision` is `allowed`, `explicitDeny` or `implicitDeny`; `policy_type` says which sort of policy refuses;
    `matched` are the sources that decided; `boundary_allows` is None for a role without a permissions boundary,
    `organization_allows` for an account of no organization.
    """

    decision: str
    policy_type: str | None
    matched: tuple[Source, ...]
    boundary_allows: bool | None
    organization_allows: bool | None = None

    @property
    def allowed(self) -> bool:
        """Whether the request passes."""
        return self.decision == "allowed"

    def reason(self, action: str) -> str:
        """The end of AWS's AccessDenied sentence. Empty when allowed."""
        if self.decision == "explicitDeny":
            return f"with an explicit deny in {_article(self.policy_type)}"
        return "" if self.allowed else f"because no {self.policy_type} allows the {action} action"


def _article(policy_type: str | None) -> str:
    return f"{'an' if str(policy_type)[0] in 'aeiou' else 'a'} {policy_type}"


def sources(state: State, role: Role) -> tuple[Source, ...]:
    """The identity policies of a role: inline ones, then attached ones."""
    inline = [Source(f"role_{role.name}_{name}", "role", document) for name, document in role.inline.items()]
    attached = [state.policies[arn] for arn in role.attached if arn in state.policies]
    return (
        *inline,
        *(Source(policy.name, "aws-managed" if policy.by_aws else "user-managed", policy.document)
          for policy in attached),
    )  # fmt: skip


def decide(state: State, role: Role, action: str, resource: str, context: Mapping[str, str] | None = None) -> Ruling:
    """Decide one request of a role, resource policies aside.

    A condition key that `context` lacks is absent from the request.
    """
    keys = context or {}
    above = tuple(Source("organization", "none", document) for document in state.organization or ())
    forbidden = bool(_matching(above, "Deny", action, resource, keys))
    own = _decide_in_account(state, role, action, resource, keys)
    organization_allows = None if state.organization is None else not forbidden
    if forbidden and own.decision != "explicitDeny":
        own = replace(own, decision="explicitDeny", policy_type="service control policy", matched=())
    return replace(own, organization_allows=organization_allows)


def _decide_in_account(state: State, role: Role, action: str, resource: str, keys: Mapping[str, str]) -> Ruling:
    identity = sources(state, role)
    boundary = state.policies.get(role.boundary) if role.boundary else None
    fence = (Source(boundary.name, "user-managed", boundary.document),) if boundary else ()
    allows = None if boundary is None else bool(_matching(fence, "Allow", action, resource, keys))
    if denying := _matching(identity, "Deny", action, resource, keys):
        return Ruling("explicitDeny", "identity-based policy", denying, allows)
    if denying := _matching(fence, "Deny", action, resource, keys):
        return Ruling("explicitDeny", "permissions boundary", denying, False)
    granting = _matching(identity, "Allow", action, resource, keys)
    if not granting:
        return Ruling("implicitDeny", "identity-based policy", (), allows)
    if allows is False:
        return Ruling("implicitDeny", "permissions boundary", granting, False)
    return Ruling("allowed", None, granting, allows)


def may_decrypt(state: State, role: Role, key: str, stream_arn: str) -> bool:
    """Whether a reader of the stream may use the table's key, by the key's policy or by IAM where that defers to it."""
    region, account = stream_arn.split(":")[3:5]
    caller = {
        "kms:ViaService": f"dynamodb.{region}.amazonaws.com",
        "kms:CallerAccount": account,
        "aws:PrincipalArn": f"arn:aws:iam::{account}:role{role.path}{role.name}",
    }
    named: list[Mapping[str, Any]] = []
    deferring: list[Mapping[str, Any]] = []
    for statement in _statements(key_policy(state, key)):
        root = statement.get("Principal") == {"AWS": f"arn:aws:iam::{account}:root"}
        (deferring if root else named).append(statement)
    ours = [statement for statement in named if _names(statement, role.name)]
    if _matching((Source("key", "resource", {"Statement": ours}),), "Allow", "kms:Decrypt", key, caller):
        return True
    defers = _matching((Source("key", "resource", {"Statement": deferring}),), "Allow", "kms:Decrypt", key, caller)
    return bool(defers) and decide(state, role, "kms:Decrypt", key, caller).allowed


def key_policy(state: State, key: str) -> Document:
    """A key's policy; unless another was put, every reader in the account may use it through DynamoDB."""
    account = key.split(":")[4]
    reach = {
        "StringEquals": {"kms:CallerAccount": account, "kms:ViaService": f"dynamodb.{key.split(':')[3]}.amazonaws.com"}
    }
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": reach}
    default = {"Version": "2012-10-17", "Statement": [root_statement(account), everybody]}
    return state.key_policies.get(key, default)


def root_statement(account: str) -> dict[str, Any]:
    """The statement that lets the account's own policies decide about a key."""
    return {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }


def context_keys(state: State, role: Role) -> set[str]:
    """The condition keys the role's policies speak of."""
    return {
        key
        for source in sources(state, role)
        for statement in _statements(source.document)
        for block in statement.get("Condition", {}).values()
        for key in block
    }


def trusts_lambda(role: Role) -> bool:
    """Whether the role's trust policy lets the Lambda service assume it, which sets no source identity."""
    return any(
        statement.get("Effect") == "Allow"
        and not any("sts:SourceIdentity" in block for block in statement.get("Condition", {}).values())
        and "lambda.amazonaws.com" in _listed(statement.get("Principal", {}).get("Service", []))
        and _covers("sts:assumerole", statement.get("Action", ()))
        for statement in _statements(role.trust)
    )


def refusal(state: State, role_name: str, stream_arn: str, account: str, there: State) -> tuple[str, Ruling] | None:
    """The first stream read a poller with this role of an account is refused, and why; None when it may read.

    `there` is the state of the account that the stream is in. Raises `KeyError` when the role is gone: that is a
    failure to assume it, not a refusal.
    """
    role = state.roles[role_name]
    service = stream_arn.split(":")[2]
    actions = (action.replace("dynamodb:", f"{service}:") for action in STREAM_READS)
    rulings = ((action, _polled(state, role, action, stream_arn, account, there)) for action in actions)
    return next(((action, ruling) for action, ruling in rulings if not ruling.allowed), None)


def _polled(state: State, role: Role, action: str, stream_arn: str, account: str, there: State) -> Ruling:
    """A poller's own request: the stream's resource policy has its say too. The table's own speaks of the table.

    From another account the stream's policy has to allow what the role's policies allow.
    """
    table, _, label = stream_arn.rpartition(":table/")[2].partition("/stream/")
    owner = there.tables.get(table)
    attached = owner.stream_policies.get(label, {}) if owner else {}
    caller = {"aws:PrincipalArn": f"arn:aws:iam::{account}:role{role.path}{role.name}"}
    policy = Source("resource policy", "resource", attached)
    ours = [statement for statement in _statements(attached) if _names(statement, role.name, account)]
    concerning = (replace(policy, document={"Statement": ours}),)
    if _matching(concerning, "Deny", action, stream_arn, caller):
        return Ruling("explicitDeny", "resource-based policy", (policy,), None)
    own = decide(state, role, action, stream_arn, caller)
    abroad = stream_arn.split(":")[4] != account
    if own.allowed and abroad and not _matching(concerning, "Allow", action, stream_arn, caller):
        return Ruling("implicitDeny", "resource-based policy", (), None)
    return own


def _names(statement: Mapping[str, Any], role: str, account: str | None = None) -> bool:
    """Whether a resource policy's statement concerns the role: by everybody, by its account's root, or by its name."""
    prefix = f"arn:aws:iam::{account}:" if account else ""
    principal = statement.get("Principal", {})
    if principal == "*":
        return True
    listed = _listed(principal.get("AWS", ()))
    return any(
        principal in ("*", account) or (principal.startswith(prefix) and principal.endswith((":root", f"/{role}")))
        for principal in listed
    )


def _matching(
    policies: Iterable[Source], effect: str, action: str, resource: str, context: Mapping[str, str]
) -> tuple[Source, ...]:
    return tuple(
        policy
        for policy in policies
        if any(
            statement.get("Effect") == effect and _applies(statement, action, resource, context)
            for statement in _statements(policy.document)
        )
    )


def _statements(document: Document) -> list[Mapping[str, Any]]:
    found = document.get("Statement", [])
    return [found] if isinstance(found, Mapping) else list(found)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _applies(statement: Mapping[str, Any], action: str, resource: str, context: Mapping[str, str]) -> bool:
    named = action.lower()
    acts = (
        _covers(named, statement["Action"])
        if "Action" in statement
        else not _covers(named, statement.get("NotAction", ()))
    )
    reaches = (
        any(_like(pattern, resource) for pattern in _listed(statement["Resource"]))
        if "Resource" in statement
        else not any(_like(pattern, resource) for pattern in _listed(statement.get("NotResource", ())))
    )
    return acts and reaches and _conditions_hold(statement.get("Condition", {}), context)


def _covers(action: str, patterns: Any) -> bool:
    return any(_like(pattern.lower(), action) for pattern in _listed(patterns))


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(text.replace("[", "[[]")), re.DOTALL)


def _like(pattern: str, text: str) -> bool:
    return _pattern(pattern).match(text) is not None


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, actual: wanted == actual,
    "StringEqualsIgnoreCase": lambda wanted, actual: wanted.lower() == actual.lower(),
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": lambda wanted, actual: wanted.lower() == actual.lower(),
}


def _conditions_hold(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    return all(
        _condition_holds(operator, _listed(wanted), context.get(key))
        for operator, block in conditions.items()
        for key, wanted in block.items()
    )


def _condition_holds(operator: str, wanted: list[str], actual: str | None) -> bool:
    if operator == "Null":
        return (actual is None) == (wanted[0].lower() == "true")
    optional, bare = operator.endswith("IfExists"), operator.removesuffix("IfExists")
    negated, bare = "Not" in bare, bare.replace("Not", "")
    if actual is None:
        return optional or negated
    return any(_OPERATORS[bare](value, actual) for value in wanted) != negated
