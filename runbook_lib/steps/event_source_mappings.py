"""Playbook step 3."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from runbook_lib.aws import Answer, StepReader, together
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.function import Function
from runbook_lib.evidence.mapping import Alias, EventSourceMapping, Mappings
from runbook_lib.incident import Incident
from runbook_lib.interpret.arn import Arn, FunctionRef, StreamArn, role_name_of
from runbook_lib.observed import attempt, known
from runbook_lib.steps import step


@step(
    3,
    title="Event source mappings",
    observes="mappings",
    question="Does an event source mapping connect the table's stream to the function?",
    playbook="Read the function and its event source mappings for the table: does a mapping exist?",
    permissions=(
        "lambda:ListEventSourceMappings",
        "lambda:GetFunctionConfiguration",
        "lambda:ListAliases",
        "lambda:ListFunctions",
    ),
)
def event_source_mappings(incident: Incident, aws: StepReader, seen: Evidence) -> Mappings:
    """List every mapping of the region and sort them by whom they concern.

    Asking by function name would miss mappings on an alias or version: the name is matched exactly, qualifier and
    all (observed, n=1). The unfiltered list cannot miss any.
    """
    name = incident.function.name
    listed, aliases, newest = together(
        lambda: _every_mapping(aws), lambda: _aliases(incident, aws), lambda: describe_function(aws, name, None)
    )
    ours = attempt(lambda: _newest_first(m for m in known(listed) if _from_table(m, incident) and _to_us(m, incident)))
    qualifier = ours[0].function.qualifier if isinstance(ours, tuple) and ours else incident.function.qualifier
    function = attempt(lambda: describe_function(aws, name, qualifier)) if qualifier else newest
    unknown = isinstance(function, Function) and not function.exists and ours == ()
    return Mappings(
        ours=ours,
        same_stream=attempt(
            lambda: tuple(m for m in known(listed) if _from_table(m, incident) and not _to_us(m, incident))
        ),
        same_function=attempt(
            lambda: tuple(m for m in known(listed) if _to_us(m, incident) and not _from_table(m, incident))
        ),
        listed=attempt(lambda: len(known(listed))),
        ref=aws.ref("lambda", "ListEventSourceMappings"),
        function=function,
        aliases=aliases,
        similar_functions=attempt(lambda: _similar_functions(incident, aws)) if unknown else (),
        newest=newest if qualifier else None,
    )


def _every_mapping(aws: StepReader) -> tuple[EventSourceMapping, ...]:
    """List the region's mappings. A list cut short proves no absence, so it is not seen at all."""
    pages = aws.pages("lambda", "ListEventSourceMappings")
    return tuple(read_mapping(raw, pages.ref) for raw in pages.every("EventSourceMappings"))


def read_mapping(raw: Answer, ref: str) -> EventSourceMapping:
    """Read a mapping that says what it connects; only a cluster of one's own has no ARN."""
    raw.require(UUID=str, State=str, FunctionArn=FunctionRef.parse)
    if not raw.get("SelfManagedEventSource"):
        raw.require(EventSourceArn=Arn.parse)
    if ":dynamodb:" in raw.get("EventSourceArn", ""):
        raw.require(EventSourceArn=StreamArn.parse)
    return EventSourceMapping.from_api(raw, ref)


def _newest_first(mappings: Iterable[EventSourceMapping]) -> tuple[EventSourceMapping, ...]:
    """Order by the generation that is read, the newest first: today's records meet the role and code mapped there."""
    return tuple(sorted(mappings, key=lambda mapping: mapping.event_source_arn, reverse=True))


def _from_table(mapping: EventSourceMapping, incident: Incident) -> bool:
    return mapping.table_name == incident.table_name


def _to_us(mapping: EventSourceMapping, incident: Incident) -> bool:
    return mapping.function.name == incident.function.name


def describe_function(aws: StepReader, name: str, qualifier: str | None) -> Function:
    """Read a function's configuration at a qualifier: role, state and code belong to the version it names."""
    asked: dict[str, Any] = {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})
    answer = aws.find("lambda", "GetFunctionConfiguration", **asked)
    if answer is not None:
        answer.require(Role=role_name_of)
    return Function.from_api(name, qualifier, answer, aws.ref("lambda", "GetFunctionConfiguration", **asked))


def _aliases(incident: Incident, aws: StepReader) -> tuple[Alias, ...]:
    asked: dict[str, Any] = {"FunctionName": incident.function.name}
    if aws.find("lambda", "ListAliases", **asked) is None:
        return ()
    pages = aws.pages("lambda", "ListAliases", most=5, **asked)
    return tuple(
        Alias(raw.get("Name", ""), raw.get("FunctionVersion", ""), pages.ref) for raw in pages.items("Aliases")
    )


def _similar_functions(incident: Incident, aws: StepReader) -> tuple[str, ...]:
    names = [
        str(function["FunctionName"]) for function in aws.pages("lambda", "ListFunctions", most=10).items("Functions")
    ]
    return tuple(difflib.get_close_matches(incident.function.name, names, n=3, cutoff=0.5))
