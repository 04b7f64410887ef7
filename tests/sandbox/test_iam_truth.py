"""The sandbox's own IAM: a definite decision for every request."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from runbook_lib.sandbox import LAMBDA_TRUST, ManagedPolicy, Role, State, allow, document, stream_reader
from runbook_lib.sandbox.pipe.iam_truth import context_keys, decide, refusal, trusts_lambda

NOW = datetime(2026, 3, 14, tzinfo=UTC)
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders"
STREAM = f"{TABLE}/stream/2026-01-01T00:00:00.001"
FENCE = "arn:aws:iam::123456789012:policy/fence"
READ = "dynamodb:GetRecords"
DENY = {"Effect": "Deny", "Action": READ, "Resource": "*"}


def account(*statements: Mapping[str, Any], boundary: Mapping[str, Any] | None = None) -> tuple[State, Role]:
    """An account with one role, these statements inline, and this statement as its boundary."""
    role = Role("r", "AROA", NOW, LAMBDA_TRUST, {"p": document(*statements)}, boundary=FENCE if boundary else None)
    policies = {FENCE: ManagedPolicy(FENCE, "ANPA", NOW, document(boundary))} if boundary else {}
    return State({}, {}, {}, {"r": role}, policies), role


CASES = [
    ([allow([READ], STREAM)], "allowed"),
    ([allow([READ], f"{TABLE}/stream/*")], "allowed"),
    ([allow(["dynamodb:*"], "*")], "allowed"),
    ([allow(["DYNAMODB:getrecords"], "*")], "allowed"),
    ([allow(["dynamodb:Get?ecords"], "*")], "allowed"),
    ([allow([READ], TABLE)], "implicitDeny"),
    ([allow([READ], f"{TABLE}/stream/2025-*")], "implicitDeny"),
    ([allow([READ], TABLE.lower() + "/*")], "implicitDeny"),
    ([allow(["dynamodb:GetItem"], "*")], "implicitDeny"),
    ([], "implicitDeny"),
    ([allow([READ], "*"), DENY], "explicitDeny"),
    ([DENY], "explicitDeny"),
    ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "allowed"),
    ([{"Effect": "Allow", "NotAction": "dynamodb:*", "Resource": "*"}], "implicitDeny"),
    ([{"Effect": "Allow", "Action": READ, "NotResource": TABLE}], "allowed"),
    ([allow([READ], "*"), {"Effect": "Deny", "Action": "*", "NotResource": f"{TABLE}/*"}], "allowed"),
    ([allow([READ], "*") | {"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}], "implicitDeny"),
    ([allow([READ], "*") | {"Condition": {"StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}}}], "allowed"),
    ([allow([READ], "*") | {"Condition": {"Null": {"aws:SourceVpc": "true"}}}], "allowed"),
    ([allow([READ], "*"), DENY | {"Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}}], "explicitDeny"),
    ([allow([READ], "*"), DENY | {"Condition": {"Bool": {"aws:ViaAWSService": "true"}}}], "allowed"),
]


@pytest.mark.parametrize(("statements", "decision"), CASES)
def test_statements_decide(statements: list[Mapping[str, Any]], decision: str) -> None:
    """Allow, explicit deny and silence are told apart, with wildcards, negations and conditions."""
    assert decide(*account(*statements), READ, STREAM).decision == decision


def test_a_context_satisfies_a_condition() -> None:
    """A key that is in the request is compared with the condition."""
    state, role = account(allow([READ], "*") | {"Condition": {"StringLike": {"aws:SourceVpc": "vpc-*"}}})
    assert decide(state, role, READ, STREAM, {"aws:SourceVpc": "vpc-1"}).allowed
    assert not decide(state, role, READ, STREAM, {"aws:SourceVpc": "other"}).allowed
    assert context_keys(state, role) == {"aws:SourceVpc"}


BOUNDARIES = [
    (allow([READ], "*"), "allowed", True, ""),
    (allow(["logs:*"], "*"), "implicitDeny", False, f"because no permissions boundary allows the {READ} action"),
    (DENY, "explicitDeny", False, "with an explicit deny in a permissions boundary"),
]


@pytest.mark.parametrize(("fence", "decision", "allows", "reason"), BOUNDARIES)
def test_a_boundary_must_allow_too(fence: Mapping[str, Any], decision: str, allows: bool, reason: str) -> None:
    """A boundary limits what identity policies grant, and the reason names it."""
    ruling = decide(*account(allow([READ], "*"), boundary=fence), READ, STREAM)
    assert (ruling.decision, ruling.boundary_allows, ruling.reason(READ)) == (decision, allows, reason)


def test_an_explicit_deny_matches_the_denying_policies_only() -> None:
    """The simulator lists who denied, not who would have allowed."""
    state, role = account(allow([READ], "*"))
    role = Role("r", "AROA", NOW, LAMBDA_TRUST, {"yes": document(allow([READ], "*")), "no": document(DENY)})
    assert [source.name for source in decide(state, role, READ, STREAM).matched] == ["role_r_no"]


def test_the_first_refused_read_is_named() -> None:
    """A poller fails at the first read its role may not make, in the poller's order."""
    state, _ = account(*stream_reader(f"{TABLE}/stream/*", ["dynamodb:DescribeStream"])["Statement"])
    found = refusal(state, "r", STREAM, STREAM.split(":")[4], state)
    assert found is not None
    assert found[0] == "dynamodb:GetShardIterator"
    state, _ = account(*stream_reader(f"{TABLE}/stream/*")["Statement"])
    assert refusal(state, "r", STREAM, STREAM.split(":")[4], state) is None


TRUSTS = [
    (LAMBDA_TRUST, True),
    (
        {
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com"]}, "Action": "sts:AssumeRole"}
            ]
        },
        False,
    ),
    ({"Statement": []}, False),
]


@pytest.mark.parametrize(("trust", "trusted"), TRUSTS)
def test_trust_names_the_service(trust: Mapping[str, Any], trusted: bool) -> None:
    """Lambda may assume a role only when its trust policy says so."""
    assert trusts_lambda(Role("r", "AROA", NOW, trust)) is trusted
