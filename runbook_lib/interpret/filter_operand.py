"""Why one rule of a filter's leaf can hold of no value: what is compared is not written as the record writes it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from runbook_lib.interpret.filter_rule import Number, Pattern, is_absence, write
from runbook_lib.interpret.filter_shape import SYNONYMS, Boolean, NumberText, Text


@dataclass(frozen=True)
class RuleFault:
    """Why one rule of a leaf cannot hold, and the rule to put instead; `certain` is False for a mere doubt."""

    kind: str
    sentence: str
    instead: Any = None
    certain: bool = True


def impossible(rule: Any, shape: Text | NumberText | Boolean, path: tuple[str, ...]) -> RuleFault | None:
    """Say why a rule can hold of no value of this shape; None when it can."""
    if is_absence(rule):
        always = isinstance(shape, Text) and shape.always
        return RuleFault("always-present", f"Every record has {path[-1]}.") if always else None
    listed = isinstance(shape, Text) and bool(shape.values)
    if isinstance(rule, Mapping) and ("exists" in rule or ("anything-but" in rule and not listed)):
        return None
    if isinstance(shape, Text):
        return _not_text(rule, shape, path)
    return _not_numeral(rule) if isinstance(shape, NumberText) else _not_truth(rule, shape)


def _not_text(rule: Any, shape: Text, path: tuple[str, ...]) -> RuleFault | None:
    if isinstance(rule, Number):
        said = f"The value is text and never equals the number {rule.text}."
        return RuleFault("wrong-type-value", said, rule.text)
    if rule is None or isinstance(rule, bool) or (isinstance(rule, Mapping) and "numeric" in rule):
        return RuleFault("wrong-type-value", f"The value is text and never satisfies {write(rule)}.")
    if not shape.values or Pattern("", {"value": [rule]}).matches({"value": list(shape.values)}):
        return None
    meant = (SYNONYMS.get(rule.upper()) or meant_name(rule, shape.values)) if isinstance(rule, str) else None
    meant = meant if meant in shape.values else None
    said = f"{path[-1]} is {' or '.join(shape.values)}, never {write(rule)}."
    return RuleFault("misspelt-value", said, meant)


_DIGITS = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")


def _not_numeral(rule: Any) -> RuleFault | None:
    if isinstance(rule, Number):
        said = f"DynamoDB writes numbers as text: {write(canonical(rule.text))}, not {rule.text}."
        return RuleFault("number-literal", said, canonical(rule.text))
    if isinstance(rule, Mapping):
        comparison = rule.get("numeric")
        if comparison is None:
            return None
        exact = comparison[0] == "=" and len(comparison) == 2
        said = "Numbers stand in the record as text, which `numeric` never matches."
        return RuleFault("numeric-on-number", said, canonical(comparison[1].text) if exact else None)
    if not isinstance(rule, str) or not _DIGITS.fullmatch(rule):
        return RuleFault("wrong-type-value", f"The value is a number written as text and never equals {write(rule)}.")
    plain = canonical(rule)
    if plain == rule:
        return None
    said = f"DynamoDB trims zeros and signs: it writes {write(plain)}, not {write(rule)}."
    return RuleFault("number-literal", said, plain, certain=False)


def _not_truth(rule: Any, shape: Boolean) -> RuleFault | None:
    if isinstance(rule, bool) and shape.only in (None, rule):
        return None
    value = shape.only if shape.only is not None else {"true": True, "false": False}.get(str(rule).lower())
    return RuleFault("wrong-type-value", f"The value is the JSON boolean true or false, never {write(rule)}.", value)


def canonical(text: str) -> str:
    """Write a number as DynamoDB does, without leading or trailing zeros; leave what is beyond its range as it is."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite() or abs(number.adjusted()) > 38 or len(text) > 60:
        return text
    plain = format(number.normalize(Context(prec=60)), "f")
    return "0" if number == 0 else plain


def meant_name(key: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one stands for, by its letters whatever their case, or nearly."""
    by_case = {name.lower(): name for name in known}
    close = difflib.get_close_matches(key.lower(), by_case, n=1, cutoff=0.8)
    return by_case.get(key.lower()) or (by_case[close[0]] if close else None)
