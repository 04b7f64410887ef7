"""Outcomes of invocations stacked, as data and in words: of the function, of its records, of its siblings.

Every part of a bar is a datapoint of its own metric in that minute; only *succeeded* is computed, as invocations less
errors where both were counted. A part without a datapoint is left out of its bar, never drawn as zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from runbook_lib import instant
from runbook_lib.charts.correlation import MomentLines, lines, panel_words, subject
from runbook_lib.charts.data import WRITES, Panel, of_series, panel
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.signals import Series
from runbook_lib.instant import MINUTE
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.observed import NotObserved, otherwise
from runbook_lib.showing.axis import Axis, Stretch, runs, silences, window_axis

MOST_SIBLINGS = 4
NO_SIBLING = "No other function reads the same stream, so there is none to compare with."
_MOST_MAPPINGS = 2

Counted = tuple[Mapping[datetime, float], timedelta]


@dataclass(frozen=True)
class Part:
    """One part of a stack: its card, and how to read its minutes. `harm`: what of a period is worth seeing most.

    `rare`: not worth a word where nothing was counted.
    """

    id: str
    name: str
    read: Callable[[Evidence], Counted]
    harm: bool = False
    rare: bool = False


@dataclass(frozen=True)
class Layer:
    """One part as counted on the axis: its total, that since the onset, and the newest minute that is not zero.

    `unseen` says why it is not known.
    """

    id: str
    name: str
    counted: int = 0
    total: float = 0.0
    since_onset: float = 0.0
    last: datetime | None = None
    unseen: str = ""


@dataclass(frozen=True)
class Bar:
    """One minute: the value of each layer in it, None where its metric has no datapoint."""

    at: datetime
    values: tuple[float | None, ...]

    @property
    def height(self) -> float:
        """All that was counted."""
        return sum(value or 0.0 for value in self.values)


@dataclass(frozen=True)
class StackedBars:
    """Layers, bottom to top, and their bars, oldest first: of each period the minute with the most harm."""

    id: str
    title: str
    unit: str
    bucket: timedelta
    layers: tuple[Layer, ...]
    bars: tuple[Bar, ...]
    silent: tuple[Stretch, ...]
    unexamined: tuple[Stretch, ...]

    @property
    def top(self) -> float:
        """The highest bar; 0 where nothing was counted."""
        return max((bar.height for bar in self.bars), default=0.0)

    def runs(self) -> Iterator[tuple[Bar, ...]]:
        """Give the bars in runs without a gap."""
        return runs(self.bars, self.bucket, lambda bar: bar.at)


def stacked(
    id: str, title: str, unit: str, parts: Iterable[Part], seen: Evidence, axis: Axis, onset: datetime | None
) -> StackedBars:
    """Compute one stack; where a part could not be read the stack is unexamined, and what else was counted is kept."""
    read = [(part, _counted_or_reason(part, seen)) for part in parts]
    periods = [found[1] for _, found in read if not isinstance(found, str)]
    columns = [
        (_layer(part, found, axis, onset), {} if isinstance(found, str) else found[0], part.harm)
        for part, found in read
    ]
    columns = [column for column, (part, _) in zip(columns, read, strict=True) if _is_told(column[0], part)]
    period = max(periods, default=MINUTE)
    bucket = max(axis.bucket, period)
    minutes = sorted({at for _, points, _ in columns for at in points if at in axis})
    bars = [Bar(at, tuple(points.get(at) for _, points, _ in columns)) for at in minutes]
    blind = next((layer.unseen for layer, _, _ in columns if layer.unseen), "")
    return StackedBars(
        id=id,
        title=title,
        unit=f"{unit} {'a minute' if period == MINUTE else f'in {instant.span(period)}'}".strip(),
        bucket=bucket,
        layers=tuple(layer for layer, _, _ in columns),
        bars=tuple(_worst(bars, bucket, [harm for _, _, harm in columns])),
        silent=() if blind else tuple(silences(minutes, axis, period)),
        unexamined=(
            *(axis.clip(axis.start, axis.end, blind) if blind else ()),
            *axis.clip(axis.settled, min(axis.end, axis.as_of), "not counted yet"),
        ),
    )


def _counted_or_reason(part: Part, seen: Evidence) -> Counted | str:
    try:
        return part.read(seen)
    except NotObserved as unseen:
        return unseen.gap.reason


def _layer(part: Part, counted: Counted | str, axis: Axis, onset: datetime | None) -> Layer:
    if isinstance(counted, str):
        return Layer(part.id, part.name, unseen=counted)
    inside = {at: value for at, value in counted[0].items() if at in axis}
    since = sum(value for at, value in inside.items() if onset and at >= onset)
    last = max((at for at, value in inside.items() if value > 0), default=None)
    return Layer(part.id, part.name, len(inside), sum(inside.values()), since, last)


def _is_told(layer: Layer, part: Part) -> bool:
    return not part.rare or layer.counted > 0 or bool(layer.unseen)


def _worst(bars: list[Bar], bucket: timedelta, harm: list[bool]) -> Iterator[Bar]:
    """Keep of each period the minute with the most harm, then with the most of all; the first of equals."""

    def weight(bar: Bar) -> tuple[float, float]:
        return sum(value or 0.0 for value, bad in zip(bar.values, harm, strict=True) if bad), bar.height

    best: dict[datetime, Bar] = {}
    for bar in bars:
        home = instant.floor(bar.at, bucket)
        if home not in best or weight(bar) > weight(best[home]):
            best[home] = bar
    yield from best.values()


# -- what is stacked ---------------------------------------------------------------------------------------------

_Look = Callable[[Evidence], Series]


def outcomes_of(invocations: _Look, errors: _Look) -> tuple[Part, ...]:
    """Split invocations into succeeded and failed; those without a count of errors beside them are neither."""

    def succeeded(seen: Evidence) -> Counted:
        all_, failed = invocations(seen), errors(seen).points
        return {at: n - failed[at] for at, n in all_.points.items() if at in failed and n >= failed[at]}, all_.period

    def unknown(seen: Evidence) -> Counted:
        all_ = otherwise(lambda: invocations(seen), None)
        failed = otherwise(lambda: errors(seen).points, {})
        if all_ is None:
            return {}, MINUTE
        return {at: n for at, n in all_.points.items() if at not in failed}, all_.period

    return (
        Part("succeeded", "succeeded", succeeded),
        Part("unknown", "outcome unknown", unknown, rare=True),
        Part("failed", "failed", of_series(errors), harm=True),
    )


_OUTCOMES = (
    *outcomes_of(lambda seen: seen.metrics.invocations, lambda seen: seen.metrics.errors),
    Part("throttled", "throttled", of_series(lambda seen: seen.metrics.throttles), harm=True),
    Part("dropped", "dropped (loop)", of_series(lambda seen: seen.metrics.recursion_dropped), harm=True, rare=True),
)


_DELIVERED = "OnFailureDestinationDeliveredEventCount"


def _events(uuid: str, metric: str, seen: Evidence) -> Counted:
    series = seen.metrics.mapping_events[uuid][metric]
    return series.points, series.period


def _records(uuid: str) -> tuple[Part, ...]:
    return (
        Part("invoked", "handed over", partial(_events, uuid, "InvokedEventCount")),
        Part("filtered", "filtered out", partial(_events, uuid, "FilteredOutEventCount")),
        Part("dropped", "dropped", partial(_events, uuid, "DroppedEventCount"), harm=True),
        Part("destination", "to failure target", partial(_events, uuid, _DELIVERED), harm=True),
    )


# -- the charts --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OutcomesData:
    """Writes, what became of the invocations, and what became of the records of mappings that count them."""

    subject: str
    axis: Axis
    lines: MomentLines
    writes: Panel
    stacks: tuple[StackedBars, ...]
    note: str


def outcomes_data(seen: Evidence, diagnosis: Diagnosis) -> OutcomesData:
    """Compute the outcomes over the window."""
    axis = window_axis(seen)
    marked = lines(diagnosis, axis)
    uuids = otherwise(lambda: sorted(seen.metrics.mapping_events), None)
    kinds = [("invocations", "Invocations", "", _OUTCOMES)]
    kinds += [
        (f"records-{uuid}", f"Records of mapping {uuid[:8]}", "records", _records(uuid))
        for uuid in (uuids or [])[:_MOST_MAPPINGS]
    ]
    stacks = [stacked(*kind, seen, axis, marked.onset) for kind in kinds]
    return OutcomesData(
        subject(seen), axis, marked, panel(WRITES, seen, axis, diagnosis.onset), tuple(stacks), _note(uuids)
    )


def _note(uuids: list[str] | None) -> str:
    if uuids is None:
        return "Whether the mapping counts its records could not be seen; those filtered or dropped are not known."
    if not uuids:
        return "The mapping does not count its records (EventCount metrics); those filtered or dropped are not known."
    more = len(uuids) - _MOST_MAPPINGS
    return f"{more} more mappings count their records and are not drawn." if more > 0 else ""


@dataclass(frozen=True)
class SiblingsData:
    """The function and the others on the same stream, first the function itself, all on one scale from 0 to `top`.

    `more` others are not drawn. No row: no other function reads the stream, or `unseen` says why that is not known.
    """

    subject: str
    axis: Axis
    lines: MomentLines
    rows: tuple[StackedBars, ...]
    more: int
    unseen: str = ""

    @property
    def top(self) -> float:
        """The highest bar of all rows."""
        return max((stack.top for stack in self.rows), default=0.0)


def siblings_data(seen: Evidence, diagnosis: Diagnosis) -> SiblingsData:
    """Compute the siblings over the window."""
    axis = window_axis(seen)
    marked = lines(diagnosis, axis)
    try:
        names = sorted(seen.metrics.siblings)
        every = {mapping.function.name for mapping in seen.mappings.same_stream} | set(names)
    except NotObserved as unseen:
        return SiblingsData(subject(seen), axis, marked, (), 0, unseen.gap.reason)
    drawn = names[:MOST_SIBLINGS]
    ours = outcomes_of(lambda seen: seen.metrics.invocations, lambda seen: seen.metrics.errors)
    rows = [("self", f"{seen.incident.function}, the one of this incident", ours)]
    rows += [(f"sibling-{name}", name, _sibling(name)) for name in drawn]
    stacks = tuple(stacked(id, title, "", parts, seen, axis, marked.onset) for id, title, parts in rows)
    return SiblingsData(subject(seen), axis, marked, stacks if drawn else (), len(every) - len(drawn))


def _sibling(name: str) -> tuple[Part, ...]:
    return outcomes_of(lambda seen: seen.metrics.siblings[name], lambda seen: seen.metrics.sibling_errors[name])


# -- in words ----------------------------------------------------------------------------------------------------


def outcomes_alt(data: OutcomesData) -> str:
    """Say in one sentence what became of the invocations."""
    return f"Invocations of {data.subject}: {layers_words(data.stacks[0], data.axis)}."


def outcomes_words(data: OutcomesData) -> tuple[str, ...]:
    """Say everything that the outcomes chart shows."""
    return tuple(
        sentence
        for sentence in (
            panel_words(data.writes, data.axis, bool(data.lines.onset)),
            *(stack_words(stack, data.axis, data.lines) for stack in data.stacks),
            data.note,
            _onset_words(data.lines, data.axis),
        )
        if sentence
    )


def siblings_alt(data: SiblingsData) -> str:
    """Say in one sentence how the others on the stream do."""
    others = "; ".join(f"{stack.title}: {layers_words(stack, data.axis)}" for stack in data.rows[1:])
    return f"Other functions on the stream of {data.subject}, on one scale: {others}."


def siblings_words(data: SiblingsData) -> tuple[str, ...]:
    """Say everything that the siblings chart shows."""
    said = [f"All rows share the clock and the scale, 0 to {data.top:,.0f} invocations {scale(data)}."]
    said += [stack_words(stack, data.axis, data.lines) for stack in data.rows]
    if data.more:
        said.append(f"{data.more} more functions read the stream and are not drawn.")
    return (*said, *filter(None, (_onset_words(data.lines, data.axis),)))


def scale(data: SiblingsData) -> str:
    """Say of what period the siblings' bars are."""
    return data.rows[0].unit


def stack_words(stack: StackedBars, axis: Axis, marked: MomentLines) -> str:
    """Say what one stack shows."""
    parts = [layers_words(stack, axis)]
    counted = [layer for layer in stack.layers if layer.counted]
    if marked.onset and counted:
        since = ", ".join(f"{layer.since_onset:,.0f} {layer.name}" for layer in counted)
        parts.append(f"since the minute of the onset {since}")
    if stack.top:
        highest = max(stack.bars, key=lambda bar: bar.height)
        parts.append(f"highest drawn {highest.height:,.0f} at {instant.clock(highest.at, axis.end)}")
    if stack.silent:
        longest = max(stack.silent, key=lambda part: part.length)
        parts.append(f"longest silence {instant.span(longest.length)} from {instant.clock(longest.start, axis.end)}")
    thinned = f", of each {instant.span(stack.bucket)} the worst minute" if stack.bucket > MINUTE and stack.bars else ""
    return f"{stack.title} ({stack.unit}{thinned}): {'; '.join(parts)}."


def layers_words(stack: StackedBars, axis: Axis) -> str:
    """Say how much of each layer was counted; what has no datapoint is not zero, and what was not seen is neither."""
    reasons = {layer.unseen for layer in stack.layers}
    if len(reasons) == 1 and (reason := reasons.pop()):
        return f"not examined ({reason.rstrip('.')})"
    return ", ".join(_layer_words(layer, axis) for layer in stack.layers)


def _layer_words(layer: Layer, axis: Axis) -> str:
    if layer.unseen:
        return f"{layer.name} not examined ({layer.unseen.rstrip('.')})"
    if not layer.counted:
        return f"{layer.name} no datapoint"
    last = f" (the last at {instant.clock(layer.last, axis.end)})" if layer.last else ""
    return f"{layer.total:,.0f} {layer.name}{last}"


def _onset_words(marked: MomentLines, axis: Axis) -> str:
    return f"Onset at {instant.clock(marked.onset, axis.end)}." if marked.onset else ""
