"""A page in a real browser: everything it should not have done, what axe-core says of it, how it lies on paper.

`tests/browser` holds every report against it, `bench/side_by_side.py` also the pages of others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
A4_PX = 680
"""The width between the margins of an A4 page, in CSS pixels: 180 mm."""

_BEYOND = """width => [...document.querySelectorAll('body *')]
    .filter(element => element.checkVisibility() && !element.closest('.heard, .skip'))
    .filter(element => element.getBoundingClientRect().right > width + 1
        || element.scrollWidth > element.clientWidth + 1
            && !['visible', 'clip'].includes(getComputedStyle(element).overflowX))
    .map(element => element.outerHTML.slice(0, 80))"""
_TOGETHER = """() => [...document.querySelectorAll('main *, header *')]
    .filter(element => getComputedStyle(element).breakInside === 'avoid')
    .map(element => [element.outerHTML.slice(0, 80), element.getBoundingClientRect().height])"""


@contextmanager
def chromium_running(path: str, *more: str) -> Iterator[Browser]:
    """Run Chromium, with more arguments, until the end of the block."""
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=path, args=["--no-sandbox", *more])
        yield running
        running.close()


class CheckedPage:
    """A page and what it did. `events` has each message, error, dialog and request."""

    def __init__(self, browser: Browser, path: Path, width: int = 1280, scheme: str = "light", **context: bool) -> None:
        viewport = {"width": width, "height": 900}
        self.context = browser.new_context(viewport=viewport, color_scheme=scheme, **context)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.events: list[str] = []
        self.page.on("console", lambda message: self.events.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.events.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.events.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self.events.append(f"request: {request.url[:80]}"))
        self.page.goto(path.as_uri())

    def __enter__(self) -> CheckedPage:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    @property
    def offences(self) -> list[str]:
        """What it did but for asking, once, for its own file, and for the pictures inside it."""
        own = [event for event in self.events if event.startswith("request: file://")]
        return own[1:] + [event for event in self.events if event not in own and "data:image/png" not in event]

    @property
    def width(self) -> int:
        """How wide the page itself is: wider than the window, and it scrolls sideways."""
        return int(self.page.evaluate("document.documentElement.scrollWidth"))

    def unfold(self) -> None:
        """Open everything that is folded, and pass over all of it."""
        self.page.evaluate("document.querySelectorAll('details').forEach(element => element.open = true)")
        self.page.mouse.move(self.page.viewport_size["width"] // 2, 400)  # type: ignore[index]
        self.page.mouse.wheel(0, 50_000)

    def violations(self, *rules: str) -> list[tuple[str, str, str]]:
        """What axe-core finds by all its rules, or by those named: rule, impact and the first element of each."""
        self.page.evaluate(AXE)
        how = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
        found = self.page.evaluate("how => axe.run(document, how)", how)["violations"]
        return [(violation["id"], violation["impact"], violation["nodes"][0]["html"][:120]) for violation in found]

    def to_paper(self) -> None:
        """Show the page as it is laid out between the margins of A4."""
        self.page.set_viewport_size({"width": A4_PX, "height": 900})
        self.page.emulate_media(media="print")

    def beyond_the_paper(self) -> list[str]:
        """What reaches beyond the right margin, or scrolls on screen, and would be cut off."""
        return [str(element) for element in self.page.evaluate(_BEYOND, A4_PX)]

    def kept_together(self) -> dict[str, float]:
        """What must not be broken between two pages, with its height in pixels."""
        return dict(self.page.evaluate(_TOGETHER))
