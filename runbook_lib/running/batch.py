"""Many incidents: each one's failure its own, each one's verdict told when it is there, and one index of all.

The unit of work is one incident. It may be begun twice, when the process or machine that did it is lost; it then goes
on in the run folder that was begun, asking AWS only what was not recorded there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook_lib._version import __version__
from runbook_lib.archive.plain_json import dumped
from runbook_lib.archive.record import Record, is_sealed, write_document
from runbook_lib.archive.redact import Redactor
from runbook_lib.errors import COULD_NOT_RUN, RunbookError
from runbook_lib.incident import Incident
from runbook_lib.judging.diagnosis import Status
from runbook_lib.judging.loss_clock import LOST_FIRST, LossState
from runbook_lib.report.build import REPORT
from runbook_lib.running import run
from runbook_lib.running.fleet import workers
from runbook_lib.running.investigation import archive_of

INDEX = "index.json"
PAGE = "index.html"
"""The names of a batch's index in its archive: for machines, and to read."""

Document = dict[str, Any]
Arrived = Callable[[int, Document], None]
"""Is told how many have arrived with this one, and the incident's document."""


@dataclass(frozen=True)
class BatchOptions:
    """How every incident of a batch is investigated. `share`: how many work at the same time on AWS's rates.

    `batch` names the batch: a unit that is begun again takes up only what this batch began.
    """

    archive: Path | None = None
    report: bool = True
    export: tuple[str, ...] = ()
    timeout_s: float = 300
    peek: bool = False
    batch: str = ""
    share: int = 1


def investigate_incident(incident: Incident, options: BatchOptions) -> Document:
    """Investigate one incident and give its document; whatever goes wrong is in the document and never raised.

    A unit that this batch has finished already, and whose document was lost on its way, is not done again.
    """
    kept = earlier_document(incident, options) if options.batch else None
    if kept:
        return kept
    try:
        done = run.investigate(
            incident,
            archive=options.archive,
            report=options.report,
            export=options.export,
            timeout_s=options.timeout_s,
            peek=options.peek,
            batch=options.batch,
            share=options.share,
        )
    except RunbookError as trouble:
        return failed(incident, str(trouble))
    except Exception as defect:
        told = Redactor().text(f"{type(defect).__name__}: {defect}")
        return failed(incident, f"A defect of the runbook stopped it: {told}")
    return document(done)


def document(done: run.FinishedRun) -> Document:
    """Give a finished run's verdict as it stands in its folder, with where that is and what could not be exported."""
    return _reread(done.folder, done.report, done.missing)


def _reread(folder: Path, report: Path | None, missing: Sequence[str] = ()) -> Document:
    verdict = json.loads((folder / run.VERDICT).read_text(encoding="utf-8"))
    return {
        **verdict,
        "exit_code": Status(verdict["status"]).exit_code,
        "run_folder": str(folder),
        "report": str(report) if report else None,
        "missing": list(missing),
    }


def failed(incident: Incident, error: str) -> Document:
    """Give the document of an incident that could not be investigated."""
    return {"incident_id": incident.incident_id, "error": error, "exit_code": COULD_NOT_RUN}


def investigate_all(
    incidents: Sequence[Incident],
    options: BatchOptions,
    *,
    number: int,
    cluster: str | None = None,
    resume: bool = False,
    arrived: Arrived | None = None,
) -> list[Document]:
    """Investigate several incidents side by side; gives their documents in the order of the incidents.

    `resume` takes the finished run of the same parameters, where there is one, instead of making another. The index
    is written in any case, also when somebody interrupts. Raises CannotRun when the cluster cannot be had.
    """
    found: dict[int, Document] = {}

    def arrive(place: int, document: Document) -> None:
        found[place] = document
        if arrived:
            arrived(len(found), document)

    for place, incident in enumerate(incidents) if resume else ():
        kept = earlier_document(incident, options)
        if kept:
            arrive(place, kept)
    todo = [place for place in range(len(incidents)) if place not in found]
    try:
        if todo:
            with workers(min(number, len(todo)), warm, cluster) as (pool, at_once):
                told = replace(options, share=min(at_once, len(todo)), batch=options.batch or _stamp())
                flying = {
                    pool.submit(
                        investigate_incident, incidents[place], replace(told, archive=_home(incidents[place], options))
                    ): place
                    for place in todo
                }
                for future in as_completed(flying):
                    place = flying[future]
                    try:
                        arrive(place, future.result())
                    except Exception as lost:  # the process is gone, or its answer cannot be read
                        arrive(place, failed(incidents[place], f"{type(lost).__name__}: {lost}"))
    finally:
        write_index(((incidents[place], document) for place, document in sorted(found.items())), options)
    return [found[place] for place in range(len(incidents))]


def warm() -> None:
    """Load what every incident needs, once for a process."""
    from runbook_lib import aws
    from runbook_lib.report import build

    aws.load()
    build.load()


def earlier_document(incident: Incident, options: BatchOptions) -> Document | None:
    """Find the newest finished run of exactly these parameters, of the batch that is named, with a report if wanted."""
    runs = _home(incident, options) / incident.incident_id
    for folder in sorted(runs.iterdir() if runs.is_dir() else (), reverse=True):
        report = folder / REPORT if (folder / REPORT).exists() else None
        if folder.is_dir() and is_sealed(folder) and (report or not options.report):
            try:
                record = Record.open(folder)
            except RunbookError:
                continue
            if record.scope == incident and options.batch in ("", record.run.get("batch")):
                return _reread(folder, report)
    return None


def write_index(documents: Iterable[tuple[Incident, Document]], options: BatchOptions) -> tuple[Path, ...]:
    """Write `index.json` and `index.html` into every archive that the batch wrote to, first lost first."""
    archives: dict[Path, list[Document]] = {}
    for incident, document in documents:
        archive = _home(incident, options)
        archives.setdefault(archive, []).append(_row(incident, document, archive))
    for archive, rows in archives.items():
        from runbook_lib.report.batch_page import render

        ordered = sorted(rows, key=urgency)
        archive.mkdir(parents=True, exist_ok=True)
        index = {"schema": 1, "kit_version": __version__, "incidents": ordered}
        write_document(archive / INDEX, dumped(index, indent=2) + "\n")
        write_document(archive / PAGE, render(ordered))
    return tuple(archives)


def urgency(row: Document) -> tuple[int, str, str]:
    """Order incidents: what loses records now, what will by deadline, what is not known, and what is well."""
    state = LossState(row["loss"]["state"]) if row["loss"] else LossState.UNKNOWN
    moment = row["loss"] and row["loss"]["already_lost_from" if state is LossState.LOSING else "deadline"]
    return LOST_FIRST.index(state), moment or "~", row["incident_id"]


def _row(incident: Incident, document: Document, archive: Path) -> Document:
    """Give what the index says of one incident."""
    loss = document.get("loss")
    return {
        "incident_id": incident.incident_id,
        "region": incident.region,
        "table_name": incident.table_name,
        "function_name": incident.function_name,
        "status": document.get("status", "could_not_run"),
        "sentence": document.get("sentence") or document.get("error"),
        "causes": [{"id": cause["id"], "confidence": cause["confidence"]} for cause in document.get("causes", ())],
        "loss": {key: loss[key] for key in ("state", "deadline", "already_lost_from")} if loss else None,
        "as_of": document.get("as_of"),
        "run_folder": _below(document.get("run_folder"), archive),
        "report": _below(document.get("report"), archive),
        "exit_code": document["exit_code"],
    }


def _below(path: str | None, archive: Path) -> str | None:
    """Name a file by its place in the archive, so that the whole can be moved."""
    return Path(path).relative_to(archive).as_posix() if path else None


def _home(incident: Incident, options: BatchOptions) -> Path:
    return (options.archive or archive_of(incident)).absolute()


def _stamp() -> str:
    """Name a batch: by this machine's clock, as it only tells one batch from another."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
