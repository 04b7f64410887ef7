"""The poller may not read the stream: IAM, as seen with the execution role of the mapped version."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.evidence.role import Reading
from runbook_lib.findings import FindingKind, Sign, Trait, against, decisive, finding, sign
from runbook_lib.findings.mapping import expected_to_deliver
from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.interpret.policy import STREAM_ACTIONS, Decision, PolicyType, trusts
from runbook_lib.interpret.processing_result import ResultKind
from runbook_lib.measuring.filtered import events_of
from runbook_lib.measuring.pipe import FlowState, Measured, Stage
from runbook_lib.measuring.thresholds import POLLED_LATELY
from runbook_lib.observed import otherwise

_ROLE_CHANGES = (
    "role-policy-put",
    "role-policy-deleted",
    "role-policy-attached",
    "role-policy-detached",
    "managed-policy-changed",
)
_IAM_LAG = timedelta(minutes=15)
"""IAM is eventually consistent, and a poller keeps its session for some minutes (how long is not documented)."""

_denied = partial(
    finding,
    kind=FindingKind.CAUSE,
    stops=Stage.POLLED,
    diagnosis=(2,),
    lag=_IAM_LAG,
    traits=(Trait.REPAIR_FIRST,),
)
"""A cause that keeps the role from reading. Of those that stop polling it is repaired before the mapping: AWS makes no
mapping that its role cannot read for."""

_REFUSALS = (Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY)
_EXECUTION_ROLE = "https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html"
_EVALUATION = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html"


def _readings(seen: Evidence) -> tuple[Reading, ...]:
    return tuple(reading for action in STREAM_ACTIONS for reading in seen.role.readings(action))


def _refused(seen: Evidence, by: PolicyType, *decisions: Decision) -> Iterator[Sign]:
    """Say which stream actions this kind of policy refuses outright, by the simulator and by our evaluation.

    Where the two disagree neither decides: one of them lacks something that the other has.
    """
    readings = _readings(seen)
    allowed = {reading.action for reading in readings if reading.decision is Decision.ALLOW}
    for reading in readings:
        if reading.by is by and reading.decision in decisions and not _hinges(reading, readings):
            yield sign(reading.sentence, reading) if reading.action in allowed else decisive(reading.sentence, reading)


def _hinges(reading: Reading, readings: tuple[Reading, ...]) -> bool:
    """Whether a refusal hangs on a condition: by itself, or by the other reading of the same action."""
    return any(
        other.conditions for other in readings if other.action == reading.action and other.decision is reading.decision
    )


def _said_by_mapping(seen: Measured, by: PolicyType, *, explicit: bool) -> Iterator[Sign]:
    """Quote the mapping's last result where it names this kind of policy.

    It outlives its cause, so it never decides, and says nothing at all where something newer speaks against it.
    """
    for mapping in otherwise(lambda: expected_to_deliver(seen), ()):
        result = mapping.processing
        named = result.kind is ResultKind.NOT_AUTHORIZED and result.policy_type == by and result.explicit is explicit
        if named and not _is_outlived(seen, mapping):
            yield sign(f"Mapping {mapping.uuid} last said: {result.text}", mapping)


def _is_outlived(seen: Measured, mapping: EventSourceMapping) -> bool:
    """Whether the denial that a mapping quotes is over: its poller is seen to read, or the denied call to succeed.

    The text carries no time. Deliveries, counts of polled records and the poller's own DescribeStream events do; and
    of the organization's service control policies the simulator knows what holds now.
    """
    if seen.stages[Stage.INVOKED].state is FlowState.FLOWING or _polls(seen, mapping):
        return True
    if mapping.processing.policy_type is PolicyType.SERVICE_CONTROL:
        asked = otherwise(lambda: [answer for answer in seen.role.simulated if answer.action in STREAM_ACTIONS], [])
        return bool(asked) and all(answer.organization_allows for answer in asked)
    return mapping.processing.action == "dynamodb:DescribeStream" and _described(seen, mapping)


def _polls(seen: Evidence, mapping: EventSourceMapping) -> bool:
    """Whether the mapping has counted records that it polled until lately: it was handed them, so it may read."""
    counted = events_of(seen, mapping).get("PolledEventCount")
    last = counted.last_positive if counted is not None else None
    return last is not None and seen.window.settled_end - last <= POLLED_LATELY


def _described(seen: Evidence, mapping: EventSourceMapping) -> bool:
    """Whether the newest DescribeStream of the mapping's poller succeeded, and not long ago."""
    role = otherwise(lambda: seen.role.role.name, "")
    own = [
        event
        for event in otherwise(lambda: seen.changes.polls, ())
        if event.request.get("streamArn") == mapping.event_source_arn and f"/{role}/awslambda_" in (event.actor or "")
    ]
    newest = max(own, key=lambda event: event.at, default=None)
    return newest is not None and newest.succeeded and seen.window.end - newest.at <= POLLED_LATELY


def _by_identity(seen: Measured, decision: Decision) -> Iterator[Sign]:
    """Recognise a refusal by the role's own policies; one that hangs on a condition is another finding's."""
    found = tuple(_refused(seen, PolicyType.IDENTITY_BASED, decision))
    yield from found
    hinging = [reading for reading in _readings(seen) if reading.conditions and reading.decision is decision]
    if hinging and not found:
        yield against(f"The refusal hangs on a condition. {hinging[0].sentence}", hinging[0])
        return
    yield from _said_by_mapping(seen, PolicyType.IDENTITY_BASED, explicit=decision is Decision.EXPLICIT_DENY)
    yield from _allowed(seen)


def _allowed(seen: Evidence) -> Iterator[Sign]:
    """Refute when every stream action is allowed by every reading there is."""
    readings = _readings(seen)
    if readings and all(reading.decision is Decision.ALLOW for reading in readings):
        role = seen.role.role.name
        yield against(f"Role {role} may call {', '.join(STREAM_ACTIONS)} on the latest stream.", readings[0])


@_denied(
    "role-missing-stream-actions",
    title="The execution role does not allow reading the stream",
    modes=("C1",),
    reads=(5, 8),
    remedies=(RemedyId.ALLOW_STREAM_READS,),
    set_off_by=(*_ROLE_CHANGES, "configuration-changed", "alias-changed", "stream-enabled"),
    source=_EXECUTION_ROLE,
)
def role_missing_stream_actions(seen: Measured) -> Iterator[Sign]:
    """Lambda polls with the function's execution role; what the role may not read is not delivered.

    The mapping stays Enabled. A policy pinned to the table's ARN or to an old stream label looks right and is not:
    the actions are checked on the stream's own ARN.
    """
    yield from _by_identity(seen, Decision.IMPLICIT_DENY)


@_denied(
    "explicit-deny-identity",
    title="A policy of the execution role explicitly denies reading the stream",
    modes=("C2",),
    reads=(5, 8),
    remedies=(RemedyId.CHANGE_REFUSING_POLICY,),
    set_off_by=_ROLE_CHANGES,
    source=_EVALUATION,
)
def explicit_deny_identity(seen: Measured) -> Iterator[Sign]:
    """A deny wins over every allow, so granting more helps nothing; often it is a guardrail with a wide pattern."""
    yield from _by_identity(seen, Decision.EXPLICIT_DENY)


@_denied(
    "permissions-boundary",
    title="The role's permissions boundary does not allow reading the stream",
    modes=("C3",),
    reads=(5, 8),
    remedies=(RemedyId.CHANGE_REFUSING_POLICY,),
    set_off_by=("boundary-set", "managed-policy-changed"),
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html",
)
def permissions_boundary(seen: Measured) -> Iterator[Sign]:
    """A boundary caps what the role's policies grant: an action must be allowed by both."""
    yield from _refused(seen, PolicyType.PERMISSIONS_BOUNDARY, *_REFUSALS)
    yield from _said_by_mapping(seen, PolicyType.PERMISSIONS_BOUNDARY, explicit=False)
    yield from _said_by_mapping(seen, PolicyType.PERMISSIONS_BOUNDARY, explicit=True)
    yield from _allowed(seen)


@_denied(
    "scp-or-rcp",
    title="A policy of the organization refuses reading the stream",
    modes=("C4",),
    reads=(5, 8),
    remedies=(RemedyId.CHANGE_REFUSING_POLICY,),
    set_off_by=("scp-changed",),
    source="https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html",
)
def scp_or_rcp(seen: Measured) -> Iterator[Sign]:
    """Service and resource control policies cap whole accounts; they change in the management account, unseen here."""
    yield from _refused(seen, PolicyType.SERVICE_CONTROL, *_REFUSALS)
    for kind in (PolicyType.SERVICE_CONTROL, PolicyType.RESOURCE_CONTROL):
        yield from _said_by_mapping(seen, kind, explicit=True)
        yield from _said_by_mapping(seen, kind, explicit=False)


@_denied(
    "resource-policy",
    title="A resource policy on the stream refuses the execution role",
    modes=("C5",),
    reads=(5, 8),
    remedies=(RemedyId.EXEMPT_IN_STREAM_POLICY,),
    set_off_by=("resource-policy-changed",),
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/access-control-resource-based.html",
)
def resource_policy(seen: Measured) -> Iterator[Sign]:
    """A table and each of its streams may carry a policy of their own; a deny there wins over whatever the role has.

    The role's own policies look right, and AWS's simulator, which leaves resource policies out for roles, agrees.
    """
    attached = seen.role.resource_policies
    yield from _refused(seen, PolicyType.RESOURCE_BASED, *_REFUSALS)
    for explicit in (True, False):
        yield from _said_by_mapping(seen, PolicyType.RESOURCE_BASED, explicit=explicit)
    if not attached:
        yield against("Neither the table nor its latest stream has a resource policy.", seen.role.resource_policies_ref)


@_denied(
    "condition-mismatch",
    title="A condition in the role's policies can never hold for the poller",
    modes=("C8",),
    reads=(5, 8),
    remedies=(RemedyId.FREE_READS_FROM_CONDITION,),
    set_off_by=(*_ROLE_CHANGES, "boundary-set"),
    source="https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html",
)
def condition_mismatch(seen: Measured) -> Iterator[Sign]:
    """Lambda polls from outside the function and its VPC, so its calls lack `lambda:SourceFunctionArn` and the like.

    The function's own code meets such a condition and reads DynamoDB without trouble; the trigger cannot.
    """
    hinging = [reading for reading in _readings(seen) if reading.conditions]
    for reading in hinging:
        yield decisive(f"{reading.sentence} A poller's call does not meet it.", reading)
    if hinging:
        for explicit in (True, False):
            yield from _said_by_mapping(seen, PolicyType.IDENTITY_BASED, explicit=explicit)
    yield from _allowed(seen)


@_denied(
    "cmk-denied-to-role",
    title="The execution role may not decrypt with the table's key",
    modes=("C7",),
    reads=(2, 5),
    remedies=(RemedyId.ALLOW_DECRYPTION,),
    set_off_by=("key-policy-changed", *_ROLE_CHANGES, "boundary-set"),
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html",
)
def cmk_denied_to_role(seen: Evidence) -> Iterator[Sign]:
    """A table on a customer's key is read only by who may decrypt with it, and so is its stream.

    The table works for those who write it, and describing the stream works for the role; its records do not.
    """
    use = seen.role.table_key
    if use is None:
        yield against("The table is not encrypted with a key of the customer's.", seen.streams.table)
        return
    key = use.key
    if key.state != "Enabled":
        yield against(f"Key {key.arn} is {key.state}, for everybody.", key)
        return
    decrypt = use.settled(seen.role.unread)
    if decrypt.decision is Decision.ALLOW or seen.role.role.arn in key.grantees:
        yield against(f"Role {seen.role.role.name} may decrypt with {key.arn}.", key.policy_ref)
        return
    yield decisive(f"The table is encrypted with {key.arn}. {decrypt.because}", key.policy_ref, key)
    yield from _said_of_the_key(seen)


def _said_of_the_key(seen: Evidence) -> Iterator[Sign]:
    """Quote the mapping's last result where it speaks of KMS; how exactly it does is not documented."""
    for mapping in otherwise(lambda: expected_to_deliver(seen), ()):
        if mapping.processing.is_problem and "kms" in (mapping.processing.text or "").lower():
            yield sign(f"Mapping {mapping.uuid} last said: {mapping.processing.text}", mapping)


@finding(
    "version-role-drift",
    kind=FindingKind.CONTRIBUTING,
    title="The mapped version runs with another role than $LATEST",
    modes=("C9",),
    diagnosis=(2, 5),
    reads=(3, 5),
    remedies=(RemedyId.MOVE_ALIAS,),
    set_off_by=("configuration-changed", "alias-changed", "version-published"),
    lag=timedelta(hours=24),
    source="https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html",
)
def version_role_drift(seen: Evidence) -> Iterator[Sign]:
    """A published version keeps the role it was published with, and its alias's mapping polls with that one.

    Whoever looks at the function's configuration sees the role of `$LATEST`, which may be in perfect order.
    """
    function, newest = seen.mappings.function, seen.role.latest_role_arn
    if not newest or function.role_arn == newest:
        yield against(f"The mapped version uses the same role as $LATEST, {function.role_arn}.", function)
        return
    yield from _allowed(seen)
    yield decisive(
        f"{function.label} is version {function.version} and uses {function.role_arn}; $LATEST uses {newest}.", function
    )


@_denied(
    "trust-or-role-gone",
    title="Lambda cannot assume the execution role",
    modes=("C6",),
    reads=(5,),
    remedies=(RemedyId.RESTORE_ROLE,),
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
    if answer in _REFUSALS:
        yield decisive(f"The trust policy of role {role.name} does not let lambda.amazonaws.com assume it.", role)
    elif answer is Decision.ALLOW:
        yield against(f"Role {role.name} exists and trusts lambda.amazonaws.com.", role)
