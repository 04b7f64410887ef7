"""AWS's rates in the sandbox: what comes quicker is throttled, in each service's words, and nothing else is."""

from __future__ import annotations

from collections import deque

import pytest
from worlds import A_MOMENT, NOW, sandboxed

from runbook_lib.sandbox import Call, build, serve
from runbook_lib.sandbox.wire.rates import PER_SECOND, Rates

LIST = Call("lambda", "ListEventSourceMappings", "eu-west-1")


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def _granted(rates: Rates, call: Call, times: int, account: str = "123456789012") -> int:
    return sum(rates.grants(call, account) for _ in range(times))


def test_a_second_holds_what_aws_grants() -> None:
    """Of many calls at one instant as many pass as AWS grants in a second, and as many again a second later."""
    clock = Clock()
    rates = Rates(clock)
    assert _granted(rates, LIST, 50) == 15
    clock.now += 1
    assert _granted(rates, LIST, 50) == 15
    clock.now += 0.2
    assert _granted(rates, LIST, 50) == 3


def test_operations_of_lambda_share_their_rate() -> None:
    """What one operation of Lambda uses up another one lacks."""
    rates = Rates(Clock())
    assert _granted(rates, LIST, 10) == 10
    assert _granted(rates, Call("lambda", "GetFunctionConcurrency", "eu-west-1"), 10) == 5


def test_accounts_and_regions_have_rates_of_their_own() -> None:
    """A region or account that is asked too much throttles no other."""
    rates = Rates(Clock())
    assert _granted(rates, LIST, 20) == 15
    assert _granted(rates, LIST, 20, "111122223333") == 15
    assert _granted(rates, Call("lambda", "ListEventSourceMappings", "us-east-1"), 20) == 15


def test_what_has_no_rate_is_always_granted() -> None:
    """A call without a published rate is never throttled."""
    assert _granted(Rates(Clock()), Call("sts", "GetCallerIdentity", "eu-west-1"), 500) == 500


@pytest.mark.parametrize(
    ("service", "operation", "params", "code"),
    [
        ("lambda", "list_event_source_mappings", {}, "TooManyRequestsException"),
        ("cloudtrail", "lookup_events", {}, "ThrottlingException"),
        ("dynamodbstreams", "list_streams", {}, "ThrottlingException"),
    ],
)
def test_who_asks_too_often_is_throttled_over_http(
    service: str, operation: str, params: dict[str, str], code: str
) -> None:
    """A client without retries that asks too often gets the throttling error of the service."""
    import boto3
    from botocore.config import Config

    with serve(build("healthy", NOW, seed=1, history=A_MOMENT), rates=True) as sandbox:
        client = boto3.client(
            service,
            region_name="eu-west-1",
            endpoint_url=sandbox.url,
            aws_access_key_id="AKIDSANDBOXINVESTIGATOR",
            aws_secret_access_key="sandbox",
            config=Config(retries={"total_max_attempts": 1}),
        )
        ask = getattr(client, operation)
        with pytest.raises(client.exceptions.ClientError) as failure:
            deque((ask(**params) for _ in range(40)), maxlen=0)
    assert failure.value.response["Error"]["Code"] == code


def test_nothing_is_throttled_unless_asked_for() -> None:
    """A sandbox that is not asked to enforce rates grants everything."""
    with sandboxed(build("healthy", NOW, seed=1, history=A_MOMENT)) as sandbox:
        import boto3

        client = boto3.client("lambda", region_name="eu-west-1")
        for _ in range(60):
            client.list_event_source_mappings()
        assert {entry.error for entry in sandbox.journal} == {None}  # type: ignore[attr-defined]


def test_rates_are_of_one_second_at_least() -> None:
    """Each rate grants a call a second, or a bucket of a second's worth would never hold one."""
    assert min(PER_SECOND.values()) >= 1
