"""The filter pattern language of CloudWatch Logs."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.sandbox import ApiError
from runbook_lib.sandbox.logs import log_pattern

REPORT = "REPORT RequestId: 3f1c\tDuration: 12.5 ms"
BAD = "[ERROR 401] UNAUTHORIZED REQUEST\n"
TRAIL = json.dumps(
    {
        "eventName": "UpdateTable",
        "readOnly": False,
        "errorCode": None,
        "n": 5,
        "small": 1.5e-3,
        "version": "11",
        "sourceIPAddress": "123.123.4.5",
        "who": {"arn": "arn:aws:iam::123456789012:role/admin", "odd name": "x"},
        "list": [{"flag": "on"}, {"flag": "off"}],
        "words": ["alpha", "beta"],
        "empty": [],
    }
)
LINE = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'

TERMS = [
    ("", BAD, True),
    ("   ", BAD, True),
    ("ERROR", BAD, True),
    ("error", BAD, False),
    ("AUTHORIZED", BAD, True),
    ("ERROR REQUEST", BAD, True),
    ("REQUEST ERROR", BAD, True),
    ("ERROR MISSING", BAD, False),
    ('"ERROR 401"', BAD, True),
    ('"401 ERROR"', BAD, False),
    ('"RequestId: 3f1c" Duration', REPORT, True),
    ("?MISSING ?ERROR", BAD, True),
    ('?MISSING ?"NOT THERE"', BAD, False),
    ("-ERROR", BAD, False),
    ("-MISSING", BAD, True),
    ("ERROR -UNAUTHORIZED", BAD, False),
    ('ERROR -"ERROR 400"', BAD, True),
    ("?MISSING REQUEST", BAD, True),
    ("?ERROR MISSING", BAD, False),
    ("?MISSING -NOTHING", BAD, True),
    ("%ERROR 4[0-9]{2}%", BAD, True),
    ("%^ERROR%", BAD, False),
    ("%error%", BAD, False),
    ("%ERROR|WARN% -MISSING", BAD, True),
    ("?%WARN% ?%40[12]%", BAD, True),
    (r'"say \"no\""', 'they say "no" to it', True),
]

JSON = [
    ('{ $.eventName = "UpdateTable" }', True),
    ("{ $.eventName = UpdateTable }", True),
    ('{ $.eventName = "updateTable" }', False),
    ('{ $.eventName = "Update*" }', True),
    ('{ $.eventName = "*Table" }', True),
    ('{ $.eventName = "*date*" }', True),
    ('{ $.eventName = "*" }', True),
    ('{ $.eventName = "Update?able" }', False),
    ('{ $.eventName = "[U]pdateTable" }', False),
    ('{ $.eventName != "DeleteTable" }', True),
    ('{ $.eventName != "Update*" }', False),
    ('{$.eventName="UpdateTable"}', True),
    ("{ $.eventName = %^Update[A-Z]% }", True),
    ("{ $.eventName = %^Delete% }", False),
    ("{ $.sourceIPAddress = 123.123.* }", True),
    ("{ $.sourceIPAddress != 123.123.* }", False),
    ('{ $.who.arn = "arn:aws:iam::*:role/admin" }', True),
    ('{ $.who["odd name"] = "x" }', True),
    ("{ $.who['odd name'] = x }", True),
    ('{ $.who = "*" }', False),
    ("{ $.n = 5 }", True),
    ("{ $.n = 5.0 }", True),
    ("{ $.n > 4 }", True),
    ("{ $.n > 5 }", False),
    ("{ $.n >= 5 && $.n <= 5 }", True),
    ("{ $.n < -1 }", False),
    ("{ $.n != 5 }", False),
    ("{ $.small = 1.5e-3 }", True),
    ("{ $.version = 11 }", True),
    ("{ $.eventName > 1 }", False),
    ("{ $.readOnly IS FALSE }", True),
    ("{ $.readOnly IS TRUE }", False),
    ("{ $.readOnly = false }", True),
    ("{ $.errorCode IS NULL }", True),
    ("{ $.missing IS NULL }", False),
    ("{ $.eventName IS NULL }", False),
    ("{ $.missing NOT EXISTS }", True),
    ("{ $.errorCode NOT EXISTS }", False),
    ('{ $.missing = "*" }', False),
    ('{ $.missing != "x" }', False),
    ('{ $.list[0].flag = "on" }', True),
    ('{ $.list[1].flag = "on" }', False),
    ('{ $.list[*].flag = "off" }', True),
    ('{ $.list[7].flag = "on" }', False),
    ('{ $.words[1] = "beta" }', True),
    ('{ $.empty[0] = "*" }', False),
    ('{ $.eventName = "X" || $.n = 5 && $.readOnly IS TRUE }', False),
    ('{ ($.eventName = "X" || $.n = 5) && $.readOnly IS FALSE }', True),
    ('{ $.eventName = "UpdateTable" || $.n = 6 && $.readOnly IS TRUE }', True),
    ('{ $.a.b = "x*" && ($.n > 4 || $.m NOT EXISTS) }', False),
]

DELIMITED = [
    ("[ip, id, user, timestamp, request, status, bytes]", True),
    ("[ip, id, user, timestamp, request, status]", False),
    ("[ip, id, user, timestamp, request, status = 404, bytes]", True),
    ("[ip, id, user, timestamp, request, status = 4*, bytes]", True),
    ("[ip, id, user, timestamp, request, status = 5*, bytes]", False),
    ("[ip, id, user, timestamp, request = *html*, status, bytes > 1000]", True),
    ("[ip, id, user, timestamp, request, status, bytes > 2000]", False),
    ("[..., status = 4*, bytes]", True),
    ("[..., status = 4*, bytes > 9000]", False),
    ("[ip = 127.0.0.1, ...]", True),
    ("[ip = 10.*, ...]", False),
    ("[ip, id, user = frank || user = jane, ...]", True),
    ("[ip, id, user != frank && user != jane, ...]", False),
    ("[ip, id, user = %^fr%, ...]", True),
    ('[ip, id, user, timestamp = "10/Oct/2000:13:25:15 -0700", ...]', True),
    ("[a, b, c, ..., x, y, z]", True),
    ("[a, b, c, d, ..., w, x, y, z]", False),
]

MALFORMED = [
    '"not closed',
    "%not closed",
    "foo-bar",
    "a:b",
    "%(group)%",
    "%wow!%",
    "%[a%",
    '{ $.a = "x"',
    "{ }",
    "{ $.a }",
    "{ $.a = }",
    "{ $.a > x }",
    '{ $.a = "x" && }',
    '{ ($.a = "x" }',
    '{ $.a = "x" $.b = "y" }',
    "{ $.a IS SOMETHING }",
    '{ "a" = "b" }',
    "[a, b",
    "[a, ..., b, ...]",
]


@pytest.mark.parametrize(("pattern", "message", "expected"), TERMS)
def test_terms(pattern: str, message: str, expected: bool) -> None:
    """Terms are all wanted, `?` terms any of them, `-` terms none, and regular expressions search."""
    assert log_pattern.compile(pattern)(message) is expected


@pytest.mark.parametrize(("pattern", "expected"), JSON)
def test_json_patterns(pattern: str, expected: bool) -> None:
    """A JSON pattern compares the fields its selectors lead to."""
    assert log_pattern.compile(pattern)(TRAIL) is expected


@pytest.mark.parametrize(("pattern", "expected"), DELIMITED)
def test_space_delimited_patterns(pattern: str, expected: bool) -> None:
    """A space-delimited pattern names the fields of a line, quoted and bracketed ones being one field each."""
    assert log_pattern.compile(pattern)(LINE) is expected


@pytest.mark.parametrize("message", ["plain text", "[1, 2]", '"text"', "{broken", 'INFO {"eventName": "UpdateTable"}'])
def test_json_patterns_need_a_json_object(message: str) -> None:
    """A JSON pattern matches no message that is anything but one JSON object, not even a negative one."""
    assert not log_pattern.compile("{ $.eventName NOT EXISTS }")(message)


@pytest.mark.parametrize("pattern", MALFORMED)
def test_malformed_patterns_are_refused(pattern: str) -> None:
    """A malformed pattern raises InvalidParameterException instead of matching everything or nothing."""
    with pytest.raises(ApiError) as caught:
        log_pattern.compile(pattern)
    assert caught.value.code == "InvalidParameterException"


@given(st.text(alphabet="ab?-%{[\"$.= &|()'1*", max_size=20), st.text(max_size=30))
def test_any_text_compiles_or_is_refused(pattern: str, message: str) -> None:
    """Whatever text is given, it is a pattern that answers yes or no, or a typed error."""
    try:
        predicate = log_pattern.compile(pattern)
    except ApiError:
        return
    assert predicate(message) in {True, False}


@given(st.lists(st.from_regex(r"[a-zA-Z0-9_]{1,8}", fullmatch=True), min_size=1, max_size=4), st.text(max_size=60))
def test_excluding_terms_is_the_opposite_of_any_of_them(words: list[str], message: str) -> None:
    """`-a -b` matches exactly the messages `?a ?b` does not."""
    any_of = log_pattern.compile(" ".join(f"?{word}" for word in words))
    none_of = log_pattern.compile(" ".join(f"-{word}" for word in words))
    assert none_of(message) is not any_of(message)
