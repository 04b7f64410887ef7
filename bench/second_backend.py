"""A second AWS, written by others: ministack, in a virtual environment of its own, on a loopback port.

It runs the whole loop of a DynamoDB stream, an event source mapping and a Lambda function, which executes Python.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ACCOUNT = "123456789012"
REGION = "eu-west-1"
_PATIENCE_S = 60


@dataclass(frozen=True)
class SecondBackend:
    """A running backend: where it listens, and what version it is of."""

    url: str
    version: str

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes boto3 ask it and nobody else; an access key of twelve digits is the account."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def reset(self) -> None:
        """Empty every account."""
        _ask(f"{self.url}/_ministack/reset", "POST")


@contextmanager
def running(python: Path) -> Iterator[SecondBackend]:
    """Start ministack with the interpreter it is installed for, and stop it in the end."""
    url, port = _free_port()
    told = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "CLOUDTRAIL_RECORDING": "1",
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | told
    with TemporaryDirectory() as folder, (Path(folder) / "log").open("w") as log:
        command = [str(python.absolute()), "-m", "ministack"]
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            yield SecondBackend(url, _version(url, server))
        finally:
            server.terminate()
            server.wait(timeout=_PATIENCE_S)


def _free_port() -> tuple[str, int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}", port


def _version(url: str, server: subprocess.Popen[bytes]) -> str:
    """Wait until it answers; it says its version then."""
    for _ in range(_PATIENCE_S * 4):
        if server.poll() is not None:
            raise RuntimeError(f"ministack ended with exit code {server.returncode}")
        try:
            return str(json.loads(_ask(f"{url}/_ministack/health", "GET")).get("version", "unknown"))
        except (urllib.error.URLError, ConnectionError, ValueError):
            time.sleep(0.25)
    raise RuntimeError(f"ministack did not answer within {_PATIENCE_S} s")


def _ask(url: str, method: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=_PATIENCE_S) as answer:
        return bytes(answer.read())
