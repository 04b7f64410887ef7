"""An incident as evidence, whole and with parts of it unseen, for tests of what is shown."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from worlds import investigated

from runbook_lib.archive.record import Record
from runbook_lib.evidence import Evidence
from runbook_lib.judging.diagnosis import Diagnosis, diagnose
from runbook_lib.observed import Gap, Observed
from runbook_lib.running.investigation import Investigation
from runbook_lib.steps import STEPS

DENIED = Gap("lambda:Denied", "eu-west-1", "AccessDeniedException", "May not be called.", "lambda:Granted", "Denied-1")
"""What stands in the place of a fact that could not be seen."""


@dataclass(frozen=True)
class Seen:
    """Evidence and the diagnosis of it: what a chart takes."""

    evidence: Evidence
    diagnosis: Diagnosis


@cache
def example(fault: str = "stream-recreated") -> Evidence:
    """Give the evidence of a fault of the sandbox; by default of a re-created stream with a mapping on the old one."""
    return evidence_in(investigated(fault).folder)


def evidence_in(folder: Path) -> Evidence:
    """Read the evidence of a run folder."""
    investigation = Investigation(Record.read(folder / "evidence"))
    investigation.collect()
    return investigation.evidence


@cache
def example_seen() -> Seen:
    """Give the example with its diagnosis."""
    return judged(example())


@cache
def failing_seen() -> Seen:
    """Give a function that fails on one record, with its diagnosis."""
    return judged(example("poison-record"))


def judged(seen: Evidence) -> Seen:
    """Give evidence with its diagnosis."""
    return Seen(seen, diagnose(seen))


def with_observations(seen: Evidence, **changed: Any) -> Evidence:
    """Give evidence with some observations replaced, by their names in `Evidence`."""
    return Evidence(seen.incident, seen.as_of, {**seen.observations, **changed}, seen.window)


def with_fields(seen: Evidence, name: str, **changed: Any) -> Evidence:
    """Give evidence with some fields of one observation replaced."""
    observed: Any = seen.observations[name]
    return with_observations(seen, **{name: replaced(observed, **changed)})


def replaced(observed: Any, **changed: Any) -> Any:
    """Replace fields, gaps in other fields included: `dataclasses.replace` would read, and so raise, them."""
    kept = {field.name: object.__getattribute__(observed, field.name) for field in fields(observed)}
    return type(observed)(**{**kept, **changed})


def blinded_steps() -> list[tuple[str, Evidence]]:
    """Give the example with each step unseen in turn."""
    return [(step.observes, with_observations(example(), **{step.observes: DENIED})) for step in STEPS.values()]


def blinded_fields() -> list[tuple[str, Evidence]]:
    """Give the example with each field of each observation unseen in turn."""
    found = []
    for name, observed in example().observations.items():
        assert isinstance(observed, Observed)
        for field in fields(observed):  # type: ignore[arg-type]
            found.append((f"{name}.{field.name}", with_fields(example(), name, **{field.name: DENIED})))
    return found
