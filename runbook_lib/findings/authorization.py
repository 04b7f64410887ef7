"""The poller may not read the stream: IAM, as seen with the execution role of the mapped version."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib.evidence import Evidence, otherwise
from runbook_lib.evidence.role import Reading
from runbook_lib.findings import Kind, Sign, against, decisive, finding, sign
from runbook_lib.findings.mapping import serving
from runbook_lib.interpret.policy import STREAM_ACTIONS, Decision, PolicyType, trusts
from runbook_lib.interpret.processing_result import ResultKind
from runbook_lib.stages import Stage

_ROLE_CHANGES = (
    "role-policy-put",
    "role-policy-deleted",
    "role-policy-attached",
    "role-policy-detached",
    "managed-policy-changed",
)
_IAM_LAG = timedelta(minutes=15)
"""IAM is eventually consistent, and a poller keeps its session for some minutes (how long is not documented)."""

_REFUSED = (Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY)
_EXECUTION_ROLE = "https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html"
_EVALUATION = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html"


def _refused(seen: Evidence, decision: Decision, by: PolicyType) -> Iterator[Sign]:
    """Say which stream actions this kind of policy refuses in this way, by the simulator and by our evaluation.

    Where the two disagree neither decides: one of them lacks context that the other has.
    """
    for action in STREAM_ACTIONS:
        readings = seen.role.readings(action)
        agree = len({one.decision in _REFUSED for one in readings if one.decision is not Decision.UNKNOWN}) < 2
        for one in readings:
            if one.decision is decision and one.by is by:
                yield decisive(one.sentence, one) if agree else sign(one.sentence, one)


def _said_by_mapping(seen: Evidence, by: PolicyType, *, explicit: bool) -> Iterator[Sign]:
    """Quote the mapping's last result where it names this kind of policy; it may be stale, so it never decides."""
    for one in otherwise(lambda: serving(seen), ()):
        result = one.processing
        if result.kind is ResultKind.NOT_AUTHORIZED and result.policy_type == by and result.explicit is explicit:
            yield sign(f"Mapping {one.uuid} last said: {result.text}", one)


def _allowed(seen: Evidence) -> Iterator[Sign]:
    """Refute when every stream action is allowed by every reading there is."""
    readings: list[Reading] = [one for action in STREAM_ACTIONS for one in seen.role.readings(action)]
    if readings and all(one.decision is Decision.ALLOW for one in readings):
        role = seen.role.role.name
        yield against(f"Role {role} may call {', '.join(STREAM_ACTIONS)} on the latest stream.", readings[0])


@finding(
    "role-missing-stream-actions",
    kind=Kind.CAUSE,
    title="The execution role does not allow reading the stream",
    modes=("C1",),
    stops=Stage.POLLED,
    diagnosis=(2,),
    reads=(5, 8),
    remedies=("R4",),
    set_off_by=(*_ROLE_CHANGES, "configuration-changed", "alias-changed", "stream-enabled"),
    lag=_IAM_LAG,
    source=_EXECUTION_ROLE,
)
def role_missing_stream_actions(seen: Evidence) -> Iterator[Sign]:
    """Lambda polls with the function's execution role; what the role may not read is not delivered.

    The mapping stays Enabled. A policy pinned to the table's ARN or to an old stream label looks right and is not:
    the actions are checked on the stream's own ARN.
    """
    yield from _refused(seen, Decision.IMPLICIT_DENY, PolicyType.IDENTITY_BASED)
    yield from _said_by_mapping(seen, PolicyType.IDENTITY_BASED, explicit=False)
    yield from _allowed(seen)


@finding(
    "explicit-deny-identity",
    kind=Kind.CAUSE,
    title="A policy of the execution role explicitly denies reading the stream",
    modes=("C2",),
    stops=Stage.POLLED,
    diagnosis=(2,),
    reads=(5, 8),
    remedies=("R12",),
    set_off_by=_ROLE_CHANGES,
    lag=_IAM_LAG,
    source=_EVALUATION,
)
def explicit_deny_identity(seen: Evidence) -> Iterator[Sign]:
    """A deny wins over every allow, so granting more helps nothing; often it is a guardrail with a wide pattern."""
    yield from _refused(seen, Decision.EXPLICIT_DENY, PolicyType.IDENTITY_BASED)
    yield from _said_by_mapping(seen, PolicyType.IDENTITY_BASED, explicit=True)
    yield from _allowed(seen)


@finding(
    "permissions-boundary",
    kind=Kind.CAUSE,
    title="The role's permissions boundary does not allow reading the stream",
    modes=("C3",),
    stops=Stage.POLLED,
    diagnosis=(2,),
    reads=(5, 8),
    remedies=("R12",),
    set_off_by=("boundary-set", "managed-policy-changed"),
    lag=_IAM_LAG,
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html",
)
def permissions_boundary(seen: Evidence) -> Iterator[Sign]:
    """A boundary caps what the role's policies grant: an action must be allowed by both."""
    yield from _refused(seen, Decision.IMPLICIT_DENY, PolicyType.PERMISSIONS_BOUNDARY)
    yield from _refused(seen, Decision.EXPLICIT_DENY, PolicyType.PERMISSIONS_BOUNDARY)
    yield from _said_by_mapping(seen, PolicyType.PERMISSIONS_BOUNDARY, explicit=False)
    yield from _allowed(seen)


@finding(
    "scp-or-rcp",
    kind=Kind.CAUSE,
    title="A policy of the organization refuses reading the stream",
    modes=("C4",),
    stops=Stage.POLLED,
    diagnosis=(2,),
    reads=(5, 8),
    remedies=("R12",),
    set_off_by=("scp-changed",),
    lag=_IAM_LAG,
    source="https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html",
)
def scp_or_rcp(seen: Evidence) -> Iterator[Sign]:
    """Service and resource control policies cap whole accounts; they change in the management account, unseen here."""
    yield from _refused(seen, Decision.IMPLICIT_DENY, PolicyType.SERVICE_CONTROL)
    yield from _refused(seen, Decision.EXPLICIT_DENY, PolicyType.SERVICE_CONTROL)
    for kind in (PolicyType.SERVICE_CONTROL, PolicyType.RESOURCE_CONTROL):
        yield from _said_by_mapping(seen, kind, explicit=True)
        yield from _said_by_mapping(seen, kind, explicit=False)


@finding(
    "trust-or-role-gone",
    kind=Kind.CAUSE,
    title="Lambda cannot assume the execution role",
    modes=("C6",),
    stops=Stage.POLLED,
    diagnosis=(2,),
    reads=(5,),
    remedies=("R11",),
    set_off_by=("trust-changed", "role-deleted", "role-created"),
    lag=timedelta(hours=12),
    source="https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html",
)
def trust_or_role_gone(seen: Evidence) -> Iterator[Sign]:
    """Without a role that trusts lambda.amazonaws.com there are no credentials to poll or to run with.

    A session that was opened before lives on for a while, so the harm can lag the change by hours.
    """
    role = seen.role.role
    if not role.exists:
        yield decisive(f"Role {role.name}, which the function uses, does not exist.", role)
        return
    answer = trusts(role.trust)
    if answer in _REFUSED:
        yield decisive(f"The trust policy of role {role.name} does not let lambda.amazonaws.com assume it.", role)
    elif answer is Decision.ALLOW:
        yield against(f"Role {role.name} exists and trusts lambda.amazonaws.com.", role)
