"""Why filters match nothing: one row per way to write them wrong, and the proof that "never" means never."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from filter_samples import ITEM, stream_record

from runbook_lib.interpret.filter_pattern import BadPattern, defects, never_matches, parse
from runbook_lib.interpret.filter_shape import EVENTS

ANY = "NEW_AND_OLD_IMAGES"
MODIFY = stream_record()


def _new(**attributes: Any) -> dict[str, Any]:
    return {"dynamodb": {"NewImage": attributes}}


def _old(**attributes: Any) -> dict[str, Any]:
    return {"dynamodb": {"OldImage": attributes}}


SHIPPED = {"status": {"S": ["SHIPPED"]}}
NEVER, DOUBT = True, False
ROWS = [
    # a: no type descriptor
    (_new(status=["SHIPPED"]), "missing-type-descriptor", "dynamodb.NewImage.status", _new(**SHIPPED), NEVER),
    (
        _new(status=["PAID", {"prefix": "SHIP"}]),
        "missing-type-descriptor",
        "dynamodb.NewImage.status",
        _new(status={"S": ["PAID", {"prefix": "SHIP"}]}),
        NEVER,
    ),
    (_new(total=[101]), "missing-type-descriptor", "dynamodb.NewImage.total", _new(total={"N": ["101"]}), NEVER),
    (_new(gift=[True]), "missing-type-descriptor", "dynamodb.NewImage.gift", _new(gift={"BOOL": [True]}), NEVER),
    (_new(coupon=[None]), "missing-type-descriptor", "dynamodb.NewImage.coupon", _new(coupon={"NULL": [True]}), NEVER),
    (_new(status=["SHIPPED", 5]), "missing-type-descriptor", "dynamodb.NewImage.status", None, NEVER),
    (_new(total=[{"numeric": [">", 5]}]), "missing-type-descriptor", "dynamodb.NewImage.total", None, NEVER),
    (
        _new(status=[{"anything-but": ["PAID"]}]),
        "missing-type-descriptor",
        "dynamodb.NewImage.status",
        _new(status={"S": [{"anything-but": ["PAID"]}]}),
        NEVER,
    ),
    (
        _new(address={"city": {"S": ["Oslo"]}}),
        "missing-type-descriptor",
        "dynamodb.NewImage.address.city",
        _new(address={"M": {"city": {"S": ["Oslo"]}}}),
        NEVER,
    ),
    (
        _new(address={"M": {"city": ["Oslo"]}}),
        "missing-type-descriptor",
        "dynamodb.NewImage.address.M.city",
        _new(address={"M": {"city": {"S": ["Oslo"]}}}),
        NEVER,
    ),
    (
        _new(stops={"L": ["Lyon"]}),
        "missing-type-descriptor",
        "dynamodb.NewImage.stops.L",
        _new(stops={"L": {"S": ["Lyon"]}}),
        NEVER,
    ),
    (
        {"dynamodb": {"Keys": {"id": ["order-1"]}}},
        "missing-type-descriptor",
        "dynamodb.Keys.id",
        {"dynamodb": {"Keys": {"id": {"S": ["order-1"]}}}},
        NEVER,
    ),
    # b: numeric on N
    (_new(total={"N": [{"numeric": [">", 100]}]}), "numeric-on-number", "dynamodb.NewImage.total.N", None, NEVER),
    (
        _new(total={"N": [{"numeric": ["=", 101]}]}),
        "numeric-on-number",
        "dynamodb.NewImage.total.N",
        _new(total={"N": ["101"]}),
        NEVER,
    ),
    (
        _new(total={"N": ["101", {"numeric": [">", 100]}]}),
        "numeric-on-number",
        "dynamodb.NewImage.total.N",
        None,
        DOUBT,
    ),
    # c: numbers as numbers, or spelt otherwise
    (_new(total={"N": [101]}), "number-literal", "dynamodb.NewImage.total.N", _new(total={"N": ["101"]}), NEVER),
    (_new(weight={"N": [2.50]}), "number-literal", "dynamodb.NewImage.weight.N", _new(weight={"N": ["2.5"]}), NEVER),
    (_new(sizes={"NS": [2]}), "number-literal", "dynamodb.NewImage.sizes.NS", _new(sizes={"NS": ["2"]}), NEVER),
    (_new(total={"N": ["101.0"]}), "number-literal", "dynamodb.NewImage.total.N", _new(total={"N": ["101"]}), DOUBT),
    (_new(total={"N": ["0101"]}), "number-literal", "dynamodb.NewImage.total.N", _new(total={"N": ["101"]}), DOUBT),
    (_new(total={"N": ["1.01e2"]}), "number-literal", "dynamodb.NewImage.total.N", _new(total={"N": ["101"]}), DOUBT),
    # d: a value of the wrong type
    (
        _new(gift={"BOOL": ["true"]}),
        "wrong-type-value",
        "dynamodb.NewImage.gift.BOOL",
        _new(gift={"BOOL": [True]}),
        NEVER,
    ),
    (
        _new(coupon={"NULL": [None]}),
        "wrong-type-value",
        "dynamodb.NewImage.coupon.NULL",
        _new(coupon={"NULL": [True]}),
        NEVER,
    ),
    (_new(gift={"BOOL": [{"prefix": "t"}]}), "wrong-type-value", "dynamodb.NewImage.gift.BOOL", None, NEVER),
    (_new(status={"S": [5]}), "wrong-type-value", "dynamodb.NewImage.status.S", _new(status={"S": ["5"]}), NEVER),
    (_new(status={"S": [True]}), "wrong-type-value", "dynamodb.NewImage.status.S", None, NEVER),
    (_new(status={"S": [{"numeric": [">", 1]}]}), "wrong-type-value", "dynamodb.NewImage.status.S", None, NEVER),
    (_new(total={"N": ["SHIPPED"]}), "wrong-type-value", "dynamodb.NewImage.total.N", None, NEVER),
    (_new(total={"N": [True]}), "wrong-type-value", "dynamodb.NewImage.total.N", None, NEVER),
    (_new(status={"S": {"value": ["SHIPPED"]}}), "wrong-type-value", "dynamodb.NewImage.status.S.value", None, NEVER),
    (_new(status={"S": ["SHIPPED"], "N": ["101"]}), "conflicting-types", "dynamodb.NewImage.status", None, NEVER),
    # g: exists on an object
    (_new(status=[{"exists": True}]), "exists-on-non-leaf", "dynamodb.NewImage.status", None, NEVER),
    (_new(stops={"L": [{"exists": True}]}), "exists-on-non-leaf", "dynamodb.NewImage.stops.L", None, NEVER),
    ({"dynamodb": {"NewImage": [{"exists": True}]}}, "exists-on-non-leaf", "dynamodb.NewImage", None, NEVER),
    (_new(status=[{"exists": False}]), "exists-on-non-leaf", "dynamodb.NewImage.status", None, DOUBT),
    ({"dynamodb": {"NewImage": ["x"]}}, "value-on-non-leaf", "dynamodb.NewImage", None, NEVER),
    # h: case and spelling
    ({"eventName": ["Modify"]}, "misspelt-value", "eventName", {"eventName": ["MODIFY"]}, NEVER),
    ({"eventName": ["UPDATE"]}, "misspelt-value", "eventName", {"eventName": ["MODIFY"]}, NEVER),
    ({"eventName": ["MODIFYED"]}, "misspelt-value", "eventName", {"eventName": ["MODIFY"]}, NEVER),
    ({"eventName": ["Created"]}, "misspelt-value", "eventName", None, NEVER),
    ({"eventName": ["Created"], **_new(**SHIPPED)}, "misspelt-value", "eventName", None, NEVER),
    ({"eventName": [{"prefix": "M-"}]}, "misspelt-value", "eventName", None, NEVER),
    ({"eventName": [{"anything-but": [*EVENTS]}]}, "misspelt-value", "eventName", None, NEVER),
    ({"eventName": ["MODIFY", "insert"]}, "misspelt-value", "eventName", {"eventName": ["MODIFY", "INSERT"]}, DOUBT),
    ({"eventName": [{"exists": False}]}, "always-present", "eventName", None, NEVER),
    ({"eventSource": [{"exists": False}]}, "always-present", "eventSource", None, NEVER),
    ({"dynamodb": {"SequenceNumber": [{"exists": False}]}}, "always-present", "dynamodb.SequenceNumber", None, NEVER),
    ({"dynamodb": {"StreamViewType": [{"exists": False}]}}, "always-present", "dynamodb.StreamViewType", None, NEVER),
    ({"eventSource": ["aws:sqs"]}, "misspelt-value", "eventSource", None, NEVER),
    ({"dynamodb": {"StreamViewType": ["KEYS_ONLY"]}}, "misspelt-value", "dynamodb.StreamViewType", None, NEVER),
    ({"eventname": ["MODIFY"]}, "misspelt-key", "eventname", {"eventName": ["MODIFY"]}, NEVER),
    ({"dynamoDB": {"NewImage": SHIPPED}}, "misspelt-key", "dynamoDB", _new(**SHIPPED), NEVER),
    ({"dynamodb": {"newImage": SHIPPED}}, "misspelt-key", "dynamodb.newImage", _new(**SHIPPED), NEVER),
    (
        {"dynamodb": {"NewImages": {"status": ["SHIPPED"]}}},
        "misspelt-key",
        "dynamodb.NewImages",
        _new(**SHIPPED),
        NEVER,
    ),
    (_new(status={"s": ["SHIPPED"]}), "misspelt-key", "dynamodb.NewImage.status.s", _new(**SHIPPED), NEVER),
    (_new(gift={"Bool": [True]}), "misspelt-key", "dynamodb.NewImage.gift.Bool", _new(gift={"BOOL": [True]}), NEVER),
    # i: no wrapper, or another source's members
    ({"NewImage": SHIPPED}, "missing-dynamodb-wrapper", "NewImage", _new(**SHIPPED), NEVER),
    ({"newImage": {"status": ["SHIPPED"]}}, "missing-dynamodb-wrapper", "newImage", _new(**SHIPPED), NEVER),
    (
        {"Keys": {"id": {"S": ["order-1"]}}},
        "missing-dynamodb-wrapper",
        "Keys",
        {"dynamodb": {"Keys": {"id": {"S": ["order-1"]}}}},
        NEVER,
    ),
    ({"data": {"status": ["SHIPPED"]}}, "foreign-key", "data", None, NEVER),
    ({"body": {"status": ["SHIPPED"]}}, "foreign-key", "body", None, NEVER),
    ({"status": ["SHIPPED"]}, "unknown-key", "status", None, NEVER),
    ({"dynamodb": {"status": {"S": ["SHIPPED"]}}}, "unknown-key", "dynamodb.status", None, NEVER),
    ({"unknown": [{"exists": False}]}, "unknown-key", "unknown", None, DOUBT),
    # j: removals by Time to Live
    ({"userIdentity": {"type": ["Service"]}}, "ttl-origin-only", "userIdentity", None, DOUBT),
    # f: an image that the event does not carry
    (
        {"eventName": ["REMOVE"], **_new(**SHIPPED)},
        "image-of-event",
        "dynamodb.NewImage",
        {"eventName": ["REMOVE"], **_old(**SHIPPED)},
        NEVER,
    ),
    (
        {"eventName": ["INSERT"], **_old(**SHIPPED)},
        "image-of-event",
        "dynamodb.OldImage",
        {"eventName": ["INSERT"], **_new(**SHIPPED)},
        NEVER,
    ),
    (
        {"eventName": [{"anything-but": ["INSERT", "MODIFY"]}], **_new(**SHIPPED)},
        "image-of-event",
        "dynamodb.NewImage",
        {"eventName": [{"anything-but": ["INSERT", "MODIFY"]}], **_old(**SHIPPED)},
        NEVER,
    ),
    (
        {"eventName": ["INSERT", "REMOVE"], "dynamodb": {"NewImage": SHIPPED, "OldImage": SHIPPED}},
        "image-of-event",
        "dynamodb.NewImage",
        None,
        NEVER,
    ),
]


@pytest.mark.parametrize(("pattern", "kind", "leaf", "better", "never"), ROWS)
def test_defect_is_found_placed_and_corrected(
    pattern: dict[str, Any], kind: str, leaf: str, better: dict[str, Any] | None, never: bool
) -> None:
    """Each way to write a filter wrong is named, with its place, its correction and whether it is fatal."""
    (found,) = defects(json.dumps(pattern), view_type=ANY)
    assert (found.kind, found.leaf, found.never_matches) == (kind, leaf, never)
    assert (json.loads(found.corrected) if found.corrected else None) == better
    assert found.sentence.endswith(".")
    assert never_matches([json.dumps(pattern)], view_type=ANY) is never


def _could_match(pattern: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the sample records of every event whose item has any chance to satisfy a pattern on them."""
    return [record for event in EVENTS if parse(json.dumps(pattern)).matches(record := stream_record(event))]


MATCHING = ("SHIPPED", "Oslo", "Lyon", "order-1", "101", "2.5", "BOOL", "NULL", '"2"', "MODIFY", "aws:dynamodb")


@pytest.mark.parametrize(
    ("wrong", "better"),
    [(wrong, better) for wrong, kind, _, better, never in ROWS if better and never and kind != "image-of-event"],
)
def test_correction_matches_where_the_pattern_did_not(wrong: dict[str, Any], better: dict[str, Any]) -> None:
    """A corrected pattern has no defect left, and passes records that the wrong one kept out."""
    assert defects(json.dumps(better), view_type=ANY) == ()
    assert not _could_match(wrong)
    if any(word in json.dumps(better) for word in MATCHING):
        assert _could_match(better)


@pytest.mark.parametrize(
    ("view_type", "image", "never"),
    [
        ("KEYS_ONLY", "NewImage", True),
        ("OLD_IMAGE", "NewImage", True),
        ("NEW_IMAGE", "NewImage", False),
        ("NEW_AND_OLD_IMAGES", "NewImage", False),
        ("KEYS_ONLY", "OldImage", True),
        ("NEW_IMAGE", "OldImage", True),
        ("OLD_IMAGE", "OldImage", False),
        ("NEW_AND_OLD_IMAGES", "OldImage", False),
        ("", "NewImage", False),
        ("SOMETHING_NEW", "OldImage", False),
    ],
)
def test_image_has_to_be_in_the_view(view_type: str, image: str, never: bool) -> None:
    """A filter on an image is fatal exactly where the view leaves that image out; an unknown view decides nothing."""
    text = json.dumps({"dynamodb": {image: SHIPPED}})
    found = defects(text, view_type=view_type)
    assert [(defect.kind, defect.leaf, defect.never_matches) for defect in found] == (
        [("image-not-in-view", f"dynamodb.{image}", True)] if never else []
    )
    assert never_matches([text], view_type=view_type) is never


def test_absence_of_an_image_is_no_contradiction() -> None:
    """Asking that an attribute be absent holds without the image: noted, but not fatal."""
    text = json.dumps(_new(status={"S": [{"exists": False}]}))
    assert [defect.never_matches for defect in defects(text, view_type="KEYS_ONLY")] == [False]
    assert parse(text).matches(stream_record(view_type="KEYS_ONLY"))


@pytest.mark.parametrize(
    "pattern",
    [
        _new(**SHIPPED),
        {"eventName": ["INSERT", "MODIFY"], **_new(**SHIPPED)},
        {"eventName": ["REMOVE"], **_old(**SHIPPED)},
        {"eventName": ["REMOVE"], **_new(status={"S": [{"exists": False}]})},
        _new(total={"N": ["101", {"prefix": "10"}]}),
        _new(total={"N": [{"anything-but": [5]}]}),
        _new(status={"S": ["SHIPPED"], "N": [{"exists": False}]}),
        _new(tags={"SS": ["red"]}, sizes={"NS": ["1"]}, gift={"BOOL": [False]}),
        _new(stops={"L": {"M": {"city": {"S": ["Bonn"]}}}}),
        {"dynamodb": {"SizeBytes": [{"numeric": [">", 100]}]}},
        {"dynamodb": {"ApproximateCreationDateTime": [{"exists": True}]}},
        {"dynamodb": {"StreamViewType": [ANY]}},
        {"awsRegion": ["eu-west-1"], "eventSource": ["aws:dynamodb"]},
        {"$or": [{"eventName": ["INSERT"]}, _new(**SHIPPED)]},
        {},
    ],
)
def test_sound_pattern_has_no_defect(pattern: dict[str, Any]) -> None:
    """Patterns that AWS documents as working have nothing to be said against them."""
    assert defects(json.dumps(pattern), view_type=ANY) == ()


def test_alternative_that_works_redeems_the_others() -> None:
    """What is wrong in one branch of `$or` is told, and fatal only when no branch can match."""
    wrong, right = _new(status=["SHIPPED"]), _new(**SHIPPED)
    (found,) = defects(json.dumps({"$or": [wrong, right]}), view_type=ANY)
    assert (found.kind, found.leaf, found.never_matches) == (
        "missing-type-descriptor",
        "dynamodb.NewImage.status",
        False,
    )
    assert json.loads(found.corrected or "") == {"$or": [right, right]}
    for hopeless in (wrong, _new(status={"S": ["SHIPPED"], "N": ["101"]}), {"eventName": ["Insert"]}):
        assert all(defect.never_matches for defect in defects(json.dumps({"$or": [wrong, hopeless]}), view_type=ANY))


def test_members_written_twice_are_told_and_decide_nothing() -> None:
    """A member written twice is named with the joined pattern, and nothing about the pattern is certain any more."""
    text = '{"dynamodb": {"NewImage": {"a": {"S": ["x"]}}}, "dynamodb": {"OldImage": {"a": ["y"]}}}'
    found = defects(text, view_type=ANY)
    assert [(defect.kind, defect.leaf, defect.never_matches) for defect in found] == [
        ("missing-type-descriptor", "dynamodb.OldImage.a", False),
        ("duplicate-key", "dynamodb", False),
    ]
    joined = {"dynamodb": {"NewImage": {"a": {"S": ["x"]}}, "OldImage": {"a": {"S": ["y"]}}}}
    assert {defect.corrected and json.dumps(json.loads(defect.corrected)) for defect in found} == {json.dumps(joined)}
    assert not never_matches([text], view_type=ANY)


@pytest.mark.parametrize(
    ("rules", "example"),
    [(["SHIPPED"], '{"S": ["SHIPPED"]}'), ([101], '{"N": ["101"]}'), (["SHIPPED", 5], '{"S": [...]}')],
)
def test_the_missing_descriptor_is_shown(rules: list[Any], example: str) -> None:
    """The sentence shows the very rules under their descriptor, or any where they do not tell their type."""
    (found,) = defects(json.dumps(_new(status=rules)), view_type=ANY)
    assert found.sentence == f"The value stands under its type descriptor, as in {example}."


def test_several_defects_are_corrected_together() -> None:
    """Every correctable defect carries the same text, with all of them put right."""
    pattern = {"eventname": ["Modify"], "newImage": {"status": {"s": ["SHIPPED"]}, "total": {"N": [101]}}}
    better = {"eventName": ["MODIFY"], **_new(status={"S": ["SHIPPED"]}, total={"N": ["101"]})}
    found = defects(json.dumps(pattern), view_type=ANY)
    assert [json.loads(defect.corrected or "null") for defect in found] == [better] * len(found)
    assert _could_match(better)


def test_bad_pattern_is_not_examined() -> None:
    """Defects of what is no pattern cannot be told: the reader's error comes through."""
    with pytest.raises(BadPattern):
        defects('{"a": 1}', view_type=ANY)


def test_sample_item_satisfies_a_pattern_per_type() -> None:
    """The item of the samples holds every type descriptor that filters know, binary values aside."""
    held = {kind for value in ITEM.values() for kind in value}
    assert held == {"S", "N", "BOOL", "NULL", "SS", "NS", "L", "M"}
