"""The kit against a second AWS that others wrote: does it find what happened there? Written to docs/conformance.md.

python bench/conformance.py PYTHON           every scenario; write the page. PYTHON has ministack
python bench/conformance.py PYTHON NAME ...  these scenarios alone; write nothing

The exit code is 1 when a verdict differs from what was done, and 2 when not everything ran; nothing is written then.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from runbook_lib._version import __version__
from scenarios import REFUSED, SCENARIOS, Account, Scenario
from second_backend import SecondBackend, running

_REFUSED_CODE = 3
PAGE = Path(__file__).parent.parent / "docs" / "conformance.md"

_HEAD = """# A second backend

Written by `make conformance` with kit {kit} and ministack {backend}; it refuses to write when a scenario did not run or
a verdict differs without a reason. The sandbox is ours, so it can only be as right as our reading of AWS.
[ministack](https://ministack.org) is an AWS emulator by others, with a loop of its own from DynamoDB stream to event
source mapping to a Lambda function that really runs. Each scenario builds a trigger there through the API, sees records
delivered, breaks it through the API, and runs `runbook investigate --no-report --json` on it.

*Agrees*: the verdict names what was done and nothing else. *Undetermined*: it says that it cannot tell. *Differs* is
accepted only for the scenarios named below the table, where ministack does not behave as AWS does. As no write is
counted there, what stops the trigger is called latent rather than a cause, which counts as named.
"""


_EVERYWHERE = (
    "* CloudWatch holds no metric of tables, streams and mappings, and none of invocations that a mapping made.",
    "* CloudTrail names calls of Lambda and IAM by their HTTP method (`POST.lambda`): no such change is found by name.",
    "* `LastProcessingResult` says `FAILED` and `OK - 3 records`, which Lambda does not.",
    "* A mapping changes its state at once, and goes on invoking when its role may not read the stream.",
)
"""What was seen of ministack whatever the scenario."""


class ConformanceResult(StrEnum):
    """How a verdict compares with what was done."""

    AGREES = "agrees"
    UNDETERMINED = "undetermined"
    DIFFERS = "differs"


@dataclass(frozen=True)
class ScenarioOutcome:
    """What the kit said of one scenario."""

    scenario: Scenario
    status: str
    named: tuple[tuple[str, str], ...]
    gaps: tuple[str, ...]

    @property
    def result(self) -> ConformanceResult:
        """Whether that is what was done."""
        if [id for id, _ in self.named] == ([self.scenario.expects] if self.scenario.expects else []):
            return ConformanceResult.AGREES
        return (
            ConformanceResult.UNDETERMINED
            if self.status == ConformanceResult.UNDETERMINED
            else ConformanceResult.DIFFERS
        )


def run_scenario(scenario: Scenario, backend: SecondBackend) -> ScenarioOutcome:
    """Play one scenario in an empty account and investigate it as a responder would."""
    backend.reset()
    account = Account(backend.environment)
    account.build()
    scenario.act(account)
    done = _investigate(account, backend)
    if done.returncode == _REFUSED_CODE and scenario.expects == REFUSED:
        return ScenarioOutcome(scenario, REFUSED, ((REFUSED, done.stderr.strip().removeprefix("runbook: ")),), ())
    if done.returncode >= _REFUSED_CODE:
        raise RuntimeError(done.stderr.strip())
    verdict = json.loads(done.stdout)
    named = [(cause["id"], cause["confidence"]) for cause in verdict["causes"]]
    named += [(fault["id"], "latent") for fault in verdict["latent"]]
    gaps = sorted({f"{gap['call']} ({gap['code']})" for gap in verdict["gaps"]})
    return ScenarioOutcome(scenario, verdict["status"], tuple(named), tuple(gaps))


def _investigate(account: Account, backend: SecondBackend) -> subprocess.CompletedProcess[str]:
    """Run the command as a responder would."""
    with TemporaryDirectory() as folder:
        params = Path(folder) / "INC-1.yaml"
        params.write_text(yaml.safe_dump({"incident_id": "INC-1", "archive": folder, **account.params}))
        command = [sys.executable, "-m", "runbook_lib", "investigate", str(params), "--no-report", "--json"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        told = {**environment, **backend.environment}
        return subprocess.run(command, env=told, capture_output=True, text=True, check=False)


def line(seen: ScenarioOutcome) -> str:
    """Write one result for a terminal."""
    return f"{seen.result:12} {seen.scenario.name:24} {seen.status}: {_said(seen)}"


def render(all_seen: Sequence[ScenarioOutcome], version: str) -> str:
    """Write the whole page."""
    return "\n".join([_HEAD.format(kit=__version__, backend=version), *_rows(all_seen), "", *_unlike(all_seen)]) + "\n"


def _said(seen: ScenarioOutcome) -> str:
    return ", ".join(f"{id} ({sure})" for id, sure in seen.named) or "none"


def _rows(all_seen: Sequence[ScenarioOutcome]) -> Iterator[str]:
    yield "| scenario | what was done | result | the verdict | it names |"
    yield "|---|---|---|---|---|"
    for outcome in all_seen:
        shown = (outcome.scenario.name, outcome.scenario.story, outcome.result, outcome.status, _said(outcome))
        yield f"| {' | '.join(shown)} |"


def _unlike(all_seen: Sequence[ScenarioOutcome]) -> Iterator[str]:
    yield "Where ministack does not behave as AWS does:"
    yield ""
    for reason in dict.fromkeys(outcome.scenario.unlike for outcome in all_seen if outcome.scenario.unlike):
        names = ", ".join(outcome.scenario.name for outcome in all_seen if outcome.scenario.unlike == reason)
        yield f"* {reason} ({names})."
    for gap in sorted({gap for outcome in all_seen for gap in outcome.gaps}):
        yield f"* {gap} is not answered."
    yield from _EVERYWHERE


def main(argv: Sequence[str]) -> int:
    """Run the scenarios; see the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("python", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    asked = parser.parse_args(argv)
    chosen = [scenario for scenario in SCENARIOS if not asked.names or scenario.name in asked.names]
    found: list[ScenarioOutcome] = []
    with running(asked.python) as backend:
        for scenario in chosen:
            try:
                found.append(run_scenario(scenario, backend))
            except (RuntimeError, TimeoutError) as failure:
                print(f"did not run  {scenario.name}: {failure}")
            else:
                print(line(found[-1]), flush=True)
    if not chosen or len(found) < len(chosen):
        return 2
    if any(outcome.result is ConformanceResult.DIFFERS and not outcome.scenario.unlike for outcome in found):
        return 1
    if not asked.names:
        PAGE.write_text(render(found, backend.version), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
