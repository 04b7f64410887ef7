"""Everything that is said about speed, measured side by side in one run: `make bench` writes docs/benchmarks.md.

python bench/benchmarks.py            every part; write the page
python bench/benchmarks.py PART ...   these parts alone; print them, write nothing

The page is not written when a part did not run or came out wrong: not the plain runs' outputs, an incident that was not
done, a broken trigger that was missed.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

import cluster
import growth
import jupyterlab_timing
import many_incidents
import one_incident
import sweep

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
ROUNDS = 3
_LIBRARIES = ("boto3", "papermill", "nbconvert", "matplotlib", "distributed")

_HEAD = """# Benchmarks

Written by `make bench`, which refuses to write when a part did not run or came out wrong. A sandbox in another process
answers every AWS call, {latency} ms late unless said otherwise. Seconds differ from machine to machine: read the
ratios, which are of one run.

{machine}
"""


def _one() -> Iterator[str]:
    found = one_incident.measure(ROUNDS)
    if found.different or not found.compared:
        raise SystemExit(
            f"Outputs differ from those of the plain runs: {', '.join(found.different) or 'none compared'}"
        )
    yield from one_incident.rows(found)
    yield ""
    yield from _paragraphs(one_incident.words(found))
    yield (
        "*Verdict floor*: one interpreter with boto3 that makes the longest chain of calls, one after the other."
        " *Report floor*: the same with pandas and pyplot imported as well. *Verdict only*: `--no-report`. Verdicts,"
        " tables and charts of every cell are held against those of the plain runs, byte for byte, but for the"
        " pseudonyms of people, which differ between any two runs on purpose."
    )


def _many() -> Iterator[str]:
    found = many_incidents.measure()
    yield from many_incidents.rows(found)
    yield ""
    yield from _paragraphs(many_incidents.words(found))


def _sweep() -> Iterator[str]:
    found = list(sweep.rows())
    if not all(row.is_sound for row in found):
        raise SystemExit("A sweep missed what is broken, invented something or was throttled.")
    yield from sweep.table(found)
    yield ""
    yield (
        "The sandbox enforces the rates that AWS grants and answers without delay; three triggers of a hundred are"
        " broken in ways that mapping, table or metrics show. Peak memory is that of the sweeping process."
    )


def _cluster() -> Iterator[str]:
    found = cluster.measure()
    if found.killed_broken or found.killed_found != found.killed_wanted or found.killed_folders != found.killed_wanted:
        raise SystemExit(f"A killed worker lost or doubled something: {found}")
    yield from cluster.rows(found)
    yield ""
    yield from _paragraphs(cluster.words(found))


def _growth() -> Iterator[str]:
    yield from growth.table(growth.rows())
    yield ""
    yield (
        "Each investigation is a process of its own, without a report; the sandbox answers without delay, and its own"
        " work on a hundred times the data is in the seconds, not in the processor seconds."
    )


def _lab() -> Iterator[str]:
    yield from jupyterlab_timing.table(jupyterlab_timing.measure())


PARTS: Mapping[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "one": ("One incident", _one),
    "many": ("Many incidents", _many),
    "sweep": ("A sweep", _sweep),
    "cluster": ("A Dask cluster on loopback", _cluster),
    "growth": ("As the account grows", _growth),
    "lab": ("In JupyterLab", _lab),
}


def _paragraphs(words: Iterator[str]) -> Iterator[str]:
    for paragraph in words:
        yield paragraph
        yield ""


def machine() -> str:
    """Say what was measured on: processors, system, and the versions that matter."""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"Measured on {os.cpu_count()} processors ({platform.machine()}, {platform.system()}), Python"
        f" {platform.python_version()}, {libraries}. {ROUNDS} rounds for one incident, one run for the rest."
    )


def main(names: list[str]) -> int:
    """Measure, and write the page when everything was measured."""
    unknown = sorted(set(names) - set(PARTS))
    if unknown:
        print(f"There is no part {', '.join(unknown)}; there are {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    lines = [_HEAD.format(latency=one_incident.LATENCY_MS, machine=machine()).rstrip()]
    for name in names or PARTS:
        title, measure = PARTS[name]
        print(f"{title} ...", file=sys.stderr, flush=True)
        section = [f"## {title}", "", *measure()]
        print("\n".join(section), end="\n\n", flush=True)
        lines += ["", *section]
    if not names:
        PAGE.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
