"""What the code does with a part of the records, what it says, which version runs, and whose events a trail has."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from served import AT, FUNCTION, GROUP, NOW, TRAIL, all_events, clients_of, code_of, lookup, recent, series

from runbook_lib.sandbox import SOUND, TIMEOUT, Code, Failure, Setting, World, Write

BROKEN = Failure("ValueError", "boom", ('  File "/var/task/app.py", line 3, in handler', "    raise ValueError"))


def taken(world: World) -> list[Write]:
    """What the function took since the fault."""
    return [write for write in world.pipe.reached[FUNCTION] if write.at >= AT.timestamp()]


def lost(world: World) -> list[Write]:
    """What was given up."""
    return world.pipe.cursors[world.mapping.uuid].lost


def test_share_of_the_records_fails() -> None:
    """A share of the records fails for good, the rest is delivered."""
    world = recent(setting=Setting(maximum_retry_attempts=1, mapping={"bisect": True}))
    world.fail_on(AT, FUNCTION, share=0.1, failure=BROKEN)
    assert 0.05 < len(lost(world)) / (len(lost(world)) + len(taken(world))) < 0.15


def test_one_event_name_times_out() -> None:
    """Removals alone run into the function's timeout, and its log says so."""
    world = recent(setting=Setting(maximum_retry_attempts=0, mapping={"bisect": True}))
    world.fail_on(AT, FUNCTION, event="REMOVE", failure=TIMEOUT)
    assert {write.event for write in lost(world)} == {"REMOVE"}
    assert {write.event for write in taken(world)} == {"INSERT", "MODIFY"}
    with clients_of(world) as clients:
        found, _ = all_events(clients, logGroupName=GROUP, filterPattern='"Task timed out"')
    assert found


@pytest.mark.parametrize(("image", "view", "failing"), [
    ("NewImage", "NEW_AND_OLD_IMAGES", {"REMOVE"}), ("OldImage", "NEW_AND_OLD_IMAGES", {"INSERT"}),
    ("NewImage", "NEW_IMAGE", {"REMOVE"}), ("OldImage", "NEW_IMAGE", {"INSERT", "MODIFY", "REMOVE"}),
])  # fmt: skip
def test_records_without_an_image_fail(image: str, view: str, failing: set[str]) -> None:
    """What lacks the image makes the code fail, be it for the event or for the stream's view type."""
    world = recent(setting=Setting(view_type=view, maximum_retry_attempts=0, mapping={"bisect": True}))
    world.fail_on(AT, FUNCTION, missing=image)
    assert {write.event for write in lost(world)} == failing
    assert not {write.event for write in taken(world) if write.at > AT.timestamp() + 60} & failing


def test_batch_passes_after_some_tries() -> None:
    """A failure that passes costs errors and time, and no record."""
    world = recent()
    world.fail_on(AT, FUNCTION, share=0.05, failure=BROKEN, tries=2)
    flows = world.pipe.flows[world.mapping.uuid].values()
    assert sum(flow.errors for flow in flows) > 0
    assert lost(world) == []
    assert len(taken(world)) == len(set(taken(world))) > 1000


WORDS: dict[str, Callable[[str], bool]] = {
    "python3.12": lambda line: line.startswith("[ERROR] ValueError: boom\nTraceback (most recent call last):"),
    "nodejs22.x": lambda line: (
        json.loads(line.rpartition("\t")[2])["errorMessage"] == "boom" and "Invoke Error" in line
    ),
    "java21": lambda line: line.startswith("boom: ValueError\nValueError: boom\n\tat "),
    "ruby3.4": lambda line: line.startswith("Error raised from handler method\n"),
    "dotnet8": lambda line: "\tfail\tValueError: boom\n   at " in line,
    "provided.al2023": lambda line: json.loads(line) == {"errorMessage": "boom", "errorType": "ValueError"},
}


@pytest.mark.parametrize("runtime", WORDS)
def test_runtime_has_words_of_its_own(runtime: str) -> None:
    """An unhandled error is logged the way the function's runtime logs it, and no other way."""
    world = recent()
    world.begin_with_function(runtime=runtime)
    world.deploy(AT, FUNCTION, Code("r42", always=BROKEN))
    with clients_of(world) as clients:
        found, _ = all_events(clients, logGroupName=GROUP, filterPattern="boom")
    lines = [event["message"] for event in found]
    assert lines
    assert all(WORDS[runtime](line) for line in lines)
    assert not any("Traceback" in line for line in lines if runtime != "python3.12")


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_chatter_is_logged_on_success(log_format: str) -> None:
    """Lines that mean nothing are logged by each invocation from then on, with its own id, and nothing fails."""
    world = recent(setting=Setting(log_format=log_format))
    world.chatter(AT, FUNCTION, "WARN retrying socket {request}", "error count: 0")
    with clients_of(world) as clients:
        found, _ = all_events(clients, logGroupName=GROUP, filterPattern='"retrying socket"')
        counts, _ = all_events(clients, logGroupName=GROUP, filterPattern='"error count: 0"')
    assert len(found) == len(counts) > 100
    assert min(event["timestamp"] for event in found) >= AT.timestamp() * 1000
    assert len({event["message"] for event in found}) == len(found)
    assert sum(flow.errors for flow in world.pipe.flows[world.mapping.uuid].values()) == 0


def test_result_is_told_and_taken_back() -> None:
    """LastProcessingResult says what is told, while records flow and LastModified stays; told None, it is itself."""
    world = recent()
    text = "PROBLEM: internal Lambda error. Please contact Lambda customer support."
    with clients_of(world) as clients:

        def get() -> tuple[str, object]:
            found = clients("lambda").get_event_source_mapping(UUID=world.mapping.uuid)
            return found["LastProcessingResult"], found["LastModified"]

        before = get()
        world.tell_result(AT, world.mapping.uuid, text)
        assert get() == (text, before[1])
        world.tell_result(NOW, world.mapping.uuid, None)
        assert get() == ("OK", before[1])
    assert taken(world)


def split() -> World:
    """An alias that gives a quarter of its invocations to a version that fails each time."""
    world = recent(setting=Setting(alias="live"))
    world.upload(AT - timedelta(minutes=9), FUNCTION, Code("r42", always=BROKEN))
    number = world.publish(AT - timedelta(minutes=8), FUNCTION)
    world.point_alias(AT, FUNCTION, "live", "7", routing=(number, 0.25))
    return world


def test_alias_divides_its_invocations() -> None:
    """The second version gets its part, alone has errors, and both have metrics of their own."""
    world = split()
    assert world.function.latest.code != SOUND
    with clients_of(world) as clients:
        shown = clients("lambda").get_alias(FunctionName=FUNCTION, Name="live")
        sums: Counter[tuple[str, str]] = Counter()
        for version in ("7", "8", ""):
            for metric in ("Invocations", "Errors"):
                dimensions = {"FunctionName": FUNCTION, "Resource": f"{FUNCTION}:live"}
                dimensions |= {"ExecutedVersion": version} if version else {}
                points = series(clients, "AWS/Lambda", metric, dimensions, AT + timedelta(minutes=1))
                sums[version, metric] = int(sum(points.values()))
        started, _ = all_events(clients, logGroupName=GROUP, filterPattern='"Version: 8"')
    assert shown["RoutingConfig"] == {"AdditionalVersionWeights": {"8": 0.25}}
    assert sums["7", "Errors"] == 0 < sums["8", "Errors"] == sums["8", "Invocations"]
    assert sums["7", "Invocations"] + sums["8", "Invocations"] == sums["", "Invocations"]
    assert 0.15 < sums["8", "Invocations"] / sums["", "Invocations"] < 0.45
    assert started
    assert lost(world) == []


def test_weights_are_set_and_cleared_by_update_alias() -> None:
    """An update changes what it mentions, empty weights end the division, and an unknown version is refused."""
    world = split()
    with clients_of(world) as clients:
        client, alias = clients("lambda"), {"FunctionName": FUNCTION, "Name": "live"}
        assert client.update_alias(**alias, FunctionVersion="6")["RoutingConfig"]["AdditionalVersionWeights"] == {
            "8": 0.25
        }
        unknown = {"AdditionalVersionWeights": {"99": 0.1}}
        assert code_of(client.update_alias, **alias, RoutingConfig=unknown) == "ResourceNotFoundException"
        after = client.update_alias(**alias, RoutingConfig={"AdditionalVersionWeights": {}})
    assert (after["FunctionVersion"], "RoutingConfig" in after) == ("6", False)


def test_organization_s_trail_holds_the_events_of_other_accounts() -> None:
    """Its log group has every account's and region's events; the event history has the own account's alone."""
    world = recent(cloudtrail_log_group=TRAIL)
    world.begin_with_organization_trail("111122223333")
    world.record_elsewhere(
        AT, "DeleteFunction20150331", {"functionName": FUNCTION}, account="111122223333", region="us-west-2"
    )
    world.record_elsewhere(AT, "DeleteFunction20150331", {"functionName": FUNCTION}, region="us-west-2")
    with clients_of(world) as clients:
        events, _ = all_events(clients, logGroupName=TRAIL)
        here = lookup(clients, EventName="DeleteFunction20150331")
        there = lookup(clients, "us-west-2", EventName="DeleteFunction20150331")
        ours = lookup(clients)
    bodies = [json.loads(event["message"]) for event in events]
    places = {(body["recipientAccountId"], body["awsRegion"]) for body in bodies}
    assert {("111122223333", "eu-west-1"), ("111122223333", "us-west-2"), ("123456789012", "us-west-2")} <= places
    assert here == []
    assert [json.loads(event["CloudTrailEvent"])["recipientAccountId"] for event in there] == ["123456789012"]
    assert {json.loads(event["CloudTrailEvent"])["recipientAccountId"] for event in ours} == {"123456789012"}
