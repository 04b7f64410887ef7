"""From an alarm to parameters and to a verdict, over HTTP: every kind of alarm, what is looked up, what is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from alarm_samples import UUID, described, eventbridge, metric, notification
from worlds import HISTORY, NOW, in_world, sandboxed

from runbook_lib.alarm import PERMISSIONS, cases_of, describe, door, read_event
from runbook_lib.archive.record import Record
from runbook_lib.cli import main
from runbook_lib.errors import BadParameters
from runbook_lib.incident import Incident, Scope
from runbook_lib.permissions import policy
from runbook_lib.sandbox import ALARM, Change, CompositeAlarm, Rule, Setting, World, build, deny

REGION = ["--region", "eu-west-1"]
NOWHERE = described("a", **metric("Ours", "Failed", Team="orders"))


@cache
def _world(name: str, event_count: bool = False) -> World:
    return build(name, NOW, seed=1, event_count=event_count, history=HISTORY)


@pytest.fixture(scope="module")
def paused() -> Iterator[Any]:
    """A sandbox with a paused mapping, asked once for its alarms."""
    with sandboxed(_world("mapping-paused", event_count=True)) as box:
        yield box


def _event(folder: Path, told: Any) -> str:
    path = folder / "event.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    return str(path)


def _described(name: str) -> dict[str, Any]:
    """The alarm as the sandbox answers it."""
    client = boto3.client("cloudwatch", region_name="eu-west-1")
    found = client.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    (alarm,) = [*found["MetricAlarms"], *found["CompositeAlarms"]]
    return dict(alarm)


KINDS = [
    ("mapping-paused", "Orders-pipeline", "esm-disabled-by-user"),
    ("import-error-after-deploy", "orders-projector-error-rate", "init-or-import-error"),
]
SAMPLED_KINDS = [("mapping-deleted", "orders-projector-mapping-idle", "esm-missing")]
MORE_KINDS = [
    ("mapping-paused", ALARM, "esm-disabled-by-user"),
    ("mapping-paused", "orders-projector-mapping-idle", "esm-disabled-by-user"),
    ("mapping-deleted", ALARM, "esm-missing"),
    ("stream-recreated", "Orders-stream-unread", "stale-stream-arn"),
    ("poison-record", "orders-projector-iterator-age", "poison-record"),
]


@pytest.mark.parametrize(
    ("world", "name", "cause"),
    [
        *(pytest.param(*one, marks=pytest.mark.xdist_group(one[0])) for one in KINDS),
        *(pytest.param(*one, marks=(pytest.mark.xdist_group(one[0]), pytest.mark.sampled)) for one in SAMPLED_KINDS),
        *(pytest.param(*one, marks=(pytest.mark.xdist_group(one[0]), pytest.mark.slow)) for one in MORE_KINDS),
    ],
)
def test_one_line_leads_from_an_event_to_the_cause(
    world: str, name: str, cause: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`investigate --event` finishes a run for every kind of alarm, about the trigger it went off for."""
    with sandboxed(_world(world, event_count=True)):
        alarm = _described(name)
        assert alarm["StateValue"] == "ALARM"
        dress = notification if name == "Orders-pipeline" else eventbridge
        options = ["--table", "Orders", "--function", "orders-projector"] if name == "Orders-stream-unread" else []
        where = ["--archive", str(tmp_path), "--no-report", "--json"]
        assert main(["investigate", "--event", _event(tmp_path, dress(alarm)), *options, *where]) == 1
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["causes"][0]["id"] == cause
    assert verdict["incident_id"].startswith(f"{name}-2026")
    assert main(["verify", verdict["run_folder"]]) == 0


@in_world("mapping-paused")
@pytest.mark.parametrize("name", [ALARM, "Orders-pipeline"])
def test_an_alarm_by_name_is_as_good_as_its_event(name: str, paused: Any, tmp_path: Path) -> None:
    """`--alarm` writes the parameters that its event would, and they read back as they were written."""
    by_event, by_name = tmp_path / "event.yaml", tmp_path / "name.yaml"
    event = _event(tmp_path, eventbridge(_described(name)))
    assert main(["params", "--event", event, "--out", str(by_event), "--table", "Orders"]) == 0
    assert main(["params", "--alarm", name, *REGION, "--out", str(by_name), "--table", "Orders"]) == 0
    incident = Incident.from_file(by_name)
    assert incident == Incident.from_file(by_event)
    assert (incident.table_name, incident.function_name) == ("Orders", "orders-projector")
    assert incident.account_id == "123456789012"
    assert incident.detected_at is not None
    assert timedelta(minutes=70) < NOW - incident.detected_at < timedelta(minutes=90)


@in_world("mapping-paused")
def test_the_event_may_come_through_a_pipe(
    paused: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """`--event -` reads stdin, and without --out the file goes to stdout, alone."""
    event = json.dumps(eventbridge(_described(ALARM)))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(event.encode())))
    assert main(["params", "--event", "-", "--profile", "oncall"]) == 3
    assert "oncall" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(event.encode())))
    assert main(["params", "--event", "-"]) == 0
    said = capsys.readouterr()
    (tmp_path / "piped.yaml").write_text(said.out, encoding="utf-8")
    assert Incident.from_file(tmp_path / "piped.yaml").function_name == "orders-projector"
    assert f"Mapping {UUID} connects them." in said.err


@in_world("mapping-paused")
def test_several_triggers_are_written_or_named(paused: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table with two consumers gives a file each in a folder; into one file it is refused with both named."""
    stream = eventbridge(described("unread", **metric("AWS/DynamoDB", "ReturnedRecordsCount", TableName="Orders")))
    event = _event(tmp_path, stream)
    assert main(["params", "--event", event, "--out", str(tmp_path / "one.yaml")]) == 3
    refused = capsys.readouterr().err
    assert "Orders -> orders-notifier; Orders -> orders-projector" in refused
    assert "--table and --function" in refused
    assert main(["params", "--event", event, "--out", f"{tmp_path}/all/"]) == 0
    files = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [path.name for path in files] == [f"unread-20260314T135121Z-{number}.yaml" for number in (1, 2)]
    assert [Incident.from_file(path).function_name for path in files] == ["orders-notifier", "orders-projector"]
    assert main(["params", "--event", event, "--function", "orders-notifier", "--out", str(tmp_path / "one.yaml")]) == 0


@in_world("mapping-paused")
def test_a_file_that_says_something_else_is_left_alone(paused: Any, tmp_path: Path) -> None:
    """The same alarm may be written twice; over anything else nothing is written."""
    out = tmp_path / "INC-1.yaml"
    wanted = ["params", "--event", _event(tmp_path, eventbridge(_described(ALARM))), "--out", str(out)]
    assert main(wanted) == main(wanted) == 0
    out.write_text("mine: yes\n", encoding="utf-8")
    assert main(wanted) == 3
    assert out.read_text(encoding="utf-8") == "mine: yes\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["INC-1.yaml", "event.json"]


@in_world("mapping-paused")
@pytest.mark.parametrize(
    ("alarm", "options", "words"),
    [
        (NOWHERE, [], ("names no table, function or mapping", "Orders -> orders-projector", "--table")),
        (described("a", "OK", **metric("AWS/Lambda", "Errors", FunctionName="f")), [], ("went to OK", "--alarm")),
        (NOWHERE, ["--region", "eu-central-1"], ("is in eu-west-1, --region says eu-central-1",)),
        (described("a", **metric("AWS/Lambda", "Errors", FunctionName="billing-export")), [], ("billing-export",)),
        (described("a", **metric("AWS/Lambda", "Errors", FunctionName="x y")), [], ("'x y'", "no name of one")),
        (NOWHERE, ["--table", "o", "--function", "f"], ("`table_name`", "'o'")),
        (NOWHERE, ["--alarm", "a"], ("Both --alarm and --event",)),
    ],
)
def test_what_cannot_be_found_out_ends_in_one_sentence(
    alarm: Any, options: list[str], words: tuple[str, ...], paused: Any, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """An alarm that leaves the trigger open, or contradicts an option, ends with exit code 3 and what to do."""
    assert main(["params", "--event", _event(tmp_path, eventbridge(alarm)), *options]) == 3
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    for word in words:
        assert word in said.err


HOSTILE = "x\ninjected: yes\n\x1b[2J${jndi}'\"<script>: &a *a !!python/object:os.system"


@in_world("mapping-paused")
def test_a_hostile_name_stays_text(paused: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An alarm's name that is YAML, a path or an escape sequence changes neither the file nor the terminal."""
    alarm = eventbridge(described(HOSTILE, **metric("AWS/Lambda", "Errors", FunctionName="orders-projector")))
    assert main(["params", "--event", _event(tmp_path, alarm), "--out", f"{tmp_path}/out/"]) == 0
    (path,) = (tmp_path / "out").iterdir()
    assert path.name.startswith("x-injected-yes-2J-jndi-script-a-a-python")
    assert Incident.from_file(path).parameters().keys() <= Incident.__dataclass_fields__.keys()
    said = capsys.readouterr()
    assert "\x1b" not in said.err + said.out
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["params"], "Give --alarm NAME --region R, or --event FILE."),
        (["params", "--alarm", "a"], "Give --region."),
        (["params", "--event", "no-such-file"], "no-such-file cannot be read"),
        (["params", "--event", "tests/../runbook_lib"], "cannot be read"),
        (["investigate"], "No incident is named."),
    ],
)
def test_what_is_not_said_is_asked_for(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an alarm, region or file the command ends with exit code 3 before AWS is asked."""
    assert main(arguments) == 3
    assert words in capsys.readouterr().err


@in_world("mapping-paused")
def test_an_alarm_that_is_not_there_is_named(paused: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped name ends with exit code 3, the region and the account."""
    assert main(["params", "--alarm", "DynamoDBStreamTriggerFailure", *REGION]) == 3
    assert "no alarm `DynamoDBStreamTriggerFailure` in eu-west-1 of account 123456789012" in capsys.readouterr().err


def _with(*more: CompositeAlarm) -> World:
    """A healthy world with these alarms besides."""
    world = World(NOW, history=timedelta(hours=2))
    world.add(Change(world.start, lambda state: replace(state, alarms=(*state.alarms, *more))))
    return world


def test_composite_alarms_are_followed_and_loops_end() -> None:
    """Composite alarms of composite alarms lead to the metrics, whichever of them names itself or is gone."""
    loops = [CompositeAlarm(name, children, NOW) for name, children in (
        ("outer", ("inner", "outer", "gone")), ("inner", ("outer", ALARM)),
    )]  # fmt: skip
    with sandboxed(_with(*loops)) as box:
        way = door("eu-west-1", None, None, None)
        (case,) = cases_of(describe("outer", way()), way)
        asked = [entry.operation for entry in box.journal]  # type: ignore[attr-defined]
    assert (case.table, case.function) == ("Orders", "orders-projector")
    assert asked.count("DescribeAlarms") == 3


def test_a_composite_alarm_of_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A rule whose alarms are all gone names nothing, and says so."""
    with sandboxed(_with(CompositeAlarm("all", ("gone",), NOW))):
        assert main(["params", "--alarm", "all", *REGION]) == 3
    assert "names no table, function or mapping" in capsys.readouterr().err


def test_a_name_that_mentions_the_trigger_is_taken_at_its_word(tmp_path: Path) -> None:
    """Where no metric names anything, the alarm's own name may: both table and function beat one of them."""
    told = eventbridge(described("TriggerFailure/Orders/orders-notifier", **metric("Ours", "Failed")))
    with sandboxed(_with()):
        assert main(["params", "--event", _event(tmp_path, told), "--out", str(tmp_path / "it.yaml")]) == 0
    assert Incident.from_file(tmp_path / "it.yaml").function_name == "orders-notifier"


def test_the_alias_comes_from_the_mapping() -> None:
    """An alarm on the bare function is about the alias that the mapping invokes."""
    world = World(NOW, history=timedelta(hours=2), setting=Setting(alias="live"))
    with sandboxed(world):
        way = door("eu-west-1", None, None, None)
        for name in (ALARM, "orders-projector-iterator-age"):
            (case,) = cases_of(describe(name, way()), way)
            assert case.function == "orders-projector:live"


def test_an_alarm_that_names_both_asks_nothing() -> None:
    """Where the event says all there is to know, AWS is not asked, and no credentials are needed."""
    told = metric("Ours", "TriggerFailure", TableName="Orders", FunctionName="orders-projector:live")
    (alarm,) = read_event(json.dumps(notification(described(ALARM, **told))))
    (case,) = cases_of(alarm, lambda: pytest.fail("AWS was asked"))
    assert (case.table, case.function, case.account) == ("Orders", "orders-projector:live", "123456789012")


def test_another_accounts_alarm_is_not_looked_up_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A monitoring account's alarm on another account's function ends with both accounts named."""
    watched = metric("AWS/Lambda", "Errors", FunctionName="orders-projector")
    query = {"Id": "m1", "AccountId": "111122223333", "MetricStat": {"Metric": watched}}
    alarm = {**eventbridge(described("a", **watched)), "account": "123456789012"}
    alarm["detail"]["configuration"]["metrics"][0]["accountId"] = query["AccountId"]
    with sandboxed(_with()):
        assert main(["params", "--event", _event(tmp_path, alarm)]) == 3
    said = capsys.readouterr().err
    assert "watches account 111122223333, and these credentials are of 123456789012" in said


DENIED = [
    (deny("cloudwatch", "DescribeAlarms"), 3, "Ask for cloudwatch:DescribeAlarms"),
    (deny("cloudwatch", "DescribeAlarmHistory"), 0, "went off at 2026-03-14T13:52:21Z"),
    (deny("lambda", "ListEventSourceMappings"), 3, "Ask for lambda:ListEventSourceMappings"),
]


@in_world("mapping-paused")
@pytest.mark.parametrize(("rule", "code", "words"), DENIED)
def test_a_denied_look_names_its_permission(
    rule: Rule, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What may not be read ends with the permission to ask for, or is made do without where that is honest."""
    with sandboxed(_world("mapping-paused", event_count=True), rule):
        assert main(["params", "--alarm", ALARM, *REGION]) == code
    assert words in capsys.readouterr().err


def test_a_look_up_invents_no_incident(paused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before an alarm's trigger is known, AWS is read through a scope that names no table and no function."""
    scopes: list[Scope] = []
    create = Record.create

    def watched(scope: Scope, *arguments: Any, **named: Any) -> Record:
        scopes.append(scope)
        return create(scope, *arguments, **named)

    monkeypatch.setattr(Record, "create", watched)
    assert describe(ALARM, door("eu-west-1", None, None, None)()).name == ALARM
    assert scopes == [Scope("alarm", "eu-west-1")]


def test_a_look_up_in_no_region_is_refused_in_words() -> None:
    """A region of no form is refused before AWS is asked, and the sentence says where it comes from."""
    with pytest.raises(BadParameters, match="Parameter `region` in what the alarm names is 'nowhere'"):
        door("nowhere", None, None, None)()


def test_what_is_asked_is_what_is_declared() -> None:
    """The ways from alarms ask for the declared permissions, all of them and no other."""
    asked: set[str] = set()
    missing = eventbridge(described("a", **metric("AWS/Lambda", "PolledEventCount", EventSourceMappingUUID="0" * 8
        + "-0000-4000-8000-" + "0" * 12)))  # fmt: skip
    with sandboxed(_world("mapping-deleted", event_count=True)):
        way = door("eu-west-1", None, None, None)
        for name in ("Orders-pipeline", "orders-projector-mapping-idle", ALARM):
            assert cases_of(describe(name, way()), way)
        (alarm,) = read_event(json.dumps(missing))
        with pytest.raises(Exception, match="no mapping of a DynamoDB stream is known that fits it"):
            cases_of(alarm, way)
        asked |= way().actions
    assert asked == set(PERMISSIONS)
    plain, wide = (set(policy(alarms=alarms)["Statement"][0]["Action"]) for alarms in (False, True))
    assert wide == plain | set(PERMISSIONS)
    assert set(PERMISSIONS) - plain == {"cloudwatch:DescribeAlarms"}


def test_policy_with_alarms_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """`runbook policy --with-alarms` has every permission of the way from an alarm."""
    assert main(["policy", "--with-alarms"]) == 0
    assert set(PERMISSIONS) <= set(json.loads(capsys.readouterr().out)["Statement"][0]["Action"])
