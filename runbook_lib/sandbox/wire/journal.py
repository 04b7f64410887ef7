"""What was asked of a sandbox and what it gave, call by call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Source = Literal["world", "moto", "rule", "none"]


@dataclass(frozen=True)
class JournalEntry:
    """One call: who asked what, and what came back.

    `source` tells where the answer came from: the world's own answers, moto behind them, a rule that got in the way,
    or nowhere (not emulated, unreadable, unsigned). `error` is the error code or None; `status` is 0 when the
    connection was dropped without a reply; `ms` is the time taken in milliseconds, injected latency included.
    """

    sequence: int
    access_key: str
    service: str
    operation: str
    region: str
    status: int
    source: Source
    error: str | None
    ms: float
