"""One incident, from parameters to a finished run folder.

The verdict is written as soon as the evidence allows, before any chart is drawn; the report follows. Whatever stops
the run, what was collected stays, and `replay` finishes the folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbook_lib.archive.record import EVIDENCE, Record, is_sealed, new_folder, seal, write_document
from runbook_lib.errors import BadArchive
from runbook_lib.example import EVIDENCE as EVIDENCE_OF_EXAMPLE
from runbook_lib.example import is_example
from runbook_lib.incident import Incident
from runbook_lib.running.exports import export_names, write_exports
from runbook_lib.running.investigation import Early, Investigation, Progress, archive_of, begin, take_up, unfinished
from runbook_lib.running.named_resources import check_names

if TYPE_CHECKING:
    from runbook_lib.judging.diagnosis import Diagnosis

VERDICT = "verdict.json"
_WARM_UP = "_ = __import__('runbook_lib.running.warm_kernel').running.warm_kernel.warm()"
"""What a replaying kernel runs before its first cell; it leaves no name behind."""

Announce = Callable[["Diagnosis", Path], None]


@dataclass(frozen=True)
class FinishedRun:
    """A finished run: its folder and what it concluded. `report` is None where none was asked for.

    `missing` says, a sentence each, which exports were asked for and could not be made.
    """

    folder: Path
    diagnosis: Diagnosis
    report: Path | None
    missing: tuple[str, ...] = ()


def investigate(
    incident: Incident,
    *,
    archive: Path | None = None,
    report: bool = True,
    export: tuple[str, ...] = (),
    timeout_s: float = 300,
    peek: bool = False,
    progress: Progress | None = None,
    announce: Announce | None = None,
    early: Early | None = None,
    batch: str = "",
    share: int = 1,
) -> FinishedRun:
    """Investigate one incident on AWS. `announce` is told the verdict before the report is made.

    `early` is told what stands without the last step, where that takes long.
    `share` says how many runs ask AWS at the same time; what this `batch` began and did not finish is taken up.
    `export` names the further files to write: `pdf`, `junit`, `sarif`. Raises BadParameters, CannotRun,
    NothingToInvestigate and BadArchive; evidence collected before stays in the run folder.
    """
    exports = export_names(export, report=report)
    if is_example(incident.incident_id):
        return _replay_example(archive or archive_of(incident), report, exports, announce)
    taken = _taken_up(incident, archive, batch, share) if batch else None
    investigation = taken or begin(incident, archive, peek=peek, batch=batch, share=share)
    folder = investigation.record.folder
    assert folder is not None
    try:
        with _kernel(folder, report) as kernel:
            investigation.collect(progress=progress, timeout_s=timeout_s, early=early)
            check_names(investigation.evidence)
            return _finish(investigation, folder, kernel, exports, announce)
    finally:
        investigation.record.close()


def _taken_up(incident: Incident, archive: Path | None, batch: str, share: int) -> Investigation | None:
    """Go on with the run that a lost process of this batch began for the incident, if it had come that far."""
    for folder in unfinished(incident, archive):
        with suppress(BadArchive):  # killed before the folder held anything
            taken = take_up(folder, incident, share)
            if taken and taken.record.run.get("batch") == batch:
                return taken
    return None


def _replay_example(archive: Path, report: bool, export: tuple[str, ...], announce: Announce | None) -> FinishedRun:
    """Finish the recorded example incident in a folder of its own, as an unfinished run is finished."""
    recorded = Record.read(EVIDENCE_OF_EXAMPLE)
    folder = new_folder(archive / recorded.incident.incident_id, recorded.as_of)
    shutil.copytree(EVIDENCE_OF_EXAMPLE, folder / EVIDENCE, dirs_exist_ok=True)
    return replay(folder, report=report, export=export, announce=announce)


def replay(
    folder: Path, *, report: bool = True, export: tuple[str, ...] = (), announce: Announce | None = None
) -> FinishedRun:
    """Judge and render again from recorded evidence, without AWS.

    An unfinished folder is completed in place; a finished one is left alone and gets `<run>-replay-N` beside it.
    Raises BadParameters and BadArchive.
    """
    exports = export_names(export, report=report)
    if not (folder / EVIDENCE).is_dir():
        raise BadArchive(f"{folder} is not a run folder.", "Give a folder such as archive/<incident_id>/<run>.")
    if is_sealed(folder):
        folder = _copy_beside(folder)
    investigation = Investigation(Record.open(folder))
    with _kernel(folder, report) as kernel:
        return _finish(investigation, folder, kernel, exports, announce)


def _finish(
    investigation: Investigation, folder: Path, kernel: Any, export: tuple[str, ...], announce: Announce | None
) -> FinishedRun:
    """Judge, write the documents, seal the folder."""
    from runbook_lib.judging.verdict import to_text

    diagnosis = investigation.diagnosis
    write_document(folder / VERDICT, to_text(diagnosis, investigation.record))
    if announce:
        announce(diagnosis, folder)
    page = None
    if kernel is not None:
        from runbook_lib.report.build import build

        page = build(investigation, folder, kernel=kernel)
    missing = write_exports(export, investigation, folder)
    seal(folder)
    return FinishedRun(folder, diagnosis, page, missing)


def _kernel(folder: Path, report: bool) -> AbstractContextManager[Any]:
    """Start the report's kernel at once, while the evidence is still being collected; none where none is wanted."""
    if not report:
        return nullcontext()
    from runbook_lib.report.kernel import Kernel

    return Kernel(folder, _WARM_UP)


def _copy_beside(folder: Path) -> Path:
    """Copy the evidence of a finished run into a new folder beside it."""
    for number in range(1, 1000):
        copy = folder.with_name(f"{folder.name}-replay-{number}")
        try:
            copy.mkdir()
        except FileExistsError:
            continue
        except OSError as failure:
            raise BadArchive(
                f"{folder.parent} cannot be written: {failure.strerror}.",
                "Copy the run folder to a place you may write to.",
            ) from None
        shutil.copytree(folder / EVIDENCE, copy / EVIDENCE)
        return copy
    raise BadArchive(f"{folder} has a thousand replays.", "Delete some of them.")
