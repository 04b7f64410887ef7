"""The benchmark of sweeps: each side in a process of its own, and a row that says what was found."""

from __future__ import annotations

import pytest

import sweep

pytestmark = pytest.mark.xdist_group("sweep")


@pytest.mark.sampled
def test_a_row_holds_calls_memory_and_what_was_found() -> None:
    """Ten triggers: the broken one is found, none is invented, no call is throttled, and all are counted."""
    (row,) = sweep.rows([10])
    assert row.is_sound
    assert (row.triggers, row.planted, row.orphans) == (10, 1, sweep.UNREAD)
    assert 10 + sweep.UNREAD < row.calls <= 10 + sweep.UNREAD + 10
    assert row.peak_mb > 10
    assert list(sweep.table([row]))[-1].count("|") == 10


def test_what_was_missed_invented_or_throttled_is_not_sound() -> None:
    """A row is sound only where all of the broken were found, none invented and none throttled."""
    sound = sweep.SweepRow(10, 20, 1.0, 50, throttled=0, planted=3, found=3, invented=0, orphans=0)
    assert sound.is_sound
    for change in ({"found": 2}, {"invented": 1}, {"throttled": 1}):
        assert not sweep.SweepRow(**{**vars(sound), **change}).is_sound
