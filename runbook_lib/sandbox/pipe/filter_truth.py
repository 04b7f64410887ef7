"""Filter criteria as the sandbox's AWS applies them to stream records; apart from the kit's own reading on purpose.

Follows "Filtering Lambda event sources for DynamoDB" of the Lambda Developer Guide: values inside an item are strings
under a type descriptor, filters are ORed, members of one filter ANDed, and a leaf list is an OR.
"""

import json
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from runbook_lib.sandbox.account.traffic import Write, identity, images

_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_TEXT: Mapping[str, Callable[[str, str], bool]] = {
    "prefix": str.startswith,
    "suffix": str.endswith,
    "equals-ignore-case": lambda actual, wanted: actual.lower() == wanted.lower(),
}
_ABSENT = object()
_VARIES_BY_ITEM = ("order_id", "total", "SizeBytes", "SequenceNumber", "eventID")


def passes(filters: tuple[str, ...], write: Write, view_type: str) -> bool:
    """Whether a mapping with these filters hands the write's record to its function. No filters pass everything."""
    if not filters:
        return True
    if any(member in text for text in filters for member in _VARIES_BY_ITEM):
        return _any_matches(filters, write, view_type)
    return _passes_kind(filters, write._replace(at=0.0, lineage=0, number=10_000), view_type)


@lru_cache(maxsize=4096)
def _passes_kind(filters: tuple[str, ...], kind: Write, view_type: str) -> bool:
    return _any_matches(filters, kind, view_type)


def _any_matches(filters: tuple[str, ...], write: Write, view_type: str) -> bool:
    about = {"eventName": write.event, "eventSource": "aws:dynamodb"}
    body = {**about, **identity(write), "dynamodb": images(write, view_type)}
    return any(matches(json.loads(text), body) for text in filters)


def is_pattern(text: str) -> bool:
    """Whether Lambda takes a text for a filter pattern: an object whose leaves are lists of values or of one rule."""
    try:
        pattern = json.loads(text)
    except ValueError:
        return False
    return isinstance(pattern, dict) and bool(pattern) and all(map(_is_member, pattern, pattern.values()))


def _is_member(key: str, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return bool(wanted) and all(map(_is_member, wanted, wanted.values()))
    if not isinstance(wanted, list) or not wanted:
        return False
    if key == "$or":
        return all(isinstance(choice, Mapping) and all(map(_is_member, choice, choice.values())) for choice in wanted)
    return all(_is_rule(rule) for rule in wanted)


def _is_rule(rule: Any) -> bool:
    if isinstance(rule, Mapping):
        return len(rule) == 1 and next(iter(rule)) in {"exists", "anything-but", "numeric", *_TEXT}
    return not isinstance(rule, list)


def matches(pattern: Mapping[str, Any], value: Any) -> bool:
    """Whether a parsed pattern matches a record (or a part of one)."""
    return all(
        any(matches(choice, value) for choice in wanted)
        if key == "$or"
        else _member_matches(wanted, value.get(key, _ABSENT) if isinstance(value, Mapping) else _ABSENT)
        for key, wanted in pattern.items()
    )


def _member_matches(wanted: Any, actual: Any) -> bool:
    if isinstance(wanted, Mapping):
        return matches(wanted, actual if isinstance(actual, Mapping) else {})
    return any(_leaf_matches(rule, actual) for rule in wanted)


def _leaf_matches(rule: Any, actual: Any) -> bool:
    leaf = _ABSENT if isinstance(actual, Mapping | list) else actual
    if not isinstance(rule, Mapping):
        return type(rule) is type(leaf) and rule == leaf
    name, operand = next(iter(rule.items()))
    if name == "exists":
        return (leaf is not _ABSENT) is operand
    if name == "anything-but":
        banned = operand if isinstance(operand, list) else [operand]
        return leaf is not _ABSENT and not any(_leaf_matches(item, leaf) for item in banned)
    if name == "numeric":
        return isinstance(leaf, int | float) and not isinstance(leaf, bool) and _compares(operand, leaf)
    return isinstance(leaf, str) and _TEXT[name](leaf, operand)


def _compares(conditions: list[Any], actual: float) -> bool:
    return all(_SIGNS[sign](actual, limit) for sign, limit in zip(conditions[::2], conditions[1::2], strict=True))
