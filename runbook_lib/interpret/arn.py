"""Amazon Resource Names, and the shorter ways AWS lets people name tables, streams, functions and roles.

Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html and the `FunctionName` parameter of
docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from runbook_lib import instant

_TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_STREAM = re.compile(r"table/(?P<table>[^/]+)/stream/(?P<label>[^/]+)")
_FUNCTION = re.compile(
    r"(?:arn:(?P<partition>aws[a-z-]*):lambda:(?=[^:]+:\d{12}:function:))?"
    r"(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[A-Za-z0-9_.-]+)"
    r"(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[A-Za-z0-9_-]+))?"
)


@dataclass(frozen=True)
class Arn:
    """An ARN taken apart; `resource` is everything after the fifth colon, so it may contain colons itself."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Arn:
        """Read any ARN; region and account are empty where the service has none (IAM has no region, S3 neither).

        Raises ValueError, naming the text, when it is not an ARN.
        """
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not (parts[1] and parts[2] and parts[5]):
            raise ValueError(f"not an ARN: {text!r}")
        return cls(*parts[1:])

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


@dataclass(frozen=True)
class StreamArn:
    """One generation of a table's stream: enabling a stream again makes a new ARN with a new label."""

    table: str
    label: str
    region: str
    account: str
    partition: str

    @classmethod
    def parse(cls, text: str) -> StreamArn:
        """Read `arn:...:table/<table>/stream/<label>`; raises ValueError, naming the text, for anything else."""
        arn = Arn.parse(text)
        found = _STREAM.fullmatch(arn.resource)
        if arn.service != "dynamodb" or not found:
            raise ValueError(f"not the ARN of a DynamoDB stream: {text!r}")
        return cls(found["table"], found["label"], arn.region, arn.account, arn.partition)

    @property
    def table_arn(self) -> str:
        """The ARN of the table the stream belongs to."""
        return f"arn:{self.partition}:dynamodb:{self.region}:{self.account}:table/{self.table}"

    @property
    def label_time(self) -> datetime | None:
        """When this generation of the stream was enabled, in UTC; None when the label is not a timestamp.

        DescribeTable calls the label "a timestamp, in ISO 8601 format" and says it is not a unique identifier by
        itself: docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html. It carries no zone:
        UTC as observed (n=1), so never decide on minutes by it alone.
        """
        return instant.optional(self.label)

    def __str__(self) -> str:
        return f"{self.table_arn}/stream/{self.label}"


@dataclass(frozen=True)
class FunctionRef:
    """A Lambda function as somebody named it; None for each part the name did not carry."""

    name: str
    qualifier: str | None = None
    region: str | None = None
    account: str | None = None
    partition: str | None = None

    @classmethod
    def parse(cls, text: str) -> FunctionRef:
        """Read a name, `name:qualifier`, `account:function:name[:qualifier]` or a full ARN.

        The qualifier is a version, an alias or `$LATEST`, kept as written. Raises ValueError, naming the text.
        """
        found = _FUNCTION.fullmatch(text)
        if not found:
            raise ValueError(f"not a Lambda function name or ARN: {text!r}")
        return cls(**found.groupdict())

    def matches(self, other: str) -> bool:
        """Whether `other`, in any of the forms `parse` reads, can be the same function, whatever the qualifier.

        Region and account count only where both sides carry them. A text that names no function matches nothing.
        """
        try:
            that = FunctionRef.parse(other)
        except ValueError:
            return False
        return self.name == that.name and all(
            mine is None or theirs is None or mine == theirs
            for mine, theirs in ((self.region, that.region), (self.account, that.account))
        )

    def __str__(self) -> str:
        return f"{self.name}:{self.qualifier}" if self.qualifier else self.name


def role_name_of(arn: str) -> str:
    """The name of a role from its ARN (any path dropped), from the ARN of one of its sessions, or as it stands.

    Raises ValueError, naming the text, for an ARN of anything but a role.
    """
    name = ""
    if ":" not in arn:
        name = arn.rpartition("/")[2]
    else:
        parsed = Arn.parse(arn)
        kind, _, rest = parsed.resource.partition("/")
        if (parsed.service, kind) == ("iam", "role"):
            name = rest.rpartition("/")[2]
        elif (parsed.service, kind) == ("sts", "assumed-role"):
            name = rest.partition("/")[0]
    if not name:
        raise ValueError(f"not the ARN of a role: {arn!r}")
    return name


def table_name_of(text: str) -> str:
    """The table's name from a name, a table ARN, or the ARN of one of its streams, indexes or backups.

    Raises ValueError, naming the text, when it names no DynamoDB table.
    """
    name = text
    if ":" in text:
        arn = Arn.parse(text)
        kind, _, rest = arn.resource.partition("/")
        name = rest.partition("/")[0] if (arn.service, kind) == ("dynamodb", "table") else ""
    if not _TABLE_NAME.fullmatch(name):
        raise ValueError(f"not a DynamoDB table name or ARN: {text!r}")
    return name
