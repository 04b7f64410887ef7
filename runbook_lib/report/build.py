"""The page of a run: join the notebooks, execute them, read the outputs, render, export.

Nothing heavy is imported before it is needed: a verdict does not wait for the report.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runbook_lib.archive.record import Record
    from runbook_lib.judging.diagnosis import Diagnosis
    from runbook_lib.report.kernel import Kernel

REPORT = "report.html"
"""The page's name in a run folder."""


class JudgedRun(Protocol):
    """What a report needs of a run: its recorded calls and what was concluded from them."""

    @property
    def record(self) -> Record:
        """The recorded calls."""

    @property
    def diagnosis(self) -> Diagnosis:
        """The diagnosis."""


def load() -> None:
    """Import what a report is made with; a process that makes several pays for it once."""
    from runbook_lib.report.import_guard import without_unused_grammars

    with without_unused_grammars():
        from runbook_lib.report import execute, export, join, render, sections  # noqa: F401


def build(run: JudgedRun, folder: Path, *, kernel: Kernel | None = None) -> Path:
    """Write a judged run's report, executed notebook and exports into its folder; returns the page's path.

    `kernel` may have been started while the evidence was collected. Raises BadArchive when the folder cannot be
    written or the notebooks are missing; cells that fail do not raise, the page says NOT EXAMINED.
    """
    load()

    import nbformat

    from runbook_lib.archive.record import write_document
    from runbook_lib.report import execute, export, join, render, sections
    from runbook_lib.views import verdict_view

    headline = verdict_view(run.diagnosis).to_json()
    meta = render.Meta.of(run.record, headline)
    document = execute.execute(join.join(join.shipped()), folder, meta.parameters, meta.as_of, kernel=kernel)
    write_document(folder / execute.DOCUMENT, nbformat.writes(document) + "\n")
    write_document(folder / export.SUMMARY, export.summary(headline, meta))
    write_document(folder / export.TIMELINE, export.timeline(run.diagnosis))
    write_document(folder / REPORT, render.render(sections.read(document), meta))
    return folder / REPORT
