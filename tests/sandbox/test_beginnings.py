"""The verbs that tell how a world was all along, and those that leave no event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from served import AT, FUNCTION, NOW, clients_of, recent

from runbook_lib.sandbox import SOUND, STACK, Code, Failure, Setting, World, build, stream_reader
from runbook_lib.sandbox.telemetry.function_logs import function_events

UNTOLD: dict[str, tuple[Callable[[World], object], Callable[[World], bool]]] = {
    "mapping": (lambda w: w.begin_without_mapping(), lambda w: w.mapping.uuid not in w.at(w.start).mappings),
    "table": (lambda w: w.begin_without_table(), lambda w: not w.at(w.start).tables),
    "writes": (lambda w: w.begin_without_writes(until=AT), lambda w: w.at(w.start).traffic.count(0, 1) == 0),
    "expiry": (lambda w: w.begin_without_expiry(), lambda w: not w.at(w.start).traffic.expiring),
    "second table": (lambda w: w.begin_with_second_table("Invoices"), lambda w: "Invoices" in w.at(w.start).tables),
    "function": (
        lambda w: w.begin_with_function(scheduled=True, timeout=9),
        lambda w: (w.function.scheduled, w.function.latest.timeout) == (True, 9),
    ),
    "role": (lambda w: w.begin_with_role(inline={}), lambda w: not w.at(w.start).roles[w.role_name].inline),
    "modified": (
        lambda w: w.change_mapping_untold(AT, w.mapping.uuid, batch_size=7),
        lambda w: (w.state.mappings[w.mapping.uuid].modified, w.state.mappings[w.mapping.uuid].batch_size) == (AT, 7),
    ),
    "stalled": (lambda w: w.stall_pollers(AT, w.mapping.uuid), lambda w: w.state.mappings[w.mapping.uuid].stalled),
    "crowd": (lambda w: w.crowd_account(AT, 7), lambda w: (w.at(w.start).crowd, w.state.crowd) == (0, 7)),
    "logs": (lambda w: w.move_logs(AT, FUNCTION, "/shared"), lambda w: w.function.logs_to == "/shared"),
}


@pytest.mark.parametrize("name", UNTOLD)
def test_untold_change_holds_and_leaves_no_event(name: str) -> None:
    """What is told is so, and no event of the trail knows of it."""
    tell, holds = UNTOLD[name]
    world = recent(setting=Setting(table_fields={"ttl_attribute": "expires_at"}))
    assert not holds(world)
    tell(world)
    assert holds(world)
    assert [change.event for change in world.changes if change.event is not None] == []


def test_traffic_begins_at_its_instant() -> None:
    """A table that was not written to is written to as often as told from the instant on."""
    world = recent()
    world.begin_without_writes(until=AT, per_minute=20)
    assert world.at(AT - timedelta(seconds=1)).traffic.per_minute == 0
    assert world.state.traffic.count(0, 1) == 20


def test_second_table_is_read_by_the_function_too() -> None:
    """The second table's stream delivers to the function what is written."""
    world = recent()
    mapping = world.begin_with_second_table("Invoices")
    world.begin_with_role(inline={"stream-access": stream_reader("*")})
    assert mapping.function == FUNCTION
    assert ":table/Invoices/stream/" in mapping.stream_arn
    assert any(minute.attempts for minute in world.pipe.flows[mapping.uuid].values())


def test_mapping_created_again_is_like_the_first_with_an_id_of_its_own() -> None:
    """It differs from the first in its id, its times, and what was asked for; the trail has its creation."""
    world = recent()
    again = world.create_mapping_again(AT, by=STACK, batch_size=7)
    assert again == replace(world.mapping, uuid=again.uuid, created=AT, modified=AT, batch_size=7)
    assert again.uuid != world.mapping.uuid
    assert [change.event.name for change in world.changes if change.event] == ["CreateEventSourceMapping20150331"]


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_code_may_log_lines_of_its_own(log_format: str) -> None:
    """A remark is logged by each invocation, a failure's own line in place of Python's words by each that fails."""
    world = recent(setting=Setting(log_format=log_format))
    world.begin_with_function(code=replace(SOUND, chatter=("(node:8) Warning",)))
    failing = Code("r42", always=Failure("panic", "lost", line="RequestId: {request} panicked at src/main.rs:42"))
    world.deploy(AT, FUNCTION, failing)
    lines = [event.message for event in function_events(world, FUNCTION)]
    assert "(node:8) Warning\n" in lines
    panicked = [line for line in lines if "panicked" in line]
    assert panicked
    assert not any("{request}" in line for line in panicked)
    assert not any("Traceback" in line for line in lines)


def test_code_that_chokes_on_an_event_fails_as_it_says() -> None:
    """What it chokes on may be a kind of event, and the failure may be its own."""
    failure = Failure("KeyError", "'NewImage'")
    world = recent()
    world.begin_with_function(code=replace(SOUND, chokes_on="REMOVE", choking=failure))
    failures = {one.failure for minute in world.pipe.flows[world.mapping.uuid].values() for one in minute.attempts}
    assert failures == {None, failure}


def test_a_setting_may_differ_for_one_build() -> None:
    """EventCount, for example, can be switched on for any fault."""
    world = build("mapping-paused", NOW, history=timedelta(hours=3), event_count=True)
    with clients_of(world) as clients:
        shown = clients("lambda").get_event_source_mapping(UUID=world.mapping.uuid)
    assert shown["MetricsConfig"] == {"Metrics": ["EventCount"]}
