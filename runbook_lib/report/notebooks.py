"""The notebooks of this repository, executed in place on the example: `python -m runbook_lib.report.notebooks`.

Each runs alone in a kernel of its own, as a reader would run it, and keeps its outputs: they are documentation, and
what a strict comparison compares with. Nothing of the machine that ran them stays in the files.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from runbook_lib.archive.record import Record, write_document
from runbook_lib.example import EVIDENCE
from runbook_lib.report.execute import execute
from runbook_lib.report.join import METADATA, NOTEBOOKS, NotebookSource, shipped


def executed(source: NotebookSource) -> NotebookNode:
    """Execute one notebook on the example incident; returns it with outputs, in the form in which it is kept."""
    return normalised(execute(source.notebook, EVIDENCE.parent, {}, Record.read(EVIDENCE).as_of))


def normalised(notebook: NotebookNode) -> NotebookNode:
    """Leave of a notebook what it says: cells, tags, outputs and counts; not who ran it, when and on what."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        kept = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": kept} if kept else {})
    return notebook


def failures(notebook: NotebookNode) -> Iterator[str]:
    """Give the id and the error of every cell that raised or did not run."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if cell.execution_count is None:
            yield f"{cell.id}: not run"
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"{cell.id}: {output.ename}: {output.evalue}"


def main(folder: Path = NOTEBOOKS) -> int:
    """Execute every notebook in place. A notebook with a failing cell is left as it was, named, and makes it 1."""
    failed = 0
    for source in shipped(folder):
        notebook = executed(source)
        wrong = list(failures(notebook))
        for problem in wrong:
            print(f"{source.name}: {problem}", file=sys.stderr)
        if not wrong:
            write_document(folder / f"{source.name}.ipynb", nbformat.writes(notebook) + "\n")
        failed += bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
