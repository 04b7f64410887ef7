"""Words and shapes that every view shares: instants, counts, what was not seen, the calls that were made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, cast

from runbook_lib import instant
from runbook_lib.evidence.signals import Series
from runbook_lib.incident import Window
from runbook_lib.observed import NOTHING_TO_READ, Each, Gap, NotObserved, Observed
from runbook_lib.showing.blocks import Block, Column, ColumnKind, Fact, Prose, TableBlock

NO_POINTS = "no datapoint (which is not zero)"
Told = tuple[str, str | None]
"""A value in words, and the recorded call it was read from."""


def moment(at: datetime | None) -> str:
    """Write an instant to the second for a column headed UTC; a dash where there is none."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "-"


def stretch(window: Window) -> str:
    """Say from when to when, UTC."""
    return f"{window.start:%Y-%m-%d %H:%M} to {instant.clock(window.end, window.start)}"


def count(number: float, noun: str) -> str:
    """Say how many of something: `1 mapping`, `2,310 records`, `no error`."""
    if number == 0:
        return f"no {noun}"
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"


def yes(value: bool) -> str:
    """Say yes or no."""
    return "yes" if value else "no"


def reason(gap: Gap) -> str:
    """Say why something was not seen, and which permission would show it."""
    return f"{gap.reason} Grant {gap.permission} to see it." if gap.permission else gap.reason


def said(look: Callable[[], str]) -> str:
    """Say a fact, or why it could not be seen."""
    try:
        return look()
    except NotObserved as unseen:
        return f"Not seen: {unseen.gap.reason}"


def fact(name: str, look: Callable[[], Told]) -> Fact:
    """State a fact and its call, or why it could not be seen."""
    try:
        value, ref = look()
    except NotObserved as unseen:
        return Fact(name, f"Not seen: {unseen.gap.reason}", unseen.gap.ref or None)
    return Fact(name, value, ref)


def shown(look: Callable[[], Block]) -> Block:
    """Show a block, or in its place why it could not be seen."""
    try:
        return look()
    except NotObserved as unseen:
        return Prose.of(reason(unseen.gap), style="gap")


def columns(*names: str) -> tuple[Column, ...]:
    """Name columns; one that holds no prose says so behind a bar: `UTC|time`, `Shards|number`, `Call|code`."""
    parts = (name.partition("|") for name in names)
    return tuple(Column(name, cast(ColumnKind, kind or "text")) for name, _, kind in parts)


def age(length: timedelta) -> str:
    """Say an age; one under a second is said in milliseconds."""
    seconds = length.total_seconds()
    return f"{seconds * 1000:.0f} ms" if 0 <= seconds < 1 else instant.span(length)


def summed(series: Series) -> str:
    """Say the total of what was counted; nothing counted is no datapoint."""
    if not series.points:
        return NO_POINTS
    return f"{sum(series.points.values()):,.0f}"


def gaps_table(gaps: Iterable[Gap], title: str = "What could not be seen here") -> Iterator[Block]:
    """Give a table of gaps; nothing when there are none. A gap that hides nothing is left out."""
    real = [gap for gap in gaps if gap.code != NOTHING_TO_READ]
    if real:
        rows = tuple((gap.call, gap.region or "-", gap.reason, gap.permission or "-") for gap in dict.fromkeys(real))
        refs = tuple(dict.fromkeys(gap.ref for gap in real if gap.ref))
        yield TableBlock(title, columns("Call|code", "Region", "Why", "Permission to grant|code"), rows, None, refs)


def refs_of(observed: Any) -> tuple[str, ...]:
    """Collect the recorded calls behind an observation, each once, in the order of its fields."""
    return tuple(dict.fromkeys(ref for ref in _refs(observed) if ref and ref != "run"))


def _refs(value: Any) -> Iterator[str]:
    if isinstance(value, Gap):
        yield value.ref
    elif isinstance(value, Observed):
        for field in fields(value):  # type: ignore[arg-type]
            inner = object.__getattribute__(value, field.name)
            if isinstance(inner, str) and (field.name == "ref" or field.name.endswith("_ref")):
                yield inner
            else:
                yield from _refs(inner)
    elif isinstance(value, Each):
        yield from _refs(value.held)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _refs(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from _refs(inner)


def calls_sentence(observed: Any) -> Iterator[Block]:
    """Say which calls were made; each stands in the evidence under its name."""
    refs = refs_of(observed)
    if refs:
        operations = dict.fromkeys(ref.rsplit("-", 1)[0] for ref in refs)
        yield TableBlock(
            "Calls made",
            columns("Operation|code", "Recorded as|code"),
            tuple((name, ", ".join(ref for ref in refs if ref.rsplit("-", 1)[0] == name)) for name in operations),
            refs=refs,
        )
