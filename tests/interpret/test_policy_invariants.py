"""What must hold of every policy evaluation, whatever the policies say."""

from hypothesis import given, settings
from hypothesis import strategies as st
from policy_samples import OLD_STREAM, ROLE, STREAM, TABLE

from runbook_lib.interpret.policy import Decision, Policy, evaluate, poller_context

ACTION = "dynamodb:GetRecords"
DENIALS = {Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY}
HOW_OPEN = {Decision.EXPLICIT_DENY: 0, Decision.IMPLICIT_DENY: 0, Decision.UNKNOWN: 1, Decision.ALLOW: 2}

conditions = st.sampled_from(
    [
        {},
        {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
        {"StringEquals": {"aws:RequestedRegion": "us-east-1"}},
        {"StringEquals": {"aws:PrincipalTag/team": "orders"}},
        {"Null": {"lambda:SourceFunctionArn": "false"}},
        {"IpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"}},
        {"ForAnyValue:StringEqualsIfExists": {"aws:TagKeys": "a"}},
    ]
)
principals = st.sampled_from(
    ["*", {"AWS": ROLE}, {"AWS": "123456789012"}, {"AWS": "AROAEXAMPLE"}, {"Service": "lambda.amazonaws.com"}]
)


def statements(effect):
    """Statements of one effect, of which many bear on the request."""
    return st.fixed_dictionaries(
        {
            "Effect": st.just(effect),
            "Condition": conditions,
            "Principal": principals,
            "Action": st.lists(st.sampled_from(["*", "dynamodb:Get*", ACTION, "dynamodb:PutItem", "s3:*"]), max_size=2),
            "Resource": st.lists(
                st.sampled_from(["*", STREAM, TABLE, f"{TABLE}/*", OLD_STREAM, "*${aws:username}*"]), max_size=2
            ),
        }
    )


documents = st.lists(st.one_of(statements("Allow"), statements("Deny")), max_size=3)
policies = st.lists(st.one_of(documents, st.just(None)), max_size=3)
layers = st.fixed_dictionaries(
    {
        "identity": policies,
        "resource_policies": st.lists(documents, max_size=2),
        "boundary": st.one_of(st.none(), documents),
        "service_control": st.one_of(st.none(), st.lists(documents, max_size=2)),
        "principal_arn": st.sampled_from([ROLE, ROLE.replace("123456789012", "111122223333"), None]),
    }
)


def as_policy(name, listed):
    """A policy with these statements; unread for None."""
    return Policy(name, None if listed is None else {"Version": "2012-10-17", "Statement": listed})


def decide(given_layers):
    """Evaluate the request against drawn layers."""
    named = {
        key: [as_policy(f"{key}-{index}", listed) for index, listed in enumerate(value)]
        for key, value in given_layers.items()
        if key in {"identity", "resource_policies", "service_control"} and value is not None
    }
    limit = given_layers["boundary"]
    return evaluate(
        ACTION,
        STREAM,
        **named,
        boundary=None if limit is None else as_policy("limit", limit),
        principal_arn=given_layers["principal_arn"],
        context=poller_context(ROLE, STREAM),
    )


def with_statement(given_layers, layer, statement):
    """The same layers with one statement more: in the boundary, or as a policy of its own elsewhere."""
    if layer == "boundary":
        return {**given_layers, layer: [*given_layers[layer], statement]}
    return {**given_layers, layer: [*given_layers[layer], [statement]]}


def present(given_layers):
    """The layers that exist already: adding the first boundary or service control policy is another matter."""
    return [layer for layer in ("identity", "resource_policies", "boundary", "service_control") if given_layers[layer]]


@settings(max_examples=80, deadline=None)
@given(layers, statements("Deny"), st.randoms(use_true_random=False))
def test_a_deny_more_never_opens_anything(drawn, statement, chance):
    """Adding a Deny never turns a denial into unknown or allow, nor unknown into allow."""
    layer = chance.choice([*present(drawn), "identity"])
    assert HOW_OPEN[decide(with_statement(drawn, layer, statement)).decision] <= HOW_OPEN[decide(drawn).decision]


@settings(max_examples=80, deadline=None)
@given(layers, statements("Allow"), st.randoms(use_true_random=False))
def test_an_allow_more_never_closes_anything(drawn, statement, chance):
    """Adding an Allow never turns allow into unknown or a denial, nor unknown into a denial."""
    layer = chance.choice([*present(drawn), "identity"])
    assert HOW_OPEN[decide(with_statement(drawn, layer, statement)).decision] >= HOW_OPEN[decide(drawn).decision]


@settings(max_examples=80, deadline=None)
@given(layers, st.randoms(use_true_random=False))
def test_order_never_matters(drawn, chance):
    """Statements within a policy and policies within a layer can be shuffled without changing the decision."""

    def shuffled(listed):
        """The same items in another order."""
        return chance.sample(listed, len(listed)) if listed is not None else None

    mixed = {key: shuffled(value) if isinstance(value, list) else value for key, value in drawn.items()}
    for layer in ("identity", "resource_policies", "service_control"):
        mixed[layer] = None if mixed[layer] is None else [shuffled(listed) for listed in mixed[layer]]
    assert decide(mixed).decision is decide(drawn).decision


@settings(max_examples=80, deadline=None)
@given(layers)
def test_a_boundary_more_never_opens_anything(drawn):
    """Setting a boundary where there was none never widens the answer."""
    unbounded = {**drawn, "boundary": None}
    bounded = {**drawn, "boundary": drawn["boundary"] or []}
    assert HOW_OPEN[decide(bounded).decision] <= HOW_OPEN[decide(unbounded).decision]


@settings(max_examples=80, deadline=None)
@given(layers, st.integers(0, 2))
def test_not_having_looked_never_decides_more(drawn, index):
    """Losing sight of one identity-based policy makes the answer unknown at most, but for one denial by another."""
    seen = drawn["identity"]
    blinded = [None if position == index else listed for position, listed in enumerate(seen)]
    before, after = decide(drawn).decision, decide({**drawn, "identity": blinded}).decision
    assert after is before or after is Decision.UNKNOWN or (after in DENIALS and before in DENIALS)


@settings(max_examples=80, deadline=None)
@given(layers)
def test_every_answer_explains_itself(drawn):
    """The reason is a sentence that names the call, and no two equal requests are answered differently."""
    answer = decide(drawn)
    assert ACTION in answer.because
    assert STREAM in answer.because
    assert answer.because.endswith(".")
    assert decide(drawn) == answer
