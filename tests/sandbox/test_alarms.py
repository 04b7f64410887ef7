"""The customer's alarms: each in the state that the world's metrics imply, told as CloudWatch tells it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from served import AT, FUNCTION, Clients, clients_of, recent

from runbook_lib.sandbox import ALARM

BOTH = ["MetricAlarm", "CompositeAlarm"]


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    """Clients of a world whose main mapping was paused some two hours ago."""
    world = recent()
    world.update_mapping(AT, world.mapping.uuid, enabled=False)
    with clients_of(world) as found:
        yield found


def _described(clients: Clients, **asked: Any) -> dict[str, dict[str, Any]]:
    found = clients("cloudwatch").describe_alarms(**asked)
    return {alarm["AlarmName"]: alarm for alarm in (*found["MetricAlarms"], *found["CompositeAlarms"])}


def test_an_alarm_follows_its_metric(clients: Clients) -> None:
    """What stopped breaches within minutes where silence counts as a breach, and nowhere else."""
    found = _described(clients)
    assert {name: alarm["StateValue"] for name, alarm in found.items()} == {
        ALARM: "ALARM",
        f"{FUNCTION}-iterator-age": "OK",
        f"{FUNCTION}-error-rate": "OK",
        "Orders-stream-unread": "OK",
    }
    assert timedelta(minutes=4) < found[ALARM]["StateUpdatedTimestamp"] - AT < timedelta(minutes=8)


def test_composite_alarms_are_told_to_who_asks_for_them(clients: Clients) -> None:
    """A composite alarm follows its alarms by seconds, and is left out unless its type is asked for."""
    found = _described(clients, AlarmTypes=BOTH)
    (composite,) = set(found) - set(_described(clients))
    assert found[composite]["StateValue"] == "ALARM"
    assert timedelta(0) < found[composite]["StateUpdatedTimestamp"] - found[ALARM]["StateUpdatedTimestamp"]
    assert f'ALARM("{ALARM}")' in found[composite]["AlarmRule"]
    assert _described(clients, AlarmTypes=["CompositeAlarm"]).keys() == {composite}


def test_metric_math_is_told_as_queries(clients: Clients) -> None:
    """An alarm on an expression has the metrics it is made of, each by itself, and no metric of its own."""
    alarm = _described(clients)[f"{FUNCTION}-error-rate"]
    assert "MetricName" not in alarm
    *parts, expression = alarm["Metrics"]
    assert [part["MetricStat"]["Metric"]["MetricName"] for part in parts] == ["Errors", "Invocations"]
    assert expression["Expression"] == "100 * errors / invocations"


@pytest.mark.parametrize("name", [ALARM, "Orders-pipeline"])
def test_the_history_ends_in_the_state(name: str, clients: Clients) -> None:
    """The newest change in the history is the one that the alarm itself tells."""
    asked = {"AlarmName": name, "AlarmTypes": BOTH, "HistoryItemType": "StateUpdate"}
    newest = clients("cloudwatch").describe_alarm_history(**asked)["AlarmHistoryItems"][0]
    alarm = _described(clients, AlarmNames=[name], AlarmTypes=BOTH)[name]
    assert newest["Timestamp"] == alarm["StateUpdatedTimestamp"]
    assert json.loads(newest["HistoryData"])["newState"]["stateValue"] == alarm["StateValue"]


def test_every_page_is_given(clients: Clients) -> None:
    """Alarms of both kinds come page by page, each once."""
    pages = clients("cloudwatch").get_paginator("describe_alarms").paginate(
        AlarmTypes=BOTH, PaginationConfig={"PageSize": 2}
    )  # fmt: skip
    names = [alarm["AlarmName"] for page in pages for alarm in (*page["MetricAlarms"], *page["CompositeAlarms"])]
    assert len(names) == len(set(names)) == 5
