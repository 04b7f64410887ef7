"""A whole sweep: every area side by side, each with its own troubles, and what is wrong investigated in full."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from runbook_lib.archive.plain_json import dumped
from runbook_lib.archive.record import is_sealed, seal, write_document
from runbook_lib.aws import Budget
from runbook_lib.errors import RunbookError
from runbook_lib.incident import Incident
from runbook_lib.running import batch
from runbook_lib.sweep.area import Area, begin, reopen
from runbook_lib.sweep.document import RefusedArea, Result, to_json
from runbook_lib.sweep.sweeping import Progress, SweptArea, sweep
from runbook_lib.sweep.triage import Triage

DOCUMENT = "sweep.json"
"""The outcome's name in the run folder of an area."""

_AT_ONCE = 8
Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class SweepOptions:
    """How a sweep is to be done. `investigate` looks closely at what is wrong, in `workers` processes."""

    archive: Path
    investigate: bool = False
    workers: int = 1
    timeout_s: float = 300


def sweep_all(areas: Iterable[Area], options: SweepOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Sweep every area and give the outcome as a document; an area that cannot be looked at does not stop the others.

    Raises BadParameters for a region or role of no form, before anything is asked.
    """
    every = list(areas)
    for area in every:
        area.scope()
    budgets: dict[str, Budget] = {}
    with ThreadPoolExecutor(max_workers=min(len(every), _AT_ONCE)) as pool:
        results = list(pool.map(lambda area: _swept(area, options, budgets, progress), every))
    investigated = _investigated(results, options, progress) if options.investigate else {}
    for found in results:
        if isinstance(found, SweptArea):
            _keep(found, investigated)
    return to_json(results, investigated)


def replay(folder: Path) -> dict[str, Any]:
    """Judge one recorded area again, without AWS. An unfinished folder is completed, a finished one is left alone.

    Full investigations have folders of their own and are replayed there. Raises BadArchive.
    """
    found = sweep(reopen(folder))
    if not is_sealed(folder):
        _keep(found, {})
    return to_json([found], {})


def _swept(area: Area, options: SweepOptions, budgets: dict[str, Budget], progress: Progress | None) -> Result:
    try:
        return sweep(begin(area, options.archive, budgets, options.timeout_s), progress)
    except RunbookError as trouble:
        return RefusedArea(area, str(trouble))


def _keep(area: SweptArea, investigated: Mapping[Key, Mapping[str, Any]]) -> None:
    """Write an area's outcome into its folder and seal that."""
    record = area.opened.record
    folder = record.folder
    assert folder is not None
    write_document(folder / DOCUMENT, dumped(to_json([area], investigated), indent=2) + "\n")
    record.close()
    seal(folder)


# -- full investigations -----------------------------------------------------------------------------------------


def _investigated(results: list[Result], options: SweepOptions, progress: Progress | None) -> dict[Key, dict[str, Any]]:
    """Investigate what is wrong as a batch, each area's worst first; one that cannot be done says why."""
    incidents = {
        (area.opened.account, area.opened.area.region, row.connection.table_arn, row.connection.function): _incident(
            area, row
        )
        for area in results
        if isinstance(area, SweptArea)
        for row in area.triages
        if row.is_wrong
    }
    found = _batch(list(incidents.values()), options, progress or (lambda _: None))
    return {key: _investigation_of(document) for key, document in zip(incidents, found, strict=True)}


def _batch(incidents: list[Incident], options: SweepOptions, say: Progress) -> list[batch.Document]:
    """Investigate in processes, or here, one after the other."""
    batch_options = batch.BatchOptions(archive=options.archive, timeout_s=options.timeout_s)
    if options.workers > 1 and len(incidents) > 1:
        heard = partial(_say_arrived, say, len(incidents))
        return batch.investigate_all(incidents, batch_options, number=options.workers, arrived=heard)
    found = []
    for number, incident in enumerate(incidents, start=1):
        found.append(batch.investigate_incident(incident, batch_options))
        _say_arrived(say, len(incidents), number, found[-1])
    batch.write_index(zip(incidents, found, strict=True), batch_options)
    return found


def _say_arrived(say: Progress, total: int, number: int, document: batch.Document) -> None:
    say(f"{number} of {total} investigated: {document['incident_id']}")


def _incident(area: SweptArea, triage: Triage) -> Incident:
    """Name the incident after table and function, as far as that is a name of a folder, and apart from all others."""
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{triage.connection.table}-{triage.connection.function}")[:40].strip("-.")
    account, region = area.opened.account, area.opened.area.region
    whole = "|".join((account, region, triage.connection.table_arn, triage.connection.function))
    name = f"sweep-{words}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
    return Incident.within(area.opened.record.scope, name, triage.connection.table, triage.target)


def _investigation_of(document: batch.Document) -> dict[str, Any]:
    """Give what the sweep says of an investigation; the rest is in its run folder."""
    causes = (*document.get("causes", ()), *document.get("latent", ()))
    return {
        "incident_id": document["incident_id"],
        "exit_code": document["exit_code"],
        "status": document.get("status", "could_not_run"),
        "sentence": document.get("sentence") or document.get("error"),
        "causes": [cause["id"] for cause in causes],
        "run_folder": document.get("run_folder"),
        "report": document.get("report"),
    }
