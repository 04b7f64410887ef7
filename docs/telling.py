"""The page on telling a world: prose by hand, and between its two marks every verb of `World` from its docstring."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

from runbook_lib.sandbox import World

PAGE = Path(__file__).parent / "telling-a-world.md"
_STARS: dict[object, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
BEGIN, END = "<!-- verbs: begin -->", "<!-- verbs: end -->"


def page() -> str:
    """The page with its tables made anew."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    tables = "\n\n".join(_tables())
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{rest.partition(END)[2]}"


def _tables() -> Iterator[str]:
    """One table for each class that the world's verbs come from, how it began first."""
    classes = [one for one in World.__mro__ if one.__module__.startswith("runbook_lib.") and _verbs(one)]
    told = [one for one in classes if not getattr(one, "_is_protocol", False)]
    for one in sorted(told, key=lambda one: (one is World, one.__name__ != "Beginnings")):
        heading = "Of the world itself." if one is World else inspect.getdoc(one)
        yield "\n".join((str(heading), "", "| verb | does |", "|---|---|", *_rows(one)))


def _verbs(owner: type) -> dict[str, object]:
    return {name: one for name, one in vars(owner).items() if inspect.isfunction(one) and not name.startswith("_")}


def _rows(owner: type) -> Iterator[str]:
    for name, verb in _verbs(owner).items():
        said = [f"{_STARS.get(part.kind, '')}{part.name}" for part in _parameters(verb)]
        first = str(inspect.getdoc(verb)).partition("\n")[0].replace("|", "\\|")
        yield f"| `{name}({', '.join(said)})` | {first} |"


def _parameters(verb: object) -> list[inspect.Parameter]:
    return list(inspect.signature(verb).parameters.values())[1:]  # type: ignore[arg-type]
