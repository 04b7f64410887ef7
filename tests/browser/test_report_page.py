"""The page in a real browser: silent, without requests, readable on every width, in both schemes and on paper.

`RUNBOOK_AXE` may name axe-core's `axe.min.js` (npm package `axe-core`); then its rules are checked too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from canaries import worst
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from report_samples import AS_OF, code_cell, executed, finding, meta, shown_cell, step_stack

from runbook_lib.report import render, sections

pytestmark = pytest.mark.browser
AXE = os.environ.get("RUNBOOK_AXE")
HOSTILE = (
    "<script>window.__x=1</script><img src=x onerror='window.__x=2'>",
    "<a href='javascript:window.__x=3'>x</a> {{ 7*7 }} \u202e \x1b[31m " + "A" * 3_000,
)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Start Chromium once."""
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a page whose texts and additions are hostile."""
    document = executed()
    for number, text in enumerate(HOSTILE):
        block = step_stack(5)
        document.cells.append(shown_cell(block.with_blocks(type(block.blocks[0])((text,))), f"h{number}", "09_x"))
        for kind in ("text/html", "text/markdown", "text/plain"):
            output = {"output_type": "display_data", "data": {kind: text}, "metadata": {}}
            document.cells.append(code_cell([], f"h{number}{kind[5:]}", "09_x", text))
            document.cells[-1].outputs = [type(document)(output)]
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render.render(sections.read(document), meta()), encoding="utf-8")
    return path


class Witness:
    """A page that remembers everything it should not have done."""

    def __init__(self, browser: Browser, path: Path, width: int = 1280, scheme: str = "light", **context: bool) -> None:
        viewport = {"width": width, "height": 900}
        self.context = browser.new_context(viewport=viewport, color_scheme=scheme, **context)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.seen: list[str] = []
        self.page.on("console", lambda message: self.seen.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.seen.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.seen.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self.seen.append(f"request: {request.url[:80]}"))
        self.page.goto(path.as_uri())

    def __enter__(self) -> Witness:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_silent(browser: Browser, page_file: Path, scheme: str) -> None:
    """Opening the page logs nothing, requests nothing but its own pictures, and runs nothing that was planted."""
    with Witness(browser, page_file, scheme=scheme) as witness:
        witness.page.mouse.wheel(0, 50_000)
        assert [one for one in witness.seen if "file://" not in one and "data:image/png" not in one] == []
        assert sum("file://" in one for one in witness.seen) == 1
        assert witness.page.evaluate("window.__x") is None
        assert witness.page.evaluate("document.scripts.length") == 0


@pytest.mark.parametrize("width", [320, 375, 768, 1100, 1280, 1920])
def test_nothing_scrolls_sideways(browser: Browser, page_file: Path, width: int) -> None:
    """At every width the page itself is as wide as the window; only tables and charts scroll, inside themselves."""
    with Witness(browser, page_file, width) as witness:
        assert witness.page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.xdist_group("hostile")
@pytest.mark.parametrize("width", [375, 1280])
def test_page_of_a_hostile_world_does_nothing(browser: Browser, width: int) -> None:
    """The report on a world whose every text is hostile: silent, nothing runs, asks or opens, nothing runs over."""
    with Witness(browser, worst().folder / "report.html", width) as witness:
        witness.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        witness.page.mouse.move(width // 2, 400)
        witness.page.mouse.wheel(0, 50_000)
        assert [one for one in witness.seen if "file://" not in one and "data:image/png" not in one] == []
        assert sum("file://" in one for one in witness.seen) == 1
        assert witness.page.evaluate("window.__x") is None
        assert witness.page.evaluate("document.scripts.length") == 0
        assert witness.page.evaluate("document.documentElement.scrollWidth") == width
        assert "window.__x=1" in witness.page.inner_text("body")
        broken = "[...document.images].filter(one => !one.complete || !one.naturalWidth).length"
        assert witness.page.evaluate("document.images.length") > 3
        assert witness.page.evaluate(broken) == 0


def test_first_screen_has_the_verdict(browser: Browser, page_file: Path) -> None:
    """On a laptop's first screen stand verdict, loss clock, first action and what was not seen."""
    with Witness(browser, page_file) as witness:
        for wanted in ("h1", ".loss .big", ".first", ".unseen"):
            box = witness.page.locator(wanted).first.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] < 900


def test_schemes_differ(browser: Browser, page_file: Path) -> None:
    """The dark scheme is dark and the light one light."""
    found = []
    for scheme in ("light", "dark"):
        with Witness(browser, page_file, scheme=scheme) as witness:
            found.append(witness.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert [max(map(int, one[4:-1].split(","))) > 128 for one in found] == [True, False]


def test_keyboard_reaches_what_scrolls(browser: Browser, page_file: Path) -> None:
    """Everything that scrolls can be focused and has a name."""
    with Witness(browser, page_file) as witness:
        unreached = witness.page.evaluate(
            "[...document.querySelectorAll('.scroll, .sheet')]"
            ".filter(e => e.tabIndex !== 0 || !e.getAttribute('aria-label')).length"
        )
        assert unreached == 0


def test_paper_cuts_nothing_off(browser: Browser, page_file: Path) -> None:
    """On A4 nothing reaches beyond the margins, and what is folded on screen is open where it explains a chart."""
    with Witness(browser, page_file, 680) as witness:
        witness.page.emulate_media(media="print")
        beyond = witness.page.evaluate(
            "[...document.querySelectorAll('main *, header *')].filter(e => !e.closest('.heard, .skip')"
            " && e.getBoundingClientRect().right > 681).map(e => e.outerHTML.slice(0, 80))"
        )
        assert beyond == []
        words = witness.page.locator(".chart details .text").first.bounding_box()
        assert words is not None
        assert words["height"] > 0


def test_page_prints_to_pdf(browser: Browser, page_file: Path) -> None:
    """The page prints to a PDF."""
    with Witness(browser, page_file) as witness:
        assert witness.page.pdf(format="A4").startswith(b"%PDF-")


def test_reference_leads_to_its_call(browser: Browser, page_file: Path) -> None:
    """Following a reference brings the recorded call into view, marked."""
    assert finding().because[0].refs
    with Witness(browser, page_file) as witness:
        witness.page.locator("a.ref").first.click()
        target = witness.page.locator(".calls li:target")
        assert target.count() == 1
        assert target.is_visible()
        assert AS_OF.strftime("%Y-%m-%d") in target.inner_text()


if AXE:

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [375, 1280])
    def test_axe_finds_nothing(browser: Browser, page_file: Path, scheme: str, width: int) -> None:
        """axe-core finds no violation of any impact."""
        with Witness(browser, page_file, width, scheme, bypass_csp=True) as witness:
            witness.page.add_script_tag(path=AXE)
            found = witness.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            assert [(one["id"], one["nodes"][0]["html"][:120]) for one in found["violations"]] == []
