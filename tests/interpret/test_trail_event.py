"""Reading CloudTrail records: every source and shape of a record gives the same event, and a bad one says why."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trail_samples import ACCOUNT, DEPLOYER, FUNCTION, KEY, STREAM, USER, UUID, record

from runbook_lib.interpret.trail_event import (
    EVENT_NAMES,
    GLOBAL_SOURCES,
    UNDATED,
    ActorKind,
    BadTrailEvent,
    Resource,
    Target,
    TrailEvent,
    effects,
    parse,
)

AT = datetime(2026, 3, 2, 4, 43, 7, tzinfo=UTC)
PAUSE = record("UpdateEventSourceMapping20150331", {"uUID": UUID, "enabled": False})


def test_record_gives_every_field() -> None:
    """A whole record fills every field, the API date stripped from the operation only."""
    event = parse(PAUSE)
    assert event == TrailEvent(
        event_id="5d2f3a10-0000-4000-8000-000000000001",
        at=AT,
        source="lambda.amazonaws.com",
        operation="UpdateEventSourceMapping",
        event_name="UpdateEventSourceMapping20150331",
        region="eu-west-1",
        account=ACCOUNT,
        actor=USER["arn"],
        actor_kind=ActorKind.PERSON,
        user_agent="aws-cli/2.27.41",
        request={"uUID": UUID, "enabled": False},
    )
    assert (event.succeeded, event.service) == (True, "lambda")


@pytest.mark.parametrize(
    "raw",
    [
        PAUSE,
        json.dumps(PAUSE),
        json.dumps(PAUSE).encode(),
        {"CloudTrailEvent": json.dumps(PAUSE)},
        {"CloudTrailEvent": json.dumps(PAUSE), "EventName": "Other", "EventTime": datetime(2020, 1, 1, tzinfo=UTC)},
        json.dumps({"EventTime": "2020-01-01T00:00:00Z", "CloudTrailEvent": json.dumps(PAUSE)}),
    ],
    ids=["dict", "text", "bytes", "lookup item", "lookup item that disagrees", "lookup item as text"],
)
def test_every_source_reads_alike(raw: Any) -> None:
    """The same record gives the same event wherever it was found, the record itself deciding."""
    assert parse(raw) == parse(PAUSE)


def test_lookup_item_without_record_still_reads() -> None:
    """A LookupEvents item that lost its record gives what its own members say, the source from its resource."""
    event = parse(
        {
            "EventId": "e-1",
            "EventName": "PutFunctionConcurrency20171031",
            "EventSource": None,
            "EventTime": "2026-03-02T04:43:07Z",
            "Username": "operator",
            "Resources": [{"ResourceType": "AWS::Lambda::Function", "ResourceName": "project-orders"}],
        }
    )
    assert (event.operation, event.at, event.service, event.actor) == (
        "PutFunctionConcurrency",
        AT,
        "lambda",
        "operator",
    )
    assert event.target == Target("function", "project-orders")
    assert [effect.kind for effect in effects(event)] == ["concurrency-set"]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("not json", "not JSON"),
        ("", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not a JSON object but list"),
        ("null", "not a JSON object but NoneType"),
        ({}, "no eventName"),
        ({"eventName": ""}, "no eventName"),
        ({"eventName": 7}, "no eventName"),
        ({"Records": [PAUSE]}, "parse each member"),
        ({"CloudTrailEvent": "{"}, "not JSON"),
    ],
)
def test_no_trail_event_says_why(raw: Any, says: str) -> None:
    """What is no trail event is refused with the reason."""
    with pytest.raises(BadTrailEvent, match=says):
        parse(raw)


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("UpdateEventSourceMapping20150331", "UpdateEventSourceMapping"),
        ("UpdateFunctionCode20150331v2", "UpdateFunctionCode"),
        ("PutFunctionConcurrency20171031", "PutFunctionConcurrency"),
        ("TagResource20170331v2", "TagResource"),
        ("PutProvisionedConcurrencyConfig", "PutProvisionedConcurrencyConfig"),
        ("UpdateTable", "UpdateTable"),
        ("LambdaESMDisabled", "LambdaESMDisabled"),
        ("CreateNetworkAclEntry2", "CreateNetworkAclEntry2"),
    ],
)
def test_operation_loses_only_the_api_date(name: str, operation: str) -> None:
    """The operation is the event name without its API date and version."""
    assert parse({"eventName": name}).operation == operation


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-03-02T04:43:07Z", AT),
        ("2026-03-02T05:43:07+01:00", AT),
        ("2026-03-02 04:43:07.000000000", AT),
        (AT, AT),
        (AT.astimezone(timezone(timedelta(hours=-7))), AT),
        (AT.timestamp(), AT),
        ("...", UNDATED),
        (None, UNDATED),
        (True, UNDATED),
        (1e30, UNDATED),
    ],
)
def test_time_is_utc_whatever_it_is_written_as(written: Any, at: datetime) -> None:
    """Text, datetime and epoch seconds are read into UTC; what is no time leaves the event undated."""
    event = parse(record("UpdateTable", eventTime=written))
    assert (event.at, event.at.tzinfo) == (at, UTC)


def test_time_of_the_holder_dates_an_undated_record() -> None:
    """The caller's time is used only where the record has none."""
    earlier = AT - timedelta(hours=1)
    assert parse(record("UpdateTable", eventTime=None), at=earlier).at == earlier
    assert parse(record("UpdateTable"), at=earlier).at == AT


SSO = {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Ops_1a2b/operator"}
LINKED = {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSServiceRoleForThing/session"}


@pytest.mark.parametrize(
    ("members", "actor", "kind", "via"),
    [
        ({}, USER["arn"], "person", None),
        ({"userIdentity": DEPLOYER}, DEPLOYER["arn"], "role", None),
        (
            {"userIdentity": {**DEPLOYER, "invokedBy": "cloudformation.amazonaws.com"}},
            DEPLOYER["arn"],
            "role",
            "cloudformation.amazonaws.com",
        ),
        (
            {"userIdentity": DEPLOYER, "sourceIPAddress": "cloudformation.amazonaws.com"},
            DEPLOYER["arn"],
            "role",
            "cloudformation.amazonaws.com",
        ),
        ({"userIdentity": {**USER, "invokedBy": "AWS Internal"}}, USER["arn"], "person", "AWS Internal"),
        ({"userIdentity": USER, "sourceIPAddress": "AWS Internal"}, USER["arn"], "person", "AWS Internal"),
        ({"userIdentity": SSO}, SSO["arn"], "person", None),
        ({"userIdentity": DEPLOYER, "sessionCredentialFromConsole": "true"}, DEPLOYER["arn"], "person", None),
        ({"userIdentity": LINKED}, LINKED["arn"], "service", None),
        (
            {"userIdentity": {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root"}},
            f"arn:aws:iam::{ACCOUNT}:root",
            "person",
            None,
        ),
        (
            {"userIdentity": {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}},
            "lambda.amazonaws.com",
            "service",
            None,
        ),
        ({"userIdentity": {"type": "AWSAccount", "accountId": "111122223333"}}, "111122223333", "unknown", None),
        ({"userIdentity": {"type": "SAMLUser", "userName": "operator"}}, "operator", "person", None),
        (
            {"eventType": "AwsServiceEvent", "userIdentity": {"invokedBy": "AWS Internal"}},
            "lambda.amazonaws.com",
            "service",
            None,
        ),
        ({"userIdentity": None}, "unknown", "unknown", None),
        ({"userIdentity": "odd"}, "unknown", "unknown", None),
    ],
)
def test_actor_is_named_and_classed(members: dict[str, Any], actor: str, kind: str, via: str | None) -> None:
    """The caller, what kind of caller it is, and the service in between come from the identity."""
    event = parse(record("UpdateTable", **members))
    assert (event.actor, event.actor_kind, event.via) == (actor, kind, via)


@pytest.mark.parametrize(
    ("name", "said", "reads"),
    [
        ("DescribeTable", None, True),
        ("GetFunction20150331v2", None, True),
        ("ListStreams", "true", True),
        ("UpdateTable", None, False),
        ("UpdateTable", "false", False),
        ("AssumeRole", True, True),
        ("Decrypt", None, True),
        ("DeleteTable", "nonsense", False),
    ],
)
def test_reading_is_told_from_writing(name: str, said: Any, reads: bool) -> None:
    """The record says whether a call only read; an old record that does not is judged by its verb."""
    assert parse(record(name, readOnly=said)).read_only is reads


@pytest.mark.parametrize(
    ("members", "succeeded"),
    [
        ({}, True),
        ({"errorCode": "AccessDenied"}, False),
        ({"errorMessage": "Failed"}, False),
        ({"errorCode": None}, True),
    ],
)
def test_error_means_no_success(members: dict[str, Any], succeeded: bool) -> None:
    """An error code or message marks a failed call, and a failed call changed nothing."""
    event = parse(PAUSE | members)
    assert event.succeeded is succeeded
    assert bool(effects(event)) is succeeded


FN = Target("function", "project-orders")
TABLE = Target("table", "orders")
KEY_ARN = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{KEY}"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/team/streams"
DENIED = f"User: {USER['arn']} is not authorized to perform: lambda:GetFunction on resource: {FUNCTION}"


@pytest.mark.parametrize(
    ("event", "targets"),
    [
        (record("DeleteFunction20150331", {"functionName": "project-orders"}), [FN]),
        (record("DeleteFunction20150331", {"functionName": "project-orders:live"}), [FN]),
        (record("DeleteFunction20150331", {"functionName": f"{ACCOUNT}:function:project-orders"}), [FN]),
        (record("DeleteFunction20150331", {"functionName": FUNCTION}), [FN]),
        (record("DeleteFunction20150331", {"functionName": FUNCTION + ":live"}), [FN]),
        (record("PublishVersion20150331", response={"functionArn": FUNCTION + ":7"}), [FN]),
        (record("X", {"functionName": "my-function:PROD"}), [Target("function", "my-function")]),
        (
            record("X", {"functionName": "arn:aws:lambda:odd-1r:1:function:my-function:2"}),
            [Target("function", "my-function")],
        ),
        (record("UpdateEventSourceMapping20150331", {"uUID": UUID.upper()}), [Target("mapping", UUID)]),
        (record("UpdateEventSourceMapping20150331", {"uuid": UUID}), [Target("mapping", UUID)]),
        (record("UpdateEventSourceMapping20150331", {"UUID": UUID}), [Target("mapping", UUID)]),
        (
            record(
                "CreateEventSourceMapping20150331",
                {"functionName": "project-orders", "eventSourceArn": STREAM},
                response={"uUID": UUID, "functionArn": FUNCTION},
            ),
            [Target("mapping", UUID), FN, TABLE],
        ),
        (
            record(
                "LambdaESMDisabled",
                serviceEventDetails={
                    "eventSourceMappingArn": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:event-source-mapping:{UUID}"
                },
            ),
            [Target("mapping", UUID)],
        ),
        (record("UpdateTable", {"tableName": "orders"}, source="dynamodb"), [TABLE]),
        (record("UpdateTable", {"tableName": STREAM.partition("/stream")[0]}, source="dynamodb"), [TABLE]),
        (record("UpdateTable", {}, source="dynamodb", response={"tableDescription": {"tableName": "orders"}}), [TABLE]),
        (record("DescribeStream", {"streamArn": STREAM}, source="dynamodb"), [TABLE]),
        (
            record(
                "RestoreTableToPointInTime", {"sourceTableName": "old", "targetTableName": "orders"}, source="dynamodb"
            ),
            [TABLE],
        ),
        (record("PutResourcePolicy", {"resourceArn": STREAM}, source="dynamodb"), [TABLE]),
        (record("PutRolePolicy", {"roleName": "project-role"}, source="iam"), [Target("role", "project-role")]),
        (
            record("AttachRolePolicy", {"roleName": "project-role", "policyArn": POLICY}, source="iam"),
            [Target("role", "project-role"), Target("policy", POLICY)],
        ),
        (
            record("CreatePolicy", {"policyName": "streams"}, source="iam", response={"policy": {"arn": POLICY}}),
            [Target("policy", POLICY)],
        ),
        (record("DisableKey", {"keyId": KEY}, source="kms"), [Target("key", KEY)]),
        (
            record("DisableKey", {"keyId": "alias/x"}, source="kms", resources=[{"ARN": KEY_ARN}]),
            [Target("key", KEY), Target("key", "alias/x")],
        ),
        (
            record("AssumeRole", {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/path/project-role"}, source="sts"),
            [Target("role", "project-role")],
        ),
        (
            record("DeleteLogGroup", {"logGroupName": "/aws/lambda/x"}, source="logs"),
            [Target("log-group", "/aws/lambda/x")],
        ),
        (record("GetFunction", readOnly=True, errorCode="AccessDenied", errorMessage=DENIED), [FN]),
        (record("DeleteSubnet", {"subnetId": "subnet-1"}, source="ec2"), []),
        (record("UpdateTable", source="dynamodb"), []),
    ],
)
def test_targets_are_bare_names(event: dict[str, Any], targets: list[Target]) -> None:
    """Whatever form a record names a thing in, the target is its bare name, the most specific first."""
    assert list(parse(event).targets) == targets


def test_request_kept_as_text_is_read() -> None:
    """Exporters that keep the request as JSON text do not hide what was asked."""
    event = parse(record("UpdateTable", source="dynamodb") | {"requestParameters": '{"tableName": "orders"}'})
    assert event.target == TABLE


def test_resources_of_both_shapes() -> None:
    """A record's resources and those of a LookupEvents item read alike."""
    listed = [{"ARN": KEY_ARN, "type": "AWS::KMS::Key"}, {"odd": 1}, "odd"]
    listed += [{"type": "AWS::KMS::Key", "ARN": arn} for arn in ("", None, 7)]  # and one without a name is none
    assert parse(record("DisableKey", resources=listed)).resources == (Resource("AWS::KMS::Key", KEY_ARN),)


def test_every_listed_name_has_a_word_of_its_own() -> None:
    """Each event name we query is of a known change: none of them ends as `other-change`, and none is doubled."""
    names = [(source, name) for source, group in EVENT_NAMES.items() for name in group]
    assert len(set(names)) == len(names)
    assert set(EVENT_NAMES) >= GLOBAL_SOURCES
    asked = {"streamSpecification": {"streamEnabled": False}, "setAsDefault": True}
    for source, name in names:
        kinds = {effect.kind for effect in effects(parse(record(name, asked, source=source.partition(".")[0])))}
        assert kinds - {"other-change"}, name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from([*record("UpdateTable"), "resources", "serviceEventDetails", "CloudTrailEvent", "Resources"])
NAMES = st.sampled_from([name for group in EVENT_NAMES.values() for name in group])
SOURCES = st.sampled_from([*EVENT_NAMES])


@given(
    NAMES,
    SOURCES,
    st.dictionaries(MEMBERS, JSON, max_size=6),
    st.dictionaries(
        st.sampled_from(["tableName", "uUID", "functionName", "streamSpecification", "keyId", "enabled"]), JSON
    ),
)
def test_any_members_parse_or_are_refused(
    name: str, source: str, members: dict[str, Any], request: dict[str, Any]
) -> None:
    """A record with nonsense in any member is read or refused; nothing else is ever raised."""
    raw = record(name, request, source=source.partition(".")[0]) | members
    try:
        event = parse(raw)
    except BadTrailEvent:
        return
    assert event.at.tzinfo is UTC
    assert event.operation
    hash(event)
    for effect in effects(event):
        assert effect.detail
        hash(effect)
