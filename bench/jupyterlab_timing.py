"""JupyterLab as a person uses it, in Chromium: from Run to output, on the recorded example and against a sandbox."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

from measure import ROOT, sandbox
from one_incident import LATENCY_MS, WORLD
from runbook_lib.report.pdf import browser

TOKEN = "only-for-this-machine"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
_SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
"""Every cell stays in the page, also one that is scrolled away; nothing outside this machine is asked for news."""

_ALL_RAN = r"""() => {
    const prompts = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')];
    return prompts.length && prompts.every(prompt => /^\[\d+\]:$/.test(prompt.textContent.trim()));
}"""
"""Whether every code cell carries an execution count: `[*]` is still running, `[ ]` has not been run."""


@contextmanager
def jupyterlab(home: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Start a JupyterLab on a copy of notebooks and parameters in `home`; gives its address."""
    for part in ("notebooks", "params"):
        shutil.copytree(ROOT / part, home / part)
    for name, setting in _SETTINGS.items():
        path = home / ".jupyter" / "lab" / "user-settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(setting), encoding="utf-8")
    around = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port=0"),
        *(f"--ServerApp.root_dir={home}", "--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0"),
    ]
    own = {**around, **environment, "HOME": str(home), "JUPYTER_TOKEN": TOKEN}
    with subprocess.Popen(command, env=own, stderr=subprocess.PIPE, text=True) as server:
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
    raise SystemExit("JupyterLab did not start")


def open_notebook(page: Page, lab: str, name: str) -> None:
    """Open a notebook, wait for its kernel, and clear its outputs."""
    page.goto(f"{lab}/lab/tree/notebooks/{name}?token={TOKEN}&reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=120_000)
    _choose(page, "Edit", "Clear Outputs of All Cells")


def run_all(page: Page) -> str:
    """Run every cell, and give the text of the outputs once no cell is busy."""
    _choose(page, "Run", "Run All Cells")
    page.wait_for_function(_ALL_RAN, timeout=120_000)
    return "\n".join(page.locator(".jp-Notebook .jp-OutputArea").all_inner_texts())


def _choose(page: Page, menu: str, item: str) -> None:
    """Choose an item of JupyterLab's menu bar."""
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{menu}$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{item}$")).click()


@dataclass(frozen=True)
class Timed:
    """What was run, and the seconds from Run to the last output."""

    what: str
    seconds: float


def measure() -> tuple[Timed, ...]:
    """Run the diagnosis on the recorded example, and one step and the diagnosis live against a sandbox."""
    chromium = browser()
    if not chromium:
        raise SystemExit("JupyterLab is measured in Chromium, and there is none.")
    with TemporaryDirectory() as offline_home, TemporaryDirectory() as other, sandbox(WORLD, LATENCY_MS) as target:
        with jupyterlab(Path(offline_home), {}) as lab:
            recorded = _timed(chromium, lab, "10_diagnosis.ipynb", "`10_diagnosis`, the recorded example")
        with jupyterlab(Path(other), target.environment) as lab:
            step = _timed(chromium, lab, "03_event_source_mappings.ipynb", "`03_event_source_mappings`, live")
            live = _timed(chromium, lab, "10_diagnosis.ipynb", "`10_diagnosis` alone, live")
    return (recorded, step, live)


def _timed(chromium: str, lab: str, name: str, what: str) -> Timed:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        page = running.new_page(viewport={"width": 1400, "height": 1000})
        open_notebook(page, lab, name)
        began = time.monotonic()
        run_all(page)
        took = time.monotonic() - began
        running.close()
    return Timed(what, took)


def table(found: tuple[Timed, ...]) -> Iterator[str]:
    """Give the rows as Markdown."""
    yield "| notebook | seconds from Run to the last output |"
    yield "|---|---:|"
    for timed in found:
        yield f"| {timed.what} | {timed.seconds:.1f} |"


if __name__ == "__main__":
    print("\n".join(table(measure())))
