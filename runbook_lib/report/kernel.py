"""The kernel that replays one run: this interpreter, an encrypted channel, no credentials, nobody's habits.

It is started while the evidence is still being collected, as starting is most of what it costs.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from subprocess import DEVNULL
from types import TracebackType
from typing import Any

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from traitlets.config import Config

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "SYSTEMROOT", "MPLCONFIGDIR", "XDG_CACHE_HOME")
"""What a kernel needs of the caller's environment; nothing of AWS, nothing of Python's or Jupyter's."""


def environment(run_folder: Path, scratch: str, outer: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Give the whole environment of a replaying kernel; `scratch` takes what IPython writes about itself.

    The kernel imports the very kit that started it, however that was found.
    """
    return {name: outer[name] for name in _KEPT if name in outer} | {
        "RUNBOOK_RUN": str(run_folder.absolute()),
        "MPLBACKEND": "agg",
        "IPYTHONDIR": scratch,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONHASHSEED": "0",
        "PYTHONSAFEPATH": "1",
        "TZ": "UTC",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


_WANTED = ("runbook_lib.session", "runbook_lib.charts.draw_correlation", "runbook_lib.charts.draw_single")
_WARM = f"--IPKernelApp.exec_lines=_ = [__import__(one) for one in {_WANTED}]"
"""Imports what every run imports while the evidence is still on its way; it leaves no name behind."""


_LONGEST_SOCKET = 100
"""Characters of a Unix socket's path that every system takes (macOS: 104 with the end mark)."""


def _channel(scratch: str) -> dict[str, str]:
    """Let kernels talk through sockets in a folder of their own that nobody else may enter.

    TCP ports are chosen before the kernel binds them, so that kernels started side by side take each other's.
    """
    socket = os.path.join(scratch, "k")
    return {"transport": "ipc", "ip": socket} if os.name == "posix" and len(socket) + 3 < _LONGEST_SOCKET else {}


class _OwnInterpreter(KernelManager):  # type: ignore[misc]
    """Starts this very interpreter, whatever kernel somebody installed under the name python3."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(**get_kernel_dict(extra_arguments=["--HistoryManager.enabled=False", _WARM]))


class Kernel:
    """A kernel that replays `run_folder`; a context manager. `start` returns before the kernel is ready."""

    def __init__(self, run_folder: Path) -> None:
        self._folder = run_folder
        self._scratch = ""
        self.manager: Any = None

    def start(self) -> Kernel:
        """Start the process and return at once."""
        self._scratch = tempfile.mkdtemp(prefix="runbook-kernel-")
        self.manager = _OwnInterpreter(
            kernel_name="python3",
            client_class="jupyter_client.asynchronous.AsyncKernelClient",
            **_channel(self._scratch),
            config=Config({"KernelManager": {"transport_encryption": "required"}}),
        )
        self.manager.start_kernel(
            env=environment(self._folder, self._scratch), cwd=self._scratch, stdout=DEVNULL, stderr=DEVNULL
        )
        return self

    def stop(self) -> None:
        """End the process and remove what it left; harmless when it never started."""
        if self.manager is not None and self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)
        self.manager = None
        shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> Kernel:
        return self if self.manager is not None else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()
