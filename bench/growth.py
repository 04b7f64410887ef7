"""How one investigation grows with the account: trail events, log lines, shards, mappings and metric points.

python bench/growth.py               every kind at once, ten and a hundred times its size
python bench/growth.py trail shards  these kinds

Each investigation is a process of its own, without a report, against a sandbox without latency: what grows is work.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from measure import BIN, NOW, Cost, SandboxTarget, measured, served_apart
from runbook_lib.sandbox import BROKEN_HANDLER, PIPELINE, Code, Setting, World, build

FACTORS = (1, 10, 100)
_HISTORY = timedelta(hours=50)
_FORTNIGHT = timedelta(days=15)


def _paused(history: timedelta = _HISTORY, **setting: Any) -> World:
    return build("mapping-paused", NOW, seed=1, history=history, **setting)


def _talkative(per_minute: float) -> World:
    """A release fails in a function that logs every invocation."""
    world = World(NOW, 1, setting=Setting(logged_per_minute=100_000), history=_HISTORY)
    world.set_traffic(world.start, per_minute=per_minute)
    world.deploy(
        world.now - timedelta(hours=4), world.setting.function, Code("r42", always=BROKEN_HANDLER), by=PIPELINE
    )
    return world


@dataclass(frozen=True)
class GrowthKind:
    """Something that an account may have a hundred times more of. `size` names it at a factor."""

    size: Callable[[int], str]
    world: Callable[[int], World]
    parameters: Callable[[int], Mapping[str, int]] = lambda factor: {}


KINDS: Mapping[str, GrowthKind] = {
    "trail": GrowthKind(lambda n: f"{1_000 * n:,} changes a day", lambda n: _paused(teams=100 * n)),
    "log": GrowthKind(lambda n: f"{10_000 * n:,} log lines", lambda n: _talkative(2 * n)),
    "shards": GrowthKind(
        lambda n: f"{20 * n:,} shards", lambda n: _paused(table_fields={"partitions": round(2.9 * n)})
    ),
    "mappings": GrowthKind(lambda n: f"{10 * n:,} more mappings", lambda n: _paused(other_sources=10 * n)),
    "metrics": GrowthKind(
        lambda n: f"{round(3.36 * n)} hours of metrics",
        lambda n: _paused(history=_FORTNIGHT),
        lambda n: {"lookback_hours": round(3.36 * n)},
    ),
}


@dataclass(frozen=True)
class GrowthRow:
    """One investigation: its cost, its calls, its verdict, and what it says was cut short or sampled."""

    kind: str
    factor: int
    cost: Cost
    calls: int
    cause: str
    capped: tuple[str, ...]


def rows(kinds: Iterable[str] = tuple(KINDS), factors: Iterable[int] = FACTORS) -> Iterator[GrowthRow]:
    """Investigate every kind at every size."""
    sizes = tuple(factors)
    for kind in kinds:
        for factor in sizes:
            with served_apart([__file__, "--serve", kind, str(factor)]) as target, TemporaryDirectory() as scratch:
                yield _row(kind, factor, target, Path(scratch))


def _row(kind: str, factor: int, target: SandboxTarget, folder: Path) -> GrowthRow:
    parameters = target.parameters(folder, "GROWTH", **KINDS[kind].parameters(factor))
    cost = measured([BIN / "runbook", "investigate", parameters, "--no-report", "--json"], target.environment)
    if cost.code not in (1, 2):
        raise SystemExit(f"{kind} x {factor} ended with {cost.code}: {cost.printed[-300:]}")
    verdict = json.loads(cost.printed)
    calls = sum(
        path.read_bytes().count(b"\n")
        for path in Path(verdict["run_folder"]).glob("evidence/*")
        if path.name[:2] != "00"
    )
    told = [*verdict["coverage"]["missing"], *(gap["reason"] for gap in verdict["gaps"])]
    capped = tuple(words for words in told if "cut short" in words or "sampled" in words or "of its" in words)
    return GrowthRow(
        kind, factor, cost, calls, verdict["causes"][0]["id"] if verdict["causes"] else "undetermined", capped
    )


def table(found: Iterable[GrowthRow]) -> Iterator[str]:
    """Give the rows as Markdown."""
    yield "| what grows | size | calls | seconds | processor s | peak MB | cause | said to be cut short |"
    yield "|---|---|---:|---:|---:|---:|---|---|"
    for row in found:
        yield (
            f"| {row.kind} | {KINDS[row.kind].size(row.factor)} | {row.calls} | {row.cost.wall_s:.1f}"
            f" | {row.cost.cpu_s:.1f} | {row.cost.peak_mb:.0f} | {row.cause} | {' '.join(row.capped) or '–'} |"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        from measure import serve_until_closed

        serve_until_closed(KINDS[sys.argv[2]].world(int(sys.argv[3])))
    else:
        print("\n".join(table(rows(sys.argv[1:] or tuple(KINDS)))))
