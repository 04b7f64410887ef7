"""The shape of the ten notebooks: question, one short call, shown answer, meaning; no logic."""

from __future__ import annotations

import ast
import re
from dataclasses import MISSING, fields
from pathlib import Path

import nbformat
import papermill
import pytest
import yaml
from nbformat import NotebookNode

from runbook_lib.incident import Incident
from runbook_lib.report.join import METADATA, ONLY_ALONE, NotebookSource, shipped, tag
from runbook_lib.steps import STEPS

SOURCES = shipped()
STEP_SOURCES = SOURCES[:-1]
ROOT = Path(__file__).parents[2]
EACH = pytest.mark.parametrize("source", SOURCES, ids=[source.name for source in SOURCES])
EACH_STEP = pytest.mark.parametrize("source", STEP_SOURCES, ids=[source.name for source in STEP_SOURCES])
STATEMENTS = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.Try, ast.With, ast.Lambda, ast.ListComp)


def code(source: NotebookSource) -> list[NotebookNode]:
    """Give the code cells."""
    return [cell for cell in source.notebook.cells if cell.cell_type == "code"]


def prose(source: NotebookSource) -> str:
    """Give all markdown as one text."""
    return "\n\n".join(cell.source for cell in source.notebook.cells if cell.cell_type == "markdown")


def parameters(source: NotebookSource) -> dict[str, object]:
    """Give the defaults of the parameters cell."""
    cell = next(cell for cell in code(source) if tag(cell) == "parameters")
    return {
        node.target.id: ast.literal_eval(node.value)
        for node in ast.parse(cell.source).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value
    }


def imported(source: NotebookSource) -> set[str]:
    """Give the names that the setup cell imports from the kit."""
    cell = next(cell for cell in code(source) if tag(cell) == "setup")
    return {
        name.name for node in ast.parse(cell.source).body if isinstance(node, ast.ImportFrom) for name in node.names
    }


def test_there_is_one_notebook_per_step_and_the_diagnosis() -> None:
    """Nine notebooks bear the numbers and names of the steps, the tenth is the diagnosis."""
    wanted = [f"{number:02d}_{step.name}" for number, step in sorted(STEPS.items())]
    assert [source.name for source in SOURCES] == [*wanted, "10_diagnosis"]


@EACH
def test_file_is_plain(source: NotebookSource) -> None:
    """Each is valid nbformat 4.5, says the same of itself, and has ids that a person chose."""
    notebook = source.notebook
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata == nbformat.from_dict(METADATA)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", cell.id) for cell in notebook.cells)


@EACH
def test_there_is_one_title(source: NotebookSource) -> None:
    """Each has one heading of the first level, in its first cell, and none deeper than the second."""
    headings = re.findall(r"^(#+) ", prose(source), re.MULTILINE)
    assert headings.count("#") == 1
    assert set(headings) <= {"#", "##"}
    assert source.notebook.cells[0].source.startswith("# ")


@EACH_STEP
def test_step_stands_at_the_top(source: NotebookSource) -> None:
    """A step's notebook begins with its title, its playbook clause and what health looks like."""
    step = STEPS[int(source.number)]
    title = source.notebook.cells[0].source
    assert title.startswith(
        f"# Step {step.number} — {step.title}\n\n> Playbook step {step.number}: {step.playbook}\n\n"
    )
    assert "**Healthy:** " in title
    assert f"## {step.question}\n" in prose(source)
    assert f"## What step {step.number} tells\n" in prose(source)


@EACH_STEP
def test_step_is_shown_and_judged(source: NotebookSource) -> None:
    """A step's notebook observes its own step and ends with what that tells."""
    calls = [cell.source for cell in code(source)]
    assert f"investigation.observe({int(source.number)})" in calls
    assert calls[-1] == f"investigation.verdicts(step={int(source.number)})"


@EACH
def test_cells_are_short_and_show_something(source: NotebookSource) -> None:
    """Code has at most five lines, defines and decides nothing, and ends in a value that is shown."""
    for cell in code(source):
        tree = ast.parse(cell.source)
        assert not any(isinstance(node, STATEMENTS) for node in ast.walk(tree)), cell.id
        if not tag(cell):
            assert len(cell.source.splitlines()) <= 5
            assert isinstance(tree.body[-1], ast.Expr)
            assert not any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(tree))


@EACH
def test_prose_stands_between_code(source: NotebookSource) -> None:
    """No two code cells follow one another without a sentence between them."""
    kinds = "".join(cell.cell_type[0] for cell in source.notebook.cells)
    assert "cc" not in kinds
    assert kinds.startswith("m")
    assert kinds.endswith("m")


@EACH
def test_set_up_is_two_tagged_cells(source: NotebookSource) -> None:
    """The tags are exactly `parameters` and `setup`, once each and in this order, and setup imports only the kit."""
    tags = [cell.metadata.get("tags") for cell in source.notebook.cells]
    assert [tag for tag in tags if tag] == [["parameters"], ["setup"]]
    setup = next(cell for cell in code(source) if tag(cell) == "setup")
    names = ", ".join(sorted(imported(source)))
    assert setup.source == f"from runbook_lib import {names}\n\ninvestigation = open_investigation(globals())"


def test_last_setup_serves_all() -> None:
    """What any notebook imports, the diagnosis imports too: its setup is the one that the joined document keeps."""
    assert set.union(*(imported(source) for source in SOURCES)) == imported(SOURCES[-1])


@EACH
def test_parameters_are_the_incidents(source: NotebookSource) -> None:
    """The parameters cell names every parameter of an incident, in order, typed, each with a comment."""
    assert list(parameters(source)) == Incident.parameter_names()
    inferred = papermill.inspect_notebook(str(ROOT / "notebooks" / f"{source.name}.ipynb"))
    assert list(inferred) == list(parameters(source))
    assert all(
        parameter["help"] and parameter["inferred_type_name"] in ("str", "int") for parameter in inferred.values()
    )


@EACH
def test_optional_parameters_default_to_nothing(source: NotebookSource) -> None:
    """What a parameter file leaves out is unset, never the example's: papermill injects only what it is given."""
    optional = {field.name: field.default for field in fields(Incident) if field.default is not MISSING}
    assert {name: parameters(source)[name] or None for name in optional} == optional


@EACH
def test_required_parameters_are_the_examples(source: NotebookSource) -> None:
    """Run as it stands, a notebook is about the incident of params/INC-EXAMPLE.yaml."""
    example = yaml.safe_load((ROOT / "params" / "INC-EXAMPLE.yaml").read_text(encoding="utf-8"))
    required = [field.name for field in fields(Incident) if field.default is MISSING]
    assert {name: parameters(source)[name] for name in required} == {name: example[name] for name in required}


@EACH
def test_outputs_are_there(source: NotebookSource) -> None:
    """Every shown value is kept, none is an error, and the counts run from 1 without a gap."""
    cells = code(source)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert all(cell.outputs for cell in cells if not tag(cell))
    assert {output.output_type for cell in cells for output in cell.outputs} == {"execute_result"}


@EACH
def test_nothing_of_a_machine_is_kept(source: NotebookSource) -> None:
    """No path of a machine and no account but the fictional ones stands in a notebook."""
    text = nbformat.writes(source.notebook)
    assert not re.search(r"/(home|root|work|tmp|Users)/", text)
    pictures_apart = re.sub(r'"image/png": "[^"]*"', "", text)
    accounts = set(re.findall(r"(?<=:)\d{12}(?=:)", pictures_apart))
    assert accounts <= {"123456789012", "111122223333", "444455556666"}


@EACH
def test_links_lead_to_notebooks(source: NotebookSource) -> None:
    """Every link leads to another of the notebooks, and the neighbours are linked."""
    links = set(re.findall(r"\]\(([^)]+)\)", prose(source)))
    names = [f"{source.name}.ipynb" for source in SOURCES]
    here = names.index(f"{source.name}.ipynb")
    assert links <= set(names)
    assert {name for name in names[max(here - 1, 0) : here + 2] if name != names[here]} <= links


@EACH
def test_cells_left_out_of_the_report_are_there(source: NotebookSource) -> None:
    """Each notebook has links at the top and a word on looking again at the end, which the report leaves out."""
    ids = [cell.id for cell in source.notebook.cells]
    assert set(ids) >= ONLY_ALONE
    assert ids[-1] == "again"


def test_diagnosis_reads_like_the_page() -> None:
    """The diagnosis has its chapters in the order of the report."""
    assert re.findall(r"^## (.+)$", prose(SOURCES[-1]), re.MULTILINE) == [
        "Causes",
        "Onset and trigger",
        "Loss clock",
        "What could not be seen",
        "Correlation timeline",
        "Where the pipe breaks",
        "Compared with neighbours",
        "Beside the cause",
        "Where else was looked",
        "Ruled out",
        "Undetermined",
        "Proposed actions",
    ]
