"""The report on paper: Chromium prints the page, else WeasyPrint; the run's clock takes the place of the printer's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
"""The names that Chromium is installed under, in the order in which they are tried."""

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-pdf-header-footer"),
    *("--disable-background-networking", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND"),
)
"""The page is our own and has no script; the last three keep the browser itself from calling home."""

_WEASYPRINT = (sys.executable, "-I", "-m", "weasyprint", "--quiet", "--allowed-protocols=file,data")
"""It lays the page out in Python, more slowly than a browser, and fetches nothing from elsewhere."""

_LONGEST_S = 120.0

_STAMP = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}[+-]\d\d'\d\d'\)")
"""When it was printed; of the whole file, only these two dates differ from one printing to the next."""


class NotPrinted(Exception):
    """Why there is no PDF, in one sentence."""


def browser() -> str | None:
    """Find a Chromium on this machine: its path, or None."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def printed(page: Path, as_of: datetime, timeout_s: float = _LONGEST_S) -> bytes:
    """Print a page of this machine; the same page gives the same bytes as long as printer and fonts stay the same.

    Raises NotPrinted.
    """
    with tempfile.TemporaryDirectory(prefix="runbook-print-", ignore_cleanup_errors=True) as scratch:
        paper = Path(scratch, "report.pdf")
        name, command = _printer(page.absolute(), paper)
        _run(name, command, scratch, timeout_s)
        content = paper.read_bytes() if paper.exists() else b""
    if not (content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")):
        raise NotPrinted(f"{name} ended without having printed.")
    return on_clock(content, as_of)


def _printer(page: Path, paper: Path) -> tuple[str, list[str]]:
    """Name what prints a page here, Chromium or else WeasyPrint, with its command. Raises NotPrinted without either."""
    if found := browser():
        profile = paper.with_name("profile")
        return found, [found, *_FLAGS, f"--user-data-dir={profile}", f"--print-to-pdf={paper}", page.as_uri()]
    if find_spec("weasyprint"):
        return "WeasyPrint", [*_WEASYPRINT, str(page), str(paper)]
    raise NotPrinted(f"neither Chromium ({', '.join(BROWSERS)}) nor WeasyPrint (the extra `pdf`) is installed.")


def on_clock(content: bytes, as_of: datetime) -> bytes:
    """Date a PDF by the run's clock. Each date keeps its length, so that what the file says of its offsets holds."""
    return _STAMP.sub(rb"/\1 " + f"(D:{as_of.astimezone(UTC):%Y%m%d%H%M%S}+00'00')".encode(), content)


def _run(name: str, command: list[str], scratch: str, timeout_s: float) -> None:
    """Run the printer without the caller's credentials and habits, and leave nothing at the caller's home."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": scratch, "TZ": "UTC"}
    quiet = subprocess.DEVNULL
    try:
        subprocess.run(command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet, timeout=timeout_s, check=True)
    except subprocess.TimeoutExpired:
        raise NotPrinted(f"{name} had not printed after {timeout_s:g} seconds.") from None
    except subprocess.CalledProcessError as failure:
        raise NotPrinted(f"{name} failed with exit code {failure.returncode}.") from None
    except OSError as failure:
        raise NotPrinted(f"{name} could not be started: {failure.strerror}.") from None
