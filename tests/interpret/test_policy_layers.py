"""Boundaries, service control policies and resource-based policies beside the role's own."""

import pytest
from policy_samples import (
    ALLOW,
    DENIED,
    FOREIGN_ROLE,
    FULL,
    GET,
    IMPLICIT,
    OLD_STREAM,
    ROLE,
    SESSION,
    STREAM,
    TABLE,
    UNKNOWN,
    UNREAD,
    allow,
    deny,
    policy,
    when,
)

from runbook_lib.interpret.policy import PolicyType, evaluate, poller_context

LAYERS = [
    ("boundary allows", {"boundary": FULL}, ALLOW, PolicyType.IDENTITY_BASED, "allows"),
    (
        "boundary does not allow",
        {"boundary": policy(allow("s3:*", "*"), name="limit")},
        IMPLICIT,
        PolicyType.PERMISSIONS_BOUNDARY,
        "No permissions boundary allows dynamodb:GetRecords",
    ),
    (
        "boundary on the table only",
        {"boundary": policy(allow("dynamodb:*", TABLE), name="limit")},
        IMPLICIT,
        PolicyType.PERMISSIONS_BOUNDARY,
        "Statement[0] of the permissions boundary limit comes nearest, but its Resource names the table",
    ),
    (
        "boundary denies",
        {"boundary": policy(allow("*", "*"), deny(GET), name="limit")},
        DENIED,
        PolicyType.PERMISSIONS_BOUNDARY,
        "Statement[1] of the permissions boundary limit denies",
    ),
    ("boundary unread", {"boundary": UNREAD}, UNKNOWN, PolicyType.PERMISSIONS_BOUNDARY, "lost could not be read"),
    (
        "boundary hangs on a condition",
        {"boundary": policy(allow("*", "*", **when("StringEquals", "aws:PrincipalTag/team", "a")), name="limit")},
        UNKNOWN,
        PolicyType.PERMISSIONS_BOUNDARY,
        "StringEquals aws:PrincipalTag/team",
    ),
    ("no organization looked at", {"service_control": None}, ALLOW, PolicyType.IDENTITY_BASED, "allows"),
    ("no service control policy", {"service_control": ()}, ALLOW, PolicyType.IDENTITY_BASED, "allows"),
    (
        "full access beside a guardrail for others",
        {"service_control": [FULL, policy(deny("s3:*"), name="guard")]},
        ALLOW,
        PolicyType.IDENTITY_BASED,
        "allows",
    ),
    (
        "guardrail denies",
        {"service_control": [FULL, policy(deny("dynamodb:*", Sid="NoStreams"), name="guard")]},
        DENIED,
        PolicyType.SERVICE_CONTROL,
        "Statement NoStreams of the service control policy guard denies",
    ),
    (
        "only other services allowed",
        {"service_control": [policy(allow("s3:*", "*"), name="only-s3")]},
        IMPLICIT,
        PolicyType.SERVICE_CONTROL,
        "No service control policy allows",
    ),
    (
        "region guardrail",
        {
            "service_control": [
                FULL,
                policy(deny("*", **when("StringNotEquals", "aws:RequestedRegion", ["us-east-1"])), name="regions"),
            ]
        },
        DENIED,
        PolicyType.SERVICE_CONTROL,
        "regions denies",
    ),
    ("guardrail unread", {"service_control": [FULL, UNREAD]}, UNKNOWN, PolicyType.SERVICE_CONTROL, "could not be read"),
    (
        "resource policy for others",
        {"resource_policies": [policy(allow(Principal={"AWS": FOREIGN_ROLE}))]},
        ALLOW,
        None,
        "",
    ),
    (
        "resource policy denies everyone",
        {"resource_policies": [policy(deny(Principal="*"), name="stream-policy")]},
        DENIED,
        PolicyType.RESOURCE_BASED,
        "Statement[0] of the resource-based policy stream-policy denies",
    ),
    (
        "denies the role",
        {"resource_policies": [policy(deny(Principal={"AWS": ROLE}))]},
        DENIED,
        PolicyType.RESOURCE_BASED,
        "",
    ),
    (
        "denies the account",
        {"resource_policies": [policy(deny(Principal={"AWS": "123456789012"}))]},
        DENIED,
        PolicyType.RESOURCE_BASED,
        "denies",
    ),
    (
        "denies the account by its root",
        {"resource_policies": [policy(deny(Principal={"AWS": ["arn:aws:iam::123456789012:root"]}))]},
        DENIED,
        PolicyType.RESOURCE_BASED,
        "denies",
    ),
    ("denies another role", {"resource_policies": [policy(deny(Principal={"AWS": f"{ROLE}-x"}))]}, ALLOW, None, ""),
    (
        "denies a service",
        {"resource_policies": [policy(deny(Principal={"Service": "s3.amazonaws.com"}))]},
        ALLOW,
        None,
        "",
    ),
    (
        "denies one session",
        {"resource_policies": [policy(deny(Principal={"AWS": SESSION}))]},
        UNKNOWN,
        None,
        "Principal",
    ),
    (
        "denies a principal id",
        {"resource_policies": [policy(deny(Principal={"AWS": "AROAEXAMPLE"}))]},
        UNKNOWN,
        None,
        "",
    ),
    (
        "denies all but some",
        {"resource_policies": [policy(deny(NotPrincipal={"AWS": ROLE}))]},
        UNKNOWN,
        None,
        "Principal",
    ),
    (
        "resource policy unread",
        {"resource_policies": [UNREAD]},
        UNKNOWN,
        PolicyType.RESOURCE_BASED,
        "could not be read",
    ),
]


@pytest.mark.parametrize(("layers", "decision", "kind", "because"), [pytest.param(*c[1:], id=c[0]) for c in LAYERS])
def test_other_policies_limit_what_the_role_is_allowed(layers, decision, kind, because):
    """With the role's own policy allowing, boundary, organization and resource policies decide as documented."""
    answer = evaluate(
        GET,
        STREAM,
        identity=[policy(allow(GET))],
        principal_arn=ROLE,
        context=poller_context(ROLE, STREAM),
        **layers,
    )
    assert answer.decision is decision
    assert because in answer.because
    assert kind in (None, answer.policy_type)


TO_ROLE = policy(allow(Principal={"AWS": ROLE}), name="stream-policy")
TO_ALL = policy(allow(Principal="*"), name="stream-policy")
TO_ACCOUNT = policy(allow(Principal={"AWS": "123456789012"}), name="stream-policy")
TO_SESSION = policy(allow(Principal={"AWS": SESSION}), name="stream-policy")
NARROW = policy(allow("s3:*", "*"), name="limit")

GRANTS = [
    ("names the role", [], {"resource_policies": [TO_ROLE]}, ALLOW, "resource-based policy stream-policy allows"),
    ("names everyone", [], {"resource_policies": [TO_ALL]}, ALLOW, "resource-based policy stream-policy allows"),
    (
        "names the account only",
        [],
        {"resource_policies": [TO_ACCOUNT]},
        IMPLICIT,
        "its Principal does not name the role",
    ),
    ("names a session", [], {"resource_policies": [TO_SESSION]}, UNKNOWN, "whom its Principal means"),
    ("no principal", [], {"resource_policies": [policy(allow())]}, UNKNOWN, "whom its Principal means"),
    (
        "bounded role",
        [],
        {"resource_policies": [TO_ROLE], "boundary": NARROW},
        IMPLICIT,
        "No permissions boundary allows",
    ),
    ("everyone, bounded", [], {"resource_policies": [TO_ALL], "boundary": NARROW}, UNKNOWN, "open to everyone"),
    (
        "identity denies",
        [deny(GET)],
        {"resource_policies": [TO_ROLE]},
        DENIED,
        "identity-based policy orders-read denies",
    ),
    (
        "caller not known",
        [],
        {"resource_policies": [TO_ROLE], "principal_arn": None},
        UNKNOWN,
        "whom its Principal means",
    ),
    ("everyone, caller not known", [], {"resource_policies": [TO_ALL], "principal_arn": None}, ALLOW, "allows"),
    (
        "foreign, no stream policy",
        [allow(GET)],
        {"principal_arn": FOREIGN_ROLE},
        IMPLICIT,
        "No resource-based policy allows",
    ),
    (
        "foreign, named on the stream",
        [allow(GET)],
        {"principal_arn": FOREIGN_ROLE, "resource_policies": [policy(allow(Principal={"AWS": FOREIGN_ROLE}))]},
        ALLOW,
        "allows",
    ),
    (
        "foreign, account named on the stream",
        [allow(GET)],
        {"principal_arn": FOREIGN_ROLE, "resource_policies": [policy(allow(Principal={"AWS": "111122223333"}))]},
        ALLOW,
        "allows",
    ),
    (
        "foreign, own policy missing",
        [],
        {"principal_arn": FOREIGN_ROLE, "resource_policies": [policy(allow(Principal={"AWS": FOREIGN_ROLE}))]},
        IMPLICIT,
        "No identity-based policy allows",
    ),
    (
        "foreign, stream policy of the old generation",
        [allow(GET)],
        {
            "principal_arn": FOREIGN_ROLE,
            "resource_policies": [policy(allow(GET, OLD_STREAM, Principal={"AWS": FOREIGN_ROLE}))],
        },
        IMPLICIT,
        "generation 2025-01-05T08:00:00.000",
    ),
    (
        "foreign, stream policy unread",
        [allow(GET)],
        {"principal_arn": FOREIGN_ROLE, "resource_policies": [UNREAD]},
        UNKNOWN,
        "could not be read",
    ),
]


@pytest.mark.parametrize(("own", "given", "decision", "because"), [pytest.param(*c[1:], id=c[0]) for c in GRANTS])
def test_a_resource_policy_grants_within_the_account_and_is_needed_across(own, given, decision, because):
    """Within the account naming the role is enough; across accounts both sides must allow."""
    answer = evaluate(GET, STREAM, identity=[policy(*own)], **{"principal_arn": ROLE, **given})
    assert answer.decision is decision
    assert because in answer.because


def test_the_reason_for_unknown_is_the_one_that_matters():
    """An unknown Allow beside a certain one is not blamed when the boundary is what is not known."""
    unsure = allow(GET, **when("StringEquals", "aws:PrincipalTag/team", "a"))
    answer = evaluate(GET, STREAM, identity=[policy(unsure, allow(GET))], boundary=UNREAD)
    assert (answer.decision, answer.policy) == (UNKNOWN, "lost")
    beside = [policy(allow(Principal={"AWS": SESSION}), name="stream-policy")]
    answer = evaluate(
        GET, STREAM, identity=[policy(allow(GET))], resource_policies=beside, boundary=UNREAD, principal_arn=ROLE
    )
    assert (answer.decision, answer.policy) == (UNKNOWN, "lost")


def test_a_resource_without_an_account_is_not_foreign():
    """An ARN that carries no account, as S3's, is taken as the caller's own."""
    answer = evaluate("s3:GetObject", "arn:aws:s3:::bucket/key", identity=[FULL], principal_arn=ROLE)
    assert answer.decision is ALLOW


def test_a_principal_that_is_no_arn_is_refused():
    """A caller named wrongly is a mistake of the caller, told by name."""
    with pytest.raises(ValueError, match="not an ARN: 'orders-reader'"):
        evaluate(GET, STREAM, identity=[], principal_arn="orders-reader")


TEAM = "StringEquals aws:PrincipalTag/team"


def _for_team(name):
    return when("StringEquals", "aws:PrincipalTag/team", name)


@pytest.mark.parametrize(
    ("layers", "decision", "wanted"),
    [
        ({"boundary": policy(allow("*", "*", **_for_team("a")))}, IMPLICIT, (TEAM,)),
        ({"boundary": policy(allow("*", "*", **_for_team("b")))}, ALLOW, ()),
        ({"boundary": policy(allow("*", TABLE, **_for_team("a")))}, IMPLICIT, ()),
        ({"service_control": [FULL, policy(deny("*", **_for_team("b")))]}, DENIED, (TEAM,)),
        ({"service_control": [FULL, policy(deny("*"))]}, DENIED, ()),
    ],
)
def test_a_denial_tells_the_conditions_that_it_hangs_on(layers, decision, wanted):
    """A denying statement tells its conditions; for want of an Allow, those alone that keep the nearest one away."""
    answer = evaluate(GET, STREAM, identity=[FULL], context={"aws:PrincipalTag/team": "b"}, **layers)
    assert (answer.decision, answer.conditions) == (decision, wanted)
