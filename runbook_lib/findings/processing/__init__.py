"""The function is invoked and fails, or fails for some records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.findings import Sign, sign
from runbook_lib.findings.mapping import expected_to_deliver
from runbook_lib.incident import Window
from runbook_lib.interpret.lambda_log import ErrorClass, LineKind
from runbook_lib.interpret.processing_result import ResultKind
from runbook_lib.measuring.pipe import Measured
from runbook_lib.measuring.thresholds import (
    BY_CHANCE,
    FAILING_NOW,
    FEWEST_FAILURES,
    RECENT_FAILURE,
)
from runbook_lib.observed import otherwise

ERRORS_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html"


def current(seen: Evidence, *kinds: LineKind) -> tuple[ErrorClass, ...]:
    """Give the classes of failure of these kinds that the log still repeats, the most frequent first."""
    since = seen.window.end - RECENT_FAILURE
    return tuple(
        error_class for error_class in seen.logs.errors if error_class.kind in kinds and error_class.last >= since
    )


def quoted(error_class: ErrorClass, seen: Evidence) -> str:
    """Quote a class of failure with its count and its stretch."""
    words = error_class.example if len(error_class.example) <= 160 else f"{error_class.example[:157]}..."
    first, last = instant.clock(error_class.first, seen.as_of), instant.clock(error_class.last, seen.as_of)
    return f"{error_class.count:,} log lines from {first} to {last} say: {words}"


@dataclass(frozen=True)
class AllFailed:
    """The newest stretch in which every invocation failed, and how many did."""

    window: Window
    failed: float


def all_failed(seen: Measured) -> AllFailed | None:
    """Find the newest stretch in which every invocation failed, batches of the stream among them, by the counters.

    None where others succeed, where the failures are over, and where there are so few of them, for the share that
    failed before, that it may be chance. An empty search of the log says nothing against it.
    """
    errors, settled = seen.metrics.errors.points, seen.window.settled_end
    ran = sorted((at, value) for at, value in seen.metrics.invocations.points.items() if value > 0 and at < settled)
    good = [at for at, _ in ran if seen.success_minutes[at] > 0]
    bad = [at for at, _ in ran if not good or at > good[-1]]
    if not bad or settled - bad[-1] > RECENT_FAILURE:
        return None
    window = Window(bad[0], bad[-1] + seen.metrics.errors.period)
    failed = seen.metrics.errors.total(window)
    before = [(errors.get(at, 0.0), value) for at, value in ran if bad[0] - FAILING_NOW <= at < bad[0]]
    share = sum(wrong for wrong, _ in before) / (sum(value for _, value in before) or 1.0)
    if failed < FEWEST_FAILURES or share**failed > BY_CHANCE:
        return None
    sent = seen.backlog.iterator_age_ms.between(window.start, window.end)
    return AllFailed(window, failed) if sent else None


def call_failed(seen: Evidence) -> Iterator[Sign]:
    """Quote mappings whose last word is that the call failed; it may be stale, and does not say why."""
    for mapping in otherwise(lambda: expected_to_deliver(seen), ()):
        if mapping.processing.kind is ResultKind.FUNCTION_CALL_FAILED:
            yield sign(f"Mapping {mapping.uuid} last said: {mapping.processing.text}", mapping)


for _part in ("failing", "unlogged", "blocked"):
    import_module(f"{__name__}.{_part}")
