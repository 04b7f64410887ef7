"""Answers of Amazon DynamoDB about the table. Item operations are not emulated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runbook_lib.sandbox.account.state import Table
from runbook_lib.sandbox.account.trail import OPERATOR
from runbook_lib.sandbox.answers.regional import regional
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World


def table_of(world: World, name: str) -> Table:
    """The table a caller names by name or ARN; raises ResourceNotFoundException in DynamoDB's words."""
    wanted = name.rpartition(":table/")[2].partition("/")[0]
    table = world.state.tables.get(wanted)
    if table is None:
        raise ApiError("ResourceNotFoundException", f"Requested resource not found: Table: {wanted} not found")
    return table


def described(world: World, table: Table) -> dict[str, Any]:
    """The `TableDescription`. After disabling, the specification is gone while the latest ARN and label stay."""
    writes = sum(operations.total() for operations in world.pipe.written.get(table.name, {}).values())
    found: dict[str, Any] = {
        "AttributeDefinitions": [{"AttributeName": "order_id", "AttributeType": "S"}],
        "TableName": table.name,
        "KeySchema": [{"AttributeName": "order_id", "KeyType": "HASH"}],
        "TableStatus": "ACTIVE",
        "CreationDateTime": table.created,
        "ProvisionedThroughput": {
            "LastIncreaseDateTime": table.created + timedelta(days=40),
            "ReadCapacityUnits": table.read_units,
            "WriteCapacityUnits": table.write_units,
        },
        "TableSizeBytes": writes * 210,
        "ItemCount": writes,
        "TableArn": world.scope.arn("dynamodb", f"table/{table.name}"),
        "TableId": table.table_id,
        "DeletionProtectionEnabled": True,
    }
    if table.stream is not None:
        found["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream.view_type}
    if table.latest is not None:
        found |= {"LatestStreamLabel": table.latest.label, "LatestStreamArn": table.latest.arn(world.scope)}
    if table.restored:
        found["RestoreSummary"] = {
            "SourceTableArn": found["TableArn"],
            "RestoreDateTime": table.created - timedelta(minutes=11),
            "RestoreInProgress": False,
        }
    if table.updating(world.now):
        found["TableStatus"] = "UPDATING"
    if table.replicas:
        found["Replicas"] = [{"RegionName": region, "ReplicaStatus": "ACTIVE"} for region in table.replicas]
    if table.key is not None:
        found |= _encryption(world, table)
    return found


def _encryption(world: World, table: Table) -> dict[str, Any]:
    """The customer's key; once DynamoDB has found that it cannot use it, the table is out of reach."""
    described: dict[str, Any] = {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": table.key}
    found: dict[str, Any] = {"SSEDescription": described}
    if table.out_of_reach(world.now):
        described["InaccessibleEncryptionDateTime"] = table.key_loss_detected
        found["TableStatus"] = "INACCESSIBLE_ENCRYPTION_CREDENTIALS"
    return found


@regional("dynamodb", "DescribeTable")
def describe_table(world: World, call: Call) -> dict[str, Any]:
    """The table."""
    return {"Table": described(world, table_of(world, call.params["TableName"]))}


@regional("dynamodb", "ListTables")
def list_tables(world: World, call: Call) -> dict[str, Any]:
    """Every table's name, a page at a time."""
    return paged_names(call, list(world.state.tables))


def paged_names(call: Call, tables: list[str]) -> dict[str, Any]:
    """A page of the names of tables."""
    names = sorted(name for name in tables if name > call.params.get("ExclusiveStartTableName", ""))
    page = names[: call.params.get("Limit", 100)]
    return {"TableNames": page} | ({"LastEvaluatedTableName": page[-1]} if len(page) < len(names) else {})


@regional("dynamodb", "UpdateTable")
def update_table(world: World, call: Call) -> dict[str, Any]:
    """The remedy: switch the stream on or off, now. Other changes but write capacity are not emulated."""
    table = table_of(world, call.params["TableName"])
    _refuse_update(world, table, call.params)
    specification = call.params.get("StreamSpecification")
    if specification is None:
        if throughput := call.params.get("ProvisionedThroughput"):
            world.set_capacity(world.now, table.name, throughput["WriteCapacityUnits"])
    elif specification["StreamEnabled"]:
        world.enable_stream(world.now, table.name, specification["StreamViewType"], OPERATOR)
    else:
        world.disable_stream(world.now, table.name, OPERATOR)
    return {"TableDescription": described(world, table_of(world, table.name)) | {"TableStatus": "UPDATING"}}


_CHANGES = (
    "StreamSpecification",
    "ProvisionedThroughput",
    "BillingMode",
    "GlobalSecondaryIndexUpdates",
    "ReplicaUpdates",
)


def _refuse_update(world: World, table: Table, params: Mapping[str, Any]) -> None:
    """Raise what DynamoDB refuses.

    Its wording is not recorded of two changes at once, of one during another, and of a stream without a view type.
    """
    specification = params.get("StreamSpecification")
    if table.updating(world.now):
        message = f"Attempt to change a resource which is still in use: Table is being updated: {table.name}"
        raise ApiError("ResourceInUseException", message)
    asked = [name for name in _CHANGES if name in params]
    if specification is not None and len(asked) > 1:
        message = f"The stream cannot be changed together with another property of the table: {', '.join(asked[1:])}"
        raise ApiError("ValidationException", message)
    if specification is None:
        return
    if specification["StreamEnabled"]:
        if table.stream is not None:
            raise ApiError("ValidationException", f"Table already has an enabled stream: TableName: {table.name}")
        if "StreamViewType" not in specification:
            message = "One or more parameter values were invalid: StreamViewType is required when StreamEnabled is true"
            raise ApiError("ValidationException", message)
    elif table.stream is None:
        raise ApiError("ValidationException", f"Table has no stream to disable: TableName: {table.name}")
    elif table.replicas:
        raise ApiError("ValidationException", "Disabling Stream is not allowed for a Global Table replica.")


@regional("dynamodb", "DescribeTimeToLive")
def describe_time_to_live(world: World, call: Call) -> dict[str, Any]:
    """Whether items expire."""
    attribute = table_of(world, call.params["TableName"]).ttl_attribute
    status = (
        {"TimeToLiveStatus": "ENABLED", "AttributeName": attribute} if attribute else {"TimeToLiveStatus": "DISABLED"}
    )
    return {"TimeToLiveDescription": status}


@regional("dynamodb", "DescribeKinesisStreamingDestination")
def describe_kinesis_streaming_destination(world: World, call: Call) -> dict[str, Any]:
    """The Kinesis stream that the table feeds, if any."""
    table = table_of(world, call.params["TableName"])
    fed = [{"StreamArn": table.kinesis, "DestinationStatus": "ACTIVE"}] if table.kinesis else []
    return {"TableName": table.name, "KinesisDataStreamDestinations": fed}


@regional("dynamodb", "PutResourcePolicy")
def put_resource_policy(world: World, call: Call) -> dict[str, Any]:
    """The remedy for a stream's policy that refuses: replace it. Policies of tables are not emulated."""
    arn: str = call.params["ResourceArn"]
    table = table_of(world, arn)
    if table.stream is None or arn != table.stream.arn(world.scope):
        raise ApiError("ResourceNotFoundException", f"Requested resource not found: {arn}")
    world.put_stream_policy(world.now, table.name, json.loads(call.params["Policy"]))
    return {"RevisionId": str(int(world.now.timestamp() * 1000))}


@regional("dynamodb", "GetResourcePolicy")
def get_resource_policy(world: World, call: Call) -> dict[str, Any]:
    """The policy of a table or of one stream generation; most have none, which is an error here."""
    arn: str = call.params["ResourceArn"]
    table = table_of(world, arn)
    label = arn.partition("/stream/")[2]
    policy = table.stream_policies.get(label) if label else table.resource_policy
    if policy is None:
        raise ApiError(
            "PolicyNotFoundException", f"Resource-based policy not found for the provided ResourceArn: {arn}"
        )
    return {"Policy": json.dumps(policy), "RevisionId": str(int(table.created.timestamp() * 1000))}
