"""`runbook sweep` on the command line: table, JSON, page, JUnit, replay, and the right exit code."""

from __future__ import annotations

import copy
import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from fleets import OBEYS, REGION, enforcing, fleet_of, sixty, ten

from runbook_lib.cli import main
from runbook_lib.cli.sweep import table
from runbook_lib.errors import BadArchive
from runbook_lib.incident import Incident
from runbook_lib.report.sweep_junit import sweep_junit
from runbook_lib.report.sweep_page import sweep_page
from runbook_lib.running import batch, run

pytestmark = pytest.mark.xdist_group("sweep")
HOSTILE = '<script>alert(1)</script>\x1b[31m"`{{ 7*7 }}`'


def _page(document: dict[str, Any], beside: Path = Path()) -> str:
    return sweep_page(document, beside)


def _hostile() -> dict[str, Any]:
    document = copy.deepcopy(ten().document)
    connection = document["triggers"][0]
    for name in ("sentence", "table", "function"):
        connection[name] = HOSTILE
    connection["unseen"] = [HOSTILE]
    for cause in connection["causes"]:
        cause["because"] = [HOSTILE]
    document["areas"][0]["error"] = HOSTILE
    document["dead_mappings"] = (
        [{**document["dead_mappings"][0], "because": HOSTILE}] if document["dead_mappings"] else []
    )
    return document


def test_the_command_writes_all_that_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One run prints a table, writes page, JUnit and run folders, and ends with 1 for a cause."""
    html, junit, archive = tmp_path / "sweep.html", tmp_path / "sweep.xml", tmp_path / "archive"
    with enforcing(fleet_of("healthy", "mapping-paused")):
        words = ["sweep", "--region", REGION, "us-west-2", "--archive", str(archive)]
        assert main([*words, "--html", str(html), "--junit", str(junit)]) == 1
    said = capsys.readouterr()
    assert "esm-disabled-by-user" in said.out
    assert "1 fault, 1 nothing seen" in said.out
    assert said.err == ""
    assert html.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert ElementTree.parse(junit).getroot().get("failures") == "1"
    assert sorted(path.name for path in archive.iterdir()) == [
        f"sweep-123456789012-{REGION}",
        "sweep-123456789012-us-west-2",
    ]


@pytest.mark.parametrize("spoilt", [{"more": 1}, {"exit_code": 4}, {"counts": {"fault": 1}}, {"areas": [{}]}])
def test_the_published_schema_can_be_disobeyed(spoilt: dict[str, Any]) -> None:
    """The schema that every document of these tests is held against refuses one with a member more, less or else."""
    OBEYS.validate(ten().document)
    assert not OBEYS.is_valid({**ten().document, **spoilt})


def test_json_is_one_document_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json stdout is the document; a region without a fault ends with 0."""
    with enforcing(fleet_of("healthy", "no-table-writes")):
        assert main(["sweep", "--region", REGION, "--archive", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    OBEYS.validate(document)
    assert document["counts"] == {"fault": 0, "suspect": 0, "not_examined": 0, "quiet": 1, "nothing_seen": 1}
    assert document["exit_code"] == 0


def test_replay_judges_a_sweep_again(capsys: pytest.CaptureFixture[str]) -> None:
    """`runbook replay` of a sweep's folder prints the same document, without AWS."""
    assert main(["replay", str(ten().folder), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == ten().document


def test_no_credentials_end_with_could_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without credentials the area says so and the exit code is 3."""
    assert main(["sweep", "--region", REGION, "--archive", str(tmp_path)]) == 3
    assert "No AWS credentials were found" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["sweep"], ["sweep", "--region", "nowhere"], ["sweep", "--region", REGION, "--workers", "0"]]
)
def test_wrong_arguments_end_with_could_not_run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A missing region, one of no form, or no worker at all: one sentence and exit code 3."""
    try:
        code: object = main(arguments)
    except SystemExit as ended:
        code = ended.code
    assert code == 3
    assert "runbook" in capsys.readouterr().err


def test_the_table_has_the_most_urgent_first_and_says_what_is_not_examined() -> None:
    """The first row is who loses data now; the last line says what no sweep examines; only what is wrong has a row."""
    lines = table(sixty().document).splitlines()
    first = sixty().document["triggers"][0]
    assert lines[1].split()[:2] == ["fault", "now"]
    assert first["table"] in lines[1]
    assert lines[-1].startswith("Not examined by a sweep: permissions")
    assert sum(" -> " in line for line in lines) == 9
    assert sum(line.startswith("Unread") for line in lines) == 4


def test_the_page_runs_and_requests_nothing() -> None:
    """The page has no script, no event handler, no address but its own report links, and a policy that forbids all."""
    page = _page(sixty().document)
    assert "default-src 'none'" in page
    assert not re.search(r"<script|\son\w+=|javascript:|https?://", page, re.IGNORECASE)
    assert not re.search(r"<(?:link|img|iframe|object|form)\b", page)


def test_the_page_tells_all_there_is() -> None:
    """Every trigger, dead mapping and unread stream stands on the page, and what no sweep examines."""
    document, page = sixty().document, unescape(_page(sixty().document))
    for connection in document["triggers"]:
        assert connection["table"] in page
    for mapping in document["dead_mappings"]:
        assert mapping["uuid"] in page
    for stream in document["orphaned_streams"]:
        assert stream["stream_arn"] in page
    for what in document["not_examined"]:
        assert what in page
    assert page.index(document["triggers"][0]["table"]) < page.index(document["triggers"][1]["table"])
    assert "healthy" not in page.lower()


def test_hostile_words_stay_words() -> None:
    """What AWS sent becomes neither an element of the page, nor a template, nor a control of the terminal."""
    page, text, xml = _page(_hostile()), table(_hostile()), sweep_junit(_hostile())
    assert "<script" not in page
    assert "{{ 7*7 }}" in unescape(page)
    assert "\x1b" not in page + text
    assert "<script>" in "".join(ElementTree.fromstring(xml).itertext())


def test_a_report_is_linked_from_the_folder_of_the_page(tmp_path: Path) -> None:
    """The link to an investigation's report leads there from where the page lies."""
    document = copy.deepcopy(ten().document)
    report = tmp_path / "archive" / "run" / "report.html"
    document["triggers"][0]["investigation"] = {
        "incident_id": "x",
        "exit_code": 1,
        "status": "fault",
        "sentence": "The mapping is off.",
        "causes": ["esm-disabled-by-user"],
        "run_folder": str(report.parent),
        "report": str(report),
    }
    page = _page(document, tmp_path / "pages")
    assert '<a href="../archive/run/report.html">' in page
    assert "The mapping is off." in page


def test_junit_is_red_exactly_when_the_exit_code_is_not_zero() -> None:
    """A fault is a failure, a suspect and an unseen area are errors, all else passes."""
    root = ElementTree.fromstring(sweep_junit(sixty().document))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("60", "8", "1")
    document = copy.deepcopy(sixty().document)
    document["triggers"] = [
        connection for connection in document["triggers"] if connection["outcome"] in ("quiet", "nothing_seen")
    ]
    green = ElementTree.fromstring(sweep_junit(document))
    assert (green.get("failures"), green.get("errors")) == ("0", "0")
    document["areas"][0]["error"] = "The role cannot be assumed."
    assert ElementTree.fromstring(sweep_junit(document)).get("errors") == "1"


def test_junit_of_an_investigation_counts_for_more_than_the_triage() -> None:
    """A suspect that a full investigation cleared passes, and one that it convicted fails."""
    document = copy.deepcopy(ten().document)
    cleared = {"incident_id": "x", "exit_code": 0, "status": "no_fault", "sentence": "No fault found.", "causes": []}
    document["triggers"][0]["investigation"] = {**cleared, "run_folder": None, "report": None}
    assert ElementTree.fromstring(sweep_junit(document)).get("failures") == "0"


def test_the_command_as_the_readme_prints_it_investigates_below_the_folder_it_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--investigate` with default options, from a folder of its own: outcomes, an index, and nothing lost."""
    investigate = run.investigate
    monkeypatch.setattr(
        run, "investigate", lambda incident, **wanted: investigate(incident, **wanted | {"report": False})
    )
    monkeypatch.chdir(tmp_path)
    with enforcing(fleet_of("mapping-paused")) as sandbox:
        assert sandbox.environment["RUNBOOK_PACE"] == "aws"
        assert main(["sweep", "--region", REGION, "--investigate"]) == 1
    assert "esm-disabled-by-user" in capsys.readouterr().out
    rows = json.loads((tmp_path / "archive" / "index.json").read_text(encoding="utf-8"))["incidents"]
    assert [(tmp_path / "archive" / row["run_folder"]).is_dir() for row in rows] == [True]


def test_an_index_that_cannot_be_written_costs_no_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the index fails the sweep still tells everything, and says what was not written."""

    def full(path: Path, content: str | bytes) -> None:
        raise BadArchive(f"{path} cannot be written: No space left on device.", "Free space.")

    monkeypatch.setattr(batch, "write_document", full)
    documents = [{"incident_id": "INC-1", "exit_code": 1, "status": "fault", "missing": []}]
    incident = Incident("INC-1", REGION, "Orders", "orders-projector")
    batch.write_index([(incident, documents[0])], batch.BatchOptions(archive=tmp_path))
    assert documents[0]["status"] == "fault"
    assert "No space left" in documents[0]["missing"][0]
