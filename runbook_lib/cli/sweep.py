"""`runbook sweep` on the command line: its arguments, its table, its files."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runbook_lib import instant
from runbook_lib.archive.record import write_document
from runbook_lib.errors import BadParameters
from runbook_lib.showing.markup import visible

_SHOWN = ("fault", "suspect", "not_examined")
_MOST_SHOWN = 40
_LEAST = 40
"""Characters of a sentence that are shown, however narrow the terminal."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sweep` takes."""
    parser.add_argument("--region", nargs="+", action="extend", required=True, metavar="R", help="regions to sweep")
    parser.add_argument(
        "--account-role",
        nargs="+",
        action="extend",
        default=[],
        metavar="ARN",
        help="sweep the accounts of these roles, each by assuming it (default: the caller's own)",
    )
    parser.add_argument("--investigate", action="store_true", help="investigate in full whatever is broken")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes that investigate (1)")
    parser.add_argument("--archive", type=Path, default=Path("archive"), metavar="DIR", help="where run folders go")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the outcome as a page, too")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the outcome as JUnit XML, too")
    parser.add_argument("--timeout", type=float, default=900, metavar="S", help="ask AWS no longer than this (900)")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")


def sweep(chosen: argparse.Namespace) -> int:
    """Sweep what is asked for; the exit code is the gravest of all."""
    from runbook_lib.sweep.area import Area
    from runbook_lib.sweep.everywhere import SweepOptions, sweep_all

    if chosen.workers < 1:
        raise BadParameters(f"--workers is {chosen.workers}.", "Give 1 or more.")
    regions, roles = list(dict.fromkeys(chosen.region)), list(dict.fromkeys(chosen.account_role))
    areas = [Area(region, role) for role in roles or [None] for region in regions]
    wanted = SweepOptions(chosen.archive, chosen.investigate, chosen.workers, chosen.timeout)
    document = sweep_all(areas, wanted, None if chosen.json or not sys.stderr.isatty() else _say)
    return show(document, chosen.json, html=chosen.html, junit=chosen.junit)


def replay(folder: Path, *, as_json: bool) -> int:
    """Judge a recorded sweep of one area again."""
    from runbook_lib.sweep import everywhere

    return show(everywhere.replay(folder), as_json)


def show(document: Mapping[str, Any], as_json: bool, *, html: Path | None = None, junit: Path | None = None) -> int:
    """Print the outcome, write the files that were asked for, and give the exit code."""
    if html is not None:
        from runbook_lib.report.sweep_page import sweep_page

        write_document(html, sweep_page(document, html.parent))
    if junit is not None:
        from runbook_lib.report.sweep_junit import sweep_junit

        write_document(junit, sweep_junit(document))
    print(json.dumps(document, indent=2) if as_json else table(document))
    return int(document["exit_code"])


def table(document: Mapping[str, Any]) -> str:
    """Give the outcome as text: who loses data first, what could not be seen, what is left over, the counts."""
    wrong = [trigger for trigger in document["triggers"] if trigger["outcome"] in _SHOWN]
    rows = [_row(trigger, document["as_of"]) for trigger in wrong[:_MOST_SHOWN]]
    lines = _columns((("OUTCOME", "LOST FROM", "TRIGGER", "WHERE", "", "WHAT"), *rows)) if rows else []
    if len(wrong) > _MOST_SHOWN:
        lines.append(f"and {len(wrong) - _MOST_SHOWN} more; --json and --html have all")
    for area in document["areas"]:
        where = f"{area['account'] or area['role'] or 'own account'} {area['region']}"
        unseen = (area["error"], *(gap["reason"] for gap in area["gaps"]))
        lines += [f"Not seen   {where}: {text}" for text in unseen if text]
    for mapping in document["dead_mappings"]:
        lines.append(f"Dead       mapping {mapping['uuid']} in {mapping['region']}: {mapping['because']}")
    for stream in document["orphaned_streams"]:
        lines.append(f"Unread     {stream['stream_arn']}: no mapping reads it; other readers cannot be seen")
    counts = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in document["counts"].items() if count)
    calls = sum(area["calls"] for area in document["areas"])
    lines.append(f"Triggers   {counts or 'none'}; {calls:,} calls")
    lines.append(f"Not examined by a sweep: {'; '.join(document['not_examined'])}.")
    return "\n".join(visible(line) for line in lines)


def _row(trigger: Mapping[str, Any], as_of: str) -> tuple[str, ...]:
    loss = trigger["loss"]
    when = instant.clock(instant.parse(loss["deadline"]), instant.parse(as_of)) if loss["deadline"] else "-"
    looked = trigger["investigation"]
    sentence = f"Investigated: {looked['sentence']}" if looked else trigger["sentence"]
    return (
        trigger["outcome"].replace("_", " "),
        "now" if loss["state"] == "losing" else when,
        f"{trigger['table']} -> {trigger['function']}",
        f"{trigger['account']} {trigger['region']}",
        "".join(f"{cause['id']} " for cause in trigger["causes"]),
        sentence,
    )


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Set rows in columns. The last two are one, of which the sentence is cut at the edge of the terminal."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 2)]
    room = shutil.get_terminal_size((160, 24)).columns - sum(widths) - 2 * len(widths)
    return [
        "  ".join((*map(str.ljust, row[:-2], widths), row[-2] + _cut(row[-1], max(_LEAST, room - len(row[-2])))))
        for row in rows
    ]


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _say(words: str) -> None:
    print(f"  {visible(words)}", file=sys.stderr)
