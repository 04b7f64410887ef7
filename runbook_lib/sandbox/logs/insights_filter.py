"""The conditions of a Logs Insights filter, and the bits of reading every command shares.

Decided here, for the documentation does not say: JSON booleans count as 1 and 0 and are shown so, and a comparison with
a field an event does not have is false, except `!=`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from runbook_lib.sandbox.logs.insights_fields import Row, number_of, shown
from runbook_lib.sandbox.wire.errors import ApiError, not_emulated

Test = Callable[[Row], bool]


def malformed(what: str) -> ApiError:
    """Return the error for a query that cannot be read."""
    return ApiError("MalformedQueryException", what)


_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<regex>/(?:[^/\\]|\\.)+/)
    |(?P<number>-?\d+(?:\.\d+)?(?![\w.]))|(?P<symbol>=~|!=|<=|>=|[=<>()\[\],])|(?P<field>`[^`]+`|[@\w][\w.@\-\[\]]*))""",
    re.VERBOSE,
)


def plain_field(text: str) -> str:
    """Return a field's name; functions in its place are beyond this subset."""
    if re.fullmatch(r"`[^`]+`|[@\w][\w.@\-]*", text):
        return text.strip("`")
    if re.match(r"[\w@.]+\s*(\(|\s+as\s)", text):
        raise not_emulated(f"the Logs Insights expression {text!r}")
    raise malformed(f"no field: {text!r}")


def unquoted(token: str) -> str:
    """Return the inside of a string or of a regular expression."""
    return token[1:-1] if token[0] == "/" else re.sub(r"\\(.)", r"\1", token[1:-1])


class Condition:
    """Reads the condition of a filter: `not` binds tightest, then `and`, then `or`."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise malformed(f"cannot read {text[position:].strip()!r}")
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()

    def parse(self) -> Test:
        """Return the test; all of the text must belong to it."""
        test = self._any()
        if self._tokens:
            raise malformed(f"unexpected symbol found {self._tokens[0][1]!r}")
        return test

    def _take(self) -> tuple[str, str]:
        """Return the next token."""
        if not self._tokens:
            raise malformed("the condition ends too early")
        return self._tokens.pop(0)

    def _accept(self, word: str) -> bool:
        """Take this word if it comes next."""
        if self._tokens and self._tokens[0][1].lower() == word:
            self._tokens.pop(0)
            return True
        return False

    def _any(self) -> Test:
        """Read tests joined by `or`."""
        tests = [self._all()]
        while self._accept("or"):
            tests.append(self._all())
        return lambda row: any(test(row) for test in tests)

    def _all(self) -> Test:
        """Read tests joined by `and`."""
        tests = [self._single()]
        while self._accept("and"):
            tests.append(self._single())
        return lambda row: all(test(row) for test in tests)

    def _single(self) -> Test:
        """Read a negation, a group, `ispresent(field)` or a comparison."""
        if self._accept("not"):
            inner = self._single()
            return lambda row: not inner(row)
        if self._accept("("):
            inner = self._any()
            if not self._accept(")"):
                raise malformed("a parenthesis is not closed")
            return inner
        kind, text = self._take()
        if kind != "field":
            raise malformed(f"a field is wanted where {text!r} stands")
        if self._accept("("):
            return self._function(text)
        return self._comparison(text.strip("`"))

    def _function(self, name: str) -> Test:
        """Read the one function of this subset."""
        if name.lower() != "ispresent":
            raise not_emulated(f"the Logs Insights function {name!r}")
        field = self._take()[1].strip("`")
        if not self._accept(")"):
            raise malformed("a parenthesis is not closed")
        return lambda row: field in row

    def _comparison(self, field: str) -> Test:
        """Read what is said of a field."""
        negated = self._accept("not")
        operator = self._take()[1].lower()
        test = self._membership(field) if operator == "in" else self._against_literal(field, operator)
        return (lambda row: not test(row)) if negated else test

    def _membership(self, field: str) -> Test:
        """Read a list of literals."""
        if not self._accept("["):
            raise malformed("a list is wanted after 'in'")
        words = {_literal(*self._take())}
        while self._accept(","):
            words.add(_literal(*self._take()))
        if not self._accept("]"):
            raise malformed("a list is not closed")
        return lambda row: field in row and shown(row[field]) in words

    def _against_literal(self, field: str, operator: str) -> Test:
        """Return a comparison with the literal that comes next."""
        kind, token = self._take()
        if operator in {"like", "=~"}:
            if kind not in {"regex", "string"}:
                raise malformed(f"{operator} wants a string or a regular expression")
            pattern = regex_of(unquoted(token) if kind == "regex" else re.escape(unquoted(token)))
            return lambda row: pattern.search(shown(row.get(field, ""))) is not None
        if operator not in _COMPARISONS:
            raise malformed(f"unexpected symbol found {operator!r}")
        return partial(_compare, field, operator, _literal(kind, token))


_BOOLEANS = {"true": "1", "false": "0"}


def _literal(kind: str, token: str) -> str:
    """Return a literal as text."""
    if token in _BOOLEANS:
        return _BOOLEANS[token]
    if kind not in {"string", "number"}:
        raise malformed(f"a string or a number is wanted where {token!r} stands")
    return unquoted(token) if kind == "string" else token


def regex_of(text: str) -> re.Pattern[str]:
    """Return a regular expression, in which groups may be named the Java way."""
    try:
        return re.compile(re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", text))
    except re.error as error:
        raise malformed(f"/{text}/: {error}") from error


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _compare(field: str, operator: str, literal: str, row: Row) -> bool:
    """Compare as numbers where both sides are, else as text; an absent field only ever differs."""
    if field not in row:
        return operator == "!="
    left, right = number_of(row[field]), number_of(literal)
    if left is not None and right is not None:
        return _COMPARISONS[operator](left, right)
    return _COMPARISONS[operator](shown(row[field]), literal)
