"""What was seen, step by step.

An **observation** is what one playbook step saw: frozen dataclasses built from AWS's answers, one module here for each
thing that is looked at. What they are made of (`Gap`, `Observed`, `NotObserved`) is in `runbook_lib.observed`.
Nothing here asks AWS or judges.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from runbook_lib.incident import Incident, Window
from runbook_lib.observed import Gap, NotObserved, Observed

if TYPE_CHECKING:
    from runbook_lib.evidence.changes import Changes
    from runbook_lib.evidence.function import Logs
    from runbook_lib.evidence.mapping import Mappings, MappingStatus
    from runbook_lib.evidence.role import ExecutionRole
    from runbook_lib.evidence.signals import Backlog, Metrics
    from runbook_lib.evidence.source import Health, Streams


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
        self.observations = dict(observations)

    if not TYPE_CHECKING:  # a misspelt name is an error to the type checker

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_") or "observations" not in self.__dict__:
                raise AttributeError(name)
            seen = self.observations.get(name)
            if isinstance(seen, Observed):
                return seen
            if name not in Evidence.__annotations__:
                raise AttributeError(name)
            raise NotObserved(seen or Gap(name, self.incident.region, "NotRun", f"Step `{name}` has not been run."))

    def gaps(self) -> tuple[Gap, ...]:
        """Give every gap of every step once, in step order."""
        found: dict[Gap, None] = {}
        for seen in self.observations.values():
            for gap in (seen,) if isinstance(seen, Gap) else seen.gaps():
                found.setdefault(gap)
        return tuple(found)


def step_number(observation: str) -> int:
    """Give the number of the playbook step that makes the observation of this name: their order in `Evidence`."""
    return tuple(Evidence.__annotations__).index(observation) + 1
