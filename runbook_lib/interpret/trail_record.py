"""One CloudTrail record, wherever it was found, read into one shape: who called what, when, on what, to what end.

A record reaches the kit as the `CloudTrailEvent` text of LookupEvents, as a whole LookupEvents item, as a message of
the trail's CloudWatch Logs group, or from a log file. Nothing but the event's name is taken for granted: old record
versions, service events and exporters leave members out.

Source: "CloudTrail record contents",
docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

_API_DATE = re.compile(r"(?<=[a-z])\d{8}(?:v\d+)?$")
_READING = re.compile(
    r"(?:Get|List|Describe|Lookup|Search|Simulate|BatchGet|Query|Scan|Decrypt|Verify|Assume|Generate)"
)

UNDATED = datetime.fromtimestamp(0, tz=UTC)
"""Stands for the time of a record that carries none; CloudTrail itself always dates its events."""


class BadTrailEvent(ValueError):
    """The text or object is no CloudTrail event; the message says what is wrong with it."""


class ActorKind(StrEnum):
    """Who stands behind a call. A role may be software or a person: the trail cannot always tell."""

    PERSON = "person"
    ROLE = "role"
    SERVICE = "service"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Resource:
    """A resource that CloudTrail lists with the event: its CloudFormation type (may be empty), and its name or ARN."""

    type: str
    name: str


@dataclass(frozen=True)
class Target:
    """What a call was about: `kind` is `function`, `mapping`, `table`, `role`, `policy`, `key`, ...; `name` is bare.

    A function comes without qualifier, a table, role or key without its ARN, a mapping as its UUID in lower case, a
    policy as its ARN where the record has one.
    """

    kind: str
    name: str


@dataclass(frozen=True)
class TrailEvent:
    """One recorded call, or one action that a service took by itself.

    `at` is UTC. `operation` is `event_name` without the API date (`UpdateEventSourceMapping20150331`). `actor` is an
    ARN, a service's name or `unknown`. `via` is the service that made the call for the actor
    (`cloudformation.amazonaws.com`; `AWS Internal` is the console), None when the actor called directly. `request`,
    `response` and `details` (of a service's own action) are empty when the record leaves them out.
    """

    event_id: str
    at: datetime
    source: str
    operation: str
    event_name: str
    region: str = ""
    account: str = ""
    actor: str = "unknown"
    actor_kind: ActorKind = ActorKind.UNKNOWN
    via: str | None = None
    user_agent: str = ""
    read_only: bool = False
    error_code: str | None = None
    error_message: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)
    response: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)
    details: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)
    resources: tuple[Resource, ...] = ()
    category: str = "Management"

    @property
    def succeeded(self) -> bool:
        """Whether the call did what it asked for: CloudTrail records an error code or message otherwise."""
        return not (self.error_code or self.error_message)

    @property
    def service(self) -> str:
        """The service's short name: `lambda` for `lambda.amazonaws.com`."""
        return self.source.partition(".")[0]

    @property
    def targets(self) -> tuple[Target, ...]:
        """Everything the call named, the most specific first; empty when the record names nothing we know."""
        return tuple(dict.fromkeys(_targets(self)))

    @property
    def target(self) -> Target | None:
        """What the call was about, first of all; None when the record names nothing we know."""
        return next(iter(self.targets), None)


def parse(raw: str | bytes | Mapping[str, Any], *, at: datetime | None = None) -> TrailEvent:
    """Read one event: a record, its JSON text, or a LookupEvents item around it.

    `at` (UTC) is taken for a record that carries no time of its own, e.g. the time of the log event that held it;
    without it such an event is `UNDATED`. Raises BadTrailEvent for anything that is not one event.
    """
    outer = _loaded(raw)
    inner = _loaded(outer["CloudTrailEvent"]) if outer.get("CloudTrailEvent") else outer
    if "Records" in inner and "eventName" not in inner:
        raise BadTrailEvent("this is a whole log file: parse each member of `Records`")
    name = inner.get("eventName") or outer.get("EventName")
    if not isinstance(name, str) or not name.strip():
        raise BadTrailEvent("it has no eventName, so it is not a CloudTrail event")
    resources = tuple(_resources(inner.get("resources"))) or tuple(_resources(outer.get("Resources")))
    source = _text(inner.get("eventSource") or outer.get("EventSource")) or _source_of(resources)
    actor, kind, via = _actor(inner, outer, source)
    return TrailEvent(
        event_id=_text(inner.get("eventID") or outer.get("EventId")),
        at=_instant(inner.get("eventTime")) or _instant(outer.get("EventTime")) or at or UNDATED,
        source=source,
        operation=_API_DATE.sub("", name),
        event_name=name,
        region=_text(inner.get("awsRegion") or outer.get("AwsRegion")),
        account=_text(inner.get("recipientAccountId") or member(inner, "userIdentity", "accountId")),
        actor=actor,
        actor_kind=kind,
        via=via,
        user_agent=_text(inner.get("userAgent")),
        read_only=_reads(name, inner.get("readOnly", outer.get("ReadOnly"))),
        error_code=_text(inner.get("errorCode")) or None,
        error_message=_text(inner.get("errorMessage")) or None,
        request=_object(inner.get("requestParameters")),
        response=_object(inner.get("responseElements")),
        details=_object(inner.get("serviceEventDetails")),
        resources=resources,
        category=_text(inner.get("eventCategory"))
        or ("Data" if inner.get("managementEvent") is False else "Management"),
    )


def member(node: Any, *path: str) -> Any:
    """Follow member names through nested objects whatever their case; None when the path ends early.

    CloudTrail lowers the first letter of the API's names and no more (`uUID`, `sSESpecification`), and not everywhere
    alike, so no spelling is relied upon.
    """
    for name in path:
        if not isinstance(node, Mapping):
            return None
        if name not in node:
            wanted = name.lower()
            name = next((key for key in node if isinstance(key, str) and key.lower() == wanted), "")
        node = node.get(name)
    return node


def _loaded(raw: Any) -> Mapping[str, Any]:
    """Read JSON text, or take an object as it is."""
    if isinstance(raw, (str, bytes)):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError) as problem:
            raise BadTrailEvent(f"it is not JSON: {problem}") from None
    if not isinstance(raw, Mapping):
        raise BadTrailEvent(f"it is not a JSON object but {type(raw).__name__}")
    return raw


def _object(value: Any) -> Mapping[str, Any]:
    """Read a member that holds an object, which some exporters keep as JSON text."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _instant(value: Any) -> datetime | None:
    """Read a time as text, as the SDK's datetime or as epoch seconds, into UTC; None when it is none of these."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip())
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            value = datetime.fromtimestamp(value, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _reads(name: str, said: Any) -> bool:
    """Whether the call only reads; record versions before 1.05 do not say, so there the verb decides."""
    if isinstance(said, str):
        said = {"true": True, "false": False}.get(said.lower())
    return said if isinstance(said, bool) else _READING.match(name) is not None


def _resources(listed: Any) -> Iterator[Resource]:
    """Give the resources of a record (`type`, `ARN`) or of a LookupEvents item (`ResourceType`, `ResourceName`)."""
    for resource in listed if isinstance(listed, list) else ():
        name = member(resource, "ARN") or member(resource, "ResourceName")
        if isinstance(name, str) and name:
            yield Resource(_text(member(resource, "type") or member(resource, "ResourceType")), name)


def _source_of(resources: tuple[Resource, ...]) -> str:
    """The service of a record that does not name it, from the type of a resource (`AWS::Lambda::Function`)."""
    parts = resources[0].type.split("::") if resources else []
    return f"{parts[1].lower()}.amazonaws.com" if len(parts) == 3 else ""


_KIND_OF_IDENTITY = {
    "IAMUser": ActorKind.PERSON,
    "Root": ActorKind.PERSON,
    "FederatedUser": ActorKind.PERSON,
    "SAMLUser": ActorKind.PERSON,
    "WebIdentityUser": ActorKind.PERSON,
    "IdentityCenterUser": ActorKind.PERSON,
    "AssumedRole": ActorKind.ROLE,
    "Role": ActorKind.ROLE,
    "AWSService": ActorKind.SERVICE,
}
"""From "CloudTrail userIdentity element"; `AWSAccount` and `Unknown` say nothing about who it was."""


_NO_ADDRESS = (".amazonaws.com", "AWS Internal")
"""How a `sourceIPAddress` ends that names a service or the console, where no address of the caller is known."""


def _actor(record: Mapping[str, Any], outer: Mapping[str, Any], source: str) -> tuple[str, ActorKind, str | None]:
    """Who called, what kind of caller that is, and the service that called on their behalf."""
    if record.get("eventType") == "AwsServiceEvent" or "serviceEventDetails" in record:
        return source or "unknown", ActorKind.SERVICE, None
    identity = record.get("userIdentity")
    invoker, address = _text(member(identity, "invokedBy")), _text(record.get("sourceIPAddress"))
    via = invoker or (address if address.endswith(_NO_ADDRESS) else "") or None
    named = ("arn", "userName", "principalId")
    actor = next((text for name in named if (text := _text(member(identity, name)))), _text(outer.get("Username")))
    kind = _KIND_OF_IDENTITY.get(_text(member(identity, "type")), ActorKind.UNKNOWN)
    if kind is ActorKind.SERVICE or (not actor and via):
        return via or actor or "unknown", ActorKind.SERVICE, None
    if kind is ActorKind.ROLE:
        kind = _behind_role(actor, record)
    return actor or _text(member(identity, "accountId")) or "unknown", kind, via


def _behind_role(actor: str, record: Mapping[str, Any]) -> ActorKind:
    """Tell people and services from other sessions, by reserved role names and by credentials from the console."""
    if "/AWSReservedSSO_" in actor or record.get("sessionCredentialFromConsole") in (True, "true"):
        return ActorKind.PERSON
    return ActorKind.SERVICE if "/AWSServiceRoleFor" in actor else ActorKind.ROLE


_NAMING: Mapping[str, tuple[tuple[str, str], ...]] = {
    "lambda": (
        ("mapping", "uUID"),
        ("mapping", "eventSourceMappingArn"),
        ("function", "functionName"),
        ("function", "functionArn"),
        ("table", "eventSourceArn"),
        ("layer", "layerName"),
    ),
    "dynamodb": (
        ("table", "targetTableName"),
        ("table", "tableName"),
        ("table", "tableArn"),
        ("table", "resourceArn"),
        ("table", "streamArn"),
        ("table", "globalTableName"),
        ("table", "shardIterator"),
    ),
    "iam": (
        ("role", "roleName"),
        ("policy", "policyArn"),
        ("policy", "arn"),
        ("user", "userName"),
        ("group", "groupName"),
        ("instance-profile", "instanceProfileName"),
    ),
    "kms": (("key", "keyId"),),
    "sts": (("role", "roleArn"),),
    "logs": (("log-group", "logGroupName"), ("log-group", "logGroupIdentifier")),
    "organizations": (("organization-policy", "policyId"), ("account", "accountId"), ("account", "targetId")),
    "ecr": (("repository", "repositoryName"),),
}
"""The members that name what a call is about, by service: in the request, the response and one level below it."""

_KIND_OF_RESOURCE = {
    "AWS::Lambda::EventSourceMapping": "mapping",
    "AWS::Lambda::Function": "function",
    "AWS::DynamoDB::Table": "table",
    "AWS::DynamoDB::Stream": "table",
    "AWS::IAM::Role": "role",
    "AWS::IAM::Policy": "policy",
    "AWS::KMS::Key": "key",
    "AWS::Logs::LogGroup": "log-group",
}


def _targets(event: TrailEvent) -> Iterator[Target]:
    """Give what the record names: by the service's own members first, then the resources CloudTrail lists."""
    resources = list(_listed(event))
    if event.service == "kms":
        # A request may name its key by alias; the listed ARN never does.
        yield from resources
    for kind, name in _NAMING.get(event.service, ()):
        for place in _places(event):
            text = member(place, name)
            bare = bare_name(kind, text) if isinstance(text, str) else ""
            if bare:
                yield Target(kind, bare)
                break
    yield from resources
    yield from _refused(event)


def _places(event: TrailEvent) -> Iterator[Mapping[str, Any]]:
    """Where names stand: the request, the response, and objects inside them (`tableDescription`, `policy`, `role`)."""
    tops = (event.request, event.response, event.details)
    yield from tops
    for top in tops:
        for value in top.values():
            if isinstance(value, Mapping):
                yield value


def _listed(event: TrailEvent) -> Iterator[Target]:
    for resource in event.resources:
        kind = _KIND_OF_RESOURCE.get(resource.type) or ("key" if event.service == "kms" else "")
        name = bare_name(kind, resource.name) if kind else ""
        if name:
            yield Target(kind, name)


_REFUSED = re.compile(r"on resource: (?P<arn>arn:[\w-]+:(?P<service>[\w-]+):\S+)")
_KIND_OF_SERVICE = {"lambda": "function", "dynamodb": "table", "kms": "key"}


def _refused(event: TrailEvent) -> Iterator[Target]:
    """Give what a denied call was about: its record often has no request, but the message names the resource."""
    found = _REFUSED.search(event.error_message or "")
    kind = _KIND_OF_SERVICE.get(found["service"], "") if found else ""
    name = bare_name(kind, found["arn"]) if found and kind else ""
    if name:
        yield Target(kind, name)


def bare_name(kind: str, text: str) -> str:
    """Reduce a name or ARN to the form in which targets are compared; empty when it names nothing of that kind.

    Never raises: a record also holds names that AWS refused.
    """
    if kind == "function":
        return (text.partition(":function:")[2] or text).partition(":")[0]
    if kind == "mapping":
        return text.rpartition(":")[2].lower()
    if kind == "table":
        if ":" not in text:
            return text
        return text.partition(":table/")[2].partition("/")[0] if ":dynamodb:" in text else ""
    if kind in ("role", "user") and text.startswith("arn:"):
        return text.rpartition("/")[2]
    if kind == "key" and ":key/" in text:
        return text.rpartition(":key/")[2]
    if kind == "log-group" and ":log-group:" in text:
        return text.partition(":log-group:")[2].removesuffix(":*")
    if kind == "policy":
        return text if ":policy/" in text else ""
    return text
