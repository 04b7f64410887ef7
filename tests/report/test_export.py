"""What leaves the run folder for a chat, a ticket or Timesketch."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import mistune
from report_samples import AS_OF, meta, verdict

from runbook_lib.incident import Window
from runbook_lib.interpret.trail_event import TrailEvent
from runbook_lib.judging.loss_clock import Loss, LossState
from runbook_lib.measuring.onset import Onset
from runbook_lib.measuring.setting_change import Change
from runbook_lib.report import export


def headline(**changed: Any) -> dict[str, Any]:
    """Give the JSON of the sample verdict, with changes."""
    return {**verdict().to_json(), **changed}


def diagnosis(**changed: Any) -> Any:
    """Give the parts of a diagnosis that a timeline is made of."""
    event = TrailEvent(
        "e-1", AS_OF - timedelta(hours=15), "lambda.amazonaws.com", "UpdateEventSourceMapping", "U", actor="p"
    )
    onset = Onset(AS_OF - timedelta(hours=14), AS_OF, AS_OF, ("It stopped.",), ())
    loss = Loss(LossState.AT_RISK, AS_OF + timedelta(hours=9), None, None, "basis")
    window = Window(AS_OF - timedelta(hours=24), AS_OF)
    given = {
        "changes": (Change(event, ()),),
        "set_off_by": None,
        "onset": onset,
        "loss": loss,
        "alarms": (),
        "window": window,
    }
    return SimpleNamespace(**(given | changed))


def test_summary_says_what_matters() -> None:
    """The summary holds names, verdict, loss, first action, what was not seen, and the clock."""
    text = export.summary(headline(), meta())
    for said in (
        "INC-2026-0314",
        "orders-projector",
        "9 h 12 min left",
        "Do first",
        "not delivered",
    ):
        assert said in text
    assert "As of 2026-03-15 04:43 UTC" in text


def test_summary_fits_a_chat_message() -> None:
    """However much was not seen, the summary stays under 2,500 characters and says how much more there is."""
    text = export.summary(headline(unseen=[f"lambda:Get{number} was denied." for number in range(200)]), meta())
    assert len(text) < 2_500
    assert "195 more" in text


def test_summary_escapes_markdown() -> None:
    """Text of others is no Markdown, no HTML, no mention."""
    hostile = "[x](javascript:1) <b>y</b> **z** @channel `c` \n# h"
    text = export.summary(headline(sentence=hostile), meta())
    html = str(mistune.html(text))
    assert "<b>" not in html
    assert "<h1>" not in html
    assert "<a " not in html
    assert "@channel" not in text


def test_timeline_is_what_timesketch_imports() -> None:
    """Every line is JSON with message, datetime and timestamp_desc, oldest first."""
    lines = [json.loads(line) for line in export.timeline(diagnosis()).splitlines()]
    assert [line["timestamp_desc"] for line in lines] == ["Configuration change", "Estimated onset", "Loss deadline"]
    assert all({"message", "datetime", "timestamp_desc", "source"} <= set(line) for line in lines)
    assert [line["datetime"] for line in lines] == sorted(line["datetime"] for line in lines)


def test_timeline_marks_the_trigger() -> None:
    """The change that set the cause off is marked, others are not."""
    change = diagnosis().changes[0]
    marked = export.timeline(diagnosis(set_off_by=SimpleNamespace(change=change)))
    assert json.loads(marked.splitlines()[0])["is_trigger"] is True
    assert json.loads(export.timeline(diagnosis()).splitlines()[0])["is_trigger"] is False


def test_timeline_of_nothing_is_empty() -> None:
    """Without changes, onset and deadline there is no line."""
    nothing = Loss(LossState.UNKNOWN, None, None, None, "basis")
    assert export.timeline(diagnosis(changes=(), onset=None, loss=nothing)) == ""


def test_timeline_shows_control_characters() -> None:
    """Hostile text in an event reaches the file with its control characters made visible."""
    onset = Onset(AS_OF, AS_OF, AS_OF, ("a\u202eb\x1b",), ())
    assert "\\\\u202e" in export.timeline(diagnosis(changes=(), onset=onset))
