"""A recorded run with one key of AWS's answers absent: wherever it stands in the answers of one operation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def keys(evidence: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Give each key that an answer of the run holds: the operation, and the names on the way to the key."""
    found = {
        (call["operation"], path)
        for file in evidence.glob("*.jsonl")
        for call in map(json.loads, file.read_text(encoding="utf-8").splitlines())
        if "operation" in call
        for path in _paths(call.get("response"))
    }
    return sorted(found)


def without(evidence: Path, operation: str, path: tuple[str, ...], into: Path) -> Path:
    """Copy the evidence of a run into an empty folder, with this key gone from the operation's answers."""
    shutil.copytree(evidence, into, dirs_exist_ok=True)
    for file in into.glob("*.jsonl"):
        calls = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        for call in calls:
            if call.get("operation") == operation:
                _remove(call.get("response"), path)
        file.write_text("".join(json.dumps(call) + "\n" for call in calls), encoding="utf-8")
    return into


def _paths(value: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, list):
        for each in value:
            yield from _paths(each, way)
    elif isinstance(value, dict):
        for key, held in value.items():
            yield (*way, key)
            yield from _paths(held, (*way, key))


def _remove(value: Any, path: tuple[str, ...]) -> None:
    if isinstance(value, list):
        for each in value:
            _remove(each, path)
    elif isinstance(value, dict) and len(path) == 1:
        value.pop(path[0], None)
    elif isinstance(value, dict):
        _remove(value.get(path[0]), path[1:])
