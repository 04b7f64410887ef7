"""A Dask cluster on loopback: how throughput grows with workers, and that a killed worker loses and doubles nothing."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from measure import BIN, sandbox
from one_incident import LATENCY_MS, WORLD
from runbook_lib.archive.record import is_sealed, verify
from runbook_lib.errors import CannotRun
from runbook_lib.incident import Incident
from runbook_lib.running.batch import BatchOptions, investigate_all, warm
from runbook_lib.running.fleet import workers


@dataclass
class Cluster:
    """A scheduler and its worker processes, all of them ours to end."""

    address: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def kill_a_worker(self) -> None:
        """Kill the first worker with everything it started, as a machine that fails would."""
        self.processes[1].kill()


@contextmanager
def cluster(number: int, environment: Mapping[str, str], folder: Path) -> Iterator[Cluster]:
    """Start a scheduler and `number` workers of one thread each on loopback."""
    where = folder / f"scheduler-{number}-{time.monotonic_ns()}.json"
    common = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(where)]
    started = [_start(["scheduler", "--port", "0", *common], environment, folder)]
    try:
        while not where.exists():
            time.sleep(0.1)
        command = ["worker", "--nthreads", "1", "--no-nanny", *common]
        started += [_start(command, environment, folder) for _ in range(number)]
        yield Cluster(json.loads(where.read_text(encoding="utf-8"))["address"], started)
    finally:
        for process in reversed(started):
            _end(process)


def _start(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [BIN / "dask", *command],
        env={**os.environ, **environment},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started; a nanny-less worker may not end by itself when its scheduler is gone."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        children = []
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in children:
        if child.is_running():
            child.kill()


@dataclass(frozen=True)
class ClusterMeasures:
    """Incidents per minute by number of workers; and of a run with a killed worker, what was found afterwards."""

    per_minute: Mapping[int, float]
    killed_wanted: int
    killed_found: int
    killed_folders: int
    killed_broken: tuple[str, ...]


def measure(each: int = 8, numbers: Sequence[int] = (1, 2, 4)) -> ClusterMeasures:
    """Investigate `each` incidents per worker on clusters of every size, and once more with a worker killed mid-run."""
    found: dict[int, float] = {}
    with sandbox(WORLD, LATENCY_MS) as target, TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for number in numbers:
            with cluster(number, target.environment, folder) as running:
                _ready(running, number)
                incidents = _incidents(target.names, folder, f"DASK-{number}", each * number)
                began = time.monotonic()
                documents = investigate_all(
                    incidents, BatchOptions(folder / "archive"), number=1, cluster=running.address
                )
                found[number] = len(incidents) / (time.monotonic() - began) * 60
                if any(document["exit_code"] != 1 for document in documents):
                    raise SystemExit("An incident on the cluster was not done: there is no throughput to tell.")
        return ClusterMeasures(found, *_killed(target.environment, target.names, folder, each))


def _ready(running: Cluster, number: int) -> None:
    """Wait until every worker is there and warm."""
    while True:
        with suppress(CannotRun), workers(1, warm, running.address) as (pool, at_once):
            if at_once == number:
                for future in [pool.submit(warm) for _ in range(number * 4)]:
                    future.result()
                return
        time.sleep(0.2)


def _killed(
    environment: Mapping[str, str], names: Mapping[str, str], folder: Path, each: int
) -> tuple[int, int, int, tuple[str, ...]]:
    with cluster(2, environment, folder) as running, ThreadPoolExecutor(1) as aside:
        _ready(running, 2)
        incidents = _incidents(names, folder, "KILLED", each * 2)
        archive = folder / "archive"
        batch: Future[list[dict[str, Any]]] = aside.submit(
            investigate_all, incidents, BatchOptions(archive), number=1, cluster=running.address
        )
        while len(list(archive.glob("KILLED-*/*/SHA256SUMS"))) < each // 2:
            time.sleep(0.05)
        running.kill_a_worker()
        documents = batch.result()
    folders = [path for path in archive.glob("KILLED-*/*") if path.is_dir()]
    broken = [f"{folder.name} is not finished" for folder in folders if not is_sealed(folder)]
    broken += [sentence for folder in folders if is_sealed(folder) for sentence in verify(folder)]
    right = sum(document["exit_code"] == 1 for document in documents)
    return len(incidents), right, len(folders), tuple(broken)


def _incidents(names: Mapping[str, str], folder: Path, name: str, number: int) -> list[Incident]:
    return [
        Incident.from_mapping({"incident_id": f"{name}-{place}", **names, "archive": str(folder / "archive")})
        for place in range(number)
    ]


def rows(found: ClusterMeasures) -> Iterator[str]:
    """Write the table of the page."""
    yield "| workers | incidents a minute | relative to one |"
    yield "|---|---|---|"
    for number, rate in found.per_minute.items():
        yield f"| {number} | {rate:.1f} | {rate / found.per_minute[1]:.2f} |"


def words(found: ClusterMeasures) -> Iterator[str]:
    """Write what follows from the table."""
    broken = f"; {'; '.join(found.killed_broken)}" if found.killed_broken else ", every one of them whole"
    yield (
        f"With one of two workers killed in the middle of {found.killed_wanted} incidents:"
        f" {found.killed_found} verdicts, {found.killed_folders} run folders{broken}."
    )


if __name__ == "__main__":
    result = measure(each=3)
    print("\n".join((*rows(result), "", *words(result))))
