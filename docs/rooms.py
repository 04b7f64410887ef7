"""The page on the architecture: prose by hand, and between marks the rooms, as a picture and as a table.

The order of the rooms and what each is free of are stated in tests/test_conventions.py, which holds the code to them;
arrows are the imports that the code has, and what lives in a room is what its docstring says.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pieces import code, codes, link, table

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "runbook_lib"
PAGE = Path(__file__).parent / "architecture.md"
RULES = ROOT / "tests/test_conventions.py"
_MARK = re.compile(r"(<!-- (\w+): begin -->\n)(.*?)(<!-- \2: end -->)", re.DOTALL)

Graph = Mapping[str, frozenset[str]]
"""For each room those that it imports."""


def page() -> str:
    """The page with what stands between its marks made anew."""
    parts = {"picture": _picture, "rooms": _rooms, "sandbox": _sandbox}
    return _MARK.sub(lambda part: f"{part[1]}\n{parts[part[2]]()}\n\n{part[4]}", PAGE.read_text(encoding="utf-8"))


@cache
def rule(name: str) -> Any:
    """The value of a constant of the test that holds the code to its rooms."""
    for node in ast.parse(RULES.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise LookupError(f"{RULES.name} states no {name}")


def order() -> tuple[str, ...]:
    """The rooms of the engine, each importing only from those before it."""
    return tuple(room for group in rule("ORDER") for room in group)


def _picture() -> str:
    """The engine as a flowchart; the ground that everybody stands on is one box without arrows."""
    ground = rule("ORDER")[0]
    rooms = [room for room in order() if room not in (*ground, "__main__")]
    return "\n".join(
        (
            "```mermaid",
            "flowchart LR",
            f'  ground["{"<br>".join(ground)}"]',
            *(f'  {room}["{room}"]' for room in rooms),
            '  sandbox[("sandbox")]',
            f"  ground --> {rooms[0]}",
            *(f"  {of} --> {by}" for by, of in _arrows(_imports(PACKAGE), rooms)),
            "  aws -. HTTP .-> sandbox",
            "  sandbox -. when asked to .-> cli",
            "```",
        )
    )


@cache
def _imports(package: Path) -> Graph:
    """What each room of a package imports of its neighbours, but for the type checker alone."""
    prefix = ".".join(package.relative_to(ROOT).parts) + "."
    found: dict[str, set[str]] = {}
    for path in sorted(package.rglob("*.py")):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        names = (name for name in _imported(ast.parse(path.read_text(encoding="utf-8"))) if name.startswith(prefix))
        found.setdefault(room, set()).update(name.removeprefix(prefix).split(".")[0] for name in names)
    return {room: frozenset(named & found.keys() - {room, "__init__"}) for room, named in found.items()}


def _imported(node: ast.AST) -> Iterator[str]:
    """Every module, or name of one, that is imported below a node."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module}.{name.name}" for name in node.names)
    for child in ast.iter_child_nodes(node):
        yield from _imported(child)


def _arrows(graph: Graph, rooms: list[str]) -> Iterator[tuple[str, str]]:
    """Each import between two of these rooms that does not follow from others: who imports, and what."""
    inside = {room: graph[room] & set(rooms) for room in rooms}
    for by in rooms:
        for of in sorted(inside[by], key=rooms.index):
            if not any(of in _reached(inside, between) for between in inside[by] - {of}):
                yield by, of


def _reached(graph: Graph, room: str) -> set[str]:
    """Every room that one imports, directly or through others."""
    found: set[str] = set()
    waiting = [room]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def _rooms() -> str:
    rows = ((_room_link(room), _holds(PACKAGE / room), _shuns(room), _libraries(room)) for room in order())
    return table(("room", "holds", "has no place there", "imports, where few may"), rows)


def _shuns(room: str) -> str:
    """What its docstring says has no place there, and which rooms before it are closed to it."""
    free = rule("FREE_OF").get(room, ())
    closed = f"It imports none of {codes(sorted(free))}." if free else ""
    return " ".join(filter(None, (_nothing(PACKAGE / room), closed))) or "-"


def _libraries(room: str) -> str:
    return codes(library for library, rooms in rule("ONLY_IN").items() if room in rooms)


def _sandbox() -> str:
    home = PACKAGE / "sandbox"
    graph = _imports(home)
    rooms = [room for room in graph if not room.startswith("__")]
    rooms.sort(key=lambda room: (len(_reached(graph, room)), room))
    arrows = (f"  {of} --> {by}" for by, of in _arrows(graph, rooms))
    picture = "\n".join(("```mermaid", "flowchart LR", *(f'  {room}["{room}"]' for room in rooms), *arrows, "```"))
    rows = ((_room_link(f"sandbox/{room}"), _holds(home / room), _nothing(home / room) or "-") for room in rooms)
    return f"{picture}\n\n{table(('room', 'holds', 'has no place there'), rows)}"


def _room_link(room: str) -> str:
    path = PACKAGE / room
    shown = f"{room}/" if path.is_dir() else f"{room}.py"
    return link(code(shown), f"../runbook_lib/{shown}")


def _sentences(path: Path) -> list[str]:
    """The docstring of a room, a sentence each, without its first list and what follows that."""
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    told = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    prose = re.split(r"\n\n[*:]", told)[0]
    return re.split(r"(?<=[.!?]) (?=[A-Z`])", " ".join(prose.split()))


def _holds(path: Path) -> str:
    return _sentences(path)[0]


def _nothing(path: Path) -> str:
    return " ".join(said for said in _sentences(path) if said.startswith("Nothing here"))


def without_limit() -> Iterable[str]:
    """The folders, of engine and sandbox, whose docstring does not say what has no place in them."""
    folders = [PACKAGE / room for room in order()] + sorted((PACKAGE / "sandbox").iterdir())
    for path in folders:
        if (path / "__init__.py").exists() and not _nothing(path):
            yield f"{path.relative_to(ROOT)}"
