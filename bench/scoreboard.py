"""The scoreboard: worlds of the sandbox investigated over HTTP, and what came of it, as docs/scoreboard.md.

python bench/scoreboard.py                   every world, and the covering array of `axes`; write the page
python bench/scoreboard.py --denials         every world with every action refused; write that part of the page
python bench/scoreboard.py --sample          a stated sample of both; compare it with the page, write nothing
python bench/scoreboard.py NAME ...          these worlds alone, also with --denials; write nothing
python bench/scoreboard.py --rows N          N rows of the array, evenly spread; write nothing
python bench/scoreboard.py --row NAME ...    these rows, whether of the array or not; write nothing

The exit code is 1 when something is wrong and 2 when nothing ran. Rows of the array that come out wrong stand on the
page; a world that does stops it from being written.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import scoreboard_page
from axes import AxisRow, covering, told
from runbook_lib.permissions import PEEK_ONLY
from runbook_lib.sandbox import trials
from score import (
    FAULT,
    OFFENCES,
    RefusalEffect,
    RowScore,
    Score,
    ScoreCase,
    ScoreResult,
    compare,
    score,
    score_row,
    single_faults,
)
from serve_world import REFUSALS, declared_actions, served_world

T = TypeVar("T")
PAGE = Path(__file__).parent.parent / "docs" / "scoreboard.md"
NOW = datetime(2026, 3, 14, 15, 9, 26, 535_000, tzinfo=UTC)
SEED = 1
SAMPLE_EVERY, SAMPLE_ROWS = 5, 8
MISSPELT_ONLY = frozenset({"dynamodb:ListTables", "lambda:ListFunctions"})
"""What only a misspelt name needs, so that another can be suggested: no world has one, `tests/test_cli.py` has both."""


@dataclass(frozen=True)
class Denial:
    """What one refused action did to the verdict on one world."""

    case: str
    action: str
    how: str
    change: RefusalEffect
    named: tuple[tuple[str, str], ...]


def cases() -> tuple[ScoreCase, ...]:
    """Every world there is."""
    return (*single_faults(), *(ScoreCase(trial.kind, trial.fault, trial.expects) for trial in trials()))


def run(case: ScoreCase, *, denials: bool) -> tuple[Score, tuple[Denial, ...]]:
    """Investigate one world, and again with each action refused where `denials` asks for it."""
    with served_world(case.fault.build(NOW, SEED)) as world:
        whole = world.investigate()
        asked = frozenset(world.live.asked_actions)
        found = score(case, world.world, whole)
        refused: list[Denial] = []
        for action in declared_actions() if denials and case.kind == FAULT else ():
            for how in REFUSALS:
                if action not in asked:
                    refused.append(Denial(case.id, action, how, RefusalEffect.UNASKED, ()))
                    continue
                blinded = world.investigate(action, how=how).diagnosis
                change = compare(case, action, whole.diagnosis, blinded)
                named = tuple((cause.finding.id, str(cause.confidence)) for cause in blinded.causes)
                refused.append(Denial(case.id, action, how, change, named))
    return found, tuple(refused)


def run_all(chosen: Sequence[ScoreCase], *, denials: bool, jobs: int) -> tuple[list[Score], list[Denial]]:
    """Run the cases in several processes, one world at a time in each, and say how it goes."""
    scores: list[Score] = []
    refused: list[Denial] = []
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        for found, more in pool.map(partial(run, denials=denials), chosen):
            scores.append(found)
            refused += more
            print(scoreboard_page.line(found), file=sys.stderr)
            for denial in more:
                if denial.change in OFFENCES:
                    print(
                        f"    {denial.action} {denial.how}: {denial.change}: {scoreboard_page.causes(denial.named)}",
                        file=sys.stderr,
                    )
    return scores, refused


def run_row(row: AxisRow) -> RowScore:
    """Tell a row's world, and investigate it."""
    world, truth = told(row, NOW, SEED)
    with served_world(world) as served:
        return score_row(row, truth, served.investigate().diagnosis)


def run_rows(rows: Sequence[AxisRow], jobs: int) -> list[RowScore]:
    """Run rows in several processes, and say how it goes."""
    scores: list[RowScore] = []
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        for found in pool.map(run_row, rows):
            scores.append(found)
            print(scoreboard_page.row_line(found), file=sys.stderr)
    return scores


def spread(rows: Sequence[T], number: int) -> Sequence[T]:
    """So many of them, evenly spread."""
    return [rows[index * len(rows) // number] for index in range(min(number, len(rows)))]


def never_asked(refused: Sequence[Denial]) -> tuple[str, ...]:
    """Name the actions of the policy that no investigation made a call for: they should not be in it."""
    asked = {denial.action for denial in refused if denial.change is not RefusalEffect.UNASKED}
    return tuple(sorted(set(declared_actions()) - PEEK_ONLY - MISSPELT_ONLY - asked))


def is_wrong(found: Score) -> bool:
    """Whether a case ended in anything but the truth or an abstention."""
    return bool(
        found.result is ScoreResult.WRONG
        or found.set_off_by is ScoreResult.WRONG
        or found.proved_wrong
        or found.trouble
        or found.rules
        or found.optimistic
        or not found.onset_bounded
        or not found.cited
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; see the module."""
    parser = argparse.ArgumentParser(description="Investigate the worlds of the sandbox and keep the score.")
    parser.add_argument("names", nargs="*", help="worlds by name; without any, all of them")
    parser.add_argument("--denials", action="store_true", help="refuse every IAM action in turn")
    parser.add_argument("--sample", action="store_true", help=f"every {SAMPLE_EVERY}th world and {SAMPLE_ROWS} rows")
    parser.add_argument("--rows", type=int, default=0, help="so many rows of the array alone")
    parser.add_argument("--row", nargs="+", type=AxisRow.parse, default=[], help="rows by name")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1), help="processes")
    asked = parser.parse_args(arguments)
    if asked.rows or asked.row:
        found = run_rows(asked.row or spread(covering(), asked.rows), asked.jobs)
        print(scoreboard_page.axes(found))
        return int(any(row.is_wrong for row in found))
    chosen = [case for case in cases() if not asked.names or case.id in asked.names]
    if asked.sample:
        chosen = chosen[::SAMPLE_EVERY]
    scores, refused = run_all(chosen, denials=asked.denials, jobs=asked.jobs)
    if not scores or len(scores) < len(set(asked.names)):
        print("nothing ran, or a name is unknown", file=sys.stderr)
        return 2
    told_wrong = [score.id for score in scores if is_wrong(score)]
    offences = [denial for denial in refused if denial.change in OFFENCES]
    if told_wrong or offences:
        print(f"wrong: {', '.join(told_wrong) or 'none'}; offending refusals: {len(offences)}", file=sys.stderr)
    if asked.names or asked.sample:
        rows = run_rows(spread(covering(), SAMPLE_ROWS), asked.jobs) if asked.sample else []
        worse = scoreboard_page.worse_than(PAGE, scores, rows) if asked.sample else []
        print("\n".join(worse), file=sys.stderr, end="\n" if worse else "")
        return 1 if told_wrong or offences or worse else 0
    idle = never_asked(refused) if asked.denials else ()
    if idle:
        print(f"the policy asks for what no world needs: {', '.join(idle)}", file=sys.stderr)
    if told_wrong or offences or idle:
        return 1
    rows = [] if asked.denials else run_rows(covering(), asked.jobs)
    PAGE.write_text(scoreboard_page.render(scores, rows, refused, before=PAGE), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
