"""What was seen and what could not be seen, in general: the ground that every observation stands on.

A fact that could not be seen holds a **gap** in its place, and reading it raises `NotObserved`. So no reader of
evidence ever asks "is this missing?": what was not observed cannot be mistaken for what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

T = TypeVar("T")
D = TypeVar("D")

NOTHING_TO_READ = "NothingToRead"
"""The code of a gap where there is nothing that could be looked at, rather than something that could not be."""


@dataclass(frozen=True)
class Gap:
    """Something that could not be looked at.

    `call` is the AWS call (`cloudtrail:LookupEvents`), `code` AWS's or our error code, `reason` one sentence for
    people, `permission` the IAM action to grant where that would help (None where it would not), `ref` the recorded
    call.
    """

    call: str
    region: str
    code: str
    reason: str
    permission: str | None = None
    ref: str = ""


class NotObserved(Exception):
    """A fact was read that nobody could look at; `gap` says why."""

    def __init__(self, gap: Gap) -> None:
        super().__init__(gap.reason)
        self.gap = gap


def attempt(look: Callable[[], T]) -> T:
    """Look once; what could not be seen leaves its gap in the place of the value, to be raised when it is read."""
    try:
        return look()
    except NotObserved as unseen:
        return cast(T, unseen.gap)


def known(value: T) -> T:
    """Give a value that `attempt` returned, or raise NotObserved when it left a gap."""
    if isinstance(value, Gap):
        raise NotObserved(value)
    return value


def otherwise(look: Callable[[], T], default: D) -> T | D:
    """Look, and make do with a default where a gap changes nothing but the wording."""
    try:
        return look()
    except NotObserved:
        return default


class Observed:
    """Base of everything observed: reading a field that holds a gap raises `NotObserved`."""

    def __getattribute__(self, name: str) -> Any:
        value = object.__getattribute__(self, name)
        if isinstance(value, Gap):
            raise NotObserved(value)
        return value

    def gaps(self) -> Iterator[Gap]:
        """Give every gap in this observation and in the observed things it holds."""
        for field in fields(self):  # type: ignore[arg-type]
            yield from _gaps_in(object.__getattribute__(self, field.name))


class Each(Mapping[str, T]):
    """What was seen of each of several by name. Reading one that holds a gap raises `NotObserved`, as a field does."""

    def __init__(self, held: Mapping[str, T]) -> None:
        self.held = held

    def __getitem__(self, name: str) -> T:
        return known(self.held[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.held)

    def __len__(self) -> int:
        return len(self.held)


_LEAVES = frozenset({str, int, float, bool, datetime, timedelta, type(None)})
"""What holds no gap; a day of one-minute points is passed over at a glance."""


def _gaps_in(value: Any) -> Iterator[Gap]:
    if isinstance(value, Gap):
        yield value
    elif isinstance(value, Observed):
        yield from value.gaps()
    elif isinstance(value, Each):
        yield from _gaps_in(value.held)
    elif isinstance(value, Mapping | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            if type(item) not in _LEAVES:
                yield from _gaps_in(item)
