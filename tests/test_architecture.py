"""The page on the architecture: its pictures are the imports, and what it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import ModuleType

import pytest
from test_conventions import ORDER, RANK, _room, engine_imports

GROUND = ORDER[0]


@pytest.fixture(scope="module")
def rooms(root: Path) -> ModuleType:
    """The module that makes the page, imported as `docs/generate.py` does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / "docs"))
        import rooms

        return rooms


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """The page as it is committed."""
    return (root / "docs/architecture.md").read_text(encoding="utf-8")


def _arrows(page: str) -> dict[str, set[str]]:
    """For each room of the first picture those that an arrow leads to it from."""
    picture = page.split("```mermaid\n", 1)[1].split("```", 1)[0]
    found: dict[str, set[str]] = {}
    for of, by in re.findall(r"^  (\w+) --> (\w+)$", picture, re.MULTILINE):
        found.setdefault(by, set()).add(of)
    return found


def _before(arrows: dict[str, set[str]], room: str) -> set[str]:
    """Every room from which arrows lead to this one."""
    near = arrows.get(room, set())
    return near.union(*(_before(arrows, other) for other in near))


def test_the_picture_has_every_room(page: str) -> None:
    """Each room of the order of import stands in the picture, and in the table under it."""
    shown = set(re.findall(r'"(\w+)"\]', page.split("```mermaid\n", 1)[1].split("```", 1)[0]))
    assert set(RANK) - set(GROUND) - {"__main__"} <= shown
    assert re.findall(r"^\| \[`(\w+)(?:/|\.py)`\]", page, re.MULTILINE) == list(RANK)


def test_arrows_are_the_imports(page: str) -> None:
    """Every import between rooms follows from arrows, every arrow is an import, and none points against the order."""
    arrows = _arrows(page)
    done = {(_room(found.of), found.room) for found in engine_imports() if _room(found.of) not in ("", *GROUND)}
    between = {(of, by) for of, by in done if of != by and of in RANK and by != "__main__"}
    assert {(of, by) for of, by in between if of not in _before(arrows, by)} == set()
    drawn = {(of, by) for by, near in arrows.items() for of in near if of != "ground"}
    assert drawn <= between
    assert [(of, by) for of, by in drawn if RANK[of] > RANK[by]] == []


def test_the_rooms_of_the_sandbox_stand_in_no_circle(rooms: ModuleType) -> None:
    """No room of the sandbox imports, directly or through others, one that imports it."""
    graph = rooms._imports(rooms.PACKAGE / "sandbox")
    assert [room for room in graph if room in rooms._reached(graph, room)] == []


def test_every_folder_says_what_has_no_place_in_it(rooms: ModuleType) -> None:
    """The docstring of each room that is a folder has a sentence that begins with "Nothing here"."""
    assert list(rooms.without_limit()) == []


def test_what_the_page_names_is_there(root: Path, page: str) -> None:
    """Every path in code type exists below the package or the checkout, and defines the name after its colon."""
    missing = []
    for path, name in re.findall(r"`([\w./]+(?:/|\.py|\.md))(?::(\w+))?`", page):
        homes = [home / path for home in (root / "runbook_lib", root, root / "runbook_lib/sandbox")]
        found = next((home for home in homes if home.exists()), None)
        if found is None or (name and name not in _defined(found)):
            missing.append(f"{path}:{name}")
    assert missing == []


def _defined(path: Path) -> set[str]:
    """The names that a module defines at its top."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assigned = (node.target if isinstance(node, ast.AnnAssign) else node.targets[0] for node in body if _assigns(node))
    defined = {node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    return defined | {ast.unparse(target) for target in assigned}


def _assigns(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign | ast.AnnAssign)
