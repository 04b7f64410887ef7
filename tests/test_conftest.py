"""The guards around every test work themselves."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

OUTSIDE = ("198.51.100.7", 443)


def tcp_connect() -> None:
    """Connect as HTTP clients do."""
    with socket.socket() as connection:
        connection.connect(OUTSIDE)


def tcp_connect_ex() -> None:
    """Connect as event loops do."""
    with socket.socket() as connection:
        connection.connect_ex(OUTSIDE)


def udp_send() -> None:
    """Send without a connection, as name servers and metrics daemons are spoken to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.sendto(b"", OUTSIDE)


def ipv6_connect() -> None:
    """Connect over IPv6."""
    with socket.socket(socket.AF_INET6) as connection:
        connection.connect(("2001:db8::7", 443, 0, 0))


def by_name() -> None:
    """Look a name up, the long way round."""
    urlopen("http://dynamodb.eu-west-1.amazonaws.com/")


@pytest.mark.parametrize("reach_out", [tcp_connect, tcp_connect_ex, udp_send, ipv6_connect, by_name])
def test_nothing_outside_is_reached(reach_out) -> None:
    """Every way out of this machine ends in an error that names where it led."""
    with pytest.raises(AssertionError, match=r"tests may .* this machine only, not .*(198|2001|dynamodb)"):
        reach_out()


def test_loopback_is_reached() -> None:
    """A server on this machine can be spoken to, by address and by name."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        for host in ("127.0.0.1", "localhost"):
            socket.create_connection((host, server.getsockname()[1]), timeout=5).close()


def test_no_credentials_are_left() -> None:
    """What the caller has set for AWS does not reach a test."""
    kept = {name for name in os.environ if name.startswith("AWS_")}
    assert kept == {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"}


CASES = {
    "skip": "import pytest\ndef test_it():\n    pytest.skip('no browser')\n",
    "skipif": "import pytest\n@pytest.mark.skipif(True, reason='no browser')\ndef test_it():\n    pass\n",
    "module": "import pytest\npytest.skip('no browser', allow_module_level=True)\n",
    "import": "import pytest\npytest.importorskip('no_such_module')\n",
    "xfail": "import pytest\n@pytest.mark.xfail\ndef test_it():\n    assert False\n",
    "pass": "def test_it():\n    pass\n",
}
OUTCOMES = {
    "skip": "FAILED",
    "skipif": "ERROR",
    "module": "ERROR",
    "import": "ERROR",
    "xfail": "XFAIL",
    "pass": "PASSED",
}


def test_skips_fail_where_refused(tmp_path: Path, root: Path) -> None:
    """With RUNBOOK_REFUSE_SKIPS set, what was skipped has failed, and what was expected to fail has not."""
    shutil.copy(root / "tests/conftest.py", tmp_path)
    for case, source in CASES.items():
        (tmp_path / f"test_{case}.py").write_text(source)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "-p", "no:nbval", "-p", "no:anyio"]
    command += ["--continue-on-collection-errors"]
    env = {**os.environ, "RUNBOOK_REFUSE_SKIPS": "1"}
    ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    reported = re.findall(r"^([A-Z]+) test_(\w+)\.py", ran.stdout, re.MULTILINE)
    assert {case: outcome for outcome, case in reported} == OUTCOMES, ran.stdout
    assert "skips are refused here (RUNBOOK_REFUSE_SKIPS is set)" in ran.stdout
