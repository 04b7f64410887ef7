"""Playbook step 5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook_lib.aws import StepReader, together
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.function import Function
from runbook_lib.evidence.role import ExecutionRole, Role, SimulationResult
from runbook_lib.incident import Incident
from runbook_lib.interpret.arn import role_name_of
from runbook_lib.interpret.policy import LIST_STREAMS, STREAM_ACTIONS, Policy, evaluate, poller_context
from runbook_lib.observed import NOTHING_TO_READ, Gap, NotObserved, attempt, known, otherwise
from runbook_lib.steps import step
from runbook_lib.steps._keys import read_key, use_of
from runbook_lib.steps.event_source_mappings import describe_function

_GONE = ("NoSuchEntity", "NoSuchEntityException")
_NO_POLICY = ("PolicyNotFoundException", "ResourceNotFoundException")


@step(
    5,
    title="Execution role",
    observes="role",
    question="May the role of the mapped function version read the stream?",
    playbook="Read the function's execution role and check that its policies let it read the stream.",
    permissions=(
        "iam:GetRole",
        "iam:ListRolePolicies",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:SimulatePrincipalPolicy",
        "dynamodb:GetResourcePolicy",
        "lambda:GetFunctionConfiguration",
        "kms:DescribeKey",
        "kms:GetKeyPolicy",
        "kms:ListGrants",
    ),
    needs=(2, 3),
)
def execution_role(incident: Incident, aws: StepReader, seen: Evidence) -> ExecutionRole:
    """Read the role and ask twice what it allows on the *latest* stream: AWS's simulator, and our own evaluation.

    The poller acts with the execution role of the version that the mapping invokes, so that is the role read.
    """
    arn = seen.mappings.function.role_arn
    if not arn:
        raise NotObserved(
            Gap("iam:GetRole", aws.region, NOTHING_TO_READ, "The function does not exist, so it has no role to read.")
        )
    name = role_name_of(arn)
    function, table = seen.mappings.function, seen.streams.table
    stream = otherwise(lambda: table.latest_stream_arn, None) or ""
    role, inline, attached, resource, simulated, latest, of_table, of_function = together(
        lambda: _role(aws, name, arn),
        lambda: _inline(aws, name),
        lambda: _attached(aws, name),
        lambda: _resource_policies(aws, seen.streams.table.arn, stream),
        lambda: _simulate(aws, arn, stream),
        lambda: _latest_role(aws, function),
        lambda: read_key(aws, table.kms_key_arn),
        lambda: read_key(aws, function.kms_key_arn),
    )
    documents = attempt(lambda: (*known(inline), *known(attached)))
    policies = attempt(lambda: tuple(policy for policy, _ in known(documents)))
    boundary = attempt(lambda: _boundary(aws, known(role)))
    return ExecutionRole(
        role=role,
        latest_role_arn=latest,
        stream_arn=stream,
        policies=policies,
        policies_ref=aws.ref("iam", "ListRolePolicies", RoleName=name),
        unread=attempt(lambda: tuple(gap for _, gap in known(documents) if gap is not None)),
        boundary=boundary,
        resource_policies=resource,
        resource_policies_ref=aws.ref("dynamodb", "GetResourcePolicy", ResourceArn=stream or seen.streams.table.arn),
        simulated=simulated,
        evaluated=attempt(
            lambda: (
                tuple(
                    evaluate(
                        action,
                        stream if action != LIST_STREAMS else "*",
                        identity=known(policies),
                        boundary=known(boundary),
                        resource_policies=resource if isinstance(resource, tuple) else (),
                        principal_arn=arn,
                        context=poller_context(arn, stream),
                    )
                    for action in (*STREAM_ACTIONS, LIST_STREAMS)
                )
                if stream and known(role).exists
                else ()
            )
        ),
        table_key=attempt(lambda: use_of(known(of_table), arn, aws.region, known(policies), known(boundary))),
        function_key=of_function,
    )


def _role(aws: StepReader, name: str, arn: str) -> Role:
    answer = aws.find("iam", "GetRole", absent=_GONE, RoleName=name)
    ref = aws.ref("iam", "GetRole", RoleName=name)
    if answer is None:
        return Role(name=name, arn=arn, exists=False, ref=ref)
    raw = answer["Role"]
    return Role(
        name=name,
        arn=raw.get("Arn", arn),
        exists=True,
        ref=ref,
        trust=attempt(lambda: raw.require(AssumeRolePolicyDocument=_object)["AssumeRolePolicyDocument"]),
        boundary_arn=(raw.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
    )


def _object(document: Any) -> None:
    if not isinstance(document, Mapping):
        raise ValueError("a policy is a JSON object")


def _latest_role(aws: StepReader, function: Function) -> str:
    """The role of `$LATEST`, asked for only where the mapping invokes an alias or version."""
    if function.qualifier in (None, "$LATEST"):
        return function.role_arn
    return describe_function(aws, function.name, None).role_arn


_Document = tuple[Policy, Gap | None]


def _inline(aws: StepReader, name: str) -> tuple[_Document, ...]:
    if aws.find("iam", "ListRolePolicies", absent=_GONE, RoleName=name) is None:
        return ()
    pages = aws.pages("iam", "ListRolePolicies", RoleName=name)
    names = [str(policy_name) for policy_name in pages.every("PolicyNames")]
    found = together(*(lambda policy_name=policy_name: _inline_policy(aws, name, policy_name) for policy_name in names))
    return tuple(_document(policy_name, read) for policy_name, read in zip(names, found, strict=True))


def _inline_policy(aws: StepReader, role: str, name: str) -> Policy:
    answer = aws.call("iam", "GetRolePolicy", RoleName=role, PolicyName=name)
    return Policy.parse(name, answer.get("PolicyDocument"))


def _attached(aws: StepReader, name: str) -> tuple[_Document, ...]:
    if aws.find("iam", "ListAttachedRolePolicies", absent=_GONE, RoleName=name) is None:
        return ()
    arns = [
        policy["PolicyArn"]
        for policy in aws.pages("iam", "ListAttachedRolePolicies", RoleName=name).every("AttachedPolicies")
    ]
    found = together(*(lambda arn=arn: _managed(aws, arn) for arn in arns))
    return tuple(_document(arn.rsplit("/", 1)[-1], read) for arn, read in zip(arns, found, strict=True))


def _document(name: str, read: Policy | Gap) -> _Document:
    """A policy that exists and could not be read still counts: it makes the evaluation unknown where it matters."""
    return (Policy(name, None), read) if isinstance(read, Gap) else (read, None)


def _managed(aws: StepReader, arn: str) -> Policy:
    version = aws.call("iam", "GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
    answer = aws.call("iam", "GetPolicyVersion", PolicyArn=arn, VersionId=version)
    return Policy.parse(arn.rsplit("/", 1)[-1], answer["PolicyVersion"].get("Document"))


def _boundary(aws: StepReader, role: Role) -> Policy | None:
    return _managed(aws, role.boundary_arn) if role.boundary_arn else None


def _resource_policies(aws: StepReader, *arns: str) -> tuple[Policy, ...]:
    """Read the policies on the table and on the stream; to have none is normal."""
    answers = together(
        *(
            lambda arn=arn: aws.find("dynamodb", "GetResourcePolicy", absent=_NO_POLICY, ResourceArn=arn)
            for arn in arns
            if arn
        )
    )
    return tuple(
        Policy.parse("resource policy", known(answer)["Policy"]) for answer in answers if known(answer) is not None
    )


def _simulate(aws: StepReader, arn: str, stream: str) -> tuple[SimulationResult, ...]:
    """Ask AWS's own simulator; a deleted role or stream leaves nothing to simulate."""
    if not stream:
        return ()
    found: list[SimulationResult] = []
    for actions, resources in ((list(STREAM_ACTIONS), [stream]), ([LIST_STREAMS], ["*"])):
        asked: dict[str, Any] = {"PolicySourceArn": arn, "ActionNames": actions, "ResourceArns": resources}
        if aws.find("iam", "SimulatePrincipalPolicy", absent=_GONE, **asked) is None:
            return ()
        pages = aws.pages("iam", "SimulatePrincipalPolicy", **asked)
        found += [_simulated(raw, pages.ref) for raw in pages.every("EvaluationResults")]
    return tuple(found)


def _simulated(raw: dict[str, Any], ref: str) -> SimulationResult:
    boundary = raw.get("PermissionsBoundaryDecisionDetail") or {}
    organization = raw.get("OrganizationsDecisionDetail") or {}
    return SimulationResult(
        action=raw.get("EvalActionName", ""),
        resource=raw.get("EvalResourceName", ""),
        decision=raw.get("EvalDecision", ""),
        matched=tuple(statement.get("SourcePolicyId", "") for statement in raw.get("MatchedStatements") or ()),
        boundary_allows=boundary.get("AllowedByPermissionsBoundary"),
        organization_allows=organization.get("AllowedByOrganizations"),
        missing_context=tuple(raw.get("MissingContextValues") or ()),
        ref=ref,
    )
