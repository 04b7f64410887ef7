"""Mutation testing: the judging code is changed in one place at a time, and the tests run again.

python bench/mutation.py                     120 changes of every room, seed 1
python bench/mutation.py --sample            12 of every room
python bench/mutation.py --size N --seed S   so many, from another seed

A first run of the tests finds out which files of tests reach which function. Every change is then tried against those
files alone, the quickest first, until a test fails: the change was noticed; or none does: it survived. All of it
happens in copies of the tree that are thrown away. The exit code is 2 when the tests fail without any change, else 0.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mutants import ROOMS, Mutant, functions, modules, sample

ROOT = Path(__file__).parent.parent
PACKAGE = "runbook_lib"
SIZE, SAMPLE, SEED = 120, 12, 1
QUICK = ("-m", "not slow and not sampled and not browser", "--ignore=tests/browser", "--ignore=tests/sweep")
"""The tests of `make test`, but those of sweeps: they hold against rates by the second, which a busy machine misses."""

_SECONDS = itertools.count()

TOO_LONG_S = 600
"""Seconds of a processor: a change under which the tests take longer is noticed by whoever waits for them."""


@dataclass(frozen=True)
class Reach:
    """Which files of tests run which function, and how many seconds of a processor each file takes."""

    files: Mapping[tuple[str, str], frozenset[str]]
    seconds: Mapping[str, float]

    def of(self, mutant: Mutant) -> list[str]:
        """The files to try against a change, the quickest first.

        A constant, and what runs while modules are imported, is tried against all that its module's functions are; a
        table without functions against all that its room's are.
        """
        path = str(mutant.path)
        found = self.files.get((path, mutant.function)) or self._of({path})
        if not found and not any(functions(ast.parse((ROOT / path).read_bytes()))):
            found = self._of({str(path.relative_to(ROOT)) for path in modules(ROOT / PACKAGE, mutant.room)})
        return sorted(found, key=lambda file: (self.seconds[file], file))

    def _of(self, paths: Set[str]) -> frozenset[str]:
        return frozenset().union(*(files for (path, _), files in self.files.items() if path in paths))


@dataclass(frozen=True)
class Tried:
    """What became of a change: the test that noticed it, or nothing, and how long that took."""

    mutant: Mutant
    by: str
    seconds: float

    def __str__(self) -> str:
        fate = f"noticed by {self.by}" if self.by else "SURVIVED"
        return f"{self.mutant}: {fate} ({self.seconds:.0f} s)"


def copy_tree(to: Path) -> Path:
    """Copy what git knows or would take up, as a repository of its own, for some tests ask git for the files."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    for command in (["git", "init", "--quiet"], ["git", "add", "--all"]):
        subprocess.run(command, cwd=to, check=True)
    return to


def pytest(tree: Path, runs: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run tests in a copy of the tree; worlds that were investigated once are shared through `runs`."""
    ours = {"PYTHONPATH": os.pathsep.join(map(str, (tree, tree / "bench"))), "RUNBOOK_TEST_RUNS": str(runs), **more}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | ours
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *QUICK, *arguments]
    limited = ["bash", "-c", f'ulimit -t {TOO_LONG_S} && exec "$@"', "bash", *command]
    return subprocess.run(limited, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def reach(tree: Path, runs: Path, jobs: int) -> Reach:
    """Run the tests once without any change. Raises `SystemExit` when one fails."""
    with tempfile.TemporaryDirectory() as folder:
        ran = pytest(tree, runs, "-p", "reached", f"-n{jobs}", "--dist=loadfile", RUNBOOK_REACHED=folder)
        if ran.returncode:
            print(ran.stdout[-4000:], ran.stderr[-2000:], file=sys.stderr)
            raise SystemExit(2)
        files: dict[tuple[str, str], set[str]] = defaultdict(set)
        seconds: Counter[str] = Counter()
        for part in Path(folder).glob("*.json"):
            for file, seen in json.loads(part.read_text(encoding="utf-8")).items():
                seconds[file] += seen["seconds"]
                for path, function in seen["functions"]:
                    files[path, function].add(file)
    return Reach({name: frozenset(found) for name, found in files.items()}, seconds)


def tried(mutant: Mutant, tree: Path, runs: Path, files: Sequence[str]) -> Tried:
    """Try one change in a copy of the tree, and undo it. What no test reaches has survived."""
    if not files:
        return Tried(mutant, "", 0)
    path, began = tree / mutant.path, time.monotonic()
    whole, when = path.read_bytes(), path.stat().st_mtime
    path.write_bytes(mutant.applied(whole))
    # Python keeps compiled code by the second and size of its source: a second of its own for every change.
    os.utime(path, (when, when + 1 + next(_SECONDS)))
    try:
        ran = pytest(tree, runs, "-x", "-n0", *files)
    finally:
        path.write_bytes(whole)
        os.utime(path, (when, when))
    return Tried(mutant, _who(ran) if ran.returncode else "", time.monotonic() - began)


def _who(ran: subprocess.CompletedProcess[str]) -> str:
    """The first test that failed, or what kept the tests from running to their end."""
    if ran.returncode < 0:
        return "tests that do not end"
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", ran.stdout, re.MULTILINE)
    return failed[1] if failed else (ran.stderr.strip() or ran.stdout.strip()).splitlines()[-1]


def try_all(chosen: Sequence[Mutant], jobs: int) -> list[Tried]:
    """Try every change, several at a time, and say how it goes."""
    with tempfile.TemporaryDirectory(prefix="runbook-mutation-") as folder:
        trees: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(jobs):
            trees.put(copy_tree(Path(folder) / f"tree-{number}"))
        runs = Path(folder) / "runs"
        runs.mkdir()
        reached = reach(Path(folder) / "tree-0", runs, jobs)

        def run(mutant: Mutant) -> Tried:
            tree = trees.get()
            try:
                return tried(mutant, tree, runs, reached.of(mutant))
            finally:
                trees.put(tree)

        results = []
        with ThreadPoolExecutor(jobs) as pool:
            for found in pool.map(run, chosen):
                results.append(found)
                print(found, flush=True)
        return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Try what is asked for; see the module."""
    parser = argparse.ArgumentParser(description="Change the judging code in one place at a time; see who notices.")
    parser.add_argument("--sample", action="store_true", help=f"{SAMPLE} changes of every room")
    parser.add_argument("--size", type=int, default=SIZE, help="how many changes of every room")
    parser.add_argument("--seed", type=int, default=SEED, help="which ones")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1), help="processes")
    asked = parser.parse_args(arguments)
    results = try_all(sample(ROOT / PACKAGE, SAMPLE if asked.sample else asked.size, asked.seed), asked.jobs)
    print()
    for room in ROOMS:
        there = [result for result in results if result.mutant.room == room]
        print(f"{room}: {sum(bool(result.by) for result in there)} of {len(there)} noticed")
    print(f"{sum(bool(result.by) for result in results)} of {len(results)} noticed, seed {asked.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
