"""What AWS refuses of the changes that remedies make, refused by the sandbox: over real HTTP to real boto3."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from served import AT, FUNCTION, NOBODY, Clients, clients_of, described, recent

from runbook_lib.sandbox import Setting, World
from runbook_lib.sandbox.account.state import UPDATING

ON = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
OFF = {"StreamEnabled": False}


def refusal(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    """The code and the message a call fails with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def update_table(clients: Clients, **params: Any) -> tuple[str, str]:
    """What an update of the table fails with."""
    return refusal(clients("dynamodb").update_table, TableName="Orders", **params)


def create(clients: Clients, **params: Any) -> tuple[str, str]:
    """What making a mapping of the function and the latest stream fails with, where `params` do not say otherwise."""
    asked = {
        "FunctionName": FUNCTION,
        "EventSourceArn": described(clients)["LatestStreamArn"],
        "StartingPosition": "TRIM_HORIZON",
    } | params
    given = {name: value for name, value in asked.items() if value is not None}
    return refusal(clients("lambda").create_event_source_mapping, **given)


def update(clients: Clients, world: World, **params: Any) -> tuple[str, str]:
    """What an update of the function's mapping fails with."""
    return refusal(clients("lambda").update_event_source_mapping, UUID=world.mapping.uuid, **params)


def unmapped() -> World:
    """A world whose function has lost its mapping."""
    world = recent()
    world.delete_mapping(AT, world.mapping.uuid)
    return world


def test_view_type_is_not_changed_in_place() -> None:
    """An enabled stream takes no other view type: it is switched off first."""
    with clients_of(recent()) as clients:
        found = update_table(clients, StreamSpecification=ON | {"StreamViewType": "KEYS_ONLY"})
    assert found == ("ValidationException", "Table already has an enabled stream: TableName: Orders")


def test_stream_is_not_switched_off_twice() -> None:
    """A table without an enabled stream has none to disable."""
    world = recent()
    world.disable_stream(AT, "Orders")
    with clients_of(world) as clients:
        found = update_table(clients, StreamSpecification=OFF)
    assert found == ("ValidationException", "Table has no stream to disable: TableName: Orders")


def test_stream_is_not_changed_together_with_capacity() -> None:
    """One UpdateTable makes one change, and a refused one makes none."""
    units = {"ReadCapacityUnits": 50, "WriteCapacityUnits": 80}
    with clients_of(recent()) as clients:
        code, _ = update_table(clients, StreamSpecification=OFF, ProvisionedThroughput=units)
        assert described(clients)["StreamSpecification"]["StreamEnabled"]
        assert described(clients)["ProvisionedThroughput"]["WriteCapacityUnits"] == 50
    assert code == "ValidationException"


@pytest.mark.parametrize(
    "first", [{"StreamSpecification": OFF},
              {"ProvisionedThroughput": {"ReadCapacityUnits": 50, "WriteCapacityUnits": 80}}]
)  # fmt: skip
def test_table_takes_no_change_while_it_is_updating(first: dict[str, Any]) -> None:
    """A change under way shows as UPDATING and refuses the next; after some seconds the next is taken."""
    world = recent()
    with clients_of(world) as clients:
        clients("dynamodb").update_table(TableName="Orders", **first)
        assert described(clients)["TableStatus"] == "UPDATING"
        code, message = update_table(clients, StreamSpecification=ON)
        assert (code, "Table is being updated: Orders" in message) == ("ResourceInUseException", True)
        world.advance(UPDATING)
        assert described(clients)["TableStatus"] == "ACTIVE"
        if "StreamSpecification" in first:
            clients("dynamodb").update_table(TableName="Orders", StreamSpecification=ON)


def test_stream_of_a_replica_is_not_switched_off() -> None:
    """A table of a global table keeps its stream."""
    with clients_of(recent(setting=Setting(table_fields={"replicas": ("eu-central-1",)}))) as clients:
        found = update_table(clients, StreamSpecification=OFF)
    assert found == ("ValidationException", "Disabling Stream is not allowed for a Global Table replica.")


@pytest.mark.parametrize(("limit", "least"), [(1000, 100), (10, 10), (50, 50)])
def test_concurrency_is_not_reserved_from_what_all_need(limit: int, least: int) -> None:
    """An account keeps 100 executions unreserved, or all of a lower limit; to reserve none, or fewer, is allowed."""
    world = recent()
    world.set_account_concurrency(world.start, limit)
    with clients_of(world) as clients:
        client = clients("lambda")
        found = refusal(
            client.put_function_concurrency, FunctionName=FUNCTION, ReservedConcurrentExecutions=limit - least + 1
        )
        assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName=FUNCTION)
        client.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=limit - least)
        client.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
    assert found == (
        "InvalidParameterValueException",
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
        f"its minimum value of [{least}].",
    )


def test_mapping_needs_a_starting_position() -> None:
    """A stream is not mapped without saying from where on it is read."""
    with clients_of(unmapped()) as clients:
        code, message = create(clients, StartingPosition=None)
    assert (code, "startingPosition" in message) == ("InvalidParameterValueException", True)


GONE = "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders/stream/2024-02-03T04:05:06.007"
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "stream": ({"EventSourceArn": GONE}, f"Stream not found: {GONE}"),
    "function": ({"FunctionName": "nobody"}, "Function does not exist"),
    "alias": ({"FunctionName": f"{FUNCTION}:nobody"}, "Function does not exist"),
    "age": (
        {"MaximumRecordAgeInSeconds": 30},
        "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)",
    ),
    **{
        f"filter {number}": ({"FilterCriteria": {"Filters": [{"Pattern": text}]}}, "Invalid filter pattern definition.")
        for number, text in enumerate(
            (
                "INSERT",
                "{}",
                '["INSERT"]',
                '{"eventName": "INSERT"}',
                '{"eventName": []}',
                '{"eventName": [["INSERT"]]}',
                '{"eventName": [{"begins-with": "IN"}]}',
                '{"dynamodb": {}}',
            )
        )
    },
}


@pytest.mark.parametrize("name", BAD)
def test_mapping_is_not_made_of_what_does_not_exist(name: str) -> None:
    """A stream or function that is not there, and settings out of range, make no mapping."""
    params, message = BAD[name]
    with clients_of(unmapped()) as clients:
        assert create(clients, **params) == ("InvalidParameterValueException", message)
        assert not clients("lambda").list_event_source_mappings(FunctionName=FUNCTION)["EventSourceMappings"]


@pytest.mark.parametrize("name", [name for name in BAD if name != "stream"])
def test_mapping_is_not_changed_into_what_does_not_exist(name: str) -> None:
    """An update is refused for the same reasons, and changes nothing."""
    params, message = BAD[name]
    world = recent()
    with clients_of(world) as clients:
        before = clients("lambda").get_event_source_mapping(UUID=world.mapping.uuid)
        assert update(clients, world, **params) == ("InvalidParameterValueException", message)
        after = clients("lambda").get_event_source_mapping(UUID=world.mapping.uuid)
    assert {**before, "ResponseMetadata": None} == {**after, "ResponseMetadata": None}


def test_mapping_is_made_once() -> None:
    """A function and a stream have one mapping; a second is refused by the id of the first."""
    with clients_of(unmapped()) as clients:
        how = {"FunctionName": FUNCTION, "EventSourceArn": described(clients)["LatestStreamArn"]}
        made = clients("lambda").create_event_source_mapping(**how, StartingPosition="LATEST")["UUID"]
        code, message = create(clients)
    assert (code, message.endswith(f"mapping with UUID {made}")) == ("ResourceConflictException", True)


def test_mapping_is_not_moved_onto_another() -> None:
    """A mapping cannot be pointed at a function that has one of that stream."""
    world = recent()
    with clients_of(world) as clients:
        code, message = update(clients, world, FunctionName="orders-notifier")
    assert (code, "mapping already exists" in message) == ("ResourceConflictException", True)


CANNOT = (
    "Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on "
    "your stream in IAM."
)


def test_mapping_is_not_made_where_the_role_may_not_read() -> None:
    """The role is tried before a mapping is made."""
    world = unmapped()
    world.delete_role_policy(AT, world.role_name, "stream-access")
    with clients_of(world) as clients:
        stream = described(clients)["LatestStreamArn"]
        assert create(clients) == ("InvalidParameterValueException", f"Cannot access stream {stream}. {CANNOT}")


def test_mapping_is_not_enabled_where_the_role_may_not_read() -> None:
    """The role is tried when a mapping is changed; to switch it off needs no right to read."""
    world = recent()
    world.delete_role_policy(AT, world.role_name, "stream-access")
    with clients_of(world) as clients:
        code, message = update(clients, world, BatchSize=50)
        assert (code, message.endswith(CANNOT)) == ("InvalidParameterValueException", True)
        clients("lambda").update_event_source_mapping(UUID=world.mapping.uuid, Enabled=False)


def test_mapping_under_change_takes_no_other() -> None:
    """While a change settles, the next is refused."""
    world = recent()
    world.update_mapping(world.now, world.mapping.uuid, settling=timedelta(minutes=4))
    with clients_of(world) as clients:
        assert update(clients, world, BatchSize=50)[0] == "ResourceInUseException"
        world.advance(timedelta(minutes=4))
        clients("lambda").update_event_source_mapping(UUID=world.mapping.uuid, BatchSize=50)


def test_unknown_mapping_is_not_found() -> None:
    """An id that belongs to nothing is answered with Lambda's own words."""
    with clients_of(recent()) as clients:
        found = refusal(clients("lambda").update_event_source_mapping, UUID=NOBODY, Enabled=True)
    assert found == ("ResourceNotFoundException", "The resource you requested does not exist.")
