"""Each condition operator against a key that is present, absent or not known, and each pattern against a text."""

import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.interpret.policy_condition import outcomes
from runbook_lib.interpret.policy_pattern import agree, all_of, any_of, lowered, matches, negate

ARN = "arn:aws:iam::123456789012:role/path/reader"

PRESENT = [
    ("StringEquals", "blue", "blue", True),
    ("StringEquals", "blue", "Blue", False),
    ("StringEquals", "b*", "blue", False),
    ("StringEquals", ["red", "blue"], "blue", True),
    ("StringEquals", [], "blue", False),
    ("StringEquals", True, "true", True),
    ("StringEquals", 7, "7", True),
    ("stringequals", "blue", "blue", True),
    ("StringNotEquals", "blue", "blue", False),
    ("StringNotEquals", ["red", "green"], "blue", True),
    ("StringNotEquals", ["red", "blue"], "blue", False),
    ("StringEqualsIgnoreCase", "BLUE", "blue", True),
    ("StringNotEqualsIgnoreCase", "BLUE", "blue", False),
    ("StringLike", "b*e", "blue", True),
    ("StringLike", "bl?", "blue", False),
    ("StringNotLike", "b*", "blue", False),
    ("StringNotLike", "r*", "blue", True),
    ("StringEqualsIfExists", "blue", "red", False),
    ("Bool", "true", "true", True),
    ("Bool", True, "TRUE", True),
    ("Bool", "false", "true", False),
    ("Null", "true", "anything", False),
    ("Null", "false", "anything", True),
    ("Null", False, "anything", True),
    ("NumericEquals", "7", "7.0", True),
    ("NumericNotEquals", "7", "8", True),
    ("NumericLessThan", "10", "9", True),
    ("NumericLessThan", "10", "10", False),
    ("NumericLessThanEquals", "10", "10", True),
    ("NumericGreaterThan", "10", "10.5", True),
    ("NumericGreaterThanEquals", "10", "9", False),
    ("NumericLessThan", "ten", "9", None),
    ("NumericLessThan", "${aws:PrincipalTag/limit}", "9", None),
    ("DateEquals", "2026-09-17T12:00:00Z", "2026-09-17T14:00:00+02:00", True),
    ("DateNotEquals", "2026-09-17T12:00:00Z", "2026-09-17T12:00:01Z", True),
    ("DateLessThan", "2026-09-18", "2026-09-17T23:59:59Z", True),
    ("DateLessThan", "2026-09-17T12:00:00Z", "2026-09-17T12:00:00Z", False),
    ("DateLessThanEquals", "2026-09-17T12:00:00Z", "2026-09-17T12:00:00Z", True),
    ("DateGreaterThan", "1758110400", "2025-09-17T12:00:01Z", True),
    ("DateGreaterThan", "2026-09-17T12:00:00Z", "1758110400", False),
    ("DateGreaterThanEquals", "soon", "2026-09-17T12:00:00Z", None),
    ("DateGreaterThan", "9" * 30, "2026-09-17T12:00:00Z", None),
    ("IpAddress", "203.0.113.0/24", "203.0.113.9", True),
    ("IpAddress", "203.0.113.9", "203.0.113.9", True),
    ("IpAddress", "203.0.113.0/24", "198.51.100.9", False),
    ("IpAddress", "2001:db8::/32", "2001:db8::1", True),
    ("IpAddress", "2001:db8::/32", "203.0.113.9", False),
    ("IpAddress", "the office", "203.0.113.9", None),
    ("NotIpAddress", "203.0.113.0/24", "203.0.113.9", False),
    ("NotIpAddress", ["203.0.113.0/24", "198.51.100.0/24"], "192.0.2.1", True),
    ("ArnEquals", ARN, ARN, True),
    ("ArnEquals", "arn:aws:iam::*:role/*", ARN, True),
    ("ArnLike", "arn:aws:iam::123456789012:role/path/?eader", ARN, True),
    ("ArnLike", "arn:aws:*:role/path/reader", ARN, False),
    ("ArnLike", "*", ARN, True),
    ("ArnLike", ARN, "reader", False),
    ("ArnLike", "arn:aws:lambda:*:*:function:orders*", "arn:aws:lambda:eu-west-1:123456789012:function:orders:x", True),
    ("ArnNotEquals", "arn:aws:iam::*:role/admin", ARN, True),
    ("ArnNotLike", "arn:aws:iam::*:role/path/*", ARN, False),
    ("ArnEquals", "arn:aws:iam::${aws:PrincipalAccount}:role/path/reader", ARN, True),
    ("ArnEquals", "arn:aws:iam::${aws:username}:role/path/reader", ARN, None),
    ("ArnEquals", "arn:aws:iam::${aws:username}:role/admin", ARN, False),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
    ("StringEquals", "${aws:PrincipalAccount}", "123456789012", True),
    ("StringEquals", "${aws:username}", "blue", None),
    ("StringNotEquals", "${aws:username}", "blue", None),
    ("StringEquals", "${aws:nothing}", "blue", False),
    ("StringNotEquals", "${aws:nothing}", "blue", True),
    ("StringLike", "${*}lue", "blue", False),
    ("StringSounds", "blue", "blue", None),
    ("", "blue", "blue", None),
    ("ForAllValues:StringEquals", ["red", "blue"], ["blue", "red"], True),
    ("ForAllValues:StringEquals", ["red"], ["blue", "red"], False),
    ("ForAnyValue:StringEquals", ["red"], ["blue", "red"], True),
    ("ForAnyValue:StringEquals", ["green"], ["blue", "red"], False),
    ("ForAllValues:StringNotEquals", ["red"], ["blue", "red"], False),
    ("ForAllValues:StringNotEquals", ["green"], ["blue", "red"], True),
    ("ForAnyValue:StringNotEquals", ["red"], ["blue", "red"], True),
    ("ForAnyValue:StringLike", ["r*"], ["blue", "red"], True),
]


@pytest.mark.parametrize(("operator", "policy_value", "request_value", "met"), PRESENT)
def test_an_operator_compares_what_the_request_carries(operator, policy_value, request_value, met):
    """Values listed are alternatives, a negated operator wants none of them, and what cannot be read is unknown."""
    known = lowered({"aws:Key": request_value, "aws:PrincipalAccount": "123456789012", "aws:nothing": None})
    (outcome,) = outcomes({operator: {"AWS:KEY": policy_value}}, known, variables=True)
    assert outcome.met is met
    assert outcome.test == f"{operator} AWS:KEY"


ABSENT = [
    ("StringEquals", False, False),
    ("StringNotEquals", True, True),
    ("StringEqualsIfExists", True, None),
    ("StringNotEqualsIfExists", True, True),
    ("StringNotLike", True, True),
    ("ArnNotLike", True, True),
    ("NumericNotEquals", True, None),
    ("Bool", False, False),
    ("IpAddress", False, None),
    ("ForAllValues:StringEquals", True, None),
    ("ForAllValues:StringNotEquals", True, True),
    ("ForAnyValue:StringEquals", False, False),
    ("ForAnyValue:StringNotEquals", False, None),
    ("ForAnyValue:StringEqualsIfExists", None, None),
    ("Null", True, None),
]


@pytest.mark.parametrize(("operator", "met", "met_by_origin"), ABSENT)
def test_an_absent_key_is_judged_as_aws_documents(operator, met, met_by_origin):
    """Absent meets negated, IfExists, ForAllValues and Null; an absent origin may be one of AWS's own instead."""
    value = "true" if operator == "Null" else "blue"
    tests = {operator: {"aws:Key": value, "aws:SourceVpce": value}}
    plain, origin = outcomes(tests, {"aws:key": None, "aws:sourcevpce": None}, variables=True)
    assert (plain.met, origin.met) == (met, met_by_origin)


@pytest.mark.parametrize("operator", [name for name, *_ in ABSENT])
def test_a_key_nothing_is_known_of_leaves_every_operator_unknown(operator):
    """Not known is not absent."""
    (outcome,) = outcomes({operator: {"aws:Key": "true"}}, {}, variables=True)
    assert outcome.met is None


def test_no_values_are_as_good_as_no_key():
    """A key with an empty list is absent."""
    (outcome,) = outcomes({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}, {"aws:tagkeys": []}, variables=True)
    assert outcome.met is True


def test_an_empty_block_has_no_tests():
    """No condition, nothing to meet."""
    assert outcomes({}, {}, variables=True) == ()


PATTERNS = [
    ("", "", True),
    ("*", "", True),
    ("?", "", False),
    ("a*b*c", "a-b-c", True),
    ("a*b*c", "a-c-b", False),
    ("*a*", "bab", True),
    ("*ab", "aab", True),
    ("a.c", "abc", False),
    ("a+", "aa", False),
    ("a\nb", "a\nb", True),
    ("a*b", "a\nb", True),
    ("$5", "$5", True),
    ("${$}5", "$5", True),
    ("${?}", "?", True),
    ("${?}", "x", False),
    ("${key}", "a*b", True),
    ("${key}", "aXb", False),
    ("x${gone}", "x", False),
    ("x${gone, 'fallback'}", "xfallback", True),
    ("x${gone,'fallback'}", "xfallback", True),
    ("x${key, 'fallback'}", "xfallback", False),
    ("x${other}", "xyz", None),
    ("x${other}", "yz", False),
    ("${other, 'fallback'}", "anything", None),
    ("${many}", "one", None),
    ("${", "${", True),
    ("${}", "x", None),
]


@pytest.mark.parametrize(("pattern", "text", "fits"), PATTERNS)
def test_a_pattern_fits_a_whole_text(pattern, text, fits):
    """Stars, question marks, literals and variables; unknown only where the text could fit."""
    known = {"key": "a*b", "gone": None, "many": ["one", "two"]}
    assert matches(pattern, text, known) is fits


@settings(deadline=None)
@given(st.text(string.printable), st.text(string.printable))
def test_a_text_fits_itself_and_no_other_without_wildcards(text, other):
    """Without wildcards and variables a pattern is plain text."""
    assert matches(text, other, None, wildcards=False) is (text == other)


@settings(deadline=None)
@given(st.lists(st.text("ab:/", max_size=4), max_size=5), st.lists(st.text("ab:/", max_size=4), max_size=5))
def test_stars_match_whatever_stands_between_the_pieces(pieces, between):
    """A pattern made by putting stars between pieces fits the pieces with anything between them."""
    filling = [*between, *[""] * len(pieces)]
    text = "".join(piece + filler for piece, filler in zip(pieces, filling, strict=False))
    assert matches("*".join([*pieces, ""]), text, None) is True


def test_a_hostile_pattern_is_answered_at_once():
    """Thirty stars against a long text take no noticeable time."""
    began = time.process_time()
    assert matches("*a" * 30 + "b", "a" * 5_000, None) is False
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("truths", "all_true", "any_true"),
    [
        ((), True, False),
        ((True, True), True, True),
        ((True, None), None, True),
        ((False, None), False, None),
        ((None,), None, None),
        ((True, False, None), False, True),
    ],
)
def test_unknown_spreads_only_where_it_matters(truths, all_true, any_true):
    """One false decides all_of, one true decides any_of, whatever is unknown."""
    assert (all_of(truths), any_of(truths)) == (all_true, any_true)


@settings(deadline=None)
@given(st.lists(st.sampled_from([True, False, None]), max_size=5))
def test_truth_obeys_de_morgan(truths):
    """Not all is some not."""
    assert negate(all_of(truths)) is any_of(negate(truth) for truth in truths)


def test_two_worlds_agree_on_what_they_share():
    """What differs between them is unknown."""
    assert (agree(True, True), agree(False, False), agree(True, False), agree(None, True)) == (True, False, None, None)
