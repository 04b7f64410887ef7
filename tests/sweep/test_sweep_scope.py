"""What a sweep looked at, as its folder tells: a scope and no incident, and folders of before there was a scope."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from fleets import REGION, ten

from runbook_lib.archive.record import EVIDENCE, Record, seal, verify
from runbook_lib.cli import main
from runbook_lib.errors import BadArchive
from runbook_lib.incident import Scope
from runbook_lib.running.investigation import Investigation
from runbook_lib.sweep.everywhere import replay

pytestmark = pytest.mark.xdist_group("sweep")


def _of_before(folder: Path) -> Path:
    """Copy the finished folder of ten triggers as it was written before: its head invents a table and a function."""
    shutil.copytree(ten().folder, folder)
    path = folder / EVIDENCE / "00-run.jsonl"
    head = json.loads(path.read_text(encoding="utf-8"))
    head["parameters"] |= {"table_name": "every-one-there-is", "function_name": "every-one-there-is"}
    path.write_text(json.dumps(head) + "\n", encoding="utf-8")
    seal(folder)
    return folder


def test_the_head_names_a_scope_alone() -> None:
    """What a sweep writes of itself is a region and a window; nobody's table and function stand there."""
    record = Record.open(ten().folder)
    assert record.scope == Scope(f"sweep-123456789012-{REGION}", REGION)
    assert list(record.run["parameters"]) == ["incident_id", "region", "lookback_hours", "archive"]


def test_a_sweep_is_no_incident_to_investigate(capsys: pytest.CaptureFixture[str]) -> None:
    """Who takes a sweep's folder for an investigation's is told so in words, by the command with exit code 3."""
    with pytest.raises(BadArchive, match="is about no table and function"):
        Investigation(Record.open(ten().folder))
    assert main(["compare", str(ten().folder), str(ten().folder)]) == 3
    assert "holds no readable verdict.json" in capsys.readouterr().err


def test_a_finished_folder_of_before_is_judged_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A head that invents a table and a function tells the same scope, and replay prints what it printed."""
    assert main(["replay", str(ten().folder)]) == 1
    table = capsys.readouterr().out
    folder = _of_before(tmp_path / "old")
    assert Record.open(folder).scope == Record.open(ten().folder).scope
    assert main(["replay", str(folder)]) == 1
    assert capsys.readouterr().out.replace(str(folder), str(ten().folder)) == table
    assert verify(folder) == ()


def test_an_unfinished_folder_of_before_is_finished(tmp_path: Path) -> None:
    """A sweep of before that was killed before its outcome was written is judged and sealed by replay."""
    folder = _of_before(tmp_path / "old")
    for name in ("sweep.json", "SHA256SUMS"):
        (folder / name).unlink()
    assert replay(folder)["triggers"] == ten().document["triggers"]
    assert json.loads((folder / "sweep.json").read_text(encoding="utf-8"))["triggers"] == ten().document["triggers"]
    assert verify(folder) == ()


@pytest.mark.parametrize("parameters", [None, [], "x", {}, {"incident_id": "sweep-1"}, {"region": "nowhere"}])
def test_a_damaged_head_is_refused_in_words(
    parameters: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sweep's head without parameters that can be read stops replay with a sentence that names the file."""
    folder = _of_before(tmp_path / "old")
    path = folder / EVIDENCE / "00-run.jsonl"
    head = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**head, "parameters": parameters}) + "\n", encoding="utf-8")
    assert main(["replay", str(folder), "--no-report"]) == 3
    assert "00-run.jsonl" in capsys.readouterr().err
