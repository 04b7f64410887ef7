"""The rates that AWS grants an account in a region, enforced: what comes quicker is throttled as AWS throttles it.

AWS refills a bucket of requests; that each holds a second's worth is assumed, for AWS says so for some services only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from runbook_lib.sandbox.wire.call import Call

PER_SECOND: Mapping[tuple[str, str], float] = {
    ("cloudtrail", "LookupEvents"): 2,
    ("cloudwatch", "GetMetricData"): 50,
    ("cloudwatch", "DescribeAlarmsForMetric"): 9,
    ("cloudwatch", "DescribeAlarmHistory"): 9,
    ("dynamodb", "DescribeTable"): 50,
    ("dynamodbstreams", "DescribeStream"): 10,
    ("dynamodbstreams", "ListStreams"): 5,
    ("lambda", "*"): 15,
    ("logs", "FilterLogEvents"): 5,
}
"""Requests per second by service and operation; `*` is shared by all others of the service.

From the quota pages of CloudTrail, CloudWatch, CloudWatch Logs (the slowest regions) and Lambda, and the API Reference
of DynamoDB Streams; for DescribeTable AWS publishes none, and this one is assumed.
"""


class Rates:
    """How many requests each account and region has left just now. Threads may ask at the same time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: dict[tuple[str, str, str, str], tuple[float, float]] = {}
        self._lock = threading.Lock()

    def grants(self, call: Call, account: str) -> bool:
        """Tell whether a call is within the rate, and count it if it is."""
        name = call.operation if (call.service, call.operation) in PER_SECOND else "*"
        rate = PER_SECOND.get((call.service, name))
        if rate is None:
            return True
        key = (account, call.region, call.service, name)
        with self._lock:
            now = self._clock()
            left, at = self._left.get(key, (rate, now))
            left = min(rate, left + (now - at) * rate)
            granted = left >= 1
            self._left[key] = (left - granted, now)
        return granted
