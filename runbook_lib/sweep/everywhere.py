"""A whole sweep: every area side by side, each with its own troubles, and what is wrong investigated in full."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from runbook_lib import run
from runbook_lib.aws import Budget
from runbook_lib.errors import RunbookError
from runbook_lib.incident import Incident
from runbook_lib.plain_json import dumped
from runbook_lib.record import is_sealed, seal, write_document
from runbook_lib.sweep.area import Area, Opened, begin, reopen, with_names
from runbook_lib.sweep.document import Refused, Result, to_json
from runbook_lib.sweep.sweeping import Progress, Swept, sweep
from runbook_lib.sweep.triage import Triage

DOCUMENT = "sweep.json"
"""The outcome's name in the run folder of an area."""

_AT_ONCE = 8
Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Wanted:
    """How a sweep is to be done. `investigate` looks closely at what is wrong, in `workers` processes."""

    archive: Path
    investigate: bool = False
    workers: int = 1
    timeout_s: float = 300


def sweep_all(areas: Iterable[Area], wanted: Wanted, progress: Progress | None = None) -> dict[str, Any]:
    """Sweep every area and give the outcome as a document; an area that cannot be looked at does not stop the others.

    Raises BadParameters for a region or role of no form, before anything is asked.
    """
    every = list(areas)
    for one in every:
        one.incident()
    budgets: dict[str, Budget] = {}
    with ThreadPoolExecutor(max_workers=min(len(every), _AT_ONCE)) as pool:
        results = list(pool.map(lambda one: _swept(one, wanted, budgets, progress), every))
    looked = _investigated(results, wanted, progress) if wanted.investigate else {}
    for found in results:
        if isinstance(found, Swept):
            _keep(found, looked)
    return to_json(results, looked)


def replay(folder: Path) -> dict[str, Any]:
    """Judge one recorded area again, without AWS. An unfinished folder is completed, a finished one is left alone.

    Full investigations have folders of their own and are replayed there. Raises BadArchive.
    """
    found = sweep(reopen(folder))
    if not is_sealed(folder):
        _keep(found, {})
    return to_json([found], {})


def _swept(area: Area, wanted: Wanted, budgets: dict[str, Budget], progress: Progress | None) -> Result:
    try:
        return sweep(begin(area, wanted.archive, budgets, wanted.timeout_s), progress)
    except RunbookError as trouble:
        return Refused(area, str(trouble))


def _keep(found: Swept, looked: Mapping[Key, Mapping[str, Any]]) -> None:
    """Write an area's outcome into its folder and seal that."""
    record = found.opened.record
    folder = record.folder
    assert folder is not None
    write_document(folder / DOCUMENT, dumped(to_json([found], looked), indent=2) + "\n")
    record.close()
    seal(folder)


# -- full investigations -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    key: Key
    incident: Incident
    archive: Path
    timeout_s: float


def _investigated(results: list[Result], wanted: Wanted, progress: Progress | None) -> dict[Key, dict[str, Any]]:
    """Investigate what is wrong, worst first within its area; one that cannot be done says why."""
    tasks = [task for one in results if isinstance(one, Swept) for task in _tasks(one, wanted)]
    found: dict[Key, dict[str, Any]] = {}
    for task, outcome in zip(tasks, _outcomes(tasks, wanted.workers), strict=True):
        found[task.key] = outcome
        if progress:
            progress(f"{task.key[0]} {task.key[1]}: investigated {task.incident.table_name}")
    return found


def _outcomes(tasks: list[_Task], workers: int) -> Iterator[dict[str, Any]]:
    if workers == 1 or len(tasks) < 2:
        yield from map(_investigate, tasks)
        return
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=get_context("spawn")) as pool:
        yield from pool.map(_investigate, tasks)


def _tasks(found: Swept, wanted: Wanted) -> Iterator[_Task]:
    for one in found.triggers:
        if one.is_wrong:
            account, region = found.opened.account, found.opened.area.region
            key = (account, region, one.trigger.table_arn, one.trigger.function)
            yield _Task(key, _incident(found.opened, one), wanted.archive, wanted.timeout_s)


def _incident(opened: Opened, one: Triage) -> Incident:
    """Name the incident after table and function, as far as that is a name of a folder, and apart from all others."""
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{one.trigger.table}-{one.trigger.function}")[:40].strip("-.")
    whole = "|".join((opened.account, opened.area.region, one.trigger.table_arn, one.trigger.function))
    name = f"sweep-{words}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
    return with_names(opened.record.incident, name, one.trigger.table, one.target)


def _investigate(task: _Task) -> dict[str, Any]:
    try:
        done = run.investigate(task.incident, archive=task.archive, timeout_s=task.timeout_s)
    except RunbookError as trouble:
        return _row(task, 3, "could_not_run", str(trouble), (), None, None)
    found = done.diagnosis
    causes = tuple(one.finding.id for one in (*found.causes, *found.latent))
    return _row(task, found.exit_code, found.status.value, found.sentence, causes, done.folder, done.report)


def _row(
    task: _Task, code: int, status: str, sentence: str, causes: tuple[str, ...], folder: Path | None, page: Path | None
) -> dict[str, Any]:
    return {
        "incident_id": task.incident.incident_id,
        "exit_code": code,
        "status": status,
        "sentence": sentence,
        "causes": list(causes),
        "run_folder": str(folder) if folder else None,
        "report": str(page) if page else None,
    }
