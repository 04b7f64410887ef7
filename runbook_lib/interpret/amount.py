"""Numbers with what they count: one is singular, and none is said in a word. All pure functions."""

from __future__ import annotations

import re

_VERBS = {"were": "was", "are": "is", "read": "reads"}
_SINGULAR = ((re.compile(r"(ch|sh|ss|x)es$"), r"\1"), (re.compile(r"ies$"), "y"), (re.compile(r"s$"), ""))


def amount(number: float, plural: str) -> str:
    """Say a number with what it counts: `amount(1, "write requests were")` is `1 write request was`.

    `plural` is nouns, the last of them the one that is counted, and after it a verb where one follows at once. Zero is
    `no write requests were`.
    """
    if round(number) == 1:
        return f"1 {_one(plural)}"
    return f"{number:,.0f} {plural}" if round(number) else f"no {plural}"


def were(number: float) -> str:
    """Give the verb that stands apart from what is counted: `was` of one."""
    return "was" if round(number) == 1 else "were"


def begun(sentence: str) -> str:
    """Write the first letter large, where a sentence begins with a number that may be none."""
    return sentence[:1].upper() + sentence[1:]


def _one(plural: str) -> str:
    *words, last = plural.split(" ")
    if last in _VERBS and words:
        return f"{_one(' '.join(words))} {_VERBS[last]}"
    for ending, singular in _SINGULAR:
        if ending.search(last):
            return " ".join((*words, ending.sub(singular, last)))
    return plural
