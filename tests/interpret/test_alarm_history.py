"""What the history of an alarm says."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.interpret.alarm_history import turns


@pytest.mark.parametrize(
    ("item", "wanted"),
    [
        ({"HistoryData": '{"oldState":{"stateValue":"OK"},"newState":{"stateValue":"ALARM"}}'}, ("OK", "ALARM")),
        ({"HistorySummary": "Alarm updated from OK to ALARM"}, ("OK", "ALARM")),
        ({"HistoryData": "{", "HistorySummary": "Alarm updated from ALARM to INSUFFICIENT_DATA"},
         ("ALARM", "INSUFFICIENT_DATA")),
        ({"HistoryData": '{"newState":{"stateValue":"ALARM"}}'}, ("", "ALARM")),
        ({"HistoryData": '{"newState":{"stateValue":"OK"}}', "HistorySummary": "Alarm updated from ALARM to OK"},
         ("ALARM", "OK")),
        ({"HistoryData": "[]", "HistorySummary": "Alarm created"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_a_change_is_read_from_wherever_it_stands(item: dict[str, Any], wanted: tuple[str, str] | None) -> None:
    """States come from the data of an item, or from its summary; an item that tells of neither is no change."""
    found = [(turn.before, turn.after) for turn in turns([{"Timestamp": "2026-03-14T09:10:00Z", **item}])]
    assert found == ([wanted] if wanted else [])
    assert not list(turns([item]))
