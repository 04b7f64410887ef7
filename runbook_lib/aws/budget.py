"""How often AWS may be asked: a token bucket for every rate that it grants one account in one region.

A bucket begins full, so that an ordinary investigation starts at once, and fills up at a little less than AWS's rate:
others in the account call too, and one request may overtake another on its way.
"""

from __future__ import annotations

import ipaddress
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from runbook_lib.aws.reads import iam_action
from runbook_lib.observed import Gap, NotObserved

OUT_OF_TIME = "Timeout"
"""The code of the gap that a call leaves which was not made in time."""

_SHARE = 0.9
"""Of AWS's rate, what a bucket fills up at."""


@dataclass(frozen=True)
class Limit:
    """A rate that AWS grants one account in one region, how many requests of it may go at once, and who says so."""

    per_s: float
    burst: int
    source: str

    def shared(self, among: int) -> Limit:
        """Give the part of one among several that ask at the same time; one request may always go at once."""
        return replace(self, per_s=self.per_s / among, burst=max(1, self.burst // among))


_USER_GUIDE = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html"
_STREAMS_API = "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference"
_LAMBDA_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_LOGS_GUIDE = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"
_METRICS_GUIDE = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html"
_OF_ALARMS = f"the lowest rate of an operation on alarms in {_METRICS_GUIDE}"
_UNPUBLISHED = "AWS publishes no rate; ours is a cautious one"

LIMITS: Mapping[tuple[str, str], Limit] = {
    ("cloudtrail", "LookupEvents"): Limit(2, 2, _USER_GUIDE),
    ("cloudwatch", "GetMetricData"): Limit(50, 10, _METRICS_GUIDE),
    ("cloudwatch", "DescribeAlarmsForMetric"): Limit(9, 8, _OF_ALARMS),
    ("cloudwatch", "DescribeAlarmHistory"): Limit(9, 8, _OF_ALARMS),
    ("dynamodb", "DescribeTable"): Limit(50, 10, _UNPUBLISHED),
    ("dynamodb", "*"): Limit(20, 10, _UNPUBLISHED),
    ("dynamodbstreams", "DescribeStream"): Limit(10, 8, f"{_STREAMS_API}/API_streams_DescribeStream.html"),
    ("dynamodbstreams", "ListStreams"): Limit(5, 4, f"{_STREAMS_API}/API_streams_ListStreams.html"),
    ("lambda", "*"): Limit(15, 12, _LAMBDA_GUIDE),
    ("logs", "FilterLogEvents"): Limit(5, 4, _LOGS_GUIDE),
}
"""By service and operation; `*` is one rate that all other operations of the service share.

What has no line, has no rate that one investigation could come near. FilterLogEvents has twice to five times the rate
in most regions, and this one in the slowest.
"""


class Budget:
    """The buckets of one account. Threads may share it; `clock` tells seconds, `sleep` waits unless it is stopped.

    `share` says how many processes work on the account at the same time: each takes its part of every rate.
    An endpoint on this machine (`AWS_ENDPOINT_URL`) is no AWS and sets no rates, unless the environment has
    `RUNBOOK_PACE=aws`; any other endpoint leads to AWS, through a proxy or from inside a VPC.
    """

    def __init__(
        self,
        limits: Mapping[tuple[str, str], Limit] = LIMITS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        share: int = 1,
    ) -> None:
        applies = not _is_here(os.environ.get("AWS_ENDPOINT_URL", "")) or os.environ.get("RUNBOOK_PACE") == "aws"
        self._limits = {key: limit.shared(share) for key, limit in limits.items()} if applies else {}
        self._clock = clock
        self._stopped = threading.Event()
        self._sleep = sleep or self._stopped.wait
        self._full_at: dict[tuple[str, str, str], float] = {}
        self._deadline: float | None = None
        self._lock = threading.Lock()

    def expire_in(self, seconds: float) -> None:
        """Let no call begin later than this many seconds from now."""
        self._deadline = self._clock() + seconds

    def stop(self) -> None:
        """Let no further call begin; whoever waits for its turn is sent away."""
        self._stopped.set()

    def wait(self, service: str, operation: str, region: str) -> None:
        """Wait until this call may be made. Raises NotObserved when it cannot be made in time."""
        wait_s = self._reserve(service, operation, region)
        if wait_s is None or self._stopped.is_set():
            raise NotObserved(_not_made(service, operation, region))
        if wait_s > 0:
            self._sleep(wait_s)
            if self._stopped.is_set():
                raise NotObserved(_not_made(service, operation, region))

    def _reserve(self, service: str, operation: str, region: str) -> float | None:
        """Take a token and say how long until it is there; None when that is too late, and then none is taken.

        A bucket is kept as the time at which it would be full again: each token taken moves that further away.
        """
        name = operation if (service, operation) in self._limits else "*"
        limit = self._limits.get((service, name))
        with self._lock:
            now = self._clock()
            if self._deadline is not None and now >= self._deadline:
                return None
            if limit is None:
                return 0.0
            each = 1 / (limit.per_s * _SHARE)
            full_at = max(self._full_at.get((service, name, region), now), now) + each
            wait_s = max(0.0, round(full_at - now - limit.burst * each, 6))
            if self._deadline is not None and now + wait_s > self._deadline:
                return None
            self._full_at[service, name, region] = full_at
            return wait_s


def _is_here(endpoint: str) -> bool:
    """Whether an endpoint is on this machine: localhost, or a loopback address."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _not_made(service: str, operation: str, region: str) -> Gap:
    name = iam_action(service, operation)
    return Gap(name, region, OUT_OF_TIME, f"{name} in {region} was not asked for want of time.")
