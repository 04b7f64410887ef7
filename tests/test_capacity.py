"""What the counters must say before concurrency is named as the cause: every one of them, and not fewer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from example_evidence import example, replaced, with_fields
from worlds import in_world

from runbook_lib.evidence import Evidence
from runbook_lib.evidence.signals import Series
from runbook_lib.findings import FINDINGS, Confidence, VerdictWord, judge
from runbook_lib.measuring.pipe import Measured

MINUTE = timedelta(minutes=1)
PROVED, SUSPECTED = Confidence.PROVED, Confidence.SUSPECTED


def _sure(name: str, seen: Evidence) -> Confidence | None:
    """How sure a finding is; None where it is refuted."""
    verdict = judge(FINDINGS[name], Measured(seen))
    assert verdict.word is not VerdictWord.UNDETERMINED
    return verdict.confidence


def _last_hour(seen: Evidence, series: Series, value: Callable[[float], float]) -> Series:
    """Give a series whose last hour goes by the minutes to its end."""
    end: datetime = seen.window.settled_end
    return replace(series, period=MINUTE, points={end - n * MINUTE: value(n) for n in range(60, 0, -1)})


def _world(*, behind: bool = True, throttles: float = 0, used: float = 0, busy: float = 0) -> Evidence:
    """Give the healthy example with these counts in every minute; `behind`: records wait longer and longer."""
    seen = example("healthy")
    metrics, backlog = seen.metrics, seen.backlog
    age = _last_hour(seen, backlog.iterator_age_ms, lambda n: (60 - n / 2) * 60_000 if behind else 500)
    seen = with_fields(seen, "backlog", iterator_age_ms=age)
    return with_fields(
        seen,
        "metrics",
        throttles=_last_hour(seen, metrics.throttles, lambda _: throttles),
        concurrent=_last_hour(seen, metrics.concurrent, lambda _: used),
        duration_total_ms=_last_hour(seen, metrics.duration_total_ms, lambda _: busy * 60_000),
        account_concurrent=_last_hour(seen, metrics.account_concurrent, lambda _: used),
        unreserved_concurrent=_last_hour(seen, metrics.unreserved_concurrent, lambda _: used),
    )


def _limited(seen: Evidence, **limits: int | None) -> Evidence:
    return with_fields(seen, "metrics", concurrency=replaced(seen.metrics.concurrency, **limits))


ACCOUNT = [
    (True, 3, 96, 100, 500, PROVED),
    (True, 3, 96, 500, 100, PROVED),
    (True, 3, 90, 100, 100, None),
    (True, 0, 96, 100, 100, None),
    (False, 3, 96, 100, 100, None),
]


@in_world("healthy")
@pytest.mark.parametrize(("behind", "throttles", "used", "limit", "unreserved", "sure"), ACCOUNT)
def test_an_exhausted_account_is_full_and_throttles_and_records_wait(
    behind: bool, throttles: float, used: float, limit: int, unreserved: int, sure: Confidence | None
) -> None:
    """The account is the cause only where all three are counted; either of its two limits will do."""
    seen = _limited(_world(behind=behind, throttles=throttles, used=used), account_limit=limit)
    seen = _limited(seen, account_unreserved=unreserved, reserved=None)
    assert _sure("account-concurrency-exhausted", seen) is sure


RESERVED = [
    (True, 3, 10, 10, PROVED),
    (True, 3, 9, 10, None),
    (True, 0, 10, 10, None),
    (False, 3, 10, 10, None),
    (True, 3, 10, 0, None),
    (True, 3, 10, None, None),
]


@in_world("healthy")
@pytest.mark.parametrize(("behind", "throttles", "used", "reserved", "sure"), RESERVED)
def test_a_reservation_too_low_is_used_up_and_throttles_and_records_wait(
    behind: bool, throttles: float, used: float, reserved: int | None, sure: Confidence | None
) -> None:
    """A reservation is the cause only where all three are counted; none, and one of zero, are other things."""
    seen = _limited(_world(behind=behind, throttles=throttles, used=used), reserved=reserved)
    assert _sure("reserved-too-low", seen) is sure


SERIAL = [
    (True, 0, 1, 1, 0.9, PROVED),
    (True, 0, 1, 1, 0.7, SUSPECTED),
    (True, 0, 1, 2, 0.9, SUSPECTED),
    (True, 0, 2, 2, 0.9, PROVED),
    (True, 1, 2, 2, 0.9, None),
    (False, 0, 2, 2, 0.9, None),
]


@in_world("healthy")
@pytest.mark.parametrize(("behind", "throttles", "used", "factor", "busy", "sure"), SERIAL)
def test_a_function_too_slow_for_its_shards_uses_every_place_all_the_time(
    behind: bool, throttles: float, used: int, factor: int, busy: float, sure: Confidence | None
) -> None:
    """Places are open shards times parallelization: with some of them free, or idle, slowness is only suspected."""
    shards = sum(shard.open for found in example("healthy").backlog.shards.values() for shard in found)
    seen = _world(behind=behind, throttles=throttles, used=used * shards, busy=busy * used * shards)
    parallel = tuple(replaced(mapping, parallelization_factor=factor) for mapping in seen.status.mappings)
    seen = with_fields(with_fields(seen, "mappings", ours=parallel), "status", mappings=parallel)
    assert _sure("shard-serial-lag", seen) is sure
