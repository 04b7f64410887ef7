"""Runs on their way to S3: one that lies here, or those of an investigation when they are finished."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runbook_lib.cli.terminal import print_error
from runbook_lib.errors import COULD_NOT_RUN, BadParameters, RunbookError
from runbook_lib.incident import Incident
from runbook_lib.running.publish import SCHEME, Published, check_address, publish


def publish_one(chosen: argparse.Namespace) -> int:
    """Publish one run folder."""
    done = publish(chosen.folder, chosen.address, profile=chosen.profile)
    if chosen.json:
        print(json.dumps(_to_json(done), indent=2))
    else:
        _say(done)
    return 0


def work_folder(archive: str | None, *, resume: bool) -> tuple[str | None, Path | None]:
    """Tell whether runs are to be published, and where they are written: then in a folder that nobody else may read."""
    if archive is None or not archive.startswith(SCHEME):
        return None, Path(archive) if archive else None
    check_address(archive)
    if resume:
        raise BadParameters("--resume looks for finished runs in a folder.", "Leave it out, or give --archive DIR.")
    return archive, Path(tempfile.mkdtemp(prefix="runbook-"))


def publish_all(
    documents: Sequence[dict[str, Any]], incidents: Sequence[Incident], address: str, *, quiet: bool
) -> None:
    """Publish every finished run, and write into its document where it went, or why it did not: that is a 3."""
    for document, incident in zip(documents, incidents, strict=True):
        if "run_folder" not in document:
            continue
        try:
            done = publish(Path(document["run_folder"]), address, profile=incident.profile)
        except RunbookError as trouble:
            print_error(trouble)
            document.update(published=None, publish_error=str(trouble), exit_code=COULD_NOT_RUN)
            continue
        document.update(published=done.report or done.address)
        if not quiet:
            _say(done)


def _to_json(done: Published) -> dict[str, Any]:
    return {"address": done.address, "report": done.report, "sent": done.sent}


def _say(done: Published) -> None:
    print(f"Published: {done.report or done.address}{'' if done.sent else ' (it was there already)'}")
