"""Where units of work run, an incident each: in processes of this machine, or on the workers of a Dask cluster.

Both stand behind the interface of `concurrent.futures`, so that whoever hands out work need not know.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, ParamSpec, TypeVar

from runbook_lib.errors import CannotRun

P = ParamSpec("P")
T = TypeVar("T")

_TRIES = 3
"""How often a unit is begun that takes its process with it; the same number that Dask allows."""

_CONNECT_S = 20


class WorkerLost(Exception):
    """The process that did a unit of work ended, every time it was tried."""


class Processes(Executor):
    """Processes of this machine that stay warm from one unit to the next. `warm` runs in each when it starts.

    Each process has one unit at a time. One that is killed costs its own unit another try, and no other anything.
    """

    def __init__(self, number: int, warm: Callable[[], object]) -> None:
        self._warm = warm
        self._lanes = ThreadPoolExecutor(number, thread_name_prefix="lane")
        self._own = threading.local()
        self._pools: list[ProcessPoolExecutor] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let the next free process call `fn`. The future raises WorkerLost when no try came back."""
        return self._lanes.submit(self._run, fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Begin no further unit and let the processes end."""
        self._lanes.shutdown(wait, cancel_futures=cancel_futures)
        for pool in self._pools:
            pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        for _ in range(_TRIES):
            pool = getattr(self._own, "pool", None) or self._begin()
            try:
                return pool.submit(fn, *args, **kwargs).result()
            except BrokenProcessPool:
                self._own.pool = None
        raise WorkerLost(f"The process that worked on it ended {_TRIES} times.")

    def _begin(self) -> ProcessPoolExecutor:
        """Start a process by itself: a fork would inherit threads, and macOS forbids it."""
        self._own.pool = ProcessPoolExecutor(1, get_context("spawn"), self._warm)
        self._pools.append(self._own.pool)
        return self._own.pool  # type: ignore[no-any-return]


@contextmanager
def workers(number: int, warm: Callable[[], object], cluster: str | None = None) -> Iterator[tuple[Executor, int]]:
    """Give somewhere to run units and how many run at once; `cluster` is the address of a Dask scheduler.

    Units must be importable where they run: the same version of the kit is installed on every worker and on the
    scheduler. Raises CannotRun when the cluster cannot be had.
    """
    if cluster is None:
        pool = Processes(number, warm)
        try:
            yield pool, number
        finally:
            pool.shutdown(cancel_futures=True)
        return
    client = _connected(cluster)
    try:
        at_once = sum(client.nthreads().values())
        if not at_once:
            raise CannotRun(f"The Dask cluster at {cluster} has no workers.", f"Start one: `dask worker {cluster}`.")
        client.register_plugin(_without_profiler())
        yield client.get_executor(pure=False, retries=0), at_once
    finally:
        client.close()


def _without_profiler() -> Any:
    """Give the plugin that stops a worker's statistical profiler on Python 3.11, where it may hang the worker for good.

    https://github.com/python/cpython/issues/106883, mended in 3.12 only; Dask spares its own loop for that reason.
    """
    from distributed import WorkerPlugin

    class WithoutProfiler(WorkerPlugin):  # type: ignore[misc]
        name = "stream-trigger-runbook-unwatched"
        idempotent = True

        def setup(self, worker: Any) -> None:
            for callback in ("profile", "profile-cycle"):
                if sys.version_info[:2] == (3, 11) and callback in worker.periodic_callbacks:
                    worker.periodic_callbacks.pop(callback).stop()

    return WithoutProfiler()


def _connected(cluster: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise CannotRun(
            "`--cluster` needs dask.distributed.", "Install the extra: `pip install 'stream-trigger-runbook[fleet]'`."
        ) from None
    try:
        return Client(cluster, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as failure:
        raise CannotRun(
            f"There is no Dask scheduler at {cluster}: {failure}.", "Give its address, such as tcp://10.0.0.5:8786."
        ) from None
