"""How each remedy is applied to a world: the calls of its command, made with boto3 as a person would make them.

What others do meanwhile (AWS grants a quota, the organization's administrator gives way, an application writes) is told
to the world.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from remedy_effects import Clients
from runbook_lib.sandbox import (
    LAMBDA_TRUST,
    REPORTS,
    Change,
    Document,
    State,
    Traffic,
    World,
    allow,
    document,
    root_statement,
    stream_reader,
)
from runbook_lib.sandbox.account.state import UPDATING
from runbook_lib.sandbox.answers.streams import shards_of
from runbook_lib.sandbox.faults.discards import QUEUE

QUOTA = {"ServiceCode": "lambda", "QuotaCode": "L-B99A9384", "DesiredValue": 1000}


def _latest_stream(clients: Clients, world: World) -> str:
    return str(clients("dynamodb").describe_table(TableName=world.setting.table)["Table"]["LatestStreamArn"])


def _streams(world: World) -> str:
    return f"{world.scope.arn('dynamodb', f'table/{world.setting.table}')}/stream/*"


def _role(world: World, name: str) -> str:
    return world.scope.arn("iam", f"role/{name}")


def _update_mapping(clients: Clients, world: World, **changes: Any) -> None:
    clients("lambda").update_event_source_mapping(UUID=world.mapping.uuid, **changes)


def _map(clients: Clients, world: World, function: str, source: str) -> None:
    clients("lambda").create_event_source_mapping(
        FunctionName=function, EventSourceArn=source, StartingPosition="TRIM_HORIZON", BatchSize=100
    )


def enable_mapping(clients: Clients, world: World) -> None:
    """R1."""
    _update_mapping(clients, world, Enabled=True)


def map_latest_stream(clients: Clients, world: World) -> None:
    """R2."""
    _map(clients, world, world.setting.function, _latest_stream(clients, world))


def remove_filter(clients: Clients, world: World) -> None:
    """R3."""
    _update_mapping(clients, world, FilterCriteria={})


def grant_reads(clients: Clients, world: World) -> None:
    """R4, R31."""
    grant = json.dumps(stream_reader(_streams(world)))
    clients("iam").put_role_policy(RoleName=world.role_name, PolicyName="read-Orders-stream", PolicyDocument=grant)


def free_concurrency(clients: Clients, world: World) -> None:
    """R5."""
    clients("lambda").delete_function_concurrency(FunctionName=world.setting.function)


def skip_failing_batch(clients: Clients, world: World) -> None:
    """R6."""
    _update_mapping(
        clients, world, BisectBatchOnFunctionError=True, MaximumRetryAttempts=3,
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )  # fmt: skip


def switch_stream_on(clients: Clients, world: World) -> None:
    """R8, and R2 after it."""
    specification = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    clients("dynamodb").update_table(TableName=world.setting.table, StreamSpecification=specification)
    map_latest_stream(clients, world)


def change_view_type(clients: Clients, world: World) -> None:
    """R19, with R8 and R2 after it."""
    clients("dynamodb").update_table(TableName=world.setting.table, StreamSpecification={"StreamEnabled": False})
    world.advance(UPDATING)
    switch_stream_on(clients, world)


def enable_table_key(clients: Clients, world: World) -> None:
    """R9."""
    clients("kms").enable_key(KeyId=world.table.key)


def enable_function_key(clients: Clients, world: World) -> None:
    """R38."""
    clients("kms").enable_key(KeyId=world.function.latest.key)


def deploy_last_good_code(clients: Clients, world: World) -> None:
    """R10."""
    clients("lambda").update_function_code(FunctionName=world.setting.function, S3Bucket="releases", S3Key="r41.zip")


def deploy_image(clients: Clients, world: World) -> None:
    """R10, for a function that runs from an image."""
    image = f"{world.account}.dkr.ecr.{world.region}.amazonaws.com/orders:r41"
    clients("lambda").update_function_code(FunctionName=world.setting.function, ImageUri=image)


def create_function_again(clients: Clients, world: World) -> None:
    """R42."""
    before, client = world.function.latest, clients("lambda")
    client.delete_function(FunctionName=world.setting.function)
    client.create_function(
        FunctionName=world.setting.function, Role=before.role, Runtime=before.runtime, Handler=before.handler,
        Code={"S3Bucket": "releases", "S3Key": "r41.zip"},
    )  # fmt: skip


def give_more_memory(clients: Clients, world: World) -> None:
    """R41."""
    clients("lambda").update_function_configuration(FunctionName=world.setting.function, Timeout=60, MemorySize=2048)


def restore_trust(clients: Clients, world: World) -> None:
    """R11."""
    clients("iam").update_assume_role_policy(RoleName=world.role_name, PolicyDocument=json.dumps(LAMBDA_TRUST))


def create_role_again(clients: Clients, world: World) -> None:
    """R11, for a role that is gone."""
    trust = json.dumps(LAMBDA_TRUST)
    clients("iam").create_role(RoleName=world.role_name, AssumeRolePolicyDocument=trust)
    restore_trust(clients, world)
    grant_reads(clients, world)
    name = world.setting.function
    clients("lambda").update_function_configuration(FunctionName=name, Role=_role(world, world.role_name))


def _replace_policy(clients: Clients, arn: str, policy: Document) -> None:
    clients("iam").create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(policy), SetAsDefault=True)


def narrow_denial(clients: Clients, world: World) -> None:
    """R12: the guardrail's owner takes the stream's reads out of it."""
    clients("iam").get_role(RoleName=world.role_name)
    denial = {"Effect": "Deny", "Action": ["dynamodb:Scan"], "Resource": "*"}
    _replace_policy(clients, world.scope.arn("iam", "policy/data-perimeter"), document(denial))


def widen_boundary(clients: Clients, world: World) -> None:
    """R12: the boundary's owner lets streams through."""
    boundary = clients("iam").get_role(RoleName=world.role_name)["Role"]["PermissionsBoundary"][
        "PermissionsBoundaryArn"
    ]
    _replace_policy(clients, boundary, document(allow(["logs:*", "dynamodb:*"], "*")))


def organization_gives_way(clients: Clients, world: World) -> None:
    """R12, by the organization's administrator."""
    clients("iam").get_role(RoleName=world.role_name)
    world.detach_scps(world.now)


def exempt_in_stream_policy(clients: Clients, world: World) -> None:
    """R13: what get-resource-policy answers, with the role exempted."""
    stream = _latest_stream(clients, world)
    policy = json.loads(clients("dynamodb").get_resource_policy(ResourceArn=stream)["Policy"])
    condition = policy["Statement"][0]["Condition"]["ArnNotEquals"]
    condition["aws:PrincipalArn"] = [condition["aws:PrincipalArn"], _role(world, world.role_name)]
    clients("dynamodb").put_resource_policy(ResourceArn=stream, Policy=json.dumps(policy))


def run_more_batches(clients: Clients, world: World) -> None:
    """R14."""
    _update_mapping(clients, world, ParallelizationFactor=10)


def retarget_home(clients: Clients, world: World) -> None:
    """R16."""
    _update_mapping(clients, world, FunctionName=world.setting.function)


def retarget_to_bystander(clients: Clients, world: World) -> None:
    """R16, at a function whose role is let to read the stream first."""
    name = world.setting.bystander
    grant = json.dumps(stream_reader(_streams(world)))
    clients("iam").put_role_policy(RoleName=f"{name}-role", PolicyName="read-Orders-stream", PolicyDocument=grant)
    _update_mapping(clients, world, FunctionName=name)


def exempt_in_perimeter(clients: Clients, world: World) -> None:
    """R31: the role exempted from a conditioned deny, and let to read."""
    arn = world.scope.arn("iam", "policy/data-perimeter")
    version = clients("iam").get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    policy: dict[str, Any] = clients("iam").get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"][
        "Document"
    ]
    policy["Statement"][0]["Condition"]["ArnNotLike"] = {"aws:PrincipalArn": _role(world, world.role_name)}
    _replace_policy(clients, arn, policy)
    grant_reads(clients, world)


def move_alias(clients: Clients, world: World) -> None:
    """R32."""
    name, client = world.setting.function, clients("lambda")
    number = client.publish_version(FunctionName=name)["Version"]
    client.update_alias(FunctionName=name, Name=world.setting.alias, FunctionVersion=number)


def quota_is_raised(clients: Clients, world: World) -> None:
    """R18: asked for, and granted by AWS."""
    clients("service-quotas").request_service_quota_increase(**QUOTA)
    world.set_account_concurrency(world.now, 1000)


def instances_are_granted(clients: Clients, world: World) -> None:
    """R18: asked for, and granted by AWS, so that the capacity provider has instances again."""
    clients("service-quotas").request_service_quota_increase(**QUOTA)
    world.put_in_service(world.now, world.setting.function)


def move_to_other_subnets(clients: Clients, world: World) -> None:
    """R33."""
    network = {"SubnetIds": ["subnet-0a1b2c3d"], "SecurityGroupIds": ["sg-0a1b2c3d"]}
    clients("lambda").update_function_configuration(FunctionName=world.setting.function, VpcConfig=network)


def prepare_again(clients: Clients, world: World) -> None:
    """R34: once to end the preparation that is stuck, once to begin another."""
    for words in ("prepared again", "and again"):
        clients("lambda").update_function_configuration(FunctionName=world.setting.function, Description=words)


def cap_runaway(clients: Clients, world: World) -> None:
    """R35. A runaway needs nothing, and a young account has nothing to reserve: the cap is 0."""
    name = world.setting.bystander
    clients("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)


def take_one_reader_off(clients: Clients, world: World) -> None:
    """R36: the readers are listed, and the last to come gets its records from somewhere else."""
    client = clients("lambda")
    found = client.list_event_source_mappings(EventSourceArn=_latest_stream(clients, world))["EventSourceMappings"]
    third = next(mapping for mapping in found if mapping["FunctionArn"].endswith(world.setting.bystander))
    client.delete_event_source_mapping(UUID=third["UUID"])


def let_role_decrypt(clients: Clients, world: World) -> None:
    """R37."""
    names = (world.role_name, f"{world.setting.sibling}-role", "shop-checkout")
    readers = [_role(world, name) for name in names]
    named = {"Effect": "Allow", "Principal": {"AWS": readers}, "Action": "kms:Decrypt", "Resource": "*"}
    policy = json.dumps(document(root_statement(world.account), named))
    clients("kms").put_key_policy(KeyId=world.table.key, PolicyName="default", Policy=policy)


def aws_recovers(clients: Clients, world: World) -> None:
    """R39: watched, until AWS has mended it."""
    clients("health").describe_events(filter={"services": ["LAMBDA", "DYNAMODB"], "eventStatusCodes": ["open"]})

    def mended(state: State) -> State:
        for mapping in state.mappings.values():
            state = state.with_mapping(replace(mapping, stalled=False))
        return replace(state, health=tuple(replace(event, end=world.now) for event in state.health or ()))

    world.add(Change(world.now, mended))


def application_writes(clients: Clients, world: World) -> None:
    """R20: whoever owns the table writes to it, with changes."""
    ordinary = Traffic()
    world.write_in_vain(world.now, None)
    world.set_traffic(world.now, ordinary.per_minute, ordinary.swing, ordinary.jitter)


def fetch_discarded(clients: Clients, world: World) -> frozenset[str]:
    """R21, after R10: what the failure destination names is read from the stream, one record each."""
    deploy_last_good_code(clients, world)
    lost = world.pipe.cursors[world.mapping.uuid].lost
    stream, client = _latest_stream(clients, world), clients("dynamodbstreams")
    assert world.table.stream is not None
    shards = shards_of(world, world.table.stream)
    fetched = set()
    for write in lost:
        shard = next(
            shard
            for shard in shards
            if shard.lineage == write.lineage
            and shard.begin.timestamp() <= write.at
            and (shard.end is None or write.at < shard.end.timestamp())
        )
        iterator = client.get_shard_iterator(
            StreamArn=stream, ShardId=shard.shard_id, ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=write.sequence_number,
        )["ShardIterator"]  # fmt: skip
        records = client.get_records(ShardIterator=iterator, Limit=1)["Records"]
        fetched |= {record["dynamodb"]["SequenceNumber"] for record in records}
    return frozenset(fetched)


def keep_records(clients: Clients, world: World) -> None:
    """R22, and R5 after it."""
    _update_mapping(clients, world, MaximumRecordAgeInSeconds=-1)
    free_concurrency(clients, world)


def let_role_report(clients: Clients, world: World) -> None:
    """R23."""
    grant = json.dumps(document(allow(["sqs:SendMessage"], QUEUE)))
    clients("iam").put_role_policy(RoleName=world.role_name, PolicyName=REPORTS, PolicyDocument=grant)


def map_kinesis(clients: Clients, world: World) -> None:
    """R24, with the reads it takes."""
    source = clients("dynamodb").describe_kinesis_streaming_destination(TableName=world.setting.table)
    stream = source["KinesisDataStreamDestinations"][0]["StreamArn"]
    reads = ["kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards"]
    grant = json.dumps(document(allow(reads, stream)))
    clients("iam").put_role_policy(RoleName=world.role_name, PolicyName="read-kinesis", PolicyDocument=grant)
    _map(clients, world, world.setting.function, stream)


def replay_through_alias(clients: Clients, world: World) -> None:
    """R25, with an alias made for it."""
    name, client = world.setting.function, clients("lambda")
    number = client.publish_version(FunctionName=name)["Version"]
    client.create_alias(FunctionName=name, Name="replay", FunctionVersion=number)
    _map(clients, world, f"{name}:replay", _latest_stream(clients, world))


def deliver_at_once(clients: Clients, world: World) -> None:
    """R40."""
    _update_mapping(clients, world, MaximumBatchingWindowInSeconds=0)
