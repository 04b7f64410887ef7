"""The page for contributors: in a copy of the repository each of its blocks is put in place, and its commands run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.xdist_group("contributing")

_BLOCK = re.compile(
    r"(?:At the end of|A new file|In) `(?P<path>[^`]+)`(?:, below `(?P<below>[^`]+)`)?:\n\n"
    r"```\w+\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
TIDY = ("ruff check --fix .", "ruff format .")


class Block(NamedTuple):
    """Code of the page, and where it goes: below a line, or else at the end of a file, which may be a new one."""

    path: str
    below: str | None
    text: str


def _page(root: Path) -> str:
    return (root / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(page: str) -> list[Block]:
    """Every block of code that says where it goes."""
    return [Block(**found.groupdict()) for found in _BLOCK.finditer(page)]


def commands(page: str) -> list[list[str]]:
    """Every command that runs tests by name, as the page gives it, after its introduction."""
    lines = page.partition("## What holds for every change")[2].splitlines()
    return [shlex.split(line) for line in lines if line.startswith(".venv/bin/python -m pytest")]


def _put(block: Block, copy: Path) -> None:
    path = copy / block.path
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    places = [number for number, line in enumerate(lines, 1) if line.strip() == block.below]
    place = places[0] if block.below else len(lines)
    path.write_text("".join((*lines[:place], block.text, *lines[place:])), encoding="utf-8")


def _run(copy: Path, *words: str) -> str:
    """Run Python in the copy, which is then what it imports, and give what it said; where it fails, fail with that."""
    outer = {**os.environ, "PYTHONPATH": str(copy)}
    ran = subprocess.run([sys.executable, *words], cwd=copy, env=outer, capture_output=True, text=True, check=False)
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, f"{shlex.join(words)}\n{said}"
    return said


@pytest.fixture(scope="module")
def copy(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with every block of the page in its place, tidied as the page says."""
    copy = tmp_path_factory.mktemp("contributed")
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, text=True)
    for name in filter(lambda name: (root / name).is_file(), listed.splitlines()):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, copy / name)
    for block in blocks(_page(root)):
        _put(block, copy)
    for words in TIDY:
        _run(copy, "-m", *words.split())
    return copy


def test_every_block_says_where_it_goes(root: Path) -> None:
    """No code of the page is left out: each block but those of commands names its file, and a line of it."""
    page = _page(root)
    fenced = re.findall(r"^```(\w+)$", page, re.MULTILINE)
    assert len(blocks(page)) == sum(kind != "sh" for kind in fenced) > 10
    for block in blocks(page):
        path = root / block.path
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
        assert not block.below or block.below in lines, block.path


def test_the_page_asks_for_the_tidying_that_is_done(root: Path) -> None:
    """The page tells to run what was run on the copy, and the commands that are run here."""
    assert all(f".venv/bin/{words}" in _page(root) for words in TIDY)
    assert len(commands(_page(root))) == 6


def test_the_blocks_are_clean_and_make_their_pages(copy: Path) -> None:
    """With every block in its place, style holds and the pages are written, with the new finding, fault and step."""
    _run(copy, "-m", "ruff", "check", ".")
    _run(copy, "docs/generate.py")
    assert "one-record-a-batch" in (copy / "docs/findings/batch-size-one.md").read_text(encoding="utf-8")
    assert "batch-size-one" in (copy / "docs/failure-modes.md").read_text(encoding="utf-8")
    assert "table_backups" in (copy / "docs/playbook-map.md").read_text(encoding="utf-8")


def _each() -> list[object]:
    """Every command by its place on the page; the test of the finding and the row run each time, the others in CI."""
    return [pytest.param(place, marks=() if place in (0, 4) else pytest.mark.sampled) for place in range(6)]


@pytest.mark.parametrize("number", _each())
def test_what_the_page_says_to_run_passes(number: int, root: Path, copy: Path) -> None:
    """Each command of the page that runs tests finds some, and they pass, also those of the new world over HTTP."""
    words = commands(_page(root))[number]
    said = _run(copy, *words[1:], "-m", "slow or not slow", "-p", "no:cacheprovider")
    assert re.search(r"\d+ passed", said), said
    assert "deselected" not in said or "-k" in words


def test_the_command_draws_the_new_chart(root: Path, copy: Path) -> None:
    """What the page gives to look at a chart with writes a picture of the chart that the page adds."""
    (program,) = re.findall(r"-c '(.+?)'$", _page(root), re.MULTILINE | re.DOTALL)
    (copy / "build").mkdir()
    _run(copy, "-c", program)
    assert (copy / "build" / "duration.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.sampled
def test_the_blocks_are_typed(copy: Path) -> None:
    """With every block in its place the types hold."""
    _run(copy, "-m", "mypy")


def test_the_table_of_commands_names_targets(root: Path) -> None:
    """Every `make` that the page names is a target."""
    targets = set(re.findall(r"^([a-z][a-z-]*):(?!=)", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", _page(root))) <= targets
