"""The page about thresholds, from the one file that holds them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from pieces import code, document, link, table
from runbook_lib import instant
from runbook_lib.measuring import thresholds

PACKAGE = Path(thresholds.__file__).parent.parent
_SAYING = re.compile(r"(?P<reason>.+?\.)(?: Unit: (?P<unit>.+?)\.)? Source: (?P<source>.+)\.")


@dataclass(frozen=True)
class Threshold:
    """One threshold: its value in `unit`, why it is needed, and where its value comes from. A duration is its own unit.

    `used_in` are the modules that judge with it, as paths below `runbook_lib/`.
    """

    name: str
    value: timedelta | float
    unit: str
    reason: str
    source: str
    used_in: tuple[str, ...]

    @property
    def amount(self) -> str:
        """The value with its unit."""
        return instant.span(self.value) if isinstance(self.value, timedelta) else f"{self.value:,} {self.unit}"


def read() -> Iterator[Threshold]:
    """Give every threshold with what its text says. Raises ValueError naming one whose text has another form."""
    used = {path: _names(path) for path in sorted(PACKAGE.rglob("*.py")) if path != Path(thresholds.__file__)}
    for name, text in _texts():
        said = _SAYING.fullmatch(" ".join(text.split()))
        value = getattr(thresholds, name)
        if said is None or (said["unit"] is None) != isinstance(value, timedelta):
            raise ValueError(f"{name}: say its reason, the unit of a bare number, and the source.")
        users = tuple(str(path.relative_to(PACKAGE)) for path, names in used.items() if name in names)
        yield Threshold(name, value, said["unit"] or "", said["reason"], said["source"], users)


def _texts() -> Iterator[tuple[str, str]]:
    """Give each name that the file assigns with the text below it; empty where there is none."""
    body = _tree(Path(thresholds.__file__)).body
    for statement, below in pairwise([*body, ast.Pass()]):
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            told = below.value if isinstance(below, ast.Expr) else None
            yield statement.targets[0].id, str(told.value) if isinstance(told, ast.Constant) else ""


def _names(path: Path) -> set[str]:
    """Give the thresholds that a module imports."""
    imports = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.ImportFrom)]
    return {name.name for node in imports if node.module == thresholds.__name__ for name in node.names}


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def page() -> str:
    """The page."""
    intro = (
        "From where on something is late, quiet, recent or enough: the values that a verdict turns on. The same value"
        " with two meanings is two thresholds. Most are judgement, as AWS documents few. How long after a change its"
        " harm may begin is on the [page of each finding](findings/README.md); what an account's own settings say"
        " (timeouts, batching windows, limits) is read and never assumed."
    )
    rows = (
        (
            code(each.name),
            each.amount,
            each.reason,
            each.source,
            ", ".join(link(code(path), f"../runbook_lib/{path}") for path in each.used_in),
        )
        for each in read()
    )
    return document("Thresholds", intro, table(("threshold", "value", "meaning", "source", "used in"), rows))
