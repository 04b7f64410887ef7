"""A batch: incidents per minute beside plain papermill runs two at a time, and what a worker holds in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import BIN, ROOT, SandboxTarget, sandbox, tree_mb
from one_incident import LATENCY_MS, WORLD

_PLAIN = """
mkdir -p {out}
for book in {books}/[0-9]*.ipynb; do
  {bin}/papermill $book {out}/$(basename $book) -f {parameters} -k python3 --no-progress-bar >/dev/null 2>&1
done
{bin}/jupyter nbconvert --to html {out}/10_diagnosis.ipynb >/dev/null 2>&1
"""
"""One incident as plain papermill does it: ten runs, and one page of the last notebook."""


@dataclass(frozen=True)
class BatchMeasures:
    """What both ways made of how many incidents, and the memory of our processes when each of ours had arrived."""

    number: int
    workers: int
    ours_s: float
    ours_cpu_s: float
    plain_number: int
    plain_s: float
    plain_cpu_s: float
    memory_mb: tuple[float, ...]

    @property
    def per_minute(self) -> float:
        """Incidents per minute of one command."""
        return self.number / self.ours_s * 60

    @property
    def plain_per_minute(self) -> float:
        """Incidents per minute of plain papermill runs."""
        return self.plain_number / self.plain_s * 60


def measure(number: int = 50, plain_number: int = 4, at_once: int = 2) -> BatchMeasures:
    """Investigate `number` incidents by one command, and `plain_number` by plain papermill, `at_once` at a time."""
    with sandbox(WORLD, LATENCY_MS) as target, TemporaryDirectory() as scratch:
        folder = Path(scratch)
        ours_s, ours_cpu_s, memory = _ours(target, folder, number, at_once)
        plain_s, plain_cpu_s = _plain(target, folder, plain_number, at_once)
    return BatchMeasures(number, at_once, ours_s, ours_cpu_s, plain_number, plain_s, plain_cpu_s, memory)


def _ours(target: SandboxTarget, folder: Path, number: int, at_once: int) -> tuple[float, float, tuple[float, ...]]:
    files = [target.parameters(folder, f"MANY-{place}") for place in range(number)]
    began, before = time.monotonic(), os.times()
    command = [str(BIN / "runbook"), "investigate", *map(str, files), "--workers", str(at_once)]
    memory: list[float] = []
    environment = {**os.environ, **target.environment}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        for line in running.stdout:
            if f" of {number}" in line[:12]:
                memory.append(tree_mb(running.pid))
    took, after = time.monotonic() - began, os.times()
    index = json.loads((folder / "archive" / "index.json").read_text(encoding="utf-8"))["incidents"]
    if [incident["status"] for incident in index] != ["fault"] * number or not all(
        incident["report"] for incident in index
    ):
        raise SystemExit("A batch that did not do all its incidents has no speed.")
    return took, _cpu(before, after), tuple(memory)


def _plain(target: SandboxTarget, folder: Path, number: int, at_once: int) -> tuple[float, float]:
    scripts = []
    for place in range(number):
        parameters = target.parameters(folder, f"PLAIN-{place}")
        out = folder / f"plain-{place}"
        script = folder / f"plain-{place}.sh"
        script.write_text(_PLAIN.format(out=out, books=ROOT / "notebooks", bin=BIN, parameters=parameters))
        scripts.append(script)
    began, before = time.monotonic(), os.times()
    subprocess.run(
        ["xargs", f"-P{at_once}", "-n1", "bash"],
        input="\n".join(map(str, scripts)),
        text=True,
        env={**os.environ, **target.environment},
        check=True,
    )
    took, after = time.monotonic() - began, os.times()
    if len(list(folder.glob("plain-*/10_diagnosis.html"))) != number:
        raise SystemExit("A plain run did not come to its page.")
    return took, _cpu(before, after)


def _cpu(before: os.times_result, after: os.times_result) -> float:
    return after.children_user - before.children_user + after.children_system - before.children_system


def rows(found: BatchMeasures) -> Iterator[str]:
    """Write the table of the page."""
    yield "| way | incidents | at once | seconds | incidents a minute | processor s each |"
    yield "|---|---|---|---|---|---|"
    yield (
        f"| `runbook investigate ... --workers {found.workers}` | {found.number} | {found.workers} | {found.ours_s:.0f}"
        f" | {found.per_minute:.1f} | {found.ours_cpu_s / found.number:.1f} |"
    )
    yield (
        f"| `xargs -P{found.workers}`, ten `papermill` runs and one `nbconvert` each | {found.plain_number}"
        f" | {found.workers} | {found.plain_s:.0f} | {found.plain_per_minute:.1f}"
        f" | {found.plain_cpu_s / found.plain_number:.1f} |"
    )


def words(found: BatchMeasures) -> Iterator[str]:
    """Write what follows from the table."""
    yield f"{found.per_minute / found.plain_per_minute:.1f} times as many incidents a minute."
    early, late = found.memory_mb[min(4, len(found.memory_mb) - 1)], found.memory_mb[-1]
    yield (
        f"Memory of all our processes together, {found.workers} workers and a kernel each where one runs:"
        f" {early:.0f} MB when the fifth had arrived, {late:.0f} MB when the last had; at most"
        f" {max(found.memory_mb):.0f} MB."
    )


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    result = measure(count, plain_number=2)
    print("\n".join((*rows(result), "", *words(result))))
