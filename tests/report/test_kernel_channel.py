"""Who may listen: a stock kernel tells whoever asks its port; ours tells nobody but the run that started it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
from jupyter_client.manager import KernelManager
from traitlets.config import Config

from runbook_lib.report.kernel import Kernel

pytestmark = pytest.mark.sampled

SECRET = "held-by-the-run-alone"


@contextmanager
def _overheard(manager: Any) -> Iterator[zmq.Socket[bytes]]:
    """Listen to a kernel's outputs as a local user would who found the address and knows no key."""
    with zmq.Context() as context, context.socket(zmq.SUB) as ear:
        ear.setsockopt(zmq.LINGER, 0)
        ear.subscribe(b"")
        if manager.transport == "ipc":
            ear.connect(f"ipc://{manager.ip}-{manager.iopub_port}")
        else:
            ear.connect(f"tcp://{manager.ip}:{manager.iopub_port}")
        yield ear


def _says(manager: Any, ear: zmq.Socket[bytes]) -> bytes:
    """Let the kernel print the secret, and give all that was overheard."""
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    client.execute_interactive(f"print('{SECRET}')", timeout=60, output_hook=lambda _: None)
    heard = b""
    while ear.poll(1_000):
        heard += b"".join(ear.recv_multipart())
    client.stop_channels()
    return heard


def test_a_stock_kernel_is_overheard() -> None:
    """The listener hears what a kernel prints whose channel is as it comes: the next test can fail."""
    manager = KernelManager(
        kernel_name="python3", config=Config({"KernelManager": {"transport_encryption": "disabled"}})
    )
    manager.start_kernel()
    try:
        with _overheard(manager) as ear:
            assert SECRET.encode() in _says(manager, ear)
    finally:
        manager.shutdown_kernel(now=True)


def test_our_kernel_is_not(tmp_path: Path) -> None:
    """The same listener hears nothing of ours, and the folder of its sockets lets nobody else in."""
    with Kernel(tmp_path) as kernel:
        kernel.manager.client_class = "jupyter_client.blocking.BlockingKernelClient"
        with _overheard(kernel.manager) as ear:
            assert _says(kernel.manager, ear) == b""
        folder = Path(kernel.manager.ip).parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
