"""Answers of AWS IAM about roles and policies, and its simulator, from the sandbox's own IAM."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runbook_lib.sandbox.account.state import ManagedPolicy, Role
from runbook_lib.sandbox.answers.paging import offset_of, token_for
from runbook_lib.sandbox.pipe import iam_truth
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError, not_emulated
from runbook_lib.sandbox.wire.registry import answers

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World


def _no_such(what: str) -> ApiError:
    return ApiError("NoSuchEntity", f"{what} cannot be found.", 404)


def _role(world: World, name: str) -> Role:
    role = world.state.roles.get(name)
    if role is None:
        raise _no_such(f"The role with name {name}")
    return role


def _policy(world: World, arn: str) -> ManagedPolicy:
    policy = world.state.policies.get(arn)
    if policy is None:
        raise ApiError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)
    return policy


def _page(items: list[Any], member: str, call: Call) -> dict[str, Any]:
    """IAM's way of paging: a flag, and a marker with it."""
    begin, size = offset_of(call.params.get("Marker"), "ValidationError"), call.params.get("MaxItems", 100)
    cut = begin + size < len(items)
    return {member: items[begin : begin + size], "IsTruncated": cut} | (
        {"Marker": token_for(begin + size)} if cut else {}
    )


def _described(world: World, role: Role) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.role_id,
        "Arn": world.scope.arn("iam", f"role{role.path}{role.name}"),
        "CreateDate": role.created.replace(microsecond=0),
        "AssumeRolePolicyDocument": json.dumps(role.trust),
        "MaxSessionDuration": 3600,
    }
    if role.boundary:
        found["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": role.boundary,
        }
    return found


@answers("iam", "GetRole")
def get_role(world: World, call: Call) -> dict[str, Any]:
    """One role."""
    return {"Role": _described(world, _role(world, call.params["RoleName"]))}


@answers("iam", "ListRoles")
def list_roles(world: World, call: Call) -> dict[str, Any]:
    """Every role, without permissions boundaries, as AWS lists them."""
    roles = [_described(world, role) for _, role in sorted(world.state.roles.items())]
    return _page([{k: v for k, v in role.items() if k != "PermissionsBoundary"} for role in roles], "Roles", call)


@answers("iam", "ListRolePolicies")
def list_role_policies(world: World, call: Call) -> dict[str, Any]:
    """The names of a role's inline policies."""
    return _page(sorted(_role(world, call.params["RoleName"]).inline), "PolicyNames", call)


@answers("iam", "GetRolePolicy")
def get_role_policy(world: World, call: Call) -> dict[str, Any]:
    """One inline policy."""
    role, name = _role(world, call.params["RoleName"]), call.params["PolicyName"]
    if name not in role.inline:
        raise _no_such(f"The role policy with name {name}")
    return {"RoleName": role.name, "PolicyName": name, "PolicyDocument": json.dumps(role.inline[name])}


@answers("iam", "ListAttachedRolePolicies")
def list_attached_role_policies(world: World, call: Call) -> dict[str, Any]:
    """The managed policies attached to a role."""
    attached = _role(world, call.params["RoleName"]).attached
    found = [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in attached]
    return _page(found, "AttachedPolicies", call)


@answers("iam", "GetPolicy")
def get_policy(world: World, call: Call) -> dict[str, Any]:
    """A managed policy without its document."""
    policy = _policy(world, call.params["PolicyArn"])
    roles = world.state.roles.values()
    path = "/service-role/" if policy.by_aws else "/"
    return {
        "Policy": {
            "PolicyName": policy.name,
            "PolicyId": policy.policy_id,
            "Arn": policy.arn,
            "Path": path,
            "DefaultVersionId": policy.version,
            "AttachmentCount": sum(policy.arn in role.attached for role in roles),
            "PermissionsBoundaryUsageCount": sum(policy.arn == role.boundary for role in roles),
            "IsAttachable": True,
            "CreateDate": policy.created.replace(microsecond=0),
            "UpdateDate": policy.created.replace(microsecond=0),
        }
    }


@answers("iam", "GetPolicyVersion")
def get_policy_version(world: World, call: Call) -> dict[str, Any]:
    """A managed policy's document; there is one version of each."""
    policy = _policy(world, call.params["PolicyArn"])
    if call.params["VersionId"] != policy.version:
        raise ApiError("NoSuchEntity", f"Policy version {call.params['VersionId']} does not exist.", 404)
    return {
        "PolicyVersion": {
            "Document": json.dumps(policy.document),
            "VersionId": policy.version,
            "IsDefaultVersion": True,
            "CreateDate": policy.created.replace(microsecond=0),
        }
    }


@answers("iam", "CreatePolicyVersion")
def create_policy_version(world: World, call: Call) -> dict[str, Any]:
    """The remedy for a managed policy that refuses; a version that is not made the default is not emulated."""
    if not call.params.get("SetAsDefault"):
        raise not_emulated(call.action)
    arn = _policy(world, call.params["PolicyArn"]).arn
    version = world.put_policy_version(world.now, arn, _parsed(call.params["PolicyDocument"]))
    return {"PolicyVersion": {"VersionId": version, "IsDefaultVersion": True, "CreateDate": world.now}}


@answers("iam", "SimulatePrincipalPolicy")
def simulate_principal_policy(world: World, call: Call) -> dict[str, Any]:
    """What a role may do. As in AWS, resource policies of the resources play no part for a role."""
    params = call.params
    role = _role(world, params["PolicySourceArn"].rpartition("/")[2])
    context = {
        entry["ContextKeyName"]: entry["ContextKeyValues"][0]
        for entry in params.get("ContextEntries", [])
        if entry.get("ContextKeyValues")
    }
    resources = params.get("ResourceArns") or ["*"]
    results = [_simulated(world, role, action, resources, context) for action in params["ActionNames"]]
    return _page(results, "EvaluationResults", call)


_TEMPLATES: Mapping[str, str] = {
    "dynamodb": "arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}/stream/${StreamLabel}",
    "kms": "arn:${Partition}:kms:${Region}:${Account}:key/${KeyId}",
    "kinesis": "arn:${Partition}:kinesis:${Region}:${Account}:stream/${StreamName}",
    "sqs": "arn:${Partition}:sqs:${Region}:${Account}:${QueueName}",
}
"""What the top of a result names in place of a resource, since botocore 1.44, by the action's service."""


def _simulated(
    world: World, role: Role, action: str, resources: list[str], context: Mapping[str, str]
) -> dict[str, Any]:
    """One action on some resources: the decision on each, and above them the strictest."""
    rulings = [(resource, iam_truth.decide(world.state, role, action, resource, context)) for resource in resources]
    _, ruling = min(rulings, key=lambda pair: _STRICTEST.index(pair[1].decision))
    missing = sorted(iam_truth.context_keys(world.state, role) - set(context))
    named = resources != ["*"]
    found: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": _TEMPLATES.get(action.partition(":")[0], "*") if named else "*",
        "EvalDecision": ruling.decision,
        "MatchedStatements": _matched(ruling),
        "MissingContextValues": missing,
    }
    if ruling.boundary_allows is not None:
        found["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": ruling.boundary_allows}
    if ruling.organization_allows is not None:
        found["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": ruling.organization_allows}
    if named:
        found["ResourceSpecificResults"] = [_of_resource(resource, ruling, missing) for resource, ruling in rulings]
    return found


_STRICTEST = ("explicitDeny", "implicitDeny", "allowed")


def _of_resource(resource: str, ruling: iam_truth.Ruling, missing: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "EvalResourceName": resource,
        "EvalResourceDecision": ruling.decision,
        "MatchedStatements": _matched(ruling),
        "MissingContextValues": missing,
    }
    if ruling.boundary_allows is not None:
        found["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": ruling.boundary_allows}
    return found


def _matched(ruling: iam_truth.Ruling) -> list[dict[str, Any]]:
    """The statements that decided. An explicit deny lists the denying ones only."""
    return [
        {
            "SourcePolicyId": source.name,
            "SourcePolicyType": source.kind,
            "StartPosition": {"Line": 1, "Column": 1},
            "EndPosition": {"Line": 1, "Column": len(json.dumps(source.document))},
        }
        for source in ruling.matched
    ]


@answers("iam", "CreateRole")
def create_role(world: World, call: Call) -> dict[str, Any]:
    """The remedy for a role that was deleted: one of its name, with another id and no policies."""
    name: str = call.params["RoleName"]
    if name in world.state.roles:
        raise ApiError("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
    world.create_role(world.now, name, _parsed(call.params["AssumeRolePolicyDocument"]))
    return {"Role": _described(world, world.state.roles[name])}


@answers("iam", "PutRolePolicy")
def put_role_policy(world: World, call: Call) -> dict[str, Any]:
    """The remedy for missing actions."""
    role = _role(world, call.params["RoleName"])
    document = _parsed(call.params["PolicyDocument"])
    world.put_role_policy(world.now, role.name, call.params["PolicyName"], document)
    return {}


def _parsed(text: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise ApiError("MalformedPolicyDocument", "This policy contains invalid Json") from error
    return found


@answers("iam", "DeleteRolePolicy")
def delete_role_policy(world: World, call: Call) -> dict[str, Any]:
    """Delete an inline policy."""
    get_role_policy(world, call)
    world.delete_role_policy(world.now, call.params["RoleName"], call.params["PolicyName"])
    return {}


@answers("iam", "AttachRolePolicy")
def attach_role_policy(world: World, call: Call) -> dict[str, Any]:
    """Attach a managed policy."""
    role, policy = _role(world, call.params["RoleName"]), _policy(world, call.params["PolicyArn"])
    world.attach_role_policy(world.now, role.name, policy.arn)
    return {}


@answers("iam", "DetachRolePolicy")
def detach_role_policy(world: World, call: Call) -> dict[str, Any]:
    """The remedy for an attached deny."""
    role, arn = _role(world, call.params["RoleName"]), call.params["PolicyArn"]
    if arn not in role.attached:
        raise ApiError("NoSuchEntity", f"Policy {arn} was not found.", 404)
    world.detach_role_policy(world.now, role.name, arn)
    return {}


@answers("iam", "PutRolePermissionsBoundary")
def put_role_permissions_boundary(world: World, call: Call) -> dict[str, Any]:
    """Set a role's permissions boundary."""
    role, policy = _role(world, call.params["RoleName"]), _policy(world, call.params["PermissionsBoundary"])
    world.put_boundary(world.now, role.name, policy.arn)
    return {}


@answers("iam", "DeleteRolePermissionsBoundary")
def delete_role_permissions_boundary(world: World, call: Call) -> dict[str, Any]:
    """Take a role's permissions boundary away."""
    world.delete_boundary(world.now, _role(world, call.params["RoleName"]).name)
    return {}


@answers("iam", "UpdateAssumeRolePolicy")
def update_assume_role_policy(world: World, call: Call) -> dict[str, Any]:
    """Replace a role's trust policy."""
    role = _role(world, call.params["RoleName"])
    world.update_trust(world.now, role.name, _parsed(call.params["PolicyDocument"]))
    return {}
