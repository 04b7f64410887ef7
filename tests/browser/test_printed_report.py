"""The report as PDF, printed by a real Chromium."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from runbook_lib import run
from runbook_lib.example import EVIDENCE
from runbook_lib.record import verify
from runbook_lib.report import pdf

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> run.Finished:
    """The example, finished with its PDF."""
    folder = tmp_path_factory.mktemp("printed") / "a run"
    shutil.copytree(EVIDENCE, folder / "evidence")
    return run.replay(folder, export=("pdf",))


def test_pdf_is_the_report(done: run.Finished) -> None:
    """The folder holds a PDF of several pages, under its checksum, of a page that says the verdict."""
    assert done.missing == ()
    assert done.report is not None
    assert done.diagnosis.causes[0].finding.title in done.report.read_text(encoding="utf-8").replace("&#39;", "'")
    content = (done.folder / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    counts = [int(one) for one in re.findall(rb"/Type /Pages\b[^>]*?/Count (\d+)", content)]
    assert 5 < max(counts) < 100
    assert verify(done.folder) == ()


def test_pdf_is_dated_by_the_run(done: run.Finished) -> None:
    """Both of its dates are the run's clock, and the offset of its cross-reference table still holds."""
    content = (done.folder / "report.pdf").read_bytes()
    dates = re.findall(rb"/(?:Creation|Mod)Date \(D:(\d{14})", content)
    assert dates == [f"{done.diagnosis.as_of:%Y%m%d%H%M%S}".encode()] * 2
    offset = re.search(rb"startxref\s+(\d+)\s+%%EOF", content)
    assert offset is not None
    assert content[int(offset.group(1)) :].startswith(b"xref")


def test_printing_elsewhere_gives_the_same_bytes(done: run.Finished, tmp_path: Path) -> None:
    """The same page printed again, from another folder, is the same PDF, and holds nothing of either folder."""
    assert done.report is not None
    page = Path(shutil.copy(done.report, tmp_path / "report.html"))
    content = pdf.printed(page, done.diagnosis.as_of)
    assert content == (done.folder / "report.pdf").read_bytes()
    assert b"file:" not in content
