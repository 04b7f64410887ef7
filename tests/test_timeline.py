"""A trigger needs a mechanism, an object of ours, and a lag that fits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runbook_lib.interpret.trail_event import Effect, TrailEvent
from runbook_lib.measuring.onset import Onset
from runbook_lib.measuring.setting_change import Change, SettingChange, find_latent_setting_change, find_setting_change

ONSET = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BEGAN = Onset(ONSET, ONSET - MINUTE, ONSET + MINUTE, ("words",), ("ref",))
KINDS = ("stream-disabled", "stream-enabled")


def _change(
    minutes: float, kind: str, *, actor: str = "role/ops", target: str = "Orders", failed: bool = False
) -> Change:
    at = ONSET + minutes * MINUTE
    event = TrailEvent(
        f"e{minutes}", at, "dynamodb.amazonaws.com", "UpdateTable", "UpdateTable", actor=actor,
        error_code="ValidationException" if failed else None,
    )  # fmt: skip
    effects = () if failed else (Effect(kind, "table", "Orders", f"{kind} on Orders"),)
    return Change(event, effects)


def _found(*changes: Change, lag: timedelta = timedelta(hours=24)) -> SettingChange | None:
    return find_setting_change("stale-stream-arn", KINDS, lag, BEGAN, changes)


OFF, ON = "stream-disabled", "stream-enabled"
CASES: list[tuple[tuple[Change, ...], timedelta, float | None]] = [
    ((), timedelta(hours=24), None),
    ((_change(-2, OFF),), timedelta(hours=24), -2),
    ((_change(-2, "other-change"),), timedelta(hours=24), None),
    ((_change(-2, OFF, failed=True),), timedelta(hours=24), None),
    ((_change(-300, OFF),), timedelta(hours=24), -300),
    ((_change(-300, OFF),), timedelta(minutes=10), None),
    ((_change(5, OFF),), timedelta(hours=24), None),
    ((_change(0.5, OFF),), timedelta(hours=24), 0.5),
    ((_change(-300, OFF), _change(-3, ON, actor="role/other")), timedelta(hours=24), -3),
    ((_change(-2, OFF), _change(-1, ON)), timedelta(hours=24), -2),
    ((_change(-2, OFF, actor="role/other"), _change(-1, ON)), timedelta(hours=24), -1),
    ((_change(-9, OFF), _change(-1, ON)), timedelta(hours=24), -1),
]


@pytest.mark.parametrize(("changes", "lag", "expected"), CASES)
def test_trigger_is_the_change_that_fits(changes: tuple[Change, ...], lag: timedelta, expected: float | None) -> None:
    """The last change before the onset that has the mechanism, or the first call of its burst, is named."""
    found = _found(*changes, lag=lag)
    assert (None if found is None else (found.change.event.at - ONSET) / MINUTE) == expected


def test_a_latent_fault_is_set_off_by_the_last_change_that_can() -> None:
    """Without harm there is no lag: the last change with the mechanism is named, and none where there is none."""
    changes = (_change(-90, OFF), _change(-30, OFF), _change(-5, "other-change"), _change(-1, ON, failed=True))
    found = find_latent_setting_change("stream-disabled", KINDS, changes)
    assert found is not None
    assert (found.change, found.lag) == (changes[1], None)
    assert find_latent_setting_change("stream-disabled", KINDS, changes[2:]) is None


def test_order_of_events_does_not_matter() -> None:
    """Events that arrive out of order give the same trigger."""
    changes = (_change(-2, OFF), _change(-1, ON), _change(-300, OFF))
    assert _found(*changes) == _found(*reversed(changes))


def test_without_an_onset_nothing_set_it_off() -> None:
    """Where nothing is known to have begun, no change is blamed for it."""
    assert find_setting_change("stale-stream-arn", KINDS, timedelta(hours=24), None, (_change(-2, OFF),)) is None


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(-2, "within the playbook's 5 minutes"), (-300, "within the 1 d that this mechanism may take")],
)
def test_correlation_says_which_window_it_fell_in(minutes: float, words: str) -> None:
    """The playbook's five minutes are told apart from the longer lag of a mechanism."""
    found = _found(_change(minutes, OFF))
    assert found is not None
    assert words in found.correlation
