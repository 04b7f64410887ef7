"""A notebook alone: by plain papermill, from any directory; and executed in place for the repository."""

from __future__ import annotations

from pathlib import Path

import nbformat
import papermill
import pytest
from nbformat import NotebookNode

from runbook_lib.report import notebooks
from runbook_lib.report.join import METADATA, NotebookSource, shipped

pytestmark = pytest.mark.sampled

ROOT = Path(__file__).parents[2]


def small(name: str, *sources: str) -> NotebookSource:
    """Make a notebook of these code cells."""
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources)]
    return NotebookSource(name, nbformat.v4.new_notebook(cells=cells, metadata=METADATA))


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_plain_papermill_runs_it_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain papermill with default parameters replays the example from another directory, with the kept outputs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    source = ROOT / "notebooks" / "01_table_and_service_health.ipynb"
    done = papermill.execute_notebook(source, tmp_path / "out.ipynb", progress_bar=False)
    assert shown(done) == shown(nbformat.read(source, as_version=4))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.ipynb"]


def shown(notebook: NotebookNode) -> list[object]:
    """Give what each code cell showed."""
    return [[output.get("data") for output in cell.outputs] for cell in notebook.cells if cell.cell_type == "code"]


def test_executed_notebook_is_as_kept() -> None:
    """Executing a shipped notebook in place gives the very file that the repository keeps."""
    source = next(source for source in shipped() if source.name == "06_stream_backlog")
    before = nbformat.writes(source.notebook)
    assert nbformat.writes(notebooks.executed(source)) == before


def test_normalised_keeps_what_is_said() -> None:
    """Normalising drops metadata of the run and keeps tags, outputs and counts."""
    source = small("01_x", "1")
    cell = source.notebook.cells[0]
    cell.metadata = nbformat.from_dict({"tags": ["setup"], "papermill": {"duration": 1}, "execution": {}})
    cell.execution_count = 4
    source.notebook.metadata["papermill"] = {"output_path": "/somewhere"}
    kept = notebooks.normalised(source.notebook)
    assert kept.cells[0].metadata == {"tags": ["setup"]}
    assert kept.cells[0].execution_count == 4
    assert "papermill" not in kept.metadata


def test_failing_notebook_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A notebook with a failing cell is named with its error, makes the command fail, and is not overwritten."""
    path = tmp_path / "01_x.ipynb"
    path.write_text(nbformat.writes(small("01_x", "1", "1 / 0").notebook), encoding="utf-8")
    before = path.read_bytes()
    assert notebooks.main(tmp_path) == 1
    assert "01_x: cell-1: ZeroDivisionError" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_working_notebook_is_written(tmp_path: Path) -> None:
    """A notebook that runs is written back with its outputs."""
    path = tmp_path / "01_x.ipynb"
    path.write_text(nbformat.writes(small("01_x", "6 * 7").notebook), encoding="utf-8")
    assert notebooks.main(tmp_path) == 0
    assert nbformat.read(path, as_version=4).cells[0].outputs[0].data["text/plain"] == "42"
