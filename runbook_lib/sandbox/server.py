"""A sandbox on a port: the front served over HTTP/1.1 on the loopback interface."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from runbook_lib.sandbox.answers import queries  # noqa: F401  # its import, with its package, registers the answers
from runbook_lib.sandbox.wire.front import Front, ServedWorld
from runbook_lib.sandbox.wire.journal import JournalEntry
from runbook_lib.sandbox.wire.rules import ConnectionDropped, Rule

INVESTIGATOR = "AKIDSANDBOXINVESTIGATOR"
"""The access key of the environment a sandbox hands out; rules may name it as their principal."""

HOST = "127.0.0.1"


class RunningSandbox:
    """A sandbox that answers until `stop`, or until its `with` block ends."""

    def __init__(self, front: Front, port: int) -> None:
        self._front = front
        # Bound here, for werkzeug ends the process when a port is taken.
        with socket.create_server((HOST, port), backlog=_Server.request_queue_size) as bound:
            self._server = _Server(HOST, port, front, handler=_Handler, fd=bound.fileno())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The endpoint URL, for every service."""
        return f"http://{HOST}:{self._server.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that point any AWS client at this sandbox, away from whatever else is configured.

        No region: which region to look at is the caller's to say.
        """
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": INVESTIGATOR,
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
            **({"RUNBOOK_PACE": "aws"} if self._front.enforces_rates else {}),
        }

    @property
    def journal(self) -> list[JournalEntry]:
        """The calls so far, in order of completion."""
        return list(self._front.journal)

    @property
    def violations(self) -> list[str]:
        """Answers that botocore's models do not allow, and exceptions in answers; empty in a sound sandbox."""
        return list(self._front.violations)

    def stop(self) -> None:
        """Stop answering, close every connection and wait for the threads. Stopping twice is harmless."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server.close_connections()
            self._front.close()

    def __enter__(self) -> RunningSandbox:
        """Return the running sandbox."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()


def serve(
    world: ServedWorld,
    port: int = 0,
    rules: Iterable[Rule] = (),
    seed: int = 0,
    strict: bool = True,
    rates: bool = False,
) -> RunningSandbox:
    """Serve a world on a port of the loopback interface (0: any free one) and return at once.

    `rules` come after the world's own. `strict` turns an answer botocore's models do not allow into HTTP 500; `rates`
    enforces the rates of AWS. Raises `OSError` when the port is taken.
    """
    return RunningSandbox(Front(world, seed=seed, rules=rules, strict=strict, rates=rates), port)


class _Server(ThreadedWSGIServer):
    """A threaded server that knows its open connections, so that stopping it ends them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._guard = threading.Lock()
        super().__init__(*args, **kwargs)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, remembering it meanwhile."""
        with self._guard:
            self._connections[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._connections.pop(request, None)

    def close_connections(self) -> None:
        """End every open connection and wait for the threads that serve them."""
        with self._guard:
            open_now = list(self._connections.items())
        for connection, _ in open_now:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster
        for _, thread in open_now:
            thread.join(timeout=5)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the journal has it all."""


class _Handler(WSGIRequestHandler):
    """Speaks HTTP/1.1 with kept connections, and is quiet."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answer one request and keep the connection, which werkzeug's own would close; reset it when a rule says so.

        Keeping is safe here: the front reads every request to its end and gives every reply its length.
        """
        try:
            body = self.server.app(self.make_environ(), self._start)
            for part in body:
                self.wfile.write(part)
        except ConnectionDropped:
            # A reset rather than an orderly close: no lingering.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """Write the head of a reply."""
        code, _, phrase = status.partition(" ")
        self.send_response_only(int(code), phrase)
        for name, value in [("Server", "Sandbox"), *headers]:
            self.send_header(name, value)
        self.end_headers()
        return self.wfile.write

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the journal has it all."""
