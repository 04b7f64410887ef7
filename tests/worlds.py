"""Worlds of the sandbox under investigation, each investigated once per session of tests and shared."""

from __future__ import annotations

import atexit
import fcntl
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TypeVar
from unittest import mock

import pytest

import scoreboard
from runbook_lib.archive.record import EVIDENCE, Record
from runbook_lib.evidence import Evidence
from runbook_lib.incident import Incident
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.permissions import policy
from runbook_lib.running import run
from runbook_lib.running.investigation import Investigation
from runbook_lib.sandbox import Fault, JournalEntry, Rule, World, all_faults, allow_only, build, serve
from score import Score, score
from serve_world import served_world

NOW = datetime(2026, 3, 14, 15, 9, 26, 535_000, tzinfo=UTC)
HISTORY = timedelta(hours=30)
"""A little more than an investigation looks back at first: worlds with a longer past take longer to build."""

A_MOMENT = timedelta(minutes=30)
"""The past of a world that is asked for something else than what happened."""

FAST = (
    *("healthy", "mapping-on-alias", "no-table-writes", "stream-disabled", "stream-recreated", "mapping-deleted"),
    *("mapping-paused", "role-lost-getrecords", "concurrency-zero", "poison-record", "import-error-after-deploy"),
    *("trail-denied",),
)
"""The faults that every run of the tests investigates; the others are marked slow, and are on the scoreboard."""

TRIED = (
    *("stale-arn-and-policy-pinned-to-it", "brake-pulled-on-a-poisoned-shard", "paused-and-nobody-writes"),
    "poller-stands-still-after-a-release",
)
"""The trials that every run of the tests investigates."""

Test = TypeVar("Test", bound=Callable[..., object])


def in_world(name: str) -> Callable[[Test], Test]:
    """Mark a test to run where the others of this world run; one of a world of its own is slow."""

    def mark(test: Test) -> Test:
        grouped: Test = pytest.mark.xdist_group(name)(test)
        return grouped if name in (*FAST, *TRIED) else pytest.mark.slow(grouped)

    return mark


ARCHIVE = Path(tempfile.mkdtemp(prefix="runbook-tests-"))
atexit.register(shutil.rmtree, ARCHIVE, ignore_errors=True)

RUNS = Path(os.environ.get("RUNBOOK_TEST_RUNS") or ARCHIVE / "runs")
"""What was recorded once for all processes of a session of tests; see `conftest.py`."""

_TRUTHS = "truths.pickle"


@dataclass(frozen=True)
class Investigated:
    """A fault, the run that investigated it, and every call that the sandbox saw.

    `began` is when the fault's change was made, `oldest_unread` when the oldest write was made that never reached the
    function: the truths that the diagnosis is held to. The world itself is let go, as it is large.
    """

    fault: Fault
    began: datetime | None
    oldest_unread: datetime | None
    folder: Path
    diagnosis: Diagnosis
    journal: tuple[JournalEntry, ...]
    violations: tuple[str, ...]


def incident_of(world: World, incident_id: str, **more: object) -> Incident:
    """Give the parameters that an on-call engineer would write for a world."""
    setting = world.setting
    return Incident.from_mapping(
        {
            "incident_id": incident_id,
            "region": world.region,
            "table_name": setting.table,
            "function_name": setting.function,
            **more,
        }
    )


@contextmanager
def sandboxed(world: World, *rules: Rule) -> Iterator[object]:
    """Serve a world and point this process at it, away from whatever else is configured."""
    with serve(world, rules=rules) as sandbox, mock.patch.dict(os.environ, sandbox.environment):
        yield sandbox


@cache
def investigated(name: str, *rules: Rule, event_count: bool = False) -> Investigated:
    """Investigate a fault over HTTP, without the report, allowed exactly what `runbook policy` asks for.

    The same arguments give the same run. The first process that wants it asks the sandbox; the others, of this session
    of tests, judge the evidence that it recorded.
    """
    archive = Path(tempfile.mkdtemp(dir=ARCHIVE))
    # What a rule does is code, which has no name that another process would know it by.
    kept = archive / "kept" if rules else RUNS / f"{name}{' counted' if event_count else ''}"
    with locked(kept):
        if not (kept / _TRUTHS).exists():
            return _recorded(name, rules, event_count, archive, kept)
    fault, (began, oldest, journal, violations) = all_faults()[name], pickle.loads((kept / _TRUTHS).read_bytes())
    (evidence,) = kept.glob(f"*/*/{EVIDENCE}")
    folder = archive / evidence.parent.relative_to(kept)
    shutil.copytree(evidence, folder / EVIDENCE)
    return Investigated(fault, began, oldest, folder, run.replay(folder, report=False).diagnosis, journal, violations)


def _recorded(name: str, rules: tuple[Rule, ...], event_count: bool, archive: Path, kept: Path) -> Investigated:
    """Investigate a fault, and keep for other processes what they cannot find out by themselves."""
    world = build(name, NOW, seed=1, event_count=event_count, history=HISTORY)
    with sandboxed(world, allow_only(*policy()["Statement"][0]["Action"]), *rules) as sandbox:
        done = run.investigate(incident_of(world, f"T-{name}"), archive=archive, report=False)
        journal = tuple(sandbox.journal)  # type: ignore[attr-defined]
        violations = tuple(map(str, sandbox.violations))  # type: ignore[attr-defined]
    fault = all_faults()[name]
    began, oldest = fault.began(world.now), fault.oldest_unread(world)
    shutil.copytree(done.folder / EVIDENCE, kept / done.folder.relative_to(archive) / EVIDENCE)
    (kept / _TRUTHS).write_bytes(pickle.dumps((began, oldest, journal, violations)))
    return Investigated(fault, began, oldest, done.folder, done.diagnosis, journal, violations)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a folder, and keep other processes out of it meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Judged:
    """A world held against its truth: the score, the diagnosis, the calls it rests on and what was read from them."""

    score: Score
    diagnosis: Diagnosis
    record: Record
    seen: Evidence


@cache
def tried(name: str) -> Judged:
    """Investigate a trial over HTTP and hold the outcome against its truth; the same name gives the same run."""
    case = next(case for case in scoreboard.cases() if case.id == name)
    with served_world(case.fault.build(scoreboard.NOW, scoreboard.SEED, history=HISTORY)) as world:
        outcome = world.investigate()
        investigation = Investigation(outcome.record)
        investigation.collect()
        return Judged(score(case, world.world, outcome), outcome.diagnosis, outcome.record, investigation.evidence)


def copy_of(folder: Path, to: Path) -> Path:
    """Copy a run folder, so that a test may do harm to it."""
    return Path(shutil.copytree(folder, to / folder.name))
