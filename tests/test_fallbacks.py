"""The alternatives of the playbook's last paragraph: each answers from evidence, or says that it could not look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from example_evidence import DENIED, example, replaced, with_fields, with_observations
from worlds import tried

from runbook_lib.evidence import Evidence
from runbook_lib.evidence.signals import Series
from runbook_lib.judging.fallbacks import Fallback, review
from runbook_lib.measuring.pipe import Measured

HOUR = timedelta(hours=1)


def _found(seen: Evidence, id: str) -> Fallback:
    return next(fallback for fallback in review(Measured(seen), ()) if fallback.id == id)


def _age(hours_old: list[float]) -> Evidence:
    """The example with these iterator ages, in hours, one an hour and the last an hour ago."""
    seen = example()
    start = seen.window.end - HOUR * len(hours_old)
    points = {start + HOUR * n: hours * 3_600_000 for n, hours in enumerate(hours_old)}
    return with_fields(seen, "backlog", iterator_age_ms=replace(seen.backlog.iterator_age_ms, points=points))


def _throttled() -> Evidence:
    seen = example()
    points = {seen.window.end - HOUR: 12.0}
    return with_fields(seen, "metrics", throttles=replace(seen.metrics.throttles, points=points))


def _hourly(series: Series, silent: frozenset[int]) -> Series:
    """A week of hours with 100 each, but for silent hours of the day on the days before today."""
    end = example().window.end.replace(minute=0, second=0, microsecond=0)
    hours = [end - HOUR * n for n in range(1, 168)]
    today = example().window.start
    points: dict[datetime, float] = {at: 100.0 for at in hours if not (at.hour in silent and at < today)}
    return replace(series, points=points)


def _week(silent: frozenset[int]) -> Evidence:
    seen = example()
    metrics = seen.metrics
    return with_fields(
        seen,
        "metrics",
        hourly_invocations=_hourly(metrics.invocations, silent),
        hourly_writes=_hourly(metrics.consumed_writes, frozenset()),
    )


def _view(view_type: str) -> Evidence:
    seen = example()
    return with_fields(seen, "streams", table=replaced(seen.streams.table, view_type=view_type))


def _function(**changed: object) -> Evidence:
    seen = example()
    return with_fields(seen, "mappings", function=replaced(seen.mappings.function, **changed))


def _mapping(**changed: object) -> Evidence:
    seen = example()
    return with_fields(seen, "mappings", ours=(replaced(seen.mappings.ours[0], **changed),))


CASES: list[tuple[str, Callable[[], Evidence], bool, str]] = [
    ("record-age", lambda: _age([0.0, 3.0]), True, "was 3 h old"),
    ("record-age", lambda: _age([0.0, 0.0]), False, "was 0 s old"),
    ("record-age", lambda: _age([]), True, "has no datapoint"),
    ("concurrency-limits", _throttled, True, "throttled 12 times"),
    ("concurrency-limits", example, False, "throttled 0 times"),
    ("gradual-drift", lambda: _age([0.1, 0.5, 1.0, 2.0, 4.0]), True, "rises hour by hour, from 6 min to 4 h"),
    ("gradual-drift", lambda: _age([4.0, 0.5, 4.0, 0.5, 4.0]), False, "Neither"),
    ("view-type", lambda: _view("KEYS_ONLY"), True, "KEYS_ONLY"),
    ("view-type", example, False, "NEW_AND_OLD_IMAGES"),
    ("dependencies", lambda: _function(state="Inactive"), True, "is Inactive"),
    ("dependencies", example, False, "is Active"),
    ("history", lambda: _week(frozenset({3, 4})), True, "hours with writes had no invocation"),
    ("history", lambda: _week(frozenset()), False, "every hour with writes had invocations"),
    ("iterator-expiry", lambda: _age([20.0, 23.8]), True, "expired before they were read"),
    ("iterator-expiry", lambda: _age([20.0]), False, "stayed clear"),
    ("batch-size", lambda: _mapping(batching_window_s=120), True, "wait up to 120 s"),
    ("batch-size", example, False, "wait up to 0 s"),
]


@pytest.mark.parametrize(("id", "make", "notable", "words"), CASES)
def test_alternative_answers_from_the_evidence(
    id: str, make: Callable[[], Evidence], notable: bool, words: str
) -> None:
    """Each alternative says what it saw, and is notable only where that may explain something."""
    found = _found(make(), id)
    assert words in found.answer
    assert found.notable is notable
    assert found.refs


def test_a_search_of_two_days_names_what_it_found() -> None:
    """A change older than the window is told only by the wider search."""
    assert "a wider search was not needed" in _found(example(), "extended-window").answer


BLIND = [
    ("extended-window", "changes"),
    ("record-age", "backlog"),
    ("concurrency-limits", "metrics"),
    ("gradual-drift", "backlog"),
    ("view-type", "streams"),
    ("dependencies", "mappings"),
    ("history", "metrics"),
    ("iterator-expiry", "backlog"),
    ("batch-size", "mappings"),
]


@pytest.mark.parametrize(("id", "observation"), BLIND)
def test_what_could_not_be_looked_at_says_so(id: str, observation: str) -> None:
    """An alternative whose evidence is unseen is not examined, and never notable."""
    found = _found(with_observations(example(), **{observation: DENIED}), id)
    assert found.answer == "Not examined: May not be called."
    assert not found.notable


@pytest.mark.xdist_group("poller-stands-still-after-a-release")
def test_the_alternatives_are_told_where_nothing_correlates() -> None:
    """A stall that no change explains is looked at in every way that the playbook's last paragraph names."""
    found = {fallback.id for fallback in tried("poller-stands-still-after-a-release").diagnosis.fallbacks}
    assert found >= {id for id, _ in BLIND}
