"""Record the example incident anew: `python -m runbook_lib.cli.example`, or `make example`.

Everything that could differ from one recording to the next is fixed: the sandbox's clock and seed, the salt of the
pseudonyms, and the local clock in the recorded calls.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from runbook_lib import instant
from runbook_lib.archive.plain_json import dumped
from runbook_lib.archive.record import Record
from runbook_lib.archive.redact import Redactor
from runbook_lib.aws import Live
from runbook_lib.example import EVIDENCE
from runbook_lib.incident import Incident
from runbook_lib.running.investigation import Investigation
from runbook_lib.sandbox import build, serve

FAULT = "stream-recreated"
NOW = datetime(2026, 3, 14, 15, 9, 26, 535_000, tzinfo=UTC)
PARAMETERS = Path(__file__).parents[2] / "params" / "INC-EXAMPLE.yaml"


def record() -> str:
    """Investigate the fault in a sandbox, keep the evidence in the package, return the verdict's sentence."""
    incident = Incident.from_file(PARAMETERS)
    with serve(build(FAULT, NOW, seed=1)) as sandbox, tempfile.TemporaryDirectory() as scratch:
        os.environ.update(sandbox.environment)
        live = Live(incident)
        identity, as_of = live.identify()
        evidence = Record.create(incident, as_of, identity, archive=Path(scratch))
        investigation = Investigation(evidence, live, Redactor(salt="example"))
        sentence = investigation.diagnosis.sentence
        evidence.close()
        assert evidence.folder is not None
        shutil.rmtree(EVIDENCE, ignore_errors=True)
        EVIDENCE.mkdir(parents=True)
        for path in sorted((evidence.folder / "evidence").iterdir()):
            (EVIDENCE / path.name).write_text(_settled(path, as_of), encoding="utf-8")
    return sentence


def _settled(path: Path, as_of: datetime) -> str:
    """Give a file of calls in a fixed order, on the run's clock."""
    calls = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for call in calls:
        if "started" in call:
            call |= {"started": instant.iso(as_of), "ms": 0}
    calls.sort(key=lambda call: (call.get("ref", ""), call.get("page", 0)))
    return "".join(dumped(call, separators=(",", ":")) + "\n" for call in calls)


if __name__ == "__main__":
    print(record(), file=sys.stderr)
