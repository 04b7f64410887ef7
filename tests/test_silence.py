"""When nothing has come out lately: what a silence is, and what the pipe's own history says of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runbook_lib.measuring.silence import Silence, silence

M = timedelta(minutes=1)
END = datetime(2026, 3, 14, 15, 0, tzinfo=UTC)


def _found(*, every: int, since: int, delivered: int = 1, gathers: int = 0, minutes: int = 1440) -> Silence | None:
    """Write in each `every`th minute, deliver each `delivered`th of these, and stop `since` minutes before the end."""
    written = [END - n * M for n in range(minutes, 0, -1) if n % every == 0]
    out = [at for n, at in enumerate(written) if n % delivered == 0 and END - at > since * M]
    return silence(dict.fromkeys(written, 1.0), out, END, gathers=gathers * M)


@pytest.mark.parametrize("every", [1, 3, 7, 25])
def test_a_pipe_that_keeps_up_is_never_silent(every: int) -> None:
    """However rarely a table is written to, it is not silent where each write came out."""
    assert _found(every=every, since=0) is None


@pytest.mark.parametrize(("since", "gathers", "silent"), [(0, 0, False), (1, 0, True), (4, 5, False), (7, 5, True)])
def test_a_steady_pipe_is_silent_after_a_minute_beside_what_is_gathered(since: int, gathers: int, silent: bool) -> None:
    """Where each write came out in its minute all day, one without is no all-clear; what is gathered is no silence."""
    found = _found(every=1, since=since, gathers=gathers)
    assert (found is not None) is silent
    assert found is None or since > 1 or not found.is_unheard_of


@pytest.mark.parametrize(("since", "silent"), [(1, False), (2, True)])
def test_a_pipe_without_a_history_is_silent_after_two_minutes(since: int, silent: bool) -> None:
    """One minute may be half counted, and a pipe that is minutes old has not shown that it is not."""
    assert (_found(every=1, since=since, minutes=14) is not None) is silent


@pytest.mark.parametrize(("every", "since"), [(1, 2), (1, 3), (1, 6), (7, 14), (5, 5)])
def test_a_young_silence_is_unheard_of_where_every_write_came_out(every: int, since: int) -> None:
    """A pipe that has handed over each write within its minute for a day has stopped when it skips minutes."""
    found = _found(every=every, since=since)
    assert found is not None
    assert found.is_unheard_of
    assert not found.is_usual


@pytest.mark.parametrize("delivered", [6, 20])
def test_a_silence_is_usual_where_most_writes_never_come_out(delivered: int) -> None:
    """Where a filter or empty writes leave such holes all day, one more says nothing."""
    found = _found(every=1, since=3, delivered=delivered)
    assert found is not None
    assert found.is_usual
    assert not found.is_unheard_of
    assert found.alike >= 3


def test_a_short_history_makes_nothing_unheard_of() -> None:
    """A pipe that began to deliver minutes ago has no habit that a silence could break."""
    found = _found(every=1, since=5, minutes=20)
    assert found is not None
    assert not found.is_unheard_of
    assert not found.is_usual


def test_one_earlier_outage_does_not_make_a_silence_usual() -> None:
    """An outage of an hour this morning does not excuse one of eight minutes now."""
    minutes = [END - n * M for n in range(1440, 0, -1)]
    out = [at for at in minutes if END - at > 8 * M and not 400 * M < END - at < 460 * M]
    found = silence(dict.fromkeys(minutes, 1.0), out, END, gathers=0 * M)
    assert found is not None
    assert (found.before[0], found.alike) == (59 * M, 1)
    assert found.is_unheard_of


def test_a_silence_counts_what_was_missed_from_the_first_write_on() -> None:
    """It begins with the first write that nothing came of, and is long ten minutes after the last delivery."""
    found = _found(every=1, since=9)
    assert found is not None
    assert (found.since, found.missed, found.length) == (END - 9 * M, 9.0, 9 * M)
    assert not found.is_long(END)
    old = _found(every=1, since=11)
    assert old is not None
    assert old.is_long(END)
