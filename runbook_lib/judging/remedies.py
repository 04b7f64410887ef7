"""What to do: each remedy with its command, its risk, what it does to the records, and how to check that it worked.

A remedy is printed and never executed. Commands hold what was seen; what was not stays a `<placeholder>`.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from dataclasses import replace

from runbook_lib.judging.remedy_cards import CARDS, Remedy

LATEST_WARNING = (
    "This mapping starts at LATEST: any update of it can skip records written in the minutes around the update. Do it"
    " when the table is quiet and compare written with delivered afterwards."
)
"""Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB": stream polling during updates is eventually
consistent."""

REMEDIES: Mapping[str, Remedy] = {card.id: card for card in CARDS}
assert len(REMEDIES) == len(CARDS), "two remedies share an id"


class _Facts(dict[str, str]):
    """What was seen; what was not stays a visible placeholder."""

    def __missing__(self, name: str) -> str:
        return f"<{name}>"


def prescribe(ids: Iterable[str], facts: Mapping[str, str], *, latest: bool) -> tuple[Remedy, ...]:
    """Fill in the remedies of a cause, in order. `latest`: the mapping starts at LATEST, so updating it can skip."""
    known = _Facts(facts)
    filled = []
    for card in (REMEDIES[id] for id in ids):
        text = {
            name: string.Formatter().vformat(getattr(card, name), (), known)
            for name in ("command", "risk", "effect", "precondition", "check")
        }
        if latest and card.touches_mapping:
            text["risk"] = f"{LATEST_WARNING} {text['risk']}"
        filled.append(replace(card, **text))  # type: ignore[arg-type]
    return tuple(filled)
