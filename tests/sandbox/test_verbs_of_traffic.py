"""Several tables, several accounts, too many readers and LATEST: what a mapping then gets, over real HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import boto3
from served import AT, FUNCTION, NOW, Clients, clients_of, recent, series

from runbook_lib.sandbox import Accounts, Setting, World, document, serve, stream_reader

OTHER = "111122223333"


def shard_records(client: Any, stream: str) -> list[dict[str, Any]]:
    """Every record that a stream still holds."""
    found = []
    for shard in client.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
        place = client.get_shard_iterator(
            StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]  # fmt: skip
        for _ in range(40):
            answer = client.get_records(ShardIterator=place)
            found += answer["Records"]
            place = answer.get("NextShardIterator")
            if place is None or not answer["Records"]:
                break
    return found


def total(
    clients: Clients, name: str, dimensions: dict[str, str], begin: Any = AT, namespace: str = "AWS/Lambda"
) -> int:
    """The sum of a metric since an instant, to the end of the last whole minute."""
    return int(sum(series(clients, namespace, name, dimensions, begin).values()))


def result(clients: Clients, uuid: str) -> str:
    """The last result of a mapping."""
    return str(clients("lambda").get_event_source_mapping(UUID=uuid)["LastProcessingResult"])


def with_invoices(per_minute: float = 40) -> tuple[World, str]:
    """A world with a second table, written to this often, and the id of its mapping."""
    world = recent()
    mapping = world.begin_with_second_table("Invoices")
    world.begin_with_role(inline={"stream-access": stream_reader("arn:aws:dynamodb:*:*:table/*/stream/*")})
    world.set_traffic(world.start, per_minute, table="Invoices")
    return world, mapping.uuid


def test_each_table_has_its_own_writes() -> None:
    """A second table has its own write metrics and its own records, apart from the first one's."""
    world, uuid = with_invoices()
    minutes = int((NOW - AT).total_seconds() // 60)
    with clients_of(world) as clients:
        written = [
            total(clients, "ConsumedWriteCapacityUnits", {"TableName": name}, namespace="AWS/DynamoDB")
            for name in ("Orders", "Invoices")
        ]
        arn = clients("lambda").get_event_source_mapping(UUID=uuid)["EventSourceArn"]
        records = [shard_records(clients("dynamodbstreams"), stream) for stream in (arn, world.mapping.stream_arn)]
    assert abs(written[1] - 40 * minutes) <= 40
    assert 0 < written[0] < written[1]
    ids = [{record["dynamodb"]["SequenceNumber"] for record in found} for found in records]
    assert all(ids)
    assert not ids[0] & ids[1]


def test_traffic_of_one_table_ends_alone() -> None:
    """When nobody writes to the second table any more, the first one's records go on being delivered."""
    world, uuid = with_invoices()
    world.set_traffic(AT, 0, table="Invoices")
    since = AT + timedelta(minutes=1)
    later = range(int(since.timestamp() // 60) + 1, int(NOW.timestamp() // 60))
    flows = {name: world.pipe.flows[name] for name in (uuid, world.mapping.uuid)}
    assert sum(flows[uuid][minute].polled for minute in later) == 0
    assert sum(flows[world.mapping.uuid][minute].delivered for minute in later) > 0


def test_table_without_a_stream_is_written_to_in_vain() -> None:
    """A second table may lack a stream: it has writes, and no record for anybody."""
    world = recent()
    world.create_table(world.start, "Audit")
    world.set_traffic(world.start, 30, table="Audit")
    with clients_of(world) as clients:
        assert total(clients, "ConsumedWriteCapacityUnits", {"TableName": "Audit"}, namespace="AWS/DynamoDB") > 0
        assert clients("dynamodbstreams").list_streams(TableName="Audit")["Streams"] == []
    assert world.pipe.unrecorded == []


def reader(owner: World, policy: bool = True) -> World:
    """A world whose function reads the stream of another account's table."""
    world = recent()
    world.read_from(owner, policy=policy)
    return world


def elsewhere() -> World:
    """The account that has the table."""
    world = World(NOW, seed=7, account=OTHER, history=timedelta(hours=6))
    world.begin_without_mapping()
    return world


def test_stream_of_another_account_is_read_there() -> None:
    """Where role and stream policy allow, the function gets the other account's records; its own has no such table."""
    owner = elsewhere()
    world = reader(owner)
    with serve(Accounts(world, owner)) as box:
        keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "sandbox", "endpoint_url": box.url}
        session = boto3.session.Session(region_name=world.region)
        mapping = session.client("lambda", **keys).get_event_source_mapping(UUID=world.mapping.uuid)
        tables = session.client("dynamodb", **keys).list_tables()["TableNames"]
        role = session.client("sts", **keys).assume_role(
            RoleArn=f"arn:aws:iam::{OTHER}:role/reader", RoleSessionName="look"
        )["Credentials"]
        there = boto3.session.Session(role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"], world.region)
        streams = there.client("dynamodb", endpoint_url=box.url).describe_table(TableName="Orders")["Table"]
        assert box.violations == []
    assert tables == []
    assert mapping["EventSourceArn"] == streams["LatestStreamArn"]
    assert f":{OTHER}:" in mapping["EventSourceArn"]
    assert mapping["LastProcessingResult"] == "OK"
    flows = world.pipe.flows[world.mapping.uuid].values()
    written = sum(counted.total() for counted in owner.pipe.written["Orders"].values())
    assert written - 16 <= sum(flow.delivered for flow in flows) <= written


def test_stream_of_another_account_needs_its_policy() -> None:
    """Without a policy on the stream the role's own does not suffice, and the refusal says which is lacking."""
    world = reader(elsewhere(), policy=False)
    with clients_of(world) as clients:
        found = result(clients, world.mapping.uuid)
    assert found.endswith("because no resource-based policy allows the dynamodb:DescribeStream action")
    assert sum(flow.delivered for flow in world.pipe.flows[world.mapping.uuid].values()) == 0


def test_stream_of_another_account_needs_the_role() -> None:
    """The stream's policy alone does not suffice either."""
    world = reader(elsewhere())
    world.delete_role_policy(AT, world.role_name, "stream-access")
    with clients_of(world) as clients:
        found = result(clients, world.mapping.uuid)
    assert found.endswith("because no identity-based policy allows the dynamodb:DescribeStream action")


def test_change_in_the_owner_s_account_reaches_the_reader() -> None:
    """A stream policy that is replaced over there ends the reading here, and both accounts have one clock."""
    owner = elsewhere()
    world = reader(owner)
    assert result_now(world) == "OK"
    owner.put_stream_policy(
        NOW, "Orders", document({"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"})
    )
    world.advance(timedelta(minutes=5))
    assert owner.now == world.now
    assert result_now(world).endswith("with an explicit deny in a resource-based policy")


def result_now(world: World) -> str:
    """The last result of the story's mapping."""
    return world.pipe.cursors[world.mapping.uuid].result


def test_too_many_readers_throttle_every_consumer() -> None:
    """Reads of a crowded stream are refused now and then, the records come late, and none is lost."""
    world = recent()
    world.crowd_stream(AT, "Orders", 6)
    with clients_of(world) as clients:
        reads = {"TableName": "Orders", "Operation": "GetRecords"}
        assert total(clients, "ThrottledRequests", reads, namespace="AWS/DynamoDB") > 0
        assert total(clients, "ThrottledRequests", reads, world.start, "AWS/DynamoDB") == total(
            clients, "ThrottledRequests", reads, namespace="AWS/DynamoDB"
        )
        assert total(clients, "Errors", {"FunctionName": FUNCTION}) == 0
    since = int(AT.timestamp() // 60) + 1
    for mapping in world.state.mappings.values():
        flows = world.pipe.flows[mapping.uuid]
        assert max(age for minute in range(since, max(flows)) for age in flows[minute].ages) > 20_000
        assert world.pipe.cursors[mapping.uuid].lost == []


def test_two_readers_are_not_too_many() -> None:
    """Without others on the stream its two mappings are never throttled."""
    world = recent()
    assert all(not flow.starved for flows in world.pipe.flows.values() for flow in flows.values())


def test_mapping_made_at_latest_skips_what_follows_for_minutes() -> None:
    """What is written just after a mapping was made at LATEST never arrives, and is in the stream all the same."""
    world = recent()
    world.delete_mapping(AT, world.mapping.uuid)
    made = world.create_mapping_again(AT + timedelta(minutes=30), starting_position="LATEST")
    skipped = world.pipe.cursors[made.uuid].skipped
    assert skipped
    assert all(0 <= write.at - made.created.timestamp() < 240 for write in skipped)
    assert max(write.at for write in skipped) - made.created.timestamp() > 70
    with clients_of(world) as clients:
        held = {
            record["dynamodb"]["SequenceNumber"]
            for record in shard_records(clients("dynamodbstreams"), world.mapping.stream_arn)
        }
    assert {write.sequence_number for write in skipped} <= held
    taken = [write for flow in world.pipe.flows[made.uuid].values() for write in flow.handled]
    assert taken
    assert not set(taken) & set(skipped)


def test_mapping_changed_at_latest_skips_too() -> None:
    """An update of a mapping at LATEST skips records; one from TRIM_HORIZON loses nothing by it."""
    worlds = {position: recent(setting=Setting(starting_position=position)) for position in ("LATEST", "TRIM_HORIZON")}
    for world in worlds.values():
        world.update_mapping(AT, world.mapping.uuid, batch_size=50)
    skipped = {position: world.pipe.cursors[world.mapping.uuid].skipped for position, world in worlds.items()}
    assert skipped["LATEST"]
    assert all(write.at >= AT.timestamp() - 60 for write in skipped["LATEST"])
    assert skipped["TRIM_HORIZON"] == []
