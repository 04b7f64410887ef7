"""What each kind of event changed: one row per change this kit has a word for."""

from __future__ import annotations

from typing import Any

import pytest
from trail_samples import ACCOUNT, FUNCTION, KEY, STREAM, UUID, record

from runbook_lib.interpret.trail_effect import _SPECIAL
from runbook_lib.interpret.trail_event import EFFECTS, effects, parse

FN = "project-orders"
ROLE = "project-role"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/streams"
UPDATE = "UpdateEventSourceMapping20150331"
CREATE = "CreateEventSourceMapping20150331"
MADE = {"uUID": UUID, "functionArn": FUNCTION}


def _iam(name: str, /, **request: Any) -> dict[str, Any]:
    return record(name, {"roleName": ROLE, **request}, source="iam", awsRegion="us-east-1")


def _lambda(name: str, /, **request: Any) -> dict[str, Any]:
    return record(name, {"functionName": FN, **request})


def _table(name: str, /, **request: Any) -> dict[str, Any]:
    return record(name, {"tableName": "orders", **request}, source="dynamodb")


def _key(name: str, /, **request: Any) -> dict[str, Any]:
    return record(name, {"keyId": KEY, **request}, source="kms")


TABLE_OF_CHANGES = [
    (_table("UpdateTable", streamSpecification={"streamEnabled": False}), [("stream-disabled", "orders")]),
    (_table("UpdateTable", StreamSpecification={"StreamEnabled": "false"}), [("stream-disabled", "orders")]),
    (
        _table("UpdateTable", streamSpecification={"streamEnabled": True, "streamViewType": "KEYS_ONLY"}),
        [("stream-enabled", "orders")],
    ),
    (_table("UpdateTable", provisionedThroughput={"readCapacityUnits": 5}), [("other-change", "orders")]),
    (
        _table("UpdateTable", streamSpecification={"streamEnabled": False}, billingMode="PAY_PER_REQUEST"),
        [("stream-disabled", "orders"), ("other-change", "orders")],
    ),
    (_table("UpdateTable"), [("other-change", "orders")]),
    (_table("CreateTable"), [("table-created", "orders")]),
    (
        _table("CreateTable", streamSpecification={"streamEnabled": True, "streamViewType": "NEW_IMAGE"}),
        [("table-created", "orders"), ("stream-enabled", "orders")],
    ),
    (
        _table("CreateTable", streamSpecification={"streamEnabled": False}),
        [("table-created", "orders"), ("stream-disabled", "orders")],
    ),
    (_table("DeleteTable"), [("table-deleted", "orders")]),
    (
        record("RestoreTableFromBackup", {"targetTableName": "orders"}, source="dynamodb"),
        [("table-restored", "orders")],
    ),
    (
        record("RestoreTableToPointInTime", {"sourceTableName": "old", "targetTableName": "orders"}, source="dynamodb"),
        [("table-restored", "orders")],
    ),
    (_table("UpdateTimeToLive"), [("other-change", "orders")]),
    (record("PutResourcePolicy", {"resourceArn": STREAM}, source="dynamodb"), [("resource-policy-changed", "orders")]),
    (
        record("DeleteResourcePolicy", {"resourceArn": STREAM}, source="dynamodb"),
        [("resource-policy-changed", "orders")],
    ),
    (record(CREATE, {"functionName": FN, "enabled": True}, response=MADE), [("mapping-created", UUID)]),
    (
        record(CREATE, {"functionName": FN, "enabled": False}, response=MADE),
        [("mapping-created", UUID), ("mapping-disabled", UUID)],
    ),
    (record(UPDATE, {"uUID": UUID, "enabled": False}), [("mapping-disabled", UUID)]),
    (record(UPDATE, {"uUID": UUID, "enabled": True}), [("mapping-enabled", UUID)]),
    (record(UPDATE, {"uUID": UUID, "filterCriteria": {}}), [("mapping-filter-changed", UUID)]),
    (record(UPDATE, {"uUID": UUID, "batchSize": 10}), [("mapping-updated", UUID)]),
    (record(UPDATE, {"uUID": UUID, "functionName": FUNCTION + ":live"}), [("mapping-updated", UUID)]),
    (
        record(UPDATE, {"uUID": UUID, "enabled": True, "filterCriteria": {}, "batchSize": 10}),
        [("mapping-enabled", UUID), ("mapping-filter-changed", UUID), ("mapping-updated", UUID)],
    ),
    (record(UPDATE, None, response={"uUID": UUID, "filterCriteria": {}}), [("mapping-updated", UUID)]),
    (record("DeleteEventSourceMapping20150331", {"uUID": UUID}), [("mapping-deleted", UUID)]),
    (record("LambdaESMDisabled", eventCategory="Data", managementEvent=False), [("mapping-disabled-by-lambda", "")]),
    (_lambda("UpdateFunctionCode20150331v2"), [("code-changed", FN)]),
    (_lambda("UpdateFunctionCode20150331"), [("code-changed", FN)]),
    (_lambda("UpdateFunctionCode20150331v2", publish=True), [("code-changed", FN), ("version-published", FN)]),
    (_lambda("UpdateFunctionCode20150331v2", dryRun=True), []),
    (_lambda("UpdateFunctionConfiguration20150331v2", timeout=3), [("configuration-changed", FN)]),
    (_lambda("PutRuntimeManagementConfig"), [("configuration-changed", FN)]),
    (_lambda("PublishVersion20150331"), [("version-published", FN)]),
    (_lambda("CreateAlias20150331", name="live", functionVersion="7"), [("alias-changed", FN)]),
    (_lambda("UpdateAlias20150331", name="live", functionVersion="8"), [("alias-changed", FN)]),
    (_lambda("DeleteAlias20150331", name="live"), [("alias-deleted", FN)]),
    (_lambda("CreateFunction20150331"), [("function-created", FN)]),
    (_lambda("DeleteFunction20150331"), [("function-deleted", FN)]),
    (_lambda("PutFunctionConcurrency20171031", reservedConcurrentExecutions=0), [("concurrency-set", FN)]),
    (_lambda("DeleteFunctionConcurrency20171031"), [("concurrency-cleared", FN)]),
    (_lambda("AddPermission20150331v2"), [("other-change", FN)]),
    (_lambda("PutProvisionedConcurrencyConfig"), [("other-change", FN)]),
    (_lambda("GetFunction20150331v2") | {"readOnly": True}, []),
    (_lambda("Invoke") | {"eventCategory": "Data"}, []),
    (_table("PutItem") | {"readOnly": None, "eventCategory": None, "managementEvent": None}, []),
    (_iam("PutRolePolicy", policyName="streams", policyDocument="{}"), [("role-policy-put", ROLE)]),
    (_iam("DeleteRolePolicy", policyName="streams"), [("role-policy-deleted", ROLE)]),
    (_iam("AttachRolePolicy", policyArn=POLICY), [("role-policy-attached", ROLE)]),
    (_iam("DetachRolePolicy", policyArn=POLICY), [("role-policy-detached", ROLE)]),
    (_iam("UpdateAssumeRolePolicy", policyDocument="{}"), [("trust-changed", ROLE)]),
    (_iam("CreateRole"), [("role-created", ROLE)]),
    (_iam("CreateRole", permissionsBoundary=POLICY), [("role-created", ROLE), ("boundary-set", ROLE)]),
    (_iam("DeleteRole"), [("role-deleted", ROLE)]),
    (_iam("PutRolePermissionsBoundary", permissionsBoundary=POLICY), [("boundary-set", ROLE)]),
    (_iam("DeleteRolePermissionsBoundary"), [("boundary-cleared", ROLE)]),
    (_iam("UpdateRole"), [("other-change", ROLE)]),
    (
        record("CreatePolicyVersion", {"policyArn": POLICY, "setAsDefault": True}, source="iam"),
        [("managed-policy-changed", POLICY)],
    ),
    (record("CreatePolicyVersion", {"policyArn": POLICY}, source="iam"), [("other-change", POLICY)]),
    (
        record("SetDefaultPolicyVersion", {"policyArn": POLICY, "versionId": "v3"}, source="iam"),
        [("managed-policy-changed", POLICY)],
    ),
    (record("AttachPolicy", {"policyId": "p-1", "targetId": "ou-1"}, source="organizations"), [("scp-changed", "p-1")]),
    (record("DetachPolicy", {"policyId": "p-1", "targetId": "ou-1"}, source="organizations"), [("scp-changed", "p-1")]),
    (record("UpdatePolicy", {"policyId": "p-1"}, source="organizations"), [("scp-changed", "p-1")]),
    (_key("DisableKey"), [("key-disabled", KEY)]),
    (_key("DeleteImportedKeyMaterial"), [("key-disabled", KEY)]),
    (_key("ScheduleKeyDeletion", pendingWindowInDays=7), [("key-deletion-scheduled", KEY)]),
    (_key("PutKeyPolicy", policy="{}"), [("key-policy-changed", KEY)]),
    (_key("RevokeGrant", grantId="g-1"), [("key-policy-changed", KEY)]),
    (_key("EnableKey"), [("other-change", KEY)]),
    (
        record("DeleteLogGroup", {"logGroupName": "/aws/lambda/x"}, source="logs"),
        [("log-group-deleted", "/aws/lambda/x")],
    ),
    (record("DeleteSubnet", {"subnetId": "subnet-1"}, source="ec2"), [("other-change", "")]),
]


@pytest.mark.parametrize(("event", "expected"), TABLE_OF_CHANGES)
def test_event_has_its_effects(event: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Each event gives exactly these changes, of these things."""
    assert [(effect.kind, effect.target) for effect in effects(parse(event))] == expected


def test_every_kind_of_effect_is_produced() -> None:
    """The table holds an event for each kind of effect that a change can have, and for no other."""
    assert {kind for _, expected in TABLE_OF_CHANGES for kind, _ in expected} == EFFECTS


@pytest.mark.parametrize(("service", "operation"), _SPECIAL)
def test_an_operation_of_several_effects_declares_them(service: str, operation: str) -> None:
    """What is declared of an operation is what the events of the table give, no more and no less."""
    events = ((parse(event), expected) for event, expected in TABLE_OF_CHANGES)
    of_it = (found for event, found in events if (event.service, event.operation) == (service, operation))
    given = [kind for found in of_it for kind, _ in found]
    assert set(given) == set(_SPECIAL[service, operation].kinds)


@pytest.mark.parametrize("event", [event for event, expected in TABLE_OF_CHANGES if expected])
def test_failed_event_changes_nothing(event: dict[str, Any]) -> None:
    """The same call with an error keeps what it was about, and changes nothing."""
    failed, done = parse(event | {"errorCode": "AccessDenied", "errorMessage": "no"}), parse(event)
    assert effects(failed) == ()
    assert failed.targets == done.targets


@pytest.mark.parametrize("event", [event for event, expected in TABLE_OF_CHANGES if expected])
def test_sentence_is_complete(event: dict[str, Any]) -> None:
    """Every effect is told in a whole sentence, without a placeholder left in it."""
    for effect in effects(parse(event)):
        assert effect.detail.endswith(".")
        assert not set("{}") & set(effect.detail)


@pytest.mark.parametrize(
    ("event", "values"),
    [
        (_lambda("PutFunctionConcurrency20171031", reservedConcurrentExecutions=0), {"reserved": 0}),
        (_lambda("UpdateAlias20150331", name="live", functionVersion="8"), {"alias": "live", "function_version": "8"}),
        (_lambda("DeleteFunction20150331", qualifier="3"), {"qualifier": "3"}),
        (record("DeleteFunction20150331", {"functionName": FUNCTION + ":3"}), {"qualifier": "3"}),
        (
            _lambda("UpdateFunctionConfiguration20150331v2", timeout=3, role="r"),
            {"timeout": 3, "role": "r", "changed": ("timeout", "role")},
        ),
        (
            _table("UpdateTable", streamSpecification={"streamEnabled": True, "streamViewType": "KEYS_ONLY"})
            | {"responseElements": {"tableDescription": {"latestStreamArn": STREAM}}},
            {"latest_stream_arn": STREAM, "view_type": "KEYS_ONLY"},
        ),
        (_table("UpdateTable", billingMode="PROVISIONED"), {"changed": ("billingMode",)}),
        (
            record(CREATE, {"functionName": FN, "eventSourceArn": STREAM, "filterCriteria": {}}, response=MADE),
            {"function": FN, "table": "orders", "event_source_arn": STREAM, "filtered": True},
        ),
        (record(CREATE, {"functionName": FN}, response=MADE), {"function": FN, "filtered": False}),
        (record(UPDATE, {"uUID": UUID, "batchSize": 10}), {"changed": ("batchSize",)}),
        (
            record("LambdaESMDisabled", serviceEventDetails={"code": "FUNCTION_NOT_FOUND"}),
            {"reason_code": "FUNCTION_NOT_FOUND", "reason": "FUNCTION_NOT_FOUND"},
        ),
        (_iam("AttachRolePolicy", policyArn=POLICY), {"policy_arn": POLICY}),
    ],
)
def test_values_tell_what_the_record_tells(event: dict[str, Any], values: dict[str, Any]) -> None:
    """The first effect carries what the record says besides its target, and nothing that it does not say."""
    assert effects(parse(event))[0].values == values


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("RESOURCE_NOT_FOUND", "RESOURCE_NOT_FOUND"),
        ("AUTHORIZATION_ERROR: role cannot read", "AUTHORIZATION_ERROR"),
        ("Lambda Function not found", "FUNCTION_NOT_FOUND"),
        ("Lambda does not have the permissions it needs", "AUTHORIZATION_ERROR"),
        ("The stream was not found", "RESOURCE_NOT_FOUND"),
        ("The function is in a failed state", "FUNCTION_IN_FAILED_STATE"),
        ("something else", None),
    ],
)
def test_reason_of_lambda_is_given_its_code(reason: str, code: str | None) -> None:
    """The documented codes are found as such, older free text by its words, and anything else has no code."""
    effect = effects(parse(record("LambdaESMDisabled", serviceEventDetails={"ESMDisableReason": reason})))[0]
    assert effect.values.get("reason_code") == code
    assert reason in effect.detail


def test_hostile_names_stay_text() -> None:
    """Braces and markup inside names are shown as they are."""
    event = parse(_lambda("UpdateFunctionConfiguration20150331v2", **{"{target}": 1}) | {"eventID": "<b>"})
    assert "{target}" in effects(event)[0].detail
