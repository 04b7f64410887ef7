"""`findings.sarif`: the findings of a run in SARIF 2.1.0, for pipelines that collect results from many tools.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0 Plus Errata 01"; sections in brackets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runbook_lib._version import __version__
from runbook_lib.archive.plain_json import dumped
from runbook_lib.evidence import Evidence
from runbook_lib.findings import Finding, Verdict
from runbook_lib.findings.mapping import expected_to_deliver
from runbook_lib.instant import iso
from runbook_lib.judging.all_clear import puzzle
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.observed import otherwise
from runbook_lib.showing.markup import visible

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_RESULTS = (
    ("causes", "fail", "error"),
    ("latent", "fail", "warning"),
    ("contributing", "fail", "warning"),
    ("symptoms", "informational", "none"),
    ("innocent", "informational", "none"),
    ("undetermined", "open", "none"),
)
"""The diagnosis's lists, each with the kind and level of its results.

`open` is "insufficient information to decide whether a problem exists" (3.27.9); whatever does not fail has the level
`none` (3.27.10).
"""

_UNEXPLAINED = "unexplained"
_UNPROVED = "unproved"


def sarif(diagnosis: Diagnosis, seen: Evidence) -> str:
    """Give a diagnosis as the text of a SARIF log; the same evidence gives the same bytes."""
    found = [(verdict, kind, level) for name, kind, level in _RESULTS for verdict in getattr(diagnosis, name)]
    where = [{"logicalLocations": list(_resources(diagnosis, seen))}]
    rules = [_rule(verdict.finding) for verdict, _, _ in found]
    results = [_result(verdict, kind, level) for verdict, kind, level in found]
    if diagnosis.unexplained and not diagnosis.causes:
        rules.append({"id": _UNEXPLAINED, "shortDescription": _text(puzzle(diagnosis.stages))})
        message = _text(f"{puzzle(diagnosis.stages)}.", *diagnosis.unexplained)
        results.append({"ruleId": _UNEXPLAINED, "kind": "fail", "level": "error", "message": message})
    elif diagnosis.unproved:
        rules.append({"id": _UNPROVED, "shortDescription": _text("An all-clear lacks something")})
        message = _text(*diagnosis.unproved)
        results.append({"ruleId": _UNPROVED, "kind": "open", "level": "none", "message": message})
    driver = {"name": "stream-trigger-runbook", "version": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"runbook/{diagnosis.incident.incident_id}/{iso(diagnosis.as_of)}"},
        "invocations": [_invocation(diagnosis)],
        "results": [{**result, "ruleIndex": at, "locations": where} for at, result in enumerate(results)],
        "properties": {"status": diagnosis.status.value, "sentence": visible(diagnosis.sentence)},
    }
    return dumped({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "shortDescription": _text(finding.title),
        "fullDescription": _text(finding.why),
        "helpUri": finding.source,
        "properties": {"kind": finding.kind.value, "module": finding.module},
    }


def _result(verdict: Verdict, kind: str, level: str) -> dict[str, Any]:
    if kind == "open":
        message = _text(f"Undetermined: {verdict.finding.title}.", *(f"Needs {what}" for what in verdict.lacking))
    else:
        message = _text(f"{verdict.finding.title} ({verdict.confidence}).", *verdict.because, *verdict.unexplained)
    confidence = {"confidence": verdict.confidence.value} if verdict.confidence else {}
    return {
        "ruleId": verdict.finding.id,
        "kind": kind,
        "level": level,
        "message": message,
        "properties": {**confidence, "evidence": list(verdict.refs)},
    }


def _invocation(diagnosis: Diagnosis) -> dict[str, Any]:
    """Say how the run went: it came to an end, and what it could not look at is a warning of the tool's own."""
    return {
        "executionSuccessful": True,
        "exitCode": diagnosis.exit_code,
        "startTimeUtc": iso(diagnosis.as_of),
        "toolExecutionNotifications": [
            {"level": "warning", "message": _text(impact.gap.reason), "properties": {"call": impact.gap.call}}
            for impact in diagnosis.gaps
        ],
    }


def _resources(diagnosis: Diagnosis, seen: Evidence) -> Iterator[dict[str, str]]:
    """Name what was investigated, with the ARNs of what was seen: there is no file that a result could point at."""
    incident = diagnosis.incident
    latest = otherwise(lambda: seen.streams.table.latest_stream_arn, None)
    read = otherwise(lambda: tuple(mapping.event_source_arn for mapping in expected_to_deliver(seen)), ())
    streams = dict.fromkeys(arn for arn in (latest, *read) if arn)
    named = (
        (incident.table_name, otherwise(lambda: seen.streams.table.arn, "")),
        *((arn.rpartition("/")[2], arn) for arn in streams),
        (incident.function_name, otherwise(lambda: seen.mappings.function.arn, "")),
    )
    for name, arn in named:
        whole = {"fullyQualifiedName": visible(arn)} if arn else {}
        yield {"name": visible(name), **whole, "kind": "resource"}


def _text(first: str, *more: str) -> dict[str, str]:
    """Give a message of plain text, a line each.

    Braces would be placeholders and are doubled (3.11.5); `[x](y)` would be a link (3.11.6), and is none with a space.
    """
    lines = (visible(line) for line in (first, *(f"- {line}" for line in more)))
    return {"text": "\n".join(lines).replace("{", "{{").replace("}", "}}").replace("](", "] (")}
