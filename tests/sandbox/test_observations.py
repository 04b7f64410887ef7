"""What was observed of the real AWS, held against the sandbox over HTTP; `sandbox.observations` has the sources."""

from __future__ import annotations

import ast
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from served import AT, FUNCTION, NOW, Clients, clients_of, code_of, described, recent, series

from runbook_lib.sandbox import MISREPORTED, TIMEOUT, Code, Setting, World, stream_reader
from runbook_lib.sandbox.observations import OBSERVATIONS, SOURCES

KEY = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-00000000abcd"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders-failures"
INACCESSIBLE = "INACCESSIBLE_ENCRYPTION_CREDENTIALS"


def points(clients: Clients, name: str, begin: datetime = AT, **dimensions: str) -> dict[datetime, float]:
    """The sums of a metric, minute by minute, from an instant to the world's clock."""
    names = {"mapping": "EventSourceMappingUUID", "table": "TableName", "function": "FunctionName"}
    namespace = "AWS/DynamoDB" if "table" in dimensions else "AWS/Lambda"
    return series(clients, namespace, name, {names[key]: value for key, value in dimensions.items()}, begin)


def mapping_of(clients: Clients, world: World) -> dict[str, Any]:
    """The story's mapping."""
    found: dict[str, Any] = clients("lambda").get_event_source_mapping(UUID=world.mapping.uuid)
    return found


def encrypted(seed: int = 0) -> World:
    """A world whose table is encrypted with a key of the customer's."""
    return recent(seed=seed, setting=Setting(table_fields={"key": KEY}))


def key_state(clients: Clients) -> str:
    """What KMS says of the key."""
    return str(clients("kms").describe_key(KeyId=KEY)["KeyMetadata"]["KeyState"])


def test_lost_key_ends_writes_and_reads_after_minutes() -> None:
    """Writes and polls go on for some five minutes after the key was disabled, and then end together."""
    world = encrypted()
    world.disable_key(AT, "Orders")
    with clients_of(world) as clients:
        last = [max(points(clients, "ConsumedWriteCapacityUnits", table="Orders"))]
        last.append(max(points(clients, "Invocations", function=FUNCTION)))
    assert all(timedelta(minutes=4) < at - AT < timedelta(minutes=7) for at in last)


@pytest.mark.parametrize("seed", range(4))
def test_lost_key_shows_in_the_table_long_after(seed: int) -> None:
    """The status stays ACTIVE for 13 to 75 minutes, and its date is when DynamoDB found out, half a minute before."""
    world = encrypted(seed)
    world.disable_key(NOW, "Orders")
    found_after = None
    with clients_of(world) as clients:
        assert key_state(clients) == "Disabled"
        for minutes in range(0, 77):
            table = described(clients)
            assert table["SSEDescription"]["Status"] == "ENABLED"
            if table["TableStatus"] == INACCESSIBLE:
                found_after = minutes
                break
            assert "InaccessibleEncryptionDateTime" not in table["SSEDescription"]
            world.advance(timedelta(minutes=1))
    assert found_after is not None
    assert 13 <= found_after <= 76
    detected = table["SSEDescription"]["InaccessibleEncryptionDateTime"]
    assert timedelta(minutes=12) < detected - NOW
    assert timedelta(seconds=20) <= world.now - detected < timedelta(seconds=90)


def test_key_that_is_back_works_before_the_table_says_so() -> None:
    """After EnableKey reads work within 7 minutes, while the status stays inaccessible for 18 to 57."""
    world = encrypted()
    world.disable_key(AT - timedelta(hours=1), "Orders")
    with clients_of(world) as clients:
        assert described(clients)["TableStatus"] == INACCESSIBLE
        clients("kms").enable_key(KeyId=KEY)
        world.advance(timedelta(minutes=9))
        assert points(clients, "Invocations", NOW + timedelta(minutes=7), function=FUNCTION)
        assert described(clients)["TableStatus"] == INACCESSIBLE
        assert key_state(clients) == "Enabled"
        world.advance(timedelta(minutes=49))
        assert described(clients)["TableStatus"] == "ACTIVE"


def test_key_that_is_scheduled_for_deletion_is_not_enabled() -> None:
    """A key that is to be deleted is unusable like a disabled one, and EnableKey is refused."""
    world = encrypted()
    world.schedule_key_deletion(AT, "Orders")
    with clients_of(world) as clients:
        assert key_state(clients) == "PendingDeletion"
        assert code_of(clients("kms").enable_key, KeyId=KEY) == "KMSInvalidStateException"
        assert max(points(clients, "Invocations", function=FUNCTION)) - AT < timedelta(minutes=7)


def test_revoked_grants_leave_the_key_enabled() -> None:
    """The table cannot be used without DynamoDB's grants, whatever the key's state says."""
    world = encrypted()
    world.revoke_grants(AT, "Orders")
    with clients_of(world) as clients:
        assert key_state(clients) == "Enabled"
        assert max(points(clients, "ConsumedWriteCapacityUnits", table="Orders")) - AT < timedelta(minutes=7)
        assert described(clients)["TableStatus"] == INACCESSIBLE


def test_disabled_stream_leaves_its_arn() -> None:
    """After disabling, the table has no specification, and still the ARN and label of its latest stream."""
    world = recent()
    world.disable_stream(AT, "Orders")
    with clients_of(world) as clients:
        table = described(clients)
        status = clients("dynamodbstreams").describe_stream(StreamArn=table["LatestStreamArn"])["StreamDescription"]
    assert "StreamSpecification" not in table
    assert table["LatestStreamLabel"] == table["LatestStreamArn"].rpartition("/")[2]
    assert status["StreamStatus"] == "DISABLED"


def test_list_streams_lists_what_is_disabled_or_orphaned() -> None:
    """The streams of flaps, and those of a deleted table of the same name, are listed with the living one."""
    world = recent()
    world.disable_stream(AT, "Orders")
    world.enable_stream(AT + timedelta(minutes=1), "Orders")
    world.delete_table(AT + timedelta(minutes=2), "Orders")
    world.create_table(AT + timedelta(minutes=3), "Orders", "KEYS_ONLY")
    with clients_of(world) as clients:
        listed = clients("dynamodbstreams").list_streams(TableName="Orders")["Streams"]
        streams = [
            clients("dynamodbstreams").describe_stream(StreamArn=one["StreamArn"])["StreamDescription"]
            for one in listed
        ]
    assert sorted(one["StreamStatus"] for one in streams) == ["DISABLED", "DISABLED", "ENABLED"]


def test_everything_filtered_reads_no_records_processed() -> None:
    """A mapping whose filter lets nothing pass says what a new one says."""
    world = recent(setting=Setting(filters=('{"eventName": ["NEVER"]}',)))
    with clients_of(world) as clients:
        assert mapping_of(clients, world)["LastProcessingResult"] == "No records processed"
        assert points(clients, "SuccessfulRequestLatency", table="Orders") == {}


def test_result_stays_old_until_the_next_batch() -> None:
    """After the role was mended the result is the old problem until something is delivered again."""
    world = recent()
    world.set_traffic(AT - timedelta(minutes=9), 0)
    world.put_role_policy(AT - timedelta(minutes=7), world.role_name, "stream-access", stream_reader("arn:aws:none"))
    world.put_role_policy(AT, world.role_name, "stream-access", stream_reader("*"))
    with clients_of(world) as clients:
        assert mapping_of(clients, world)["LastProcessingResult"].startswith("PROBLEM: User: ")
        world.set_traffic(NOW, 10)
        world.advance(timedelta(minutes=3))
        assert mapping_of(clients, world)["LastProcessingResult"] == "OK"


def test_refused_mapping_stays_enabled_and_unmodified() -> None:
    """A role that may not read changes neither State nor LastModified; the result alone says so, within 67 s."""
    world = recent()
    with clients_of(world) as clients:
        before = mapping_of(clients, world)
        world.delete_role_policy(NOW, world.role_name, "stream-access")
        world.advance(timedelta(seconds=67))
        after = mapping_of(clients, world)
    assert (after["State"], after["LastModified"]) == ("Enabled", before["LastModified"])
    assert after["LastProcessingResult"].startswith("PROBLEM: User: arn:aws:sts::123456789012:assumed-role/")


@pytest.mark.parametrize("document", [
    {"Statement": []},
    {"Statement": [{
        "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole",
        "Condition": {"StringLike": {"sts:SourceIdentity": "*"}},
    }]},
], ids=["no trust", "source identity"])  # fmt: skip
def test_role_that_cannot_be_assumed_is_named(document: dict[str, Any]) -> None:
    """Without trust, or with one that demands a source identity, an Enabled mapping says so in Lambda's words."""
    world = recent()
    world.update_trust(AT, world.role_name, document)
    with clients_of(world) as clients:
        mapping = mapping_of(clients, world)
    assert mapping["State"] == "Enabled"
    assert mapping["LastProcessingResult"] == (
        "PROBLEM: Lambda failed to assume your function execution role. Please check if the role trust Lambda service "
        "principal, and make sure it does not require setting source identity to be assumed."
    )


def test_disabled_mapping_is_read_on_for_a_while() -> None:
    """Some deliveries still follow the disabling, and soon none."""
    world = recent()
    world.update_mapping(AT, world.mapping.uuid, enabled=False)
    taken = [write.at - AT.timestamp() for write in world.pipe.reached[FUNCTION]]
    assert 0 < max(taken) < 60
    with clients_of(world) as clients:
        assert mapping_of(clients, world)["State"] == "Disabled"
        assert not points(clients, "Invocations", AT + timedelta(minutes=1), function=FUNCTION)


def test_polls_are_counted_every_minute_the_poller_lives() -> None:
    """PolledEventCount is 0 on empty polls and absent while nothing is polled; without a filter none is filtered."""
    world = recent(setting=Setting(event_count=True))
    world.set_traffic(AT, 0)
    world.update_mapping(NOW - timedelta(minutes=30), world.mapping.uuid, enabled=False)
    with clients_of(world) as clients:
        polled = points(clients, "PolledEventCount", AT + timedelta(minutes=1), mapping=world.mapping.uuid)
        assert points(clients, "FilteredOutEventCount", mapping=world.mapping.uuid) == {}
    assert set(polled.values()) == {0.0}
    assert len(polled) == (max(polled) - min(polled)) / timedelta(minutes=1) + 1
    assert timedelta(minutes=28) < NOW - max(polled) < timedelta(minutes=32)


@pytest.mark.parametrize("destination", [None, QUEUE])
def test_dropped_records_are_counted_with_a_destination_alone(destination: str | None) -> None:
    """Retries that end without a destination leave no DroppedEventCount; a destination that refuses leaves one."""
    how = {"destination": destination, "event_count": True}
    world = recent(setting=Setting(maximum_retry_attempts=1, mapping=how))
    world.deploy(AT, FUNCTION, Code("r42", always=TIMEOUT))
    world.put_role_policy(AT, world.role_name, "report-failures", {"Statement": []})
    with clients_of(world) as clients:
        dropped = points(clients, "DroppedEventCount", mapping=world.mapping.uuid)
    assert world.pipe.cursors[world.mapping.uuid].lost
    assert bool(dropped) is (destination is not None)


def test_what_ttl_deletes_carries_its_identity() -> None:
    """The record of an expired item names DynamoDB as its principal; one that somebody deleted names nobody."""
    world = recent(setting=Setting(table_fields={"ttl_attribute": "expires_at"}))
    found: list[dict[str, Any]] = []
    with clients_of(world) as clients:
        client, stream = clients("dynamodbstreams"), described(clients)["LatestStreamArn"]
        for shard in client.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
            place = client.get_shard_iterator(
                StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="AT_TIMESTAMP", Timestamp=AT
            )["ShardIterator"]  # fmt: skip
            found += client.get_records(ShardIterator=place)["Records"]
    identities = [record.get("userIdentity") for record in found if record["eventName"] == "REMOVE"]
    # botocore's own spelling of the two members; the record of the trigger writes them in lower case.
    assert {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"} in identities
    assert None in identities


def test_iterator_age_is_that_of_the_last_record() -> None:
    """A batch whose first record is half an hour old and whose last is new shows a small age."""
    world = recent(setting=Setting(mapping={"batch_size": 10_000}))
    world.update_mapping(AT, world.mapping.uuid, enabled=False)
    world.update_mapping(AT + timedelta(minutes=30), world.mapping.uuid, enabled=True)
    with clients_of(world) as clients:
        since = AT + timedelta(minutes=2)
        ages = series(clients, "AWS/Lambda", "IteratorAge", {"FunctionName": FUNCTION}, since, "Maximum")
    assert [at for at in ages if at < AT + timedelta(minutes=29)] == []
    assert max(ages.values()) < 120_000


def test_reported_batch_failures_are_no_errors() -> None:
    """A handler that names failed records has Invocations and failed invokes, and no Errors."""
    world = recent(setting=Setting(mapping={"event_count": True, "response_types": ("ReportBatchItemFailures",)}))
    world.deploy(AT, FUNCTION, Code("r42", always=MISREPORTED))
    with clients_of(world) as clients:
        errors = points(clients, "Errors", function=FUNCTION)
        failed = points(clients, "FailedInvokeEventCount", mapping=world.mapping.uuid)
    assert sum(errors.values()) == 0 < sum(failed.values())


def test_mapping_of_a_deleted_function_stays_enabled() -> None:
    """Deleting the function leaves its mapping Enabled by a user's action."""
    world = recent()
    world.delete_function(AT, FUNCTION)
    with clients_of(world) as clients:
        mapping = mapping_of(clients, world)
    assert (mapping["State"], mapping["StateTransitionReason"]) == ("Enabled", "User action")


def test_rejected_write_consumes_capacity() -> None:
    """A write that fails its condition is paid for and leaves no record."""
    world = recent()
    world.write_in_vain(AT, "rejected")
    with clients_of(world) as clients:
        later = AT + timedelta(minutes=1)
        assert sum(points(clients, "ConsumedWriteCapacityUnits", later, table="Orders").values()) > 0
        assert points(clients, "Invocations", later, function=FUNCTION) == {}


def test_simulator_names_the_resource_beside_the_result() -> None:
    """The result names a template, and each resource's own names it and the context keys that it lacks."""
    world = recent()
    condition = {"ArnEquals": {"aws:PrincipalArn": world.scope.arn("iam", f"role/{world.role_name}")}}
    reads = dict(stream_reader("*")["Statement"][0]) | {"Condition": condition}
    world.begin_with_role(inline={"stream-access": {"Statement": [reads]}})
    with clients_of(world) as clients:
        stream = described(clients)["LatestStreamArn"]
        found = clients("iam").simulate_principal_policy(
            PolicySourceArn=world.scope.arn("iam", f"role/{world.role_name}"),
            ActionNames=["dynamodb:GetRecords"], ResourceArns=[stream],
        )["EvaluationResults"]  # fmt: skip
    assert [one["EvalResourceName"] for one in found] == [
        "arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}/stream/${StreamLabel}"
    ]
    (own,) = found[0]["ResourceSpecificResults"]
    assert (own["EvalResourceName"], own["EvalResourceDecision"]) == (stream, found[0]["EvalDecision"])
    assert own["MissingContextValues"] == found[0]["MissingContextValues"] == ["aws:PrincipalArn"]


def test_shard_is_read_from_an_instant_on() -> None:
    """AT_TIMESTAMP begins at the first record since then, at the oldest before the trim, and never in the future."""
    world = recent()
    with clients_of(world) as clients:
        client, stream = clients("dynamodbstreams"), described(clients)["LatestStreamArn"]
        shards = client.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
        shard = next(one for one in shards if "EndingSequenceNumber" not in one["SequenceNumberRange"])
        how = {"StreamArn": stream, "ShardId": shard["ShardId"]}

        def first(**where: Any) -> dict[str, Any]:
            place = client.get_shard_iterator(**how, **where)["ShardIterator"]
            record: dict[str, Any] = client.get_records(ShardIterator=place, Limit=1)["Records"][0]["dynamodb"]
            return record

        since = NOW - timedelta(minutes=20)
        at = first(ShardIteratorType="AT_TIMESTAMP", Timestamp=since)["ApproximateCreationDateTime"]
        assert timedelta(seconds=-1) <= at - since < timedelta(minutes=3)
        old = first(ShardIteratorType="AT_TIMESTAMP", Timestamp=NOW - timedelta(hours=40))
        assert old == first(ShardIteratorType="TRIM_HORIZON")
        ahead = NOW + timedelta(hours=1)
        code = code_of(client.get_shard_iterator, **how, ShardIteratorType="AT_TIMESTAMP", Timestamp=ahead)
    assert code == "ValidationException"


def test_what_was_hardly_seen_decides_nothing() -> None:
    """Every source is explained, and what was not seen, seen once or inferred is not decisive unless documented."""
    assert [one.says for one in OBSERVATIONS if re.match(r"[A-Z]+", one.source)[0] not in SOURCES] == []  # type: ignore[index]
    hardly = [one for one in OBSERVATIONS if re.search("n=1|not seen|inferred", one.seen)]
    assert [one.says for one in hardly if one.decisive and "documented" not in one.seen] == []
    assert {one.source for one in hardly} >= {"RECALLED", "ASSUMED"}


def test_every_observation_names_a_test_that_exists() -> None:
    """The table names tests by file and function; each of them is there, and none of this file's is left out."""
    here = Path(__file__).parent
    known = {
        f"{path.name}::{node.name}"
        for path in here.glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    named = {one.test for one in OBSERVATIONS}
    assert named - known == set()
    ours = {name for name in known if name.startswith(f"{Path(__file__).name}::")}
    of_the_table = {"test_every_observation_names_a_test_that_exists", "test_what_was_hardly_seen_decides_nothing"}
    assert ours - named == {f"{Path(__file__).name}::{name}" for name in of_the_table}
