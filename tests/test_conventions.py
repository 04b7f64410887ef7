"""The conventions that keep the code base one thing: who imports whom, how long a file may be, what a test says."""

from __future__ import annotations

import ast
import json
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from runbook_lib import sandbox

pytestmark = pytest.mark.xdist_group("conventions")

ROOT = Path(__file__).parent.parent
PACKAGE = "runbook_lib"
LONGEST_FILE = 400
"""Lines."""

ORDER = (
    ("_version", "errors", "instant", "example"),
    ("interpret",),
    ("incident", "observed"),
    ("archive",),
    ("aws",),
    ("evidence",),
    ("steps",),
    ("measuring",),
    ("findings",),
    ("judging",),
    ("showing",),
    ("views",),
    ("charts",),
    ("report",),
    ("running",),
    ("alarm",),
    ("permissions",),
    ("sweep",),
    ("cli",),
    ("__main__",),
)
"""Groups of modules: each imports from groups to its left, from its own group, and from nothing else of the engine."""

RANK = {name: rank for rank, group in enumerate(ORDER) for name in group}

FREE_OF = {
    "measuring": {"archive", "aws", "steps"},
    "findings": {"archive", "aws", "steps"},
    "judging": {"aws", "steps"},
}
"""What a room must not import although it stands to its left: judgement rests on evidence alone."""

ONLY_IN = {
    "boto3": {"aws", "running", "sandbox"},
    "botocore": {"aws", "running", "sandbox"},
    "dask": {"running"},
    "distributed": {"running"},
    "jinja2": {"report"},
    "matplotlib": {"charts", "showing"},
    "mistune": {"report"},
    "moto": {"sandbox"},
    "nh3": {"report"},
    "papermill": {"report"},
    "werkzeug": {"sandbox"},
}
"""Where a library may be imported, at the top of a module or inside a function."""

SERVES = {f"{PACKAGE}.cli.sandbox", f"{PACKAGE}.cli.example"}
"""The parts of the command that serve the sandbox; the rest of `cli` loads them when they are wanted."""

HEAVY = ("IPython", "dask", "jinja2", "matplotlib", "moto", "nbformat", "pandas", "papermill", f"{PACKAGE}.sandbox")
"""What may not be loaded before there is a verdict."""


class Import(NamedTuple):
    """One import: the module that does it, what it imports, its line, and whether it waits inside a function."""

    by: str
    of: str
    line: int
    lazy: bool

    @property
    def room(self) -> str:
        """The group of the engine it is done in: `runbook_lib.steps.changes` is in `steps`."""
        return _room(self.by)

    def __str__(self) -> str:
        return f"{self.by}:{self.line} imports {self.of}"


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@cache
def modules() -> dict[str, Path]:
    """Every module of the package, by its full name."""
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _imports(node: ast.AST, by: str, lazy: bool = False) -> Iterator[Import]:
    """Every import below a node but those for the type checker alone."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return
    if isinstance(node, ast.Import):
        yield from (Import(by, name.name, node.lineno, lazy) for name in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{by}:{node.lineno}: say the whole name of what is imported"
        for name in node.names:
            inner = f"{node.module}.{name.name}"
            is_module = inner in modules() or node.module == PACKAGE
            yield Import(by, inner if is_module else str(node.module), node.lineno, lazy)
    inside = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, by, inside)


@cache
def imports() -> tuple[Import, ...]:
    """Every import of the package."""
    return tuple(
        imported
        for name, path in modules().items()
        for imported in _imports(ast.parse(path.read_text(encoding="utf-8")), name)
    )


def engine_imports() -> Iterator[Import]:
    """What the engine imports of this package, but what the package itself offers lazily as a shortcut."""
    for imported in imports():
        inside = imported.of == PACKAGE or imported.of.startswith(f"{PACKAGE}.")
        if inside and imported.room not in ("", "sandbox"):
            yield imported


def test_every_module_has_a_place() -> None:
    """Every module of the engine stands in the order of import."""
    rooms = {_room(name) for name in modules()} - {"", "sandbox", "example"}
    assert _listed(sorted(rooms - set(RANK))) == ""


def test_imports_point_left() -> None:
    """A module imports only from groups to the left of its own."""
    wrong = (
        imported for imported in engine_imports() if RANK.get(_room(imported.of), -1) > RANK.get(imported.room, -1)
    )
    assert _listed(wrong) == ""


MOST_BESIDE_ROOMS = 7
"""Modules that may lie beside the rooms: the ground that all of them stand on."""


def test_few_modules_lie_beside_the_rooms() -> None:
    """What has a room lies in it; beside the rooms lies the ground alone."""
    beside = [path.stem for path in (ROOT / PACKAGE).glob("*.py") if path.stem != "__init__"]
    assert len(beside) <= MOST_BESIDE_ROOMS, sorted(beside)


def test_no_module_imports_itself_by_a_detour() -> None:
    """There is no circle of imports, those for the type checker and those named by a string included."""
    wanted: dict[str, set[str]] = {}
    for name, path in modules().items():
        found = wanted[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                found |= {f"{node.module}.{each.name}" for each in node.names} | {str(node.module)}
            elif isinstance(node, ast.Import):
                found |= {each.name for each in node.names}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value != PACKAGE:
                found.add(node.value)
        found &= set(modules())
        inner = {each for each in found if any(other.startswith(f"{each}.") for other in found)}
        found -= inner | {name}  # `from package import module` is of the module alone
    while leaves := {name for name, others in wanted.items() if not others & set(wanted)}:
        wanted = {name: others for name, others in wanted.items() if name not in leaves}
    assert _listed(f"{name} -> {', '.join(sorted(others & set(wanted)))}" for name, others in wanted.items()) == ""


def test_findings_and_blocks_see_little() -> None:
    """A finding cannot reach AWS or a step; a block knows nothing of the engine."""
    assert (
        _listed(imported for imported in engine_imports() if _room(imported.of) in FREE_OF.get(imported.room, set()))
        == ""
    )


def test_the_sandbox_stands_apart() -> None:
    """The sandbox imports nothing of the engine; only `runbook sandbox` and its like import it, when called."""
    outward = [
        str(imported)
        for imported in imports()
        if imported.room == "sandbox" and _is_ours(imported) and _room(imported.of) in RANK
    ]
    inward = [
        str(imported)
        for imported in engine_imports()
        if _room(imported.of) == "sandbox"
        and imported.by not in SERVES
        and not (imported.room == "cli" and imported.lazy)
    ]
    assert _listed(outward + inward) == ""


def test_the_sandbox_has_one_face() -> None:
    """Inside the sandbox modules import from modules; outside, what the face offers is imported from the face."""
    inside = [
        str(imported) for imported in imports() if imported.room == "sandbox" and imported.of == f"{PACKAGE}.sandbox"
    ]
    outside = [
        f"{path.relative_to(ROOT)}:{node.lineno} imports {name.name} from {node.module}"
        for path in _python_files()
        if path.relative_to(ROOT).parts[:2] != (PACKAGE, "sandbox")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(f"{PACKAGE}.sandbox.")
        for name in node.names
        if name.name in sandbox.__all__
    ]
    assert _listed(inside + outside) == ""


def _is_ours(imported: Import) -> bool:
    return imported.of.startswith(f"{PACKAGE}.")


def _listed(wrong: Iterable[object]) -> str:
    """One offence a line, so that a failure shows them all."""
    return "\n".join(dict.fromkeys(str(offence) for offence in wrong))


def test_libraries_stay_in_their_rooms() -> None:
    """Each library of weight is imported in its one place."""
    assert (
        _listed(
            imported
            for imported in imports()
            if imported.room not in ONLY_IN.get(imported.of.split(".")[0], {imported.room})
        )
        == ""
    )


def test_this_package_imports_nothing_when_imported() -> None:
    """`import runbook_lib` alone loads no other module of the engine."""
    assert (
        _listed(
            imported for imported in imports() if imported.by == PACKAGE and not imported.lazy and _is_ours(imported)
        )
        == ""
    )


LIGHT = ("runbook_lib.cli", "runbook_lib.running.investigation", "runbook_lib.judging.verdict")


@pytest.mark.parametrize("module", LIGHT)
def test_the_way_to_the_verdict_is_light(module: str) -> None:
    """What is needed for a verdict loads no library that draws, executes or tabulates."""
    if module not in modules():
        pytest.skip(f"{module} does not exist yet")
    program = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert _listed(sorted(set(HEAVY) & set(json.loads(ran.stdout)))) == ""


def _python_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split() if (ROOT / name).exists()]


def test_no_file_outgrows_its_purpose() -> None:
    """A file of more than 400 lines is two things."""
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in _python_files()}
    assert _listed(f"{path.relative_to(ROOT)}: {count}" for path, count in lines.items() if count > LONGEST_FILE) == ""


MIDDLE_FUNCTION, LONG_FUNCTION = 6, 21
"""Lines, docstring included, that half of the package's functions do not exceed, and that 19 in 20 do not."""


def test_functions_stay_small() -> None:
    """Half of the functions fit a glance, and few of the others are longer than a paragraph."""
    lengths = sorted(
        int(node.end_lineno or 0) - node.lineno + 1
        for path in modules().values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    twentieths = statistics.quantiles(lengths, n=20)
    assert twentieths[9] <= MIDDLE_FUNCTION
    assert twentieths[18] <= LONG_FUNCTION


UNNAMED = "sandbox"
"""The room whose names are not held to the two rules below."""


def _engine() -> dict[Path, ast.Module]:
    """Every module of the package but those of UNNAMED, parsed."""
    files = {path: path.relative_to(ROOT / PACKAGE).parts[0] for path in modules().values()}
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path, room in files.items() if room != UNNAMED}


def test_a_class_name_means_one_thing() -> None:
    """No two classes of the package share a name."""
    places: dict[str, list[str]] = {}
    for path, tree in _engine().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert _listed(f"{name}: {', '.join(where)}" for name, where in places.items() if len(where) > 1) == ""


def test_variables_are_called_after_what_they_hold() -> None:
    """No variable, parameter or function of the package is called `one`."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in _engine().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id == "one")
        or (isinstance(node, ast.arg) and node.arg == "one")
        or (isinstance(node, ast.FunctionDef) and node.name == "one")
    ]
    assert _listed(wrong) == ""


def test_every_test_says_what_must_hold() -> None:
    """Every test has a docstring of one line."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in _python_files()
        if path.name.startswith("test_")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        if "\n" in (ast.get_docstring(node) or "\n")
    ]
    assert _listed(wrong) == ""


def test_test_modules_have_names_of_their_own() -> None:
    """No two test modules share a name, so that pytest can import them all without packages."""
    names = [path.name for path in _python_files() if path.name.startswith("test_")]
    assert sorted(names) == sorted(set(names))


def _notebooks() -> dict[str, list[dict[str, Any]]]:
    """The cells of every notebook, by its name."""
    return {
        path.name: json.loads(path.read_text(encoding="utf-8"))["cells"]
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    }


def test_notebooks_keep_their_outputs() -> None:
    """Every cell that shows something is committed with what it shows: nbval passes a bare notebook unread."""
    assert len(_notebooks()) == 10
    bare = [
        f"{name}: {''.join(cell['source'])}"
        for name, cells in _notebooks().items()
        for cell in cells
        if cell["cell_type"] == "code" and not {"parameters", "setup"} & set(cell["metadata"].get("tags", ()))
        if not (cell["execution_count"] and cell["outputs"])
    ]
    assert _listed(bare) == ""


def test_notebooks_failed_nowhere() -> None:
    """No committed output is an error or a warning on stderr."""
    wrong = [
        f"{name}: {output}"
        for name, cells in _notebooks().items()
        for cell in cells
        for output in cell.get("outputs", ())
        if output["output_type"] == "error" or output.get("name") == "stderr"
    ]
    assert _listed(wrong) == ""
