"""The moments that cross every part of a picture: onset, noticing, and 24 hours before the run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from runbook_lib import instant
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.measuring.thresholds import FIRST_WINDOW
from runbook_lib.showing.axis import Axis, retention_line


@dataclass(frozen=True)
class MomentLines:
    """The moments that cross every part of a picture, each None where there is none on the axis.

    `band` is the playbook's five minutes either side of the onset, as far as the axis goes; `onset_range` the bounds of
    the estimate.
    """

    onset: datetime | None
    onset_range: tuple[datetime, datetime] | None
    band: tuple[datetime, datetime] | None
    retention: datetime | None
    noticed: datetime | None


def lines(diagnosis: Diagnosis, axis: Axis) -> MomentLines:
    """Find the moments to mark on an axis."""
    began, noticed = diagnosis.onset, diagnosis.incident.detected_at
    seen = began is not None and began.at in axis
    return MomentLines(
        onset=began.at if began and seen else None,
        onset_range=(began.earliest, began.latest) if began and seen else None,
        band=_on(axis, began.at - FIRST_WINDOW, began.at + FIRST_WINDOW) if began and seen else None,
        retention=retention_line(axis),
        noticed=noticed if noticed and noticed in axis else None,
    )


def _on(axis: Axis, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    return max(start, axis.start), min(end, axis.end)


def onset_words(marked: MomentLines, axis: Axis) -> str:
    """Say when the onset was; nothing where it is not on the axis."""
    return f"Onset at {instant.clock(marked.onset, axis.end)}." if marked.onset else ""
