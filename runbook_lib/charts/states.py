"""A strip shows the states of a mapping, or of the stream, end to end: as data, in words, and drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbook_lib import instant
from runbook_lib.charts.lanes import NOT_DELIVERED, NOT_SEARCHED, unsearched
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.evidence.source import Stream
from runbook_lib.instant import MINUTE
from runbook_lib.interpret.arn import StreamArn
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.measuring.setting_change import Change
from runbook_lib.observed import NotObserved, otherwise
from runbook_lib.showing import canvas
from runbook_lib.showing.axis import Axis
from runbook_lib.showing.canvas import BLUE, CARD, GREEN, GREY, INK, RED, SOFT, UNSEEN, UNSEEN_EDGE, x

_MOST_MAPPINGS = 3

INVOKING = "invoking the function"
"""What a mapping did, as the iterator age shows, where the trail does not tell its state."""

_STATE_AFTER = {
    "mapping-disabled": "Disabled",
    "mapping-disabled-by-lambda": "Disabled",
    "mapping-enabled": "Enabled",
    "mapping-created": "Created",
    "mapping-deleted": "Deleted",
}


@dataclass(frozen=True)
class Span:
    """A state over a stretch. `sure` False: inferred or unknown, and drawn so."""

    start: datetime
    end: datetime
    state: str
    sure: bool


@dataclass(frozen=True)
class Strip:
    """The states of one thing along the axis."""

    name: str
    spans: tuple[Span, ...]


def mapping_strips(seen: Evidence, diagnosis: Diagnosis, axis: Axis) -> tuple[Strip, ...]:
    """Give the states of our mappings: as read at the end, and before that only as the trail tells."""
    try:
        ours = seen.mappings.ours
    except NotObserved as unseen:
        return (Strip("Mapping", tuple(_spans(axis, [], f"not seen: {unseen.gap.reason}", False))),)
    strips = [_mapping_strip(mapping, seen, diagnosis, axis) for mapping in ours[:_MOST_MAPPINGS]]
    known = {mapping.uuid.lower() for mapping in ours}
    for uuid in dict.fromkeys(uuid for uuid, _, _ in _turns(diagnosis) if uuid not in known):
        turns = [(at, state) for other, at, state in _turns(diagnosis) if other == uuid]
        strips.append(Strip(f"Mapping {uuid[:8]}", tuple(_spans(axis, turns, "not recorded", False))))
    return tuple(strips) or (Strip("Mapping", tuple(_spans(axis, [], "none when it was looked", True))),)


def _mapping_strip(mapping: EventSourceMapping, seen: Evidence, diagnosis: Diagnosis, axis: Axis) -> Strip:
    turns = [(at, state) for uuid, at, state in _turns(diagnosis) if uuid == mapping.uuid.lower()]
    name = f"Mapping {mapping.uuid[:8]}"
    if not turns:
        return Strip(name, tuple(_unturned(mapping, seen, axis)))
    if turns[-1][1] == "Created":
        turns[-1] = (turns[-1][0], mapping.state)
    if turns[-1][1] != mapping.state:
        turns.append((max(turns[-1][0], axis.end - axis.length / 20), f"{mapping.state} when read"))
    return Strip(name, tuple(_spans(axis, turns, _before(seen, turns[0][0]), False)))


def _unturned(mapping: EventSourceMapping, seen: Evidence, axis: Axis) -> Iterator[Span]:
    """Lay out a mapping without a recorded change: the state that was read, as far back as the trail was searched."""
    latest = otherwise(lambda: seen.streams.table.latest_stream_arn, None)
    state = f"{mapping.state} on an older stream" if latest and mapping.event_source_arn != latest else mapping.state
    blind = unsearched("lambda", seen, axis)
    if all(part.why in (NOT_DELIVERED, NOT_SEARCHED) for part in blind):
        since = max((part.end for part in blind if part.why == NOT_SEARCHED), default=axis.start)
        yield from (Span(part.start, part.end, part.why, False) for part in axis.clip(axis.start, since, NOT_SEARCHED))
        unchanged = axis.clip(since, axis.end, f"{state}, no change recorded")
        yield from (Span(part.start, part.end, part.why, True) for part in unchanged)
        return
    last = max(_invoked(seen), default=None)
    if mapping.enabled or last is None:
        yield from _spans(axis, [], f"{state} when read, before that not known", False)
        return
    yield from _spans(axis, [], INVOKING, False) if last >= axis.end else _then(axis, last, f"{state} when read")


def _then(axis: Axis, last: datetime, state: str) -> Iterator[Span]:
    yield from (Span(part.start, part.end, INVOKING, False) for part in axis.clip(axis.start, last + MINUTE, ""))
    words = f"{state}; since when is not known"
    yield from (Span(part.start, part.end, words, False) for part in axis.clip(last + MINUTE, axis.end, ""))


def _before(seen: Evidence, first: datetime) -> str:
    """Say what is known of the time before the first recorded change: that it invoked the function, or nothing."""
    return INVOKING if any(at < first for at in _invoked(seen)) else "not recorded"


def _invoked(seen: Evidence) -> list[datetime]:
    """Give the minutes in which the mapping invoked the function; none where others may have done it."""
    alone = otherwise(lambda: not seen.mappings.same_function and len(seen.mappings.ours) == 1, False)
    return otherwise(lambda: list(seen.backlog.iterator_age_ms.points), []) if alone else []


def _turns(diagnosis: Diagnosis) -> list[tuple[str, datetime, str]]:
    """Give every change of a mapping's state: UUID, when, and the state after it."""
    return [
        (effect.target.lower(), change.event.at, _STATE_AFTER[effect.kind])
        for change in diagnosis.changes
        for effect in change.effects
        if effect.kind in _STATE_AFTER
    ]


def _spans(axis: Axis, turns: list[tuple[datetime, str]], before: str, sure: bool) -> Iterator[Span]:
    """Lay states end to end over the axis, from what was before the first turn on."""
    states = [(axis.start, before, sure), *((at, state, True) for at, state in turns)]
    for at, (start, state, known) in enumerate(states):
        end = states[at + 1][0] if at + 1 < len(states) else axis.end
        yield from (Span(part.start, part.end, state, known) for part in axis.clip(start, end, state))


def generation_strip(seen: Evidence, diagnosis: Diagnosis, axis: Axis) -> Strip:
    """Give the generations of the stream, one after another; when a disabled one ended only the trail knows."""
    name = "Stream"
    try:
        found = sorted(seen.streams.generations, key=lambda stream: stream.label)
    except NotObserved as unseen:
        return Strip(name, tuple(_spans(axis, [], f"not seen: {unseen.gap.reason}", False)))
    if not found:
        return Strip(name, tuple(_spans(axis, [], "no stream is listed", True)))
    ends = [at for at, kind in _stream_turns(diagnosis.changes) if kind == "stream-disabled"]
    spans = [span for place, stream in enumerate(found) for span in _generation(stream, place, found, ends, axis)]
    return Strip(name, tuple(spans))


def _stream_turns(changes: tuple[Change, ...]) -> list[tuple[datetime, str]]:
    return [
        (change.event.at, effect.kind)
        for change in changes
        for effect in change.effects
        if effect.kind.startswith("stream-")
    ]


def _generation(
    stream: Stream, place: int, generations: list[Stream], ends: list[datetime], axis: Axis
) -> Iterator[Span]:
    start = _began(stream) or axis.start
    name = "latest" if place == len(generations) - 1 else "older"
    status = otherwise(lambda: stream.status, "NOT SEEN")
    if status == "ENABLED":
        yield from (Span(s.start, s.end, s.why, True) for s in axis.clip(start, axis.end, f"{name} stream, enabled"))
        return
    limit = next((began for later in generations[place + 1 :] if (began := _began(later))), axis.end)
    ended = next((at for at in ends if start <= at <= limit), None)
    if ended is None:
        words = f"{name} stream, {status.lower()}; since when is not known"
        yield from (Span(s.start, s.end, s.why, False) for s in axis.clip(start, limit, words))
        return
    yield from (Span(s.start, s.end, s.why, True) for s in axis.clip(start, ended, f"{name} stream, enabled"))
    yield from (Span(s.start, s.end, s.why, True) for s in axis.clip(ended, limit, "no stream: writes leave no record"))


def _began(stream: Stream) -> datetime | None:
    return otherwise(lambda: stream.created_at, None) or StreamArn.parse(stream.arn).label_time


# -- in words --------------------------------------------------------------------------------------------------------


def strip_words(strip: Strip, axis: Axis) -> str:
    """Say what one strip shows."""
    told = "; ".join(f"{span.state} from {instant.clock(span.start, axis.end)}" for span in strip.spans)
    return f"{strip.name}: {told or 'nothing on this axis'}."


# -- drawn -----------------------------------------------------------------------------------------------------------


def draw_strip(axes: Any, strip: Strip, axis: Axis) -> None:
    """Draw states end to end; what is not known is hatched. The last one is said at the right edge."""
    canvas.bare(axes)
    axes.set_yticks([])
    axes.set_ylim(0, 1)
    canvas.name(axes, strip.name)
    for span in strip.spans:
        _draw_span(axes, span)
        if span.state != _short(strip) and len(span.state) + 2 < (span.end - span.start) / axis.length * 140:
            _write_state(axes, span)
    if strip.spans:
        last = strip.spans[-1]
        canvas.aside(axes, _short(strip), _state_colour(last) if _is_known(last) else GREY)


def _draw_span(axes: Any, span: Span) -> None:
    colour, known = _state_colour(span), _is_known(span)
    axes.axvspan(
        x(span.start), x(span.end), 0.1, 0.9, facecolor=SOFT[colour] if known else UNSEEN,
        edgecolor=CARD if known else UNSEEN_EDGE, hatch=None if known else "////", linewidth=0, zorder=1.5,
    )  # fmt: skip
    axes.axvline(x(span.start), 0.1, 0.9, color=CARD, linewidth=1.2, zorder=1.6)


def _write_state(axes: Any, span: Span) -> None:
    known = _is_known(span)
    axes.annotate(
        span.state, (x(span.start), 0.5), (4, 0), textcoords="offset points", fontsize=7, va="center", zorder=4,
        color=INK if known else GREY,
        bbox=None if known else {"facecolor": CARD, "edgecolor": "none", "pad": 1, "alpha": 0.85},
    )  # fmt: skip


def _short(strip: Strip) -> str:
    """Give the last state in a word that fits the right edge; nothing when it takes more."""
    said = strip.spans[-1].state.split(",")[0].split(":")[0]
    return said if len(said) <= 14 else ""


def _is_known(span: Span) -> bool:
    return span.sure or span.state == INVOKING


def _state_colour(span: Span) -> str:
    """Enabled is no sign that anything flows, so it is not green."""
    if any(word in span.state for word in ("Disabled", "Deleted", "no stream", "none when")):
        return RED
    if not _is_known(span):
        return GREY
    return GREEN if span.state == INVOKING else BLUE
