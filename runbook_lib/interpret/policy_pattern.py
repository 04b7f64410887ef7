"""Matching text against the patterns of an IAM policy when some of the request is not known: true, false or unknown.

Truth follows Kleene: unknown is None, and it spreads only where the answer depends on it. Context keys are
case-insensitive; a key mapped to None is known to be absent from the request, a key not mapped is not known at all.
Sources: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html and
.../reference_policies_elements_resource.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

Truth = bool | None
Context = Mapping[str, str | Sequence[str] | None]

_WITH_VARIABLES = re.compile(r"\$\{(?P<variable>[^}]*)\}|(?P<wildcard>[*?])|[^*?$]+|\$")
_PLAIN = re.compile(r"(?P<variable>(?!))|(?P<wildcard>[*?])|[^*?]+")
_VARIABLE = re.compile(r"\s*(?P<key>[^,]*?)\s*(?:,\s*'(?P<default>[^']*)'\s*)?")


def all_of(truths: Iterable[Truth]) -> Truth:
    """False if any is false, else unknown if any is unknown, else true."""
    seen = set(truths)
    return False if False in seen else None if None in seen else True


def any_of(truths: Iterable[Truth]) -> Truth:
    """True if any is true, else unknown if any is unknown, else false."""
    seen = set(truths)
    return True if True in seen else None if None in seen else False


def negate(truth: Truth) -> Truth:
    """The opposite; unknown stays unknown."""
    return None if truth is None else not truth


def agree(first: Truth, second: Truth) -> Truth:
    """What two possible worlds have in common: their shared truth, or unknown where they differ."""
    return first if first is second else None


def lowered(context: Context) -> Context:
    """The context with its keys in lower case, as every lookup here expects them."""
    return {key.lower(): value for key, value in context.items()}


def matches(
    pattern: str, text: str, context: Context | None, *, wildcards: bool = True, any_case: bool = False
) -> Truth:
    """Whether `text` as a whole fits the pattern; unknown only where that hangs on a variable that is not known.

    `*` stands for any characters, also across colons and slashes, `?` for one. (IAM lets a `*` run past a colon only
    at the end of an ARN segment; patterns for which that makes a difference are not valid ARNs.) `context`, its keys
    in lower case, gives the variables their values; None means that `${...}` is plain text, as in actions and in
    documents older than Version 2012-10-17. A variable known to have no value makes the pattern fit nothing.
    """
    pieces, known = _pieces(pattern, context, wildcards)
    if known is False:
        return False
    first, *rest = pieces
    # Atomic groups: each piece takes its first fit for good, so no policy can make the search exponential.
    middle = "".join(f"(?>.*?{piece})" for piece in rest[:-1])
    expression = f"{first}{middle}.*{rest[-1]}" if rest else first
    fits = re.fullmatch(expression, text, re.DOTALL | (re.IGNORECASE if any_case else 0))
    return known if fits else False


def _pieces(pattern: str, context: Context | None, wildcards: bool) -> tuple[list[str], Truth]:
    """The regular expressions between the stars, and whether every variable in the pattern has a known value.

    A variable that is not known counts as a star: whatever it holds, a text that does not fit then never will.
    """
    pieces: list[str] = [""]
    known: list[Truth] = [True]
    for token in (_PLAIN if context is None else _WITH_VARIABLES).finditer(pattern):
        if token["variable"] is not None:
            has_value, value = _value(token["variable"], context or {})
            known.append(has_value)
            if has_value is None:
                pieces.append("")
            pieces[-1] += re.escape(value)
        elif token["wildcard"] == "*" and wildcards:
            pieces.append("")
        else:
            pieces[-1] += "." if token["wildcard"] == "?" and wildcards else re.escape(token[0])
    return pieces, all_of(known)


def _value(variable: str, context: Context) -> tuple[Truth, str]:
    """Whether `${variable}` has a value in this request (or unknown), and that value; `${*}` and its like are text."""
    if variable in {"*", "?", "$"}:
        return True, variable
    found = _VARIABLE.fullmatch(variable)
    if not found or found["key"].lower() not in context:
        return None, ""
    value = context[found["key"].lower()]
    if value is None:
        return found["default"] is not None, found["default"] or ""
    return (True, value) if isinstance(value, str) else (None, "")
