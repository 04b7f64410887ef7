"""Ten notebooks, one document: joined in memory, so that one kernel runs them all."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from runbook_lib.errors import BadArchive
from runbook_lib.steps import STEPS

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
"""Where the ten notebooks lie: beside the package, as in a clone."""

DIAGNOSIS = f"{len(STEPS) + 1:02d}_diagnosis"
"""The notebook after those of the steps, which the page begins with."""

ONLY_ALONE = frozenset({"navigation", "opening", "again"})
"""Ids of cells that serve a reader of one notebook: links to its neighbours, how to begin, how to look again."""

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""What a notebook says of itself: the kernel that every installation has, and the language."""

_ONCE = ("parameters", "setup")
_KEY = "runbook"


@dataclass(frozen=True)
class NotebookSource:
    """One notebook before it is joined: its stem (`06_stream_backlog`) and what it holds."""

    name: str
    notebook: NotebookNode

    @property
    def number(self) -> str:
        """The two digits that its name begins with."""
        return self.name.split("_", 1)[0]


def shipped(folder: Path = NOTEBOOKS) -> tuple[NotebookSource, ...]:
    """Read the kit's own notebooks, in playbook order. Raises BadArchive when they are not there."""
    sources = tuple(
        NotebookSource(path.stem, nbformat.read(path, as_version=4)) for path in sorted(folder.glob("[0-9]*.ipynb"))
    )
    if not sources:
        raise BadArchive(f"There are no notebooks in {folder}.", "Run the kit from a clone of its repository.")
    return sources


def join(sources: Iterable[NotebookSource]) -> NotebookNode:
    """Join notebooks into one: the parameters and setup cells once and first, every id unique, outputs left out.

    The last notebook's setup serves all of them: the diagnosis needs everything that a step needs. Each cell remembers
    in `metadata.runbook.notebook` which notebook it came from (see `origin`).
    """
    shared: dict[str, NotebookNode] = {}
    own: list[NotebookNode] = []
    for source in sources:
        for cell in source.notebook.cells:
            role = tag(cell)
            if role:
                shared[role] = _moved(cell, source, role)
            elif cell.get("id") not in ONLY_ALONE:
                own.append(_moved(cell, source, role))
    return nbformat.v4.new_notebook(cells=[*shared.values(), *own], metadata=METADATA)


def origin(cell: NotebookNode) -> str:
    """Name the notebook that a joined cell came from; empty for the cells that belong to all."""
    return str(cell.metadata.get(_KEY, {}).get("notebook", ""))


def tag(cell: NotebookNode) -> str:
    """Name the cell's part in the set-up: `parameters`, `setup` or nothing."""
    return next((tag for tag in cell.metadata.get("tags", ()) if tag in _ONCE), "")


def _moved(cell: NotebookNode, source: NotebookSource, role: str) -> NotebookNode:
    moved = copy.deepcopy(cell)
    moved.id = role or f"{source.number}-{cell.id}"
    moved.metadata = NotebookNode({"tags": [role]} if role else {_KEY: {"notebook": source.name}})
    if moved.cell_type == "code":
        moved.outputs, moved.execution_count = [], None
    return moved
