"""The report as PDF: what is asked of the browser, what becomes of its dates, and what is said when it fails."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook_lib.report import pdf

AS_OF = datetime(2026, 3, 15, 4, 43, 7, 250_000, tzinfo=UTC)

PRINTS = """\
for argument in "$@"; do
  case $argument in --print-to-pdf=*) paper=${argument#*=};; esac
done
printf '%s\\n' "$@" >"$0.asked"
set >"$0.environment"
printf "%%PDF-1.4\\n/CreationDate (D:20991231235959+05'45')\\n" >"$paper"
printf "/ModDate (D:20991231235959+00'00')>>\\n%%%%EOF\\n" >>"$paper"
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page in a folder whose name has to be quoted in a URL."""
    folder = tmp_path / "a run"
    folder.mkdir()
    (folder / "report.html").write_text("<title>x</title>", encoding="utf-8")
    return folder / "report.html"


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Install a browser that does what a script says, and no other."""
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return path


def test_pdf_is_dated_by_the_clock_of_the_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both dates become the run's clock in UTC, and not one byte is moved."""
    installed(tmp_path, monkeypatch, PRINTS)
    expected = b"/CreationDate (D:20260315044307+00'00')\n/ModDate (D:20260315044307+00'00')>>"
    assert pdf.printed(page, AS_OF) == b"%PDF-1.4\n" + expected + b"\n%%EOF\n"


def test_browser_gets_a_page_and_nothing_of_ours(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser is told where the page is, gets a fresh profile, and neither credentials nor the caller's home."""
    path = installed(tmp_path, monkeypatch, PRINTS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example-of-a-secret")
    monkeypatch.setenv("HOME", "/home/somebody")
    pdf.printed(page, AS_OF)
    told = Path(f"{path}.asked").read_text(encoding="utf-8").splitlines()
    assert told[-1] == page.as_uri()
    assert {"--headless", "--no-pdf-header-footer", "--disable-background-networking"} <= set(told)
    (profile,) = (argument.partition("=")[2] for argument in told if argument.startswith("--user-data-dir="))
    assert not Path(profile).parent.exists()
    environment = Path(f"{path}.environment").read_text(encoding="utf-8")
    assert "example-of-a-secret" not in environment
    assert "/home/somebody" not in environment


FAILURES = [
    ("exit 7", "failed with exit code 7."),
    ("exit 0", "ended without having printed."),
    ("exec /bin/sleep 30", "had not printed after 0.2 seconds."),
    (PRINTS.replace("%%%%EOF", ""), "ended without having printed."),
]


@pytest.mark.parametrize(("script", "words"), FAILURES)
def test_failure_is_one_sentence(
    script: str, words: str, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser that fails, hangs, prints nothing or half a file is named in one sentence."""
    path = installed(tmp_path, monkeypatch, script)
    with pytest.raises(pdf.NotPrinted) as failed:
        pdf.printed(page, AS_OF, timeout_s=0.2 if "sleep" in script else 20)
    assert str(failed.value) == f"{path} {words}"


def test_browser_that_cannot_be_started_is_named(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that the system cannot execute is named with the system's reason."""
    installed(tmp_path, monkeypatch, "").write_text("#!/nowhere/sh\n", encoding="utf-8")
    with pytest.raises(pdf.NotPrinted, match="could not be started: No such file or directory"):
        pdf.printed(page, AS_OF)


def test_missing_printers_are_said(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With neither printer the sentence names both, and what was looked for."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pdf, "find_spec", lambda name: None)
    with pytest.raises(pdf.NotPrinted, match=r"neither Chromium \(chromium, .*\) nor WeasyPrint"):
        pdf.printed(page, AS_OF)


def test_broken_weasyprint_is_named(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A WeasyPrint that fails, as it does where a library of the system is missing, is named in one sentence."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pdf, "find_spec", lambda name: name == "weasyprint" or None)
    monkeypatch.setattr(pdf, "_WEASYPRINT", (sys.executable, "-c", "raise SystemExit(5)"))
    with pytest.raises(pdf.NotPrinted, match=r"^WeasyPrint failed with exit code 5\.$"):
        pdf.printed(page, AS_OF)
