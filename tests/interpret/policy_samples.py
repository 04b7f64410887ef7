"""Statements, policies and ARNs the policy tests share."""

from runbook_lib.interpret.policy import Decision, Policy

ALLOW, DENIED, IMPLICIT, UNKNOWN = Decision.ALLOW, Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY, Decision.UNKNOWN
GET = "dynamodb:GetRecords"
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"
STREAM = f"{TABLE}/stream/2026-09-17T12:49:54.528"
OLD_STREAM = f"{TABLE}/stream/2025-01-05T08:00:00.000"
ROLE = "arn:aws:iam::123456789012:role/service-role/orders-reader"
SESSION = "arn:aws:sts::123456789012:assumed-role/orders-reader/awslambda_701_20260917131452217"
FOREIGN_ROLE = "arn:aws:iam::111122223333:role/orders-reader"


def allow(action="dynamodb:*", resource=STREAM, **more):
    """An Allow statement."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action="dynamodb:*", resource="*", **more):
    """A Deny statement."""
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def policy(*statements, name="orders-read", version="2012-10-17"):
    """A policy with these statements."""
    return Policy(name, {"Version": version, "Statement": list(statements)})


def when(operator, key, value):
    """A Condition element with one test."""
    return {"Condition": {operator: {key: value}}}


UNREAD = Policy("lost", None)
FULL = policy(allow("*", "*"), name="full")
