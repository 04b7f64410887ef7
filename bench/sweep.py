"""Sweeps of 10 to 5,000 triggers against a sandbox that enforces AWS's rates, each side in a fresh process.

python bench/sweep.py               10, 100, 1,000 and 5,000 triggers
python bench/sweep.py 10 100        these sizes
python bench/sweep.py --check       and end with 1 where a broken trigger was missed, one invented, or a call throttled

Three of a hundred triggers are broken, in ways that mapping, table or metrics show; some of the others have nothing to
deliver, and a few streams have no reader. The exit code is 2 when nothing ran.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

SIZES = (10, 100, 1_000, 5_000)
BROKEN = 0.03
UNREAD = 5
NOW = datetime(2026, 3, 14, 15, 9, 26, 535_000, tzinfo=UTC)
REGION = "eu-west-1"
THROTTLES = {"ThrottlingException", "Throttling", "TooManyRequestsException", "LimitExceededException"}


@dataclass(frozen=True)
class SweepRow:
    """One sweep: what it asked, how long it took, the most memory its process held, and what it found."""

    triggers: int
    calls: int
    wall_s: float
    peak_mb: int
    throttled: int
    planted: int
    found: int
    invented: int
    orphans: int

    @property
    def calls_per_trigger(self) -> float:
        """How many calls each trigger cost, the lists and the caller's identity included."""
        return self.calls / self.triggers

    @property
    def is_sound(self) -> bool:
        """Whether all that is broken was found, nothing was invented and nothing throttled."""
        return self.found == self.planted and not self.invented and not self.throttled


def rows(sizes: Iterable[int] = SIZES) -> Iterator[SweepRow]:
    """Sweep fleets of these sizes, one after the other."""
    for size in sizes:
        yield measure(size)


def measure(size: int) -> SweepRow:
    """Sweep one fleet: the sandbox in one process, the sweep in another."""
    serving = subprocess.Popen(
        [sys.executable, __file__, "--serve", str(size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert serving.stdin is not None
    assert serving.stdout is not None
    with serving:
        served = json.loads(serving.stdout.readline())
        environment = {**os.environ, **served["environment"], "RUNBOOK_PACE": "aws"}
        ran = subprocess.run(
            [sys.executable, __file__, "--sweep"], env=environment, capture_output=True, text=True, check=True
        )
        serving.stdin.close()
        errors, calls = json.loads(serving.stdout.readline())
    swept = json.loads(ran.stdout)
    wrong, broken = set(swept["wrong"]), set(served["broken"])
    return SweepRow(
        triggers=swept["triggers"],
        calls=calls,
        wall_s=swept["wall_s"],
        peak_mb=swept["peak_mb"],
        throttled=sum(error in THROTTLES for error in errors),
        planted=len(broken),
        found=len(wrong & broken),
        invented=len(wrong - broken),
        orphans=swept["orphans"],
    )


def table(found: Iterable[SweepRow]) -> Iterator[str]:
    """Give the rows as Markdown."""
    yield "| triggers | calls | per trigger | seconds | peak MB | throttled | broken | found | invented |"
    yield "|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    for row in found:
        yield (
            f"| {row.triggers:,} | {row.calls:,} | {row.calls_per_trigger:.2f} | {row.wall_s:.1f} | {row.peak_mb} "
            f"| {row.throttled} | {row.planted} | {row.found} | {row.invented} |"
        )


def _serve(size: int) -> None:
    """Serve a fleet until stdin ends; say how to reach it and what is broken, and at the end what was asked."""
    from runbook_lib.sandbox import Fleet, kind, mixed, serve

    fleet = Fleet(mixed(size, max(1, round(BROKEN * size)), UNREAD, partial(kind, now=NOW)))
    broken = [member.table for member in fleet.members if member.kind.broken]
    with serve(fleet, rates=True) as sandbox:
        print(json.dumps({"environment": sandbox.environment, "broken": broken}), flush=True)
        sys.stdin.read()
        print(json.dumps([[entry.error for entry in sandbox.journal], len(sandbox.journal)]), flush=True)


def _sweep() -> None:
    """Sweep what the environment points at, and say what that took."""
    from runbook_lib.sweep.area import Area
    from runbook_lib.sweep.everywhere import SweepOptions, sweep_all

    with tempfile.TemporaryDirectory() as archive:
        began = time.monotonic()
        document = sweep_all([Area(REGION)], SweepOptions(Path(archive), timeout_s=3600))
        took = time.monotonic() - began
    wrong = [
        connection["table"]
        for connection in document["triggers"]
        if connection["outcome"] not in ("quiet", "nothing_seen")
    ]
    found: dict[str, Any] = {
        "triggers": len(document["triggers"]),
        "orphans": len(document["orphaned_streams"]),
        "wrong": wrong,
        "wall_s": took,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(found))


def main() -> int:
    """Run what is asked for; see the module."""
    parser = argparse.ArgumentParser(description="Sweep fleets of triggers and measure what that takes.")
    parser.add_argument("sizes", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--check", action="store_true", help="end with 1 where something was missed or invented")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--sweep", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve is not None:
        _serve(asked.serve)
        return 0
    if asked.sweep:
        _sweep()
        return 0
    found = []
    for row in rows(asked.sizes):
        found.append(row)
        print(list(table([row]))[-1], file=sys.stderr)
    if not found:
        return 2
    print("\n".join(table(found)))
    return int(asked.check and not all(row.is_sound for row in found))


if __name__ == "__main__":
    sys.exit(main())
