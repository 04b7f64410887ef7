"""What a run folder holds when asked: refused in words, written before the seal, never the end of the verdict."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import pytest

from runbook_lib.archive.record import is_sealed, verify
from runbook_lib.errors import BadParameters
from runbook_lib.example import EVIDENCE
from runbook_lib.running import exports, run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An unfinished run."""
    shutil.copytree(EVIDENCE, tmp_path / "run" / "evidence")
    return tmp_path / "run"


def test_names_are_read_however_they_are_given() -> None:
    """Commas, blanks, repetition and nothing at all are understood; each name counts once."""
    assert exports.export_names(["sarif, junit", "sarif", ""]) == ("sarif", "junit")
    assert exports.export_names([]) == ()


def test_unknown_names_are_refused() -> None:
    """A name that is not known is named, with those that are."""
    with pytest.raises(BadParameters, match=r"no export `jnuit`. Known are: pdf, junit, sarif."):
        exports.export_names(["pdf,jnuit"])


def test_pdf_needs_the_report() -> None:
    """Without the report there is nothing to print, and that is said; the others can be had."""
    with pytest.raises(BadParameters, match="prints the report"):
        exports.export_names(["pdf"], report=False)
    assert exports.export_names(["junit", "sarif"], report=False) == ("junit", "sarif")


@pytest.mark.parametrize("export", [("pdf",), ("docx",)])
def test_refusal_comes_before_the_run(export: tuple[str, ...], folder: Path) -> None:
    """What cannot be had is refused before anything is written."""
    with pytest.raises(BadParameters):
        run.replay(folder, report=False, export=export)
    assert {path.name for path in folder.iterdir()} == {"evidence"}


def test_exports_need_no_report_and_are_sealed(folder: Path) -> None:
    """JUnit and SARIF are written without the report, say what the verdict says, and the seal covers them."""
    done = run.replay(folder, report=False, export=("junit", "sarif"))
    assert done.missing == ()
    assert is_sealed(folder)
    assert verify(folder) == ()
    (folder / "junit.xml").write_text("")
    (folder / "findings.sarif").unlink()
    assert verify(folder) == ("junit.xml was changed.", "findings.sarif is missing.")


def test_two_replays_export_the_same_bytes(folder: Path) -> None:
    """A finished run replayed elsewhere gives the same files, and they name its cause."""
    first = run.replay(folder, report=False, export=("junit", "sarif"))
    second = run.replay(folder, report=False, export=("junit", "sarif"))
    assert first.folder != second.folder
    for name in ("junit.xml", "findings.sarif"):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name
    failure = ElementTree.parse(folder / "junit.xml").find(".//failure/..")
    assert failure is not None
    log = json.loads((folder / "findings.sarif").read_text(encoding="utf-8"))
    assert failure.get("name") == log["runs"][0]["results"][0]["ruleId"] == "stale-stream-arn"


def test_nothing_is_exported_unasked(folder: Path) -> None:
    """A run that was asked for nothing holds nothing of it."""
    run.replay(folder, report=False)
    assert not {path.name for path in folder.iterdir()} & set(exports.EXPORTS.values())


def test_what_cannot_be_printed_is_said_and_the_rest_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a printer there is one sentence and no PDF; the exports after it are written all the same."""
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("runbook_lib.report.pdf.find_spec", lambda name: None)
    done = run.replay(folder, report=False, export=())
    investigation: Any = SimpleNamespace(diagnosis=done.diagnosis, as_of=done.diagnosis.as_of)
    missing = exports.write_exports(("pdf", "junit"), cast(Any, investigation), folder)
    assert missing == (
        "report.pdf was not made: neither Chromium (chromium, chromium-browser, google-chrome) nor WeasyPrint (the"
        " extra `pdf`) is installed.",
    )
    assert (folder / "junit.xml").exists()
    assert not (folder / "report.pdf").exists()
