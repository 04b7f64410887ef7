"""The nine steps of the playbook: what each asks, what it needs, and how it looks.

A step only looks. Nothing here catches, judges, prints, or knows the time: `attempt` and `together` leave a gap where
a look failed, and the window comes from the run's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from runbook_lib.aws import StepReader
from runbook_lib.evidence import Evidence
from runbook_lib.incident import Incident
from runbook_lib.observed import Observed

Look = Callable[[Incident, StepReader, Evidence], Observed]


@dataclass(frozen=True)
class Step:
    """One playbook step. `needs` names the steps whose observations it reads; it starts as soon as they are there.

    `observes` is the name of its observation in `Evidence`, `permissions` every IAM action its calls need.
    """

    number: int
    name: str
    title: str
    observes: str
    question: str
    playbook: str
    permissions: tuple[str, ...]
    needs: tuple[int, ...]
    look: Look

    @property
    def file(self) -> str:
        """The stem of its evidence file."""
        return f"{self.number:02d}-{self.name}"


STEPS: dict[int, Step] = {}


def step(
    number: int,
    *,
    title: str,
    observes: str,
    question: str,
    playbook: str,
    permissions: tuple[str, ...],
    needs: tuple[int, ...] = (),
) -> Callable[[Look], Look]:
    """Register a step; its name is the function's."""

    def register(look: Look) -> Look:
        name = look.__name__
        STEPS[number] = Step(number, name, title, observes, question, playbook, permissions, needs, look)
        return look

    return register


for _module in (
    "table_and_service_health",
    "stream_specification",
    "event_source_mappings",
    "function_logs",
    "execution_role",
    "stream_backlog",
    "function_metrics",
    "mapping_status",
    "configuration_changes",
):
    import_module(f"{__name__}.{_module}")
