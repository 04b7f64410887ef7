"""Small CloudTrail records in AWS's shape, for tests: one builder, and the identities that call."""

from __future__ import annotations

from typing import Any

ACCOUNT = "123456789012"
UUID = "7c1f9a52-3b60-4d0e-9d2b-5a6f0e1c8b44"
KEY = "0f6b2c4e-1111-2222-3333-444455556666"
STREAM = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/orders/stream/2026-03-01T08:00:00.000"
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:project-orders"

USER = {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/operator", "accountId": ACCOUNT, "userName": "operator"}
DEPLOYER = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/release-7",
    "accountId": ACCOUNT,
}


def record(
    name: str,
    request: dict[str, Any] | None = None,
    *,
    source: str = "lambda",
    response: dict[str, Any] | None = None,
    **members: Any,
) -> dict[str, Any]:
    """Give a record of one call; any further member replaces or adds to the usual ones."""
    return {
        "eventVersion": "1.11",
        "userIdentity": USER,
        "eventTime": "2026-03-02T04:43:07Z",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.9",
        "userAgent": "aws-cli/2.27.41",
        "requestParameters": request,
        "responseElements": response,
        "eventID": "5d2f3a10-0000-4000-8000-000000000001",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        **members,
    }
