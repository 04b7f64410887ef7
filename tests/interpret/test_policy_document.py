"""Policy documents in every form AWS gives them, and in forms it never would."""

import json
from urllib.parse import quote

import pytest
from policy_samples import ALLOW, DENIED, FULL, GET, STREAM, UNKNOWN, allow, deny, policy

from runbook_lib.interpret.policy import Policy, evaluate

GOOD = {"Version": "2012-10-17", "Statement": allow(GET)}


@pytest.mark.parametrize(
    "document",
    [
        GOOD,
        json.dumps(GOOD),
        quote(json.dumps(GOOD)),
        quote(json.dumps(GOOD, indent=1), safe=""),
        {**GOOD, "Statement": [allow(GET)]},
        {**GOOD, "Statement": [allow([GET], [STREAM])]},
        {"Statement": allow(GET)},
        {**GOOD, "Id": "x", "Statement": [allow(GET, Condition=None, Sid="")]},
    ],
)
def test_a_document_is_read_in_every_form_aws_gives_it(document):
    """An object, JSON text or URL-encoded JSON text, with one statement or a list, is one and the same policy."""
    assert evaluate(GET, STREAM, identity=[Policy.parse("p", document)]).decision is ALLOW


MALFORMED = [
    None,
    "",
    "not json",
    "[]",
    '"text"',
    "%7B%22",
    "[" * 100_000,
    {},
    {"Statement": None},
    {"Statement": "Allow"},
    {"Statement": [None]},
    {"Statement": [{"Action": GET, "Resource": "*"}]},
    {"Statement": [{"Effect": ["Allow"], "Action": GET, "Resource": "*"}]},
    {"Statement": [{"Effect": "allow", "Action": GET, "Resource": "*"}]},
    {"Statement": [{"Effect": "Allow", "Resource": "*"}]},
    {"Statement": [{"Effect": "Allow", "Action": GET, "NotAction": GET, "Resource": "*"}]},
    {"Statement": [{"Effect": "Allow", "Action": {"a": 1}, "Resource": "*"}]},
    {"Statement": [{"Effect": "Allow", "Action": [1], "Resource": "*"}]},
    {"Statement": [allow(GET, Condition=["x"])]},
    {"Statement": [allow(GET, Condition={"StringEquals": "x"})]},
    {"Statement": [allow(GET, Principal=7)]},
    {"Statement": [allow(GET), {"Effect": "Deny"}]},
]


@pytest.mark.parametrize("document", MALFORMED, ids=lambda document: repr(document)[:60])
def test_a_document_that_cannot_be_read_leaves_the_answer_unknown(document):
    """Nothing raises; alone or beside a policy that allows, the answer is unknown, but a certain deny still stands."""
    broken = Policy.parse("broken", document)
    alone = evaluate(GET, STREAM, identity=[broken])
    assert (alone.decision, alone.policy, alone.statement) == (UNKNOWN, "broken", None)
    assert "could not be read" in alone.because
    assert evaluate(GET, STREAM, identity=[FULL, broken]).decision is UNKNOWN
    assert evaluate(GET, STREAM, identity=[policy(deny()), broken]).decision is DENIED


def test_a_statement_without_resource_leaves_the_answer_unknown():
    """IAM requires Resource outside trust policies, so what it would cover is not guessed."""
    answer = evaluate(GET, STREAM, identity=[policy({"Effect": "Allow", "Action": GET})])
    assert (answer.decision, "what its Resource covers" in answer.because) == (UNKNOWN, True)
