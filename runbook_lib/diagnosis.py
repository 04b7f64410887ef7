"""From verdicts to a diagnosis: what is wrong, since when, what set it off, what is lost, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from runbook_lib import loss_clock
from runbook_lib.evidence import Evidence, Gap
from runbook_lib.findings import Verdict
from runbook_lib.incident import Incident, Window
from runbook_lib.loss_clock import Loss
from runbook_lib.remedies import Remedy
from runbook_lib.stages import Stages
from runbook_lib.timeline import Change, Coverage, Onset, Trigger


class Status(StrEnum):
    """The outcome of an investigation."""

    FAULT = "fault"
    NO_FAULT = "no_fault"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True)
class Blinded:
    """A gap, and what it kept us from seeing: steps by number and findings by id."""

    gap: Gap
    steps: tuple[int, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Diagnosis:
    """The answer to an incident. Every tuple is in the order in which it should be read."""

    incident: Incident
    as_of: datetime
    window: Window
    status: Status
    causes: tuple[Verdict, ...]
    contributing: tuple[Verdict, ...]
    symptoms: tuple[Verdict, ...]
    latent: tuple[Verdict, ...]
    innocent: tuple[Verdict, ...]
    ruled_out: tuple[Verdict, ...]
    undetermined: tuple[Verdict, ...]
    onset: Onset | None
    trigger: Trigger | None
    changes: tuple[Change, ...]
    coverage: Coverage | None
    loss: Loss
    stages: Stages
    unexplained: tuple[str, ...]
    remedies: tuple[Remedy, ...]
    gaps: tuple[Blinded, ...]

    @property
    def exit_code(self) -> int:
        """0 no fault and nothing important unseen, 1 at least one cause, 2 undetermined."""
        return {Status.NO_FAULT: 0, Status.FAULT: 1, Status.UNDETERMINED: 2}[self.status]

    @property
    def sentence(self) -> str:
        """What is wrong, in one sentence."""
        raise NotImplementedError
