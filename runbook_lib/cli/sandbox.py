"""The embedded AWS on the command line: served until stopped, or for the length of a demonstration."""

from __future__ import annotations

import os
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook_lib.cli.terminal import print_diagnosis
from runbook_lib.errors import BadParameters, RunbookError
from runbook_lib.incident import Incident, suggestion
from runbook_lib.running import run
from runbook_lib.sandbox import all_faults, build, serve


def serve_until_stopped(fault: str, port: int) -> int:
    """Serve one world on this machine until the process is told to stop; print how to point a client at it."""
    world = _world(fault)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        sandbox = serve(world, port=port)
    except OSError as failure:
        raise RunbookError(f"Port {port} cannot be used: {failure.strerror}.", "Choose another with --port.") from None
    with sandbox:
        for name, value in sandbox.environment.items():
            print(f"export {name}={value}")
        print(f"# region {world.region}, table {world.setting.table}, function {world.setting.function}")
        print("# stop with Ctrl-C", flush=True)
        stopped.wait()
    return 0


def demo(fault: str, archive: Path | None) -> int:
    """Start the sandbox with a fault, investigate it over HTTP, say what was found, stop it. 0 when that worked."""
    world = _world(fault)
    story = " ".join(all_faults()[fault].story.split())
    print(f"The sandbox plays `{fault}`: {story}\n", flush=True)
    with serve(world) as sandbox:
        os.environ.update(sandbox.environment)
        done = run.investigate(_incident(fault, world), archive=archive, announce=print_diagnosis)
    print(f"Report     {done.report}")
    return 0


def _incident(fault: str, world: Any) -> Incident:
    """Give the parameters that an on-call engineer would type for this world."""
    return Incident.from_mapping(
        {
            "incident_id": f"DEMO-{fault}",
            "region": world.region,
            "table_name": world.setting.table,
            "function_name": world.setting.function,
            "archive": "archive",
        },
        source="the demonstration",
    )


def _world(fault: str) -> Any:
    """Build the world of a fault, with its clock at the present second."""
    known = all_faults()
    if fault not in known:
        raise BadParameters(f"There is no fault `{fault}`.", suggestion(fault, sorted(known)))
    return build(fault, datetime.now(UTC).replace(microsecond=528_000), seed=1)
