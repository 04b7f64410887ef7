"""What leaves the run folder for other places: a summary for a chat or a ticket, a timeline for Timesketch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from runbook_lib.archive.plain_json import dumped
from runbook_lib.instant import clock, iso
from runbook_lib.report.render import Meta
from runbook_lib.showing.markup import visible

if TYPE_CHECKING:
    from runbook_lib.judging.diagnosis import Diagnosis
    from runbook_lib.measuring.setting_change import Change

SUMMARY = "summary.md"
"""The summary's name in a run folder."""

TIMELINE = "timeline.jsonl"
"""The timeline's name in a run folder."""

_MOST_UNSEEN = 5
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def summary(headline: Mapping[str, Any], meta: Meta) -> str:
    """Give the verdict as Markdown short enough for a chat message; `headline` is the JSON of a verdict block.

    Every text that AWS or a parameter brought in is escaped, and mentions nobody.
    """
    names = meta.parameters
    lines = [
        f"**{_escaped(names['incident_id'])}**: {_escaped(names['table_name'])} → {_escaped(names['function_name'])},"
        f" {_escaped(names['region'])}",
        "",
        f"**{_escaped(headline['sentence'])}**",
        "",
        f"- Data loss: {_escaped(headline['loss']['sentence'])}",
    ]
    if headline["first_action"]:
        lines.append(f"- Do first: {_escaped(headline['first_action'])}")
    unseen = headline["unseen"]
    lines += [f"- Could not be seen: {_escaped(gap)}" for gap in unseen[:_MOST_UNSEEN]]
    if len(unseen) > _MOST_UNSEEN:
        lines.append(f"- Could not be seen: {len(unseen) - _MOST_UNSEEN} more, listed in the report")
    lines += ["", f"As of {clock(meta.as_of)}. Evidence and reasons: report.html.", ""]
    return "\n".join(lines)


def timeline(diagnosis: Diagnosis) -> str:
    """Give the changes, the onset, the alarms and the loss deadline as JSON Lines for Timesketch, oldest first.

    Each line has the three fields it asks for: `message`, `datetime` and `timestamp_desc`.
    Source: Timesketch documentation, "Import timelines from JSON/JSONL or CSV file".
    """
    ordered = sorted(
        _moments(diagnosis), key=lambda moment: (moment["datetime"], moment["timestamp_desc"], moment["message"])
    )
    return "".join(dumped(moment) + "\n" for moment in ordered)


def _moments(diagnosis: Diagnosis) -> Iterator[dict[str, Any]]:
    for change in diagnosis.changes:
        yield _change(change, is_trigger=diagnosis.set_off_by is not None and diagnosis.set_off_by.change == change)
    if diagnosis.onset:
        words = " ".join(diagnosis.onset.signals)
        yield _moment(diagnosis.onset.at, words, "Estimated onset", "CloudWatch")
    for alarm in diagnosis.alarms:
        for at, said in alarm.turns(diagnosis.window):
            yield _moment(at, said, "Alarm", "CloudWatch")
    if diagnosis.loss.deadline:
        words = "From here on the oldest undelivered records are lost."
        yield _moment(diagnosis.loss.deadline, words, "Loss deadline", "Loss clock")


def _change(change: Change, *, is_trigger: bool) -> dict[str, Any]:
    event = change.event
    return _moment(
        event.at,
        change.sentence,
        "Configuration change",
        "CloudTrail",
        event_name=event.event_name,
        event_id=event.event_id,
        actor=event.actor,
        is_trigger=is_trigger,
    )


def _moment(at: datetime, message: str, what: str, source: str, **more: Any) -> dict[str, Any]:
    moment = {"message": message, "datetime": iso(at), "timestamp_desc": what, "source": source, **more}
    return {name: visible(value) if isinstance(value, str) else value for name, value in moment.items()}


def _escaped(text: Any) -> str:
    """Make text plain to every Markdown dialect, on one line; an `@` would call people."""
    return _MARKS.sub(r"\\\1", " ".join(visible(str(text)).split())).replace("@", "(at)")
