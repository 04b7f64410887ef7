"""Stream records as Lambda filters see them, for tests: one fixed item, and a strategy for many."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from runbook_lib.interpret.filter_shape import EVENTS, EVENTS_WITH, IMAGES

ITEM: dict[str, Any] = {
    "id": {"S": "order-1"},
    "status": {"S": "SHIPPED"},
    "note": {"S": ""},
    "total": {"N": "101"},
    "weight": {"N": "2.5"},
    "gift": {"BOOL": True},
    "coupon": {"NULL": True},
    "tags": {"SS": ["red", "blue"]},
    "sizes": {"NS": ["1", "2"]},
    "stops": {"L": [{"S": "Lyon"}, {"N": "7"}, {"M": {"city": {"S": "Bonn"}, "zip": {"S": "53111"}}}]},
    "address": {"M": {"city": {"S": "Oslo"}, "lines": {"L": []}}},
}
BEFORE = ITEM | {"status": {"S": "PAID"}}


def stream_record(event: str = "MODIFY", view_type: str = "NEW_AND_OLD_IMAGES", **members: Any) -> dict[str, Any]:
    """Give the record of one write, with the images that its event and the view type allow."""
    images = {"NewImage": ITEM, "OldImage": BEFORE}
    carried = {name: item for name, item in images.items() if view_type in IMAGES[name] and event in EVENTS_WITH[name]}
    return {
        "eventID": "e1",
        "eventName": event,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1772426587,
            "Keys": {"id": ITEM["id"]},
            "SequenceNumber": "111000000000000000000001",
            "SizeBytes": 300,
            "StreamViewType": view_type,
            **carried,
        },
        **members,
    }


EXPIRED = stream_record("REMOVE", userIdentity={"type": "Service", "principalId": "dynamodb.amazonaws.com"})

WORDS = st.sampled_from(["A", "B", "1", "5", "true", ""])
NAMES = st.sampled_from(["id", "status", "S", "N", "M", "total"])


def values(depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """Give attribute values of every type, in few words, so that patterns in the same words often match."""
    numbers = st.sampled_from(["1", "5", "0", "2.5"])
    plain = [
        WORDS.map(lambda text: {"S": text}),
        numbers.map(lambda text: {"N": text}),
        st.booleans().map(lambda truth: {"BOOL": truth}),
        st.just({"NULL": True}),
        st.lists(WORDS, min_size=1, max_size=2).map(lambda texts: {"SS": texts}),
        st.lists(numbers, min_size=1, max_size=2).map(lambda texts: {"NS": texts}),
    ]
    if depth:
        plain.append(items(depth - 1).map(lambda item: {"M": item}))
        plain.append(st.lists(values(depth - 1), max_size=2).map(lambda parts: {"L": parts}))
    return st.one_of(plain)


def items(depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """Give items: attributes by name."""
    return st.dictionaries(NAMES, values(depth), max_size=3)


@st.composite
def records(draw: st.DrawFn, view_type: str) -> dict[str, Any]:
    """Give records that a stream of this view type can hold."""
    event = draw(st.sampled_from(EVENTS))
    record = stream_record(event, view_type)
    for name in IMAGES:
        if name in record["dynamodb"]:
            record["dynamodb"][name] = draw(items())
    if event == "REMOVE" and draw(st.booleans()):
        record["userIdentity"] = EXPIRED["userIdentity"]
    return record
