"""A plugin of pytest that notes which functions of the judging rooms each file of tests runs: `pytest -p reached`.

Every function notes itself as it begins. What a process remembers is forgotten between two files, so that a file is
credited with all that it would run alone. What a test starts in a process of its own is not seen.
"""

from __future__ import annotations

import ast
import builtins
import gc
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Generator, Sequence
from functools import _lru_cache_wrapper
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

from mutants import ROOMS, functions, modules

PACKAGE = Path.cwd() / "runbook_lib"
FOLDER = Path(os.environ["RUNBOOK_REACHED"])
OURS = (str(PACKAGE.parent / "tests"), str(PACKAGE.parent / "bench"), str(PACKAGE))
WATCHED = {path for room in ROOMS for path in modules(PACKAGE, room)}

running: set[tuple[str, str]] = set()
files: dict[str, set[tuple[str, str]]] = defaultdict(set)
seconds: dict[str, float] = defaultdict(float)


class Watching(SourceFileLoader):
    """Loads a module whose functions note that they run."""

    def get_code(self, fullname: str) -> CodeType:
        """Compile the text with one line more in every function."""
        path = Path(self.get_filename(fullname))
        tree = ast.parse(path.read_bytes())
        for name, function in list(functions(tree)):
            note = ast.parse(f"__reached__({(str(path.relative_to(PACKAGE.parent)), name)!r})").body[0]
            function.body.insert(1 if ast.get_docstring(function) is not None else 0, note)
        return compile(ast.fix_missing_locations(tree), str(path), "exec")


class Finder:
    """Finds the watched modules before anybody else does."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Find a module of the rooms that judge; None for every other."""
        spec = PathFinder.find_spec(name, path, target) if name.startswith(PACKAGE.name) else None
        if spec is None or spec.origin is None or Path(spec.origin) not in WATCHED:
            return None
        spec.loader = Watching(name, spec.origin)
        return spec


builtins.__reached__ = running.add  # type: ignore[attr-defined]
sys.meta_path.insert(0, Finder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Credit a test's file with the functions that ran."""
    file = item.nodeid.split("::")[0]
    if file not in files:
        _forget()
    running.clear()
    began = time.process_time()
    result = yield
    files[file] |= running
    seconds[file] += time.process_time() - began
    return result


def _forget() -> None:
    """Empty every cache of this repository's modules."""
    for one in gc.get_objects():
        if isinstance(one, _lru_cache_wrapper):
            home = sys.modules.get(one.__module__)
            if str(getattr(home, "__file__", "")).startswith(OURS):
                one.cache_clear()


def pytest_sessionfinish() -> None:
    """Write what this process saw."""
    known = {file: {"seconds": seconds[file], "functions": sorted(names)} for file, names in files.items()}
    (FOLDER / f"{os.getpid()}.json").write_text(json.dumps(known), encoding="utf-8")
