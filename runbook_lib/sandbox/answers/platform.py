"""Answers of AWS Health, Service Quotas and Lambda's neighbours that a stream's trigger may depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.watched import HealthEvent
from runbook_lib.sandbox.answers.paging import page
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError
from runbook_lib.sandbox.wire.registry import answers

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World


@answers("health", "DescribeEvents")
def describe_events(world: World, call: Call) -> dict[str, Any]:
    """Public events, or SubscriptionRequiredException: most accounts have no support plan that includes AWS Health."""
    if world.state.health is None:
        raise ApiError("SubscriptionRequiredException", "Your AWS account does not have a support plan for this API.")
    wanted = call.params.get("filter", {})
    found = [
        _described(world, event)
        for event in world.state.health
        if event.service in wanted.get("services", [event.service])
        and world.region in wanted.get("regions", [world.region])
        and event.category in wanted.get("eventTypeCategories", [event.category])
        and ("closed" if event.end else "open") in wanted.get("eventStatusCodes", ["open", "closed"])
    ]
    return page(found, "events", call.params.get("maxResults", 100), call.params.get("nextToken"), "nextToken")


def _described(world: World, event: HealthEvent) -> dict[str, Any]:
    event_id = f"{event.code}_{event.begin:%Y%m%d%H%M}"
    found: dict[str, Any] = {
        "arn": f"arn:aws:health:{world.region}::event/{event.service}/{event.code}/{event_id}",
        "service": event.service,
        "eventTypeCode": event.code,
        "eventTypeCategory": event.category,
        "region": world.region,
        "startTime": event.begin,
        "lastUpdatedTime": event.end or event.begin,
        "statusCode": "closed" if event.end else "open",
        "eventScopeCode": "PUBLIC",
    }
    return found | ({"endTime": event.end} if event.end else {})


@answers("service-quotas", "GetServiceQuota")
def get_service_quota(world: World, call: Call) -> dict[str, Any]:
    """Lambda's concurrent executions; no other quota is kept."""
    if (call.params["ServiceCode"], call.params["QuotaCode"]) != ("lambda", "L-B99A9384"):
        raise ApiError("NoSuchResourceException", "The specified quota does not exist.")
    return {
        "Quota": {
            "ServiceCode": "lambda",
            "ServiceName": "AWS Lambda",
            "QuotaCode": "L-B99A9384",
            "QuotaName": "Concurrent executions",
            "Value": float(world.state.concurrency_limit),
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }
    }


@answers("service-quotas", "RequestServiceQuotaIncrease")
def request_service_quota_increase(world: World, call: Call) -> dict[str, Any]:
    """A request is taken and changes nothing: AWS grants it hours or days later, if it does."""
    params = call.params
    return {
        "RequestedQuota": {
            "Id": noise.hexes(32, world.seed, "quota", params["QuotaCode"]),
            "ServiceCode": params["ServiceCode"],
            "QuotaCode": params["QuotaCode"],
            "DesiredValue": params["DesiredValue"],
            "Status": "PENDING",
            "Created": world.now,
        }
    }
