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


_KINDS: dict[str, Any] = {kind.__name__: kind for kind in Observed.__subclasses__()}
BLINDED_STEPS = tuple(step.observes for step in STEPS.values())
BLINDED_FIELDS = tuple(
    f"{name}.{field.name}" for name, kind in Evidence.__annotations__.items() for field in fields(_KINDS[kind])
)
"""What may be unseen: each step, and each field of each observation."""


def blinded(what: str) -> Evidence:
    """Give the example with a step, or one field of an observation, unseen."""
    step, _, field = what.partition(".")
    return with_fields(example(), step, **{field: DENIED}) if field else with_observations(example(), **{step: DENIED})
