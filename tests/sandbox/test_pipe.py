"""The pipe: what becomes of writes, minute by minute."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pipe_worlds import AT, NOW, flows, healthy, minute, recent, total

from runbook_lib.sandbox import TIMEOUT, Code, EventSourceMapping, Setting, Traffic, World
from runbook_lib.sandbox.account.flow import FAILED, NOTHING_YET, OK
from runbook_lib.sandbox.account.traffic import writes_of
from runbook_lib.sandbox.pipe.access import CANNOT_ASSUME
from runbook_lib.sandbox.telemetry.metrics import Metrics


def paused() -> World:
    """A world whose mapping was paused at `AT`."""
    world = recent(NOW)
    world.update_mapping(AT, world.mapping.uuid, enabled=False)
    return world


def test_in_health_every_write_is_delivered_once_and_soon() -> None:
    """Nothing fails, waits or gets lost, and iterator age stays under a second."""
    world = healthy()
    written = sum(world.pipe.written["Orders"][m].total() for m in range(minute(AT) + 1, minute(NOW)))
    assert total(world, "delivered", AT) == total(world, "polled", AT) == written > 0
    assert total(world, "errors", AT) == total(world, "throttles", AT) == 0
    assert max(age for flow in flows(world, AT) for age in flow.ages) < 1000
    assert world.pipe.cursors[world.mapping.uuid].oldest is None


def test_a_paused_mapping_polls_nothing_and_keeps_its_place() -> None:
    """While paused nothing is polled; switched on again it delivers all that waited."""
    world = paused()
    assert all(flow.polls is None for flow in flows(world, AT))
    waiting = sum(len(queue) for queue in world.pipe.cursors[world.mapping.uuid].queues)
    assert waiting > 1000
    world.update_mapping(NOW, world.mapping.uuid, enabled=True)
    world.advance(timedelta(minutes=3))
    assert world.pipe.cursors[world.mapping.uuid].oldest is None
    delivered = total(world, "delivered", NOW - timedelta(minutes=1), world.now)
    assert delivered >= waiting


def test_records_older_than_a_day_are_lost() -> None:
    """What waits for 24 hours is trimmed, oldest first."""
    world = World(NOW, history=timedelta(hours=31))
    began = NOW - timedelta(hours=30)
    world.update_mapping(began, world.mapping.uuid, enabled=False)
    cursor = world.pipe.cursors[world.mapping.uuid]
    assert cursor.oldest is not None
    assert NOW.timestamp() - 86_400 - 5 < cursor.oldest.at
    assert cursor.lost[0].at >= began.timestamp()
    assert cursor.lost[-1].at <= NOW.timestamp() - 86_400


def test_a_disabled_stream_records_nothing_more() -> None:
    """Writes go on, are not recorded, and are never delivered."""
    world = recent(NOW)
    world.disable_stream(AT, "Orders")
    assert total(world, "polled", AT) == total(world, "invocations", AT) == 0
    assert len(world.pipe.unrecorded) > 1000
    assert world.pipe.cursors[world.mapping.uuid].result == OK


def test_a_stale_mapping_reads_the_old_generation_only() -> None:
    """After the stream was made anew the old mapping delivers nothing; a new one from TRIM_HORIZON catches up."""
    world = recent(NOW)
    world.disable_stream(AT, "Orders")
    world.enable_stream(AT + timedelta(seconds=40), "Orders")
    assert total(world, "invocations", AT) == 0
    stream = world.table.stream
    assert stream is not None
    world.create_mapping(NOW, EventSourceMapping("new", "orders-projector", stream.arn(world.scope), NOW, NOW))
    assert world.pipe.cursors.get("new") is None or world.pipe.cursors["new"].result == NOTHING_YET
    world.advance(timedelta(minutes=2))
    caught_up = sum(flow.delivered for flow in world.pipe.flows["new"].values())
    written = sum(world.pipe.written["Orders"][m].total() for m in range(minute(AT) + 2, minute(NOW)))
    assert caught_up >= written
    assert world.pipe.cursors["new"].result == OK


def test_latest_leaves_the_backlog_behind() -> None:
    """A mapping from LATEST delivers only what is written after it."""
    world = paused()
    stream = world.table.stream
    assert stream is not None
    world.delete_mapping(NOW - timedelta(minutes=5), world.mapping.uuid)
    latest = EventSourceMapping(
        "new", "orders-projector", stream.arn(world.scope), NOW - timedelta(minutes=4), NOW, starting_position="LATEST"
    )
    world.create_mapping(NOW - timedelta(minutes=4), latest)
    first = min(attempt.first.at for flow in world.pipe.flows["new"].values() for attempt in flow.attempts)
    assert first >= (NOW - timedelta(minutes=4)).timestamp()


def test_a_poison_record_blocks_one_shard_for_good() -> None:
    """With infinite retries one shard waits behind the record while the others deliver."""
    world = recent(NOW)
    world.poison(AT)
    cursor = world.pipe.cursors[world.mapping.uuid]
    blocked = [queue for queue in cursor.queues if queue]
    assert len(blocked) == 1
    assert blocked[0][0].poison
    assert total(world, "delivered", AT) > 0 < total(world, "errors", AT)
    assert cursor.result == FAILED
    oldest = max(flows(world, NOW - timedelta(minutes=3))[-1].ages)
    assert oldest == pytest.approx((NOW - AT).total_seconds() * 1000, rel=0.05)


def test_finite_retries_drop_the_poison_record_and_go_on() -> None:
    """After n+1 attempts the batch is given up, and the shard flows again."""
    world = recent(NOW, setting=Setting(maximum_retry_attempts=2))
    world.poison(AT)
    assert total(world, "errors", AT - timedelta(minutes=1)) == 3
    cursor = world.pipe.cursors[world.mapping.uuid]
    assert [write.poison for write in cursor.lost] == [True]
    assert cursor.oldest is None
    assert cursor.result == OK


def test_bisecting_saves_the_rest_of_the_batch() -> None:
    """With bisect only the failing record is given up, even out of a backlog."""
    world = recent(NOW, setting=Setting(maximum_retry_attempts=1))
    uuid = world.mapping.uuid
    world.update_mapping(AT - timedelta(minutes=30), uuid, enabled=False, bisect=True)
    world.poison(AT - timedelta(minutes=20))
    world.update_mapping(AT, uuid, enabled=True)
    assert [write.poison for write in world.pipe.cursors[uuid].lost] == [True]


def test_code_that_always_fails_blocks_every_shard() -> None:
    """Every invocation is an error, and nothing is delivered."""
    world = recent(NOW)
    world.deploy(AT, "orders-projector", Code("r42", always=TIMEOUT))
    assert total(world, "invocations", AT) == total(world, "errors", AT) > 0
    assert total(world, "delivered", AT) == 0
    assert all(world.pipe.cursors[world.mapping.uuid].queues)
    assert {duration for flow in flows(world, AT) for duration in flow.durations} == {30_000.0}


def test_zero_concurrency_throttles_and_invokes_nothing() -> None:
    """Throttles trickle while records wait, the last result stays what it was."""
    world = recent(NOW)
    world.put_concurrency(AT, "orders-projector", 0)
    assert total(world, "throttles", AT) > 0 == total(world, "invocations", AT)
    assert world.pipe.cursors[world.mapping.uuid].result == OK


def test_a_deleted_function_refuses_every_batch() -> None:
    """Offers fail without an invocation, a throttle or an error."""
    world = recent(NOW)
    world.delete_function(AT, "orders-projector")
    assert total(world, "refused", AT) > 0
    assert total(world, "invocations", AT) == total(world, "errors", AT) == total(world, "throttles", AT) == 0


def test_a_filter_that_matches_nothing_passes_all_by() -> None:
    """Records are polled and filtered out, none is offered, and no backlog remains."""
    world = recent(NOW)
    world.update_mapping(AT, world.mapping.uuid, filters=('{"dynamodb": {"NewImage": {"status": ["PAID"]}}}',))
    assert total(world, "filtered", AT) == total(world, "polled", AT) > 0
    assert total(world, "offered", AT) == 0
    assert world.pipe.cursors[world.mapping.uuid].oldest is None


def test_a_filter_that_matches_some_delivers_those() -> None:
    """Polled is filtered plus delivered."""
    world = recent(NOW)
    world.update_mapping(AT, world.mapping.uuid, filters=('{"eventName": ["INSERT"]}',))
    counts = [total(world, name, AT) for name in ("polled", "filtered", "delivered")]
    assert counts[0] == counts[1] + counts[2]
    assert 0.4 < counts[2] / counts[0] < 0.6


def test_a_role_change_reaches_the_poller_after_a_minute() -> None:
    """Reads go on for the propagation time and then stop, with the refusal as the last result."""
    world = recent(NOW)
    world.delete_role_policy(AT, world.role_name, "stream-access")
    found = world.pipe.flows[world.mapping.uuid]
    assert found[minute(AT)].polls
    assert found[minute(AT) + 2].polls is None
    result = world.pipe.cursors[world.mapping.uuid].result
    assert result.startswith("PROBLEM: User: arn:aws:sts::123456789012:assumed-role/orders-projector-role/awslambda_")
    assert result.endswith("because no identity-based policy allows the dynamodb:DescribeStream action")


def test_a_role_lambda_may_not_assume_stops_the_poller() -> None:
    """Without trust there is no session and no read."""
    world = recent(NOW)
    world.update_trust(AT, world.role_name, {"Statement": []})
    assert world.pipe.cursors[world.mapping.uuid].result == CANNOT_ASSUME


def test_siblings_go_on_when_one_function_fails() -> None:
    """A fault of one function leaves the other consumer of the stream alone."""
    world = recent(NOW)
    world.delete_function(AT, "orders-projector")
    sibling = next(m for m in world.state.mappings.values() if m.function == "orders-notifier")
    found = world.pipe.flows[sibling.uuid]
    assert all(found[m].delivered for m in range(minute(AT), minute(NOW)))


CHANGES: dict[str, Callable[[World, datetime], None]] = {
    "pause": lambda w, at: w.update_mapping(at, w.mapping.uuid, enabled=False),
    "resume": lambda w, at: w.update_mapping(at, w.mapping.uuid, enabled=True),
    "filter": lambda w, at: w.update_mapping(at, w.mapping.uuid, filters=('{"eventName": ["INSERT"]}',)),
    "no filter": lambda w, at: w.update_mapping(at, w.mapping.uuid, filters=()),
    "finite retries": lambda w, at: w.update_mapping(at, w.mapping.uuid, maximum_retry_attempts=1),
    "bisect": lambda w, at: w.update_mapping(at, w.mapping.uuid, maximum_retry_attempts=0, bisect=True),
    "throttle": lambda w, at: w.put_concurrency(at, "orders-projector", 0),
    "release": lambda w, at: w.delete_concurrency(at, "orders-projector"),
    "poison": lambda w, at: w.poison(at),
    "break": lambda w, at: w.deploy(at, "orders-projector", Code("r2", always=TIMEOUT)),
    "mend": lambda w, at: w.deploy(at, "orders-projector", Code("r3")),
    "deny": lambda w, at: w.delete_role_policy(at, w.role_name, "stream-access"),
    "stream off": lambda w, at: w.disable_stream(at, "Orders"),
    "quiet": lambda w, at: w.set_traffic(at, 0),
}


@settings(max_examples=40)
@example([("pause", 600), ("poison", 900), ("bisect", 1200), ("resume", 1500)])
@example([("break", 600), ("finite retries", 1200), ("stream off", 1500), ("mend", 1800)])
@given(st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.integers(1, 3500)), max_size=6))
def test_no_record_is_made_or_mislaid(story: list[tuple[str, int]]) -> None:
    """Whatever happens, every recorded write is delivered, filtered out, given up or still waiting, exactly once."""
    world = World(NOW, history=timedelta(hours=1))
    for name, second in sorted(story, key=lambda entry: entry[1]):
        CHANGES[name](world, world.start + timedelta(seconds=second, milliseconds=137))
    cursor = world.pipe.cursors[world.mapping.uuid]
    flows_ = world.pipe.flows[world.mapping.uuid].values()
    written = sum(operations.total() for operations in world.pipe.written["Orders"].values())
    waiting = sum(len(queue) for queue in cursor.queues)
    settled = sum(flow.delivered + flow.filtered for flow in flows_) + len(cursor.lost)
    assert written - len(world.pipe.unrecorded) == settled + waiting
    assert all(list(queue) == sorted(queue) for queue in cursor.queues)


def test_large_records_cut_batches_short() -> None:
    """An invocation takes no more than its payload: with a slow function every batch of a backlog holds seven."""
    world = recent(NOW, setting=Setting(mapping={"batch_size": 100}))
    world.burden(world.start, 790_000)
    world.deploy(AT, "orders-projector", Code("r42", overhead=100))
    lately = flows(world, NOW - timedelta(hours=1))
    assert max(attempt.records for flow in lately for attempt in flow.attempts) == 7
    read = Metrics(world).find(
        "AWS/DynamoDB", "ReturnedBytes",
        {"TableName": "Orders", "StreamLabel": world.mapping.stream_label, "Operation": "GetRecords"},
    )  # fmt: skip
    assert sum(datum.total for datum in read.values()) > 790_000 * total(world, "polled", world.start)


def test_what_is_written_back_triggers_again_and_ends() -> None:
    """Each change but a deletion is followed by as many more of the same item as the loop is long, in order of time."""
    once, looped = Traffic(), Traffic(echoes=3)
    for moment in range(minute(AT), minute(AT) + 20):
        before, after = writes_of(once, 0, moment), writes_of(looped, 0, moment)
        echoes = [write for write in after if write not in before]
        assert len(echoes) == 3 * sum(write.event != "REMOVE" for write in before)
        assert {write.event for write in echoes} <= {"MODIFY"}
        assert list(after) == sorted(after)
        assert all(moment * 60 <= write.at < moment * 60 + 60 for write in after)
