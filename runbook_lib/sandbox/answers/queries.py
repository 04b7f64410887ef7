"""Answers to Logs Insights queries. A query runs when it is first asked for and is complete when asked for again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID
from weakref import WeakKeyDictionary

from runbook_lib.sandbox.answers.logs import events_of
from runbook_lib.sandbox.logs import insights
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError
from runbook_lib.sandbox.wire.registry import answers

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World


@dataclass
class _Started:
    """A query that was started, and whether its results were asked for or it was stopped."""

    results: insights.Results
    status: str = "Running"
    polled: bool = False


_started: WeakKeyDictionary[Any, dict[str, _Started]] = WeakKeyDictionary()
"""By world, since queries are no part of its history."""


def _groups(call: Call) -> list[str]:
    """The log groups a query is over, by name or ARN; raises InvalidParameterException when they are given twice."""
    params = call.params
    given = [params[key] for key in ("logGroupName", "logGroupNames", "logGroupIdentifiers") if params.get(key)]
    if len(given) != 1:
        raise ApiError("InvalidParameterException", "exactly one of the log group parameters is wanted")
    names = [given[0]] if isinstance(given[0], str) else given[0]
    return [name.rpartition(":log-group:")[2].removesuffix(":*") for name in names]


@answers("logs", "StartQuery")
def start_query(world: World, call: Call) -> dict[str, Any]:
    """Start a query over a range of time in epoch seconds, both ends included."""
    params, query = call.params, insights.compile(call.params["queryString"])
    begin, end = params["startTime"] * 1000, params["endTime"] * 1000 + 999
    if begin > end:
        raise ApiError("InvalidParameterException", "startTime is after endTime")
    events = [event for group in _groups(call) for event in events_of(world, group) if begin <= event.at <= end]
    digest = hashlib.sha256(repr((world.seed, call.sequence, sorted(params.items()))).encode()).digest()
    query_id = str(UUID(bytes=digest[:16], version=4))
    _started.setdefault(world, {})[query_id] = _Started(query.run(events, params.get("limit")))
    return {"queryId": query_id}


def _query(world: World, call: Call) -> _Started:
    """The query a call is about; raises ResourceNotFoundException for an unknown id."""
    started = _started.get(world, {}).get(call.params["queryId"])
    if started is None:
        raise ApiError("ResourceNotFoundException", f"Query {call.params['queryId']} does not exist")
    return started


@answers("logs", "GetQueryResults")
def get_query_results(world: World, call: Call) -> dict[str, Any]:
    """Results and status: Running without results the first time, Complete from the second on."""
    query = _query(world, call)
    if query.status == "Running" and query.polled:
        query.status = "Complete"
    query.polled = True
    found = query.results if query.status == "Complete" else insights.Results([], 0, 0, 0)
    return {
        "queryLanguage": "CWLI",
        "results": [[{"field": name, "value": value} for name, value in row] for row in found.rows],
        "statistics": {
            "recordsMatched": float(found.matched),
            "recordsScanned": float(found.scanned),
            "bytesScanned": float(found.bytes_scanned),
        },
        "status": query.status,
    }


@answers("logs", "StopQuery")
def stop_query(world: World, call: Call) -> dict[str, Any]:
    """Stop a query; `success` tells whether it was still running."""
    query = _query(world, call)
    running = query.status == "Running"
    if running:
        query.status = "Cancelled"
    return {"success": running}
