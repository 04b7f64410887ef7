"""The remedies, proved: every card applied to every world it belongs to, and what came of it, as docs/remedies.md.

python bench/remedies.py            every card; write the page
python bench/remedies.py R1 R6 ...  these cards alone; write nothing

The exit code is 1 when a card failed and 2 when not everything ran; nothing is written then.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import remedy_cases
from remedy_cases import AppliedBy, RemedyOutcome, effects_in_words
from remedy_effects import RecordCounts, RecordEffect
from runbook_lib.judging.remedies import REMEDIES

PAGE = Path(__file__).parent.parent / "docs" / "remedies.md"
NOW = datetime(2026, 3, 14, 15, 9, 26, 535_000, tzinfo=UTC)

_HEAD = """# Remedies, proved

Written by `make remedies`, which refuses to write when anything did not run or a card failed. Each card of the kit is
applied to each world of the sandbox that it belongs to, with boto3 over HTTP and by the operation of the card's
command; the kit itself never executes one. The world then lives on. A card is proved when the world ailed before and
goes on ailing when left alone, when every record of the last minutes is delivered afterwards (or whatever else the card
is for), and when the records of the day before are seen to fare as the card says.

*Replayed*: missed before, delivered after. *Duplicated*: delivered before, and again. *Skipped*: missed, and never
delivered. A world's past begins an hour before its change, so what is duplicated is counted over that hour only. The
worlds are ours: they say how the cards do on AWS as it is documented.
"""


def run(number: int) -> RemedyOutcome:
    """Run one pair of card and world, by its number."""
    case, world = remedy_cases.pairs()[number]
    return remedy_cases.run(case, world, NOW)


def line(outcome: RemedyOutcome) -> str:
    """Write one outcome for a terminal."""
    return f"{outcome.case.remedy:4} {outcome.world:32} {'; '.join(outcome.trouble) or 'proved'}"


def render(outcomes: Sequence[RemedyOutcome]) -> str:
    """Write the whole page."""
    return "\n".join([_HEAD, *_counts(outcomes), "", *_rows(outcomes), *_reasons(outcomes)]) + "\n"


def _counts(outcomes: Sequence[RemedyOutcome]) -> Iterator[str]:
    cards: dict[AppliedBy, set[str]] = {how: set() for how in AppliedBy}
    for outcome in outcomes:
        cards[outcome.case.applied_by].add(outcome.case.remedy)
    outside = cards[AppliedBy.OTHERS] - cards[AppliedBy.API]
    seen = Counter(effect for outcome in outcomes for effect in outcome.records.effects)
    yield (
        f"{len(REMEDIES)} cards, {len(outcomes)} pairs of card and world, all proved: {len(cards[AppliedBy.API])} cards"
        f" are executed through the API alone, {len(outside)} besides by others outside the account,"
        f" {len(cards[AppliedBy.ADVICE])} are advice. Records were "
        + ", ".join(f"{effect} in {seen[effect]} pairs" for effect in RecordEffect)
        + "."
    )


def _rows(outcomes: Sequence[RemedyOutcome]) -> Iterator[str]:
    yield "| card | world | applied through | healed within | records: said | seen |"
    yield "|---|---|---|---|---|---|"
    for outcome in outcomes:
        card, case = REMEDIES[outcome.case.remedy], outcome.case
        yield (
            f"| {card.id} {card.title} | {outcome.world} | {case.applied_by}"
            f" | {case.within.total_seconds() / 60:.0f} min"
            f" | {effects_in_words(case.effects)}: “{case.says}” | {_seen(outcome.records)} |"
        )


def _seen(records: RecordCounts) -> str:
    counts = {
        RecordEffect.REPLAYED: records.replayed,
        RecordEffect.DUPLICATED: records.duplicated,
        RecordEffect.SKIPPED: records.skipped,
    }
    return ", ".join(f"{count:,} {effect}" for effect, count in counts.items() if count) or "none"


def _reasons(outcomes: Sequence[RemedyOutcome]) -> Iterator[str]:
    yield "\n## More, or less, than calls\n"
    told_already = dict.fromkeys(
        (outcome.case.remedy, outcome.case.applied_by, outcome.case.reason) for outcome in outcomes
    )
    yield from (f"* **{id}**, {how}: {reason}." for id, how, reason in told_already if how is not AppliedBy.API)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; see the module."""
    parser = argparse.ArgumentParser(description="Apply every remedy card to its worlds and see what comes of it.")
    parser.add_argument("cards", nargs="*", help="cards by id; without any, all of them")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1), help="processes")
    asked = parser.parse_args(arguments)
    everything = remedy_cases.pairs()
    chosen = [number for number, (case, _) in enumerate(everything) if not asked.cards or case.remedy in asked.cards]
    outcomes: list[RemedyOutcome] = []
    with ProcessPoolExecutor(max_workers=asked.jobs) as pool:
        for found in pool.map(run, chosen):
            outcomes.append(found)
            print(line(found), file=sys.stderr)
    missing = (set(asked.cards) or set(REMEDIES)) - {outcome.case.remedy for outcome in outcomes}
    if missing or not outcomes:
        print(f"did not run: {', '.join(sorted(missing))}", file=sys.stderr)
        return 2
    if failed := [outcome for outcome in outcomes if outcome.trouble]:
        print(f"failed: {len(failed)} of {len(outcomes)}", file=sys.stderr)
        return 1
    if not asked.cards:
        PAGE.write_text(render(outcomes), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
