"""Diagnose a DynamoDB stream that stopped triggering its Lambda function.

A notebook needs two names: `open_investigation` and `charts`. Both are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["charts", "open_investigation"]


def __getattr__(name: str) -> Any:
    if name == "open_investigation":
        return import_module("runbook_lib.running.session").open_investigation
    if name == "charts":
        return import_module("runbook_lib.charts")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
