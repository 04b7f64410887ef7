"""The index of a batch as one self-contained page: which incident loses records first, and where its report is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.report.render import environment, style

WORDS: Mapping[str, str] = {
    "fault": "Fault",
    "undetermined": "Undetermined",
    "could_not_run": "Could not run",
    "no_fault": "No fault",
}
"""What each outcome of an incident is called, the worst first."""


def render(rows: Sequence[Mapping[str, Any]]) -> str:
    """Give the index of a batch as HTML; `rows` are those of `index.json`, in their order."""
    counts = Counter(row["status"] for row in rows)
    gravest = next((status for status in WORDS if counts[status]), "no_fault")
    return (
        environment()
        .get_template("batch.html.j2")
        .render(
            rows=rows,
            words=WORDS,
            sentence=headline(counts),
            tone="undetermined" if gravest == "could_not_run" else gravest,
            as_of=max((row["as_of"] for row in rows if row["as_of"]), default=None),
            **style(),
        )
    )


def headline(counts: Mapping[str, int]) -> str:
    """Say in one sentence what a batch came to."""
    total = sum(counts.values())
    said = ", ".join(f"{counts[status]} {word.lower()}" for status, word in WORDS.items() if counts[status])
    return f"{total} {'incident' if total == 1 else 'incidents'}: {said}."
