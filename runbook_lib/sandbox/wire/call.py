"""One API call as the sandbox's answers see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """A decoded request.

    `service` and `operation` are botocore's names ("dynamodbstreams", "DescribeStream"); `params` holds python values
    as boto3's callers pass them (timestamps are aware UTC datetimes); `sequence` counts the calls of one sandbox from
    1. `access_key` and `region` come from the request's signature scope; an unsigned request has an empty key.
    """

    service: str
    operation: str
    region: str
    access_key: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    sequence: int = 0

    @property
    def action(self) -> str:
        """Service and operation in one word, for messages: `lambda:GetFunction`."""
        return f"{self.service}:{self.operation}"
