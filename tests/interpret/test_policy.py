"""Whether the role's own policies allow the stream poller a call: one decision and one reason per case."""

import pytest
from policy_samples import (
    ALLOW,
    DENIED,
    FULL,
    GET,
    IMPLICIT,
    OLD_STREAM,
    STREAM,
    TABLE,
    UNKNOWN,
    UNREAD,
    allow,
    deny,
    policy,
    when,
)

from runbook_lib.interpret.policy import LIST_STREAMS, STREAM_ACTIONS, Decision, PolicyType, evaluate

MATCHING = [
    # Actions
    ("exact action", [allow(GET)], ALLOW, "Statement[0] of the identity-based policy orders-read allows"),
    ("action in another case", [allow("DynamoDB:getrecords")], ALLOW, "allows dynamodb:GetRecords"),
    ("list of actions", [allow([*STREAM_ACTIONS])], ALLOW, "allows"),
    ("star action", [allow("*")], ALLOW, "allows"),
    ("service star", [allow("dynamodb:*")], ALLOW, "allows"),
    ("prefix star", [allow("dynamodb:Get*")], ALLOW, "allows"),
    ("star in the middle", [allow("dynamodb:G*Records")], ALLOW, "allows"),
    ("question marks", [allow("dynamodb:Get???????")], ALLOW, "allows"),
    ("one question mark too few", [allow("dynamodb:Get??????")], IMPLICIT, "No identity-based policy allows"),
    ("other action", [allow("dynamodb:GetItem")], IMPLICIT, "No identity-based policy allows dynamodb:GetRecords"),
    ("other service", [allow("kinesis:GetRecords")], IMPLICIT, "No identity-based policy allows"),
    (
        "the other two actions",
        [allow(["dynamodb:DescribeStream", "dynamodb:GetShardIterator"])],
        IMPLICIT,
        "No identity",
    ),
    ("action is a prefix, no star", [allow("dynamodb:Get")], IMPLICIT, "No identity-based policy allows"),
    ("empty action list", [allow([])], IMPLICIT, "No identity-based policy allows"),
    ("variables mean nothing in actions", [allow("dynamodb:${aws:username}")], IMPLICIT, "No identity-based"),
    # NotAction
    ("NotAction of another", [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], ALLOW, "allows"),
    ("NotAction of this", [{"Effect": "Allow", "NotAction": GET, "Resource": "*"}], IMPLICIT, "No identity-based"),
    (
        "NotAction of this by star",
        [{"Effect": "Allow", "NotAction": ["s3:*", "dynamodb:Get*"], "Resource": "*"}],
        IMPLICIT,
        "",
    ),
    ("deny all but this", [allow(), {"Effect": "Deny", "NotAction": GET, "Resource": "*"}], ALLOW, "allows"),
    ("deny all but that", [allow(), {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}], DENIED, "denies"),
    # Resources
    ("exact stream", [allow(GET, STREAM)], ALLOW, STREAM),
    ("star", [allow(GET, "*")], ALLOW, "allows"),
    ("any generation", [allow(GET, f"{TABLE}/stream/*")], ALLOW, "allows"),
    ("table and all below", [allow(GET, f"{TABLE}/*")], ALLOW, "allows"),
    ("table star", [allow(GET, f"{TABLE}*")], ALLOW, "allows"),
    ("any region and account", [allow(GET, "arn:aws:dynamodb:*:*:table/orders/stream/*")], ALLOW, "allows"),
    ("star across colons", [allow(GET, "arn:aws:dynamodb:*")], ALLOW, "allows"),
    ("any partition", [allow(GET, "arn:*:dynamodb:eu-west-1:123456789012:table/orders/stream/*")], ALLOW, "allows"),
    ("question mark in the table", [allow(GET, TABLE.replace("orders", "order?") + "/stream/*")], ALLOW, "allows"),
    ("second of two resources", [allow(GET, [TABLE, f"{TABLE}/stream/*"])], ALLOW, "allows"),
    ("the table, not its stream", [allow(GET, TABLE)], IMPLICIT, "names the table orders, not the table's stream"),
    ("the table and its indexes", [allow(GET, [TABLE, f"{TABLE}/index/*"])], IMPLICIT, "not the table's stream"),
    (
        "tables by prefix without the stream",
        [allow(GET, "arn:aws:dynamodb:*:*:table/order?")],
        IMPLICIT,
        "not the table's",
    ),
    ("old generation", [allow(GET, OLD_STREAM)], IMPLICIT, "generation 2025-01-05T08:00:00.000, not 2026-09-17T12:49"),
    (
        "other table",
        [allow(GET, STREAM.replace("orders", "carts"))],
        IMPLICIT,
        "covers only arn:aws:dynamodb:eu-west-1",
    ),
    ("other region", [allow(GET, STREAM.replace("eu-west-1", "us-east-1"))], IMPLICIT, "covers only"),
    ("other account", [allow(GET, STREAM.replace("123456789012", "111122223333"))], IMPLICIT, "covers only"),
    ("other partition", [allow(GET, STREAM.replace("arn:aws:", "arn:aws-cn:"))], IMPLICIT, "covers only"),
    ("resource in another case", [allow(GET, STREAM.replace("orders", "Orders"))], IMPLICIT, "covers only"),
    ("one character more", [allow(GET, f"{STREAM}?")], IMPLICIT, "covers only"),
    ("brackets are no classes", [allow(GET, STREAM.replace("orders", "[o]rders"))], IMPLICIT, "covers only"),
    ("empty resource list", [allow(GET, [])], IMPLICIT, "comes nearest"),
    ("stream that ends early", [allow(GET, f"{TABLE}/stream/")], IMPLICIT, "covers only"),
    # NotResource
    ("all but another", [{"Effect": "Allow", "Action": GET, "NotResource": OLD_STREAM}], ALLOW, "allows"),
    ("all but this", [{"Effect": "Allow", "Action": GET, "NotResource": STREAM}], IMPLICIT, "NotResource leaves this"),
    ("deny all but this", [allow(), {"Effect": "Deny", "Action": "*", "NotResource": f"{TABLE}*"}], ALLOW, "allows"),
    ("deny all but that", [allow(), {"Effect": "Deny", "Action": "*", "NotResource": TABLE}], DENIED, "denies"),
    # Deny
    ("deny beats allow", [allow(), deny(GET, Sid="Guard")], DENIED, "Statement Guard of the identity-based policy"),
    (
        "deny alone",
        [deny(GET)],
        DENIED,
        "Statement[0] of the identity-based policy orders-read denies dynamodb:GetRecords",
    ),
    ("deny of another action", [allow(), deny("dynamodb:PutItem")], ALLOW, "allows"),
    ("deny of the table only", [allow(), deny("*", TABLE)], ALLOW, "allows"),
    ("deny of the old generation", [allow(), deny("*", OLD_STREAM)], ALLOW, "allows"),
    ("deny of everything", [allow(), deny("*", "*")], DENIED, "denies"),
    ("nothing at all", [], IMPLICIT, "No identity-based policy allows dynamodb:GetRecords on arn:aws:dynamodb"),
    # Policy variables
    (
        "unknown variable that could fit",
        [allow(GET, f"{TABLE}/stream/${{aws:username}}")],
        UNKNOWN,
        "what its Resource covers",
    ),
    ("unknown variable that cannot fit", [allow(GET, "arn:aws:s3:::${aws:username}/*")], IMPLICIT, "covers only"),
    ("known variable", [allow(GET, "arn:aws:dynamodb:*:*:table/${aws:PrincipalTag/team}/*")], ALLOW, "allows"),
    ("known variable, key in another case", [allow(GET, "*:table/${AWS:principaltag/TEAM}/*")], ALLOW, "allows"),
    ("absent variable", [allow(GET, "*:table/${aws:PrincipalTag/none}/*")], IMPLICIT, "covers only"),
    ("absent variable with a default", [allow(GET, "*:table/${aws:PrincipalTag/none, 'orders'}/*")], ALLOW, "allows"),
    (
        "default does not help a known value",
        [allow(GET, "*/${aws:PrincipalTag/team, 'carts'}/stream/*")],
        ALLOW,
        "allows",
    ),
    ("literal star is no wildcard", [allow(GET, f"{TABLE}/stream/${{*}}")], IMPLICIT, "covers only"),
    (
        "absent variable in NotResource",
        [{"Effect": "Allow", "Action": GET, "NotResource": "*${aws:PrincipalTag/none}*"}],
        ALLOW,
        "",
    ),
    ("unknown variable in a deny", [allow(), deny(GET, "*${aws:username}*")], UNKNOWN, "denies"),
    # Near misses name the statement
    ("the nearest by Sid", [allow("s3:*", Sid="Other"), allow(GET, TABLE, Sid="Read")], IMPLICIT, "Statement Read of"),
    (
        "a failed condition is nearer than a wrong resource",
        [allow(GET, TABLE), allow(GET, **when("StringEquals", "aws:PrincipalTag/team", "carts"))],
        IMPLICIT,
        "its condition StringEquals aws:PrincipalTag/team is not met",
    ),
]


@pytest.mark.parametrize(("statements", "decision", "because"), [pytest.param(*c[1:], id=c[0]) for c in MATCHING])
def test_statements_are_matched_as_iam_matches_them(statements, decision, because):
    """Actions, resources, their Not-forms, denies and variables decide as documented, and the reason is told."""
    known = {"aws:PrincipalTag/team": "orders", "aws:PrincipalTag/none": None}
    answer = evaluate(GET, STREAM, identity=[policy(*statements)], context=known)
    assert answer.decision is decision
    assert because in answer.because
    assert answer.because.endswith(".")


def test_variables_are_plain_text_before_2012():
    """In a document of the older language `${...}` stands for itself, and wildcards inside it still work."""
    literal = policy(allow(GET, "arn:aws:s3:::${aws:username}"), version="2008-10-17")
    known = {"aws:username": "x"}
    assert evaluate(GET, "arn:aws:s3:::${aws:username}", identity=[literal], context=known).decision is ALLOW
    assert evaluate(GET, "arn:aws:s3:::x", identity=[literal], context=known).decision is IMPLICIT
    starred = policy(allow(GET, "arn:aws:s3:::${*}"), version="2008-10-17")
    assert evaluate(GET, "arn:aws:s3:::${abc}", identity=[starred]).decision is ALLOW


LISTING = [
    ("star", [allow(LIST_STREAMS, "*")], STREAM, ALLOW),
    ("stars", [allow(LIST_STREAMS, "**")], STREAM, ALLOW),
    ("any action", [allow("dynamodb:*", "*")], "*", ALLOW),
    ("the stream", [allow(LIST_STREAMS, STREAM)], STREAM, UNKNOWN),
    ("any generation", [allow(LIST_STREAMS, f"{TABLE}/stream/*")], STREAM, UNKNOWN),
    ("any generation, asked of star", [allow(LIST_STREAMS, f"{TABLE}/stream/*")], "*", UNKNOWN),
    ("the table", [allow(LIST_STREAMS, TABLE)], STREAM, IMPLICIT),
    ("another table's streams", [allow(LIST_STREAMS, "arn:aws:dynamodb:*:*:table/carts/stream/*")], STREAM, IMPLICIT),
    ("not named", [allow([*STREAM_ACTIONS], "*")], STREAM, IMPLICIT),
    ("denied everywhere", [allow("*", "*"), deny(LIST_STREAMS)], STREAM, DENIED),
    ("denied on this stream", [allow("*", "*"), deny(LIST_STREAMS, STREAM)], STREAM, UNKNOWN),
    ("denied on another", [allow("*", "*"), deny(LIST_STREAMS, TABLE)], STREAM, ALLOW),
    ("all but the table", [{"Effect": "Allow", "Action": LIST_STREAMS, "NotResource": TABLE}], STREAM, ALLOW),
]


@pytest.mark.parametrize(("statements", "resource", "decision"), [pytest.param(*c[1:], id=c[0]) for c in LISTING])
def test_list_streams_is_surely_granted_by_star_alone(statements, resource, decision):
    """AWS documents no resource for ListStreams, yet shows narrower samples: those stay unknown."""
    assert evaluate(LIST_STREAMS, resource, identity=[policy(*statements)]).decision is decision


@pytest.mark.parametrize(
    ("partition", "region"), [("aws", "eu-west-1"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")]
)
@pytest.mark.parametrize("action", STREAM_ACTIONS)
def test_every_partition_and_stream_action_is_decided_alike(partition, region, action):
    """The pattern of one partition allows its own streams and no other partition's."""
    stream = f"arn:{partition}:dynamodb:{region}:123456789012:table/orders/stream/2026-09-17T12:49:54.528"
    own = policy(allow([*STREAM_ACTIONS], f"arn:{partition}:dynamodb:*:*:table/orders/stream/*"))
    other = policy(allow([*STREAM_ACTIONS], "arn:aws-iso:dynamodb:*:*:table/orders/stream/*"))
    assert evaluate(action, stream, identity=[own]).decision is ALLOW
    assert evaluate(action, stream, identity=[other]).decision is IMPLICIT


def test_an_answer_names_what_decided():
    """Policy, statement and type of policy come apart from the sentence, and the request is echoed."""
    answer = evaluate(GET, STREAM, identity=[FULL, policy(deny(GET, Sid="Guard"), name="guard")])
    assert (answer.action, answer.resource) == (GET, STREAM)
    assert (answer.policy, answer.statement, answer.policy_type) == ("guard", "Guard", PolicyType.IDENTITY_BASED)
    nearest = evaluate(GET, STREAM, identity=[policy(allow("s3:*", "*"), allow(GET, TABLE))])
    assert (nearest.policy, nearest.statement) == ("orders-read", "Statement[1]")
    nothing = evaluate(GET, STREAM, identity=[])
    assert (nothing.policy, nothing.statement) == (None, None)


def test_the_reason_for_unknown_is_the_one_that_matters():
    """An unknown Allow beside a certain one is not blamed when the boundary is what is not known."""
    unsure = allow(GET, **when("StringEquals", "aws:PrincipalTag/team", "a"))
    answer = evaluate(GET, STREAM, identity=[policy(unsure, allow(GET))], boundary=UNREAD)
    assert (answer.decision, answer.policy) == (UNKNOWN, "lost")


def test_decisions_are_spelt_as_the_simulator_spells_them():
    """An EvalDecision of SimulatePrincipalPolicy reads as a Decision."""
    assert [Decision(word) for word in ("allowed", "explicitDeny", "implicitDeny")] == [ALLOW, DENIED, IMPLICIT]
