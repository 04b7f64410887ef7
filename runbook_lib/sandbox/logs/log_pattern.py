"""The filter pattern language of CloudWatch Logs, as FilterLogEvents and metric filters speak it.

Written from
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html and its sibling
pages: terms (all must appear), `?terms` (any), `-terms` (none), "quoted phrases", %regular expressions%, JSON patterns
`{ $.a.b = "x*" && $.n > 4 }` and space-delimited patterns `[ip, user, status = 4*]`. Everything is case-sensitive.

Two points the pages leave open are decided here: an unquoted term matches inside a longer word, and a comparison (also
`!=`) with a field that does not exist is false.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import translate
from operator import ge, gt, le, lt
from typing import Any

from runbook_lib.sandbox.wire.errors import ApiError

Predicate = Callable[[str], bool]
"""Tells whether a log message matches."""

Lookup = Callable[[str], Sequence[Any]]
"""The values an operand stands for in one log event; empty when there is no such field."""

Condition = Callable[[Lookup], bool]


def compile(text: str) -> Predicate:  # noqa: A001
    """Return the predicate a filter pattern stands for; the empty pattern matches everything.

    Raises `ApiError("InvalidParameterException")` for a pattern the language does not have.
    """
    text = text.strip()
    if text.startswith("{"):
        return _json_pattern(text)
    if text.startswith("["):
        return _delimited_pattern(text)
    return _terms_pattern(text)


def _invalid(what: str) -> ApiError:
    """Return the error for a malformed pattern."""
    return ApiError("InvalidParameterException", f"Invalid filter pattern: {what}")


# Terms

_TERM = re.compile(r"""\s*(?P<sign>[?-]?)\s*(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]*)%|(?P<word>[^\s"%]+))""")


def _terms_pattern(text: str) -> Predicate:
    """Return the predicate of a pattern of terms.

    `?` terms count only where there are no others: combined with included or excluded terms they are ignored.
    """
    groups: dict[str, list[Predicate]] = {"": [], "?": [], "-": []}
    position = 0
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            raise _invalid(f"a quotation mark or a percent sign is not closed in {text[position:].strip()!r}")
        groups[match["sign"]].append(_term(match))
        position = match.end()
    wanted, any_of, unwanted = groups[""], groups["?"], groups["-"]
    if any_of and not wanted and not unwanted:
        return lambda message: any(found(message) for found in any_of)
    return lambda message: all(f(message) for f in wanted) and not any(f(message) for f in unwanted)


def _term(match: re.Match[str]) -> Predicate:
    """Return the predicate of one term."""
    if match["regex"] is not None:
        pattern = _regex(match["regex"])
        return lambda message: pattern.search(message) is not None
    if match["phrase"] is not None:
        phrase = _unescaped(match["phrase"])
        return lambda message: phrase in message
    word = match["word"]
    if not re.fullmatch(r"\w+", word):
        raise ApiError("InvalidParameterException", f"Invalid character(s) in term '{word}'")
    return lambda message: word in message


def _unescaped(quoted: str) -> str:
    """Return the inside of a quoted string without its backslashes."""
    return re.sub(r"\\(.)", r"\1", quoted)


_REGEX_CHARACTERS = re.compile(r"(?:\\.|[A-Za-z0-9:_#=@/;,\- ^$?\[\]{}|*+.])*")


def _regex(text: str) -> re.Pattern[str]:
    """Return a regular expression, refusing what CloudWatch Logs refuses (groups, and most punctuation)."""
    if not _REGEX_CHARACTERS.fullmatch(text):
        raise _invalid(f"unsupported character in the regular expression %{text}%")
    try:
        return re.compile(text, re.ASCII)
    except re.error as error:
        raise _invalid(f"%{text}%: {error}") from error


# Conditions, shared by JSON and space-delimited patterns

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<quoted>"(?:[^"\\]|\\.)*") | (?P<regex>%[^%]*%)
      | (?P<operator>&&|\|\||!=|<=|>=|=|<|>|\(|\))
      | (?P<operand>\$(?:\.[^\s.\[\]=!<>()&|]+|\[[^\]]*\])*)
      | (?P<word>(?:[^\s"%=!<>()&|,])+)
    )""",
    re.VERBOSE,
)
_ORDER: Mapping[str, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

Token = tuple[str, str]


def _tokens(text: str) -> Iterator[Token]:
    """Yield (kind, text) of a condition."""
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _invalid(f"cannot read {text[position:].strip()!r}")
        yield match.lastgroup, match[match.lastgroup]
        position = match.end()


class _Parser:
    """Reads one condition: comparisons joined by `||` and `&&` (which binds tighter), with parentheses."""

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._tokens = list(_tokens(text))

    def parse(self) -> Condition:
        """Return the condition; all of the text must belong to it."""
        condition = self._any()
        if self._tokens:
            raise _invalid(f"{self._tokens[0][1]!r} is not expected in {self._text!r}")
        return condition

    def _take(self) -> Token:
        """Return the next token."""
        if not self._tokens:
            raise _invalid(f"{self._text!r} ends too early")
        return self._tokens.pop(0)

    def _accept(self, *words: str) -> bool:
        """Take these tokens if they come next, whatever their case."""
        coming = [text.upper() for _, text in self._tokens[: len(words)]]
        if coming != list(words):
            return False
        del self._tokens[: len(words)]
        return True

    def _any(self) -> Condition:
        """Read conditions joined by `||`."""
        parts = [self._all()]
        while self._accept("||"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda lookup: any(part(lookup) for part in parts)

    def _all(self) -> Condition:
        """Read conditions joined by `&&`."""
        parts = [self._single()]
        while self._accept("&&"):
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else lambda lookup: all(part(lookup) for part in parts)

    def _single(self) -> Condition:
        """Read a condition in parentheses or one comparison."""
        if self._accept("("):
            inner = self._any()
            if not self._accept(")"):
                raise _invalid(f"a parenthesis is not closed in {self._text!r}")
            return inner
        kind, name = self._take()
        if kind not in {"operand", "word"}:
            raise _invalid(f"a field is wanted where {name!r} stands in {self._text!r}")
        return self._comparison(name)

    def _comparison(self, name: str) -> Condition:
        """Read what is said of a field."""
        if self._accept("NOT", "EXISTS"):
            return lambda lookup: not lookup(name)
        for word, constant in (("NULL", None), ("TRUE", True), ("FALSE", False)):
            if self._accept("IS", word):
                return lambda lookup, constant=constant: any(value is constant for value in lookup(name))  # type: ignore[misc]
        _, operator = self._take()
        kind, literal = self._take()
        if operator in _ORDER:
            return self._order(name, operator, literal)
        if operator not in {"=", "!="} or kind not in {"quoted", "regex", "word"}:
            raise _invalid(f"{name} {operator} {literal} is no comparison")
        equals = _equality(kind, literal)
        if operator == "=":
            return lambda lookup: any(equals(value) for value in lookup(name))
        return lambda lookup: any(not equals(value) for value in lookup(name))

    def _order(self, name: str, operator: str, literal: str) -> Condition:
        """Return a numeric comparison; values that are no numbers never satisfy one."""
        if not _NUMBER.fullmatch(literal):
            raise _invalid(f"{literal!r} is no number in {self._text!r}")
        compare, bound = _ORDER[operator], float(literal)
        return lambda lookup: any(
            number is not None and compare(number, bound) for number in map(_number, lookup(name))
        )


def _number(value: Any) -> float | None:
    """Return a value as a number: JSON numbers, and fields of a line that read as one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _equality(kind: str, literal: str) -> Callable[[Any], bool]:
    """Return the test whether a value equals a literal, which may hold the wildcard `*` or be a regular expression."""
    if kind == "regex":
        pattern = _regex(literal[1:-1])
        return lambda value: isinstance(value, str) and pattern.search(value) is not None
    text = _unescaped(literal[1:-1]) if kind == "quoted" else literal
    if kind == "word" and _NUMBER.fullmatch(text):
        number = float(text)
        return lambda value: _number(value) == number
    # `*` is the only wildcard of the language; fnmatch knows more.
    glob = re.compile(translate(re.sub(r"([?\[])", r"[\1]", text)))
    return lambda value: (words := _scalar_text(value)) is not None and glob.match(words) is not None


def _scalar_text(value: Any) -> str | None:
    """Return a scalar as JSON would print it, strings bare; None for null, objects and arrays."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else None


# JSON patterns


def _json_pattern(text: str) -> Predicate:
    """Return the predicate of `{ condition }`. A message that is not one JSON object matches nothing."""
    if not text.endswith("}"):
        raise _invalid(f"a brace is not closed in {text!r}")
    condition = _Parser(text[1:-1]).parse()

    def matches(message: str) -> bool:
        if "{" not in message:
            return False
        try:
            document = json.loads(message)
        except ValueError:
            return False
        return isinstance(document, dict) and condition(lambda selector: _select(document, selector))

    return matches


_STEP = re.compile(r"\.([^.\[\]]+)|\[(?:'([^']*)'|\"([^\"]*)\"|(\d+)|(\*))\]|\.(?=\[)")


def _select(document: Any, selector: str) -> list[Any]:
    """Return the values a property selector leads to: `$.a.b`, `$.list[0].flag`, `$.list[*]`, `$['odd name']`."""
    values = [document]
    for step in _STEP.finditer(selector, 1):
        plain, single, double, index, every = step.groups()
        name = plain or single or double
        if name is not None:
            values = [value[name] for value in values if isinstance(value, dict) and name in value]
        elif index is not None:
            values = [value[int(index)] for value in values if isinstance(value, list) and int(index) < len(value)]
        elif every:
            values = [item for value in values if isinstance(value, list) for item in value]
    return values


# Space-delimited patterns

_FIELD = re.compile(r'"(?P<quoted>[^"]*)"|\[(?P<bracketed>[^\]]*)\]|(?P<plain>\S+)')
_COLUMN = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|%[^%]*%|[^,"%])+""")
_ELLIPSIS = "..."


def _delimited_pattern(text: str) -> Predicate:
    """Return the predicate of `[a, b = x, ...]`: as many fields as columns, `...` standing for any number of them."""
    if not text.endswith("]"):
        raise _invalid(f"a bracket is not closed in {text!r}")
    columns = [column.strip() for column in _COLUMN.findall(text[1:-1])]
    if not all(columns) or columns.count(_ELLIPSIS) > 1:
        raise _invalid(f"cannot read the columns of {text!r}")
    tests = [_column(column) for column in columns]
    cut = columns.index(_ELLIPSIS) if _ELLIPSIS in columns else None

    def matches(message: str) -> bool:
        fields = [match[match.lastgroup or 0] for match in _FIELD.finditer(message)]
        if cut is None:
            return len(fields) == len(tests) and _hold(tests, fields)
        tail = len(tests) - cut - 1
        enough = len(fields) >= cut + tail
        return enough and _hold(tests[:cut], fields) and _hold(tests[cut + 1 :], fields[len(fields) - tail :])

    return matches


def _hold(tests: Sequence[Predicate], fields: Sequence[str]) -> bool:
    """Whether each test holds for the field in its place; there are no fewer fields than tests."""
    return all(test(field) for test, field in zip(tests, fields, strict=False))


def _column(column: str) -> Predicate:
    """Return the test of one column: a bare name takes any field, a condition speaks of the column by any name."""
    if column == _ELLIPSIS or re.fullmatch(r"\w+", column):
        return lambda field: True
    condition = _Parser(column).parse()
    return lambda field: condition(lambda name: [field])
