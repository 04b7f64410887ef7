"""Conditions on a policy, held against what a stream poller sends."""

import pytest
from policy_samples import ALLOW, DENIED, GET, IMPLICIT, ROLE, STREAM, UNKNOWN, allow, deny, policy, when

from runbook_lib.interpret.policy import POLLER_CONTEXT, evaluate, poller_context

CONDITIONS = [
    ("met", "allow", "StringEquals", "aws:RequestedRegion", "eu-west-1", ALLOW, "allows"),
    (
        "not met",
        "allow",
        "StringEquals",
        "aws:RequestedRegion",
        "us-east-1",
        IMPLICIT,
        "StringEquals aws:RequestedRegion",
    ),
    (
        "one of several values",
        "allow",
        "StringEquals",
        "aws:RequestedRegion",
        ["us-east-1", "eu-west-1"],
        ALLOW,
        "allows",
    ),
    ("not known", "allow", "StringEquals", "aws:PrincipalTag/team", "a", UNKNOWN, "StringEquals aws:PrincipalTag/team"),
    ("undocumented operator", "allow", "StringMatches", "aws:RequestedRegion", "eu-west-1", UNKNOWN, "StringMatches"),
    (
        "function code only",
        "allow",
        "ArnEquals",
        "lambda:SourceFunctionArn",
        "arn:aws:lambda:*:*:function:x",
        IMPLICIT,
        "not met",
    ),
    (
        "from one VPC",
        "allow",
        "StringEquals",
        "aws:SourceVpc",
        "vpc-1",
        IMPLICIT,
        "StringEquals aws:SourceVpc is not met",
    ),
    ("from one endpoint", "allow", "StringEquals", "aws:SourceVpce", "vpce-1", IMPLICIT, "not met"),
    ("from one range", "allow", "IpAddress", "aws:SourceIp", "203.0.113.0/24", IMPLICIT, "IpAddress aws:SourceIp"),
    ("from anywhere", "allow", "IpAddress", "aws:SourceIp", "0.0.0.0/0", UNKNOWN, "IpAddress aws:SourceIp"),
    (
        "if there is an address at all",
        "allow",
        "IpAddressIfExists",
        "aws:SourceIp",
        "203.0.113.0/24",
        UNKNOWN,
        "IfExists",
    ),
    (
        "if code calls",
        "allow",
        "ArnEqualsIfExists",
        "lambda:SourceFunctionArn",
        "arn:aws:lambda:*:*:function:x",
        ALLOW,
        "",
    ),
    ("no code calls", "allow", "Null", "lambda:SourceFunctionArn", "true", ALLOW, "allows"),
    ("code calls", "allow", "Null", "lambda:SourceFunctionArn", "false", IMPLICIT, "Null lambda:SourceFunctionArn"),
    ("some endpoint", "allow", "Null", "aws:SourceVpce", "false", UNKNOWN, "Null aws:SourceVpce"),
    ("by this role", "allow", "ArnEquals", "aws:PrincipalArn", ROLE, ALLOW, "allows"),
    ("by its account", "allow", "StringEquals", "aws:PrincipalAccount", "123456789012", ALLOW, "allows"),
    ("deny met", "deny", "StringNotEquals", "aws:RequestedRegion", "us-east-1", DENIED, "denies"),
    ("deny not met", "deny", "StringNotEquals", "aws:RequestedRegion", ["us-east-1", "eu-west-1"], ALLOW, "allows"),
    ("deny not known", "deny", "StringEquals", "aws:PrincipalTag/team", "a", UNKNOWN, "denies"),
    ("deny outside the range", "deny", "NotIpAddress", "aws:SourceIp", "203.0.113.0/24", DENIED, "denies"),
    ("deny outside the VPC", "deny", "StringNotEquals", "aws:SourceVpc", "vpc-1", DENIED, "denies"),
    ("deny outside the VPC, if any", "deny", "StringNotEqualsIfExists", "aws:SourceVpc", "vpc-1", DENIED, "denies"),
    (
        "deny but for one function",
        "deny",
        "ArnNotEquals",
        "lambda:SourceFunctionArn",
        "arn:aws:lambda:*:*:function:x",
        DENIED,
        "",
    ),
    ("deny to services", "deny", "Bool", "aws:ViaAWSService", "true", ALLOW, "allows"),
    ("deny to non-services", "deny", "Bool", "aws:PrincipalIsAWSService", "false", DENIED, "denies"),
    (
        "deny without MFA",
        "deny",
        "BoolIfExists",
        "aws:MultiFactorAuthPresent",
        "false",
        UNKNOWN,
        "MultiFactorAuthPresent",
    ),
]


@pytest.mark.parametrize(
    ("effect", "operator", "key", "value", "decision", "because"), [pytest.param(*c[1:], id=c[0]) for c in CONDITIONS]
)
def test_conditions_are_held_against_what_a_poller_sends(effect, operator, key, value, decision, because):
    """A condition the poller can never meet fails, an unknown one leaves the answer unknown, naming the key."""
    test = when(operator, key, value)
    statements = [allow(GET, **test)] if effect == "allow" else [allow(GET), deny(GET, **test)]
    answer = evaluate(GET, STREAM, identity=[policy(*statements)], context=poller_context(ROLE, STREAM))
    assert answer.decision is decision
    assert because in answer.because


def test_a_certain_allow_outweighs_one_that_is_not_known():
    """An unknown Allow beside a certain one changes nothing."""
    statements = [allow(GET, **when("StringEquals", "aws:PrincipalTag/team", "a")), allow(GET)]
    assert evaluate(GET, STREAM, identity=[policy(*statements)]).decision is ALLOW


def test_every_test_of_a_condition_must_be_met():
    """One failed test decides, whatever else is unknown."""
    both = {"StringEquals": {"aws:PrincipalTag/team": "a", "aws:RequestedRegion": "us-east-1"}}
    answer = evaluate(
        GET, STREAM, identity=[policy(allow(GET, Condition=both))], context={"aws:RequestedRegion": "eu-west-1"}
    )
    assert answer.decision is IMPLICIT


def test_the_poller_is_known_to_send_no_function_and_no_origin():
    """What Lambda documents as absent is given as absent, and who polls where follows from the ARNs."""
    assert POLLER_CONTEXT["lambda:SourceFunctionArn"] is None
    assert {POLLER_CONTEXT[f"aws:{key}"] for key in ("SourceVpc", "SourceVpce", "SourceIp")} == {None}
    known = poller_context(ROLE, STREAM)
    assert known.items() >= POLLER_CONTEXT.items()
    assert (known["aws:PrincipalArn"], known["aws:RequestedRegion"]) == (ROLE, "eu-west-1")
