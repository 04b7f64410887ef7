"""How long nothing has come out of a pipe that something went into, and whether that is usual for this pipe.

A silence is counted from the first write that nothing came of, not from the last delivery: a quiet table is not silent.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from runbook_lib.measuring.thresholds import (
    DELIVERY_SLACK,
    FEWEST_DELIVERIES,
    NEXT_MINUTE,
    USUAL_SILENCES,
    YOUNG_SILENCE,
    YOUNG_SILENCE_TIMES,
)


@dataclass(frozen=True)
class Silence:
    """A stretch up to now in which something went in and nothing came out.

    `last` is the newest minute in which something came out (None: none in the window), `since` the first minute after
    it in which something went in, and `missed` how much has gone in from then on. `late` is the first such minute well
    after `last`, None where there is none. `length` runs from `since` to the end of what is settled. `before` holds how
    long each earlier silence lasted, the longest first, and `deliveries` the minutes in which something came out.
    """

    last: datetime | None
    since: datetime
    late: datetime | None
    missed: float
    length: timedelta
    before: tuple[timedelta, ...]
    deliveries: int

    @property
    def alike(self) -> int:
        """How many earlier silences were as long, and ended by themselves."""
        return sum(length >= self.length for length in self.before)

    @property
    def usual(self) -> timedelta:
        """How long this pipe is silent now and then; zero where it hardly ever is. Single outages do not count."""
        return self.before[USUAL_SILENCES - 1] if len(self.before) >= USUAL_SILENCES else timedelta(0)

    @property
    def is_usual(self) -> bool:
        """Whether this pipe has been silent for about as long now and then."""
        return self.length < YOUNG_SILENCE_TIMES * self.usual

    @property
    def is_unheard_of(self) -> bool:
        """Whether a pipe with a long history has hardly ever been silent for half as long."""
        return self.deliveries >= FEWEST_DELIVERIES and self.length >= YOUNG_SILENCE_TIMES * max(
            self.usual, NEXT_MINUTE
        )

    @property
    def is_steady(self) -> bool:
        """Whether this pipe has a long history in which what was written in a minute came out in that minute."""
        return self.deliveries >= FEWEST_DELIVERIES and not self.usual

    def is_long(self, until: datetime) -> bool:
        """Whether so much time has passed, up to `until`, that no batching and no delay of a metric explains it."""
        return self.late is not None and self.late <= until - DELIVERY_SLACK


def silence(
    put_in: Mapping[datetime, float], came_out: Iterable[datetime], until: datetime, *, gathers: timedelta
) -> Silence | None:
    """Find the silence that lasts up to `until`; None where there is none, or one too short to speak of.

    `put_in` is counted by minute, `came_out` are the minutes with a sign of life; `gathers` is how long records are
    held back on purpose.
    """
    filled, alive = sorted(at for at, value in put_in.items() if value > 0), sorted(came_out)
    last = alive[-1] if alive else None
    since = _after(filled, last)
    if since is None:
        return None
    found = Silence(
        last=last,
        since=since,
        late=_after(filled, last + DELIVERY_SLACK if last else None),
        missed=sum(value for at, value in put_in.items() if at >= since),
        length=until - since,
        before=tuple(sorted(_earlier(filled, alive), reverse=True)),
        deliveries=len(alive),
    )
    return found if found.length >= (NEXT_MINUTE if found.is_steady else YOUNG_SILENCE) + gathers else None


def _after(sorted_minutes: list[datetime], moment: datetime | None) -> datetime | None:
    place = bisect_right(sorted_minutes, moment) if moment else 0
    return sorted_minutes[place] if place < len(sorted_minutes) else None


def _earlier(filled: list[datetime], alive: list[datetime]) -> Iterable[timedelta]:
    """Give how long each earlier silence lasted: from the first minute with something put in to the next sign."""
    for before, after in pairwise(alive):
        since = _after(filled, before)
        if since is not None and since < after:
            yield after - since
