"""The changes that a judging module may suffer: one operator, number, branch or sentence of evidence at a time.

A change is named by its function, its kind and its place among those of its kind in the function, and by nothing that
moves: no file, no line, no name of a local. So a sample stays the same when a module moves or a local is renamed.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOMS: dict[str, tuple[str, ...]] = {
    "findings": ("findings",),
    "judging": (
        *(
            "judging/comparison",
            "judging/onset_signals",
            "judging/diagnosis",
            "judging/fallbacks",
            "judging/loss_clock",
        ),
        *("judging/proposals", "judging/undelivered", "judging/verdict", "measuring/onset", "measuring/pipe"),
        *("measuring/backlog", "measuring/setting_change", "running/recovery"),
    ),
    "interpret": ("interpret",),
}
"""The rooms that judge, and the modules and packages that each is made of: what moves is named anew here."""

_FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    **{
        ast.Eq: ast.NotEq,
        ast.NotEq: ast.Eq,
        ast.Is: ast.IsNot,
        ast.IsNot: ast.Is,
        ast.In: ast.NotIn,
        ast.NotIn: ast.In,
    },
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt},
}
_OTHER = {"min": "max", "max": "min", "any": "all", "all": "any"}
_IDLE = {"frozen", "slots", "kw_only", "strict", "maxsize", "hash", "repr", "compare"}
"""Keywords whose value changes no verdict."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Edit(NamedTuple):
    """A stretch of a module's text, and what stands there instead."""

    kind: str
    at: ast.expr
    instead: ast.expr


@dataclass(frozen=True)
class Mutant:
    """One change.

    `path` is that of the module beside the package, `function` the full name of where it is, or of a constant, and
    `ordinal` counts the changes of its kind there.
    """

    room: str
    path: Path
    function: str
    kind: str
    ordinal: int
    before: str
    after: str
    span: tuple[int, int]

    @property
    def id(self) -> str:
        """What names the change wherever it stands."""
        return f"{self.function} {self.kind} {self.ordinal}"

    def rank(self, seed: int) -> str:
        """Its place in a sample: as good as drawn, and the same in every tree."""
        return hashlib.sha256(f"{seed} {self.id}".encode()).hexdigest()

    def applied(self, source: bytes) -> bytes:
        """The text of the module with the change."""
        begin, end = self.span
        return source[:begin] + f"({self.after})".encode() + source[end:]

    def __str__(self) -> str:
        return f"{self.room} {self.id}: {_short(self.before)} -> {_short(self.after)}"


def sample(package: Path, size: int, seed: int) -> list[Mutant]:
    """Give so many changes of every room, the same for the same seed."""
    chosen: list[Mutant] = []
    for room in ROOMS:
        everything = sorted(mutants(package, room), key=lambda mutant: (mutant.rank(seed), mutant.before))
        chosen += everything[:size]
    return chosen


def mutants(package: Path, room: str) -> Iterator[Mutant]:
    """Give every change that there is to the modules of a room."""
    for path in modules(package, room):
        source = path.read_bytes()
        starts = _line_starts(source)
        counted: Counter[tuple[str, str]] = Counter()
        for function, edit in _edits(ast.parse(source), ""):
            counted[function, edit.kind] += 1
            begin = starts[edit.at.lineno - 1] + edit.at.col_offset
            end = starts[(edit.at.end_lineno or 0) - 1] + (edit.at.end_col_offset or 0)
            words = ast.unparse(edit.at), ast.unparse(edit.instead)
            home = path.relative_to(package.parent)
            yield Mutant(room, home, function, edit.kind, counted[function, edit.kind], *words, (begin, end))


def modules(package: Path, room: str) -> list[Path]:
    """Give the files of a room. Raises `FileNotFoundError` for a name that the package does not have (any more)."""
    found: list[Path] = []
    for name in ROOMS[room]:
        folder, file = package / name, package / f"{name}.py"
        found += sorted(folder.rglob("*.py")) if folder.is_dir() else [file]
        if not folder.is_dir() and not file.is_file():
            raise FileNotFoundError(f"{file}: correct ROOMS in {Path(__file__).name}")
    return found


def _edits(node: ast.AST, place: str, outside: bool = True) -> Iterator[tuple[str, Edit]]:
    """Walk a module, each edit with the name of the function or constant that it is in; `outside` of any function."""
    for edit in _here(node):
        yield place, edit
    inside = isinstance(node, Function | ast.Lambda)
    for child in _children(node):
        yield from _edits(child, _named(place, child, outside and not inside), outside and not inside)


def _named(place: str, node: ast.AST, outside: bool = False) -> str:
    """The qualified name of what a node is or is in: a function, a class, or a constant outside of functions."""
    name = ""
    if isinstance(node, Function | ast.ClassDef):
        name = node.name
    elif outside and isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        name = target.id if isinstance(target, ast.Name) else ""
    return ".".join(filter(None, (place, name)))


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What is below a node, but annotations, decorators, formatted text and what only the type checker reads."""
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
        return
    skipped = ("decorator_list", "annotation", "returns", *(("keywords",) if isinstance(node, ast.ClassDef) else ()))
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            idle = isinstance(child, ast.keyword) and child.arg in _IDLE
            if isinstance(child, ast.AST) and field not in skipped and not idle:
                yield child


def _here(node: ast.AST) -> Iterator[Edit]:
    """The changes of one node itself."""
    if isinstance(node, ast.Compare):
        for number, operator in enumerate(node.ops):
            operators = [*node.ops]
            operators[number] = _FLIPPED[type(operator)]()
            yield Edit("comparison", node, ast.Compare(node.left, operators, node.comparators))
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield Edit("connective", node, ast.BoolOp(other, node.values))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield Edit("negation", node, node.operand)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield Edit("truth", node, ast.Constant(not node.value))
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield Edit("number", node, ast.Constant(node.value + 1))
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub) and not _is_text(node):
        other_sign = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield Edit("arithmetic", node, ast.BinOp(node.left, other_sign, node.right))
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _OTHER:
        yield Edit("extreme", node, ast.Name(_OTHER[node.id], ast.Load()))
    elif isinstance(node, ast.IfExp):
        yield Edit("branch", node, ast.IfExp(node.test, node.orelse, node.body))
    elif isinstance(node, ast.If):
        yield Edit("branch", node.test, ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Yield | ast.YieldFrom):
        yield Edit("yield", node, ast.YieldFrom(ast.Tuple([], ast.Load())))
    elif isinstance(node, Function):
        yield from _returns(node)


def _returns(function: Function) -> Iterator[Edit]:
    """A return of another branch."""
    values = [node.value for node in _own(function) if isinstance(node, ast.Return) and node.value is not None]
    for value, other in zip(values, [*values[1:], *values[:1]], strict=True):
        if ast.dump(value) != ast.dump(other):
            yield Edit("return", value, other)


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Everything in a function but what is in functions inside it, in the order of the text."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Function | ast.Lambda | ast.ClassDef):
            yield child
            yield from _own(child)


def _is_text(node: ast.BinOp) -> bool:
    """Whether an addition joins texts or sequences, of which there is no difference."""
    texts = (ast.JoinedStr, ast.List, ast.Tuple, ast.ListComp)
    return any(
        isinstance(side, texts) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


def _line_starts(source: bytes) -> list[int]:
    """Where each line of a text begins, in bytes."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _short(code: str, width: int = 70) -> str:
    """Code on one line of a stated width."""
    line = " ".join(code.split())
    return line if len(line) <= width else f"{line[: width - 3]}..."


def functions(node: ast.AST, place: str = "") -> Iterator[tuple[str, Function]]:
    """Every function below a node by its qualified name, as the mutants are named."""
    for child in ast.iter_child_nodes(node):
        name = _named(place, child)
        if isinstance(child, Function):
            yield name, child
        yield from functions(child, name)
