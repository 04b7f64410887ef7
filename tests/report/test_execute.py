"""Executing a joined document with papermill on a replaying kernel."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from runbook_lib.report import execute, join, kernel, launch

AS_OF = datetime(2026, 3, 15, 4, 43, tzinfo=UTC)


def document(*sources: str) -> NotebookNode:
    """Make a joined document of one notebook with these code cells."""
    v4 = nbformat.v4
    cells = [
        v4.new_markdown_cell("# Step 1 — One", id="title"),
        v4.new_code_cell('region: str = "nowhere"', id="parameters", metadata={"tags": ["parameters"]}),
        v4.new_code_cell("import os", id="setup", metadata={"tags": ["setup"]}),
        *(v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources)),
    ]
    return join.join([join.NotebookSource("01_one", v4.new_notebook(cells=cells))])


def outputs(executed: NotebookNode, cell_id: str) -> list[NotebookNode]:
    """Give the outputs of one cell."""
    return next(cell.outputs for cell in executed.cells if cell.id == cell_id)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    """Execute one document that reads its surroundings, fails, and goes on."""
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_SECRET_ACCESS_KEY", "leaked")
    patch.setenv("PYTHONSTARTUP", "/nonexistent")
    cells = (
        "dict(os.environ)",
        "region",
        "1 / 0",
        "'went on'",
        "os.getcwd()",
        "import runbook_lib; runbook_lib.__doc__",
    )
    try:
        return execute.execute(document(*cells), tmp_path_factory.mktemp("run"), {"region": 'eu"west'}, AS_OF)
    finally:
        patch.undo()


def test_document_is_papermills_own(run: NotebookNode) -> None:
    """The result is a valid papermill document: injected parameters, statuses, its own metadata."""
    nbformat.validate(run)
    injected = next(cell for cell in run.cells if cell.metadata.get("tags") == ["injected-parameters"])
    assert injected.source.strip() == '# Parameters\nregion = "eu\\"west"'
    assert run.metadata.papermill["parameters"] == {"region": 'eu"west'}
    assert {cell.metadata.papermill["status"] for cell in run.cells} == {"completed"}


def test_injected_parameters_win(run: NotebookNode) -> None:
    """Cells see the injected value, not the default."""
    assert outputs(run, "01-cell-1")[0].data["text/plain"] == "'eu\"west'"


def test_an_error_stops_nothing(run: NotebookNode) -> None:
    """A cell that raises keeps its error, and the next one runs."""
    assert outputs(run, "01-cell-2")[0].ename == "ZeroDivisionError"
    assert outputs(run, "01-cell-3")[0].data["text/plain"] == "'went on'"


def test_papermills_red_markers_are_gone(run: NotebookNode) -> None:
    """Papermill's own error cells, raw HTML with random ids, are not kept."""
    assert "papermill-error" not in nbformat.writes(run)


def test_kernel_has_no_credentials(run: NotebookNode) -> None:
    """The kernel gets the run folder and nothing of the caller's AWS or Python settings."""
    seen = outputs(run, "01-cell-0")[0].data["text/plain"]
    assert "'RUNBOOK_RUN'" in seen
    assert "leaked" not in seen
    assert "PYTHONSTARTUP" not in seen


def test_kernel_imports_this_kit(run: NotebookNode) -> None:
    """The kernel imports the very kit that started it, from a folder of its own."""
    assert outputs(run, "01-cell-5")[0].output_type == "execute_result"
    assert "runbook-kernel-" in outputs(run, "01-cell-4")[0].data["text/plain"]


def test_times_are_the_runs(run: NotebookNode) -> None:
    """Every time in the document is the run's clock."""
    book = run.metadata.papermill
    assert {book["start_time"], book["end_time"]} == {AS_OF.isoformat()}
    assert {cell.metadata.papermill["start_time"] for cell in run.cells} == {AS_OF.isoformat()}
    assert not any("execution" in cell.metadata for cell in run.cells)


def test_two_executions_are_identical(tmp_path: Path) -> None:
    """Two executions of the same run give the same bytes, also from different folders."""
    texts = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        texts.append(nbformat.writes(execute.execute(document("{1: 'x'}", "1 / 0"), folder, {"region": "r"}, AS_OF)))
    assert texts[0] == texts[1]
    assert str(tmp_path) not in texts[0]


def test_dead_kernel_leaves_the_rest_unrun(tmp_path: Path) -> None:
    """When the kernel dies the document comes back, and what did not run has no execution count."""
    executed = execute.execute(document("os._exit(1)", "'never'"), tmp_path, {}, AS_OF)
    last = executed.cells[-1]
    assert (last.execution_count, last.outputs) == (None, [])


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither papermill nor the kernel writes to the terminal."""
    execute.execute(document("os.write(2, b'noise')"), tmp_path, {}, AS_OF)
    assert capfd.readouterr() == ("", "")


def test_scratch_folder_is_removed(tmp_path: Path) -> None:
    """A kernel leaves nothing behind, even if it never ran a cell."""
    kernel_process = kernel.Kernel(tmp_path).start()
    scratch = Path(kernel_process._scratch)
    assert scratch.is_dir()
    kernel_process.stop()
    kernel_process.stop()
    assert not scratch.exists()


def test_a_kernel_gives_way(tmp_path: Path) -> None:
    """A kernel runs at a lower priority than the run that waits for AWS."""
    with kernel.Kernel(tmp_path) as kernel_process:
        process = kernel_process.manager.provisioner.pid
        assert os.getpriority(os.PRIO_PROCESS, process) == os.getpriority(os.PRIO_PROCESS, 0) + launch._NICE


def test_a_kernel_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps the process from starting is raised where the kernel is wanted, and its folder is removed."""
    monkeypatch.setattr(launch, "launch", lambda *_: (_ for _ in ()).throw(OSError("no more processes")))
    kernel_process = kernel.Kernel(tmp_path).start()
    scratch = Path(kernel_process._scratch)
    with pytest.raises(OSError, match="no more processes"), kernel_process:
        _ = kernel_process.manager
    assert not scratch.exists()


def test_nobody_else_can_enter_the_channel(tmp_path: Path) -> None:
    """A kernel is reached through sockets in its own closed folder, encrypted, and no other kernel shares them."""
    with kernel.Kernel(tmp_path) as first, kernel.Kernel(tmp_path) as second:
        sockets = [Path(each.manager.ip) for each in (first, second)]
        assert {each.manager.transport for each in (first, second)} == {"ipc"}
        assert all(each.manager.curve_publickey for each in (first, second))
        assert [path.parent.stat().st_mode & 0o077 for path in sockets] == [0, 0]
        assert sockets[0] != sockets[1]


def test_a_long_path_falls_back_to_tcp() -> None:
    """A scratch folder too deep for a socket's path still gets a kernel."""
    assert launch._channel("/short")["transport"] == "ipc"
    assert launch._channel("/" + "x" * 100) == {}


def test_environment_is_listed_not_inherited() -> None:
    """The environment is made of named variables; an unknown one is left out."""
    made = launch.environment(Path("/run"), "/scratch", {"PATH": "/bin", "AWS_PROFILE": "prod", "JUPYTER_PATH": "/x"})
    assert made["PATH"] == "/bin"
    assert not {"AWS_PROFILE", "JUPYTER_PATH"} & set(made)
    assert made["AWS_CONFIG_FILE"] == os.devnull
