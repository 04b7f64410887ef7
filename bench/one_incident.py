"""One incident: seconds to the verdict and to the report, beside the floors and beside ten plain papermill runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import nbformat

from measure import BIN, ROOT, Cost, SandboxTarget, measured, sandbox, spread, together
from runbook_lib.archive.record import Record
from runbook_lib.report.join import ONLY_ALONE

WORLD = "stream-recreated"
LATENCY_MS = 80
_CHAIN = (
    "GetCallerIdentity",
    "ListEventSourceMappings",
    "GetFunctionConfiguration",
    "ListAttachedRolePolicies",
    "GetPolicy",
    "GetPolicyVersion",
)
"""The longest chain of calls in which each needs the answer of the one before."""

_FLOOR = """
import json, sys
{imports}
import boto3
from botocore import xform_name
for service, operation, region, params in json.loads(sys.argv[1]):
    getattr(boto3.client(service, region_name=region), xform_name(operation))(**params)
print("done")
"""
_PLOTTING = "import matplotlib\nmatplotlib.use('agg')\nimport pandas\nimport matplotlib.pyplot"
_PERSON = re.compile("person-[0-9a-f]{6}")


@dataclass(frozen=True)
class IncidentMeasures:
    """The costs of every way, one of each per round, and whether our outputs are those of the plain runs."""

    ways: Mapping[str, list[Cost]]
    compared: int
    different: tuple[str, ...]
    calls: int

    def wall(self, way: str) -> float:
        """Give the median seconds of a way."""
        return median(cost.wall_s for cost in self.ways[way])

    def verdict(self) -> float:
        """Give the median seconds until the verdict stood on the screen."""
        return median(cost.first_line_s or 0.0 for cost in self.ways["investigate"])

    def cpu(self, way: str) -> float:
        """Give the median processor seconds of a way."""
        return median(cost.cpu_s for cost in self.ways[way])


def measure(rounds: int = 5) -> IncidentMeasures:
    """Run every way once per round, in turn, so that a busy moment of the machine meets all of them."""
    ways: dict[str, list[Cost]] = {}
    compared: tuple[int, tuple[str, ...]] = (0, ())
    with sandbox(WORLD, LATENCY_MS) as target, TemporaryDirectory() as scratch:
        folder = Path(scratch)
        run = _run_folder(target, folder, "WARM", ways)
        record = Record.read(run / "evidence")
        chain = json.dumps([_asked(record, operation) for operation in _CHAIN])
        ways.clear()
        for number in range(rounds):
            for way, imports in (("verdict floor", ""), ("report floor", _PLOTTING)):
                command = [str(BIN / "python"), "-c", _FLOOR.format(imports=imports), chain]
                ways.setdefault(way, []).append(_sound(measured(command, target.environment)))
            run = _run_folder(target, folder, f"OURS-{number}", ways)
            plain = _plain(target, folder, f"PLAIN-{number}", ways)
            compared = _compare(run / "runbook.ipynb", plain)
        return IncidentMeasures(ways, *compared, len(record.calls()))


def _run_folder(target: SandboxTarget, folder: Path, incident_id: str, ways: dict[str, list[Cost]]) -> Path:
    """Run our one command, and give the finished run."""
    parameters = target.parameters(folder, incident_id)
    for way, more in (("verdict only", ["--no-report"]), ("investigate", [])):
        cost = measured([BIN / "runbook", "investigate", parameters, *more], target.environment)
        ways.setdefault(way, []).append(_sound(cost, 1))
    return next(path.parent for path in (folder / "archive" / incident_id).glob("*/report.html"))


def _plain(target: SandboxTarget, folder: Path, incident_id: str, ways: dict[str, list[Cost]]) -> list[Path]:
    """Run the ten notebooks one by one as papermill's own command does, and nbconvert's on the result."""
    parameters = target.parameters(folder, incident_id)
    out = folder / incident_id
    out.mkdir()
    books = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    runs = [
        _sound(
            measured(
                [BIN / "papermill", book, out / book.name, "-f", parameters, "-k", "python3", "--no-progress-bar"],
                {**target.environment, "PYTHONWARNINGS": "ignore"},
            )
        )
        for book in books
    ]
    executed = [out / book.name for book in books]
    merged = nbformat.v4.new_notebook(metadata=nbformat.read(executed[0], 4).metadata)
    merged.cells = [cell for path in executed for cell in nbformat.read(path, 4).cells]
    nbformat.write(nbformat.from_dict(_unique(merged)), out / "merged.ipynb")
    page = measured([BIN / "jupyter", "nbconvert", "--to", "html", out / "merged.ipynb"], {})
    ways.setdefault("ten papermill runs and nbconvert", []).append(together([*runs, _sound(page)]))
    return executed


def _unique(merged: Any) -> Any:
    for number, cell in enumerate(merged.cells):
        cell.id = f"cell-{number}"
    return merged


def _sound(cost: Cost, code: int = 0) -> Cost:
    if cost.code != code:
        raise SystemExit(f"A measured command ended with {cost.code} instead of {code}: {cost.printed[-500:]}")
    return cost


def _asked(record: Record, operation: str) -> tuple[str, str, str, dict[str, Any]]:
    """Give a call of the recorded run, to be made again."""
    if operation == "GetCallerIdentity":
        return ("sts", operation, record.scope.region, {})
    call = next(call for call in record.calls() if call.operation == operation)
    return (call.service, operation, call.region, dict(call.params))


def _compare(ours: Path, plain: list[Path]) -> tuple[int, tuple[str, ...]]:
    """Hold every output of the plain runs against ours: how many, and which cells differ."""
    mine = dict(_outputs(ours, ""))
    theirs = {key: value for path in plain for key, value in _outputs(path, f"{path.name[:2]}-")}
    shared = [key for key in theirs if key in mine]
    missing = [key for key in theirs if key not in mine]
    return len(shared), tuple(sorted([*missing, *(key for key in shared if mine[key] != theirs[key])]))


def _outputs(path: Path, prefix: str) -> Iterator[tuple[str, str]]:
    """Give what each cell shows; the cells that only a notebook read alone has are left out, and those of set-up.

    People have another pseudonym in every run, on purpose, so they are numbered as they come.
    """
    for cell in nbformat.read(path, 4).cells:
        is_ours = cell.cell_type == "code" and cell.id not in ONLY_ALONE
        if is_ours and not cell.metadata.get("tags"):
            shown = [output.get("data") or output for output in cell.outputs if output.output_type != "stream"]
            yield prefix + cell.id, _numbered(json.dumps(shown, sort_keys=True))


def _numbered(text: str) -> str:
    people = list(dict.fromkeys(_PERSON.findall(text)))
    return _PERSON.sub(lambda match: f"person-{people.index(match[0])}", text)


def rows(found: IncidentMeasures) -> Iterator[str]:
    """Write the table of the page."""
    base, floor = "ten papermill runs and nbconvert", "report floor"
    yield "| way | seconds, median (least to most) | processor s | peak MB | times as fast | of the report floor |"
    yield "|---|---|---|---|---|---|"
    for way, costs in found.ways.items():
        wall = found.wall(way)
        yield (
            f"| {way} | {spread([cost.wall_s for cost in costs])} | {found.cpu(way):.1f}"
            f" | {median(cost.peak_mb for cost in costs):.0f} | {found.wall(base) / wall:.1f}"
            f" | {wall / found.wall(floor):.1f} |"
        )


def words(found: IncidentMeasures) -> Iterator[str]:
    """Write what follows from the table."""
    verdict, floor = found.verdict(), found.wall("verdict floor")
    base, ours = "ten papermill runs and nbconvert", "investigate"
    yield (
        f"Until the verdict stands on the screen: {verdict:.2f} s, {verdict / floor:.2f} times the verdict floor"
        f" ({found.calls} calls in all; the longest chain is {len(_CHAIN)}: {', '.join(_CHAIN)})."
    )
    yield (
        f"The whole run is {found.wall(base) / found.wall(ours):.1f} times as fast as the plain runs, takes"
        f" {found.wall(ours) / found.wall('report floor'):.1f} times the report floor and"
        f" {found.cpu(base) / found.cpu(ours):.1f} times fewer processor seconds."
    )
    same = "all the same, byte for byte" if not found.different else f"different: {', '.join(found.different)}"
    yield f"Outputs of cells held against those of the plain runs: {found.compared}, {same}."


if __name__ == "__main__":
    result = measure(rounds=1)
    print("\n".join((*rows(result), "", *words(result))))
