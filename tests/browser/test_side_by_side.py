"""What is measured of our page and of others': each figure sees a page that is worse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import side_by_side
from page_checks import chromium_running
from side_by_side import PageMeasures

pytestmark = pytest.mark.browser
WIDE = """<!DOCTYPE html><html lang="en"><title>x</title><body><script src="https://example.invalid/x.js"></script>
<script>document.body.append(document.createElement("img"), "The mapping reads an old stream")</script>
<div style="width: 900px">wide</div></body></html>"""


def test_every_figure_is_measured(chromium: str, tmp_path: Path) -> None:
    """A page that asks, runs scripts, is wide, is told by script and lacks a text for its picture is found so."""
    path = tmp_path / "wide.html"
    path.write_text(WIDE, encoding="utf-8")
    with chromium_running(chromium, "--host-resolver-rules=MAP * ~NOTFOUND") as browser:
        found = side_by_side.measure(browser, "theirs", path)
        side_by_side.photograph(browser, path, tmp_path / "theirs", side_by_side.SHOTS[:1])
    assert found == PageMeasures("theirs", len(WIDE), 1, 2, True, False, (1, 1), 908, 1, 1)
    assert 0 < (tmp_path / "theirs-light.png").stat().st_size < 150_000


def test_table_has_a_column_for_each_page() -> None:
    """Each page is a column, each figure a row."""
    ours = PageMeasures("ours", 430_000, 0, 0, True, True, (0, 0), 375, 0, 27)
    lines = side_by_side.table((ours, replace(ours, name="theirs", says_cause=False))).splitlines()
    assert lines[0] == "|  | ours | theirs |"
    assert lines[2] == "| size | 430 KB | 430 KB |"
    assert "| names the cause when opened, without network | yes | no |" in lines
    assert len(lines) == 2 + len(side_by_side.ROWS)


def test_page_shows_what_was_measured(root: Path) -> None:
    """The committed page holds a table of three pages, small pictures of them, and of ours nothing that is wrong."""
    shown = side_by_side.PAGE.read_text(encoding="utf-8")
    head, *rows = [line.strip("| ").split(" | ") for line in shown.splitlines() if line.startswith("|")]
    figures = {row[0]: row[1:] for row in rows}
    assert len(head) == 3
    assert figures["requests to other machines"][0] == figures["scripts"][0] == "0"
    assert set(figures) >= {what for what, _ in side_by_side.ROWS}
    pictures = sorted(side_by_side.PICTURES.glob("*.png"))
    assert all(f"side-by-side/{picture.name}" in shown and picture.stat().st_size < 150_000 for picture in pictures)
    assert len(pictures) == 6
