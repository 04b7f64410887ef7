"""Why a filter pattern cannot do what it looks like: contradictions between a pattern and every possible record.

Nothing here needs data. The pattern is laid against the shape of a stream record, member by member. What is certain to
match nothing is marked so; a doubt (a member written twice, a spelling that may be meant) never is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from runbook_lib.interpret.filter_operand import canonical, impossible, meant_name
from runbook_lib.interpret.filter_rule import Number, Pattern, is_absence, is_choice, joined, parse, write
from runbook_lib.interpret.filter_shape import (
    EVENTS,
    EVENTS_WITH,
    IMAGES,
    OTHER_SOURCES,
    RECORD,
    STREAM_RECORD,
    TYPES,
    VIEW_TYPES,
    AttributeMap,
    AttributeValue,
    Boolean,
    ListAttribute,
    NumberText,
    ObjectShape,
    Shape,
    Text,
    UnknownLeaf,
)

_TEXT_OPERATORS = frozenset({"prefix", "suffix", "equals-ignore-case", "wildcard"})


@dataclass(frozen=True)
class Defect:
    """One contradiction.

    `kind` is a slug, `leaf` the path of the member (`dynamodb.NewImage.status`), `sentence` says what is wrong in plain
    words. `corrected` is the whole pattern with everything put right that can be derived, None where this defect
    cannot. `never_matches` is True when this alone makes the pattern match no record at all.
    """

    kind: str
    leaf: str
    sentence: str
    corrected: str | None
    never_matches: bool


def defects(text: str, *, view_type: str) -> tuple[Defect, ...]:
    """Find the contradictions of one pattern with the records of a stream of this view type, in pattern order.

    An unknown or empty `view_type` leaves out what depends on it. No defects do not mean that something will match:
    values are not known here. Raises BadPattern when the text is no pattern.
    """
    pattern = parse(text)
    found, fixed = _examined(pattern, view_type)
    corrected = write(fixed)
    return tuple(
        Defect(defect.kind, defect.leaf, defect.sentence, corrected if defect.fixable else None, defect.fatal)
        for defect in found
    )


def _examined(pattern: Pattern, view_type: str) -> tuple[list[_FoundDefect], Any]:
    """Examine a pattern; gives what was found and the tree with what could be corrected."""
    look = _Examination(view_type)
    _, fixed = look.at_object(pattern.tree, RECORD, ())
    fixed = look.across(pattern.tree, fixed)
    found = list(dict.fromkeys(look.found))
    if pattern.duplicates:
        # How AWS reads a member written twice is not documented, so nothing about this pattern is certain.
        found = [replace(defect, fatal=False) for defect in found]
        sentence = "The member is written twice; only one of the two may count. Join them into one."
        found += [
            _FoundDefect("duplicate-key", path, sentence, fixable=True, fatal=False) for path in pattern.duplicates
        ]
    return found, fixed


@dataclass(frozen=True)
class _FoundDefect:
    """A contradiction before the corrected text is known."""

    kind: str
    leaf: str
    sentence: str
    fixable: bool
    fatal: bool


def satisfied_by_nothing(node: Any) -> bool:
    """Whether a part of a pattern holds where the record has nothing."""
    if isinstance(node, Mapping):
        return all(
            any(map(satisfied_by_nothing, value)) if is_choice(key, value) else satisfied_by_nothing(value)
            for key, value in node.items()
        )
    return any(map(is_absence, node))


class _Examination:
    """One examination. Each `at_` method says whether its part can hold, and gives the part corrected."""

    def __init__(self, view_type: str) -> None:
        self.view = view_type if view_type in VIEW_TYPES else ""
        self.found: list[_FoundDefect] = []

    def note(self, kind: str, path: tuple[str, ...], sentence: str, *, fatal: bool, fixable: bool = False) -> None:
        """Keep a contradiction."""
        self.found.append(_FoundDefect(kind, ".".join(path), sentence, fixable, fatal))

    def at_member(self, node: Any, shape: Shape, path: tuple[str, ...]) -> tuple[bool, Any]:
        """Examine whatever the pattern says about one member of the record."""
        if isinstance(node, Mapping):
            return self.at_object(node, shape, path)
        if isinstance(shape, (Text, NumberText, Boolean)):
            return self.at_leaf(node, shape, path)
        return (True, node) if isinstance(shape, UnknownLeaf) else self.on_object(node, shape, path)

    def at_object(self, node: Mapping[str, Any], shape: Shape, path: tuple[str, ...]) -> tuple[bool, dict[str, Any]]:
        """Examine the members of an object, which are ANDed, and its `$or`."""
        holds, fixed = True, dict[str, Any]()
        if isinstance(shape, AttributeValue):
            holds = self.one_type(node, path)
        for key, value in node.items():
            if is_choice(key, value):
                here, corrected = self.at_choice(value, shape, path)
            else:
                here, key, corrected = self.named(key, value, shape, path)
            holds = holds and here
            fixed[key] = joined(fixed[key], corrected) if key in fixed else corrected
        return holds, fixed

    def at_choice(self, choices: list[Any], shape: Shape, path: tuple[str, ...]) -> tuple[bool, list[Any]]:
        """Examine alternatives: what is wrong in one of them is fatal only if all of them are impossible."""
        before = len(self.found)
        looked = [self.at_object(choice, shape, path) for choice in choices]
        holds = any(here for here, _ in looked)
        if holds:
            self.found[before:] = [replace(defect, fatal=False) for defect in self.found[before:]]
        return holds, [corrected for _, corrected in looked]

    def named(self, key: str, value: Any, shape: Shape, path: tuple[str, ...]) -> tuple[bool, str, Any]:
        """Examine a named member of an object; gives the name corrected, too."""
        if isinstance(shape, ObjectShape):
            return self.of_record(key, value, shape, path)
        if isinstance(shape, AttributeMap):
            return (*_keyed(key, self.at_member(value, AttributeValue(), (*path, key))),)
        if isinstance(shape, (AttributeValue, ListAttribute)):
            return self.of_value(key, value, shape, path)
        holds = satisfied_by_nothing(value) or isinstance(shape, UnknownLeaf)
        self.note(
            "wrong-type-value",
            (*path, key),
            f"The record has a plain value at {path[-1]}, not an object with members.",
            fatal=not holds,
        )
        return holds, key, value

    def of_record(self, key: str, value: Any, shape: ObjectShape, path: tuple[str, ...]) -> tuple[bool, str, Any]:
        """Examine a member of the record itself or of its `dynamodb` part."""
        here = (*path, key)
        if key in shape.known:
            inner = shape.known[key]
            if key in IMAGES and self.view and self.view not in IMAGES[key]:
                return self.missing_image(key, value, here)
            if key == "StreamViewType" and self.view:
                inner = Text((self.view,), always=True)
            if key == "userIdentity":
                self.ttl_only(here)
            return (*_keyed(key, self.at_member(value, inner, here)),)
        holds = satisfied_by_nothing(value) or not shape.closed
        if shape is RECORD and key in OTHER_SOURCES:
            said = f"{key} belongs to records of other event sources."
            self.note("foreign-key", here, said, fatal=not holds)
            return holds, key, value
        meant = meant_name(key, shape.known)
        if meant:
            self.note("misspelt-key", here, f"The record has no {key}; it has {meant}.", fatal=not holds, fixable=True)
            _, corrected = self.quietly(value, shape.known[meant], here)
            return holds, meant, corrected
        inside = meant_name(key, STREAM_RECORD.known) if shape is RECORD else None
        if inside:
            said = f"{inside} is a member of `dynamodb`, not of the record."
            self.note("missing-dynamodb-wrapper", here, said, fatal=not holds, fixable=True)
            _, moved = self.quietly(value, STREAM_RECORD.known[inside], here)
            return holds, "dynamodb", {inside: moved}
        self.note("unknown-key", here, f"A stream record has no {key} here.", fatal=not holds)
        return holds, key, value

    def missing_image(self, key: str, value: Any, path: tuple[str, ...]) -> tuple[bool, str, Any]:
        """Note an image that the stream's view type leaves out of every record."""
        holds = satisfied_by_nothing(value)
        said = f"The stream's view type is {self.view}, so its records carry no {key}."
        self.note("image-not-in-view", path, said, fatal=not holds)
        _, corrected = self.quietly(value, AttributeMap(), path)
        return holds, key, corrected

    def ttl_only(self, path: tuple[str, ...]) -> None:
        """Note what a filter on `userIdentity` is good for."""
        said = (
            "Only removals by Time to Live carry userIdentity, and in a global table only in the region that removed "
            "the item."
        )
        self.note("ttl-origin-only", path, said, fatal=False)

    def one_type(self, node: Mapping[str, Any], path: tuple[str, ...]) -> bool:
        """Check that a value is not asked to be of two types at once."""
        asked = [key for key, value in node.items() if key in TYPES and not satisfied_by_nothing(value)]
        if len(asked) > 1:
            said = f"A value has one type; this asks for {' and '.join(asked)} at once."
            self.note("conflicting-types", path, said, fatal=True)
        return len(asked) <= 1

    def of_value(self, key: str, value: Any, shape: Shape, path: tuple[str, ...]) -> tuple[bool, str, Any]:
        """Examine a member of an attribute's value: it has to be a type descriptor."""
        here = (*path, key)
        if key in TYPES:
            return (*_keyed(key, self.at_member(value, TYPES[key], here)),)
        holds = satisfied_by_nothing(value)
        if key.upper() in TYPES:
            said = f"Type descriptors are upper case: {key.upper()}."
            self.note("misspelt-key", here, said, fatal=not holds, fixable=True)
            _, corrected = self.quietly(value, TYPES[key.upper()], here)
            return holds, key.upper(), corrected
        said = f"{key} stands where a type descriptor has to; the members of a map stand under M."
        self.note("missing-type-descriptor", here, said, fatal=not holds, fixable=True)
        _, corrected = self.quietly(value, AttributeValue(), here)
        return holds, "M", {key: corrected}

    def quietly(self, node: Any, shape: Shape, path: tuple[str, ...]) -> tuple[bool, Any]:
        """Correct a part that is misplaced: what is wrong in it besides is put right without being told."""
        before = len(self.found)
        looked = self.at_member(node, shape, path)
        del self.found[before:]
        return looked

    def on_object(self, rules: list[Any], shape: Shape, path: tuple[str, ...]) -> tuple[bool, Any]:
        """Examine rules on something that is an object, where rules see nothing."""
        holds = any(map(is_absence, rules))
        asked = [rule for rule in rules if not (isinstance(rule, Mapping) and "exists" in rule)]
        if len(asked) < len(rules):
            effect = "always" if holds else "never"
            said = f"`exists` sees leaves only; on an object it {effect} matches. Ask for a typed value below it."
            self.note("exists-on-non-leaf", path, said, fatal=not holds)
        if not asked:
            return holds, rules
        wrapped = (
            _typed(asked) if isinstance(shape, (AttributeValue, ListAttribute)) and len(asked) == len(rules) else None
        )
        if isinstance(shape, (AttributeValue, ListAttribute)):
            kind, said = "missing-type-descriptor", "The value stands under its type descriptor, as in {}."
            said = said.format(write(wrapped) if wrapped else '{"S": [...]}')
        else:
            kind, said = "value-on-non-leaf", "This is an object with members; a value cannot equal it."
        self.note(kind, path, said, fatal=not holds, fixable=wrapped is not None)
        return holds, wrapped if wrapped is not None else rules

    def at_leaf(self, rules: list[Any], shape: Text | NumberText | Boolean, path: tuple[str, ...]) -> tuple[bool, Any]:
        """Examine the rules of a leaf, which are ORed: the leaf is impossible when each of them is."""
        looked = [impossible(rule, shape, path) for rule in rules]
        holds = any(fault is None or not fault.certain for fault in looked)
        fixed = []
        for rule, fault in zip(rules, looked, strict=True):
            if fault is None:
                fixed.append(rule)
                continue
            fixable = fault.instead is not None
            self.note(fault.kind, path, fault.sentence, fatal=not holds, fixable=fixable)
            fixed.append(fault.instead if fixable else rule)
        return holds, fixed

    def across(self, tree: Mapping[str, Any], fixed: dict[str, Any]) -> dict[str, Any]:
        """Check the event asked for against the images asked for: no removal has a new image."""
        part = tree.get("dynamodb")
        named = tree.get("eventName")
        if not isinstance(part, Mapping) or not isinstance(named, list):
            return fixed
        needed = [name for name in IMAGES if name in part and not satisfied_by_nothing(part[name])]
        events = {event for event in EVENTS if Pattern("", {"eventName": named}).matches({"eventName": event})}
        if not events or not needed or any(all(event in EVENTS_WITH[name] for name in needed) for event in events):
            return fixed
        name = next((name for name in needed if not events & EVENTS_WITH[name]), needed[0])
        other = "OldImage" if name == "NewImage" else "NewImage"
        movable = self.view == "NEW_AND_OLD_IMAGES" and other not in part and bool(events & EVENTS_WITH[other])
        said = f"{' and '.join(sorted(events))} records carry no {' together with '.join(needed)}."
        self.note("image-of-event", ("dynamodb", name), said, fatal=True, fixable=movable)
        if movable:
            inner = fixed["dynamodb"]
            moved = {other if key == name else key: value for key, value in inner.items()}
            return fixed | {"dynamodb": moved}
        return fixed


def _keyed(key: str, looked: tuple[bool, Any]) -> tuple[bool, str, Any]:
    return looked[0], key, looked[1]


def _typed(rules: list[Any]) -> dict[str, Any] | None:
    """Put the descriptor in front of untyped rules, where they tell their type and all tell the same."""
    kinds = {_type_of(rule) for rule in rules}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None:
        return None
    values = [canonical(rule.text) if isinstance(rule, Number) else rule for rule in rules]
    return {kind: [True] if kind == "NULL" else values}


def _type_of(rule: Any) -> str | None:
    """The type that a rule's operand tells: text is S, a number N. Ranges cannot be put into a filter at all."""
    if isinstance(rule, Mapping):
        ((name, operand),) = rule.items()
        if name in _TEXT_OPERATORS:
            return "S"
        banned = operand if isinstance(operand, list) else [operand]
        return "S" if name == "anything-but" and all(isinstance(value, (str, Mapping)) for value in banned) else None
    if isinstance(rule, bool):
        return "BOOL"
    return "NULL" if rule is None else "N" if isinstance(rule, Number) else "S"
