"""The metrics of the pipe: silence is no zero, and each count stands under the dimensions that AWS gives it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from pipe_worlds import AT, FUNCTION, NOW, healthy, minute, recent, total

from runbook_lib.sandbox import Setting, World
from runbook_lib.sandbox.telemetry.metrics import Metrics


def silent(world: World, name: str, dimensions: dict[str, str], begin: datetime) -> bool:
    """Whether a Lambda metric has no datum at all in the whole minutes since an instant."""
    series = Metrics(world).find("AWS/Lambda", name, dimensions)
    return not any(m in series for m in range(minute(begin) + 1, minute(NOW)))


STOPPED: list[tuple[str, Callable[[World], None]]] = [
    ("paused", lambda w: w.update_mapping(AT, w.mapping.uuid, enabled=False)),
    ("deleted", lambda w: w.delete_mapping(AT, w.mapping.uuid)),
    ("stream off", lambda w: w.disable_stream(AT, "Orders")),
    ("concurrency", lambda w: w.put_concurrency(AT, "orders-projector", 0)),
    ("function gone", lambda w: w.delete_function(AT, "orders-projector")),
    ("no writes", lambda w: w.set_traffic(AT, 0)),
]


@pytest.mark.parametrize("tell", [tell for _, tell in STOPPED], ids=[name for name, _ in STOPPED])
def test_what_is_not_invoked_emits_nothing(tell: Callable[[World], None]) -> None:
    """Invocations, Errors, Duration and IteratorAge are silent, not zero, when nothing is invoked."""
    world = recent(NOW)
    tell(world)
    metrics = ("Invocations", "Errors", "Duration", "IteratorAge")
    assert [name for name in metrics if not silent(world, name, FUNCTION, AT + timedelta(minutes=1))] == []


def test_errors_and_throttles_are_zero_beside_invocations() -> None:
    """Every minute with invocations has Errors and Throttles too, at 0 in health."""
    metrics = Metrics(healthy())
    invoked = metrics.find("AWS/Lambda", "Invocations", FUNCTION)
    for name in ("Errors", "Throttles"):
        series = metrics.find("AWS/Lambda", name, FUNCTION)
        assert set(series) == set(invoked)
        assert {datum.total for datum in series.values()} == {0}


def test_mapping_metrics_are_opt_in() -> None:
    """Without EventCount there is no datum under a mapping's UUID; with it, zeros on empty polls."""
    world = healthy()
    uuid = {"EventSourceMappingUUID": world.mapping.uuid}
    assert silent(world, "PolledEventCount", uuid, AT)
    quiet = recent(NOW, setting=Setting(event_count=True))
    quiet.set_traffic(AT, 0)
    series = Metrics(quiet).find("AWS/Lambda", "PolledEventCount", {"EventSourceMappingUUID": quiet.mapping.uuid})
    assert {series[m].total for m in range(minute(AT) + 1, minute(NOW))} == {0}
    assert silent(quiet, "FilteredOutEventCount", {"EventSourceMappingUUID": quiet.mapping.uuid}, AT)


def test_an_idle_table_emits_no_write_metrics() -> None:
    """CloudWatch has no datapoints for a table nobody writes to, while its stream is still polled."""
    world = recent(NOW)
    world.set_traffic(AT, 0)
    metrics = Metrics(world)
    writes = metrics.find("AWS/DynamoDB", "ConsumedWriteCapacityUnits", {"TableName": "Orders"})
    polls = metrics.find("AWS/DynamoDB", "SuccessfulRequestLatency", {"TableName": "Orders", "Operation": "GetRecords"})
    later = range(minute(AT) + 1, minute(NOW))
    assert not any(m in writes for m in later)
    assert all(m in polls for m in later)


def test_returned_records_belong_to_their_generation() -> None:
    """After the stream is made anew the old label falls silent and the unread new one has no data."""
    world = recent(NOW)
    world.disable_stream(AT, "Orders")
    world.enable_stream(AT + timedelta(seconds=40), "Orders")
    metrics, later = Metrics(world), range(minute(AT) + 2, minute(NOW))
    for stream in world.table.streams:
        dimensions = {"TableName": "Orders", "StreamLabel": stream.label, "Operation": "GetRecords"}
        series = metrics.find("AWS/DynamoDB", "ReturnedRecordsCount", dimensions)
        assert not any(m in series for m in later)


def test_the_running_minute_has_no_data_yet() -> None:
    """The last datum lies before the minute of the clock."""
    assert max(Metrics(healthy()).find("AWS/Lambda", "Invocations", FUNCTION)) == minute(NOW) - 1


def test_an_alias_has_its_own_dimensions() -> None:
    """Invocations through an alias appear under the function, the alias as Resource, and its version."""
    metrics = Metrics(recent(NOW, setting=Setting(alias="live")))
    resource = FUNCTION | {"Resource": "orders-projector:live"}
    assert metrics.find("AWS/Lambda", "Invocations", FUNCTION)
    assert metrics.find("AWS/Lambda", "Invocations", resource)
    assert metrics.find("AWS/Lambda", "Invocations", resource | {"ExecutedVersion": "7"})
    assert not metrics.find("AWS/Lambda", "Invocations", FUNCTION | {"Resource": "orders-projector"})


def test_what_ttl_deletes_is_counted_apart() -> None:
    """Deletions by TTL reach the function like others, and are no requests: they use no capacity and no operation."""
    world = recent(NOW, setting=Setting(table_fields={"ttl_attribute": "expires_at"}))
    metrics, table = Metrics(world), {"TableName": "Orders"}

    def counted(name: str, **more: str) -> float:
        return sum(datum.total for datum in metrics.find("AWS/DynamoDB", name, {**table, **more}).values())

    expired, written = counted("TimeToLiveDeletedItemCount"), total(world, "delivered", world.start)
    assert 0 < expired < written / 10
    assert counted("ConsumedWriteCapacityUnits") + expired == pytest.approx(written, abs=40)
    assert not metrics.find("AWS/DynamoDB", "SuccessfulRequestLatency", {**table, "Operation": "TimeToLive"})


def test_a_loop_through_a_topic_is_counted_where_it_is_broken_off() -> None:
    """Each loop runs its length and then counts as dropped once; without one the metric is silent."""
    world = recent(NOW)
    assert not Metrics(world).find("AWS/Lambda", "RecursiveInvocationsDropped", FUNCTION)
    world.subscribe(AT, "orders-projector", "orders-reminders")
    metrics = Metrics(world)
    dropped = metrics.find("AWS/Lambda", "RecursiveInvocationsDropped", FUNCTION)
    invoked = metrics.find("AWS/Lambda", "Invocations", FUNCTION)
    assert len(dropped) > 20
    assert all(invoked[at].total - world.pipe.flows[world.mapping.uuid][at].invocations == 16 for at in dropped)
