"""One papermill execution of the joined document, on the run's clock, in which no cell can stop the others.

Papermill's extension point is the engine: ours hands it a started kernel, the run's clock instead of the wall clock
(two replays are byte-identical) and a document that is written once, whole, instead of twice per cell.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import papermill
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError

from runbook_lib.report.kernel import Kernel

DOCUMENT = "runbook.ipynb"
"""The executed document's name in a run folder."""

_CELL_TIMEOUT_S = 120
_ENGINE = "stream-trigger-runbook"


def execute(
    document: NotebookNode,
    run_folder: Path,
    parameters: Mapping[str, Any],
    as_of: datetime,
    *,
    kernel: Kernel | None = None,
) -> NotebookNode:
    """Execute a joined document with papermill, replaying `run_folder`, and return it with outputs; writes nothing.

    A cell that raises leaves its error in its outputs and the next one runs. A kernel that dies leaves the rest
    without an execution count. `kernel` may have been started before; it is stopped here in any case.
    """
    with kernel or Kernel(run_folder) as running:
        run = _Run(as_of, running.manager)
        with suppress(PapermillExecutionError):  # every cell was tried; what failed stands in its outputs
            papermill.execute_notebook(
                document, None, dict(parameters), engine_name=_ENGINE, progress_bar=False, runbook_run=run
            )
        assert run.executed is not None
        return _cleaned(run.executed)


class _Run:
    """What papermill carries to our engine and back."""

    def __init__(self, as_of: datetime, manager: Any) -> None:
        self.as_of = as_of
        self.manager = manager
        self.executed: NotebookNode | None = None


class _OnRunClock(NotebookExecutionManager):  # type: ignore[misc]
    """Papermill's bookkeeping with the run's clock: every time is the time of the evidence."""

    def __init__(self, document: NotebookNode, as_of: datetime) -> None:
        self.as_of = as_of
        super().__init__(document, output_path=None, progress_bar=False, autosave_cell_every=0)

    def now(self) -> datetime:
        """Give the run's clock."""
        return self.as_of


class RunbookEngine(Engine):  # type: ignore[misc]
    """The papermill engine that executes on a kernel already started and goes on after errors."""

    @classmethod
    def execute_notebook(cls, nb: NotebookNode, kernel_name: str, runbook_run: _Run, **_: Any) -> NotebookNode:
        """Execute every cell; papermill's other options do not apply to a document held in memory."""
        book = _OnRunClock(nb, runbook_run.as_of)
        book.notebook_start()
        try:
            _NotebookClient(book, km=runbook_run.manager, kernel_name=kernel_name).execute(cleanup_kc=True)
        except RuntimeError:  # the kernel did not start, or died
            nb.metadata.papermill["exception"] = True
        book.notebook_complete()
        runbook_run.executed = nb
        return nb


class _NotebookClient(PapermillNotebookClient):  # type: ignore[misc]
    """Papermill's client with our settings: go on after errors, interrupt what hangs, keep no wall-clock times."""

    def __init__(self, book: NotebookExecutionManager, **settings: Any) -> None:
        super().__init__(
            book,
            allow_errors=True,
            record_timing=False,
            shutdown_kernel="immediate",
            timeout=_CELL_TIMEOUT_S,
            interrupt_on_timeout=True,
            raise_on_iopub_timeout=False,
            log=logging.getLogger(_ENGINE),
            **settings,
        )


papermill_engines.register(_ENGINE, RunbookEngine)


def _cleaned(executed: NotebookNode) -> NotebookNode:
    """Take out what papermill adds about its own machine: markers of errors, paths, a copy of the input."""
    executed.cells = [
        cell for cell in executed.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", ())
    ]
    executed.metadata.papermill["input_path"] = "notebooks"
    executed.metadata.papermill["output_path"] = DOCUMENT
    for cell in executed.cells:
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
        if "injected-parameters" in cell.metadata.get("tags", ()):
            cell.id = "injected-parameters"
    return executed
