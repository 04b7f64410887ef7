"""What a benchmark needs: a sandbox in another process that answers as late as AWS does, and a command measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from runbook_lib.sandbox import Rule, World

NOW = datetime(2026, 3, 14, 15, 9, 26, 535_000, tzinfo=UTC)
ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
_HISTORY = timedelta(hours=30)


@dataclass(frozen=True)
class SandboxTarget:
    """A sandbox under latency: the environment that points at it, and what an incident's parameters name."""

    environment: Mapping[str, str]
    names: Mapping[str, str]

    def parameters(self, folder: Path, incident_id: str, **more: str | int) -> Path:
        """Write a parameter file whose archive lies in the same folder."""
        given = {"incident_id": incident_id, **self.names, "archive": str(folder / "archive"), **more}
        path = folder / f"{incident_id}.yaml"
        path.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in given.items()), encoding="utf-8")
        return path


@contextmanager
def sandbox(world: str, latency_ms: float) -> Iterator[SandboxTarget]:
    """Serve a world in another process, so that answering costs the measured one nothing but the wait."""
    with served_apart([__file__, world, str(latency_ms)]) as target:
        yield target


@contextmanager
def served_apart(script: Sequence[str]) -> Iterator[SandboxTarget]:
    """Start a script that ends in `serve_until_closed`, and close it at the end."""
    command = [sys.executable, *script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdin
        assert serving.stdout
        try:
            said = json.loads(serving.stdout.readline())
            yield SandboxTarget(said["environment"], said["names"])
        finally:
            serving.stdin.close()


def serve_until_closed(world: World, *rules: Rule) -> None:
    """Serve a world until stdin ends, having said how to reach it and what it is about."""
    from runbook_lib.sandbox import serve

    world.pipe  # noqa: B018  # what happened is worked out now, not within the first call
    setting = world.setting
    names = {"region": world.region, "table_name": setting.table, "function_name": setting.function}
    with serve(world, rules=rules) as served:
        print(json.dumps({"environment": served.environment, "names": names}), flush=True)
        sys.stdin.read()


@dataclass
class Cost:
    """What one command took: seconds until it ended and until it first printed, processor seconds, peak MB.

    Processor and memory are those of the command and of everything it started.
    """

    wall_s: float = 0.0
    first_line_s: float | None = None
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    code: int = 0
    printed: str = ""


_SLOWS = ("PYTHONDONTWRITEBYTECODE", "PYTHONDEVMODE", "PYTHONTRACEMALLOC")
"""What would make every process compile or watch what it imports, which nobody's second run does."""


def measured(command: Sequence[str | Path], environment: Mapping[str, str], folder: Path | None = None) -> Cost:
    """Run one command to its end; the environment is added to this process's own."""
    cost = Cost()
    began = time.monotonic()
    running = subprocess.Popen(
        [str(part) for part in command],
        env={name: value for name, value in os.environ.items() if name not in _SLOWS} | dict(environment),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    watch = _Watch(running.pid)
    assert running.stdout
    for line in running.stdout:
        cost.first_line_s = cost.first_line_s or time.monotonic() - began
        cost.printed += line
    _, status, used = os.wait4(running.pid, 0)
    cost.code = running.returncode = os.waitstatus_to_exitcode(status)
    cost.wall_s = time.monotonic() - began
    cost.peak_mb = watch.stop()
    cost.cpu_s = used.ru_utime + used.ru_stime
    return cost


@dataclass
class _Watch:
    """Looks every tenth of a second how much memory a process and its descendants hold together."""

    pid: int
    peak: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self.peak = max(self.peak, tree_mb(self.pid))

    def stop(self) -> float:
        """End the watch and give the peak in MB."""
        self._over.set()
        self._thread.join()
        return self.peak


def tree_mb(pid: int) -> float:
    """Give the resident memory of a process and its descendants, in MB; pages they share count for each."""
    total = 0.0
    try:
        for member in (process := psutil.Process(pid), *process.children(recursive=True)):
            total += member.memory_info().rss / 1e6
    except psutil.NoSuchProcess:
        pass
    return total


def together(costs: Sequence[Cost]) -> Cost:
    """Add up commands that ran one after the other."""
    return Cost(
        sum(cost.wall_s for cost in costs), None, sum(cost.cpu_s for cost in costs), max(cost.peak_mb for cost in costs)
    )


def spread(values: Sequence[float]) -> str:
    """Write a median with the least and the most."""
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    from runbook_lib.sandbox import build, latency

    serve_until_closed(build(sys.argv[1], NOW, seed=1, history=_HISTORY), latency(float(sys.argv[2])))
