"""Filters at random: what is called hopeless matches nothing, and what is corrected stays corrected."""

from __future__ import annotations

import json
from typing import Any

from filter_samples import NAMES, WORDS, records
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from runbook_lib.interpret.filter_pattern import defects, never_matches, parse
from runbook_lib.interpret.filter_shape import EVENTS, VIEW_TYPES

RULES = st.one_of(
    WORDS,
    st.sampled_from([1, 5, 2.5, True, False, None]),
    WORDS.map(lambda text: {"prefix": text}),
    WORDS.map(lambda text: {"suffix": text}),
    WORDS.map(lambda text: {"equals-ignore-case": text}),
    WORDS.map(lambda text: {"wildcard": text + "*"}),
    st.lists(WORDS | st.integers(0, 5), min_size=1, max_size=2).map(lambda banned: {"anything-but": banned}),
    st.booleans().map(lambda truth: {"exists": truth}),
    st.sampled_from([">", "=", "<="]).map(lambda sign: {"numeric": [sign, 5]}),
)
LEAVES = st.lists(RULES, min_size=1, max_size=2)
TYPE_NAMES = st.sampled_from(["S", "N", "BOOL", "NULL", "SS", "NS", "M", "L", "s", "id"])


def _objects(names: st.SearchStrategy[str], inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Give objects of these members, now and then with alternatives."""
    plain = st.dictionaries(names, inner, max_size=2)
    return plain | st.tuples(plain, st.lists(plain, min_size=1, max_size=2)).map(
        lambda both: {**both[0], "$or": both[1]}
    )


TYPED = st.deferred(
    lambda: LEAVES | _objects(TYPE_NAMES, LEAVES | st.dictionaries(NAMES | TYPE_NAMES, LEAVES, max_size=2))
)
ITEMS = LEAVES | _objects(NAMES, TYPED)
PARTS = st.sampled_from(["NewImage", "NewImage", "OldImage", "Keys", "newImage", "SizeBytes", "StreamViewType"])
EVENT_RULES = st.lists(
    st.sampled_from([*EVENTS, "Insert", {"anything-but": ["REMOVE"]}, {"prefix": "M"}, {"exists": True}]),
    min_size=1,
    max_size=2,
)
TOPS = st.fixed_dictionaries(
    {},
    optional={
        "eventName": EVENT_RULES,
        "dynamodb": _objects(PARTS, ITEMS),
        "NewImage": ITEMS,
        "userIdentity": st.dictionaries(st.sampled_from(["type", "principalId", "x"]), LEAVES, max_size=1),
        "$or": st.lists(
            st.fixed_dictionaries({}, optional={"eventName": EVENT_RULES, "dynamodb": _objects(PARTS, ITEMS)}),
            min_size=1,
            max_size=2,
        ),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(TOPS, st.sampled_from(VIEW_TYPES), st.data())
def test_never_means_never(pattern: dict[str, Any], view_type: str, data: st.DataObject) -> None:
    """A pattern said to match nothing matches no record that a stream of that view type can hold."""
    text = json.dumps(pattern)
    assume(never_matches([text], view_type=view_type))
    for _ in range(4):
        assert not parse(text).matches(data.draw(records(view_type)))


@settings(max_examples=60, deadline=None)
@given(TOPS, st.sampled_from([*VIEW_TYPES, ""]))
def test_corrections_are_patterns_and_settle(pattern: dict[str, Any], view_type: str) -> None:
    """Every corrected text is a pattern in which nothing is left to correct."""
    for defect in defects(json.dumps(pattern), view_type=view_type):
        assert defect.leaf
        if defect.corrected:
            assert [two for two in defects(defect.corrected, view_type=view_type) if two.corrected] == []


@settings(max_examples=60, deadline=None)
@given(TOPS, st.sampled_from(VIEW_TYPES), st.data())
def test_what_matches_is_never_called_hopeless(pattern: dict[str, Any], view_type: str, data: st.DataObject) -> None:
    """A pattern that passes some record has no fatal defect."""
    text = json.dumps(pattern)
    if parse(text).matches(data.draw(records(view_type))):
        assert not any(defect.never_matches for defect in defects(text, view_type=view_type))
