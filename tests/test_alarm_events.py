"""Alarms are read alike from every dress they come in, and whatever a stranger sends ends in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from alarm_samples import ARN, DRESSES, UUID, Described, described, metric, notification, printed
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.alarm import Alarm, AlarmSubject, incidents_of, read_event
from runbook_lib.alarm.events import LARGEST
from runbook_lib.alarm.named import NamedResources, mentioned, named_by
from runbook_lib.errors import BadParameters
from runbook_lib.interpret.arn import FunctionRef

FUNCTION = FunctionRef("orders-projector")
ALIAS = FunctionRef("orders-projector", "live")
ERRORS = metric("AWS/Lambda", "Errors", FunctionName="orders-projector")
CHILDREN = [{"Arn": ARN.format("b"), "State": {"Value": "ALARM"}}]

KINDS: dict[str, tuple[Described, NamedResources]] = {
    "invocations": (
        described("a", **metric("AWS/Lambda", "Invocations", FunctionName="orders-projector")),
        NamedResources((), (FUNCTION,)),
    ),
    "iterator age of an alias": (
        described(
            "a", **metric("AWS/Lambda", "IteratorAge", FunctionName=FUNCTION.name, Resource="orders-projector:live")
        ),
        NamedResources((), (ALIAS,)),
    ),
    "resource without alias": (
        described("a", **metric("AWS/Lambda", "Throttles", FunctionName=FUNCTION.name, Resource=FUNCTION.name)),
        NamedResources((), (FUNCTION,)),
    ),
    "mapping": (
        described("a", **metric("AWS/Lambda", "PolledEventCount", EventSourceMappingUUID=UUID)),
        NamedResources((), (), (UUID,)),
    ),
    "stream": (
        described(
            "a", **metric("AWS/DynamoDB", "ReturnedRecordsCount", TableName="Orders", StreamLabel="2026-01-02T03:04:05")
        ),
        NamedResources(("Orders",)),
    ),
    "metric math": (
        described(
            "a",
            Metrics=[
                {"Id": "m1", "MetricStat": {"Metric": ERRORS, "Period": 60, "Stat": "Sum"}, "ReturnData": False},
                {"Id": "e1", "Expression": "m1 * 100", "ReturnData": True},
            ],
        ),
        NamedResources((), (FUNCTION,)),
    ),
    "the playbook's own": (
        described(
            "DynamoDBStreamsTriggerFailure", **metric("Ours", "Failed", Table="Orders", Function="orders-projector")
        ),
        NamedResources(("Orders",), (FUNCTION,)),
    ),
}


@pytest.mark.parametrize("dress", DRESSES, ids=lambda dress: dress.__name__)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_alike_in_every_dress(kind: str, dress: Callable[[Described], dict[str, Any]]) -> None:
    """Name, place, state, time and what the metrics name do not depend on how the alarm was delivered."""
    told, named = KINDS[kind]
    (alarm,) = read_event(json.dumps(dress(told)))
    assert (alarm.name, alarm.region, alarm.account) == (told["AlarmName"], "eu-west-1", "123456789012")
    assert (alarm.state, alarm.since) == ("ALARM", datetime(2026, 3, 14, 13, 51, 21, tzinfo=UTC))
    assert named_by([alarm]) == named


@pytest.mark.parametrize("dress", DRESSES, ids=lambda dress: dress.__name__)
def test_composite_alarms_name_their_children(dress: Callable[[Described], dict[str, Any]]) -> None:
    """The rule's alarms are read whether they are quoted, bare or ARNs; a notification tells which went off."""
    rule = f"""(ALARM("a b") OR ALARM({ARN.format("b")})) AND NOT OK( plain ) AND TRUE AND ALARM('a b')"""
    (alarm,) = read_event(json.dumps(dress(described("all", AlarmRule=rule, TriggeringChildren=CHILDREN))))
    assert alarm.metrics == ()
    assert alarm.children == ("a b", "b", "plain")
    assert alarm.triggering in ((), ("b",))
    assert read_event(json.dumps(notification(described("all", AlarmRule=rule, TriggeringChildren=CHILDREN))))[
        0
    ].triggering == ("b",)


def test_several_alarms_of_one_event_are_each_read_once() -> None:
    """A batch of messages gives each of its alarms, and one that was delivered twice once."""
    bodies = [json.dumps(notification(described(name, **ERRORS))) for name in ("a", "b", "a")]
    found = read_event(json.dumps({"Records": [{"body": body} for body in bodies]}))
    assert [alarm.name for alarm in found] == ["a", "b"]


def test_other_accounts_metrics_are_told_apart() -> None:
    """The alarm of a monitoring account says whose metric it watches."""
    query = {"Id": "m1", "AccountId": "111122223333", "MetricStat": {"Metric": ERRORS}}
    (alarm,) = read_event(json.dumps(printed(described("a", Metrics=[query]))))
    assert [metric.account for metric in alarm.metrics] == ["111122223333"]


REFUSED: dict[str, tuple[str, str]] = {
    "no JSON": ("{'AlarmName': 'a'}", "not JSON"),
    "nothing": ("", "not JSON"),
    "too deep": ("[" * 100_000, "not JSON"),
    "too large": (json.dumps({"AlarmName": "a", "x": "y" * LARGEST}), "bytes"),
    "no alarm": ('{"Records": [{"s3": {"bucket": "b"}}]}', "no CloudWatch alarm"),
    "a number": ("17", "no CloudWatch alarm"),
    "null": ("null", "no CloudWatch alarm"),
    "a name that is no text": ('{"AlarmName": {"$ref": "x"}}', "no CloudWatch alarm"),
    "envelopes without end": ('{"Records":' * 40 + "1" + "}" * 40, "no CloudWatch alarm"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_alarm_is_refused_in_words(case: str) -> None:
    """Whatever is no event of an alarm ends with a sentence that says what is wrong."""
    content, words = REFUSED[case]
    with pytest.raises(BadParameters, match=words):
        read_event(content)


@pytest.mark.parametrize(
    "dimensions",
    [
        {"FunctionName": "orders projector; rm -rf /"},
        {"FunctionName": "../../etc/passwd"},
        {"TableName": "Orders\narchive: /etc"},
        {"TableName": "o"},
        {"EventSourceMappingUUID": "../functions"},
    ],
)
def test_names_that_cannot_be_are_refused(dimensions: dict[str, str]) -> None:
    """A dimension that AWS would never have goes no further than a sentence that shows it."""
    (alarm,) = read_event(json.dumps(notification(described("a", **metric("AWS/Lambda", "Errors", **dimensions)))))
    with pytest.raises(BadParameters, match="no name of one"):
        named_by([alarm])


WRONG = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "value", "Metric", "MetricStat", "timestamp", "Arn"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
KEYS = st.sampled_from([
    "detail", "Records", "Message", "state", "configuration", "metrics", "Trigger", "Dimensions", "MetricName",
    "AlarmRule", "TriggeringChildren", "resources", "StateChangeTime", "AlarmArn", "region", "account",
])  # fmt: skip


@given(st.dictionaries(KEYS, WRONG, max_size=6), st.dictionaries(KEYS, WRONG, max_size=4))
def test_wrong_types_never_break_the_reading(inner: dict[str, Any], outer: dict[str, Any]) -> None:
    """Members of any type are passed over, or the event is refused in words."""
    events = [{"AlarmName": "a", **inner}, {**outer, "detail": {"alarmName": "a", **inner}}, outer]
    for event in events:
        with suppress(BadParameters):
            found = read_event(json.dumps(event))
            assert all(isinstance(alarm, Alarm) for alarm in found)
            assert isinstance(named_by(found), NamedResources)


@pytest.mark.parametrize(
    ("name", "tells"),
    [
        ("Orders", True),
        ("orders-projector", True),
        ("Order", False),
        ("projector", True),
        ("rders", False),
        ("ready", True),
    ],
)
def test_a_mention_is_a_whole_word(name: str, tells: bool) -> None:
    """A table or function is mentioned where its name stands by itself in the alarm's name or description."""
    alarm = Alarm("DynamoDBStreamsTriggerFailure/Orders_orders-projector", description="Is it ready?")
    assert mentioned(name, [alarm]) is tells


@pytest.mark.parametrize(
    ("name", "since", "number", "id"),
    [
        ("Trigger", AT := datetime(2026, 3, 14, 13, 51, 21, tzinfo=UTC), 1, "Trigger-20260314T135121Z"),
        ("../../etc/passwd", AT, 1, "etc-passwd-20260314T135121Z"),
        ("a: [b]\n- c", AT, 1, "a-b-c-20260314T135121Z"),
        ("x" * 255, AT, 2, "x" * 45 + "-20260314T135121Z-1"),
        ("警報", None, 1, "alarm"),
        ("--", AT, 1, "alarm-20260314T135121Z"),
    ],
)
def test_incident_ids_are_made_of_any_name(name: str, since: datetime | None, number: int, id: str) -> None:
    """An id tells the alarm and its time, holds only what may name a folder, and differs between triggers."""
    cases = [
        AlarmSubject(Alarm(name, since=since), f"Orders-{place}", "orders-projector", "", "") for place in range(number)
    ]
    found = incidents_of(cases, "eu-west-1")
    assert found[0].incident_id == id
    assert len({incident.incident_id for incident in found}) == number
    assert {incident.detected_at for incident in found} == {since}
