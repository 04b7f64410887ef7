"""Configuration changes as observed: what the trail shows, and how far it could be searched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib.incident import Window
from runbook_lib.interpret.trail_event import TrailEvent
from runbook_lib.observed import Gap, Observed

EXTENDED = timedelta(hours=48)
"""How far back the playbook's last paragraph has us look when nothing correlates."""

EVENT_HISTORY = "CloudTrail Event history"
"""The source of a search that asked LookupEvents; others name their log group."""

DELIVERY_DELAY = timedelta(minutes=15)
"""CloudTrail delivers most events within about five minutes, without guarantee; "none" is provisional inside this."""


@dataclass(frozen=True)
class TrailSearch(Observed):
    """One search of the trail: where (Event history or a log group), which event names, which stretch.

    `truncated` means that there was more than the search may fetch.
    """

    source: str
    region: str
    names: tuple[str, ...]
    window: Window
    events: int
    truncated: bool
    ref: str


@dataclass(frozen=True)
class Changes(Observed):
    """Step 9: configuration changes of the window, oldest first, from the incident's region and, for IAM, us-east-1.

    `regional` and `iam` hold write events; `polls` the newest DescribeStream events, the footprint of pollers. A
    denied region leaves a gap in one of them and the other readable; `searches` says what was covered.
    """

    regional: tuple[TrailEvent, ...]
    iam: tuple[TrailEvent, ...]
    polls: tuple[TrailEvent, ...]
    searches: tuple[TrailSearch, ...]
    delivered_until: datetime

    def visible(self) -> tuple[TrailEvent, ...]:
        """Give the write events that could be read, oldest first and each once, leaving out what could not."""
        seen = (object.__getattribute__(self, name) for name in ("regional", "iam"))
        events = {event.event_id: event for part in seen if not isinstance(part, Gap) for event in part}
        return tuple(sorted(events.values(), key=lambda event: (event.at, event.event_id)))
