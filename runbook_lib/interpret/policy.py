"""Would AWS let the stream poller make this call? IAM's evaluation of one action, where unknown is an answer.

Covers what decides for a stream poller: identity-based policies, the permissions boundary, the resource-based policies
of table and stream, service control policies when somebody could read them. Session policies (a poller's session has
none), resource control policies and KMS key policies are not evaluated.
Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from runbook_lib.interpret.arn import Arn, StreamArn
from runbook_lib.interpret.policy_document import AccessRequest, Policy, PolicyType, Statement, StatementMatch
from runbook_lib.interpret.policy_pattern import Context, Truth, all_of, any_of, lowered, matches

__all__ = [
    "LIST_STREAMS",
    "POLLER_CONTEXT",
    "STREAM_ACTIONS",
    "Decision",
    "Evaluation",
    "Policy",
    "PolicyType",
    "evaluate",
    "poller_context",
    "trusts",
]

STREAM_ACTIONS = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
"""What the execution role must be allowed on the stream's ARN for its records to be polled.

Source: docs.aws.amazon.com/lambda/latest/dg/services-ddb.html and, for the three being enough,
docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-cross-account-access.html.
"""

LIST_STREAMS = "dynamodb:ListStreams"
"""Asked for when a mapping is created, and in every AWS example; missing alone, it proves nothing."""

POLLER_CONTEXT: Context = MappingProxyType(
    {
        "lambda:SourceFunctionArn": None,
        "aws:SourceVpc": None,
        "aws:SourceVpce": None,
        "aws:SourceIp": None,
        "aws:VpcSourceIp": None,
        "aws:ViaAWSService": "false",
        "aws:PrincipalIsAWSService": "false",
    }
)
"""What is known of every call a stream poller makes; None means the request carries no such key.

Lambda polls from outside the function's execution environment and VPC, with the execution role's credentials. So
`lambda:SourceFunctionArn` is missing, although it is there when the function's own code calls:
docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html. The origin keys hold nothing the account's
owner could list; whether AWS leaves them out or fills in something of its own is not documented, so tests that turn on
their mere presence (Null, IfExists) stay unknown. With a service role the last two are false:
docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html.
"""


class Decision(StrEnum):
    """What IAM answers; the first three are spelt as SimulatePrincipalPolicy spells its EvalDecision."""

    ALLOW = "allowed"
    EXPLICIT_DENY = "explicitDeny"
    IMPLICIT_DENY = "implicitDeny"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Evaluation:
    """One decision and the sentence that explains it.

    `policy`, `statement` (its Sid, or `Statement[n]` counted from 0) and `policy_type` name what decided. For an
    implicit denial that is the kind of policy that fails to allow, and the statement that comes nearest to allowing;
    all are None where there is none to name. `conditions` are the tests (`StringEquals aws:SourceVpc`) that a denial
    hangs on: those that the denying statement makes, or those alone that keep the nearest one from allowing.
    """

    action: str
    resource: str
    decision: Decision
    because: str
    policy: str | None = None
    statement: str | None = None
    policy_type: PolicyType | None = None
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Hit:
    """One statement held against the request; no statement when the policy itself could not be read."""

    policy: Policy
    statement: Statement | None
    applied: StatementMatch | None

    @property
    def truth(self) -> Truth:
        """Whether it takes effect."""
        return self.applied.truth if self.applied else None


@dataclass(frozen=True)
class _Side:
    """All policies of one type: what they allow and what they deny."""

    kind: PolicyType
    allows: tuple[_Hit, ...]
    denies: tuple[_Hit, ...]

    @property
    def allow(self) -> Truth:
        """Whether one of them allows the request."""
        return any_of(hit.truth for hit in self.allows)

    @property
    def deny(self) -> Truth:
        """Whether one of them denies it."""
        return any_of(hit.truth for hit in self.denies)


def poller_context(role_arn: str, stream_arn: str) -> Context:
    """POLLER_CONTEXT, with the keys that follow from who polls and where. Add `aws:CurrentTime` when it is known."""
    role = Arn.parse(role_arn)
    return {
        **POLLER_CONTEXT,
        "aws:PrincipalArn": role_arn,
        "aws:PrincipalAccount": role.account,
        "aws:PrincipalType": "AssumedRole",
        "aws:RequestedRegion": Arn.parse(stream_arn).region,
    }


def evaluate(
    action: str,
    resource: str,
    *,
    identity: Sequence[Policy],
    boundary: Policy | None = None,
    resource_policies: Sequence[Policy] = (),
    principal_arn: str | None = None,
    context: Context = MappingProxyType({}),
    service_control: Sequence[Policy] | None = None,
) -> Evaluation:
    """Decide one action on one resource for a role (`principal_arn`: the role's ARN, not a session's).

    A deny anywhere wins. Otherwise something must grant (an identity-based policy, or within the account a
    resource-based policy that names the role; across accounts both), and the boundary and the service control policies
    must allow too. Pass a policy that exists and could not be read as `Policy(name, None)`: it makes the answer
    unknown wherever it could matter. Leave `service_control` None where nobody looked; it is read as the policies of
    one level of the organization, of which one must allow. Accounts count as one unless both ARNs name different ones.
    Raises ValueError for a principal or resource that begins like an ARN and is none.
    """
    request = AccessRequest(action, resource, principal_arn, lowered(context))
    across = _across_accounts(principal_arn, resource)
    own = _weigh(PolicyType.IDENTITY_BASED, identity, request)
    attached = _weigh(
        PolicyType.RESOURCE_BASED,
        resource_policies,
        request,
        lambda statement: statement.names(principal_arn, by_account=across or not statement.allows),
    )
    bound = [_weigh(PolicyType.PERMISSIONS_BOUNDARY, [boundary], request)] if boundary else []
    organization = [_weigh(PolicyType.SERVICE_CONTROL, service_control, request)] if service_control else []
    sides = [own, attached, *bound, *organization]

    for side in sides:
        if side.deny is True:
            return _verdict(request, Decision.EXPLICIT_DENY, side, _first(side.denies, True))

    granters = [own, attached] if across or attached.allows else [own]
    granted = (all_of if across else any_of)(side.allow for side in granters)
    unbound = not across and _grants_to_everyone(attached)
    limits = [(side, None if unbound and side.allow is False else side.allow) for side in bound]
    limits += [(side, side.allow) for side in organization]
    allowed = all_of((granted, *(truth for _, truth in limits)))

    if allowed is False:
        failing = [side for side in granters if granted is False and side.allow is False]
        failing += [side for side, truth in limits if truth is False]
        return _implicit_deny(request, failing)
    if allowed is None:
        open_sides = [side for side in granters if granted is None] + [side for side, truth in limits if truth is None]
        return _unknown(request, [(side, side.allows) for side in open_sides if side.allow is None])
    if any_of(side.deny for side in sides) is None:
        return _unknown(request, [(side, side.denies) for side in sides])
    granter = next(side for side in granters if side.allow is True)
    return _verdict(request, Decision.ALLOW, granter, _first(granter.allows, True))


def trusts(
    document: str | Mapping[str, Any] | None,
    service: str = "lambda.amazonaws.com",
    *,
    context: Context = MappingProxyType({}),
) -> Decision:
    """Whether a role's trust policy lets the service assume the role.

    Unknown for a document that cannot be read, for conditions on keys not in `context`, and for NotPrincipal and `*`,
    of which AWS does not say whether they include services.
    """
    policy = Policy.parse("trust policy", document)
    request = AccessRequest("sts:AssumeRole", "*", None, lowered(context))
    hits = [
        (statement.allows, all_of((applied.action, applied.principal, *(each.met for each in applied.conditions))))
        for statement in policy.statements or ()
        for applied in [statement.apply(request, _names_service(statement, service))]
    ]
    denied = any_of(truth for allows, truth in hits if not allows)
    allowed = any_of(truth for allows, truth in hits if allows)
    if denied is True:
        return Decision.EXPLICIT_DENY
    if policy.statements is None or allowed is None or (allowed and denied is None):
        return Decision.UNKNOWN
    return Decision.ALLOW if allowed else Decision.IMPLICIT_DENY


def _names_service(statement: Statement, service: str) -> Truth:
    """Whether the Principal of a trust policy's statement names the service."""
    if statement.principals is None:
        return None
    named = ("Service", service) in statement.principals
    return True if named else None if statement.names_everyone else False


def _across_accounts(principal_arn: str | None, resource: str) -> bool:
    """Whether caller and resource are known to belong to different accounts."""
    if principal_arn is None or not resource.startswith("arn:"):
        return False
    owner = Arn.parse(resource).account
    return owner.isdigit() and owner != Arn.parse(principal_arn).account


def _weigh(
    kind: PolicyType,
    policies: Iterable[Policy],
    request: AccessRequest,
    concerns: Callable[[Statement], Truth] = lambda _: True,
) -> _Side:
    """Hold every statement of these policies against the request; `concerns` tells whether one means the caller."""
    allows: list[_Hit] = []
    denies: list[_Hit] = []
    for policy in policies:
        if policy.statements is None:
            unread = _Hit(policy, None, None)
            allows.append(unread)
            denies.append(unread)
        for statement in policy.statements or ():
            hit = _Hit(policy, statement, statement.apply(request, concerns(statement)))
            (allows if statement.allows else denies).append(hit)
    return _Side(kind, tuple(allows), tuple(denies))


def _grants_to_everyone(attached: _Side) -> bool:
    """Whether a resource-based policy allows it, or may, through Principal `*`, which a boundary may not limit."""
    open_hits = (hit for hit in attached.allows if hit.statement is None or hit.statement.names_everyone)
    return any_of(hit.truth for hit in open_hits) is not False


def _first(hits: Iterable[_Hit], truth: Truth) -> _Hit:
    """The first statement with that truth; there is one."""
    return next(hit for hit in hits if hit.truth is truth)


def _where(side: _Side, hit: _Hit) -> str:
    """A statement and its policy as the opening of a sentence."""
    if hit.statement is None:
        return f"The {side.kind} {hit.policy.name}"
    label = hit.statement.label
    return f"{label if label.startswith('Statement[') else f'Statement {label}'} of the {side.kind} {hit.policy.name}"


def _call(request: AccessRequest) -> str:
    """The call as part of a sentence."""
    return f"{request.action} on {request.resource}"


def _verdict(
    request: AccessRequest, decision: Decision, side: _Side, hit: _Hit | None, because: str | None = None
) -> Evaluation:
    """An evaluation that names the deciding side and statement."""
    if because is None and hit is not None:
        verb = "allows" if decision is Decision.ALLOW else "denies"
        because = f"{_where(side, hit)} {verb} {_call(request)}."
    return Evaluation(
        request.action,
        request.resource,
        decision,
        because or "",
        hit.policy.name if hit else None,
        hit.statement.label if hit and hit.statement else None,
        side.kind,
        _hanging_on(decision, hit),
    )


def _hanging_on(decision: Decision, hit: _Hit | None) -> tuple[str, ...]:
    """The condition tests that a denial by, or for want of, this statement hangs on."""
    if hit is None or hit.applied is None:
        return ()
    if decision is Decision.EXPLICIT_DENY:
        return tuple(each.test for each in hit.applied.conditions)
    if decision is not Decision.IMPLICIT_DENY or not hit.applied.resource or hit.applied.principal is False:
        return ()
    return tuple(each.test for each in hit.applied.conditions if each.met is False)


def _implicit_deny(request: AccessRequest, failing: Sequence[_Side]) -> Evaluation:
    """Nothing denies it, and these types of policy fail to allow it."""
    nearest = [_nearest(side.allows) for side in failing]
    sentences = []
    for side, near in zip(failing, nearest, strict=True):
        sentences.append(f"No {side.kind} allows {_call(request)}.")
        if near:
            sentences.append(f"{_where(side, near)} comes nearest, but {_shortfall(near, request)}.")
    return _verdict(request, Decision.IMPLICIT_DENY, failing[0], nearest[0], " ".join(sentences))


def _unknown(request: AccessRequest, candidates: Iterable[tuple[_Side, tuple[_Hit, ...]]]) -> Evaluation:
    """It hangs on something that is not known; the first such thing is named."""
    for side, hits in candidates:
        for hit in hits:
            if hit.truth is None:
                return _verdict(request, Decision.UNKNOWN, side, hit, _doubt(side, hit, request))
    because = f"Whether the permissions boundary limits {_call(request)} is not known: the grant is open to everyone."
    return Evaluation(request.action, request.resource, Decision.UNKNOWN, because)


def _doubt(side: _Side, hit: _Hit, request: AccessRequest) -> str:
    """Why one statement leaves the matter open."""
    if hit.statement is None or hit.applied is None:
        return f"{_where(side, hit)} could not be read, so what it says of {_call(request)} is not known."
    open_tests = [f"its condition {each.test}" for each in hit.applied.conditions if each.met is None]
    if hit.applied.resource is None:
        open_tests.append("what its Resource covers")
    if hit.applied.principal is None:
        open_tests.append("whom its Principal means")
    verb = "allows" if hit.statement.allows else "denies"
    return (
        f"{_where(side, hit)} {verb} {_call(request)} or not, depending on {' and '.join(open_tests)}: not known here."
    )


def _nearest(allows: Iterable[_Hit]) -> _Hit | None:
    """The statement that names the action and fails by least: by its condition rather than by its resource."""
    naming = [hit for hit in allows if hit.applied and hit.applied.action]
    return max(naming, key=lambda hit: bool(hit.applied and hit.applied.resource), default=None)


def _shortfall(hit: _Hit, request: AccessRequest) -> str:
    """What keeps an Allow that names the action from covering the request."""
    if hit.applied is None or hit.statement is None:
        return "it could not be read"
    if hit.applied.resource is False:
        return _resource_shortfall(hit.statement, request)
    if hit.applied.principal is False:
        return "its Principal does not name the role"
    unmet = [each.test for each in hit.applied.conditions if each.met is False]
    return f"its condition {' and '.join(unmet)} is not met"


def _resource_shortfall(statement: Statement, request: AccessRequest) -> str:
    """How a statement's Resource misses the stream: the table instead, an older generation, or something else."""
    patterns = statement.resources
    if patterns is None or patterns.excluded:
        return "its NotResource leaves this resource out"
    try:
        stream = StreamArn.parse(request.resource)
    except ValueError:
        return f"its Resource covers only {', '.join(patterns.values)}"
    if any(matches(pattern, stream.table_arn, None) for pattern in patterns.values):
        return f"its Resource names the table {stream.table}, not the table's stream"
    for pattern in patterns.values:
        other = _stream(pattern)
        if other and other.table == stream.table and other.label_time and other.label != stream.label:
            return f"its Resource names the stream generation {other.label}, not {stream.label}"
    return f"its Resource covers only {', '.join(patterns.values)}"


def _stream(text: str) -> StreamArn | None:
    """The stream a Resource value names, if it names one."""
    try:
        return StreamArn.parse(text)
    except ValueError:
        return None
