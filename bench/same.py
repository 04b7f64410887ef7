"""Does this tree say what another commit says, byte for byte? The proof that a refactoring changed nothing.

python bench/same.py COMMIT             run the same things on both trees, compare, exit 1 on a difference
python bench/same.py COMMIT --only sweep   of one sort only: world, denied, example, notebook, sweep, compare, folder

COMMIT gets a worktree with an environment of its own below `.same/`; what it said is kept there and not asked again
while the things that are run (`same_things.py`) stay as they are. Differences are written to `.same/differences.txt`.
The exit code is 2 when nothing was compared.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
KEPT = ROOT / ".same"
THINGS = Path(__file__).with_name("same_things.py")
_SHOWN_LINES = 60

Said = Mapping[str, str]
"""What one tree said: text by name, such as `world stream-disabled/verdict.json`."""


def tree_of(commit: str) -> Path:
    """Give the worktree of a commit, made on first use with the environment that its own lock asks for."""
    sha = _git("rev-parse", "--verify", f"{commit}^{{commit}}")
    tree = KEPT / sha[:12]
    if not tree.exists():
        _git("worktree", "add", "--quiet", "--detach", str(tree), sha)
    subprocess.run(["make", "--quiet", "-C", str(tree), "setup"], check=True, stdout=sys.stderr)
    return tree


def _git(*words: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *words], check=True, capture_output=True, text=True).stdout.strip()


def run(tree: Path, folders: Path, *, keep: bool, jobs: int, only: Sequence[str]) -> dict[str, str]:
    """Run the things on a tree in `jobs` processes. `folders`: run folders that the base wrote, or (`keep`) writes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    environment |= {"PYTHONPATH": f"{tree}{os.pathsep}{tree / 'bench'}", "COLUMNS": "118", "MPLBACKEND": "agg"}
    said: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="runbook-same-") as scratch:
        outs = [Path(scratch) / f"{number}.json" for number in range(jobs)]
        words = [str(tree), str(folders), *(["--keep"] if keep else []), *(["--only", *only] if only else [])]
        running = [
            subprocess.Popen(
                [tree / ".venv/bin/python", "-P", THINGS, *words, "--share", f"{number}/{jobs}", "--out", out],
                env=environment,
                cwd=scratch,
            )
            for number, out in enumerate(outs)
        ]
        codes = [process.wait() for process in running]
        if any(codes):
            raise SystemExit(f"{tree} could not run the things: see above")
        for out in outs:
            said |= json.loads(out.read_text(encoding="utf-8"))
    return said


def base_said(commit: str, jobs: int, only: Sequence[str]) -> tuple[dict[str, str], Path]:
    """Give what the base said and the run folders that it wrote, from before if the things are still the same."""
    tree = tree_of(commit)
    digest = hashlib.sha256(THINGS.read_bytes()).hexdigest()[:12]
    kept, folders = tree.with_name(f"{tree.name}-{digest}.json"), tree.with_name(f"{tree.name}-{digest}-folders")
    if not kept.exists():
        shutil.rmtree(folders, ignore_errors=True)
        folders.mkdir(parents=True)
        said = run(tree, folders, keep=True, jobs=jobs, only=[])
        said |= run(tree, folders, keep=False, jobs=jobs, only=["folder"])
        kept.write_text(json.dumps(said), encoding="utf-8")
    texts: dict[str, str] = json.loads(kept.read_text(encoding="utf-8"))
    return {name: text for name, text in texts.items() if not only or name.partition(" ")[0] in only}, folders


def differences(before: Said, after: Said) -> Iterator[tuple[str, str]]:
    """Give the name of everything that differs, and how; what only one side said differs too."""
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            old, new = (side.get(name, "(not said)\n").splitlines(keepends=True) for side in (before, after))
            lines = list(difflib.unified_diff(old, new, "before", "after", n=1))
            yield name, "".join(line if line.endswith("\n") else f"{line}\n" for line in lines[:_SHOWN_LINES])


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare this tree with a commit; see the module."""
    parser = argparse.ArgumentParser(description="Show that this tree says what a commit says, byte for byte.")
    parser.add_argument("commit", help="the commit to compare with")
    parser.add_argument("--only", nargs="+", default=[], metavar="SORT", help="things of these sorts alone")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1), help="processes")
    asked = parser.parse_args(arguments)
    before, folders = base_said(asked.commit, asked.jobs, asked.only)
    said = run(ROOT, folders, keep=False, jobs=asked.jobs, only=asked.only)
    after = {name: text for name, text in said.items() if not asked.only or name.partition(" ")[0] in asked.only}
    things = Counter(name.partition(" ")[0] for name in {name.partition("/")[0] for name in {*before, *after}})
    different = list(differences(before, after))
    (KEPT / "differences.txt").write_text("".join(f"== {name}\n{how}\n" for name, how in different), encoding="utf-8")
    for name, _ in different:
        print(f"differs: {name}")
    counted = ", ".join(f"{count} of sort {sort}" for sort, count in sorted(things.items()))
    texts = len({*before, *after})
    print(f"compared {things.total()} things ({counted}), {texts} texts; {len(different)} texts differ")
    return 2 if not things else 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
