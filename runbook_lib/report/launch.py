"""How a replaying kernel is started: this interpreter, an encrypted channel, no credentials, nobody's habits."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from queue import Empty
from subprocess import DEVNULL

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from jupyter_core.utils import ensure_event_loop
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


_LONGEST_SOCKET = 100
"""Characters of a Unix socket's path that every system takes (macOS: 104 with the end mark)."""


def _channel(scratch: str) -> dict[str, str]:
    """Let kernels talk through sockets in a folder of their own that nobody else may enter.

    TCP ports are chosen before the kernel binds them, so that kernels started side by side take each other's.
    """
    socket = os.path.join(scratch, "k")
    return {"transport": "ipc", "ip": socket} if os.name == "posix" and len(socket) + 3 < _LONGEST_SOCKET else {}


class _OwnInterpreter(KernelManager):  # type: ignore[misc]
    """Starts this very interpreter, whatever kernel somebody installed under the name python3.

    `warm_up` is a line of Python that is run before the first cell; empty: none is.
    """

    warm_up = ""

    @property
    def kernel_spec(self) -> KernelSpec:
        first = [f"--IPKernelApp.exec_lines={self.warm_up}"] if self.warm_up else []
        return KernelSpec(**get_kernel_dict(extra_arguments=["--HistoryManager.enabled=False", *first]))


_NICE = 10
"""A kernel gives way: nobody waits for it before the verdict stands, and that needs the processor meanwhile."""


class _ReadyKernelClient(AsyncKernelClient):  # type: ignore[misc]
    """Jupyter's client, ready when the kernel is: the stock one then listens a fifth of a second for nothing."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel answers and its outputs arrive. Raises RuntimeError when it does not come to that."""
        last = time.monotonic() + (timeout or float("inf"))
        while time.monotonic() < last and await self.is_alive():
            self.kernel_info()
            with suppress(Empty):
                await self.get_shell_msg(timeout=1)
                await self.get_iopub_msg(timeout=0.2)
                return
        raise RuntimeError("The kernel does not answer.")


def launch(run_folder: Path, scratch: str, warm_up: str = "") -> KernelManager:
    """Start the kernel's process, in a thread of its own, and return before it is ready.

    `warm_up` is a line of Python to run before the first cell.
    """
    manager = _OwnInterpreter(
        kernel_name="python3",
        client_class=f"{__name__}.{_ReadyKernelClient.__name__}",
        **_channel(scratch),
        config=Config({"KernelManager": {"transport_encryption": "required"}}),
    )
    manager.warm_up = warm_up
    with closing(ensure_event_loop()):  # Jupyter makes one for every thread and closes none
        manager.start_kernel(env=environment(run_folder, scratch), cwd=scratch, stdout=DEVNULL, stderr=DEVNULL)
    with suppress(AttributeError, OSError):  # no such call on Windows; or the process has died already
        os.setpriority(os.PRIO_PROCESS, manager.provisioner.pid, _NICE)
    return manager
