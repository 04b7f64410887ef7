"""The page in a real browser: silent, without requests, readable on every width, in both schemes and on paper."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from canaries import worst
from playwright.sync_api import Browser

from page_checks import CheckedPage, chromium_running

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from report_samples import AS_OF, code_cell, executed, finding, meta, shown_cell, step_stack

from runbook_lib.report import render, sections
from runbook_lib.showing.blocks import Prose

pytestmark = pytest.mark.browser
HOSTILE = (
    "<script>window.__x=1</script><img src=x onerror='window.__x=2'>",
    "<a href='javascript:window.__x=3'>x</a> {{ 7*7 }} \u202e \x1b[31m " + "A" * 3_000,
)
BAD = """<!DOCTYPE html><title>bad</title><main style="width: 900px">
<img src="nowhere.png"><p style="color: #ccc">pale</p>
<div style="break-inside: avoid; width: 10px; height: 700px"></div>
<script>throw new Error("x")</script></main>"""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Start Chromium once."""
    with chromium_running(chromium) as running:
        yield running


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a page whose texts and additions are hostile."""
    document = executed()
    for number, text in enumerate(HOSTILE):
        block = step_stack(5)
        more = replace(block, blocks=(*block.blocks, Prose((text,))))
        document.cells.append(shown_cell(more, f"h{number}", "09_x"))
        for kind in ("text/html", "text/markdown", "text/plain"):
            output = {"output_type": "display_data", "data": {kind: text}, "metadata": {}}
            document.cells.append(code_cell([], f"h{number}{kind[5:]}", "09_x", text))
            document.cells[-1].outputs = [type(document)(output)]
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render.render(sections.read(document), meta()), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_silent(browser: Browser, page_file: Path, scheme: str) -> None:
    """Opening the page logs nothing, requests nothing but its own pictures, and runs nothing that was planted."""
    with CheckedPage(browser, page_file, scheme=scheme) as checked:
        checked.page.mouse.wheel(0, 50_000)
        assert checked.offences == []
        assert checked.page.evaluate("window.__x") is None
        assert checked.page.evaluate("document.scripts.length") == 0


@pytest.mark.parametrize("width", [320, 375, 768, 1100, 1280, 1920])
def test_nothing_scrolls_sideways(browser: Browser, page_file: Path, width: int) -> None:
    """At every width the page itself is as wide as the window; only tables and charts scroll, inside themselves."""
    with CheckedPage(browser, page_file, width) as checked:
        assert checked.width == width


@pytest.mark.xdist_group("hostile")
@pytest.mark.parametrize("width", [375, 1280])
def test_page_of_a_hostile_world_does_nothing(browser: Browser, width: int) -> None:
    """The report on a world whose every text is hostile: silent, nothing runs, asks or opens, nothing runs over."""
    with CheckedPage(browser, worst().folder / "report.html", width) as checked:
        checked.unfold()
        assert checked.offences == []
        assert checked.page.evaluate("window.__x") is None
        assert checked.page.evaluate("document.scripts.length") == 0
        assert checked.width == width
        assert "window.__x=1" in checked.page.inner_text("body")
        broken = "[...document.images].filter(element => !element.complete || !element.naturalWidth).length"
        assert checked.page.evaluate("document.images.length") > 3
        assert checked.page.evaluate(broken) == 0


def test_first_screen_has_the_verdict(browser: Browser, page_file: Path) -> None:
    """On a laptop's first screen stand verdict, loss clock, first action and what was not seen."""
    with CheckedPage(browser, page_file) as checked:
        for wanted in ("h1", ".loss .big", ".first", ".unseen"):
            box = checked.page.locator(wanted).first.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] < 900


def test_schemes_differ(browser: Browser, page_file: Path) -> None:
    """The dark scheme is dark and the light one light."""
    found = []
    for scheme in ("light", "dark"):
        with CheckedPage(browser, page_file, scheme=scheme) as checked:
            found.append(checked.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert [max(map(int, colour[4:-1].split(","))) > 128 for colour in found] == [True, False]


def test_keyboard_reaches_what_scrolls(browser: Browser, page_file: Path) -> None:
    """Everything that scrolls can be focused and has a name."""
    with CheckedPage(browser, page_file) as checked:
        unreached = checked.page.evaluate(
            "[...document.querySelectorAll('.scroll, .sheet')]"
            ".filter(e => e.tabIndex !== 0 || !e.getAttribute('aria-label')).length"
        )
        assert unreached == 0


def test_paper_cuts_nothing_off(browser: Browser, page_file: Path) -> None:
    """On A4 nothing reaches beyond the margins, and what is folded on screen is open where it explains a chart."""
    with CheckedPage(browser, page_file) as checked:
        checked.to_paper()
        assert checked.beyond_the_paper() == []
        words = checked.page.locator(".chart details .text").first.bounding_box()
        assert words is not None
        assert words["height"] > 0


def test_page_prints_to_pdf(browser: Browser, page_file: Path) -> None:
    """The page prints to a PDF."""
    with CheckedPage(browser, page_file) as checked:
        assert checked.page.pdf(format="A4").startswith(b"%PDF-")


def test_reference_leads_to_its_call(browser: Browser, page_file: Path) -> None:
    """Following a reference brings the recorded call into view, marked."""
    assert finding().because[0].refs
    with CheckedPage(browser, page_file) as checked:
        checked.page.locator("a.ref").first.click()
        target = checked.page.locator(".calls li:target")
        assert target.count() == 1
        assert target.is_visible()
        assert AS_OF.strftime("%Y-%m-%d") in target.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_axe_finds_nothing(browser: Browser, page_file: Path, scheme: str, width: int) -> None:
    """axe-core finds no violation of any impact."""
    with CheckedPage(browser, page_file, width, scheme, bypass_csp=True) as checked:
        checked.unfold()
        assert checked.violations() == []


def test_witness_sees_what_is_wrong(browser: Browser, tmp_path: Path) -> None:
    """A page with each fault that the other tests look for is found out: that they find none means something."""
    path = tmp_path / "bad.html"
    path.write_text(BAD, encoding="utf-8")
    with CheckedPage(browser, path) as checked:
        assert {offence.partition(":")[0] for offence in checked.offences} == {"request", "console", "error"}
        assert {"image-alt", "color-contrast"} <= {rule for rule, _, _ in checked.violations()}
        checked.page.set_viewport_size({"width": 375, "height": 900})
        assert checked.width > 375
        checked.to_paper()
        assert [element[:5] for element in checked.beyond_the_paper()] == ["<main", "<p st"]
        assert list(checked.kept_together().values()) == [700]


def test_errors_can_be_shown_alone(browser: Browser, page_file: Path) -> None:
    """Without script, one switch leaves only the calls that failed, and a reference still leads to one that did not."""
    with CheckedPage(browser, page_file) as checked:
        checked.page.check("#failed")
        assert checked.page.locator(".calls li:visible").count() == 1
        checked.page.locator("a.ref").first.click()
        assert checked.page.locator(".calls li:target").is_visible()


def test_tables_stack_on_a_phone(browser: Browser, page_file: Path) -> None:
    """On a phone no cell of a table of three columns or more lies beyond the screen, and each names its column."""
    with CheckedPage(browser, page_file, 375) as checked:
        cells = checked.page.locator("main .stacks td")
        assert cells.count() > 10
        rights = cells.evaluate_all("all => all.map(element => element.getBoundingClientRect().right)")
        assert max(rights) <= 375
        assert checked.page.locator(".stacks td:not([data-of])").count() == 0
