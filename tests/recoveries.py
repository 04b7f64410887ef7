"""What may happen between two runs: a world repaired, repaired wrongly, left alone or broken anew; and the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from worlds import ARCHIVE, HISTORY, NOW, incident_of, sandboxed

import apply_remedies
from remedy_effects import Clients, records_due, records_reached
from runbook_lib.running import run
from runbook_lib.sandbox import World, Write, build

HALF_AN_HOUR = timedelta(minutes=30)
Deed = Callable[[Clients, World], object]


def _brake(clients: Clients, world: World) -> None:
    clients("lambda").put_function_concurrency(FunctionName=world.setting.function, ReservedConcurrentExecutions=0)


def _pause(clients: Clients, world: World) -> None:
    clients("lambda").update_event_source_mapping(UUID=world.mapping.uuid, Enabled=False)


def _run_a_few_more_batches(clients: Clients, world: World) -> None:
    """R14 with care: what waits takes most of an hour to drain, which is long enough to be foretold."""
    clients("lambda").update_event_source_mapping(UUID=world.mapping.uuid, ParallelizationFactor=3)


@dataclass(frozen=True)
class Course:
    """What can be done to a fault's world: the cure, a remedy that is none, and another way to break it.

    `lasts` is how long after the cure the second run begins.
    """

    cure: Deed
    wrong: Deed
    breaks: Deed = _brake
    broken: str = "reserved-concurrency-zero"
    lasts: timedelta = HALF_AN_HOUR


COURSES: Mapping[str, Course] = {
    "mapping-paused": Course(apply_remedies.enable_mapping, apply_remedies.free_concurrency),
    "paused-behind-a-schedule": Course(apply_remedies.enable_mapping, apply_remedies.deploy_last_good_code),
    "stream-recreated": Course(apply_remedies.map_latest_stream, apply_remedies.enable_mapping),
    "stream-disabled": Course(apply_remedies.switch_stream_on, apply_remedies.enable_mapping),
    "filter-without-type-descriptor": Course(apply_remedies.remove_filter, apply_remedies.enable_mapping),
    "role-lost-getrecords": Course(apply_remedies.grant_reads, apply_remedies.restore_trust),
    "concurrency-zero": Course(
        apply_remedies.free_concurrency, apply_remedies.enable_mapping, _pause, "esm-disabled-by-user"
    ),
    "import-error-after-deploy": Course(apply_remedies.deploy_last_good_code, apply_remedies.free_concurrency),
    "poison-record": Course(apply_remedies.skip_failing_batch, apply_remedies.deploy_last_good_code),
    "retries-exhausted": Course(apply_remedies.deploy_last_good_code, apply_remedies.keep_records),
    "reserved-too-low": Course(
        apply_remedies.free_concurrency,
        apply_remedies.enable_mapping,
        _pause,
        "esm-disabled-by-user",
        timedelta(minutes=12),
    ),
    "release-too-slow": Course(_run_a_few_more_batches, apply_remedies.free_concurrency, lasts=timedelta(minutes=12)),
}


def _silence(clients: Clients, world: World) -> None:
    world.set_traffic(world.now, per_minute=0)


KINDS: Mapping[str, Callable[[Course], tuple[tuple[Deed, ...], timedelta]]] = {
    "fixed": lambda course: ((course.cure,), course.lasts),
    "left alone": lambda course: ((), HALF_AN_HOUR),
    "broken otherwise": lambda course: ((course.cure, course.breaks), HALF_AN_HOUR),
    "fixed just now": lambda course: ((course.cure,), timedelta(seconds=20)),
    "nobody writes": lambda course: ((_silence, course.cure), HALF_AN_HOUR),
    "wrong remedy": lambda course: ((course.wrong,), HALF_AN_HOUR),
}


@dataclass(frozen=True)
class Pair:
    """Two runs and the truth between them. `handled`: records reached the function since what was done.

    `waiting`: the oldest record that waits, or was written since and given up, is this old, None without one.
    `drains`: of a cure, how long after the second run records are handed over within a minute again, None if never.
    """

    before: Path
    after: Path
    handled: bool
    waiting: timedelta | None
    drains: timedelta | None

    @property
    def recovered(self) -> bool:
        """Whether the trigger has recovered in truth."""
        return self.handled and (self.waiting is None or self.waiting < timedelta(minutes=3))


@cache
def _before(name: str) -> Path:
    world = build(name, NOW, seed=1, history=HISTORY)
    with sandboxed(world):
        return run.investigate(incident_of(world, f"R-{name}"), archive=ARCHIVE, report=False).folder


@cache
def pair_of(name: str, kind: str) -> Pair:
    """Run a world before and after; the same arguments give the same two runs."""
    world = build(name, NOW, seed=1, history=HISTORY)
    deeds, lasts = KINDS[kind](COURSES[name])
    had = records_reached(world)
    with sandboxed(world) as sandbox:
        clients = Clients(sandbox.url, world.region)  # type: ignore[attr-defined]
        for deed in deeds:
            deed(clients, world)
        world.advance(lasts)
        after = run.investigate(incident_of(world, f"R-{name}"), archive=ARCHIVE, report=False).folder
    handled, waiting = records_reached(world).total() > had.total(), _waiting(world, NOW)
    return Pair(_before(name), after, handled, waiting, _drains(world) if kind == "fixed" else None)


def _waiting(world: World, since: datetime) -> timedelta | None:
    got: Counter[Write] = records_reached(world)
    own = [world.pipe.cursors[uuid] for uuid, mapping in world.state.mappings.items()
           if mapping.function_name == world.setting.function and mapping.stream_arn == _latest(world)]  # fmt: skip
    missing = [write for write in records_due(world, since, world.now) if write not in got]
    missing += [cursor.oldest for cursor in own if cursor.oldest]
    return timedelta(seconds=world.now.timestamp() - min(missing).at) if missing else None


def _drains(world: World) -> timedelta | None:
    asked = world.now
    world.advance(timedelta(hours=2))
    flows = world.pipe.flows.get(world.mapping.uuid, {}).items()
    kept_up = (60 * at for at, flow in flows if flow.ages and max(flow.ages) < 60_000)
    later = [at - asked.timestamp() for at in kept_up if at >= asked.timestamp()]
    return timedelta(seconds=min(later)) if later else None


def _latest(world: World) -> str:
    return world.table.latest.arn(world.scope) if world.table.latest else ""
