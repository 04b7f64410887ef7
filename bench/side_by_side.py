"""One incident as several pages: ours and those of others, measured in Chromium, as the table of docs/side-by-side.md.

python bench/side_by_side.py NAME=PAGE NAME=PAGE ...    what to call each page, and its file; ours first

How the others are made stands on the page. The browser reaches no network. Nothing is timed.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from page_checks import CheckedPage, chromium_running
from runbook_lib.report.pdf import browser as chromium

DOCS = Path(__file__).parent.parent / "docs"
PAGE, PICTURES = DOCS / "side-by-side.md", DOCS / "side-by-side"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->"
CAUSE = "The mapping reads an old stream"
"""What the recorded example is about: the words that a reader of its report looks for."""

GRAVE = ("serious", "critical")
COLOURS, _RARE_COLOURS_TOO = 64, Image.Quantize.MAXCOVERAGE
PHONE_PX = 375
SETTLES_MS = 1_500
"""What a page that builds itself by script gets to be complete."""


@dataclass(frozen=True)
class PageMeasures:
    """What was found of one page. `grave` counts violations of axe-core's rules in the light and in the dark scheme."""

    name: str
    size: int
    outside: int
    scripts: int
    says_cause: bool
    says_cause_unscripted: bool
    grave: tuple[int, int]
    phone_width: int
    beyond_paper: int
    sheets: int


def measure(browser: Browser, name: str, path: Path) -> PageMeasures:
    """Measure one page."""
    grave = (_grave(browser, path, "light"), _grave(browser, path, "dark"))
    with CheckedPage(browser, path, PHONE_PX) as small:
        small.page.wait_for_timeout(SETTLES_MS)
        phone_width = small.width
    with CheckedPage(browser, path, java_script_enabled=False) as plain:
        unscripted = plain.page.locator("body").inner_text()
    with CheckedPage(browser, path) as checked:
        checked.page.wait_for_timeout(SETTLES_MS)
        said, scripts = checked.page.inner_text("body"), checked.page.evaluate("document.scripts.length")
        outside = [event for event in checked.events if re.match(r"request: (?!file:|data:|blob:)", event)]
        sheets = len(re.findall(rb"/MediaBox", checked.page.pdf(format="A4", prefer_css_page_size=True)))
        checked.to_paper()
        beyond = len(checked.beyond_the_paper())
    is_said, is_said_unscripted = CAUSE in said, CAUSE in unscripted
    size = path.stat().st_size
    return PageMeasures(
        name, size, len(outside), scripts, is_said, is_said_unscripted, grave, phone_width, beyond, sheets
    )


def _grave(browser: Browser, path: Path, scheme: str) -> int:
    """Count the rules of axe-core that a page breaks with a serious or critical impact."""
    with CheckedPage(browser, path, scheme=scheme, bypass_csp=True) as checked:
        checked.page.wait_for_timeout(SETTLES_MS)
        return sum(impact in GRAVE for _, impact, _ in checked.violations())


ROWS: Sequence[tuple[str, Callable[[PageMeasures], str]]] = (
    ("size", lambda page: f"{page.size / 1_000:,.0f} KB"),
    ("requests to other machines", lambda page: str(page.outside)),
    ("scripts", lambda page: str(page.scripts)),
    ("names the cause when opened, without network", lambda page: _yes(page.says_cause)),
    ("also with scripts switched off", lambda page: _yes(page.says_cause_unscripted)),
    ("rules of axe-core broken, serious or critical: light, dark", lambda page: "{}, {}".format(*page.grave)),
    ("width at 375 px", lambda page: f"{page.phone_width} px"),
    ("elements cut off on A4", lambda page: str(page.beyond_paper)),
    ("sheets of A4", lambda page: str(page.sheets)),
)


def _yes(so: bool) -> str:
    return "yes" if so else "no"


def table(found: Sequence[PageMeasures]) -> str:
    """Write what was measured as a table, a column for each page."""
    lines = [["", *(page.name for page in found)], ["---"] * (len(found) + 1)]
    lines += [[what, *(told(page) for page in found)] for what, told in ROWS]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


SHOTS: Sequence[tuple[str, int, int, str, bool]] = (
    ("light", 1280, 900, "light", False),
    ("dark", 1280, 900, "dark", False),
    ("phone", PHONE_PX, 812, "light", False),
    ("paper", 680, 1001, "light", True),
)
"""Name, width, height and scheme of each picture, and whether it is of paper. Of others only the first is taken."""


def photograph(browser: Browser, path: Path, to: Path, shots: Sequence[tuple[str, int, int, str, bool]]) -> None:
    """Take pictures of the first screen of a page, small enough for a repository."""
    for name, width, height, scheme, is_paper in shots:
        with CheckedPage(browser, path, width, scheme) as checked:
            checked.page.wait_for_timeout(SETTLES_MS)
            if is_paper:
                checked.to_paper()
            checked.page.set_viewport_size({"width": width, "height": height})
            picture = Image.open(io.BytesIO(checked.page.screenshot())).convert("RGB")
        picture.quantize(COLOURS, _RARE_COLOURS_TOO).save(to.with_name(f"{to.name}-{name}.png"), "PNG", optimize=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the pages, take their pictures, and write the table into the page."""
    parser = argparse.ArgumentParser(description="Measure pages of the same incident side by side.")
    parser.add_argument("pages", nargs="+", metavar="NAME=PAGE", help="what to call a page, and its file; ours first")
    pages = [
        (name, Path(path))
        for name, _, path in (argument.partition("=") for argument in parser.parse_args(arguments).pages)
    ]
    path = chromium()
    if path is None:
        print("Chromium is not installed.", file=sys.stderr)
        return 2
    PICTURES.mkdir(exist_ok=True)
    with chromium_running(path, "--host-resolver-rules=MAP * ~NOTFOUND") as browser:
        found = [measure(browser, name, page) for name, page in pages]
        for number, (name, page) in enumerate(pages):
            slug = re.sub(r"\W+", "-", name.lower()).strip("-")
            photograph(browser, page, PICTURES / slug, SHOTS[:1] if number else SHOTS)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table(found)}\n{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
