"""What a DynamoDB stream record looks like to a filter: which members exist, where, and what can stand in them.

Sources: "Record" and "StreamRecord" in the DynamoDB Streams API reference
(docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html, ..._StreamRecord.html), and
docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html: values stand under their type descriptor, numbers as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

EVENTS = ("INSERT", "MODIFY", "REMOVE")
VIEW_TYPES = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")

IMAGES: Mapping[str, frozenset[str]] = {
    "NewImage": frozenset({"NEW_IMAGE", "NEW_AND_OLD_IMAGES"}),
    "OldImage": frozenset({"OLD_IMAGE", "NEW_AND_OLD_IMAGES"}),
}
"""The view types whose records carry each image."""

EVENTS_WITH: Mapping[str, frozenset[str]] = {
    "NewImage": frozenset({"INSERT", "MODIFY"}),
    "OldImage": frozenset({"MODIFY", "REMOVE"}),
}
"""The events whose records carry each image: an insert had no item before, a removal has none after."""


@dataclass(frozen=True)
class Text:
    """A text. Any text where `values` is empty, else one of these; `always`: every record has it."""

    values: tuple[str, ...] = ()
    always: bool = False


@dataclass(frozen=True)
class NumberText:
    """A number kept as text, as DynamoDB writes it: no leading or trailing zeros."""


@dataclass(frozen=True)
class Boolean:
    """A JSON boolean; `only` is the one value it can have, None for either."""

    only: bool | None = None


@dataclass(frozen=True)
class UnknownLeaf:
    """A leaf about which nothing is decided: AWS shows it now as text, now as a number."""


@dataclass(frozen=True)
class AttributeMap:
    """Attributes by name, each an `AttributeValue`."""


@dataclass(frozen=True)
class AttributeValue:
    """An attribute's value: an object with exactly one member, the type descriptor."""


@dataclass(frozen=True)
class ListAttribute:
    """A list attribute: an array of `AttributeValue`s, which a filter sees through."""


@dataclass(frozen=True)
class ObjectShape:
    """An object with known members; `closed`: the API documents no others."""

    known: Mapping[str, Shape]
    closed: bool = True


Shape = Text | NumberText | Boolean | UnknownLeaf | AttributeMap | AttributeValue | ListAttribute | ObjectShape

TYPES: Mapping[str, Shape] = {
    "S": Text(),
    "N": NumberText(),
    "B": Text(),
    "BOOL": Boolean(),
    "NULL": Boolean(only=True),
    "M": AttributeMap(),
    "L": ListAttribute(),
    "SS": Text(),
    "NS": NumberText(),
    "BS": Text(),
}
"""DynamoDB's type descriptors, and what stands under each."""

STREAM_RECORD = ObjectShape(
    {
        "ApproximateCreationDateTime": UnknownLeaf(),
        "Keys": AttributeMap(),
        "NewImage": AttributeMap(),
        "OldImage": AttributeMap(),
        "SequenceNumber": Text(always=True),
        "SizeBytes": UnknownLeaf(),
        "StreamViewType": Text(VIEW_TYPES, always=True),
    }
)

RECORD = ObjectShape(
    {
        "awsRegion": Text(),
        "dynamodb": STREAM_RECORD,
        "eventID": Text(),
        "eventName": Text(EVENTS, always=True),
        "eventSource": Text(("aws:dynamodb",), always=True),
        "eventSourceARN": Text(),
        "eventVersion": Text(),
        "userIdentity": ObjectShape({"type": Text(), "principalId": Text()}, closed=False),
    }
)

OTHER_SOURCES = frozenset(
    {"body", "data", "kinesis", "value", "key", "messageId", "messageAttributes", "attributes", "partitionKey", "topic"}
)
"""Members of the records of SQS, Kinesis, Kafka and MQ, which DynamoDB's do not have."""

SYNONYMS: Mapping[str, str] = {
    "ADD": "INSERT",
    "CREATE": "INSERT",
    "PUT": "INSERT",
    "UPDATE": "MODIFY",
    "CHANGE": "MODIFY",
    "DELETE": "REMOVE",
}
"""Names that people give to DynamoDB's events."""
