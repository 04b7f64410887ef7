"""What holds for every test: loopback only, nobody's credentials, no local time, no skip where skips are refused."""

from __future__ import annotations

import gc
import ipaddress
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, ClassVar

import botocore.loaders
import pytest
from hypothesis import settings

from runbook_lib.report.import_guard import without_unused_grammars
from runbook_lib.report.pdf import browser

with without_unused_grammars():
    import jsonschema  # noqa: F401  # once for all tests, of which none asks for the format of an IRI

ROOT = Path(__file__).parent.parent
REFUSE_SKIPS = "RUNBOOK_REFUSE_SKIPS"
RUNS = "RUNBOOK_TEST_RUNS"
"""Names the folder where the processes of one session of tests leave what they recorded for one another."""

_RUNS = pytest.StashKey[str]()

settings.register_profile("runbook", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("runbook")


class OutsideContacted(AssertionError):
    """A test tried to reach something that is not on this machine."""


def is_on_this_machine(family: int, address: object) -> bool:
    """Tell whether a socket address is a Unix socket, loopback, or unset."""
    if family not in (socket.AF_INET, socket.AF_INET6):
        return True
    host = address[0] if isinstance(address, tuple) else address
    return is_loopback(host)


def is_loopback(host: object) -> bool:
    """Tell whether a host name or address means this machine; a name but `localhost` would need a lookup."""
    text = host.decode() if isinstance(host, bytes) else host
    if text is None or text in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(text)).is_loopback
    except ValueError:
        return False


def _guarded(method: Callable[..., Any], address_at: Callable[[tuple[Any, ...]], object]) -> Callable[..., Any]:
    def guard(self: socket.socket, *args: Any) -> Any:
        address = address_at(args)
        if not is_on_this_machine(self.family, address):
            raise OutsideContacted(f"tests may contact this machine only, not {address!r}")
        return method(self, *args)

    return guard


def _guarded_lookup(lookup: Callable[..., Any]) -> Callable[..., Any]:
    def guard(host: object, *args: Any, **more: Any) -> Any:
        if not is_loopback(host):
            raise OutsideContacted(f"tests may look up names of this machine only, not {host!r}")
        return lookup(host, *args, **more)

    return guard


def _stay_on_this_machine() -> None:
    for name, address_at in (
        ("connect", lambda args: args[0]),
        ("connect_ex", lambda args: args[0]),
        ("sendto", lambda args: args[-1]),
    ):
        setattr(socket.socket, name, _guarded(getattr(socket.socket, name), address_at))
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        setattr(socket, name, _guarded_lookup(getattr(socket, name)))


def _forget_the_callers_aws() -> None:
    """Nobody's credentials, profile, region or endpoint reach a test, nor what a test starts."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        MPLBACKEND="agg",
    )


def _live_in_kathmandu() -> None:
    """UTC+05:45: whoever takes local time for UTC, or rounds a zone to hours, is found out."""
    os.environ["TZ"] = "Asia/Kathmandu"
    time.tzset()


class _SharedLoader(botocore.loaders.Loader):
    """Reads AWS's models from the disk once per process, not once per session: tests open hundreds of sessions."""

    _known: ClassVar[dict[Any, Any]] = {}

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._cache = self._known


def pytest_configure(config: pytest.Config) -> None:
    """Close the machine before the first module of tests is imported."""
    botocore.loaders.Loader = _SharedLoader
    gc.set_threshold(20_000, 20, 20)
    _stay_on_this_machine()
    _forget_the_callers_aws()
    _live_in_kathmandu()
    if RUNS not in os.environ:
        os.environ[RUNS] = config.stash[_RUNS] = tempfile.mkdtemp(prefix="runbook-test-runs-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Throw away what the processes of this session shared."""
    if made := config.stash.get(_RUNS, None):
        del os.environ[RUNS]
        shutil.rmtree(made, ignore_errors=True)


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of the collector's rounds, which take a tenth of the time otherwise."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the browser tests, with the reason, where there is no browser."""
    if browser():
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="needs Chromium (Debian: apt-get install chromium)"))


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium; a test that asks for it carries the marker `browser`."""
    path = browser()
    assert path, "mark this test with pytest.mark.browser"
    return path


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Where skips are refused (CI), what was skipped has not passed. An expected failure is no skip."""
    if os.environ.get(REFUSE_SKIPS) and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skips are refused here ({REFUSE_SKIPS} is set): {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test into a failure where skips are refused."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole module into a failure where skips are refused."""
    report = yield
    _refuse_skip(report)
    return report
