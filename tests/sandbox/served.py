"""What tests of answers share: clients to a served world, and names of what is in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from runbook_lib.sandbox import World, serve

NOW = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
AT = NOW - timedelta(hours=2, seconds=11)
FUNCTION = "orders-projector"
GROUP = f"/aws/lambda/{FUNCTION}"
TRAIL = "cloudtrail/management"

NOBODY = "00000000-0000-4000-8000-000000000000"

Clients = Callable[..., Any]


def recent(**how: Any) -> World:
    """A world with a short history."""
    return World(NOW, history=timedelta(hours=6), **how)


@contextmanager
def clients_of(world: World) -> Iterator[Clients]:
    """Serve a world and hand out clients to it: `clients("lambda")`. No answer may violate its model."""
    with serve(world) as box:
        keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "sandbox", "endpoint_url": box.url}
        session = boto3.session.Session(region_name=world.region)
        yield lambda service, region=None: session.client(service, region_name=region, **keys)
        assert box.violations == []


def code_of(call: Callable[..., Any], **params: Any) -> str:
    """The error code a call fails with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def described(clients: Clients) -> dict[str, Any]:
    """The table."""
    found: dict[str, Any] = clients("dynamodb").describe_table(TableName="Orders")["Table"]
    return found


def lookup(clients: Clients, region: str | None = None, **attribute: str) -> list[dict[str, Any]]:
    """Every event of a region with this attribute."""
    wanted = [{"AttributeKey": key, "AttributeValue": value} for key, value in attribute.items()]
    pages = clients("cloudtrail", region).get_paginator("lookup_events").paginate(LookupAttributes=wanted)
    return [event for page in pages for event in page["Events"]]


def all_events(clients: Clients, **params: Any) -> tuple[list[dict[str, Any]], int]:
    """Every log event that matches, and how many pages were empty."""
    events: list[dict[str, Any]] = []
    empty = 0
    for page in clients("logs").get_paginator("filter_log_events").paginate(**params):
        events += page["events"]
        empty += not page["events"]
    return events, empty


def series(
    clients: Clients, namespace: str, name: str, dimensions: dict[str, str], begin: datetime, statistic: str = "Sum"
) -> dict[datetime, float]:
    """A metric minute by minute, oldest first, from an instant to the world's clock."""
    metric = {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }
    asked = [{"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic}}]
    pages = (
        clients("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(
            MetricDataQueries=asked, StartTime=begin, EndTime=NOW + timedelta(hours=3), ScanBy="TimestampAscending"
        )
    )
    found: dict[datetime, float] = {}
    for page in pages:
        for result in page["MetricDataResults"]:
            found |= dict(zip(result["Timestamps"], result["Values"], strict=True))
    return found
