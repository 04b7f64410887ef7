"""One GetMetricData call for many series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from runbook_lib import instant
from runbook_lib.aws import Pages, StepReader
from runbook_lib.evidence.signals import Series
from runbook_lib.incident import Window
from runbook_lib.observed import Gap, NotObserved, attempt

_KEPT = ((timedelta(days=15), 60), (timedelta(days=63), 300))
"""How long CloudWatch keeps datapoints of which period, in seconds; older ones are hourly (CloudWatch User Guide)."""

_LARGEST = 1e13
"""No count, size or age of one period is larger; what is, or is no number, is no datapoint."""


@dataclass(frozen=True)
class MetricQuery:
    """One series to ask for. `dimensions` empty asks for the account's own total."""

    id: str
    namespace: str
    metric: str
    statistic: str
    unit: str
    label: str
    dimensions: tuple[tuple[str, str], ...] = ()


def read_series(
    aws: StepReader, window: Window, as_of: datetime, queries: Iterable[MetricQuery], *, finest_s: int = 60
) -> dict[str, Series]:
    """Read every query's series by its id; one that CloudWatch refuses alone is a gap in its place.

    Raises NotObserved when the call as a whole fails.
    """
    asked = list(queries)
    kept = next((seconds for age, seconds in _KEPT if as_of - window.start <= age), 3600)
    period = max(kept, finest_s)
    pages = aws.pages(
        "cloudwatch",
        "GetMetricData",
        StartTime=instant.iso(instant.floor(window.start, timedelta(seconds=period))),
        EndTime=instant.iso(window.settled_end),
        ScanBy="TimestampAscending",
        MetricDataQueries=[_query(query, period) for query in asked],
    )
    parts: dict[str, list[dict[str, Any]]] = {}
    for part in pages.items("MetricDataResults"):
        parts.setdefault(str(part.get("Id")), []).append(part)
    length = timedelta(seconds=period)
    return {
        query.id: attempt(partial(_series, query, parts.get(query.id, []), pages, length, aws.region))
        for query in asked
    }


def _query(query: MetricQuery, period: int) -> dict[str, Any]:
    return {
        "Id": query.id,
        "MetricStat": {
            "Metric": {
                "Namespace": query.namespace,
                "MetricName": query.metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in query.dimensions],
            },
            "Period": period,
            "Stat": query.statistic,
        },
    }


def _series(query: MetricQuery, parts: list[dict[str, Any]], pages: Pages, period: timedelta, region: str) -> Series:
    """Join one query's parts over all pages.

    Raises NotObserved when CloudWatch refuses it, or gives only a part: silence cannot be told from what is lacking.
    """
    status = _status(parts, pages.truncated)
    points = {at: value for part in parts for at, value in _points(part)}
    if status == "Complete" and any(at is None or not abs(value) <= _LARGEST for at, value in points.items()):
        status = "Illegible"
    if status != "Complete":
        raise NotObserved(_not_whole(query, status, pages.ref, region))
    return Series(
        name=query.metric,
        label=query.label,
        unit=query.unit,
        statistic=query.statistic,
        period=period,
        points={at: points[at] for at in sorted(filter(None, points))},
        ref=pages.ref,
    )


def _status(parts: list[dict[str, Any]], truncated: bool) -> str:
    """What CloudWatch says of a series as a whole: a page that is partial is completed by the next."""
    said = [str(part.get("StatusCode", "Complete")) for part in parts]
    odd = next((status for status in said if status not in ("Complete", "PartialData")), None)
    return odd or ("PartialData" if truncated or not said else said[-1])


def _points(part: dict[str, Any]) -> Iterator[tuple[datetime | None, float]]:
    times, values = part["Timestamps"], part["Values"]
    if len(times) != len(values):
        yield None, 0.0
    for at, value in zip(times, values, strict=False):
        yield instant.optional(at), value


def _not_whole(query: MetricQuery, status: str, ref: str, region: str) -> Gap:
    call = "cloudwatch:GetMetricData"
    if status == "Forbidden":
        reason = f"These credentials may not read the metric {query.metric}."
        return Gap(call, region, status, reason, call, ref)
    reason = f"CloudWatch gave only a part of the metric {query.metric} ({status}): what is lacking may hold anything."
    return Gap(call, region, status, reason, None, ref)
