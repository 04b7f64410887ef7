"""Killed at any moment, a run loses nothing that it had: `replay` finishes it, and the folder is whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from worlds import HISTORY, NOW, incident_of, sandboxed

from runbook_lib.archive.record import is_sealed, verify
from runbook_lib.running import run
from runbook_lib.sandbox import World, build, latency

pytestmark = [pytest.mark.sampled, pytest.mark.xdist_group("killed")]
Moment = Callable[[Path, Any], bool]


def calls(number: int) -> Moment:
    """The moment at which AWS has been asked this often."""
    return lambda folder, sandbox: len(sandbox.journal) >= number


def lines(number: int) -> Moment:
    """The moment at which this many lines of evidence are on the disk."""
    return lambda folder, sandbox: sum(path.read_bytes().count(b"\n") for path in folder.glob("evidence/*")) >= number


def file(name: str, later_s: float = 0.0) -> Moment:
    """The moment at which a file of the run is there, or so many seconds after it."""

    def is_now(folder: Path, sandbox: Any) -> bool:
        if not (folder / name).exists():
            return False
        time.sleep(later_s)
        return True

    return is_now


MOMENTS: dict[str, Moment] = {
    **{f"after {number} calls": calls(number) for number in (1, 2, 5, 12, 25, 40, 55, 64)},
    **{f"with {number} lines of evidence": lines(number) for number in (1, 8, 30, 60)},
    "while judging": file("evidence/07-function_metrics.jsonl", 0.15),
    "with the verdict": file("verdict.json"),
    "while the kernel starts": file("verdict.json", 0.2),
    "in the first cells": file("verdict.json", 0.8),
    "while charts are drawn": file("verdict.json", 1.6),
    "with the executed notebook": file("runbook.ipynb"),
    "with the page": file("report.html"),
    "while sealing": file("timeline.jsonl"),
}
OFTEN = ("after 12 calls", "in the first cells")
"""The moments that every run of the tests tries; the others are slow."""


@pytest.fixture(scope="module")
def world() -> World:
    """A world whose mapping was paused."""
    return build("mapping-paused", NOW, seed=1, history=HISTORY)


def _folders(archive: Path) -> list[Path]:
    return [path for path in archive.glob("*/*") if path.is_dir()]


def _killed(world: World, home: Path, moment: Moment) -> Path | None:
    """Start an investigation as a process of its own and kill it, with its kernel, at a moment; gives its folder."""
    setting = world.setting
    parameters = home / "K.yaml"
    parameters.write_text(
        f"incident_id: K\nregion: {world.region}\ntable_name: {setting.table}\nfunction_name: {setting.function}\n"
        f"archive: {home / 'archive'}\n",
        encoding="utf-8",
    )
    with sandboxed(world, latency(15)) as sandbox:
        command = [sys.executable, "-m", "runbook_lib", "investigate", str(parameters)]
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        while running.poll() is None:
            folder = next(iter(_folders(home / "archive")), home / "none")
            if moment(folder, sandbox):
                break
            time.sleep(0.002)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    return next(iter(_folders(home / "archive")), None)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in OFTEN else pytest.mark.slow) for name in MOMENTS]
)
def test_replay_finishes_what_was_killed(name: str, world: World, tmp_path: Path) -> None:
    """What was recorded before the kill is all there, `replay` completes the folder in place, and `verify` passes."""
    folder = _killed(world, tmp_path, MOMENTS[name])
    if folder is None or not (folder / "evidence" / "00-run.jsonl").exists():
        assert name == "after 1 calls"
        return
    assert not is_sealed(folder)
    kept = {path: path.read_bytes() for path in folder.glob("evidence/*.jsonl")}
    for path, data in kept.items():
        whole, _, _ = data.rpartition(b"\n")
        assert all(json.loads(line) for line in whole.splitlines()), path
    done = run.replay(folder)
    assert done.folder == folder
    assert verify(folder) == ()
    assert done.report is not None
    assert all(
        (folder / name).stat().st_size for name in ("verdict.json", "report.html", "runbook.ipynb", "summary.md")
    )
    for path, data in kept.items():
        assert path.read_bytes().startswith(data[: data.rfind(b"\n") + 1])
    assert not list(folder.rglob(".*.part"))
    assert done.diagnosis.exit_code in (1, 2)


def test_two_investigations_of_one_incident_do_not_mix(world: World, tmp_path: Path) -> None:
    """Begun at the same moment, they have folders of their own, both whole, with the same calls and verdict."""
    with sandboxed(world), ThreadPoolExecutor(2) as pool:
        both = list(
            pool.map(lambda _: run.investigate(incident_of(world, "TWICE"), archive=tmp_path, report=False), range(2))
        )
    assert both[0].folder != both[1].folder
    assert [verify(done.folder) for done in both] == [(), ()]
    refs = [
        {
            json.loads(line).get("ref")
            for path in done.folder.glob("evidence/*.jsonl")
            for line in path.read_text(encoding="utf-8").splitlines()
        }
        for done in both
    ]
    assert refs[0] == refs[1]
    assert [cause.finding.id for cause in both[0].diagnosis.causes] == [
        cause.finding.id for cause in both[1].diagnosis.causes
    ]
