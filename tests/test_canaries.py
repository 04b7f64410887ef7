"""Nothing leaks: secrets planted wherever AWS can carry text are in no file, on no screen and in no notebook."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import nbformat
import pytest
from canaries import CANARIES, FIELDS, TEXT, WORDS, Run, cli, found_in, parameters, run_of, saying, texts_of, worst
from worlds import HISTORY, NOW, sandboxed

from runbook_lib.archive.record import Record
from runbook_lib.archive.redact import actors_file
from runbook_lib.report.execute import execute
from runbook_lib.sandbox import build

SAMPLE = ("healthy", "poison-record", "role-pinned-to-table-arn", "mapping-given-up", "stream-recreated")
DOCUMENTS = {
    "report.html",
    "runbook.ipynb",
    "verdict.json",
    "timeline.jsonl",
    "summary.md",
    "SHA256SUMS",
    "junit.xml",
    "findings.sarif",
}


@pytest.fixture
def searched() -> Run:
    """Investigate one world with its report, once."""
    return worst()


def _leaks(run: Run) -> dict[str, set[str]]:
    """Name the canaries by file and screen."""
    files = [path for path in run.folder.parent.rglob("*") if path.is_file() and path != actors_file(run.folder)]
    found = {path.name: {canary for text in texts_of(path) for canary in found_in(text)} for path in files}
    return {name: leaked for name, leaked in (found | {"screen": found_in(run.said + run.document)}).items() if leaked}


def test_search_finds_what_is_there(tmp_path: Path) -> None:
    """The search sees every canary, in plain text and in the notebook's JSON: that it finds none means something."""
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps({"cells": [{"source": " ".join(CANARIES.values())}]}), encoding="utf-8")
    assert {canary for text in texts_of(path) for canary in found_in(text)} == set(CANARIES)
    assert found_in(TEXT) == set(WORDS)
    assert len(FIELDS) == len(set(FIELDS))


@pytest.mark.xdist_group("hostile")
def test_no_canary_in_any_artefact(searched: Run) -> None:
    """Report, notebook, evidence, verdict, summary and screen hold none, and the verdict is what it is without them."""
    assert {path.name for path in searched.folder.iterdir()} >= DOCUMENTS
    assert _leaks(searched) == {}
    assert searched.code == 1
    assert "handler-error" in searched.said
    assert json.loads(searched.document)["redacted"]


@pytest.mark.xdist_group("hostile")
def test_what_was_redacted_is_counted_and_shown(searched: Run) -> None:
    """Every kind that was planted is counted in the verdict and named in the report."""
    redacted = json.loads((searched.folder / "verdict.json").read_text())["redacted"]
    wanted = {"access_key", "secret_key", "token", "password", "authorization", "presigned", "card", "email", "item"}
    wanted |= {"session", "user", "name", "address", "environment", "private_key"}
    assert set(redacted) == wanted
    page = (searched.folder / "report.html").read_text()
    assert [kind for kind in wanted if kind not in page and kind.replace("_", " ") not in page] == []


@pytest.mark.xdist_group("hostile")
def test_map_of_actors_holds_actors_alone(searched: Run) -> None:
    """The map beside the folder is for its owner alone and leads back to who acted, not to customers or secrets."""
    path = actors_file(searched.folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert found_in(path.read_text(encoding="utf-8")) == {"session", "user"}


@pytest.mark.xdist_group("hostile")
def test_a_cell_that_raises_leaks_nothing(searched: Run) -> None:
    """A traceback in the executed notebook shows what was recorded, and that holds no secret."""
    source = "from runbook_lib import open_investigation\nheld = open_investigation(globals())\nheld.observe(4)\n"
    cell = nbformat.v4.new_code_cell(f"{source}raise ValueError(held.evidence.logs)", id="raises")
    document = nbformat.v4.new_notebook(cells=[cell])
    document.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    text = json.dumps(execute(document, searched.folder, {}, Record.open(searched.folder).as_of))
    assert '"ename": "ValueError", "evalue": "Logs(' in text
    assert found_in(text) == set()


def test_refused_credentials_leak_nothing(tmp_path: Path) -> None:
    """What AWS says when it refuses the very first call reaches the screen redacted."""
    world = build("healthy", NOW, seed=1, history=HISTORY)
    with sandboxed(world, saying("sts", "GetCallerIdentity", TEXT)):
        for more in ((), ("--json",)):
            code, *said = cli("investigate", parameters(tmp_path), *more)
            assert code == 3
            assert "invalid" in said[1]
            assert found_in("\n".join(said)) == set()


def test_a_defect_leaks_nothing_and_is_no_cause(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An exception that nobody foresaw ends in "could not run", in redacted words, with its place in the code."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(TEXT)

    monkeypatch.setattr("runbook_lib.running.run.investigate", broken)
    code, _, said = cli("investigate", parameters(tmp_path))
    assert code == 3
    assert "RuntimeError: key [access key " in said
    assert "broken (test_canaries.py:" in said
    assert found_in(said) == set()


@pytest.mark.slow
@pytest.mark.parametrize("fault", SAMPLE)
def test_no_canary_in_other_worlds(fault: str) -> None:
    """Other causes take other ways through the kit, and none of them leaks."""
    run = run_of(build(fault, NOW, seed=1, history=HISTORY, note=TEXT, logged_per_minute=1))
    assert _leaks(run) == {}
    assert json.loads(run.document)["redacted"]["password"] > 0
