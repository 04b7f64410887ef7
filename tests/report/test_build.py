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


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Build the example's documents twice, in two folders."""
    made = []
    for name in ("one", "two"):
        folder = tmp_path_factory.mktemp(name)
        shutil.copytree(EVIDENCE, folder / "evidence")
        build.build(Investigation(Record.open(folder)), folder)
        made.append(folder)
    return made


def test_documents_are_there(folders: list[Path]) -> None:
    """A build leaves page, notebook, summary and timeline, and nothing half-written."""
    names = {path.name for path in folders[0].iterdir()}
    assert names == {"evidence", "report.html", "runbook.ipynb", "summary.md", "timeline.jsonl"}


def test_every_section_is_examined_without_failure(folders: list[Path]) -> None:
    """All ten notebooks run through on the example: no cell fails."""
    read = sections.read(nbformat.read(folders[0] / "runbook.ipynb", as_version=4))
    assert len(read) == 10
    assert [section.failures for section in read] == [()] * 10


@pytest.mark.sampled
def test_two_builds_are_identical(folders: list[Path]) -> None:
    """Two builds of the same evidence give the same bytes, whatever folder they lie in."""
    for name in ("report.html", "runbook.ipynb", "summary.md", "timeline.jsonl"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name


def test_page_is_small_and_whole(folders: list[Path]) -> None:
    """The page of a normal incident stays under 500 KB and shows every block as a block."""
    page = (folders[0] / "report.html").read_text(encoding="utf-8")
    assert len(page.encode()) < 500_000
    assert page.count('<figure class="chart"') == 6
    assert '<pre class="text">' not in page


def test_timeline_is_json_lines(folders: list[Path]) -> None:
    """Every line of the timeline is JSON, in order of time."""
    moments = [json.loads(line)["datetime"] for line in (folders[0] / "timeline.jsonl").read_text().splitlines()]
    assert moments
    assert moments == sorted(moments)


def test_nothing_of_the_machine_is_kept(folders: list[Path]) -> None:
    """No document names the folder that it was made in."""
    for name in ("report.html", "runbook.ipynb", "summary.md", "timeline.jsonl"):
        assert str(folders[0].parent) not in (folders[0] / name).read_text(encoding="utf-8"), name
