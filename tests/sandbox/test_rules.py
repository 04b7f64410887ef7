"""What gets between an investigator and the answers, as real boto3 sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

from runbook_lib.sandbox import (
    INVESTIGATOR,
    Call,
    Rule,
    RunningSandbox,
    cut,
    deny,
    drop,
    expired_credentials,
    fail,
    garble,
    refuse,
    serve,
    skew,
    throttle,
)
from runbook_lib.sandbox.wire import rules
from runbook_lib.sandbox.wire.rules import RuleBook

SESSION = boto3.session.Session()
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders"
STREAM = f"{TABLE}/stream/2026-03-01T10:11:12.345"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:orders-projector"
GROUP = "/aws/lambda/orders-projector"
SIMULATION = {"PolicySourceArn": "arn:aws:iam::123456789012:role/r", "ActionNames": ["dynamodb:GetRecords"]}
METRICS = {
    "MetricDataQueries": [],
    "StartTime": datetime(2026, 3, 14, tzinfo=UTC),
    "EndTime": datetime(2026, 3, 15, tzinfo=UTC),
}


class EmptyWorld:
    """A world that answers nothing, with rules of its own."""

    now = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
    account = "123456789012"

    def __init__(self, *own: Rule) -> None:
        self.rules = own

    def seed_moto(self, client_factory: Callable[[str, str], Any]) -> None:
        """Create nothing."""


@contextmanager
def sandbox(monkeypatch: pytest.MonkeyPatch, *given: Rule, own: tuple[Rule, ...] = ()) -> Iterator[RunningSandbox]:
    """Serve an empty world that answers every DescribeTable, GetFunction and GetMetricData emptily."""
    answered = {("dynamodb", "DescribeTable"), ("lambda", "GetFunction"), ("cloudtrail", "LookupEvents")}
    monkeypatch.setattr("runbook_lib.sandbox.wire.front.ANSWERS", dict.fromkeys(answered, lambda world, call: {}))
    with serve(EmptyWorld(*own), rules=given) as running:
        yield running


def client(running: RunningSandbox, service: str, attempts: int = 1, key: str = INVESTIGATOR) -> Any:
    """Return a boto3 client of a sandbox that tries so many times."""
    return SESSION.client(
        service,
        region_name="eu-west-1",
        endpoint_url=running.url,
        aws_access_key_id=key,
        aws_secret_access_key="sandbox",
        config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}),
    )


def error_of(caller: Any, operation: str, params: dict[str, Any]) -> ClientError:
    """Return the error a call ends in."""
    with pytest.raises(ClientError) as caught:
        getattr(caller, operation)(**params)
    return caught.value


JSON, REST, QUERY = ("AccessDeniedException", 400), ("AccessDeniedException", 403), ("AccessDenied", 403)
DENIALS = [
    ("dynamodb", "describe_table", {"TableName": "Orders"}, JSON, "dynamodb:DescribeTable", TABLE),
    ("dynamodb", "list_tables", {}, JSON, "dynamodb:ListTables", "*"),
    ("dynamodbstreams", "describe_stream", {"StreamArn": STREAM}, JSON, "dynamodb:DescribeStream", STREAM),
    ("lambda", "get_function", {"FunctionName": "orders-projector"}, REST, "lambda:GetFunction", FUNCTION),
    ("lambda", "get_function", {"FunctionName": FUNCTION}, REST, "lambda:GetFunction", FUNCTION),
    ("lambda", "list_event_source_mappings", {"FunctionName": "f"}, REST, "lambda:ListEventSourceMappings", "*"),
    ("iam", "get_role", {"RoleName": "r"}, QUERY, "iam:GetRole", "role r"),
    (
        "iam",
        "simulate_principal_policy",
        SIMULATION,
        QUERY,
        "iam:SimulatePrincipalPolicy",
        SIMULATION["PolicySourceArn"],
    ),
    ("cloudwatch", "get_metric_data", METRICS, QUERY, "cloudwatch:GetMetricData", None),
    ("cloudtrail", "lookup_events", {}, JSON, "cloudtrail:LookupEvents", None),
    (
        "logs",
        "filter_log_events",
        {"logGroupName": GROUP},
        JSON,
        "logs:FilterLogEvents",
        f"arn:aws:logs:eu-west-1:123456789012:log-group:{GROUP}:log-stream:",
    ),
    ("health", "describe_events", {}, JSON, "health:DescribeEvents", None),
    ("service-quotas", "list_services", {}, JSON, "servicequotas:ListServices", None),
    ("sns", "list_topics", {}, ("AuthorizationError", 403), "sns:ListTopics", None),
    ("sts", "get_caller_identity", {}, QUERY, "sts:GetCallerIdentity", None),
]


@pytest.mark.parametrize(("service", "operation", "params", "code_and_status", "action", "resource"), DENIALS)
def test_a_denial_is_worded_as_the_service_words_it(
    service: str,
    operation: str,
    params: dict[str, Any],
    code_and_status: tuple[str, int],
    action: str,
    resource: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each service denies with its own code and status, in IAM's sentence, and is not asked twice."""
    with sandbox(monkeypatch, deny(service)) as running:
        response = error_of(client(running, service, attempts=3), operation, params).response
        assert [entry.source for entry in running.journal] == ["rule"]
    on = f" on resource: {resource}" if resource else ""
    assert response["Error"]["Message"] == (
        f"User: arn:aws:iam::123456789012:user/investigator is not authorized to perform: {action}{on} "
        f"because no identity-based policy allows the {action} action"
    )
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == code_and_status


THROTTLES = [
    ("dynamodb", "describe_table", {"TableName": "Orders"}, "ThrottlingException", 400),
    ("lambda", "get_function", {"FunctionName": "f"}, "TooManyRequestsException", 429),
    ("iam", "list_roles", {}, "Throttling", 400),
    ("cloudwatch", "get_metric_data", METRICS, "Throttling", 400),
    ("cloudtrail", "lookup_events", {}, "ThrottlingException", 400),
    ("logs", "filter_log_events", {"logGroupName": GROUP}, "ThrottlingException", 400),
]


@pytest.mark.parametrize(("service", "operation", "params", "code", "status"), THROTTLES)
def test_throttling_is_worded_as_the_service_words_it(
    service: str, operation: str, params: dict[str, Any], code: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each service throttles with its own code and status, and botocore knows it for throttling and retries."""
    with sandbox(monkeypatch, throttle(service)) as running:
        response = error_of(client(running, service, attempts=2), operation, params).response
        assert len(running.journal) == 2
    assert response["Error"]["Code"] == code
    assert (response["ResponseMetadata"]["HTTPStatusCode"], response["ResponseMetadata"]["RetryAttempts"]) == (
        status,
        1,
    )


@pytest.mark.parametrize(
    ("rule", "statuses"),
    [
        (throttle("dynamodb", "DescribeTable", times=1), [400, 200]),
        (fail("dynamodb", status=503, times=1), [503, 200]),
        (fail("dynamodb", status=500, times=1), [500, 200]),
        (drop("dynamodb", times=1), [0, 200]),
    ],
)
def test_a_client_gets_over_what_happens_once(rule: Rule, statuses: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Throttling, a failure and a lost connection that happen once are got over by the client's own retry."""
    with sandbox(monkeypatch, rule) as running:
        client(running, "dynamodb", attempts=3).describe_table(TableName="Orders")
        assert [entry.status for entry in running.journal] == statuses


def test_a_date_may_be_off_and_a_body_may_break_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A skewed clock moves the Date header alone; a body that is cut or halved has its length still, or no more."""
    with sandbox(monkeypatch, skew(timedelta(hours=-9))) as running:
        meta = client(running, "dynamodb").describe_table(TableName="Orders")["ResponseMetadata"]
    assert meta["HTTPHeaders"]["date"] == "Sat, 14 Mar 2026 06:09:26 GMT"
    for rule in (cut, garble):
        with sandbox(monkeypatch, rule("dynamodb")) as running:
            meta = client(running, "dynamodb").describe_table(TableName="Orders")["ResponseMetadata"]
            assert int(meta["HTTPHeaders"]["content-length"]) == (2 if rule is cut else 1)


def test_a_dropped_connection_is_a_connection_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is always dropped is botocore's connection error, and the journal says so."""
    with sandbox(monkeypatch, drop("dynamodb")) as running:
        with pytest.raises(HTTPClientError, match="closed"):
            client(running, "dynamodb").describe_table(TableName="Orders")
        assert (running.journal[0].error, running.journal[0].source) == ("ConnectionDropped", "rule")


@pytest.mark.parametrize(
    ("service", "operation", "params", "code"),
    [
        ("dynamodb", "describe_table", {"TableName": "Orders"}, "ExpiredTokenException"),
        ("lambda", "get_function", {"FunctionName": "f"}, "ExpiredTokenException"),
        ("sts", "get_caller_identity", {}, "ExpiredToken"),
    ],
)
def test_expired_credentials(
    service: str, operation: str, params: dict[str, Any], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expired credentials fail every call, in the word of its service."""
    with sandbox(monkeypatch, expired_credentials()) as running:
        error = error_of(client(running, service), operation, params)
    assert error.response["Error"]["Code"] == code
    assert "expired" in error.response["Error"]["Message"]


def test_a_rule_may_be_about_one_principal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A denial for one access key leaves another alone."""
    with sandbox(monkeypatch, deny("dynamodb", principal=INVESTIGATOR)) as running:
        error_of(client(running, "dynamodb"), "describe_table", {"TableName": "Orders"})
        client(running, "dynamodb", key="AKIDSOMEONEELSE").describe_table(TableName="Orders")


def test_a_rule_may_be_about_one_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A denial of one operation leaves other operations and services alone."""
    with sandbox(monkeypatch, deny("cloudtrail", "LookupEvents")) as running:
        error_of(client(running, "cloudtrail"), "lookup_events", {})
        client(running, "dynamodb").describe_table(TableName="Orders")


def test_a_world_may_carry_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules of the world apply like rules given to the server."""
    refused = refuse("health", "*", "SubscriptionRequiredException", "Amazon Web Services Premium Support is required")
    with sandbox(monkeypatch, own=(refused,)) as running:
        health = client(running, "health")
        error = error_of(health, "describe_events", {})
    assert error.response["Error"]["Code"] == "SubscriptionRequiredException"


def test_rules_are_counted_per_sandbox() -> None:
    """A rule used up in one sandbox is unused in another."""
    rule, call = throttle("dynamodb", times=2), Call("dynamodb", "DescribeTable", "eu-west-1")
    books = [RuleBook([rule]), RuleBook([rule])]
    assert [len(book.apply_to(call)) for book in books for _ in range(3)] == [1, 1, 0, 1, 1, 0]


def test_latency_and_refusal_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call may be delayed by one rule and refused by another."""
    with sandbox(monkeypatch, rules.latency(120), deny("dynamodb")) as running:
        error_of(client(running, "dynamodb"), "describe_table", {"TableName": "Orders"})
        assert running.journal[0].ms >= 120
