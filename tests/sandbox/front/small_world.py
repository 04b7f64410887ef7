"""A world as small as the front allows, with answers of every protocol, and clients to ask it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from runbook_lib.sandbox import INVESTIGATOR, ApiError, Call, RunningSandbox

NOW = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
ROLE = "orders-projector-role"
SESSION = boto3.session.Session()
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


class SmallWorld:
    """As little of a world as the front needs, and a role in moto if one is named."""

    def __init__(self, role: str | None = None, account: str = "123456789012") -> None:
        self.now = NOW
        self.account = account
        self.role = role

    def seed_moto(self, client_factory: Callable[[str, str], Any]) -> None:
        """Create the role."""
        if self.role is None:
            return
        iam = client_factory("iam", "us-east-1")
        iam.create_role(RoleName=self.role, AssumeRolePolicyDocument=TRUST)
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
        iam.put_role_policy(RoleName=self.role, PolicyName="write-logs", PolicyDocument=json.dumps(policy))


def table_answer(world: SmallWorld, call: Call) -> dict[str, Any]:
    """Answer DescribeTable with the call's own table name, region and the world's clock."""
    name = call.params["TableName"].rpartition("/")[2]
    if name == "missing":
        raise ApiError("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")
    arn = f"arn:aws:dynamodb:{call.region}:{world.account}:table/{name}"
    return {"Table": {"TableName": name, "TableArn": arn, "TableStatus": "ACTIVE", "CreationDateTime": world.now}}


def function_answer(world: SmallWorld, call: Call) -> dict[str, Any]:
    """Answer GetFunction with the function name as it was asked for."""
    return {"Configuration": {"FunctionName": call.params["FunctionName"], "Runtime": "python3.12"}}


def metrics_answer(world: SmallWorld, call: Call) -> dict[str, Any]:
    """Answer GetMetricData with what was asked for, and the start time as the one timestamp."""
    asked = call.params["MetricDataQueries"]
    result = [{"Id": q["Id"], "Timestamps": [call.params["StartTime"]], "Values": [4.5]} for q in asked]
    return {"MetricDataResults": [{**r, "StatusCode": "Complete"} for r in result]}


def mistaken_answer(world: SmallWorld, call: Call) -> dict[str, Any]:
    """Answer ListTables with a member the model does not have."""
    return {"TableNames": ["Orders"], "Tables": 1}


def crashing_answer(world: SmallWorld, call: Call) -> dict[str, Any]:
    """Answer DescribeLimits with an exception."""
    raise KeyError("boom")


ANSWERS = {
    ("dynamodb", "DescribeTable"): table_answer,
    ("lambda", "GetFunction"): function_answer,
    ("cloudwatch", "GetMetricData"): metrics_answer,
    ("dynamodb", "ListTables"): mistaken_answer,
    ("dynamodb", "DescribeLimits"): crashing_answer,
}


def client(
    running: RunningSandbox, service: str, region: str = "eu-west-1", key: str = INVESTIGATOR, attempts: int = 1
) -> Any:
    """Return a boto3 client of a sandbox."""
    config = Config(retries={"total_max_attempts": attempts, "mode": "standard"}, max_pool_connections=20)
    return SESSION.client(
        service,
        region_name=region,
        endpoint_url=running.url,
        aws_access_key_id=key,
        aws_secret_access_key="sandbox",
        config=config,
    )


def error_of(call: Callable[[], Any]) -> tuple[str, int, str]:
    """Return code, status and message of the error a call ends in."""
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]
