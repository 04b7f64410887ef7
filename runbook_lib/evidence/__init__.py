"""What was seen, and what could not be seen.

An **observation** is what one playbook step saw. A fact in it that could not be seen holds a **gap** in its
place, and reading it raises `NotObserved`. So no reader of evidence ever asks "is this missing?": what was not
observed cannot be mistaken for what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from runbook_lib.incident import Incident, Window

if TYPE_CHECKING:
    from runbook_lib.evidence.changes import Changes
    from runbook_lib.evidence.function import Logs
    from runbook_lib.evidence.mapping import Mappings, MappingStatus
    from runbook_lib.evidence.role import ExecutionRole
    from runbook_lib.evidence.signals import Backlog, Metrics
    from runbook_lib.evidence.source import Health, Streams

T = TypeVar("T")
D = TypeVar("D")


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


class Evidence:
    """Everything observed in one investigation, by the name each step observes under.

    Reading a step that has not run, failed or was blinded raises `NotObserved`, like any other unseen fact.
    """

    health: Health
    streams: Streams
    mappings: Mappings
    logs: Logs
    role: ExecutionRole
    backlog: Backlog
    metrics: Metrics
    status: MappingStatus
    changes: Changes

    def __init__(
        self,
        incident: Incident,
        as_of: datetime,
        observations: Mapping[str, Observed | Gap],
        window: Window | None = None,
    ) -> None:
        self.incident = incident
        self.as_of = as_of
        self.window: Window = window or incident.window(as_of)
        self._worked_out: dict[str, Any] = {}
        self.observations = dict(observations)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or "observations" not in self.__dict__:
            raise AttributeError(name)
        seen = self.observations.get(name)
        if isinstance(seen, Observed):
            return seen
        if name not in Evidence.__annotations__:
            raise AttributeError(name)
        raise NotObserved(seen or Gap(name, self.incident.region, "NotRun", f"Step `{name}` has not been run."))

    def cached(self, name: str, work_out: Callable[[], T]) -> T:
        """Work something out from this evidence the first time it is asked for; what raises is tried again."""
        if name not in self._worked_out:
            self._worked_out[name] = work_out()
        return cast(T, self._worked_out[name])

    def gaps(self) -> tuple[Gap, ...]:
        """Give every gap of every step once, in step order."""
        found: dict[Gap, None] = {}
        for seen in self.observations.values():
            for gap in (seen,) if isinstance(seen, Gap) else seen.gaps():
                found.setdefault(gap)
        return tuple(found)
