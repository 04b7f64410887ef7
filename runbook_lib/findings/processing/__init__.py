"""The function is invoked and fails, or fails for some records."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.signals import Series
from runbook_lib.findings import Sign, sign
from runbook_lib.findings.mapping import expected_to_deliver
from runbook_lib.incident import Window
from runbook_lib.instant import MILLISECOND
from runbook_lib.interpret.lambda_log import ErrorClass, LineKind
from runbook_lib.interpret.processing_result import ResultKind
from runbook_lib.measuring.thresholds import (
    CLIMB_DRIFT,
    CLIMB_JITTER,
    LEAST_CLIMB,
    LONGEST_PAUSE,
    NEWEST_AGES,
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


def call_failed(seen: Evidence) -> Iterator[Sign]:
    """Quote mappings whose last word is that the call failed; it may be stale, and does not say why."""
    for mapping in otherwise(lambda: expected_to_deliver(seen), ()):
        if mapping.processing.kind is ResultKind.FUNCTION_CALL_FAILED:
            yield sign(f"Mapping {mapping.uuid} last said: {mapping.processing.text}", mapping)


def climb(age: Series) -> Window | None:
    """Find the newest stretch in which one record grew older with the clock; None if it is short or over.

    Its age less the time that passed is the same at every try. Points below are of shards that keep up: AWS backs off,
    so that a blocked shard is not tried in every minute.
    """
    points = sorted(age.points.items())
    head, oldest = max(points[-NEWEST_AGES:], key=lambda point: point[1], default=(None, 0.0))
    if head is None:
        return None
    start = head
    for at, value in reversed(points):
        passed = (head - at) / MILLISECOND
        if at <= head and abs(oldest - passed - value) <= CLIMB_DRIFT * passed + CLIMB_JITTER / MILLISECOND:
            if start - at > LONGEST_PAUSE:
                break
            start = at
    return Window(start, head + age.period) if head - start >= LEAST_CLIMB else None


def newest_age(age: Series) -> timedelta:
    """Give the longest of the newest iterator ages: the blocked shard's."""
    return timedelta(milliseconds=max(value for _, value in sorted(age.points.items())[-NEWEST_AGES:]))


for _part in ("failing", "blocked"):
    import_module(f"{__name__}.{_part}")
