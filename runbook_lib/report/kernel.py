"""The kernel that replays one run, started while the evidence is still being collected.

Starting is most of what it costs, and what starts it takes a while to import: both happen beside the first calls.
"""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any


class Kernel:
    """A kernel that replays `run_folder`; a context manager. `start` returns at once.

    `warm_up` is a line of Python that it runs before the first cell, while the evidence is still on its way.
    """

    def __init__(self, run_folder: Path, warm_up: str = "") -> None:
        self._folder = run_folder
        self._warm_up = warm_up
        self._scratch = ""
        self._launched: Future[Any] | None = None

    def start(self) -> Kernel:
        """Have the process started beside whatever the caller does next."""
        self._scratch = tempfile.mkdtemp(prefix="runbook-kernel-")
        beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kernel")
        self._launched = beside.submit(self._launch)
        beside.shutdown(wait=False)
        return self

    def _launch(self) -> Any:
        from runbook_lib.report.launch import launch

        return launch(self._folder, self._scratch, self._warm_up)

    @property
    def manager(self) -> Any:
        """Jupyter's manager of the process, once that is started. Raises what kept it from starting."""
        assert self._launched is not None
        return self._launched.result()

    def stop(self) -> None:
        """End the process and remove what it left; harmless when it never started."""
        if self._launched is not None and self._launched.exception() is None and self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)
        self._launched = None
        shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> Kernel:
        return self if self._launched is not None else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()
