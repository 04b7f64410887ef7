"""What changing functions, versions, aliases, roles, keys and policies does, and what of it is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from served import AT, FUNCTION, Clients, clients_of, code_of, described, recent

from runbook_lib.sandbox import LAMBDA_TRUST, MISSING_MODULE, Code, Setting, World, document

ROLE = f"{FUNCTION}-role"


def test_uploading_code_leaves_the_alias_behind() -> None:
    """New code is `$LATEST` alone until a version is published and the alias moved to it."""
    world = recent(setting=Setting(alias="live"))
    world.deploy(AT, FUNCTION, Code("r42", always=MISSING_MODULE))
    with clients_of(world) as clients:
        client = clients("lambda")
        client.update_function_code(FunctionName=FUNCTION, ZipFile=b"repaired")
        broken = client.get_alias(FunctionName=FUNCTION, Name="live")["FunctionVersion"]
        assert world.function.latest.code.always is None
        assert world.state.target(world.mapping).code.always is MISSING_MODULE  # type: ignore[union-attr]
        number = client.publish_version(FunctionName=FUNCTION)["Version"]
        client.update_alias(FunctionName=FUNCTION, Name="live", FunctionVersion=number)
        assert int(number) == int(broken) + 1
        assert world.state.target(world.mapping).code.always is None  # type: ignore[union-attr]


def test_update_of_a_pending_function_fails_it_and_the_next_prepares_it() -> None:
    """Lambda cancels a preparation that is stuck: the function is Failed until it is updated once more."""
    world = recent()
    world.put_out_of_service(AT, FUNCTION, "Pending", "Creating", "The function is being created.")
    with clients_of(world) as clients:
        states = []
        for words in ("once", "twice"):
            clients("lambda").update_function_configuration(FunctionName=FUNCTION, Description=words)
            states.append(clients("lambda").get_function_configuration(FunctionName=FUNCTION)["State"])
    assert states == ["Failed", "Active"]


@pytest.mark.parametrize(("change", "state"), [({"Timeout": 9}, "Failed"), ({"VpcConfig": {}}, "Active")])
def test_failed_function_returns_when_the_reason_is_gone(change: dict[str, Any], state: str) -> None:
    """A function without addresses is not helped by a longer timeout, but by another network."""
    world = recent()
    world.put_out_of_service(AT, FUNCTION, "Failed", "SubnetOutOfIPAddresses", "No address is free.")
    with clients_of(world) as clients:
        clients("lambda").update_function_configuration(FunctionName=FUNCTION, **change)
    assert world.function.latest.state == state


def test_image_is_not_replaced_by_a_package() -> None:
    """A function whose image is gone runs again with an image, not with any upload."""
    world = recent()
    world.put_out_of_service(AT, FUNCTION, "Inactive", "ImageDeleted", "The image was deleted.")
    with clients_of(world) as clients:
        clients("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=b"repaired")
        assert world.function.latest.state == "Inactive"
        clients("lambda").update_function_code(FunctionName=FUNCTION, ImageUri="registry/orders:r41")
        assert world.function.latest.state == "Active"


_CODE = {"S3Bucket": "releases", "S3Key": "r41.zip"}
REFUSED: list[tuple[str, Callable[[Clients], Any], dict[str, Any], str]] = [
    (
        "function-exists", lambda ask: ask("lambda").create_function,
        {"FunctionName": FUNCTION, "Role": f"arn:aws:iam::123456789012:role/{ROLE}", "Code": _CODE},
        "ResourceConflictException",
    ),
    (
        "function-gone", lambda ask: ask("lambda").delete_function, {"FunctionName": "gone"},
        "ResourceNotFoundException",
    ),
    (
        "alias-exists", lambda ask: ask("lambda").create_alias,
        {"FunctionName": FUNCTION, "Name": "live", "FunctionVersion": "7"}, "ResourceConflictException",
    ),
    (
        "alias-gone", lambda ask: ask("lambda").update_alias,
        {"FunctionName": FUNCTION, "Name": "gone", "FunctionVersion": "7"}, "ResourceNotFoundException",
    ),
    (
        "version-gone", lambda ask: ask("lambda").update_alias,
        {"FunctionName": FUNCTION, "Name": "live", "FunctionVersion": "99"}, "ResourceNotFoundException",
    ),
    (
        "role-exists", lambda ask: ask("iam").create_role,
        {"RoleName": ROLE, "AssumeRolePolicyDocument": json.dumps(LAMBDA_TRUST)}, "EntityAlreadyExists",
    ),
    (
        "policy-gone", lambda ask: ask("iam").create_policy_version,
        {"PolicyArn": "arn:aws:iam::123456789012:policy/gone", "PolicyDocument": "{}", "SetAsDefault": True},
        "NoSuchEntity",
    ),
    ("key-gone", lambda ask: ask("kms").enable_key, {"KeyId": "gone"}, "NotFoundException"),
    (
        "table-policy", lambda ask: ask("dynamodb").put_resource_policy,
        {"ResourceArn": "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders", "Policy": "{}"},
        "ResourceNotFoundException",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("call", "params", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_change_is_refused(call: Callable[[Clients], Any], params: dict[str, Any], code: str, healthy: Clients) -> None:
    """What AWS refuses is refused, in its words, and changes nothing."""
    assert code_of(call(healthy), **params) == code


def test_policy_version_is_the_default_or_not_emulated() -> None:
    """A managed policy says what its newest version says, which has a number of its own."""
    world = recent()
    arn = world.create_policy(AT, "fence", document())
    with clients_of(world) as clients:
        client = clients("iam")
        said = {"PolicyArn": arn, "PolicyDocument": json.dumps(document({"Effect": "Allow", "Action": "*"}))}
        assert code_of(client.create_policy_version, **said) == "OperationNotEmulated"
        assert client.create_policy_version(**said, SetAsDefault=True)["PolicyVersion"]["VersionId"] == "v2"
        found = client.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"]
    assert found["Statement"][0]["Effect"] == "Allow"


def _peak(world: World) -> int:
    return max(flow.busy for flow in list(world.pipe.flows[world.mapping.uuid].values())[-30:])


def test_parallelization_lets_more_batches_of_a_shard_run() -> None:
    """Slow code runs once per shard at a time, and `ParallelizationFactor` times when the mapping says so."""
    world = recent(setting=Setting(mapping={"batch_size": 1}))
    world.deploy(AT, FUNCTION, Code("r42", seconds=20))
    assert _peak(world) == 4
    with clients_of(world) as clients:
        clients("lambda").update_event_source_mapping(UUID=world.mapping.uuid, ParallelizationFactor=3)
    world.advance(world.now - AT)
    assert _peak(world) == 12


def test_quota_request_grants_nothing_yet(healthy: Clients) -> None:
    """A request for a higher quota is pending; the quota stays what it was."""
    quotas, what = healthy("service-quotas"), {"ServiceCode": "lambda", "QuotaCode": "L-B99A9384"}
    before = quotas.get_service_quota(**what)["Quota"]["Value"]
    assert quotas.request_service_quota_increase(**what, DesiredValue=9000)["RequestedQuota"]["Status"] == "PENDING"
    assert quotas.get_service_quota(**what)["Quota"]["Value"] == before


def test_a_fetched_record_is_the_one_that_was_named() -> None:
    """An iterator at a sequence number begins with that very record, for every record of an hour."""
    world = recent()
    with clients_of(world) as clients:
        stream, client = described(clients)["LatestStreamArn"], clients("dynamodbstreams")
        shard = client.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][-1]["ShardId"]
        start = client.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        for record in client.get_records(ShardIterator=start["ShardIterator"], Limit=200)["Records"]:
            number = record["dynamodb"]["SequenceNumber"]
            at = client.get_shard_iterator(
                StreamArn=stream, ShardId=shard, ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber=number
            )
            first = client.get_records(ShardIterator=at["ShardIterator"], Limit=1)["Records"][0]
            assert first["dynamodb"]["SequenceNumber"] == number
