"""A sweep over HTTP, with AWS's rates enforced: all that is broken is found, nothing is invented, and calls are few."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fleets import REGION, enforcing, fleet_of, sixty, sweep_all, swept, ten, unhurried

from runbook_lib.archive.record import Record, verify
from runbook_lib.aws import Live
from runbook_lib.errors import BadParameters, CannotRun
from runbook_lib.incident import Incident
from runbook_lib.permissions import policy
from runbook_lib.report.sweep_page import sweep_page
from runbook_lib.running import run
from runbook_lib.sandbox import PLANTED, Accounts, Call, Rule, action_of, deny, throttle
from runbook_lib.sweep.area import Area
from runbook_lib.sweep.everywhere import SweepOptions, replay

pytestmark = pytest.mark.xdist_group("sweep")
OTHER = "111122223333"
ROLE, REFUSING = (f"arn:aws:iam::{account}:role/Reader" for account in (OTHER, "444455556666"))

FOUND = {
    "mapping-paused": ("fault", ["esm-disabled-by-user"]),
    "stream-disabled": ("fault", ["stream-disabled"]),
    "stream-recreated": ("fault", ["stale-stream-arn"]),
    "table-replaced": ("fault", ["table-recreated-or-restored"]),
    "table-deleted": ("fault", ["stream-disabled"]),
    "concurrency-zero": ("fault", ["reserved-concurrency-zero"]),
    "import-error-after-deploy": ("fault", ["every-batch-fails"]),
    "poison-record": ("fault", ["poison-record"]),
    "role-lost-getrecords": ("suspect", []),
}
"""What a sweep can say of each way to be broken: that code fails; where the role is to blame, that it is broken."""


@pytest.mark.parametrize("kind", PLANTED)
def test_every_way_to_be_broken_is_found(kind: str) -> None:
    """Each broken trigger is named a fault or a suspect, with the cause where mapping, table or metrics show it."""
    connection = sixty().triggers[kind]
    assert (connection["outcome"], [cause["id"] for cause in connection["causes"]]) == FOUND[kind]


def test_nothing_is_invented() -> None:
    """A trigger that works, has nothing to deliver, or whose writes are refused is no fault and no suspect."""
    outcomes = {
        (sixty().kinds[connection["table"]].name, connection["outcome"])
        for connection in sixty().document["triggers"]
        if not sixty().kinds[connection["table"]].broken
    }
    assert outcomes == {("healthy", "nothing_seen"), ("no-table-writes", "quiet"), ("rejected-writes", "quiet")}


def test_what_no_sweep_looks_at_is_said_and_nothing_is_called_healthy() -> None:
    """Permissions, code and logs read "not examined", and no sentence calls a trigger healthy or well."""
    document = sixty().document
    said = " ".join(document["not_examined"])
    assert all(word in said for word in ("permissions", "code", "logs"))
    told = " ".join(connection["sentence"] for connection in document["triggers"]).lower()
    assert not any(word in told for word in ("healthy", "no fault", "fine"))
    assert "was not examined" in sixty().triggers["role-lost-getrecords"]["sentence"]
    assert "was not examined" in sixty().triggers["no-table-writes"]["sentence"]


def test_calls_are_few_and_none_is_throttled() -> None:
    """One list of mappings, one of streams, each table once, all metrics in a few calls, and no throttling error."""
    for swept_fleet in (ten(), sixty()):
        asked = Counter(entry.operation for entry in swept_fleet.journal)
        triggers = len(swept_fleet.document["triggers"])
        assert asked["ListEventSourceMappings"] == 1
        assert asked["ListStreams"] == 1
        assert asked["DescribeTable"] == len(swept_fleet.kinds)
        assert asked["GetMetricData"] <= 3
        assert sum(asked.values()) <= 1.5 * triggers + 5
        assert {entry.error for entry in swept_fleet.journal} <= {None, "ResourceNotFoundException"}
        assert swept_fleet.violations == ()


def test_every_call_is_in_the_policy() -> None:
    """`runbook policy` allows whatever a sweep asks for, besides who is asking."""
    allowed = set(policy()["Statement"][0]["Action"])
    asked = {action_of(Call(entry.service, entry.operation, REGION)) for entry in sixty().journal}
    assert asked - allowed == {"sts:GetCallerIdentity"}


def test_who_loses_data_first_stands_first() -> None:
    """What is losing now comes first, then deadlines in order, then what is wrong without one, then the rest."""
    triggers = sixty().document["triggers"]
    wrong = [connection for connection in triggers if connection["outcome"] in ("fault", "suspect")]
    assert triggers[: len(wrong)] == wrong
    assert wrong[0]["loss"]["state"] == "losing"
    deadlines = [connection["loss"]["deadline"] for connection in wrong if connection["loss"]["deadline"]]
    assert deadlines == sorted(deadlines)
    assert len(deadlines) >= 6


def test_deadlines_are_not_optimistic() -> None:
    """The deadline of a sweep is no later than that of the truth: a day after the fault began, at the latest."""
    for kind in ("mapping-paused", "concurrency-zero"):
        world = next(fleet_kind.world for fleet_kind in sixty().kinds.values() if fleet_kind.name == kind)
        began = world.changes[-1].at
        assert sixty().triggers[kind]["loss"]["deadline"] <= began.replace(day=began.day + 1).isoformat()


def test_streams_that_nobody_reads_are_listed() -> None:
    """A stream that is on and has no mapping is listed, also the new one that a stale mapping does not read."""
    kinds = Counter(sixty().kinds[stream["table"]].name for stream in sixty().document["orphaned_streams"])
    assert kinds == {"unread": 2, "stream-recreated": 1, "table-replaced": 1}


def test_mappings_on_dead_streams_are_listed() -> None:
    """A mapping on a stream that was switched off, replaced or lost with its table is listed with the reason."""
    dead = {mapping["function_arn"].rpartition(":")[2].removesuffix("-projector"): mapping for mapping in _dead()}
    kinds = {sixty().kinds[table].name: mapping["because"] for table, mapping in dead.items()}
    assert set(kinds) == {"stream-disabled", "stream-recreated", "table-replaced", "table-deleted"}
    assert "does not exist" in kinds["table-deleted"]


def _dead() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sixty().document["dead_mappings"]
    return found


def test_the_folder_is_whole_and_judged_alike() -> None:
    """The run folder is sealed, and judged again from its files alone it gives the same document but for nothing."""
    assert verify(sixty().folder) == ()
    assert replay(sixty().folder) == sixty().document
    assert verify(sixty().folder) == ()
    assert json.loads((sixty().folder / "sweep.json").read_text(encoding="utf-8")) == sixty().document


def test_an_interrupted_sweep_is_finished_by_replay(tmp_path: Path) -> None:
    """What was collected before a sweep was killed is judged, and what was not is not examined."""
    folder = Path(shutil.copytree(sixty().folder, tmp_path / "killed"))
    for name in ("SHA256SUMS", "sweep.json", "evidence/05-metrics-0001.jsonl", "evidence/06-closer-0001.jsonl"):
        (folder / name).unlink()
    document = replay(folder)
    outcomes = {sixty().kinds[connection["table"]].name: connection["outcome"] for connection in document["triggers"]}
    assert outcomes["healthy"] == "not_examined"
    assert outcomes["mapping-paused"] == "fault"
    assert verify(folder) == ()


def test_memory_holds_no_batch_that_was_judged() -> None:
    """After a sweep the record holds none of the answers; they are in the folder."""
    record = Record.open(sixty().folder)
    assert len(record.calls()) == sixty().document["areas"][0]["calls"]


# -- what cannot be seen -----------------------------------------------------------------------------------------


def test_without_the_list_of_mappings_nothing_is_claimed() -> None:
    """Where mappings may not be listed there is a gap with the permission, exit code 2, and no trigger at all."""
    document = swept(fleet_of("healthy", "mapping-paused"), deny("lambda", "ListEventSourceMappings")).document
    gaps = document["areas"][0]["gaps"]
    assert document["triggers"] == []
    assert document["exit_code"] == 2
    assert "lambda:ListEventSourceMappings" in {gap["permission"] for gap in gaps}
    assert document["orphaned_streams"] == []


def test_a_table_that_may_not_be_described_is_not_examined() -> None:
    """Where one table is refused its trigger is not examined, and the others are judged as ever."""
    small_fleet = fleet_of("healthy", "mapping-paused", "healthy")
    denied = small_fleet.members[0].table
    rule = _about_table(denied)
    document = swept(small_fleet, rule).document
    outcomes = {each["table"]: each["outcome"] for each in document["triggers"]}
    assert outcomes == {
        denied: "not_examined",
        small_fleet.members[1].table: "fault",
        small_fleet.members[2].table: "nothing_seen",
    }
    assert any("dynamodb:DescribeTable" in gap["reason"] for gap in document["areas"][0]["gaps"])


@dataclass(frozen=True)
class OneTable(Rule):
    """A rule about the calls that name one table."""

    table: str = ""

    def matches(self, call: Call) -> bool:
        """Tell whether it is about this table."""
        return super().matches(call) and call.params.get("TableName") == self.table


def _about_table(name: str) -> Rule:
    """Deny one table."""
    rule = deny("dynamodb", "DescribeTable")
    return OneTable(rule.service, rule.operation, refusal=rule.refusal, table=name)


@pytest.mark.parametrize(
    "rule",
    [
        deny("cloudwatch", "GetMetricData"),
        pytest.param(throttle("cloudwatch", "GetMetricData"), marks=pytest.mark.sampled),
    ],
)
def test_without_metrics_only_what_mapping_and_table_show_is_known(rule: Any) -> None:
    """Where no metric can be had a paused mapping is still found, and a trigger that looks well is not examined."""
    document = swept(fleet_of("healthy", "mapping-paused"), rule).document
    assert [connection["outcome"] for connection in document["triggers"]] == ["fault", "not_examined"]
    assert document["exit_code"] == 1
    assert "GetMetricData" in document["triggers"][1]["unseen"][0]


def test_without_the_list_of_streams_triggers_are_judged_and_nothing_is_orphaned() -> None:
    """Where streams may not be listed that is a gap of the region, and no stream is said to have no reader."""
    document = swept(fleet_of("healthy", "unread"), deny("dynamodbstreams", "ListStreams")).document
    assert [connection["outcome"] for connection in document["triggers"]] == ["nothing_seen"]
    assert document["orphaned_streams"] == []
    assert {gap["permission"] for gap in document["areas"][0]["gaps"]} == {"dynamodb:ListStreams"}
    assert document["exit_code"] == 2


def test_when_time_is_up_the_rest_is_not_examined() -> None:
    """With no time left nothing is asked any more: gaps, no trigger, exit code 2."""
    document = swept(fleet_of("healthy"), timeout_s=0).document
    assert document["triggers"] == []
    assert {gap["code"] for gap in document["areas"][0]["gaps"]} == {"Timeout"}
    assert document["exit_code"] == 2


# -- accounts and regions ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two accounts by role, one of which refuses, in two regions."""
    both = Accounts(fleet_of("healthy"), fleet_of("mapping-paused", "healthy", account=OTHER))
    with enforcing(both):
        areas = [Area(region, role) for role in (ROLE, REFUSING) for region in (REGION, "us-west-2")]
        return sweep_all(areas, SweepOptions(tmp_path_factory.mktemp("accounts")))


def test_accounts_are_seen_by_their_roles(accounts: dict[str, Any]) -> None:
    """The triggers are those of the role's account, and its folders carry its number."""
    assert {connection["account"] for connection in accounts["triggers"]} == {OTHER}
    assert [connection["outcome"] for connection in accounts["triggers"]] == ["fault", "nothing_seen"]
    assert f"sweep-{OTHER}-{REGION}" in accounts["areas"][0]["run_folder"]


def test_a_role_that_refuses_stops_nobody_else(accounts: dict[str, Any]) -> None:
    """An account that cannot be entered is an error of its own areas, and the whole ends with "could not run"."""
    errors = [area["error"] for area in accounts["areas"]]
    assert errors[:2] == [None, None]
    assert all("role cannot be assumed" in str(error) for error in errors[2:])
    assert accounts["exit_code"] == 3


def test_regions_of_an_account_share_its_budget(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All areas of one account draw on one budget, so that together they stay within its rates."""
    budgets = []
    whole = Live.ask

    def watched(self: Live, *arguments: Any) -> Any:
        if arguments[1] != "GetCallerIdentity":
            budgets.append(self.budget)
        return whole(self, *arguments)

    monkeypatch.setattr(Live, "ask", watched)
    with enforcing(fleet_of("healthy")):
        sweep_all([Area(REGION), Area("us-west-2")], SweepOptions(tmp_path))
    assert len({id(budget) for budget in budgets}) == 1


@pytest.mark.parametrize("area", [Area("nowhere"), Area(REGION, "arn:aws:iam::1:role/x")])
def test_arguments_of_no_form_are_refused_before_anything_is_asked(area: Area, tmp_path: Path) -> None:
    """A region or role that cannot be one is a mistake in the arguments."""
    with pytest.raises(BadParameters):
        sweep_all([Area(REGION), area], SweepOptions(tmp_path))
    assert list(tmp_path.iterdir()) == []


# -- full investigations -----------------------------------------------------------------------------------------


def test_what_is_wrong_is_investigated_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `investigate` each fault and suspect, and nothing else, is investigated; its exit code counts."""
    investigate = run.investigate
    asked: list[Incident] = []

    def without_report(incident: Incident, **wanted: Any) -> Any:
        asked.append(incident)
        return investigate(incident, **{**wanted, "report": False})

    monkeypatch.setattr(run, "investigate", without_report)
    small_fleet = fleet_of("role-lost-getrecords", "healthy", "mapping-paused")
    with unhurried(small_fleet):
        document = sweep_all([Area(REGION)], SweepOptions(tmp_path, investigate=True))
    found = {each["table"]: each["investigation"] for each in document["triggers"]}
    assert found[small_fleet.members[0].table]["causes"] == ["role-missing-stream-actions"]
    assert found[small_fleet.members[1].table] is None
    assert found[small_fleet.members[2].table]["causes"] == ["esm-disabled-by-user"]
    assert len({incident.incident_id for incident in asked}) == 2
    assert document["exit_code"] == 1


@pytest.mark.slow
def test_investigations_run_side_by_side_and_the_page_leads_to_their_reports(tmp_path: Path) -> None:
    """Two workers investigate two triggers with their reports, and the page links to both."""
    archive = tmp_path / "archive"
    with unhurried(fleet_of("mapping-paused", "stream-disabled")):
        document = sweep_all([Area(REGION)], SweepOptions(archive, investigate=True, workers=2))
    reports = [Path(connection["investigation"]["report"]) for connection in document["triggers"]]
    assert all(report.is_file() for report in reports)
    page = sweep_page(document, tmp_path)
    assert all(f'href="{report.relative_to(tmp_path)}"' in page for report in reports)


def test_an_investigation_that_cannot_be_done_is_the_gravest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An investigation that could not run says why in its place, and the exit code of the whole is 3."""

    def fails(incident: Incident, **wanted: Any) -> Any:
        raise CannotRun("The AWS credentials have expired.", "Sign in again.")

    monkeypatch.setattr(run, "investigate", fails)
    with enforcing(fleet_of("mapping-paused")):
        document = sweep_all([Area(REGION)], SweepOptions(tmp_path, investigate=True))
    assert "expired" in document["triggers"][0]["investigation"]["sentence"]
    assert document["exit_code"] == 3
