"""What every chart is made from, and what each says of it."""

from __future__ import annotations

from typing import Protocol

from runbook_lib.evidence import Evidence
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.showing.blocks import Prose


class Investigated(Protocol):
    """What a chart needs of an investigation."""

    @property
    def evidence(self) -> Evidence:
        """What was observed."""

    @property
    def diagnosis(self) -> Diagnosis:
        """What was concluded."""


def subject(seen: Evidence) -> str:
    """Name what a picture is about."""
    return f"{seen.incident.table_name} to {seen.incident.function}, {seen.incident.region}"


def no_picture(reason: str) -> Prose | None:
    """Say why there is no picture, where what it shows could not be seen."""
    return Prose.of(f"There is no picture: {reason}", style="gap") if reason else None
