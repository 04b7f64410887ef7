"""Who may use a KMS key: its policy decides alone, or hands the question on."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.interpret.key_policy import DECRYPT, may_use_key, stream_key_context
from runbook_lib.interpret.policy import Decision, Policy

ROLE = "arn:aws:iam::123456789012:role/orders-projector-role"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/5e2d1c8a-7b34-4f0e-9a61-c83d5b7f2e10"
VIA = {"StringEquals": {"kms:ViaService": "dynamodb.eu-west-1.amazonaws.com"}}
ELSEWHERE = {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
UNKNOWN = {"StringEquals": {"aws:PrincipalTag/team": "orders"}}


def _key(principal: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    who = principal if isinstance(principal, str) and principal == "*" else {"AWS": principal}
    return {"Effect": effect, "Principal": who, "Action": "kms:*", "Resource": "*", **more}


def _own(effect: str = "Allow") -> dict[str, Any]:
    return {"Effect": effect, "Action": "kms:Decrypt", "Resource": KEY}


ROOT = _key("arn:aws:iam::123456789012:root")
OTHERS = _key("arn:aws:iam::123456789012:role/orders-notifier-role")

CASES: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]], Decision]] = [
    ("named", [_key(ROLE)], [], Decision.ALLOW),
    ("named among others", [OTHERS, _key(ROLE)], [], Decision.ALLOW),
    ("everybody", [_key("*")], [], Decision.ALLOW),
    ("everybody through DynamoDB", [_key("*", Condition=VIA)], [], Decision.ALLOW),
    ("everybody through S3", [_key("*", Condition=ELSEWHERE)], [], Decision.IMPLICIT_DENY),
    ("account without a grant of its own", [ROOT], [], Decision.IMPLICIT_DENY),
    ("account with one", [ROOT], [_own()], Decision.ALLOW),
    ("account by its number", [_key("123456789012")], [_own()], Decision.ALLOW),
    ("another account", [_key("arn:aws:iam::111122223333:root")], [_own()], Decision.IMPLICIT_DENY),
    ("identity alone is not enough", [OTHERS], [_own()], Decision.IMPLICIT_DENY),
    ("no statement", [], [_own()], Decision.IMPLICIT_DENY),
    ("named and denied by the key", [_key(ROLE), _key("*", "Deny")], [], Decision.EXPLICIT_DENY),
    ("account and denied by the role", [ROOT], [_own(), _own("Deny")], Decision.EXPLICIT_DENY),
    ("a condition that nobody knows of", [_key(ROLE, Condition=UNKNOWN)], [], Decision.UNKNOWN),
]


@pytest.mark.parametrize(("key", "own", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_who_may_decrypt(key: list[dict[str, Any]], own: list[dict[str, Any]], expected: Decision) -> None:
    """The key's policy allows by itself, or lets the role's own decide; nothing else suffices."""
    found = may_use_key(
        DECRYPT,
        KEY,
        identity=(Policy.parse("own", {"Version": "2012-10-17", "Statement": own}),),
        boundary=None,
        key_policy=Policy.parse("key policy", {"Version": "2012-10-17", "Statement": key}),
        principal_arn=ROLE,
        context=stream_key_context(ROLE, "eu-west-1"),
    )
    assert found.decision is expected


def test_an_unread_key_policy_settles_nothing() -> None:
    """A key whose policy could not be read neither allows nor refuses."""
    found = may_use_key(
        DECRYPT, KEY, identity=(), boundary=None, key_policy=Policy("key policy", None), principal_arn=ROLE,
        context=stream_key_context(ROLE, "eu-west-1"),
    )  # fmt: skip
    assert found.decision is Decision.UNKNOWN
