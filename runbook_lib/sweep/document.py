"""The outcome of a whole sweep as one JSON document, for machines, for the page and for the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbook_lib import instant
from runbook_lib._version import __version__
from runbook_lib.errors import COULD_NOT_RUN, gravest
from runbook_lib.observed import Gap
from runbook_lib.sweep.area import Area
from runbook_lib.sweep.evidence import NOT_EXAMINED
from runbook_lib.sweep.rank import urgency
from runbook_lib.sweep.sweeping import SweptArea
from runbook_lib.sweep.triage import FoundFault, Triage, TriageOutcome

SCHEMA = 1


@dataclass(frozen=True)
class RefusedArea:
    """An area that could not be looked at at all, and why."""

    area: Area
    error: str


Result = SweptArea | RefusedArea


def to_json(
    results: Iterable[Result], investigations: Mapping[tuple[str, str, str, str], Mapping[str, Any]]
) -> dict[str, Any]:
    """Give the document. `looked` are the full investigations by account, region, table ARN and function."""
    found = list(results)
    swept = [area for area in found if isinstance(area, SweptArea)]
    rows = sorted(
        ((area, row) for area in swept for row in area.triages), key=lambda pair: (*urgency(pair[1]), _where(pair[0]))
    )
    connections = [_connection(area, row, investigations) for area, row in rows]
    counts = Counter(connection["outcome"] for connection in connections)
    return {
        "schema": SCHEMA,
        "kind": "sweep",
        "kit_version": __version__,
        "as_of": max((instant.iso(area.opened.as_of) for area in swept), default=None),
        "exit_code": _exit_code(found, connections),
        "counts": {outcome.value: counts[outcome.value] for outcome in TriageOutcome},
        "areas": [_area(area) for area in found],
        "triggers": connections,
        "orphaned_streams": [
            {**_place(area), "table": orphan.table, "stream_arn": orphan.arn}
            for area in swept
            for orphan in area.orphans
        ],
        "dead_mappings": [
            {
                **_place(area),
                "uuid": dead.uuid,
                "event_source_arn": dead.arn,
                "function_arn": dead.function,
                "state": dead.state,
                "because": dead.why,
            }
            for area in swept
            for dead in area.dead
        ],
        "not_examined": list(NOT_EXAMINED),
    }


def _exit_code(results: list[Result], connections: list[dict[str, Any]]) -> int:
    """The gravest, in the order 3, 1, 2, 0; of a trigger that was investigated the investigation's counts."""
    codes = {COULD_NOT_RUN if isinstance(area, RefusedArea) else 2 if area.gaps else 0 for area in results}
    for connection in connections:
        investigated = connection["investigation"]
        codes.add(investigated["exit_code"] if investigated else TriageOutcome(connection["outcome"]).exit_code)
    return gravest(codes | {0})


def _where(area: SweptArea) -> tuple[str, str]:
    return area.opened.account, area.opened.area.region


def _place(area: SweptArea) -> dict[str, str]:
    account, region = _where(area)
    return {"account": account, "region": region}


def _area(area: Result) -> dict[str, Any]:
    if isinstance(area, RefusedArea):
        return _refused_area(area)
    folder = area.opened.record.folder
    return {
        **_place(area),
        "role": area.opened.area.role_arn,
        "error": None,
        "as_of": instant.iso(area.opened.as_of),
        "triggers": len(area.triages),
        "calls": area.calls,
        "gaps": [_gap(gap) for gap in area.gaps],
        "run_folder": str(folder) if folder else None,
    }


def _refused_area(refused: RefusedArea) -> dict[str, Any]:
    return {
        "account": None,
        "region": refused.area.region,
        "role": refused.area.role_arn,
        "error": refused.error,
        "as_of": None,
        "triggers": 0,
        "calls": 0,
        "gaps": [],
        "run_folder": None,
    }


def _gap(gap: Gap) -> dict[str, str | None]:
    return {"call": gap.call, "code": gap.code, "reason": gap.reason, "permission": gap.permission}


def _connection(
    area: SweptArea, row: Triage, investigations: Mapping[tuple[str, str, str, str], Mapping[str, Any]]
) -> dict[str, Any]:
    account, region = _where(area)
    investigated = investigations.get((account, region, row.connection.table_arn, row.connection.function))
    return {
        "account": account,
        "region": region,
        "table": row.connection.table,
        "function": row.target,
        "mappings": list(row.mappings),
        "outcome": row.outcome.value,
        "sentence": row.sentence,
        "causes": [_named(each) for each in row.causes],
        "signs": [_named(each) for each in row.signs],
        "since": _moment(row.since),
        "loss": {
            "state": row.loss.state.value,
            "deadline": _moment(row.loss.deadline),
            "already_lost_from": _moment(row.loss.already_lost_from),
            "sentence": row.loss.sentence(area.opened.as_of),
        },
        "unseen": list(row.unseen),
        "investigation": dict(investigated) if investigated else None,
    }


def _named(fault: FoundFault) -> dict[str, Any]:
    return {"id": fault.id, "title": fault.title, "confidence": fault.confidence, "because": list(fault.because)}


def _moment(at: datetime | None) -> str | None:
    return instant.iso(at) if at else None
