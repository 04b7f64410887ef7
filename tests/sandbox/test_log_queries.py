"""Logs Insights over real HTTP, on the world's own logs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from runbook_lib.sandbox import World, serve

NOW = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
GROUP = "/aws/lambda/orders-projector"
HOUR = {"startTime": int(NOW.timestamp()) - 3600, "endTime": int(NOW.timestamp())}


@pytest.fixture(scope="module")
def logs() -> Iterator[Any]:
    """Return a client of CloudWatch Logs in a healthy world."""
    with serve(World(NOW, history=timedelta(hours=3))) as running:
        keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "secret"}
        yield boto3.session.Session().client("logs", region_name="eu-west-1", endpoint_url=running.url, **keys)
        assert running.violations == []


def test_a_query_runs_and_then_is_complete(logs: Any) -> None:
    """The first poll says Running without results, the second Complete with them and their statistics."""
    query = 'stats count(*) as reports, max(@duration) as slowest by @type | filter @type = "REPORT"'
    started = logs.start_query(logGroupName=GROUP, queryString=query, **HOUR)["queryId"]
    first, second = (logs.get_query_results(queryId=started) for _ in range(2))
    assert (first["status"], first["results"]) == ("Running", [])
    row = {cell["field"]: cell["value"] for cell in second["results"][0]}
    assert second["status"] == "Complete"
    assert int(row["reports"]) > 10
    assert second["statistics"]["recordsMatched"] > int(row["reports"])


def test_the_caller_s_limit_counts_without_one_in_the_query(logs: Any) -> None:
    """The request's limit bounds the rows unless the query has a limit of its own; ARNs name groups too."""
    arn = f"arn:aws:logs:eu-west-1:123456789012:log-group:{GROUP}"
    counts = []
    for query in ("fields @message", "fields @message | limit 5"):
        started = logs.start_query(logGroupIdentifiers=[arn], queryString=query, limit=3, **HOUR)["queryId"]
        logs.get_query_results(queryId=started)
        counts.append(len(logs.get_query_results(queryId=started)["results"]))
    assert counts == [3, 5]


def test_a_stopped_query_is_cancelled(logs: Any) -> None:
    """A query stopped while it runs is Cancelled and stays so."""
    started = logs.start_query(logGroupName=GROUP, queryString="limit 1", **HOUR)["queryId"]
    assert logs.stop_query(queryId=started)["success"] is True
    assert logs.get_query_results(queryId=started)["status"] == "Cancelled"
    assert logs.stop_query(queryId=started)["success"] is False


def test_mistakes_are_typed(logs: Any) -> None:
    """A malformed query, an unknown group, an unknown id and a reversed range each raise their own exception."""
    with pytest.raises(logs.exceptions.MalformedQueryException):
        logs.start_query(logGroupName=GROUP, queryString="select 1", **HOUR)
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.start_query(logGroupName="/aws/lambda/nobody", queryString="limit 1", **HOUR)
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.get_query_results(queryId="11111111-2222-4333-8444-555555555555")
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.start_query(logGroupName=GROUP, queryString="limit 1", startTime=HOUR["endTime"], endTime=1)
