"""`verdict.json`: the diagnosis as one JSON document, for machines and for next year.

The form is versioned and published as a JSON Schema in docs/. The same evidence gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from runbook_lib import instant
from runbook_lib._version import __version__
from runbook_lib.archive.plain_json import dumped
from runbook_lib.archive.record import Record
from runbook_lib.findings import Verdict
from runbook_lib.incident import Window
from runbook_lib.judging.comparison import Comparison
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.judging.loss_clock import Loss, Skipped
from runbook_lib.judging.remedy_cards import Remedy
from runbook_lib.measuring.onset import Onset
from runbook_lib.measuring.pipe import Stages
from runbook_lib.measuring.setting_change import Coverage, SettingChange

SCHEMA = 1


def to_json(diagnosis: Diagnosis, record: Record) -> dict[str, Any]:
    """Give the document as plain JSON values; times are ISO 8601 UTC."""
    return {
        "schema": SCHEMA,
        "incident_id": diagnosis.incident.incident_id,
        "kit_version": __version__,
        "as_of": instant.iso(diagnosis.as_of),
        "window": _window(diagnosis.window),
        "status": diagnosis.status.value,
        "sentence": diagnosis.sentence,
        "delivering": diagnosis.delivering,
        "causes": [_cause(verdict) for verdict in diagnosis.causes],
        "contributing": [_finding(verdict) for verdict in diagnosis.contributing],
        "trigger": _setting_change(diagnosis.set_off_by),
        "symptoms": [_finding(verdict) for verdict in diagnosis.symptoms],
        "latent": [_cause(verdict) for verdict in diagnosis.latent],
        "not_causes": [_finding(verdict) for verdict in diagnosis.innocent],
        "ruled_out": [{"id": verdict.finding.id, "because": list(verdict.because)} for verdict in diagnosis.ruled_out],
        "undetermined": [
            {"id": verdict.finding.id, "needs": list(verdict.lacking)} for verdict in diagnosis.undetermined
        ],
        "unexplained": list(diagnosis.unexplained),
        "unproved": list(diagnosis.unproved),
        "gaps": [
            {
                "call": impact.gap.call,
                "region": impact.gap.region,
                "code": impact.gap.code,
                "reason": impact.gap.reason,
                "permission": impact.gap.permission,
                "steps": list(impact.steps),
                "findings": list(impact.findings),
                "evidence": impact.gap.ref,
            }
            for impact in diagnosis.gaps
        ],
        "coverage": _coverage(diagnosis.coverage),
        "comparison": _comparison(diagnosis.comparison),
        "fallbacks": [
            {
                "id": fallback.id,
                "title": fallback.title,
                "answer": fallback.answer,
                "notable": fallback.notable,
                "evidence": list(fallback.refs),
            }
            for fallback in diagnosis.fallbacks
        ],
        "proposals": [
            {"id": proposal.id, "what": proposal.what, "why": proposal.why, "evidence": list(proposal.refs)}
            for proposal in diagnosis.proposals
        ],
        "alarms": [
            {
                "name": alarm.name,
                "metric": alarm.metric,
                "condition": alarm.condition,
                "in_alarm": [_window(stretch) for stretch in alarm.ringing],
                "evidence": list(alarm.refs),
            }
            for alarm in diagnosis.alarms
        ],
        "redacted": _redacted(record),
        "onset": _onset(diagnosis.onset),
        "loss": _loss(diagnosis.loss),
        "stages": _stages(diagnosis.stages),
        "remedies": [_remedy(remedy) for remedy in diagnosis.remedies],
    }


def to_text(diagnosis: Diagnosis, record: Record) -> str:
    """Give the document as the text of `verdict.json`, the same bytes for the same evidence."""
    return dumped(to_json(diagnosis, record), indent=2) + "\n"


def _moment(at: datetime | None) -> str | None:
    return instant.iso(at) if at else None


def _window(window: Window) -> dict[str, str]:
    return {"from": instant.iso(window.start), "to": instant.iso(window.end)}


def _finding(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.finding.id,
        "title": verdict.finding.title,
        "page": f"docs/findings/{verdict.finding.id}.md",
        "confidence": verdict.confidence.value if verdict.confidence else None,
        "because": list(verdict.because),
        "evidence": list(verdict.refs),
    }


def _cause(verdict: Verdict) -> dict[str, Any]:
    return _finding(verdict) | {
        "diagnosis": list(verdict.finding.diagnosis),
        "remedies": list(verdict.finding.remedies),
        "not_explained": list(verdict.unexplained),
    }


def _setting_change(setting_change: SettingChange | None) -> dict[str, Any] | None:
    if setting_change is None:
        return None
    event = setting_change.change.event
    return {
        "event": event.event_name,
        "event_id": event.event_id,
        "at": instant.iso(event.at),
        "actor": event.actor,
        "what": setting_change.change.sentence,
        "cause": setting_change.cause,
        "lag_s": int(setting_change.lag.total_seconds()) if setting_change.lag is not None else None,
        "correlation": setting_change.correlation,
    }


def _coverage(coverage: Coverage | None) -> dict[str, Any] | None:
    if coverage is None:
        return None
    return {
        "regions": list(coverage.regions),
        "accounts": list(coverage.accounts),
        "from": instant.iso(coverage.start),
        "to": instant.iso(coverage.end),
        "trail_delivered_until": instant.iso(coverage.delivered_until),
        "missing": list(coverage.missing),
    }


def _onset(onset: Onset | None) -> dict[str, Any] | None:
    if onset is None:
        return None
    return {
        "at": instant.iso(onset.at),
        "earliest": instant.iso(onset.earliest),
        "latest": instant.iso(onset.latest),
        "before_window": onset.before_window,
        "from": list(onset.signals),
    }


def _loss(loss: Loss) -> dict[str, Any]:
    return {
        "state": loss.state.value,
        "deadline": _moment(loss.deadline),
        "already_lost_from": _moment(loss.already_lost_from),
        "already_lost_to": _moment(loss.already_lost_to),
        "basis": loss.basis,
        "skipped": _skipped(loss.skipped),
        "mappings": [
            {"uuid": mapping_loss.uuid, "deadline": _moment(mapping_loss.deadline), "basis": mapping_loss.basis}
            for mapping_loss in loss.mappings
        ],
    }


def _skipped(skipped: Skipped | None) -> dict[str, Any] | None:
    if skipped is None:
        return None
    return {
        "from": instant.iso(skipped.start),
        "to": instant.iso(skipped.end),
        "count": skipped.count,
        "readable_until": instant.iso(skipped.readable_until),
        "where": skipped.where.rstrip(","),
    }


def _stages(stages: Stages) -> dict[str, Any]:
    found: dict[str, Any] = {
        stage.value: {
            "state": flow.state.value,
            "total": flow.total,
            "last": _moment(flow.last),
            "since": _moment(flow.since),
            "basis": flow.basis,
        }
        for stage, flow in stages.flows.items()
    }
    return found | {"by_mapping": [{"uuid": uuid, **counts} for uuid, counts in stages.by_mapping.items()]}


def _comparison(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {
        "reach": comparison.reach.value,
        "sentence": comparison.sentence,
        "neighbours": [
            {
                "name": neighbour.name,
                "relation": neighbour.relation.value,
                "works": neighbour.works,
                "basis": neighbour.basis,
                "evidence": list(neighbour.refs),
            }
            for neighbour in comparison.neighbours
        ],
    }


def _remedy(remedy: Remedy) -> dict[str, str]:
    return {
        "id": remedy.id,
        "title": remedy.title,
        "command": remedy.command,
        "risk": remedy.risk,
        "effect": remedy.effect,
        "precondition": remedy.precondition,
        "check": remedy.check,
    }


def _redacted(record: Record) -> dict[str, int]:
    """Count what was redacted in all recorded calls, by kind."""
    return _summed(call.redacted or {} for call in record.calls())


def _summed(counts: Iterable[Any]) -> dict[str, int]:
    total: dict[str, int] = {}
    for redacted in counts:
        for kind, count in redacted.items():
            total[kind] = total.get(kind, 0) + count
    return dict(sorted(total.items()))
