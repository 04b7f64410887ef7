"""An investigation in a notebook: opened from the parameters cell, shown step by step.

Where the evidence comes from is settled here, once: a run that is being reported (`RUNBOOK_RUN`), the recorded example
incident, a run of this incident that was begun within the hour, or AWS.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from runbook_lib import views
from runbook_lib.archive.record import Record
from runbook_lib.errors import BadParameters
from runbook_lib.evidence import Evidence
from runbook_lib.example import EVIDENCE, is_example
from runbook_lib.incident import Incident, Window, suggestion
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.running.investigation import Investigation, begin, take_up, unfinished
from runbook_lib.showing.blocks import Stack

RUN_VARIABLE = "RUNBOOK_RUN"
_YOUNG_S = 3600
"""Notebooks opened one after the other on the same incident share their evidence for an hour."""


class Session:
    """What a notebook holds: each call collects what it needs, and returns something that shows itself."""

    def __init__(self, investigation: Investigation) -> None:
        self.investigation = investigation

    @property
    def incident(self) -> Incident:
        """The incident's parameters."""
        return self.investigation.incident

    @property
    def as_of(self) -> datetime:
        """The run's clock, UTC."""
        return self.investigation.as_of

    @property
    def window(self) -> Window:
        """The stretch examined, UTC."""
        return self.investigation.window

    @property
    def record(self) -> Record:
        """The recorded calls."""
        return self.investigation.record

    @property
    def evidence(self) -> Evidence:
        """What has been observed so far."""
        return self.investigation.evidence

    @property
    def diagnosis(self) -> Diagnosis:
        """The diagnosis; what it needs and was not observed yet is collected first."""
        return self.investigation.diagnosis

    def observe(self, number: int, *, refresh: bool = False, lookback_hours: int | None = None) -> Stack:
        """Look at one playbook step and show it. `refresh` asks AWS again; `lookback_hours` widens the window."""
        window = self.window.widened(timedelta(hours=lookback_hours)) if lookback_hours else None
        self.investigation.observe(number, refresh=refresh, window=window)
        self.investigation.collect(views.told_beside(number))
        return views.step_view(number, self.evidence)

    def verdicts(self, step: int) -> Stack:
        """Show what one step tells: the verdict on every finding that reads it."""
        return views.verdicts_view(self.diagnosis, step)

    @property
    def verdict(self) -> Any:
        """Show what is wrong, how sure that is, and how long until records are lost."""
        return views.verdict_view(self.diagnosis)

    def __repr__(self) -> str:
        folder = self.record.folder
        source = f"run {folder.parent.name}/{folder.name}" if folder else "recorded example"
        return f"Investigation of {self.incident.incident_id} ({source})"


def open_investigation(names: Mapping[str, Any]) -> Session:
    """Open the investigation that a notebook's parameters name; pass `globals()`.

    Parameters are picked by name. A plain value whose name is nearly a parameter's is refused, because papermill
    injects a mistyped parameter without a word. Raises BadParameters, CannotRun, BadArchive.
    """
    known = Incident.parameter_names()
    _refuse_near_misses(names, known)
    replayed = os.environ.get(RUN_VARIABLE)
    if replayed:
        return Session(Investigation(Record.read(Path(replayed) / "evidence")))
    incident = Incident.from_mapping({key: names[key] for key in known if key in names}, source="the parameters cell")
    if is_example(incident.incident_id):
        return Session(Investigation(Record.read(EVIDENCE)))
    return Session(_continue(incident) or begin(incident))


def _continue(incident: Incident) -> Investigation | None:
    """Take up the newest unfinished run of the same parameters, while it is young."""
    young = (path for path in unfinished(incident) if time.time() - path.stat().st_mtime < _YOUNG_S)
    return next((taken for folder in young if (taken := take_up(folder, incident))), None)


def _refuse_near_misses(names: Mapping[str, Any], known: list[str]) -> None:
    for name, value in names.items():
        if name in known or name.startswith("_") or not isinstance(value, str | int | float | bool):
            continue
        hint = suggestion(name, known)
        if hint.startswith("Did you mean"):
            raise BadParameters(f"Unknown parameter `{name}` in the parameters cell.", hint)
