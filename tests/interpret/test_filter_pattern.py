"""Event filters against stream records: a table of what passes, operator by operator."""

from __future__ import annotations

import json
from typing import Any

import pytest
from filter_samples import EXPIRED, records, stream_record
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.interpret.filter_pattern import BadPattern, parse, passes

MODIFY, INSERT, REMOVE = stream_record(), stream_record("INSERT"), stream_record("REMOVE")
KEYS_ONLY = stream_record(view_type="KEYS_ONLY")


def _new(**attributes: Any) -> dict[str, Any]:
    """Give a pattern on attributes of the new image."""
    return {"dynamodb": {"NewImage": attributes}}


def _status(*rules: Any) -> dict[str, Any]:
    return _new(status={"S": list(rules)})


def _total(*rules: Any) -> dict[str, Any]:
    return _new(total={"N": list(rules)})


def _size(*rules: Any) -> dict[str, Any]:
    return {"dynamodb": {"SizeBytes": list(rules)}}


def _or(*choices: Any, **members: Any) -> dict[str, Any]:
    return {"$or": list(choices), **members}


EXACT = [
    (_status("SHIPPED"), True),
    (_status("shipped"), False),
    (_status("SHIPPED "), False),
    (_status("PAID", "SHIPPED"), True),
    (_status("PAID"), False),
    (_new(note={"S": [""]}), True),
    (_status(""), False),
    (_total("101"), True),
    (_total("101.0"), False),
    (_total(101), False),
    (_new(weight={"N": ["2.5"]}), True),
    (_new(weight={"N": ["2.50"]}), False),
    (_new(gift={"BOOL": [True]}), True),
    (_new(gift={"BOOL": [False]}), False),
    (_new(gift={"BOOL": ["true"]}), False),
    (_new(gift={"BOOL": [1]}), False),
    (_new(coupon={"NULL": [True]}), True),
    (_new(coupon={"NULL": [None]}), False),
    (_new(gift={"S": ["true"]}), False),
    (_new(nothing={"S": [None]}), False),
    ({"nothing": [None]}, False),
    (_size(300), True),
    (_size("300"), False),
    (_size(300.0), False),
    (_size(True), False),
    ({"dynamodb": {"Keys": {"id": {"S": ["order-1"]}}}}, True),
    ({"dynamodb": {"SequenceNumber": ["111000000000000000000001"]}}, True),
    ({"awsRegion": ["eu-west-1"]}, True),
    ({"awsRegion": ["eu-west-2"]}, False),
    ({"eventSource": ["aws:dynamodb"]}, True),
    ({}, True),
    ({"dynamodb": {}}, True),
]

NESTING = [
    (_new(status=["SHIPPED"]), False),
    ({"dynamodb": {"NewImage": ["SHIPPED"]}}, False),
    ({"dynamodb": ["x"]}, False),
    (_new(status={"S": {"value": ["SHIPPED"]}}), False),
    (_new(status={"S": ["SHIPPED"]}, total={"N": ["101"]}), True),
    (_new(status={"S": ["SHIPPED"]}, total={"N": ["102"]}), False),
    (_new(status={"S": ["SHIPPED"], "N": ["101"]}), False),
    (_new(address={"M": {"city": {"S": ["Oslo"]}}}), True),
    (_new(address={"city": {"S": ["Oslo"]}}), False),
    (_new(address={"M": {"city": {"S": ["Bonn"]}}}), False),
    (_new(tags={"SS": ["red"]}), True),
    (_new(tags={"SS": ["green"]}), False),
    (_new(tags={"SS": ["green", "blue"]}), True),
    (_new(sizes={"NS": ["2"]}), True),
    (_new(sizes={"NS": [2]}), False),
    (_new(stops={"L": {"S": ["Lyon"]}}), True),
    (_new(stops={"L": {"S": ["Bonn"]}}), False),
    (_new(stops={"L": {"N": ["7"]}}), True),
    (_new(stops={"L": {"M": {"city": {"S": ["Bonn"]}, "zip": {"S": ["53111"]}}}}), True),
    (_new(stops={"L": {"S": ["Lyon"], "N": ["7"]}}), False),
    (_new(stops={"L": ["Lyon"]}), False),
    (_new(address={"M": {"lines": {"L": {"S": ["x"]}}}}), False),
    (_new(address={"M": {"lines": {"L": {"S": [{"exists": False}]}}}}), True),
    ({"dynamodb": {"NewImage": {"status": {"S": ["SHIPPED"]}}, "OldImage": {"status": {"S": ["PAID"]}}}}, True),
    ({"dynamodb": {"NewImage": {"status": {"S": ["SHIPPED"]}}, "OldImage": {"status": {"S": ["SHIPPED"]}}}}, False),
    ({"newImage": {"status": {"S": ["SHIPPED"]}}}, False),
    ({"NewImage": {"status": {"S": ["SHIPPED"]}}}, False),
]

OPERATORS = [
    (_status({"prefix": "SHIP"}), True),
    (_status({"prefix": "ship"}), False),
    (_status({"prefix": ""}), True),
    (_status({"prefix": {"equals-ignore-case": "ship"}}), True),
    (_total({"prefix": "10"}), True),
    (_new(gift={"BOOL": [{"prefix": "t"}]}), False),
    (_status({"suffix": "PED"}), True),
    (_status({"suffix": "ped"}), False),
    (_status({"suffix": {"equals-ignore-case": "ped"}}), True),
    (_new(status=[{"prefix": "SHIP"}]), False),
    (_status({"equals-ignore-case": "shipped"}), True),
    (_status({"equals-ignore-case": "ship"}), False),
    (_new(gift={"BOOL": [{"equals-ignore-case": "true"}]}), False),
    (_status({"wildcard": "SH*ED"}), True),
    (_status({"wildcard": "SHI*PED"}), True),
    (_status({"wildcard": "*"}), True),
    (_status({"wildcard": "*PP*"}), True),
    (_status({"wildcard": "SHIPPED"}), True),
    (_status({"wildcard": "SHIPPED*SHIPPED"}), False),
    (_status({"wildcard": "S*P*P*P*"}), False),
    (_status({"wildcard": "SH?PPED"}), False),
    (_status({"anything-but": "PAID"}), True),
    (_status({"anything-but": "SHIPPED"}), False),
    (_status({"anything-but": ["PAID", "SHIPPED"]}), False),
    (_status({"anything-but": ["PAID", "NEW"]}), True),
    (_status({"anything-but": {"prefix": "SHIP"}}), False),
    (_status({"anything-but": {"prefix": "PA"}}), True),
    (_status({"anything-but": {"prefix": ["PA", "SH"]}}), False),
    (_status({"anything-but": {"suffix": "PED"}}), False),
    (_status({"anything-but": {"equals-ignore-case": "shipped"}}), False),
    (_status({"anything-but": {"equals-ignore-case": ["paid", "new"]}}), True),
    (_status({"anything-but": {"wildcard": "*I*"}}), False),
    (_total({"anything-but": 101}), True),
    (_total({"anything-but": "101"}), False),
    (_new(nothing={"S": [{"anything-but": "x"}]}), False),
    (_new(status=[{"anything-but": "PAID"}]), False),
    (_new(tags={"SS": [{"anything-but": "red"}]}), True),
    (_total({"numeric": ["=", 101]}), False),
    (_total({"numeric": [">", 100]}), False),
    (_total({"numeric": [">", 0, "<=", 1000]}), False),
    (_size({"numeric": ["=", 300]}), True),
    (_size({"numeric": ["=", 300.0]}), True),
    (_size({"numeric": [">", 100]}), True),
    (_size({"numeric": [">", 100, "<", 300]}), False),
    (_size({"numeric": [">=", 300, "<=", 300]}), True),
    (_size({"numeric": ["<", 3e2]}), False),
    (_new(gift={"BOOL": [{"numeric": ["=", 1]}]}), False),
    (_status("PAID", {"prefix": "SHIP"}), True),
    (_status("PAID", {"prefix": "NEW"}), False),
]

EXISTS = [
    (_status({"exists": True}), True),
    (_status({"exists": False}), False),
    (_new(nothing={"S": [{"exists": True}]}), False),
    (_new(nothing={"S": [{"exists": False}]}), True),
    (_new(status={"N": [{"exists": False}]}), True),
    (_new(status=[{"exists": True}]), False),
    (_new(status=[{"exists": False}]), True),
    (_new(nothing=[{"exists": False}]), True),
    (_new(stops=[{"exists": True}]), False),
    (_new(stops={"L": [{"exists": True}]}), False),
    (_new(stops={"L": [{"exists": False}]}), True),
    (_new(stops={"L": {"S": [{"exists": True}]}}), True),
    (_new(tags={"SS": [{"exists": True}]}), True),
    (_new(tags={"SS": [{"exists": False}]}), False),
    ({"dynamodb": {"NewImage": [{"exists": True}]}}, False),
    ({"dynamodb": {"NewImage": [{"exists": False}]}}, True),
    ({"userIdentity": [{"exists": False}]}, True),
    ({"userIdentity": {"type": [{"exists": False}]}}, True),
    (_new(status={"S": {"deeper": [{"exists": False}]}}), True),
    (_status("PAID", {"exists": False}), False),
    (_new(nothing={"S": ["x", {"exists": False}]}), True),
]

OR = [
    (_or({"eventName": ["MODIFY"]}, {"eventName": ["INSERT"]}), True),
    (_or({"eventName": ["REMOVE"]}, {"eventName": ["INSERT"]}), False),
    (_or({"eventName": ["REMOVE"]}, _status("SHIPPED")), True),
    (_or({"eventName": ["MODIFY"]}, eventSource=["aws:sqs"]), False),
    (_or({"eventName": ["MODIFY"]}, eventSource=["aws:dynamodb"]), True),
    ({"dynamodb": _or({"SizeBytes": [1]}, {"Keys": {"id": {"S": ["order-1"]}}})}, True),
    (_new(**{"$or": [{"status": {"S": ["PAID"]}}, {"total": {"N": ["101"]}}]}), True),
    (_or({"$or": [{"eventName": ["REMOVE"]}, {"eventName": ["MODIFY"]}]}), True),
    ({"$or": ["a field of that name"]}, False),
]

BY_EVENT = [
    ({"eventName": ["INSERT"]}, INSERT, True),
    ({"eventName": ["INSERT"]}, MODIFY, False),
    ({"eventName": ["Insert"]}, INSERT, False),
    ({"eventName": ["INSERT", "MODIFY"]}, MODIFY, True),
    ({"eventName": [{"anything-but": ["REMOVE"]}]}, REMOVE, False),
    ({"eventname": ["INSERT"]}, INSERT, False),
    (_status("SHIPPED"), INSERT, True),
    (_status("SHIPPED"), REMOVE, False),
    (_status({"exists": False}), REMOVE, True),
    ({"dynamodb": {"OldImage": {"status": {"S": ["PAID"]}}}}, REMOVE, True),
    ({"dynamodb": {"OldImage": {"status": {"S": ["PAID"]}}}}, INSERT, False),
    (_status("SHIPPED"), KEYS_ONLY, False),
    ({"dynamodb": {"Keys": {"id": {"S": [{"prefix": "order"}]}}}}, KEYS_ONLY, True),
    ({"userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}}, EXPIRED, True),
    ({"userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}}, REMOVE, False),
    ({"userIdentity": {"type": [{"exists": True}]}}, EXPIRED, True),
    ({"userIdentity": [{"exists": True}]}, EXPIRED, False),
    (_size(True), {"dynamodb": {"SizeBytes": 1}}, False),
    ({"flag": [1]}, {"flag": True}, False),
]

TABLE = [(pattern, MODIFY, expected) for pattern, expected in (*EXACT, *NESTING, *OPERATORS, *EXISTS, *OR)] + BY_EVENT


@pytest.mark.parametrize(("pattern", "record", "expected"), TABLE)
def test_pattern_matches_as_lambda_does(pattern: dict[str, Any], record: dict[str, Any], expected: bool) -> None:
    """Each pattern passes exactly the records that Lambda would pass."""
    assert parse(json.dumps(pattern)).matches(record) is expected


@pytest.mark.parametrize(("pattern", "record", "expected"), TABLE)
def test_record_that_is_kept_out_fails_somewhere(
    pattern: dict[str, Any], record: dict[str, Any], expected: bool
) -> None:
    """A record that passes fails nowhere, and one that is kept out fails at a path that the pattern holds."""
    leaf = parse(json.dumps(pattern)).failing_leaf(record)
    assert (leaf is None) == expected
    assert leaf is None or leaf.split(".")[0] in pattern


@pytest.mark.parametrize(
    ("pattern", "leaf"),
    [
        ({"eventName": ["REMOVE"]}, "eventName"),
        ({"eventName": ["MODIFY"], **_status("no such status")}, "dynamodb.NewImage.status.S"),
        (_new(status={"N": [1]}), "dynamodb.NewImage.status.N"),
        (_new(no={"such": {"attribute": ["x"]}}), "dynamodb.NewImage.no.such.attribute"),
        (_or({"eventName": ["REMOVE"]}, {"eventName": ["INSERT"]}), "$or"),
        ({"dynamodb": _or({"SizeBytes": [0]})}, "dynamodb.$or"),
        ({"eventName": ["MODIFY"]}, None),
    ],
)
def test_failing_leaf_is_the_first_that_does_not_match(pattern: dict[str, Any], leaf: str | None) -> None:
    """The path leads to what keeps a record out, alternatives as a whole; None for a record that passes."""
    assert parse(json.dumps(pattern)).failing_leaf(MODIFY) == leaf


def test_table_is_large_enough() -> None:
    """The table above has at least 120 different cases."""
    assert len({(json.dumps(pattern), json.dumps(record)) for pattern, record, _ in TABLE}) >= 120


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [((), True), (('{"eventName": ["REMOVE"]}',), False), (('{"eventName": ["REMOVE"]}', "{}"), True)],
)
def test_filters_are_alternatives(patterns: tuple[str, ...], expected: bool) -> None:
    """No filters pass everything; of several, one has to match."""
    assert passes(patterns, MODIFY) is expected


@pytest.mark.parametrize(
    ("text", "record", "expected"),
    [
        ('{"dynamodb": {"SizeBytes": [3.00e2]}}', MODIFY, False),
        ('{"dynamodb": {"Keys": {"id": {"S": ["order-1"]}}}, "dynamodb": {"SizeBytes": [300]}}', MODIFY, True),
        ('{"dynamodb": {"Keys": {"id": {"S": ["other"]}}}, "dynamodb": {"SizeBytes": [300]}}', MODIFY, False),
        ('{"eventName": ["INSERT"], "eventName": ["MODIFY"]}', MODIFY, True),
    ],
)
def test_text_that_no_document_can_hold(text: str, record: dict[str, Any], expected: bool) -> None:
    """Number spellings count, and members written twice are joined, a leaf's later one counting."""
    assert parse(text).matches(record) is expected


def test_duplicates_are_reported_by_path() -> None:
    """Members written twice are listed by their paths."""
    text = '{"dynamodb": {"NewImage": {"a": {"S": ["x"], "S": ["y"]}}}, "dynamodb": {}, "$or": [{"b": [1], "b": [2]}]}'
    assert parse(text).duplicates == ("dynamodb.NewImage.a.S", "dynamodb", "$or.b")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1, column 1"),
        ("{", "line 1, column 2"),
        ('{"a": [1]\n "b": [2]}', "line 2, column 2"),
        ("[1]", "JSON object"),
        ('"x"', "JSON object"),
        ("null", "JSON object"),
        ('{"a": "x"}', "a: values stand in an array"),
        ('{"a": {"b": 1}}', "a.b: values stand in an array"),
        ('{"a": null}', "a: values stand in an array"),
        ('{"a": []}', "a: the array is empty"),
        ('{"a": [[1]]}', "a: an array inside an array"),
        ('{"a": [{}]}', "one operator, this one 0"),
        ('{"a": [{"prefix": "x", "suffix": "y"}]}', "one operator, this one 2"),
        ('{"a": [{"begins": "x"}]}', "'begins' is no operator"),
        ('{"a": [{"cidr": "10.0.0.0/8"}]}', "'cidr' is no operator"),
        ('{"a": [{"prefix": 1}]}', "'prefix' cannot take 1"),
        ('{"a": [{"prefix": [{"x": 1}]}]}', "'prefix' cannot take"),
        ('{"a": [{"exists": "true"}]}', "'exists' cannot take"),
        ('{"a": [{"numeric": [">"]}]}', "'numeric' cannot take"),
        ('{"a": [{"numeric": ["!=", 1]}]}', "'numeric' cannot take"),
        ('{"a": [{"numeric": [">", "1"]}]}', "'numeric' cannot take"),
        ('{"a": [{"numeric": [">", 1, "<", 2, "<", 3]}]}', "'numeric' cannot take"),
        ('{"a": [{"anything-but": []}]}', "'anything-but' cannot take"),
        ('{"a": [{"anything-but": {"exists": true}}]}', "'anything-but' cannot take"),
        ('{"a": [{"anything-but": {}}]}', "'anything-but' cannot take"),
        ('{"a": [NaN]}', "NaN is no JSON number"),
        ('{"$or": [{"a": [1]}, "x"]}', "or: a rule has one operator|'a' is no operator"),
        ('{"a":' * 200 + "[1]" + "}" * 200, "deeper than 100"),
        ('{"a":' * 50_000, "deeper than 100"),
    ],
)
def test_bad_pattern_says_where_and_why(text: str, says: str) -> None:
    """What is no pattern is refused with its place and the reason."""
    with pytest.raises(BadPattern, match=says):
        parse(text)


KEYS = st.sampled_from(["$or", "dynamodb", "NewImage", "a", "S", "prefix", "anything-but", "numeric", "exists", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(JSON, records("NEW_AND_OLD_IMAGES"))
def test_any_json_is_read_or_refused(document: Any, record: dict[str, Any]) -> None:
    """Any JSON is a pattern or a BadPattern, and any pattern decides on any record."""
    try:
        pattern = parse(json.dumps(document))
    except BadPattern:
        return
    assert pattern.matches(record) in (True, False)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Any text at all is a pattern or a BadPattern."""
    try:
        parse(text)
    except BadPattern:
        return


@given(st.sampled_from([pattern for pattern, _, _ in TABLE]), records("NEW_AND_OLD_IMAGES"), st.randoms())
def test_order_of_members_does_not_matter(pattern: dict[str, Any], record: dict[str, Any], random: Any) -> None:
    """Shuffling the members of pattern and record changes nothing."""

    def shuffled(node: Any) -> Any:
        if isinstance(node, list):
            return [shuffled(item) for item in node]
        if not isinstance(node, dict):
            return node
        members = list(node.items())
        random.shuffle(members)
        return {key: shuffled(value) for key, value in members}

    expected = parse(json.dumps(pattern)).matches(record)
    assert parse(json.dumps(shuffled(pattern))).matches(shuffled(record)) is expected
