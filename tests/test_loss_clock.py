"""The loss clock: right where it can be, a safe bound where it cannot, never optimistic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.judging.loss_clock import Loss, LossState, Undelivered, clock

AS_OF = datetime(2026, 3, 14, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)


def _waiting(hours: float, **limits: int | bool) -> Undelivered:
    return Undelivered("u-1", AS_OF - hours * HOUR, "basis", **limits)  # type: ignore[arg-type]


CASES: list[tuple[list[Undelivered], LossState, datetime | None]] = [
    ([], LossState.NONE, None),
    ([_waiting(2)], LossState.AT_RISK, AS_OF + 22 * HOUR),
    ([_waiting(2), _waiting(5)], LossState.AT_RISK, AS_OF + 19 * HOUR),
    ([_waiting(2, record_age_s=3 * 3600)], LossState.AT_RISK, AS_OF + 22 * HOUR),
    ([_waiting(2, record_age_s=604_800)], LossState.AT_RISK, AS_OF + 22 * HOUR),
    ([_waiting(2, record_age_s=3600)], LossState.AT_RISK, AS_OF + 22 * HOUR),
    ([_waiting(25)], LossState.LOSING, None),
    ([_waiting(24)], LossState.LOSING, None),
    ([_waiting(2, retries=3, discards=True)], LossState.AT_RISK, AS_OF + 22 * HOUR),
    ([_waiting(2, retries=0, discards=True)], LossState.AT_RISK, AS_OF + 22 * HOUR),
    ([_waiting(2, retries=3, discards=False)], LossState.AT_RISK, AS_OF + 22 * HOUR),
    ([_waiting(2, retries=-1, discards=True)], LossState.AT_RISK, AS_OF + 22 * HOUR),
    ([Undelivered("u-1", None, "unread")], LossState.UNKNOWN, None),
    ([Undelivered("u-1", None, "unread"), _waiting(2)], LossState.UNKNOWN, AS_OF + 22 * HOUR),
    ([Undelivered("u-1", None, "unread"), _waiting(30)], LossState.LOSING, None),
]


@pytest.mark.parametrize(("waiting", "state", "deadline"), CASES)
def test_clock_reads(waiting: list[Undelivered], state: LossState, deadline: datetime | None) -> None:
    """The nearest limit of the oldest undelivered record decides; throttles use no retries up; unknown is said."""
    loss = clock(waiting, AS_OF)
    assert (loss.state, loss.deadline) == (state, deadline)


def test_the_basis_is_that_of_the_nearest_deadline() -> None:
    """Of several mappings the one whose records die first says what the deadline was read from."""
    waiting = [Undelivered("u-1", AS_OF - 2 * HOUR, "late"), Undelivered("u-2", AS_OF - 5 * HOUR, "soon")]
    assert clock(waiting, AS_OF).basis == "soon"
    assert clock(reversed(waiting), AS_OF).basis == "soon"


def test_what_is_lost_is_what_the_stream_no_longer_holds() -> None:
    """Records die in the stream: what is older than 24 hours is gone, what a stricter mapping gave up is not."""
    loss = clock([_waiting(30), _waiting(5, record_age_s=3600)], AS_OF)
    assert (loss.already_lost_from, loss.already_lost_to) == (AS_OF - 30 * HOUR, AS_OF - DAY)
    assert loss.skipped is not None
    assert loss.skipped.start == AS_OF - 5 * HOUR


@pytest.mark.parametrize(
    ("limits", "end", "words"),
    [
        ({"retries": 3, "discards": True}, AS_OF, "Failed batches are given up after 3 retries."),
        ({"retries": 1, "discards": True}, AS_OF, "Failed batches are given up after 1 retry."),
        ({"record_age_s": 3600}, AS_OF - HOUR, "The mapping gives records up after 1 h."),
        ({"passed_over": True}, AS_OF, "The mapping began behind them."),
    ],
)
def test_skipped_is_not_gone(limits: dict[str, Any], end: datetime, words: str) -> None:
    """What a mapping gave up or passed over can be read from the stream for the rest of its 24 hours."""
    loss = clock([_waiting(5, **limits)], AS_OF)
    assert loss.skipped is not None
    assert (loss.skipped.start, loss.skipped.end) == (AS_OF - 5 * HOUR, end)
    assert loss.skipped.readable_until == AS_OF + 19 * HOUR
    said = loss.sentence(AS_OF)
    assert "none of them is lost yet" in said
    assert "being lost now" not in said
    assert words in said


def test_skipped_records_are_counted_and_found_where_they_are() -> None:
    """Where the mapping counts what it gave up the sentence says how many, and who holds their numbers."""
    queue = "arn:aws:sqs:eu-west-1:123456789012:orders-failures"
    given_up = Undelivered("u", AS_OF - HOUR, "", retries=2, discards=True, given_up=575, destination=queue)
    said = clock([given_up], AS_OF).sentence(AS_OF)
    assert said.startswith("575 records written since 14:00 UTC were skipped")
    assert "orders-failures holds their shards and sequence numbers" in said


def test_what_will_be_skipped_is_said_beside_what_will_be_lost() -> None:
    """A mapping that gives records up early says from when on it does, and the deadline stays the stream's."""
    loss = clock([_waiting(2, record_age_s=3 * 3600)], AS_OF)
    assert loss.skips_from == AS_OF + HOUR
    assert "gives them up from 16:00 UTC; the stream still holds them then" in loss.sentence(AS_OF)


def test_a_mapping_has_no_limit_unless_it_says_so() -> None:
    """What is not said of a mapping is Lambda's default: records as old as the stream keeps them, retried for ever."""
    silent = Undelivered("u-1", AS_OF - 2 * HOUR, "basis")
    assert (silent.record_age_s, silent.retries, silent.discards) == (-1, -1, False)


def test_writes_without_a_stream_are_lost_while_that_lasts() -> None:
    """While no stream is on, everything written is being lost, whatever else waits."""
    loss = clock([_waiting(2)], AS_OF, never_recorded=(AS_OF - 3 * HOUR, None))
    assert loss.state is LossState.LOSING
    assert (loss.already_lost_from, loss.already_lost_to) == (AS_OF - 3 * HOUR, AS_OF)


def test_a_gap_that_is_over_is_told_beside_the_deadline() -> None:
    """A stretch without a stream that has ended is lost already, and what came after it has its own deadline."""
    loss = clock([_waiting(2)], AS_OF, never_recorded=(AS_OF - 3 * HOUR, AS_OF - 2 * HOUR))
    assert (loss.state, loss.deadline) == (LossState.AT_RISK, AS_OF + 22 * HOUR)
    assert (loss.already_lost_from, loss.already_lost_to) == (AS_OF - 3 * HOUR, AS_OF - 2 * HOUR)
    assert "in the 1 h from 12:00 UTC on left no record" in loss.sentence(AS_OF)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (clock([], AS_OF), "No records are at risk."),
        (clock([_waiting(2)], AS_OF), "lost from 2026-03-15 13:00 UTC: 22 h left as of 2026-03-14 15:00 UTC."),
        (clock([_waiting(26)], AS_OF), "since 13:00 UTC are being lost now"),
        (clock([Undelivered("u", None, "Unread.")], AS_OF), "It is not known whether records are being lost. Unread."),
    ],
)
def test_sentence_can_be_acted_on(loss: Loss, words: str) -> None:
    """The sentence gives the deadline and what is left, or says plainly what is not known."""
    said = loss.sentence(AS_OF).replace("2026-03-13 ", "")
    assert words in said


_AGES = st.lists(
    st.builds(
        _waiting,
        st.floats(0, 30),
        record_age_s=st.sampled_from([-1, 60, 3600, 86_400, 604_800]),
        retries=st.sampled_from([-1, 0, 3]),
        discards=st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@given(_AGES)
def test_clock_is_never_optimistic(waiting: list[Undelivered]) -> None:
    """No record outlives the deadline given, and the state is none only when nothing waits."""
    loss = clock(waiting, AS_OF)
    lives = [mapping.oldest + DAY for mapping in waiting if mapping.oldest]
    assert loss.state is not LossState.NONE
    if loss.deadline is not None:
        assert loss.deadline <= min(lives)
    if min(lives) <= AS_OF:
        assert loss.state is LossState.LOSING


@given(_AGES, _AGES)
def test_more_waiting_never_moves_the_deadline_back(some: list[Undelivered], more: list[Undelivered]) -> None:
    """Whatever else turns out to wait, the deadline does not get later and loss does not turn to risk."""
    first, second = clock(some, AS_OF), clock([*some, *more], AS_OF)
    if first.deadline is not None and second.deadline is not None:
        assert second.deadline <= first.deadline
    if first.state is LossState.LOSING:
        assert second.state is LossState.LOSING
