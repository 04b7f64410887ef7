"""A lane shows the changes that the trail holds of one service: as data, in words, and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbook_lib.evidence import Evidence
from runbook_lib.interpret.trail_event import EVENT_NAMES
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.observed import NotObserved
from runbook_lib.showing import canvas
from runbook_lib.showing.axis import Axis, Stretch, between, is_blind
from runbook_lib.showing.canvas import CARD, FAINT, GREY, RED, x
from runbook_lib.views.changes import ChangeRelation, NumberedChange, numbered

_LANES = {
    "lambda": "Lambda",
    "dynamodb": "DynamoDB",
    "iam": "IAM",
    "kms": "KMS",
    "logs": "Logs",
    "organizations": "Organizations",
}

_ALWAYS = ("lambda", "dynamodb", "iam")
"""Lanes that are drawn although they are empty: that nothing changed there is worth seeing."""

NOT_DELIVERED = "not delivered yet"
NOT_SEARCHED = "not searched"


@dataclass(frozen=True)
class Mark:
    """One change on its lane. `number` is its number in the timeline table."""

    number: int
    at: datetime
    relation: ChangeRelation
    sentence: str
    words: str


@dataclass(frozen=True)
class Lane:
    """The changes of one service; an empty lane is quiet only outside its unexamined stretches."""

    name: str
    marks: tuple[Mark, ...]
    unexamined: tuple[Stretch, ...]


def lanes(seen: Evidence, diagnosis: Diagnosis, axis: Axis) -> tuple[Lane, ...]:
    """Give one lane for each service of the trail, with what of it could not be examined."""
    on_axis = [entry for entry in numbered(diagnosis) if entry.change.event.at in axis]
    return tuple(
        Lane(
            name,
            tuple(_mark(entry) for entry in on_axis if entry.change.event.service == service),
            unsearched(service, seen, axis),
        )
        for service, name in _LANES.items()
        if service in _ALWAYS or any(entry.change.event.service == service for entry in on_axis)
    )


def _mark(entry: NumberedChange) -> Mark:
    return Mark(
        entry.number,
        entry.change.event.at,
        entry.relation,
        entry.change.sentence,
        entry.words,
    )


def unsearched(service: str, seen: Evidence, axis: Axis) -> tuple[Stretch, ...]:
    """Give what of a service's trail was not examined: outside the search, cut short, or not delivered yet."""
    try:
        searches = seen.changes.searches
        delivered = seen.changes.delivered_until
    except NotObserved as unseen:
        return tuple(axis.clip(axis.start, axis.end, unseen.gap.reason))
    names = set(EVENT_NAMES[f"{service}.amazonaws.com"])
    ours = [search for search in searches if names & set(search.names)]
    if not ours:
        return tuple(axis.clip(axis.start, axis.end, "could not be searched"))
    if any(search.truncated for search in ours):
        return tuple(axis.clip(axis.start, axis.end, "search cut short"))
    start, end = min(search.window.start for search in ours), min(delivered, max(search.window.end for search in ours))
    return (*axis.clip(axis.start, start, NOT_SEARCHED), *axis.clip(end, axis.end, NOT_DELIVERED))


# -- in words --------------------------------------------------------------------------------------------------------


def lane_words(lane: Lane, axis: Axis) -> str:
    """Say what one lane shows."""
    if is_blind(lane.unexamined, axis) and not lane.marks:
        return f"{lane.name}: not examined, {lane.unexamined[0].why.rstrip('.')}."
    found = f"{changes_words(len(lane.marks))} recorded"
    blind = "; ".join(f"{part.why} {between(part, axis)}" for part in lane.unexamined)
    return f"{lane.name}: {found}{f'; {blind}' if blind else ''}."


def changes_words(number: int) -> str:
    """Say a number of changes."""
    return f"{number or 'no'} change{'' if number < 2 else 's'}"


# -- drawn -----------------------------------------------------------------------------------------------------------

_SHAPES = {
    ChangeRelation.SET_OFF: ("D", 7.0),
    ChangeRelation.CANDIDATE: ("D", 5.5),
    ChangeRelation.CONTEXT: ("o", 4.5),
    ChangeRelation.AFTER: ("s", 4.5),
    ChangeRelation.FAILED: ("X", 5.5),
}


def mark_colour(mark: Mark) -> str:
    """Give the colour of a change; its shape says the same."""
    return RED if mark.relation in (ChangeRelation.SET_OFF, ChangeRelation.CANDIDATE) else GREY


def draw_lane(axes: Any, lane: Lane, axis: Axis) -> None:
    """Draw a service's changes; the shape says how each stands to the onset, not the colour alone."""
    canvas.bare(axes)
    axes.set_yticks([])
    axes.set_ylim(-1, 1)
    axes.axhline(0, color=FAINT, linewidth=0.7, zorder=1)
    canvas.name(axes, lane.name)
    canvas.hatch(axes, lane.unexamined, axis, blind=True)
    for mark in lane.marks:
        shape, size = _SHAPES[mark.relation]
        colour, hollow = mark_colour(mark), mark.relation is ChangeRelation.FAILED
        axes.plot(
            [x(mark.at)], [0], marker=shape, markersize=size, color=colour, linestyle="none", zorder=5, clip_on=False,
            markerfacecolor=CARD if hollow else colour, markeredgecolor=colour if hollow else CARD, markeredgewidth=0.7,
        )  # fmt: skip
    blind = is_blind(lane.unexamined, axis)
    found = f"{len(lane.marks)} change{'' if len(lane.marks) == 1 else 's'}" if lane.marks else "no change"
    canvas.aside(axes, "not examined" if blind and not lane.marks else found, GREY)
