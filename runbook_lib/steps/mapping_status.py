"""Playbook step 8."""

from __future__ import annotations

from runbook_lib.aws import StepReader, together
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping, MappingStatus
from runbook_lib.incident import Incident
from runbook_lib.observed import known
from runbook_lib.steps import step
from runbook_lib.steps.event_source_mappings import read_mapping


@step(
    8,
    title="Mapping status",
    observes="status",
    question="Is the mapping enabled, and what did its last batch say?",
    playbook="Read the status of the event source mapping: is it enabled, and does its status hold the trigger back?",
    permissions=("lambda:GetEventSourceMapping",),
    needs=(3,),
)
def mapping_status(incident: Incident, aws: StepReader, seen: Evidence) -> MappingStatus:
    """Read each of our mappings by its UUID: the list leaves out encrypted filters, and a moment has passed.

    One that was deleted since the list was made drops out.
    """
    found = together(*(lambda uuid=m.uuid: _one(aws, uuid) for m in seen.mappings.ours))
    return MappingStatus(mappings=tuple(known(mapping) for mapping in found if known(mapping) is not None))


def _one(aws: StepReader, uuid: str) -> EventSourceMapping | None:
    answer = aws.find("lambda", "GetEventSourceMapping", UUID=uuid)
    return read_mapping(answer, answer.ref) if answer is not None else None
