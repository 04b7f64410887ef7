"""Joining ten notebooks into one document."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import BadArchive
from runbook_lib.report import join


def source(name: str, *ids: str) -> join.NotebookSource:
    """Make a notebook with a parameters cell, a setup cell and one code cell for each id."""
    v4 = nbformat.v4
    cells = [
        v4.new_markdown_cell(f"# {name}", id="title"),
        v4.new_markdown_cell("[next](x.ipynb)", id="navigation"),
        v4.new_code_cell('region: str = "eu-west-1"', id="parameters", metadata={"tags": ["parameters"]}),
        v4.new_code_cell("ready = True", id="setup", metadata={"tags": ["setup"]}),
        *(
            v4.new_code_cell(cell_id, id=cell_id, execution_count=3, outputs=[v4.new_output("stream", text="old")])
            for cell_id in ids
        ),
        v4.new_markdown_cell("Run it again.", id="again"),
    ]
    return join.NotebookSource(name, v4.new_notebook(cells=cells))


def test_one_setup_comes_first() -> None:
    """Parameters and setup stand once, before anything else."""
    document = join.join([source("01_a", "look"), source("02_b", "look")])
    assert [cell.id for cell in document.cells] == ["parameters", "setup", "01-title", "01-look", "02-title", "02-look"]


def test_last_setup_serves_all() -> None:
    """The joined setup is the last notebook's, which needs everything that the others need."""
    sources = [source("01_a"), source("10_b")]
    sources[1].notebook.cells[3].source = "ready = 'all'"
    assert join.join(sources).cells[1].source == "ready = 'all'"


def test_cells_know_their_notebook() -> None:
    """Every cell but the shared ones names the notebook it came from."""
    document = join.join([source("01_a", "look"), source("02_b", "look")])
    assert [join.origin(cell) for cell in document.cells] == ["", "", "01_a", "01_a", "02_b", "02_b"]


def test_outputs_of_before_are_gone() -> None:
    """What notebooks showed before is not in the joined document."""
    code = [cell for cell in join.join([source("01_a", "look")]).cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def test_sources_are_left_alone() -> None:
    """Joining changes nothing in the notebooks that it reads."""
    notebook_source = source("01_a", "look")
    before = nbformat.writes(notebook_source.notebook)
    join.join([notebook_source])
    assert nbformat.writes(notebook_source.notebook) == before


@given(st.lists(st.lists(st.sampled_from("abcdef"), unique=True, max_size=4), min_size=1, max_size=5))
def test_joined_document_is_valid(ids: list[list[str]]) -> None:
    """Whatever notebooks are joined, the document is valid nbformat 4.5 and no id stands twice."""
    document = join.join(source(f"{number:02d}_n", *names) for number, names in enumerate(ids))
    nbformat.validate(document)
    assert len({cell.id for cell in document.cells}) == len(document.cells)
    assert (document.nbformat, document.nbformat_minor) == (4, 5)


def test_missing_notebooks_are_said(tmp_path: Path) -> None:
    """A folder without notebooks is an error that says what to do."""
    with pytest.raises(BadArchive, match="clone"):
        join.shipped(tmp_path)
