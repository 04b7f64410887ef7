"""The simulator, and the remedies applied through the API, over real HTTP to real boto3."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from served import (
    AT,
    FUNCTION,
    NOW,
    Clients,
    clients_of,
    code_of,
    described,
    recent,
)

from runbook_lib.sandbox.code import MISSING_MODULE, Code
from runbook_lib.sandbox.healthy import document, stream_reader
from runbook_lib.sandbox.world import World


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


def delivering(world: World) -> bool:
    """Whether the function was handed records in the last whole minute, without an error."""
    last = int(world.now.timestamp() // 60) - 1
    mine = [uuid for uuid, mapping in world.state.mappings.items() if mapping.function_name == FUNCTION]
    flows = [world.pipe.flows[uuid].get(last) for uuid in mine]
    return any(flow is not None and flow.delivered and not flow.errors for flow in flows)


def enable(clients: Clients, world: World) -> None:
    """R1."""
    answer = clients("lambda").update_event_source_mapping(UUID=world.mapping.uuid, Enabled=True)
    assert answer["State"] == "Enabling"
    assert clients("lambda").get_event_source_mapping(UUID=world.mapping.uuid)["State"] == "Enabled"


def replace_mapping(clients: Clients, world: World) -> None:
    """R2, with R8 before it where the stream is off."""
    if "StreamSpecification" not in described(clients):
        specification = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        clients("dynamodb").update_table(TableName="Orders", StreamSpecification=specification)
    how = {"FunctionName": FUNCTION, "EventSourceArn": described(clients)["LatestStreamArn"]}
    client = clients("lambda")
    assert client.create_event_source_mapping(**how, StartingPosition="TRIM_HORIZON")["State"] == "Creating"
    assert code_of(client.create_event_source_mapping, **how, StartingPosition="LATEST") == "ResourceConflictException"


REMEDIES: list[tuple[str, Callable[[World], None], Callable[[Clients, World], None]]] = [
    ("R1", lambda w: w.update_mapping(AT, w.mapping.uuid, enabled=False), enable),
    ("R2", lambda w: w.delete_mapping(AT, w.mapping.uuid), replace_mapping),
    ("R8", lambda w: w.disable_stream(AT, "Orders"), replace_mapping),
    (
        "R3",
        lambda w: w.update_mapping(AT, w.mapping.uuid, filters=('{"eventName": ["x"]}',)),
        lambda c, w: c("lambda").update_event_source_mapping(UUID=w.mapping.uuid, FilterCriteria={}),
    ),
    (
        "R4",
        lambda w: w.delete_role_policy(AT, w.role_name, "stream-access"),
        lambda c, w: c("iam").put_role_policy(
            RoleName=w.role_name, PolicyName="p", PolicyDocument=json.dumps(stream_reader("*"))
        ),
    ),
    (
        "R5",
        lambda w: w.put_concurrency(AT, FUNCTION, 0),
        lambda c, w: c("lambda").delete_function_concurrency(FunctionName=FUNCTION),
    ),
    (
        "R6",
        lambda w: w.poison(AT),
        lambda c, w: c("lambda").update_event_source_mapping(
            UUID=w.mapping.uuid, MaximumRetryAttempts=1, BisectBatchOnFunctionError=True
        ),
    ),
    (
        "R10",
        lambda w: w.deploy(AT, FUNCTION, Code("r42", always=MISSING_MODULE)),
        lambda c, w: c("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=b"repaired"),
    ),
    (
        "R12",
        lambda w: w.put_boundary(AT, w.role_name, w.create_policy(AT, "fence", document())),
        lambda c, w: c("iam").delete_role_permissions_boundary(RoleName=w.role_name),
    ),
]


@pytest.mark.parametrize(("name", "tell", "remedy"), REMEDIES, ids=[name for name, _, _ in REMEDIES])
def test_a_remedy_applied_through_the_api_works(
    name: str, tell: Callable[[World], None], remedy: Callable[[Clients, World], None]
) -> None:
    """Done with the command of the remedy table, it brings deliveries back, and without it there are none."""
    world = World(NOW, history=timedelta(hours=3))
    tell(world)
    assert not delivering(world)
    with clients_of(world) as clients:
        remedy(clients, world)
        world.advance(timedelta(minutes=4))
        assert delivering(world)


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
