"""Filter criteria as the sandbox's AWS applies them."""

import json

import pytest

from runbook_lib.sandbox import Write
from runbook_lib.sandbox.pipe.filter_truth import matches, passes

WRITE = Write(0.0, 0, "INSERT", "PAID", 10_002)

CASES = [
    ({}, True),
    ({"eventName": ["INSERT"]}, True),
    ({"eventName": ["REMOVE", "INSERT"]}, True),
    ({"eventName": ["Insert"]}, False),
    ({"eventname": ["INSERT"]}, False),
    ({"dynamodb": {"NewImage": {"status": {"S": ["PAID"]}}}}, True),
    ({"dynamodb": {"NewImage": {"status": {"S": [{"prefix": "PA"}]}}}}, True),
    ({"dynamodb": {"NewImage": {"status": {"S": [{"suffix": "ID"}]}}}}, True),
    ({"dynamodb": {"NewImage": {"status": {"S": [{"equals-ignore-case": "paid"}]}}}}, True),
    ({"dynamodb": {"NewImage": {"status": {"S": [{"anything-but": ["PAID"]}]}}}}, False),
    ({"dynamodb": {"NewImage": {"status": {"S": [{"anything-but": "SHIPPED"}]}}}}, True),
    ({"dynamodb": {"NewImage": {"status": ["PAID"]}}}, False),
    ({"dynamodb": {"NewImage": {"status": [{"exists": True}]}}}, False),
    ({"dynamodb": {"NewImage": {"status": [{"exists": False}]}}}, True),
    ({"dynamodb": {"NewImage": {"status": {"S": [{"exists": True}]}}}}, True),
    ({"dynamodb": {"NewImage": {"colour": {"S": [{"exists": False}]}}}}, True),
    ({"dynamodb": {"NewImage": {"total": {"N": [{"numeric": [">", 0]}]}}}}, False),
    ({"dynamodb": {"NewImage": {"total": {"N": ["212"]}}}}, True),
    ({"dynamodb": {"NewImage": {"total": {"N": [212]}}}}, False),
    ({"dynamodb": {"OldImage": {"status": {"S": ["PLACED"]}}}}, False),
    ({"NewImage": {"status": {"S": ["PAID"]}}}, False),
    ({"$or": [{"eventName": ["REMOVE"]}, {"dynamodb": {"NewImage": {"status": {"S": ["PAID"]}}}}]}, True),
    ({"$or": [{"eventName": ["REMOVE"]}, {"eventName": ["MODIFY"]}]}, False),
]


@pytest.mark.parametrize(("pattern", "expected"), CASES)
def test_a_pattern_passes_what_lambda_passes(pattern: dict[str, object], expected: bool) -> None:
    """Values are typed strings, leaves must be leaves, and case matters."""
    assert passes((json.dumps(pattern),), WRITE, "NEW_AND_OLD_IMAGES") is expected


def test_filters_are_alternatives_and_none_passes_all() -> None:
    """One matching filter is enough; no filter lets everything through."""
    no, yes = '{"eventName": ["REMOVE"]}', '{"eventName": ["INSERT"]}'
    assert passes((no, yes), WRITE, "KEYS_ONLY")
    assert not passes((no,), WRITE, "KEYS_ONLY")
    assert passes((), WRITE, "KEYS_ONLY")


def test_an_image_outside_the_view_type_never_matches() -> None:
    """A filter on the new image passes nothing of a stream of keys."""
    pattern = '{"dynamodb": {"NewImage": {"status": {"S": ["PAID"]}}}}'
    assert not passes((pattern,), WRITE, "KEYS_ONLY")


@pytest.mark.parametrize(("number", "expected"), [(5, True), (0, False), (-1, False)])
def test_numeric_compares_json_numbers(number: int, expected: bool) -> None:
    """The numeric operator works on numbers proper, such as SizeBytes."""
    assert matches({"SizeBytes": [{"numeric": [">", 0, "<=", 5]}]}, {"SizeBytes": number}) is expected


def test_only_what_ttl_deletes_carries_its_identity() -> None:
    """The documented recipe for deletions by TTL passes these and no other deletion."""
    recipe = ('{"userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}}',)
    deleted = WRITE._replace(event="REMOVE")
    assert passes(recipe, deleted._replace(expired=True), "KEYS_ONLY")
    assert not passes(recipe, deleted, "KEYS_ONLY")
