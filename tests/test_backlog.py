"""What waits, by the iterator age: what is worked off, what stands still, since when nothing waited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from example_evidence import DENIED, example, judged, replaced, with_fields, with_observations
from worlds import in_world

from runbook_lib.evidence import Evidence
from runbook_lib.findings import Confidence
from runbook_lib.instant import MILLISECOND, floor
from runbook_lib.judging.diagnosis import Status
from runbook_lib.judging.loss_clock import LossState
from runbook_lib.measuring.backlog import climb, is_worked_off, kept_up

M = timedelta(minutes=1)


def _aged(seen: Evidence, ages: Sequence[float], *, every: int = 1, until: int = 0) -> Evidence:
    """Give evidence with these iterator ages, in minutes, the last one `until` minutes before what is settled."""
    age, end = seen.backlog.iterator_age_ms, seen.window.settled_end - (until + 1) * M
    points = {end - n * every * M: value * M / MILLISECOND for n, value in enumerate(reversed(ages))}
    return with_fields(seen, "backlog", iterator_age_ms=replaced(age, points=points))


def _failing(seen: Evidence, minutes: int) -> Evidence:
    """Let one invocation of each of the newest minutes fail."""
    errors, end = seen.metrics.errors, seen.window.settled_end
    points = errors.points | {end - n * M: 1.0 for n in range(1, minutes + 1)}
    return with_fields(seen, "metrics", errors=replaced(errors, points=points))


FALLING = [90 - n for n in range(40)]
SPARSE = [286, 260, 224, 194, 173, 152, 113, 94, 52]
SAWTOOTH = [
    *(190 + n for n in range(10)),
    *(163 + n for n in range(10)),
    *(136 + n for n in range(10)),
    109,
    110,
    111,
    112,
    113,
]


@in_world("healthy")
@pytest.mark.parametrize(
    ("ages", "every", "failing", "expected"),
    [
        (FALLING, 1, 0, True),
        (SPARSE, 5, 0, True),  # five batches span the half hour: none is held against itself
        (SAWTOOTH, 1, 0, True),  # a backlog of bursts: its front stands still within each of them
        (SAWTOOTH, 1, 6, False),  # unless its batches fail
        ([90.0] * 40, 1, 0, False),
        (list(range(40)), 1, 0, False),
    ],
)
def test_worked_off_is_what_delivery_gains_on(ages: list[float], every: int, failing: int, expected: bool) -> None:
    """A backlog is worked off where its newest batches are younger than those before, and do not fail."""
    assert is_worked_off(_failing(_aged(example("healthy"), ages, every=every), failing)) is expected


@in_world("healthy")
def test_nothing_waited_where_no_later_batch_is_older() -> None:
    """A young batch of another shard is no moment without a backlog while a record of before is tried later."""
    ages = [0.01, 0.01, 0.01, 0.01, 3.0, 0.01, 5.0, 0.01, 7.0]
    age = _aged(example("healthy"), ages).backlog.iterator_age_ms
    newest = max(age.points)
    assert max(kept_up(age)) == newest - 6 * M
    assert max(kept_up(_aged(example("healthy"), [0.01] * 9).backlog.iterator_age_ms)) == newest


@in_world("healthy")
@pytest.mark.parametrize(("minutes", "climbs"), [(3, False), (5, True), (90, True)])
def test_an_age_that_climbs_for_five_minutes_is_no_chance(minutes: int, climbs: bool) -> None:
    """One record that grows older with the clock for so long is stuck, however young that is."""
    ages = [*([0.01] * 20), *(n + 0.5 for n in range(minutes + 1))]
    assert (climb(_aged(example("healthy"), ages).backlog.iterator_age_ms) is not None) is climbs


@in_world("mapping-paused")
def test_the_clock_begins_where_the_backlog_stood_when_delivery_ended() -> None:
    """What had waited for five hours when the mapping was paused is the first to be lost, not what came after."""
    seen = example("mapping-paused")
    last = max(seen.backlog.iterator_age_ms.points)
    before = (seen.window.settled_end - last) // M - 1
    found = judged(_aged(seen, [300 - n / 10 for n in range(40)], until=before)).diagnosis
    assert found.loss.state is LossState.AT_RISK
    assert found.loss.deadline is not None
    written = found.loss.deadline - timedelta(hours=24)
    assert last - timedelta(minutes=301) <= written <= last - timedelta(minutes=295)
    assert found.onset is not None
    assert found.onset.earliest >= last - M


@in_world("healthy")
@pytest.mark.parametrize(("retries", "failed", "status"), [(2, 6, Status.UNDETERMINED), (20, 6, Status.NO_FAULT)])
def test_retries_that_may_be_used_up_are_no_all_clear(retries: int, failed: int, status: Status) -> None:
    """Where more invocations failed than a batch is retried, records may have been given up without a trace."""
    seen = _failing(example("healthy"), failed)
    ours = tuple(replaced(mapping, maximum_retry_attempts=retries) for mapping in seen.status.mappings)
    found = judged(with_fields(seen, "status", mappings=ours)).diagnosis
    assert found.status is status, found.sentence


@in_world("healthy")
def test_a_lag_that_begins_to_grow_is_no_all_clear() -> None:
    """Where the newest batches wait longer than any of the day before, the kit does not say that all is delivered."""
    found = judged(_aged(example("healthy"), [*([0.01] * 200), 2.0, 2.5, 3.0, 3.2, 3.4])).diagnosis
    assert found.status is Status.UNDETERMINED
    assert "longer than any since" in found.sentence


def _key(seen: Evidence, state: str, status: str = "ACTIVE", lost: int | None = None) -> Evidence:
    """Give evidence of a table with this status, whose key is in this state and was lost so many minutes ago."""
    use = seen.role.table_key
    assert use is not None
    since = floor(seen.as_of) - lost * M if lost is not None else None
    table = replaced(seen.streams.table, status=status, key_inaccessible_since=since)
    seen = with_fields(seen, "streams", table=table)
    return with_fields(seen, "role", table_key=replaced(use, key=replaced(use.key, state=state)))


def _said_of_key(seen: Evidence) -> tuple[str, Confidence | None]:
    """What is said of the table's key: present, absent or undetermined, and how sure."""
    diagnosis = judged(seen).diagnosis
    parts = {"present": diagnosis.causes, "absent": diagnosis.ruled_out, "undetermined": diagnosis.undetermined}
    return next(
        (word, verdict.confidence)
        for word, verdicts in parts.items()
        for verdict in verdicts
        if verdict.finding.id == "table-key-inaccessible"
    )


LOST = "table-key-disabled"


@in_world(LOST)
@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion", "Unavailable"])
def test_a_lost_key_is_told_by_the_key_before_the_table_says_so(state: str) -> None:
    """A table that is ACTIVE still cannot be used once its key is out of use."""
    assert _said_of_key(_key(example(LOST), state)) == ("present", Confidence.PROVED)


@in_world(LOST)
def test_a_key_that_may_have_lost_its_grants_is_not_ruled_out() -> None:
    """Writes that ended minutes ago on a table with a key of its own leave open whether DynamoDB may still use it."""
    seen = _key(example(LOST), "Enabled")
    late = {
        name: replaced(series, points={at + 100 * M: value for at, value in series.points.items()})
        for name, series in seen.metrics.writes.items()
    }
    assert _said_of_key(with_fields(seen, "metrics", writes=late))[0] == "undetermined"


@in_world("key-withheld")
def test_a_key_that_is_back_is_no_fault_though_the_table_says_otherwise() -> None:
    """Once the key is enabled and records are written again the table's status lags, for up to an hour."""
    seen = _key(example("key-withheld"), "Enabled", status="INACCESSIBLE_ENCRYPTION_CREDENTIALS", lost=90)
    assert _said_of_key(seen)[0] == "absent"


@in_world(LOST)
def test_an_unseen_key_of_an_active_table_is_left_open() -> None:
    """Where the key could not be read, the table's own word rules nothing out."""
    seen = with_observations(_key(example(LOST), "Enabled"), role=DENIED)
    assert _said_of_key(seen)[0] == "undetermined"
