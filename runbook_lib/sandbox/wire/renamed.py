"""The same answer about something of another name: words replaced in every text of a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def renamed(value: Any, words: Mapping[str, str]) -> Any:
    """Return a value with these words replaced in every string in it."""
    if isinstance(value, str):
        for old, new in words.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, Mapping):
        return {renamed(key, words): renamed(item, words) for key, item in value.items()}
    return [renamed(item, words) for item in value] if isinstance(value, list | tuple) else value
