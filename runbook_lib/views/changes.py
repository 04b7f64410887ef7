"""Configuration changes shown: the search (step 9), and every change against the onset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from runbook_lib import instant
from runbook_lib.archive.record import EVIDENCE
from runbook_lib.evidence import Evidence, step_number
from runbook_lib.interpret.trail_event import POLL_EVENT_NAME, TrailEvent
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.measuring.setting_change import Change, changes
from runbook_lib.measuring.thresholds import FIRST_WINDOW
from runbook_lib.observed import NotObserved
from runbook_lib.showing.blocks import Block, TableBlock
from runbook_lib.steps import STEPS
from runbook_lib.views.words import columns, count, moment, stretch

MOST_ROWS = 200
"""Rows of a table in the report; the evidence file has them all."""


class ChangeRelation(StrEnum):
    """How a change stands to the onset."""

    SET_OFF = "trigger"
    CANDIDATE = "near the onset"
    CONTEXT = "context"
    AFTER = "after the onset"
    FAILED = "failed, so it changed nothing"


@dataclass(frozen=True)
class NumberedChange:
    """A change with the number it bears in the charts and tables alike. `distance` is onset less change."""

    number: int
    change: Change
    relation: ChangeRelation
    distance: timedelta | None

    @property
    def words(self) -> str:
        """The relation as people say it."""
        if self.distance is None:
            return str(self.relation) if self.relation is ChangeRelation.FAILED else "no onset is known"
        side = "before" if self.distance >= timedelta(0) else "after"
        said = f"{instant.span(self.distance)} {side} the onset"
        if self.relation is ChangeRelation.SET_OFF:
            return f"{said}: named as the trigger"
        return f"{said}; {self.relation}" if self.relation is ChangeRelation.FAILED else said


def numbered(diagnosis: Diagnosis) -> tuple[NumberedChange, ...]:
    """Number the changes, oldest first, and say how each stands to the onset."""
    at = diagnosis.onset.at if diagnosis.onset else None
    return tuple(
        NumberedChange(number, change, _relation(change, diagnosis), at - change.event.at if at else None)
        for number, change in enumerate(diagnosis.changes, 1)
    )


def _relation(change: Change, diagnosis: Diagnosis) -> ChangeRelation:
    if diagnosis.set_off_by and change == diagnosis.set_off_by.change:
        return ChangeRelation.SET_OFF
    if not change.event.succeeded:
        return ChangeRelation.FAILED
    began = diagnosis.onset
    if began is None:
        return ChangeRelation.CONTEXT
    if abs(began.at - change.event.at) <= FIRST_WINDOW:
        return ChangeRelation.CANDIDATE
    return ChangeRelation.AFTER if change.event.at > began.latest else ChangeRelation.CONTEXT


def who(event: TrailEvent) -> str:
    """Name who made a change, without the ARN's head where that says nothing new, and the service it went through."""
    head, _, name = event.actor.rpartition(":")
    actor = name if name and event.account and head.split(":")[-1] == event.account else event.actor
    return f"{actor} via {event.via}" if event.via else actor


def where(event: TrailEvent) -> str:
    """Name the source of a row: the service's trail, and its region."""
    return f"CloudTrail, {event.service} in {event.region}" if event.region else f"CloudTrail, {event.service}"


# -- step 9 ----------------------------------------------------------------------------------------------------


def changes_answer(seen: Evidence) -> str:
    """Answer step 9: what changed? No change found is said with the bounds of the search."""
    found = changes(seen)
    partly = "" if _complete(seen) else "As far as could be searched: "
    bounds = f"Events after {instant.clock(seen.changes.delivered_until, seen.as_of)} may not have been delivered yet."
    if not found:
        return f"{partly}no change of the table, stream, mapping, function or role was recorded. {bounds}".strip()
    failed = sum(not change.event.succeeded for change in found)
    last = found[-1].event.at
    also = f", {count(failed, 'failed attempt')} among them" if failed else ""
    return (
        f"{partly}{count(len(found), 'change')} recorded{also}, the last at {instant.clock(last, seen.as_of)}. {bounds}"
    )


def _complete(seen: Evidence) -> bool:
    """Whether every part of the trail was read to its end."""
    try:
        parts = (seen.changes.regional, seen.changes.iam)
        cut_short = [
            search for search in seen.changes.searches if search.truncated and POLL_EVENT_NAME not in search.names
        ]
        return len(parts) == 2 and not cut_short
    except NotObserved:
        return False


def trail_table(seen: Evidence) -> Block:
    """Show the changes of our objects, oldest first."""
    found = changes(seen)
    rows = tuple(
        (moment(change.event.at), where(change.event), who(change.event), change.event.event_name, change.sentence)
        for change in found[:MOST_ROWS]
    )
    return TableBlock(
        "Changes of the table, stream, mapping, function and role",
        columns("UTC|time", "Source", "Actor", "Event|code", "What"),
        rows,
        None if rows else "None was found in what was searched (see below).",
        more=more_than(len(found)),
    )


def searches_table(seen: Evidence) -> Block:
    """Show what was searched: outside it, nothing follows from silence."""
    rows = tuple(
        (
            search.source,
            search.region,
            stretch(search.window),
            f"{len(search.names)}",
            f"{search.events:,}",
            "cut short" if search.truncated else "whole",
        )
        for search in seen.changes.searches
    )
    return TableBlock(
        "Where was searched",
        columns("Source", "Region", "Stretch", "Event names|number", "Events|number", "Extent"),
        rows,
        f"CloudTrail delivers most events within minutes, without guarantee; what happened after"
        f" {instant.clock(seen.changes.delivered_until, seen.as_of)} may still be missing.",
        tuple(search.ref for search in seen.changes.searches),
    )


def more_than(total: int) -> str | None:
    """Say what a capped table leaves out, and where it stands."""
    file = f"{EVIDENCE}/{STEPS[step_number('changes')].file}.jsonl"
    return f"{total - MOST_ROWS:,} more rows stand in {file}." if total > MOST_ROWS else None


# -- the whole timeline ----------------------------------------------------------------------------------------


def changes_view(diagnosis: Diagnosis) -> TableBlock:
    """Show the timeline: every change with its number in the charts, and the moments measured or told, in one order."""
    found = numbered(diagnosis)
    rows = [
        (
            entry.change.event.at,
            str(entry.number),
            where(entry.change.event),
            who(entry.change.event),
            entry.change.sentence,
            entry.words,
        )
        for entry in found
    ]
    rows += _moments(diagnosis)
    rows.sort(key=lambda row: row[0])
    note = None if found else "No change of our objects was found in what was searched."
    if diagnosis.coverage is None:
        note = "The trail could not be searched: that no change stands here says nothing."
    return TableBlock(
        "Timeline",
        columns("No.|number", "UTC|time", "Source", "Actor", "What", "Relation to the onset"),
        tuple((number, moment(at), *rest) for at, number, *rest in rows[:MOST_ROWS]),
        note,
        _refs(diagnosis),
        more_than(len(rows)),
    )


_Row = tuple[datetime, str, str, str, str, str]


def _moments(diagnosis: Diagnosis) -> Iterator[_Row]:
    """Give the moments that are no change: the onset as measured, alarms, somebody noticing, the run, the deadline."""
    began, detected = diagnosis.onset, diagnosis.incident.detected_at
    if began:
        between = f"between {instant.clock(began.earliest, began.at)} and {instant.clock(began.latest, began.at)}"
        words = f"Onset, estimated {between}. {' '.join(began.signals)}"
        yield began.at, "", "CloudWatch metrics", "-", words, "the onset"
    for alarm in diagnosis.alarms:
        for at, said in alarm.turns(diagnosis.window):
            yield at, "", "CloudWatch alarm", "-", said, _beside(diagnosis, at)
    if detected:
        yield detected, "", "parameters", "-", "Somebody noticed.", _beside(diagnosis, detected)
    yield diagnosis.as_of, "", "this run", "-", "The run looked.", _beside(diagnosis, diagnosis.as_of)
    deadline = diagnosis.loss.deadline
    if deadline:
        words = (
            "The oldest undelivered record expires." if deadline > diagnosis.as_of else "Records expire from here on."
        )
        yield deadline, "", "loss clock", "-", words, _beside(diagnosis, deadline)


def _beside(diagnosis: Diagnosis, at: datetime) -> str:
    if diagnosis.onset is None:
        return "no onset is known"
    distance = diagnosis.onset.at - at
    return f"{instant.span(distance)} {'before' if distance >= timedelta(0) else 'after'} the onset"


def _refs(diagnosis: Diagnosis) -> tuple[str, ...]:
    rang = (ref for alarm in diagnosis.alarms for ref in alarm.refs)
    return tuple(dict.fromkeys((*(diagnosis.onset.refs if diagnosis.onset else ()), *rang)))
