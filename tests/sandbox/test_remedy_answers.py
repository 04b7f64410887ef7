"""The simulator, and what changes are refused, over real HTTP to real boto3. What remedies do: see test_repairs."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from served import (
    AT,
    FUNCTION,
    Clients,
    clients_of,
    code_of,
    described,
    recent,
)

from runbook_lib.sandbox import document


def simulate(clients: Clients, *actions: str) -> dict[str, Any]:
    """The simulator's results for the function's role on the latest stream, by action."""
    found = clients("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::123456789012:role/{FUNCTION}-role",
        ActionNames=list(actions),
        ResourceArns=[described(clients)["LatestStreamArn"]],
    )
    return {result["EvalActionName"]: result for result in found["EvaluationResults"]}


def test_the_simulator_tells_allow_deny_and_silence_apart() -> None:
    """Each decision comes with the policies that made it."""
    world = recent()
    denial = {"Effect": "Deny", "Action": "dynamodb:GetRecords", "Resource": "*"}
    world.attach_role_policy(AT, world.role_name, world.create_policy(AT, "guardrail", document(denial)))
    with clients_of(world) as clients:
        found = simulate(clients, "dynamodb:DescribeStream", "dynamodb:GetRecords", "s3:GetObject")
    decisions = {action: result["EvalDecision"] for action, result in found.items()}
    assert decisions == {
        "dynamodb:DescribeStream": "allowed", "dynamodb:GetRecords": "explicitDeny", "s3:GetObject": "implicitDeny",
    }  # fmt: skip
    matched = found["dynamodb:GetRecords"]["MatchedStatements"]
    assert [(s["SourcePolicyId"], s["SourcePolicyType"]) for s in matched] == [("guardrail", "user-managed")]


def test_the_simulator_shows_the_boundary() -> None:
    """A boundary that does not allow is named in the detail."""
    world = recent()
    world.put_boundary(AT, world.role_name, world.create_policy(AT, "fence", document()))
    with clients_of(world) as clients:
        result = simulate(clients, "dynamodb:GetRecords")["dynamodb:GetRecords"]
        role = clients("iam").get_role(RoleName=world.role_name)["Role"]
    assert result["EvalDecision"] == "implicitDeny"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith(":policy/fence")


def test_a_mapping_passes_through_a_state_and_is_not_made_twice() -> None:
    """A change is under way when it is answered; a second mapping of the same function and stream is refused."""
    world = recent()
    world.update_mapping(AT, world.mapping.uuid, enabled=False)
    with clients_of(world) as clients:
        client = clients("lambda")
        assert client.update_event_source_mapping(UUID=world.mapping.uuid, Enabled=True)["State"] == "Enabling"
        assert client.get_event_source_mapping(UUID=world.mapping.uuid)["State"] == "Enabled"
        how = {"FunctionName": FUNCTION, "EventSourceArn": described(clients)["LatestStreamArn"]}
        refused = code_of(client.create_event_source_mapping, **how, StartingPosition="LATEST")
        assert refused == "ResourceConflictException"


def test_a_mapping_is_not_created_without_the_right_to_read() -> None:
    """AWS checks the role when a mapping is created, and so does the sandbox."""
    world = recent()
    world.delete_mapping(AT, world.mapping.uuid)
    world.delete_role_policy(AT, world.role_name, "stream-access")
    with clients_of(world) as clients, pytest.raises(ClientError, match="Cannot access stream"):
        clients("lambda").create_event_source_mapping(
            FunctionName=FUNCTION, EventSourceArn=described(clients)["LatestStreamArn"], StartingPosition="LATEST"
        )


def test_a_stream_is_not_switched_twice(healthy: Clients) -> None:
    """Enabling an enabled stream is refused in DynamoDB's words."""
    specification = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    with pytest.raises(ClientError, match="Table already has an enabled stream"):
        healthy("dynamodb").update_table(TableName="Orders", StreamSpecification=specification)
