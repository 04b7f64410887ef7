"""CloudTrail: what was called, by whom, in the shape of real event records.

Member names and spellings follow "CloudTrail record contents" and "Logging Lambda API calls using CloudTrail": Lambda
event names carry the API date, `requestParameters` are lowerCamelCase (a mapping's id is spelt `uUID`), a filter is
redacted to `{}`, and IAM's events exist in us-east-1 only.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from runbook_lib.sandbox.account import noise

DELIVERY_LAG = timedelta(minutes=5)
"""How long an event takes to reach the event history: AWS speaks of about five minutes on average."""

GLOBAL_REGION = "us-east-1"
"""Where the events of global services (IAM) are kept."""


@dataclass(frozen=True)
class Actor:
    """Who makes calls. `kind` is CloudTrail's `userIdentity.type`; `name` the user, or `role/session`."""

    kind: str
    name: str
    agent: str
    address: str = "203.0.113.24"
    via: str | None = None

    @property
    def username(self) -> str:
        """The name LookupEvents shows: the user's, or the session's."""
        return self.via or self.name.rpartition("/")[2]

    def identity(self, account: str, seed: int, at: datetime) -> dict[str, Any]:
        """The `userIdentity` of an event of this actor."""
        if self.kind == "AWSService":
            return {"type": "AWSService", "invokedBy": self.name}
        role, _, session = self.name.rpartition("/")
        if self.kind == "IAMUser":
            return {
                "type": "IAMUser",
                "principalId": "AIDA" + noise.letters(17, seed, self.name),
                "arn": f"arn:aws:iam::{account}:user/{self.name}",
                "accountId": account,
                "accessKeyId": "AKIA" + noise.letters(16, seed, self.name),
                "userName": self.name,
            }
        principal = "AROA" + noise.letters(17, seed, role)
        found: dict[str, Any] = {
            "type": "AssumedRole",
            "principalId": f"{principal}:{session}",
            "arn": f"arn:aws:sts::{account}:assumed-role/{self.name}",
            "accountId": account,
            "accessKeyId": "ASIA" + noise.letters(16, seed, self.name, at.date()),
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": principal,
                    "arn": f"arn:aws:iam::{account}:role/{role}",
                    "accountId": account,
                    "userName": role,
                },
                "attributes": {"creationDate": stamp(at - timedelta(minutes=7)), "mfaAuthenticated": "false"},
            },
        }
        return found | ({"invokedBy": self.via} if self.via else {})


OPERATOR = Actor("IAMUser", "operator-7", "aws-cli/2.27.41 md/awscrt#0.26.1 ua/2.1 os/linux#6.8 lang/python#3.13.4")
CONSOLE = Actor("AssumedRole", "platform-engineer/operator-3", "AWS Internal", "198.51.100.7")
PIPELINE = Actor("AssumedRole", "deploy-pipeline/release-2207", "aws-sdk-go-v2/1.36.3 os/linux lang/go#1.24.2")
STACK = Actor(
    "AssumedRole", "deploy-pipeline/release-2207", "cloudformation.amazonaws.com", "cloudformation.amazonaws.com",
    via="cloudformation.amazonaws.com",
)  # fmt: skip
SECURITY = Actor("AssumedRole", "security-automation/guardrails", "Boto3/1.40.1 md/Botocore#1.40.1 lang/python#3.12.9")
MONITOR = Actor("AssumedRole", "inventory-reader/scan", "Boto3/1.38.2 md/Botocore#1.38.2 lang/python#3.12.9")
LAMBDA = Actor("AWSService", "lambda.amazonaws.com", "lambda.amazonaws.com", "lambda.amazonaws.com")


def poller(role: str, session: str, mapping: str) -> Actor:
    """The poller of a mapping, a session of the function's execution role."""
    agent = f"leb-kcl-{mapping},amazon-kinesis-client-library-java-lambda-1.9.0"
    return Actor("AssumedRole", f"{role}/{session}", agent, "lambda.amazonaws.com")


@dataclass(frozen=True)
class TrailEvent:
    """One recorded call. `resources` are pairs of CloudFormation type and name, as LookupEvents lists them.

    `details` are set for what a service did of its own accord, without any call. `account` and `region` are where it
    was called, if not in the world's own.
    """

    at: datetime
    actor: Actor
    source: str
    name: str
    request: Mapping[str, Any] = field(default_factory=dict)
    response: Mapping[str, Any] | None = None
    resources: tuple[tuple[str, str], ...] = ()
    read_only: bool = False
    error: tuple[str, str] | None = None
    details: Mapping[str, Any] | None = None
    account: str | None = None
    region: str | None = None

    @property
    def is_global(self) -> bool:
        """Whether the event is kept in us-east-1 whatever region the caller works in."""
        return self.source == "iam"


@dataclass(frozen=True)
class Recorded:
    """A trail event as CloudTrail keeps it in one account."""

    event: TrailEvent
    account: str
    home: str
    seed: int
    ordinal: int

    @property
    def region(self) -> str:
        """The region whose event history holds it."""
        return GLOBAL_REGION if self.event.is_global else self.event.region or self.home

    @property
    def event_id(self) -> str:
        """The event's UUID."""
        return noise.uuid4(self.seed, "trail", self.ordinal, self.event.name, self.event.at)

    @cached_property
    def body(self) -> dict[str, Any]:
        """The event record, as in a log file or the `CloudTrailEvent` string."""
        event = self.event
        found: dict[str, Any] = {
            "eventVersion": "1.11",
            "userIdentity": event.actor.identity(self.account, self.seed, event.at),
            "eventTime": stamp(event.at),
            "eventSource": f"{event.source}.amazonaws.com",
            "eventName": event.name,
            "awsRegion": self.region,
            "sourceIPAddress": event.actor.address,
            "userAgent": event.actor.agent,
        }
        if event.error is not None:
            found |= {"errorCode": event.error[0], "errorMessage": event.error[1]}
        return (
            found
            | {
                "requestParameters": dict(event.request) or None,
                "responseElements": dict(event.response) if event.response is not None else None,
                "requestID": noise.uuid4(self.seed, "request", self.ordinal, event.name),
                "eventID": self.event_id,
                "readOnly": event.read_only,
                "eventType": "AwsApiCall" if event.details is None else "AwsServiceEvent",
                "managementEvent": True,
                "recipientAccountId": self.account,
                "eventCategory": "Management",
            }
            | self._of_service()
        )

    def _of_service(self) -> dict[str, Any]:
        """What the record of a service's own act holds besides: the reason it gives and the resource's ARN."""
        event = self.event
        if event.details is None:
            return {}
        resources = [{"accountId": self.account, "type": kind, "ARN": arn} for kind, arn in event.resources]
        return {"serviceEventDetails": dict(event.details), "resources": resources}

    @cached_property
    def text(self) -> str:
        """The event record as JSON text."""
        return json.dumps(self.body, separators=(",", ":"))

    def looked_up(self) -> dict[str, Any]:
        """The event in the shape of `cloudtrail:LookupEvents`."""
        identity = self.body["userIdentity"]
        found = {
            "EventId": self.event_id,
            "EventName": self.event.name,
            "ReadOnly": str(self.event.read_only).lower(),
            "EventTime": self.event.at.replace(microsecond=0),
            "EventSource": self.body["eventSource"],
            "Resources": [{"ResourceType": kind, "ResourceName": name} for kind, name in self.event.resources],
            "CloudTrailEvent": self.text,
        }
        if "accessKeyId" in identity:
            found |= {"AccessKeyId": identity["accessKeyId"], "Username": self.event.actor.username}
        return found


def stamp(at: datetime) -> str:
    """CloudTrail's time format: UTC, whole seconds, `Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def long_date(at: datetime) -> str:
    """The date format inside `responseElements`: `May 9, 2024, 9:05:41 PM`."""
    at = at.astimezone(UTC)
    return f"{at:%b} {at.day}, {at.year}, {at.hour % 12 or 12}:{at:%M:%S %p}"
