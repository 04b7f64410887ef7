"""Every pair of families of reads denied: an investigator who sees too little must not say that nothing is wrong.

python bench/blind.py                        12 worlds, those of the catalogue and rows of `axes`, evenly spread
python bench/blind.py --worlds N             so many
python bench/blind.py --world NAME ...       these: faults of the catalogue, or rows by name

A family is what the same steps ask of one service. Exit code 0 is never given for a broken world; for a healthy one
only where recent records were seen handled and can be this mapping's, or nothing was written and no cause is unseen
for want of a read.
The exit code of this program is 1 when it was given otherwise.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations

from axes import AxisRow, covering, told
from runbook_lib.findings import FINDINGS
from runbook_lib.judging.diagnosis import Diagnosis, GapImpact, Status
from runbook_lib.sandbox import Fault, World, all_faults
from runbook_lib.steps import STEPS
from scoreboard import NOW, SEED, spread
from serve_world import declared_actions, served_world

METRICS, LISTING = "cloudwatch:GetMetricData", "lambda:ListEventSourceMappings"
Family = tuple[str, ...]


def families() -> tuple[Family, ...]:
    """The declared actions by service and by the steps that need them."""
    found: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for action in declared_actions():
        steps = tuple(number for number, step in STEPS.items() if action in step.permissions)
        found.setdefault((action.partition(":")[0], steps), []).append(action)
    return tuple(tuple(actions) for actions in found.values())


def pairs() -> tuple[Family, ...]:
    """The actions of each family, and of each two."""
    each = families()
    return (*each, *(one + other for one, other in combinations(each, 2)))


@dataclass(frozen=True)
class AllClear:
    """An exit code 0 that should not have been given, and what had been denied."""

    world: str
    denied: Family
    why: str

    @property
    def line(self) -> str:
        """Say it for a terminal."""
        return f"{self.world}: no_fault though {self.why}; denied: {', '.join(self.denied) or 'nothing'}"


def build(name: str) -> tuple[World, bool]:
    """A world by name, a fault's or a row's, and whether it is broken."""
    if ":" in name:
        world, truth = told(AxisRow.parse(name), NOW, SEED)
        return world, bool(truth.causes)
    fault: Fault = all_faults()[name]
    return fault.build(NOW, SEED), fault.expects is not None


def why_not(world: World, broken: bool, denied: Family, found: Diagnosis) -> str:
    """Say why this all-clear is none; empty where it may be given, or was not."""
    if found.status is not Status.NO_FAULT:
        return ""
    if broken:
        return "it is broken"
    if _nothing_written(world):
        unseen = sorted({impact.gap.call for impact in found.gaps if _needed(impact)} & set(denied))
        return f"nothing was written and {', '.join(unseen)} was needed" if unseen else ""
    if METRICS in denied:
        return "no record was seen handled"
    mappings = [one for one in world.state.mappings.values() if one.function_name == world.setting.function]
    if world.state.mappings[world.mapping.uuid].event_count:
        return ""
    if LISTING in denied:
        return "what was handled can be another mapping's, and the mappings are unread"
    return "what was handled can be another mapping's" if len(mappings) > 1 else ""


def _needed(impact: GapImpact) -> bool:
    """Whether a cause could not be looked for; what contributes, and what few accounts can see, hides no fault."""
    return any(FINDINGS[id].may_hide_a_fault for id in impact.findings)


def _nothing_written(world: World) -> bool:
    """Whether nobody changed anything in the last hour."""
    minute = int(world.now.timestamp() // 60)
    counted = world.pipe.written.get(world.table.name, {})
    return not any(counted[minute - back].total() for back in range(61) if minute - back in counted)


def run(name: str, denials: Sequence[Family]) -> list[AllClear]:
    """Investigate one world with each of these sets of actions denied, and with none."""
    world, broken = build(name)
    with served_world(world) as served:
        found = ((denied, served.investigate(*denied).diagnosis) for denied in ((), *denials))
        judged = ((denied, why_not(world, broken, denied, diagnosis)) for denied, diagnosis in found)
        return [AllClear(name, denied, why) for denied, why in judged if why]


def worlds(number: int) -> Iterator[str]:
    """Half of them of the catalogue, half of the covering array, each evenly spread."""
    yield from spread(tuple(all_faults()), number - number // 2)
    yield from (row.id for row in spread(covering(), number // 2))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; see the module."""
    parser = argparse.ArgumentParser(description="Deny every pair of families of reads, and look for false all-clears.")
    parser.add_argument("--worlds", type=int, default=12, help="how many worlds")
    parser.add_argument("--world", nargs="+", default=[], help="worlds by name")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1), help="processes")
    asked = parser.parse_args(arguments)
    names, denials = asked.world or list(worlds(asked.worlds)), pairs()
    false: list[AllClear] = []
    with ProcessPoolExecutor(max_workers=asked.jobs) as pool:
        for name, more in zip(names, pool.map(partial(run, denials=denials), names), strict=True):
            false += more
            print(f"{name}: {len(more)} false of {len(denials) + 1}", *(one.line for one in more), sep="\n    ")
    print(f"{len(names)} worlds, {len(denials)} sets of denied reads: {len(false)} false all-clears")
    return int(bool(false))


if __name__ == "__main__":
    sys.exit(main())
