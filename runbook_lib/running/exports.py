"""The files that a finished run holds when somebody asks for them: the report as PDF, JUnit XML, SARIF.

Nothing here is heavy: it is read before there is a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from runbook_lib.archive.record import write_document
from runbook_lib.errors import BadParameters
from runbook_lib.report.build import REPORT
from runbook_lib.report.pdf import NotPrinted, printed
from runbook_lib.running.investigation import Investigation

EXPORTS = {"pdf": "report.pdf", "junit": "junit.xml", "sarif": "findings.sarif"}
"""What can be asked for, and its name in a run folder."""


def export_names(words: Iterable[str], *, report: bool = True) -> tuple[str, ...]:
    """Read what is asked for: names, or several with commas between them; each counts once.

    Raises BadParameters for a name that is not known, and for what cannot be had without the report.
    """
    named = (name.strip() for word in words for name in word.split(","))
    names = tuple(dict.fromkeys(name for name in named if name))
    for name in names:
        if name not in EXPORTS:
            raise BadParameters(f"There is no export `{name}`.", f"Known are: {', '.join(EXPORTS)}.")
    if "pdf" in names and not report:
        raise BadParameters("The export `pdf` prints the report.", "Leave out `pdf` or --no-report.")
    return names


def write_exports(names: Iterable[str], investigation: Investigation, folder: Path) -> tuple[str, ...]:
    """Write what was asked for into the folder of a judged run; gives a sentence for each that could not be made.

    Raises BadArchive when the folder cannot be written.
    """
    missing = []
    for name in names:
        try:
            write_document(folder / EXPORTS[name], _MADE[name](investigation, folder))
        except NotPrinted as trouble:
            missing.append(f"{EXPORTS[name]} was not made: {trouble}")
    return tuple(missing)


def _junit(investigation: Investigation) -> bytes:
    from runbook_lib.report.junit import junit

    return junit(investigation.diagnosis)


def _sarif(investigation: Investigation) -> str:
    from runbook_lib.report.sarif import sarif

    return sarif(investigation.diagnosis, investigation.evidence)


_MADE: Mapping[str, Callable[[Investigation, Path], str | bytes]] = {
    "pdf": lambda investigation, folder: printed(folder / REPORT, investigation.as_of),
    "junit": lambda investigation, folder: _junit(investigation),
    "sarif": lambda investigation, folder: _sarif(investigation),
}
