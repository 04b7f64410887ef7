"""What a CloudTrail event changed, in the words of this kit.

An effect names one change and one thing changed, so that a cause can ask for "the mapping was disabled" whatever API
call, console or template did it.

Sources: "Logging AWS Lambda API calls using AWS CloudTrail",
docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html; the API references of the operations named below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from runbook_lib.interpret.trail_record import Target, TrailEvent, member


@dataclass(frozen=True)
class Effect:
    """One thing that an event changed.

    `kind` is a slug (`mapping-disabled`), `target` a bare name as in `Target`, `detail` a sentence for people, `values`
    what the record tells besides, under snake_case names; a name missing there was not recorded.
    """

    kind: str
    target_kind: str
    target: str
    detail: str
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)


def effects(event: TrailEvent) -> tuple[Effect, ...]:
    """Say what the event changed; empty for a call that failed, only read, was a dry run or moved data, not settings.

    A call that changed something this kit has no word for gives one `other-change`. An update names what was asked for:
    the trail does not tell whether it differed from before.
    """
    if not event.succeeded or event.read_only or member(event.request, "dryRun") is True:
        return ()
    special = _SPECIAL.get((event.service, event.operation))
    if special:
        return tuple(special.effects(event))
    if event.category == "Data" or event.operation in _DATA_OPERATIONS:
        return ()
    rule = _RULES.get((event.service, event.operation))
    return (_applied(rule, event) if rule else _other(event),)


@dataclass(frozen=True)
class _EffectRule:
    """An operation that changes one thing: the sentence may name the target and any of the members picked."""

    kind: str
    target_kind: str
    sentence: str
    members: tuple[str, ...] = ()


_UNNAMED = "other-change"
"""The effect of a change that this kit has no word for."""

_RULES: Mapping[tuple[str, str], _EffectRule] = {
    ("lambda", "DeleteEventSourceMapping"): _EffectRule("mapping-deleted", "mapping", "Mapping {target} was deleted."),
    ("lambda", "PutFunctionConcurrency"): _EffectRule(
        "concurrency-set",
        "function",
        "Reserved concurrency of function {target} was set to {reservedConcurrentExecutions}.",
        ("reservedConcurrentExecutions",),
    ),
    ("lambda", "DeleteFunctionConcurrency"): _EffectRule(
        "concurrency-cleared", "function", "Function {target} no longer reserves concurrency."
    ),
    ("lambda", "PublishVersion"): _EffectRule(
        "version-published", "function", "Version {version} of function {target} was published.", ("version",)
    ),
    ("lambda", "CreateAlias"): _EffectRule(
        "alias-changed",
        "function",
        "Alias {name} of function {target} was created on version {functionVersion}.",
        ("name", "functionVersion"),
    ),
    ("lambda", "UpdateAlias"): _EffectRule(
        "alias-changed",
        "function",
        "Alias {name} of function {target} was changed; its version is {functionVersion}.",
        ("name", "functionVersion", "routingConfig"),
    ),
    ("lambda", "DeleteAlias"): _EffectRule(
        "alias-deleted", "function", "Alias {name} of function {target} was deleted.", ("name",)
    ),
    ("lambda", "CreateFunction"): _EffectRule(
        "function-created", "function", "Function {target} was created.", ("role", "runtime", "handler", "version")
    ),
    ("lambda", "PutRuntimeManagementConfig"): _EffectRule(
        "configuration-changed", "function", "The runtime updates of function {target} were configured."
    ),
    ("dynamodb", "DeleteTable"): _EffectRule("table-deleted", "table", "Table {target} was deleted."),
    ("dynamodb", "RestoreTableFromBackup"): _EffectRule(
        "table-restored",
        "table",
        "Table {target} was restored from a backup, which restores no stream setting.",
        ("sourceBackupArn", "backupArn"),
    ),
    ("dynamodb", "RestoreTableToPointInTime"): _EffectRule(
        "table-restored",
        "table",
        "Table {target} was restored to a point in time, which restores no stream setting.",
        ("sourceTableName", "sourceTableArn"),
    ),
    ("dynamodb", "PutResourcePolicy"): _EffectRule(
        "resource-policy-changed", "table", "A resource policy of table {target} was put.", ("resourceArn",)
    ),
    ("dynamodb", "DeleteResourcePolicy"): _EffectRule(
        "resource-policy-changed", "table", "A resource policy of table {target} was deleted.", ("resourceArn",)
    ),
    ("iam", "PutRolePolicy"): _EffectRule(
        "role-policy-put",
        "role",
        "Inline policy {policyName} of role {target} was put.",
        ("policyName", "policyDocument"),
    ),
    ("iam", "DeleteRolePolicy"): _EffectRule(
        "role-policy-deleted", "role", "Inline policy {policyName} of role {target} was deleted.", ("policyName",)
    ),
    ("iam", "AttachRolePolicy"): _EffectRule(
        "role-policy-attached", "role", "Policy {policyArn} was attached to role {target}.", ("policyArn",)
    ),
    ("iam", "DetachRolePolicy"): _EffectRule(
        "role-policy-detached", "role", "Policy {policyArn} was detached from role {target}.", ("policyArn",)
    ),
    ("iam", "SetDefaultPolicyVersion"): _EffectRule(
        "managed-policy-changed", "policy", "Version {versionId} of policy {target} came into force.", ("versionId",)
    ),
    ("iam", "UpdateAssumeRolePolicy"): _EffectRule(
        "trust-changed", "role", "The trust policy of role {target} was changed.", ("policyDocument",)
    ),
    ("iam", "DeleteRole"): _EffectRule("role-deleted", "role", "Role {target} was deleted."),
    ("iam", "PutRolePermissionsBoundary"): _EffectRule(
        "boundary-set", "role", "Role {target} was bounded by {permissionsBoundary}.", ("permissionsBoundary",)
    ),
    ("iam", "DeleteRolePermissionsBoundary"): _EffectRule(
        "boundary-cleared", "role", "The permissions boundary of role {target} was removed."
    ),
    ("organizations", "UpdatePolicy"): _EffectRule(
        "scp-changed", "organization-policy", "Organization policy {target} was changed."
    ),
    ("organizations", "AttachPolicy"): _EffectRule(
        "scp-changed", "organization-policy", "Organization policy {target} was attached to {targetId}.", ("targetId",)
    ),
    ("organizations", "DetachPolicy"): _EffectRule(
        "scp-changed",
        "organization-policy",
        "Organization policy {target} was detached from {targetId}.",
        ("targetId",),
    ),
    ("kms", "DisableKey"): _EffectRule("key-disabled", "key", "Key {target} was disabled."),
    ("kms", "DeleteImportedKeyMaterial"): _EffectRule(
        "key-disabled", "key", "Key {target} lost its imported key material."
    ),
    ("kms", "ScheduleKeyDeletion"): _EffectRule(
        "key-deletion-scheduled",
        "key",
        "Key {target} was scheduled for deletion and cannot be used from then on.",
        ("pendingWindowInDays", "deletionDate"),
    ),
    ("kms", "PutKeyPolicy"): _EffectRule(
        "key-policy-changed", "key", "The key policy of key {target} was put.", ("policy",)
    ),
    ("kms", "RevokeGrant"): _EffectRule(
        "key-policy-changed", "key", "Grant {grantId} on key {target} was revoked.", ("grantId",)
    ),
    ("logs", "DeleteLogGroup"): _EffectRule("log-group-deleted", "log-group", "Log group {target} was deleted."),
}

_DATA_OPERATIONS = {
    *("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"),
    *("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"),
    *("Invoke", "PutLogEvents", "Encrypt", "ReEncrypt"),
}
"""Writes of data, which change no setting; records before version 1.08 do not say that they are data events."""


def _picked(event: TrailEvent, names: tuple[str, ...]) -> dict[str, Any]:
    """Pick members from the request, else the response, else an object inside it; what is not recorded is left out."""
    inside = [member for member in event.response.values() if isinstance(member, Mapping)]
    found = {}
    for name in names:
        values = (member(place, name) for place in (event.request, event.response, *inside))
        value = next((candidate for candidate in values if candidate is not None), None)
        if value is not None:
            found[name] = value
    return found


_SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SHORT = {"reservedConcurrentExecutions": "reserved", "name": "alias"}


def _named(picked: Mapping[str, Any]) -> dict[str, Any]:
    """Give picked members the names that `Effect.values` uses."""
    return {_SHORT.get(name) or _SNAKE.sub("_", name).lower(): value for name, value in picked.items()}


def _target(event: TrailEvent, kind: str) -> str:
    return next((target.name for target in event.targets if target.kind == kind), "")


def _effect(event: TrailEvent, kind: str, target_kind: str, sentence: str, picked: Mapping[str, Any]) -> Effect:
    """Build an effect; the sentence may name the target and anything picked."""
    target = _target(event, target_kind)
    said = {name: _in_words(picked.get(name)) for name in re.findall(r"{(\w+)}", sentence)}
    return Effect(kind, target_kind, target, sentence.format_map(said | {"target": _in_words(target)}), _named(picked))


def _in_words(value: Any) -> str:
    """Put a value into a sentence; what the record lacks is said to be lacking."""
    if isinstance(value, tuple):
        value = ", ".join(value)
    return "(not recorded)" if value in (None, "") else str(value)


def _applied(rule: _EffectRule, event: TrailEvent) -> Effect:
    return _effect(event, rule.kind, rule.target_kind, rule.sentence, _picked(event, rule.members))


def _other(event: TrailEvent, changed: tuple[str, ...] = ()) -> Effect:
    """Describe a change that this kit has no word for, by its operation."""
    target = event.target or Target("unknown", "")
    parts = f" ({', '.join(changed)})" if changed else ""
    detail = f"{event.operation} on {target.kind} {target.name}{parts}." if target.name else f"{event.operation}."
    return Effect(_UNNAMED, target.kind, target.name, detail, {"changed": changed} if changed else {})


def _flag(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(str(value).lower())


def _requested_members(event: TrailEvent, *without: str) -> tuple[str, ...]:
    """List the members of the request besides the named ones, without regard to case."""
    hidden = {name.lower() for name in without}
    return tuple(name for name in event.request if name.lower() not in hidden)


def _mapping_values(event: TrailEvent) -> dict[str, Any]:
    picked = _picked(event, ("eventSourceArn", "startingPosition", "state"))
    function, table = _target(event, "function"), _target(event, "table")
    return picked | ({"function": function} if function else {}) | ({"table": table} if table else {})


def _mapping_created(event: TrailEvent) -> Iterator[Effect]:
    # CloudTrail redacts every filter to {}: present says that there is one, and no more.
    values = _mapping_values(event) | {"filtered": member(event.request, "filterCriteria") is not None}
    yield _effect(event, "mapping-created", "mapping", "Mapping {target} was created for function {function}.", values)
    if _flag(member(event.request, "enabled")) is False:
        yield _effect(event, "mapping-disabled", "mapping", "Mapping {target} was created disabled.", values)


def _mapping_updated(event: TrailEvent) -> Iterator[Effect]:
    values = _mapping_values(event)
    enabled = _flag(member(event.request, "enabled"))
    if enabled is not None:
        kind, verb = ("mapping-enabled", "enabled") if enabled else ("mapping-disabled", "disabled")
        yield _effect(event, kind, "mapping", f"Mapping {{target}} was {verb}.", values)
    filtered = member(event.request, "filterCriteria") is not None
    if filtered:
        sentence = "The filter of mapping {target} was put or removed; CloudTrail does not record its text."
        yield _effect(event, "mapping-filter-changed", "mapping", sentence, values)
    changed = _requested_members(event, "uUID", "eventSourceArn", "fullyQualifiedArn", "enabled", "filterCriteria")
    if changed or (enabled is None and not filtered):
        values["changed"] = changed
        yield _effect(event, "mapping-updated", "mapping", "Mapping {target} was updated: {changed}.", values)


_DISABLE_REASONS = (
    ("FUNCTION_NOT_FOUND", "function not found"),
    ("AUTHORIZATION_ERROR", "permission"),
    ("AUTHORIZATION_ERROR", "not authorized"),
    ("FUNCTION_IN_FAILED_STATE", "failed state"),
    ("RESOURCE_NOT_FOUND", "not found"),
    ("RESOURCE_NOT_FOUND", "does not exist"),
    ("REGION_NAME_NOT_VALID", "region"),
)
"""The documented codes, and words of the free text that older events carry instead (observed in two events)."""


def _mapping_disabled_by_lambda(event: TrailEvent) -> Iterator[Effect]:
    text = " ".join(str(value) for value in event.details.values())
    codes = {code for code, _ in _DISABLE_REASONS}
    code = next((candidate for candidate in codes if candidate in text), None)
    code = code or next((reason for reason, words in _DISABLE_REASONS if words in text.lower()), None)
    values = _mapping_values(event) | ({"reasonCode": code} if code else {}) | ({"reason": text} if text else {})
    sentence = "Lambda disabled mapping {target} by itself: {reason}."
    yield _effect(event, "mapping-disabled-by-lambda", "mapping", sentence, values)


def _code_changed(event: TrailEvent) -> Iterator[Effect]:
    values = _picked(event, ("codeSha256", "version", "role", "imageUri", "s3Key"))
    yield _effect(event, "code-changed", "function", "The code of function {target} was updated.", values)
    if _flag(member(event.request, "publish")):
        yield _applied(_RULES["lambda", "PublishVersion"], event)


def _configuration_changed(event: TrailEvent) -> Iterator[Effect]:
    changed = _requested_members(event, "functionName", "fullyQualifiedArn", "revisionId")
    values = _picked(event, changed) | {"changed": changed}
    sentence = "The configuration of function {target} was updated: {changed}."
    yield _effect(event, "configuration-changed", "function", sentence, values)


def _function_deleted(event: TrailEvent) -> Iterator[Effect]:
    named = str(member(event.request, "functionName") or "")
    qualifier = member(event.request, "qualifier") or (named.partition(":function:")[2] or named).partition(":")[2]
    sentence = (
        "Version {qualifier} of function {target} was deleted." if qualifier else "Function {target} was deleted."
    )
    yield _effect(event, "function-deleted", "function", sentence, {"qualifier": qualifier} if qualifier else {})


def _stream_effect(event: TrailEvent) -> Iterator[Effect]:
    specification = member(event.request, "streamSpecification")
    enabled = _flag(member(specification, "streamEnabled"))
    if enabled is False:
        yield _effect(event, "stream-disabled", "table", "The stream of table {target} was disabled.", {})
    elif enabled:
        values = _picked(event, ("latestStreamArn",))
        view = member(specification, "streamViewType")
        values |= {"viewType": view} if view else {}
        sentence = "The stream of table {target} was enabled with view type {viewType}; that makes a new stream ARN."
        yield _effect(event, "stream-enabled", "table", sentence, values)


def _table_created(event: TrailEvent) -> Iterator[Effect]:
    yield _effect(event, "table-created", "table", "Table {target} was created.", _picked(event, ("tableId",)))
    yield from _stream_effect(event)


def _table_updated(event: TrailEvent) -> Iterator[Effect]:
    streams = tuple(_stream_effect(event))
    yield from streams
    changed = _requested_members(event, "tableName", *(("streamSpecification",) if streams else ()))
    if changed or not streams:
        yield _other(event, changed)


def _role_created(event: TrailEvent) -> Iterator[Effect]:
    values = _picked(event, ("assumeRolePolicyDocument",))
    yield _effect(event, "role-created", "role", "Role {target} was created.", values)
    if member(event.request, "permissionsBoundary"):
        yield _applied(_RULES["iam", "PutRolePermissionsBoundary"], event)


def _policy_version_created(event: TrailEvent) -> Iterator[Effect]:
    if not _flag(member(event.request, "setAsDefault")):
        # A version that is not the default is in force nowhere.
        yield _other(event)
        return
    values = _picked(event, ("versionId", "policyDocument"))
    sentence = "Policy {target} was given a new version {versionId}, in force at once."
    yield _effect(event, "managed-policy-changed", "policy", sentence, values)


class _SpecialRule(NamedTuple):
    """An operation that may change several things, or one of several: how to tell, and the kinds of effect it gives."""

    effects: Callable[[TrailEvent], Iterator[Effect]]
    kinds: tuple[str, ...]


_SPECIAL: Mapping[tuple[str, str], _SpecialRule] = {
    ("lambda", "CreateEventSourceMapping"): _SpecialRule(_mapping_created, ("mapping-created", "mapping-disabled")),
    ("lambda", "UpdateEventSourceMapping"): _SpecialRule(
        _mapping_updated, ("mapping-enabled", "mapping-disabled", "mapping-filter-changed", "mapping-updated")
    ),
    ("lambda", "LambdaESMDisabled"): _SpecialRule(_mapping_disabled_by_lambda, ("mapping-disabled-by-lambda",)),
    ("lambda", "UpdateFunctionCode"): _SpecialRule(_code_changed, ("code-changed", "version-published")),
    ("lambda", "UpdateFunctionConfiguration"): _SpecialRule(_configuration_changed, ("configuration-changed",)),
    ("lambda", "DeleteFunction"): _SpecialRule(_function_deleted, ("function-deleted",)),
    ("dynamodb", "CreateTable"): _SpecialRule(_table_created, ("table-created", "stream-enabled", "stream-disabled")),
    ("dynamodb", "UpdateTable"): _SpecialRule(_table_updated, ("stream-enabled", "stream-disabled", _UNNAMED)),
    ("iam", "CreateRole"): _SpecialRule(_role_created, ("role-created", "boundary-set")),
    ("iam", "CreatePolicyVersion"): _SpecialRule(_policy_version_created, ("managed-policy-changed", _UNNAMED)),
}

EFFECTS = frozenset(
    (_UNNAMED, *(rule.kind for rule in _RULES.values()), *(kind for rule in _SPECIAL.values() for kind in rule.kinds))
)
"""Every kind of effect that a change can have."""

ENDS_STREAM = frozenset({"stream-disabled", "table-deleted", "table-restored"})
"""Effects after which the table's stream takes no more records."""
