"""The yardstick of the tests: which changes of the judging code are tried is fixed, and stays so when code moves."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mutants

CODE = """
LIMIT = 5

def judged(seen):
    if not seen.late and seen.count > LIMIT:
        yield decisive(f"{seen.count + 1} late")
    return max(seen.ages) if seen.ages else None
"""
MOVED = CODE.replace("seen", "facts").replace("\nLIMIT", "\n# another module\n\nLIMIT")
CHANGES = {
    ("LIMIT", "number", "6"),
    ("judged", "branch", "not (not seen.late and seen.count > LIMIT)"),
    ("judged", "connective", "not seen.late or seen.count > LIMIT"),
    ("judged", "negation", "seen.late"),
    ("judged", "comparison", "seen.count >= LIMIT"),
    ("judged", "yield", "(yield from ())"),
    ("judged", "branch", "None if seen.ages else max(seen.ages)"),
    ("judged", "extreme", "min"),
}


def _package(folder: Path, code: str) -> Path:
    """A package whose room `findings` is this module."""
    (folder / "findings").mkdir(parents=True)
    (folder / "findings" / "late.py").write_text(code, encoding="utf-8")
    return folder


def test_every_kind_of_change_is_made_once(tmp_path: Path) -> None:
    """Each operator, number, branch and sign is changed, text and names are not, and what comes of it is Python."""
    package = _package(tmp_path / "lib", CODE)
    found = list(mutants.mutants(package, "findings"))
    assert {(one.function, one.kind, one.after) for one in found} == CHANGES
    assert len(found) == len(CHANGES)
    for one in found:
        changed = one.applied((tmp_path / one.path).read_bytes())
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(CODE))


def test_the_sample_outlives_a_move_and_a_renamed_local(tmp_path: Path) -> None:
    """Neither the place of a function nor the names in it decide which of its changes are tried."""
    before, after = _package(tmp_path / "one", CODE), _package(tmp_path / "two", MOVED)
    ranks = [{one.id: one.rank(1) for one in mutants.mutants(package, "findings")} for package in (before, after)]
    assert ranks[0] == ranks[1]


@pytest.mark.parametrize("room", mutants.ROOMS)
def test_the_rooms_that_judge_are_there(room: str, root: Path) -> None:
    """Every module that the table of rooms names exists, and holds something to change."""
    assert len(list(mutants.mutants(root / "runbook_lib", room))) > 500
