"""Answers about the table, its streams, shards and records, over real HTTP to real boto3."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from served import AT, NOW, Clients, clients_of, code_of, described, recent


def test_a_disabled_stream_keeps_its_arn_and_loses_its_specification() -> None:
    """DescribeTable cannot be read as enabled from the latest ARN."""
    world = recent()
    world.disable_stream(AT, "Orders")
    with clients_of(world) as clients:
        table = described(clients)
        assert "StreamSpecification" not in table
        stream = clients("dynamodbstreams").describe_stream(StreamArn=table["LatestStreamArn"])["StreamDescription"]
    assert stream["StreamStatus"] == "DISABLED"
    assert all("EndingSequenceNumber" in shard["SequenceNumberRange"] for shard in stream["Shards"])


def test_old_generations_live_for_a_day() -> None:
    """ListStreams shows an ended generation for 24 hours; then it is not found."""
    world = recent()
    old = world.table.streams[0].arn(world.scope)
    world.disable_stream(AT, "Orders")
    world.enable_stream(AT + timedelta(seconds=50), "Orders")
    with clients_of(world) as clients:
        streams = clients("dynamodbstreams")
        arns = [stream["StreamArn"] for stream in streams.list_streams(TableName="Orders")["Streams"]]
        assert arns == [old, described(clients)["LatestStreamArn"]]
        assert len(streams.list_streams(Limit=1)["Streams"]) == 1
        world.advance(timedelta(hours=22, minutes=1))
        assert len(streams.list_streams(TableName="Orders")["Streams"]) == 1
        with pytest.raises(ClientError, match=f"Requested resource not found: Stream: {old} not found"):
            streams.describe_stream(StreamArn=old)


def shards(clients: Clients, arn: str) -> list[dict[str, Any]]:
    """Every shard, collected five at a time."""
    found: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        page = clients("dynamodbstreams").describe_stream(StreamArn=arn, Limit=5, **more)["StreamDescription"]
        found += page["Shards"]
        if "LastEvaluatedShardId" not in page:
            return found
        more = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}


def test_shards_form_four_lines_of_parents_and_children(healthy: Clients) -> None:
    """Pages join without gap or repeat, four shards are open, and a child starts after its parent ended."""
    found = shards(healthy, described(healthy)["LatestStreamArn"])
    by_id = {shard["ShardId"]: shard for shard in found}
    assert len(by_id) == len(found) > 20
    assert sum("EndingSequenceNumber" not in shard["SequenceNumberRange"] for shard in found) == 4
    children = [shard for shard in found if "ParentShardId" in shard]
    assert len(children) >= len(found) - 4
    for child in children:
        end = by_id[child["ParentShardId"]]["SequenceNumberRange"]["EndingSequenceNumber"]
        assert int(end) < int(child["SequenceNumberRange"]["StartingSequenceNumber"])


def test_records_are_those_that_were_written(healthy: Clients) -> None:
    """Two open shards give all their records, read page by page, in order, once each."""
    arn = described(healthy)["LatestStreamArn"]
    streams, found = healthy("dynamodbstreams"), []
    still_open = [s for s in shards(healthy, arn) if "EndingSequenceNumber" not in s["SequenceNumberRange"]]
    for shard in still_open[-2:]:
        place: str | None = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        mine: list[str] = []
        while place and (page := streams.get_records(ShardIterator=place, Limit=500))["Records"]:
            mine += [entry["dynamodb"]["SequenceNumber"] for entry in page["Records"]]
            place = page.get("NextShardIterator")
        assert mine == sorted(mine)
        found += mine
    assert len(set(found)) == len(found) > 500


def test_a_closed_shard_ends(healthy: Clients) -> None:
    """Read to its end, a closed shard gives no further iterator; LATEST of an open one gives no records yet."""
    arn, streams = described(healthy)["LatestStreamArn"], healthy("dynamodbstreams")
    found = shards(healthy, arn)
    for shard in (found[4], found[-1]):
        place = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST")
        page = streams.get_records(ShardIterator=place["ShardIterator"])
        assert page["Records"] == []
        assert ("NextShardIterator" in page) == ("EndingSequenceNumber" not in shard["SequenceNumberRange"])


def test_iterators_and_records_expire() -> None:
    """An iterator dies after 15 minutes, a record after 24 hours, and nonsense is no iterator."""
    world = recent()
    with clients_of(world) as clients:
        streams, arn = clients("dynamodbstreams"), described(clients)["LatestStreamArn"]
        shard = shards(clients, arn)[-1]
        where = {"StreamArn": arn, "ShardId": shard["ShardId"]}
        start = shard["SequenceNumberRange"]["StartingSequenceNumber"]
        place = streams.get_shard_iterator(**where, ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber=start)
        assert code_of(streams.get_records, ShardIterator="nonsense") == "ValidationException"
        nowhere = {"StreamArn": arn, "ShardId": "shardId-00000000000000000000-00000000", "ShardIteratorType": "LATEST"}
        assert code_of(streams.get_shard_iterator, **nowhere) == "ResourceNotFoundException"
        world.advance(timedelta(minutes=16))
        assert code_of(streams.get_records, **{"ShardIterator": place["ShardIterator"]}) == "ExpiredIteratorException"
        old = "4" + f"{int((NOW - timedelta(hours=25)).timestamp() * 1e6):018d}" + "0000"
        late = {**where, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": old}
        assert code_of(streams.get_shard_iterator, **late) == "TrimmedDataAccessException"
