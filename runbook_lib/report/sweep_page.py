"""A sweep as one self-contained page: no script, no request, every word that AWS sent escaped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runbook_lib.report.render import environment, style

WORDS: Mapping[str, str] = {
    "fault": "Fault",
    "suspect": "Broken, cause not examined",
    "not_examined": "Not examined",
    "quiet": "Nothing to deliver",
    "nothing_seen": "Nothing wrong seen",
}
"""What each outcome of a trigger is called; none is called healthy."""

_WRONG = ("fault", "suspect", "not_examined")


def sweep_page(document: Mapping[str, Any], beside: Path) -> str:
    """Give the document of a sweep as HTML; reports of full investigations are linked to from the folder `beside`."""
    rows = [{**trigger, "link": _link(trigger["investigation"], beside)} for trigger in document["triggers"]]
    return (
        environment()
        .get_template("sweep.html.j2")
        .render(
            sweep=document,
            wrong=[trigger for trigger in rows if trigger["outcome"] in _WRONG],
            others=[trigger for trigger in rows if trigger["outcome"] not in _WRONG],
            words=WORDS,
            sentence=headline(document),
            tone={0: "no_fault", 1: "fault"}.get(document["exit_code"], "undetermined"),
            **style(),
        )
    )


def headline(document: Mapping[str, Any]) -> str:
    """Say in one sentence what the sweep came to."""
    counts = document["counts"]
    total = sum(counts.values())
    said = [f"{counts[key]:,} {WORDS[key].lower()}" for key in WORDS if counts[key]]
    unseen = sum(1 for area in document["areas"] if area["error"] or area["gaps"])
    more = f" {unseen} of {len(document['areas'])} areas could not be seen in full." if unseen else ""
    if not said:
        return f"No trigger found.{more}"
    return f"{total:,} {'trigger' if total == 1 else 'triggers'}: {', '.join(said)}.{more}"


def _link(investigation: Mapping[str, Any] | None, beside: Path) -> str:
    """Give the way to an investigation's report from the page's own folder."""
    report = (investigation or {}).get("report")
    return Path(os.path.relpath(report, beside)).as_posix() if report else ""
