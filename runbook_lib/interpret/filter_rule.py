"""The pattern language of event filters: text into a pattern, and whether a pattern matches a record.

A pattern is an object that mirrors the record. Members are ANDed; a leaf is an array of rules, ORed; `$or` holds
alternatives. A rule is a value, compared as it is written and with its type, or an object with one operator. Rules see
leaves only: a rule on an object or on an array of objects finds nothing there.

Sources: docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-syntax (operators, numbers as
text, exists on leaves only) and docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html,
whose syntax Lambda uses. Lambda's page does not list `wildcard`; it is read as EventBridge reads it.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

_DEEPEST = 100


class BadPattern(ValueError):
    """The text is no filter pattern that this kit can read; the message says where and why."""


@dataclass(frozen=True)
class Number:
    """A number of a pattern, as written: filters compare numbers by their text, so `300` is not `300.0`."""

    text: str

    @property
    def value(self) -> float:
        """Its value, for the `numeric` operator."""
        return float(self.text)


@dataclass(frozen=True)
class Pattern:
    """A filter pattern. `duplicates` are the paths of members written twice.

    Members written twice are read as joined (AWS's own example of AND writes `dynamodb` twice); where the two cannot be
    joined the last one counts. What AWS does with them is not documented, so nothing may be decided on it.
    """

    text: str
    tree: Mapping[str, Any] = field(hash=False, repr=False)
    duplicates: tuple[str, ...] = ()

    def matches(self, record: Mapping[str, Any]) -> bool:
        """Whether a stream record, as Lambda sees it, passes: `{"eventName": ..., "dynamodb": {"Keys": ...}}`."""
        return _object_matches(self.tree, record)

    def failing_leaf(self, record: Mapping[str, Any]) -> str | None:
        """The path, in the pattern, of the first part that keeps a record out; None for a record that passes."""
        return _failing(self.tree, record, ())


class _Pairs(list[tuple[str, Any]]):
    """The members of an object in the order written, twice-written ones included."""


@lru_cache(maxsize=256)
def parse(text: str) -> Pattern:
    """Read a pattern. Raises BadPattern for invalid JSON (with its position), and for rules AWS does not know."""
    try:
        raw = json.loads(text, object_pairs_hook=_Pairs, parse_int=Number, parse_float=Number, parse_constant=_constant)
        if not isinstance(raw, _Pairs):
            raise BadPattern("a filter pattern is a JSON object")
        duplicates: list[str] = []
        tree = _read_object(raw, (), duplicates)
    except json.JSONDecodeError as problem:
        raise BadPattern(f"not JSON at line {problem.lineno}, column {problem.colno}: {problem.msg}") from None
    except RecursionError:
        raise BadPattern(f"nested deeper than {_DEEPEST} levels") from None
    return Pattern(text, tree, tuple(duplicates))


def write(node: Any) -> str:
    """Write a pattern's tree, or a part of it, as JSON text; numbers keep their spelling."""
    if isinstance(node, Number):
        return node.text
    if isinstance(node, (Mapping, _Pairs)):
        return "{" + ", ".join(f"{json.dumps(key)}: {write(value)}" for key, value in dict(node).items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(write(item) for item in node) + "]"
    return json.dumps(node, ensure_ascii=False)


def is_choice(key: str, value: Any) -> bool:
    """Whether a member is the `$or` operator rather than a field of that name."""
    return key == "$or" and isinstance(value, list) and all(isinstance(choice, Mapping) for choice in value)


def is_absence(rule: Any) -> bool:
    """Whether a rule is satisfied where nothing is."""
    return isinstance(rule, Mapping) and rule.get("exists") is False


def _constant(name: str) -> Any:
    raise BadPattern(f"{name} is no JSON number")


def _read_object(pairs: _Pairs, path: tuple[str, ...], duplicates: list[str]) -> dict[str, Any]:
    if len(path) > _DEEPEST:
        raise BadPattern(f"nested deeper than {_DEEPEST} levels")
    tree: dict[str, Any] = {}
    for key, raw in pairs:
        value = _read_member(key, raw, (*path, key), duplicates)
        if key in tree:
            duplicates.append(".".join((*path, key)))
        tree[key] = joined(tree[key], value) if key in tree else value
    return tree


def _read_member(key: str, raw: Any, path: tuple[str, ...], duplicates: list[str]) -> Any:
    if isinstance(raw, _Pairs):
        return _read_object(raw, path, duplicates)
    if not isinstance(raw, list):
        raise BadPattern(f"{'.'.join(path)}: values stand in an array")
    if not raw:
        raise BadPattern(f"{'.'.join(path)}: the array is empty")
    if key == "$or" and all(isinstance(choice, _Pairs) for choice in raw):
        return [_read_object(choice, path, duplicates) for choice in raw]
    return [_read_rule(rule, ".".join(path)) for rule in raw]


def joined(earlier: Any, other: Any) -> Any:
    """Join two members of one name: objects member by member, else the later one."""
    if not (isinstance(earlier, dict) and isinstance(other, dict)):
        return other
    return earlier | {key: joined(earlier[key], value) if key in earlier else value for key, value in other.items()}


def _read_rule(raw: Any, path: str) -> Any:
    """Check one rule of a leaf: a value, or an operator with an operand of its kind."""
    if not isinstance(raw, (_Pairs, list)):
        return raw
    if isinstance(raw, list) and not isinstance(raw, _Pairs):
        raise BadPattern(f"{path}: an array inside an array")
    if len(raw) != 1:
        raise BadPattern(f"{path}: a rule has one operator, this one {len(raw)}")
    name, operand = raw[0]
    operand = dict(operand) if isinstance(operand, _Pairs) else operand
    check = _OPERANDS.get(name)
    if check is None:
        raise BadPattern(f"{path}: {name!r} is no operator of event filters")
    if not check(operand):
        raise BadPattern(f"{path}: {name!r} cannot take {write(operand)}")
    return {name: operand}


def _is_text(operand: Any) -> bool:
    return isinstance(operand, str)


def _is_fold_or_text(operand: Any) -> bool:
    return _is_text(operand) or (
        isinstance(operand, dict) and list(operand) == ["equals-ignore-case"] and all(map(_is_text, operand.values()))
    )


def _is_banned(operand: Any) -> bool:
    """What `anything-but` takes: values, or one of the text operators with one text or several."""
    if isinstance(operand, dict):
        ((name, texts),) = operand.items() if len(operand) == 1 else (("", None),)
        several = texts if isinstance(texts, list) else [texts]
        return name in _TEXT and bool(several) and all(map(_is_text, several))
    values = operand if isinstance(operand, list) else [operand]
    return bool(values) and not any(isinstance(value, (list, dict)) for value in values)


def _is_comparison(operand: Any) -> bool:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        return False
    signs, limits = operand[::2], operand[1::2]
    return all(isinstance(sign, str) and sign in _SIGNS for sign in signs) and all(
        isinstance(limit, Number) for limit in limits
    )


def _wildcard(actual: str, wanted: str) -> bool:
    """Whether a text is the wanted one with anything in place of each `*`."""
    first, *rest = wanted.split("*")
    if not rest:
        return actual == wanted
    *middle, last = rest
    if not (actual.startswith(first) and actual.endswith(last) and len(actual) >= len(first) + len(last)):
        return False
    at, end = len(first), len(actual) - len(last)
    for part in middle:
        found = actual.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


_TEXT: Mapping[str, Callable[[str, str], bool]] = {
    "prefix": str.startswith,
    "suffix": str.endswith,
    "equals-ignore-case": lambda actual, wanted: actual.casefold() == wanted.casefold(),
    "wildcard": _wildcard,
}
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_OPERANDS: Mapping[str, Callable[[Any], bool]] = {
    "prefix": _is_fold_or_text,
    "suffix": _is_fold_or_text,
    "equals-ignore-case": _is_text,
    "wildcard": _is_text,
    "anything-but": _is_banned,
    "numeric": _is_comparison,
    "exists": lambda operand: isinstance(operand, bool),
}
"""The operators, and what each can take."""


def _object_matches(tree: Mapping[str, Any], actual: Any) -> bool:
    """Whether every member matches; where there is no object, only rules that ask for absence can."""
    members = actual if isinstance(actual, Mapping) else {}
    return all(
        any(_object_matches(choice, members) for choice in wanted)
        if is_choice(key, wanted)
        else _member_matches(wanted, members, key)
        for key, wanted in tree.items()
    )


def _failing(tree: Mapping[str, Any], actual: Any, path: tuple[str, ...]) -> str | None:
    """Go down the pattern to the first part that does not match; an array of objects fails as a whole."""
    members = actual if isinstance(actual, Mapping) else {}
    for key, wanted in tree.items():
        if _object_matches({key: wanted}, members):
            continue
        inner = members.get(key)
        if isinstance(wanted, Mapping) and not isinstance(inner, list):
            return _failing(wanted, inner, (*path, key))
        return ".".join((*path, key))
    return None


def _member_matches(wanted: Any, members: Mapping[str, Any], key: str) -> bool:
    actual = members.get(key)
    if isinstance(wanted, Mapping):
        # Within an array of objects, one element has to match as a whole.
        parts = actual or [{}] if isinstance(actual, list) else [actual]
        return any(_object_matches(wanted, part) for part in parts)
    leaves = _leaves(actual) if key in members else []
    return any(_rule_matches(rule, leaf) for rule in wanted for leaf in leaves) or (
        not leaves and any(map(is_absence, wanted))
    )


def _leaves(actual: Any) -> Sequence[Any]:
    """The values that rules can see here: none where the record goes on deeper."""
    values = actual if isinstance(actual, list) else [actual]
    return [value for value in values if not isinstance(value, (Mapping, list))]


def _rule_matches(rule: Any, leaf: Any) -> bool:
    """Whether one rule holds of one value of the record."""
    if not isinstance(rule, Mapping):
        return _equal(rule, leaf)
    ((name, operand),) = rule.items()
    if name == "exists":
        return operand is True
    if name == "anything-but":
        return not _banned(operand, leaf)
    if name == "numeric":
        return _is_number(leaf) and all(
            _SIGNS[sign](leaf, limit.value) for sign, limit in zip(operand[::2], operand[1::2], strict=True)
        )
    return isinstance(leaf, str) and _text_matches(name, operand, leaf)


def _text_matches(name: str, operand: Any, leaf: str) -> bool:
    if isinstance(operand, Mapping):
        leaf, operand = leaf.casefold(), operand["equals-ignore-case"].casefold()
    return _TEXT[name](leaf, operand)


def _banned(operand: Any, leaf: Any) -> bool:
    if isinstance(operand, Mapping):
        ((name, texts),) = operand.items()
        several = texts if isinstance(texts, list) else [texts]
        return isinstance(leaf, str) and any(_TEXT[name](leaf, text) for text in several)
    return any(_equal(value, leaf) for value in (operand if isinstance(operand, list) else [operand]))


def _equal(wanted: Any, leaf: Any) -> bool:
    """Whether a value is the same with its type: text is never a number, and a number is its spelling."""
    if isinstance(wanted, Number):
        return _is_number(leaf) and wanted.text == str(leaf)
    return type(wanted) is type(leaf) and bool(wanted == leaf)


def _is_number(leaf: Any) -> bool:
    return isinstance(leaf, (int, float)) and not isinstance(leaf, bool)
