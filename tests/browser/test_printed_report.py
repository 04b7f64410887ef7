"""The report as PDF, printed by a real Chromium, and by WeasyPrint."""

from __future__ import annotations

import html
import io
import re
import shutil
from pathlib import Path

import pytest
from canaries import CANARIES, found_in, worst
from pypdf import PdfReader

from runbook_lib.archive.record import verify
from runbook_lib.example import EVIDENCE
from runbook_lib.report import pdf
from runbook_lib.running import run

pytestmark = pytest.mark.browser
A4_PT = (595, 842)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> run.FinishedRun:
    """The example, finished with its PDF."""
    folder = tmp_path_factory.mktemp("printed") / "a run"
    shutil.copytree(EVIDENCE, folder / "evidence")
    return run.replay(folder, export=("pdf",))


def test_pdf_is_the_report(done: run.FinishedRun) -> None:
    """The folder holds a PDF of several pages of A4, under its checksum, of a page that says the verdict."""
    assert done.missing == ()
    assert done.report is not None
    assert done.diagnosis.causes[0].finding.title in done.report.read_text(encoding="utf-8").replace("&#39;", "'")
    content = (done.folder / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    counts = [int(match) for match in re.findall(rb"/Type /Pages\b[^>]*?/Count (\d+)", content)]
    assert 5 < max(counts) < 100
    assert {tuple(map(round, page.mediabox[2:])) for page in PdfReader(io.BytesIO(content)).pages} == {A4_PT}
    assert verify(done.folder) == ()


def test_pdf_is_dated_by_the_run(done: run.FinishedRun) -> None:
    """Both of its dates are the run's clock, and the offset of its cross-reference table still holds."""
    content = (done.folder / "report.pdf").read_bytes()
    dates = re.findall(rb"/(?:Creation|Mod)Date \(D:(\d{14})", content)
    assert dates == [f"{done.diagnosis.as_of:%Y%m%d%H%M%S}".encode()] * 2
    offset = re.search(rb"startxref\s+(\d+)\s+%%EOF", content)
    assert offset is not None
    assert content[int(offset.group(1)) :].startswith(b"xref")


def test_printing_elsewhere_gives_the_same_bytes(done: run.FinishedRun, tmp_path: Path) -> None:
    """The same page printed again, from another folder, is the same PDF, and holds nothing of either folder."""
    assert done.report is not None
    page = Path(shutil.copy(done.report, tmp_path / "report.html"))
    content = pdf.printed(page, done.diagnosis.as_of)
    assert content == (done.folder / "report.pdf").read_bytes()
    assert b"file:" not in content


HOSTILE = pytest.mark.xdist_group("hostile")


def _text(content: bytes) -> tuple[str, str]:
    """Give the text of a PDF's pages, and the same without white space: lines break where they please."""
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return text, re.sub(r"\s+", "", text)


def _canaries(content: bytes) -> set[str]:
    text, dense = _text(content)
    return found_in(text) | {name for name, canary in CANARIES.items() if re.sub(r"\s+", "", canary) in dense}


def test_search_of_paper_finds_what_is_there(done: run.FinishedRun, tmp_path: Path) -> None:
    """The search sees every canary on paper, broken between lines or not: that it finds none means something."""
    page = tmp_path / "page.html"
    listed = "".join(
        f"<p style='width: 6em; overflow-wrap: anywhere'>{html.escape(canary)}" for canary in CANARIES.values()
    )
    page.write_text(f"<title>x</title>{listed}", encoding="utf-8")
    assert _canaries(pdf.printed(page, done.diagnosis.as_of)) == set(CANARIES)


@HOSTILE
def test_no_canary_on_paper(done: run.FinishedRun) -> None:
    """The PDF of a world full of secrets and hostile text shows what was found, and none of the secrets."""
    content = pdf.printed(worst().folder / "report.html", done.diagnosis.as_of)
    assert "handler-error" in _text(content)[0]
    assert _canaries(content) == set()


def test_weasyprint_prints_where_chromium_is_missing(done: run.FinishedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a browser, WeasyPrint prints the same report on A4, with its pictures, dated by the run."""
    assert done.report is not None
    monkeypatch.setattr(pdf, "browser", lambda: None)
    content = pdf.printed(done.report, done.diagnosis.as_of)
    found = PdfReader(io.BytesIO(content))
    assert found.metadata is not None
    dates = {found.metadata.creation_date, found.metadata.modification_date}
    assert dates == {done.diagnosis.as_of.replace(microsecond=0)}
    assert {tuple(map(round, page.mediabox[2:])) for page in found.pages} == {A4_PT}
    pictures = done.report.read_text(encoding="utf-8").count("data:image/png")
    assert len({image.name for page in found.pages for image in page.images}) == pictures > 3
    assert 5 < len(found.pages) < 60
    assert done.diagnosis.causes[0].finding.title.replace(" ", "") in _text(content)[1]
