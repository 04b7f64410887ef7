"""Whether a role's trust policy lets Lambda assume the role."""

import json
from urllib.parse import quote

import pytest
from policy_samples import ALLOW, DENIED, IMPLICIT, UNKNOWN

from runbook_lib.interpret.policy import trusts


def trust(**statement):
    """A trust policy with one statement, by default one that trusts Lambda."""
    lambda_itself = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    return {"Version": "2012-10-17", "Statement": [{**lambda_itself, **statement}]}


TRUST_DENY = {"Effect": "Deny", "Action": "sts:*", "Principal": {"Service": "lambda.amazonaws.com"}}
SOURCE = {"StringEquals": {"aws:SourceAccount": "123456789012"}}

TRUST = [
    ("lambda", trust(), ALLOW),
    ("as text", json.dumps(trust()), ALLOW),
    ("URL-encoded", quote(json.dumps(trust())), ALLOW),
    (
        "one of several services",
        trust(Principal={"Service": ["edgelambda.amazonaws.com", "lambda.amazonaws.com"]}),
        ALLOW,
    ),
    ("any STS action", trust(Action="sts:*"), ALLOW),
    ("list of actions", trust(Action=["sts:TagSession", "sts:AssumeRole"]), ALLOW),
    ("another service", trust(Principal={"Service": "ec2.amazonaws.com"}), IMPLICIT),
    ("a look-alike service", trust(Principal={"Service": "lambda.example.com"}), IMPLICIT),
    ("the service as an AWS principal", trust(Principal={"AWS": "lambda.amazonaws.com"}), IMPLICIT),
    ("an account", trust(Principal={"AWS": "123456789012"}), IMPLICIT),
    ("everyone", trust(Principal="*"), UNKNOWN),
    ("every AWS principal", trust(Principal={"AWS": "*"}), UNKNOWN),
    ("another action", trust(Action="sts:TagSession"), IMPLICIT),
    ("a web identity", trust(Action="sts:AssumeRoleWithWebIdentity"), IMPLICIT),
    ("no statements", {"Statement": []}, IMPLICIT),
    ("no principal", {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole"}}, UNKNOWN),
    ("a condition not known", trust(Condition=SOURCE), UNKNOWN),
    ("denied", {"Statement": [*trust()["Statement"], TRUST_DENY]}, DENIED),
    ("perhaps denied", {"Statement": [*trust()["Statement"], {**TRUST_DENY, "Condition": SOURCE}]}, UNKNOWN),
    ("not allowed, perhaps denied", {"Statement": [{**TRUST_DENY, "Condition": SOURCE}]}, IMPLICIT),
    ("unread", None, UNKNOWN),
    ("malformed", "{", UNKNOWN),
]


@pytest.mark.parametrize(("document", "decision"), [pytest.param(*c[1:], id=c[0]) for c in TRUST])
def test_a_trust_policy_tells_whether_lambda_may_assume_the_role(document, decision):
    """Lambda must be named as a service and allowed sts:AssumeRole; what cannot be told stays unknown."""
    assert trusts(document) is decision


def test_a_trust_condition_is_met_by_what_is_known():
    """A condition counts as met or failed once its key is given."""
    assert trusts(trust(Condition=SOURCE), context={"aws:SourceAccount": "123456789012"}) is ALLOW
    assert trusts(trust(Condition=SOURCE), context={"aws:SourceAccount": "111122223333"}) is IMPLICIT
    assert trusts(trust(Principal={"Service": "ec2.amazonaws.com"}), "ec2.amazonaws.com") is ALLOW
