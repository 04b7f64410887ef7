"""The report of every world in a real browser: silent, without request or script, accessible, fit for screen and paper.

Every run of the tests opens a sample of ten that differ from each other; the others are slow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf
from pathlib import Path

import pytest
from canaries import worst
from playwright.sync_api import Browser
from worlds import ARCHIVE, FAST, NOW, incident_of, investigated, sandboxed

import scoreboard
from page_checks import CheckedPage, chromium_running
from runbook_lib.running import run
from runbook_lib.sandbox import Rule, World, build, deny
from serve_world import declared_actions

pytestmark = pytest.mark.browser

CASES = {case.id: case for case in scoreboard.cases()}
HOSTILE, REFUSED = "every text is hostile", "every read is refused"
SAMPLE: Mapping[str, str] = {
    "healthy": "no fault",
    "stream-recreated": "a cause with a trigger, the demonstration",
    "poison-record": "failures in the log, a blocked shard",
    "import-error-after-deploy": "stack traces",
    "trail-denied": "changes could not be seen",
    "no-table-writes": "charts of silence",
    "poller-stands-still": "undetermined: no known cause explains it",
    "role-lost-its-rights-on-many-sources": "heavy: 200 shards, 40 mappings",
    REFUSED: "nothing but gaps",
    HOSTILE: "long words, markup, control characters",
}
"""What every run of the tests opens, and what each adds."""

NORMAL_AT, HEAVY_AT = 500_000, 1_500_000
"""Bytes that a page may have: of a normal incident, and of a big account or one of endless texts."""

TALLEST_PX = 501
"""Half the height between the margins of an A4 page: what is kept together leaves no more of a page empty."""


def _marks(name: str) -> list[pytest.MarkDecorator]:
    """Each runs where others have investigated its world; those beyond the sample are slow."""
    group = pytest.mark.xdist_group("hostile" if name == HOSTILE else name)
    return [group] if name in SAMPLE else [group, pytest.mark.slow]


def _report(name: str) -> Path:
    """Give the report of a world, investigated before or now."""
    if name == HOSTILE:
        return worst().folder / "report.html"
    if name in FAST:
        return _page(run.replay(investigated(name).folder))
    if name == REFUSED:
        return _of(build("healthy", NOW, scoreboard.SEED), *map(deny, declared_actions()))
    return _of(CASES[name].fault.build(scoreboard.NOW, scoreboard.SEED))


def _of(world: World, *rules: Rule) -> Path:
    with sandboxed(world, *rules):
        return _page(run.investigate(incident_of(world, "T-PAGE"), archive=ARCHIVE))


def _page(done: run.FinishedRun) -> Path:
    assert done.report is not None
    return done.report


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Start Chromium once."""
    with chromium_running(chromium) as running:
        yield running


def _on_screen(browser: Browser, path: Path) -> Iterator[object]:
    """What is wrong with a page on screen, in both schemes and at three widths, with all of it unfolded."""
    for scheme, rules in (("light", ()), ("dark", ("color-contrast",))):
        with CheckedPage(browser, path, scheme=scheme, bypass_csp=True) as checked:
            checked.unfold()
            yield from (f"{scheme}: {violation}" for violation in (*checked.violations(*rules), *checked.offences))
            for width in (1280, 375, 320):
                checked.page.set_viewport_size({"width": width, "height": 900})
                if scheme == "light" and checked.width != width:
                    yield f"{width} px wide, it scrolls to {checked.width}"


_COUNTS = {
    "document.scripts.length": 0,
    "[...document.querySelectorAll('*')].filter(e => e.getAttributeNames().some(n => n.startsWith('on'))).length": 0,
    "[...document.images].filter(element => !element.complete || !element.naturalWidth).length": 0,
    "document.querySelectorAll('a:not([href^=\"#\"])').length": 0,
    "[...document.links].filter(a => !document.getElementById(a.hash.slice(1))).length": 0,
    "document.querySelectorAll('[id]').length - new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size": 0,
}
"""What must be so of every page, as the browser counts it."""


def _as_it_is(browser: Browser, path: Path, tallest: float = TALLEST_PX) -> Iterator[object]:
    """What is wrong with a page under its own policy: what it did, what it holds or lacks, and how it lies on A4.

    On A4 nothing is cut off at the margin, nor kept together over so much that half a page is left empty.
    """
    with CheckedPage(browser, path) as checked:
        checked.to_paper()
        yield from (f"cut off: {element}" for element in checked.beyond_the_paper())
        for what, height in checked.kept_together().items():
            if height > tallest:
                yield f"kept together over {height:.0f} px: {what}"
        checked.unfold()
        yield from checked.offences
        for what, wanted in _COUNTS.items():
            found = checked.page.evaluate(what)
            if found != wanted:
                yield f"{what} is {found}"


@pytest.mark.parametrize("name", [pytest.param(name, marks=_marks(name)) for name in dict.fromkeys([*SAMPLE, *CASES])])
def test_report_of_a_world(browser: Browser, name: str) -> None:
    """The page does nothing, loads nothing, breaks no rule of axe-core, fits every width and paper, and is small."""
    path = _report(name)
    largest = HEAVY_AT if name == HOSTILE or (name in CASES and CASES[name].kind == "big") else NORMAL_AT
    tallest = inf if name == HOSTILE else TALLEST_PX  # one of its words alone fills a page
    assert [*_as_it_is(browser, path, tallest), *_on_screen(browser, path)] == []
    assert path.stat().st_size < largest
