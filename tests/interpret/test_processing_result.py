"""What a mapping's LastProcessingResult is read as."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.interpret.policy import PolicyType
from runbook_lib.interpret.processing_result import ProcessingResult, ResultKind, read

STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-09-17T12:49:54.528"
SESSION = "arn:aws:sts::123456789012:assumed-role/orders-reader/awslambda_701_20260917131452217"
CALL = f"User: {SESSION} is not authorized to perform: dynamodb:DescribeStream on resource: {STREAM}"
NOT_ALLOWED = "allows the dynamodb:DescribeStream action"


@pytest.mark.parametrize(
    ("text", "kind", "is_problem"),
    [
        (None, ResultKind.ABSENT, False),
        ("", ResultKind.ABSENT, False),
        ("  ", ResultKind.ABSENT, False),
        ("No records processed", ResultKind.NONE_YET, False),
        ("No records processed.", ResultKind.NONE_YET, False),
        ("OK", ResultKind.OK, False),
        ("PROBLEM: Function call failed", ResultKind.FUNCTION_CALL_FAILED, True),
        ("PROBLEM: Function call failed.", ResultKind.FUNCTION_CALL_FAILED, True),
        (f"PROBLEM: {CALL} with an explicit deny in an identity-based policy", ResultKind.NOT_AUTHORIZED, True),
        ("PROBLEM: internal Lambda error. Please contact Lambda customer support.", ResultKind.INTERNAL_ERROR, True),
        ("PROBLEM: Lambda failed to assume your function execution role.", ResultKind.CANNOT_ASSUME_ROLE, True),
        (
            "PROBLEM: The role defined for the function cannot be assumed by Lambda.",
            ResultKind.CANNOT_ASSUME_ROLE,
            True,
        ),
        (f"PROBLEM: Requested resource not found: Stream: {STREAM} not found", ResultKind.OTHER_PROBLEM, True),
        ("PROBLEM: KMS key access denied", ResultKind.OTHER_PROBLEM, True),
        ("PROBLEM", ResultKind.OTHER_PROBLEM, True),
        ("PROBLEMATIC", ResultKind.UNRECOGNISED, False),
        ("OK then", ResultKind.UNRECOGNISED, False),
        ("Everything is fine", ResultKind.UNRECOGNISED, False),
        ("\x00<b>No</b>", ResultKind.UNRECOGNISED, False),
    ],
)
def test_each_result_has_its_kind(text, kind, is_problem):
    """The kind is found, only failures are problems, and the text stays as it was."""
    result = read(text)
    assert (result.kind, result.is_problem, result.text) == (kind, is_problem, text)


@pytest.mark.parametrize(
    ("why", "policy_type", "explicit"),
    [
        ("with an explicit deny in an identity-based policy", PolicyType.IDENTITY_BASED, True),
        ("with an explicit deny in a permissions boundary", PolicyType.PERMISSIONS_BOUNDARY, True),
        ("with an explicit deny in a service control policy", PolicyType.SERVICE_CONTROL, True),
        ("with an explicit deny in a resource control policy", PolicyType.RESOURCE_CONTROL, True),
        ("with an explicit deny in a resource-based policy", PolicyType.RESOURCE_BASED, True),
        ("with an explicit deny in a session policy", PolicyType.SESSION, True),
        ("with an explicit deny in a VPC endpoint policy", PolicyType.VPC_ENDPOINT, True),
        ("with an explicit deny in the role trust policy", PolicyType.ROLE_TRUST, True),
        (f"because no identity-based policy {NOT_ALLOWED}", PolicyType.IDENTITY_BASED, False),
        (f"because no permissions boundary {NOT_ALLOWED}", PolicyType.PERMISSIONS_BOUNDARY, False),
        (f"because no service control policy {NOT_ALLOWED}", PolicyType.SERVICE_CONTROL, False),
        (f"because no resource-based policy {NOT_ALLOWED}", PolicyType.RESOURCE_BASED, False),
        (f"because no session policy {NOT_ALLOWED}", PolicyType.SESSION, False),
        (f"because no VPC endpoint policy {NOT_ALLOWED}", PolicyType.VPC_ENDPOINT, False),
        ("", None, None),
        ("for reasons of its own", None, None),
    ],
)
def test_a_refusal_tells_who_what_and_which_policy(why, policy_type, explicit):
    """Role, session, action and resource are found beside every wording, and the policy type where there is one."""
    assert read(f"PROBLEM: {CALL} {why}".rstrip()) == ProcessingResult(
        kind=ResultKind.NOT_AUTHORIZED,
        text=f"PROBLEM: {CALL} {why}".rstrip(),
        role="orders-reader",
        action="dynamodb:DescribeStream",
        resource=STREAM,
        policy_type=policy_type,
        session="awslambda_701_20260917131452217",
        explicit=explicit,
    )


def test_the_arn_of_the_denying_policy_is_kept():
    """AWS may name the policy after a colon; an organization's policy ARN is read whole."""
    arn = "arn:aws:organizations::444455556666:policy/o-example/service_control_policy/p-example"
    result = read(f"PROBLEM: {CALL} with an explicit deny in a service control policy: {arn}")
    assert (result.policy_type, result.policy_arn) == (PolicyType.SERVICE_CONTROL, arn)


@pytest.mark.parametrize(
    ("text", "role", "action", "resource"),
    [
        (
            "PROBLEM: User: arn:aws-us-gov:sts::123456789012:assumed-role/r/s is not authorized to perform: "
            "kms:Decrypt because no identity-based policy allows the kms:Decrypt action",
            "r",
            "kms:Decrypt",
            None,
        ),
        (
            "PROBLEM: User: arn:aws:iam::123456789012:user/x is not authorized to perform: s3:PutObject "
            'on resource: "a:b"',
            None,
            "s3:PutObject",
            "a:b",
        ),
        (
            "PROBLEM: User: anonymous is not authorized to perform: lambda:ListLayers on resource: * because no "
            "session policy allows the lambda:ListLayers action",
            None,
            "lambda:ListLayers",
            "*",
        ),
    ],
)
def test_a_refusal_in_another_shape_gives_what_it_carries(text, role, action, resource):
    """No resource, a quoted resource, or a caller that is no role: the rest is still read."""
    result = read(text)
    assert (result.role, result.action, result.resource) == (role, action, resource)


@pytest.mark.parametrize("kind", ResultKind)
def test_every_kind_says_what_it_does_not_prove(kind):
    """No result is called proof: each meaning is a sentence that limits itself."""
    meaning = ProcessingResult(kind, None).meaning
    limits = ("not", "Nothing", "proves no", "only one")
    assert meaning.endswith(".")
    assert any(word in meaning for word in limits)


@settings(deadline=None)
@given(st.one_of(st.text(), st.text().map("PROBLEM: {}".format), st.text().map(f"PROBLEM: {CALL} {{}}".format)))
def test_any_text_is_read(text):
    """Nothing raises, and the text is never lost."""
    assert read(text).text == text
