"""The notebooks in JupyterLab, driven in a real browser against a running sandbox."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from canaries import worst
from playwright.sync_api import Browser, Page, sync_playwright
from worlds import NOW

from runbook_lib.report.execute import DOCUMENT
from runbook_lib.sandbox.faults import build
from runbook_lib.sandbox.server import serve

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("jupyterlab")]
TOKEN = "only-for-this-test"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
"""Every cell stays in the page, also one that is scrolled away; nothing outside this machine is asked for news."""

NOTEBOOKS = sorted(path.name for path in (Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[str]:
    """A JupyterLab on a copy of the notebooks, pointed at a sandbox in which the mapping is paused."""
    home = tmp_path_factory.mktemp("lab")
    for part in ("notebooks", "params"):
        shutil.copytree(root / part, home / part)
    shutil.copy(worst().folder / DOCUMENT, home / DOCUMENT)
    for name, setting in SETTINGS.items():
        path = home / ".jupyter" / "lab" / "user-settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(setting), encoding="utf-8")
    with serve(build("mapping-paused", NOW, seed=1)) as sandbox:
        environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            **sandbox.environment,
            "HOME": str(home),
            "JUPYTER_TOKEN": TOKEN,
        }
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port=0"),
            *(f"--ServerApp.root_dir={home}", "--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0"),
        ]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
            try:
                yield _address(server)
            finally:
                server.terminate()
                server.communicate(timeout=30)


def _address(server: subprocess.Popen[str]) -> str:
    assert server.stderr is not None
    for line in server.stderr:
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if found:
            return found.group()
    raise AssertionError("JupyterLab did not start")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Start Chromium once."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, lab: str) -> Iterator[Page]:
    """A page that remembers nothing of the test before."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    yield context.new_page()
    context.close()


_ALL_RAN = r"""() => {
    const prompts = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')];
    return prompts.length && prompts.every(prompt => /^\[\d+\]:$/.test(prompt.textContent.trim()));
}"""
"""Whether every code cell carries an execution count: `[*]` is still running, `[ ]` has not been run."""


def _choose(page: Page, menu: str, item: str) -> None:
    """Choose an item of JupyterLab's menu bar."""
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{menu}$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{item}$")).click()


def _run_all(page: Page, lab: str, name: str) -> str:
    """Open a notebook, run all its cells, and give the text of its outputs once no cell is busy."""
    page.goto(f"{lab}/lab/tree/notebooks/{name}?token={TOKEN}&reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=120_000)
    _choose(page, "Edit", "Clear Outputs of All Cells")
    _choose(page, "Run", "Run All Cells")
    page.wait_for_function(_ALL_RAN, timeout=120_000)
    return "\n".join(page.locator(".jp-Notebook .jp-OutputArea").all_inner_texts())


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
    _run_all(page, lab, name)
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']").count() == 0


def test_diagnosis_shows_the_verdict(page: Page, lab: str) -> None:
    """Run alone, the diagnosis collects from the sandbox what it needs and shows the cause."""
    shown = _run_all(page, lab, "10_diagnosis.ipynb")
    assert "The event source mapping was disabled by a request" in shown
    assert "proved" in shown
