"""What `make same` runs on a tree: this file comes from today's tree, all that it imports from the tree under test.

So it names only what is public in every tree (the command line, the scoreboard's worlds), and says for the rest where
it lay before: `_one_of`. Whatever differs between two runs of one tree is fixed here: the salt of pseudonyms, the
port, the scratch folder.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

SECRET = "5a" * 16
REGION = "eu-west-1"
ACCOUNT = "123456789012"
FLEETS = {
    "ten-mixed": (10, 3, 2),
    "every-way-to-be-broken": (18, 9, 0),
    "all-sound": (6, 0, 0),
    "nobody-reads": (2, 0, 4),
    "one-refused": (6, 2, 1),
}
"""The fleets of the five sweeps: triggers, broken ones, streams without a reader."""

PAIRS = {
    "repaired": ("mapping-paused", "healthy"),
    "left-alone": ("stream-recreated", "stream-recreated"),
    "broken-since": ("healthy", "concurrency-zero"),
    "broken-otherwise": ("mapping-paused", "concurrency-zero"),
    "still-poisoned": ("poison-record", "poison-record"),
}
"""The five comparisons: the world of the run before, and that of the run after."""

Thing = Callable[[], dict[str, str]]
"""One thing to run; gives texts by name."""


def _one_of(*places: str) -> Any:
    """Import a name from the first of these places (`module:name`) that the tree has."""
    for place in places:
        module, _, name = place.partition(":")
        with contextlib.suppress(ImportError, AttributeError):
            return getattr(import_module(module), name)
    raise ImportError(f"none of {', '.join(places)}")


def _serve() -> Any:
    return _one_of("runbook_lib.sandbox:serve", "runbook_lib.sandbox.server:serve")


def _deny(service: str, operation: str) -> Any:
    return _one_of("runbook_lib.sandbox:deny", "runbook_lib.sandbox.rules:deny")(service, operation)


class Bench:
    """A tree at work: `folders` holds what the base wrote, or is where this tree, being the base, is to keep it."""

    def __init__(self, tree: Path, folders: Path, *, keep: bool) -> None:
        self.tree = tree
        self.folders = folders
        self.keep = keep

    def things(self) -> Iterator[tuple[str, Thing]]:
        """Give everything there is to run by its name, the sort first."""
        for case in import_module("scoreboard").cases():
            yield f"world {case.id}", partial(self.world, case)
        yield "example INC-EXAMPLE", self.example
        for path in sorted((self.tree / "notebooks").glob("*.ipynb")):
            if path.stem[:2].isdigit():
                yield f"notebook {path.stem}", partial(self.notebook, path)
        for name, (triggers, broken, unread) in FLEETS.items():
            yield f"sweep {name}", partial(self.sweep, name, triggers, broken, unread)
        for name, (before, after) in PAIRS.items():
            yield f"compare {name}", partial(self.comparison, name, before, after)
        for folder in sorted(self.folders.glob("*/*")):
            yield f"folder {folder.parent.name}", partial(self.old_folder, folder)

    def world(self, case: Any) -> dict[str, str]:
        """Investigate a world of the scoreboard, as it is and with one of the calls that it needed refused."""
        scoreboard = import_module("scoreboard")
        world = case.fault.build(scoreboard.NOW, scoreboard.SEED)
        with _serve()(world) as sandbox, mock.patch.dict(os.environ, sandbox.environment):
            texts, folder = self._investigated(f"world {case.id}", world, f"W-{case.id}")
            calls = sorted({(entry.service, entry.operation) for entry in sandbox.journal if entry.service != "sts"})
        refused = calls[zlib.crc32(case.id.encode()) % len(calls)]
        with _serve()(world, rules=[_deny(*refused)]) as sandbox, mock.patch.dict(os.environ, sandbox.environment):
            more, _ = self._investigated(f"denied {case.id}", world, f"D-{case.id}")
        if self.keep and case.kind in ("fault", "compound"):
            shutil.copytree(folder, self.folders / f"W-{case.id}" / folder.name)
        return texts | more | {f"denied {case.id}/what": ":".join(refused)}

    def _investigated(self, name: str, world: Any, incident_id: str) -> tuple[dict[str, str], Path]:
        params = Path(f"{incident_id}.yaml")
        params.write_text(_params(incident_id, world.setting.table, world.setting.function), encoding="utf-8")
        before = set(Path("archive").glob(f"{incident_id}/*"))
        texts = command(name, "investigate", str(params), "--no-report", "--archive", "archive")
        made = {path for path in Path("archive").glob(f"{incident_id}/*") if path.is_dir()} - before
        folder = next(iter(made), Path("archive"))
        return texts | _documents(name, folder), folder

    def example(self) -> dict[str, str]:
        """Investigate the example with its report: what it prints, writes and shows."""
        name = "example INC-EXAMPLE"
        shutil.copytree(self.tree / "params", "params", dirs_exist_ok=True)
        texts = command(name, "investigate", "params/INC-EXAMPLE.yaml", "--archive", "archive")
        folder = next(path for path in Path("archive").glob("INC-EXAMPLE/*") if path.is_dir())
        for path in ("verdict.json", "summary.md", "timeline.jsonl", "report.html"):
            texts[f"{name}/{path}"] = (folder / path).read_text(encoding="utf-8")
        texts[f"{name}/outputs"] = _outputs(json.loads((folder / "runbook.ipynb").read_text(encoding="utf-8")))
        if self.keep:
            shutil.copytree(folder, self.folders / "INC-EXAMPLE" / folder.name)
        return texts

    def notebook(self, path: Path) -> dict[str, str]:
        """Execute one notebook by plain papermill, as a scheduler would; give its typed outputs."""
        import papermill

        os.environ["PYTHONPATH"] = os.pathsep.join([str(self.tree), os.environ.get("PYTHONPATH", "")])
        out = Path(f"{path.stem}.out.ipynb")
        papermill.execute_notebook(str(path), str(out), cwd=str(path.parent), progress_bar=False, log_output=False)
        return {f"notebook {path.stem}/outputs": _outputs(json.loads(out.read_text(encoding="utf-8")))}

    def sweep(self, name: str, triggers: int, broken: int, unread: int) -> dict[str, str]:
        """Sweep a fleet twice: as a table and as JSON; `one-refused` without the lists of streams."""
        now = import_module("scoreboard").NOW
        fleet, kind, mixed = (
            _one_of(f"runbook_lib.sandbox:{public}", f"runbook_lib.sandbox.{module}:{public}")
            for public, module in (("Fleet", "fleet"), ("kind", "fleet_kinds"), ("mixed", "fleet_kinds"))
        )
        members = fleet(mixed(triggers, broken, unread, partial(kind, now=now, account=ACCOUNT)))
        rules = [_deny("dynamodbstreams", "ListStreams")] if name == "one-refused" else []
        with _serve()(members, rules=rules) as sandbox, mock.patch.dict(os.environ, sandbox.environment):
            texts = command(f"sweep {name}", "sweep", "--region", REGION, "--archive", "sweeps")
            more = command(f"sweep {name}/json", "sweep", "--region", REGION, "--archive", "sweeps", "--json")
        if self.keep:
            for folder in [path.parent for path in Path("sweeps").rglob("evidence")][:1]:
                shutil.copytree(folder, self.folders / f"S-{name}" / folder.name)
        shutil.rmtree("sweeps", ignore_errors=True)
        return texts | more

    def comparison(self, name: str, before: str, after: str) -> dict[str, str]:
        """Compare two runs of one incident, the second half an hour after the first."""
        from datetime import timedelta

        scoreboard = import_module("scoreboard")
        cases = {case.id: case for case in scoreboard.cases()}
        folders = []
        for fault, later in ((before, timedelta()), (after, timedelta(minutes=30))):
            world = cases[fault].fault.build(scoreboard.NOW + later, scoreboard.SEED)
            with _serve()(world) as sandbox, mock.patch.dict(os.environ, sandbox.environment):
                folders.append(str(self._investigated(f"compare {name}/{fault}", world, f"C-{name}")[1]))
        return command(f"compare {name}", "compare", *folders) | command(
            f"compare {name}/json", "compare", *folders, "--json"
        )

    def old_folder(self, folder: Path) -> dict[str, str]:
        """Verify, replay and compare a run folder that the base wrote."""
        name = f"folder {folder.parent.name}"
        copy = Path("old") / folder.parent.name / folder.name
        shutil.copytree(folder, copy)
        texts = command(f"{name}/replay", "replay", str(copy), "--no-report") | command(
            f"{name}/replay-json", "replay", str(copy), "--no-report", "--json"
        )
        if folder.parent.name.startswith("S-"):
            return texts
        replayed = sorted(path for path in copy.parent.iterdir() if path.is_dir() and path != copy)
        for path in replayed:
            texts |= _documents(f"{name}/{path.name}", path) | command(
                f"{name}/verify {path.name}", "verify", str(path)
            )
        return (
            texts
            | command(f"{name}/verify", "verify", str(copy))
            | command(f"{name}/compare", "compare", str(copy), str(replayed[0] if replayed else copy))
        )


def _params(incident_id: str, table: str, function: str) -> str:
    lines = {"incident_id": incident_id, "region": REGION, "table_name": table, "function_name": function}
    return "".join(f'{key}: "{value}"\n' for key, value in lines.items())


def _documents(name: str, folder: Path) -> dict[str, str]:
    """Give what a run folder tells people: the verdict as it was written, summary and timeline as a report has them."""
    if not (folder / "verdict.json").exists():
        return {f"{name}/verdict.json": "(none)"}
    record = _one_of("runbook_lib.archive.record:Record", "runbook_lib.record:Record").open(folder)
    investigation = _one_of(
        "runbook_lib.running.investigation:Investigation", "runbook_lib.investigation:Investigation"
    )
    diagnosis = investigation(record).diagnosis
    export = import_module("runbook_lib.report.export")
    headline = _one_of("runbook_lib.views:verdict_view")(diagnosis).to_json()
    meta = _one_of("runbook_lib.report.render:Meta").of(record, headline)
    return {
        f"{name}/verdict.json": (folder / "verdict.json").read_text(encoding="utf-8"),
        f"{name}/summary.md": export.summary(headline, meta),
        f"{name}/timeline.jsonl": export.timeline(diagnosis),
    }


def _outputs(notebook: dict[str, Any]) -> str:
    """Give the outputs of every code cell, in order, without counts and times."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    shown = [[output.get("data", output.get("text")) for output in cell.get("outputs", ())] for cell in cells]
    return json.dumps(shown, indent=1, sort_keys=True)


def command(name: str, *words: str) -> dict[str, str]:
    """Run one command of `runbook` in this process: its exit code and what it prints."""
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            code: object = _one_of("runbook_lib.cli:main")(list(words))
        except SystemExit as ended:
            code = ended.code
    printed = {"code": f"{code}", "stdout": _settled(out.getvalue()), "stderr": _settled(error.getvalue())}
    return {f"{name}/{part}": text for part, text in printed.items()}


def _settled(text: str) -> str:
    """Leave out what no two runs share: the port and the scratch folder."""
    return re.sub(r"127\.0\.0\.1:\d+", "<sandbox>", text).replace(os.getcwd(), "<here>")


def main() -> None:
    """Run this process's share of the things and write what they said."""
    parser = argparse.ArgumentParser(description="Run on one tree what `make same` compares.")
    parser.add_argument("tree", type=Path)
    parser.add_argument("folders", type=Path)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--share", default="0/1")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    number, of = map(int, asked.share.split("/"))
    here = Path.cwd() / f"share-{number}"
    here.mkdir()
    os.chdir(here)
    package = import_module("runbook_lib")
    assert Path(str(package.__file__)).is_relative_to(asked.tree), f"{package.__file__} is not of {asked.tree}"
    bench = Bench(asked.tree, asked.folders, keep=asked.keep)
    wanted = {"world" if sort == "denied" else sort for sort in asked.only}
    said: dict[str, str] = {}
    with mock.patch("secrets.token_hex", lambda size=16: SECRET[: 2 * size]):
        for place, (name, thing) in enumerate(list(bench.things())):
            if place % of != number or (wanted and name.partition(" ")[0] not in wanted):
                continue
            texts = thing()
            said |= texts
            print(f"{asked.tree.name}: {name}: {len(texts)} texts", file=sys.stderr, flush=True)
    asked.out.write_text(json.dumps(said), encoding="utf-8")
    sys.stderr.flush()
    os._exit(0)  # kernels and their threads are not waited for


if __name__ == "__main__":
    main()
