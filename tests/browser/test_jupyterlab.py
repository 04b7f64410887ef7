"""The notebooks in JupyterLab, driven in a real browser against a running sandbox."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from canaries import worst
from playwright.sync_api import Browser, Page, sync_playwright
from worlds import NOW

from jupyterlab_timing import ARGUMENTS, TOKEN, jupyterlab, open_notebook, run_all
from runbook_lib.report.execute import DOCUMENT
from runbook_lib.sandbox import build, serve

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("jupyterlab")]
NOTEBOOKS = sorted(path.name for path in (Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A JupyterLab on a copy of the notebooks, pointed at a sandbox in which the mapping is paused."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copy(worst().folder / DOCUMENT, home / DOCUMENT)
    with serve(build("mapping-paused", NOW, seed=1)) as sandbox, jupyterlab(home, sandbox.environment) as address:
        yield address


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Start Chromium once."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, lab: str) -> Iterator[Page]:
    """A page that remembers nothing of the test before."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    yield context.new_page()
    context.close()


def _run(page: Page, lab: str, name: str) -> str:
    """Open a notebook and run it as a person would; gives the text of its outputs."""
    open_notebook(page, lab, name)
    return run_all(page)


def test_hostile_outputs_do_nothing(page: Page, lab: str) -> None:
    """The executed notebook of a hostile world, opened: nothing runs, opens or is set as mathematics."""
    seen: list[str] = []
    page.on("dialog", lambda dialog: seen.append(dialog.message))
    page.goto(f"{lab}/lab/tree/{DOCUMENT}?token={TOKEN}&reset")
    page.wait_for_selector(".jp-Notebook .jp-OutputArea-output", timeout=60_000)
    page.wait_for_function("document.body.innerText.includes('window.__x=1')", timeout=60_000)
    page.wait_for_timeout(2_000)  # MathJax would be loaded by now, and done
    assert seen == []
    assert page.evaluate("window.__x") is None
    assert page.locator("mjx-container, .MathJax").count() == 0
    assert page.locator(".jp-OutputArea-output script, .jp-OutputArea-output iframe").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_runs_in_jupyterlab(page: Page, lab: str, name: str) -> None:
    """Opened and run as a person would, every cell of the notebook ends and none with an error."""
    _run(page, lab, name)
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']").count() == 0


def test_diagnosis_shows_the_verdict(page: Page, lab: str) -> None:
    """Run alone, the diagnosis collects from the sandbox what it needs and shows the cause."""
    shown = _run(page, lab, "10_diagnosis.ipynb")
    assert "The event source mapping was disabled by a request" in shown
    assert "proved" in shown
