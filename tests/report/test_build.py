"""The whole way from recorded evidence to a finished run folder's documents."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pytest

from runbook_lib.archive.record import Record
from runbook_lib.example import EVIDENCE
from runbook_lib.report import build, sections
from runbook_lib.running.investigation import Investigation

pytestmark = pytest.mark.xdist_group("report-build")


def _built(folder: Path) -> Path:
    """Build the example's documents."""
    shutil.copytree(EVIDENCE, folder / "evidence")
    build.build(Investigation(Record.open(folder)), folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's documents."""
    return _built(tmp_path_factory.mktemp("one"))


def test_documents_are_there(folder: Path) -> None:
    """A build leaves page, notebook, summary and timeline, and nothing half-written."""
    names = {path.name for path in folder.iterdir()}
    assert names == {"evidence", "report.html", "runbook.ipynb", "summary.md", "timeline.jsonl"}


def test_every_section_is_examined_without_failure(folder: Path) -> None:
    """All ten notebooks run through on the example: no cell fails."""
    read = sections.read(nbformat.read(folder / "runbook.ipynb", as_version=4))
    assert len(read) == 10
    assert [section.failures for section in read] == [()] * 10


@pytest.mark.sampled
def test_two_builds_are_identical(folder: Path, tmp_path: Path) -> None:
    """Two builds of the same evidence give the same bytes, whatever folder they lie in."""
    other = _built(tmp_path)
    for name in ("report.html", "runbook.ipynb", "summary.md", "timeline.jsonl"):
        assert (folder / name).read_bytes() == (other / name).read_bytes(), name


def test_page_is_small_and_whole(folder: Path) -> None:
    """The page of a normal incident stays under 500 KB and shows every block as a block."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert len(page.encode()) < 500_000
    assert page.count('<figure class="chart"') == 6
    assert '<pre class="text">' not in page


def test_timeline_is_json_lines(folder: Path) -> None:
    """Every line of the timeline is JSON, in order of time."""
    moments = [json.loads(line)["datetime"] for line in (folder / "timeline.jsonl").read_text().splitlines()]
    assert moments
    assert moments == sorted(moments)


def test_nothing_of_the_machine_is_kept(folder: Path) -> None:
    """No document names the folder that it was made in."""
    for name in ("report.html", "runbook.ipynb", "summary.md", "timeline.jsonl"):
        assert str(folder.parent) not in (folder / name).read_text(encoding="utf-8"), name
