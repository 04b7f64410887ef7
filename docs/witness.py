"""The page of what was observed of AWS and the sandbox obeys."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from pieces import code, document, link, table
from runbook_lib.sandbox.observations import OBSERVATIONS, SOURCES, Observation


def page() -> str:
    """The page."""
    intro = (
        "The sandbox plays AWS as it was seen, with AWS's defaults, also where a finding of the kit is wrong then. Each"
        " row is an observation, where it comes from, when and how often it was made, and the test that holds the"
        " sandbox to it. What is not *decisive* was seen once, inferred or reported only: the sandbox does so, and no"
        " finding may rest upon it alone.\n\n" + "\n".join(f"- **{name}**: {text}" for name, text in SOURCES.items())
    )
    parts = [
        f"## {about}\n\n" + table(("AWS", "source", "seen", "decisive", "held by"), _rows(rows))
        for about, rows in groupby(OBSERVATIONS, key=lambda one: one.about)
    ]
    return document("What was observed of AWS", intro, *parts)


def _rows(observations: Iterator[Observation]) -> Iterator[tuple[str, ...]]:
    for one in observations:
        file, _, name = one.test.partition("::")
        held = link(code(name), f"../tests/sandbox/{file}")
        yield one.says, one.source, one.seen, "yes" if one.decisive else "no", held
