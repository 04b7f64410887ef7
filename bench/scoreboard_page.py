"""The scoreboard as a page of text."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from score import Score, ScoreResult

_ORDER = (ScoreResult.RIGHT, ScoreResult.ABSTAINED, ScoreResult.WRONG)
_HEAD = """# Scoreboard

Written by `make scoreboard`, which refuses to write when anything did not run or came out wrong. Every world is served
over HTTP by the sandbox and investigated with boto3 as an account would be. The worlds are ours: they say how the kit
does on faults as AWS documents them, not on yours.

*Right*: the true cause or causes first, in the order in which they must be repaired; for a world without a cause, no
fault; for a world with a cause outside the catalogue, *undetermined*. *Abstained*: undetermined where a cause could be
known. *Proved wrong* counts causes called proved that are none, *rules* sentences that
contradict each other, repeat themselves or miscount (`bench/verdict_rules.py`); both must be 0.
"""


class RefusedAction(Protocol):
    """What the page needs of a refused action."""

    @property
    def action(self) -> str:
        """The IAM action."""

    @property
    def change(self) -> str:
        """What it did to the verdict."""


def causes(named: Iterable[tuple[str, str]]) -> str:
    """Write causes with how sure they are."""
    return ", ".join(f"{id} ({sure})" for id, sure in named) or "none"


def line(found: Score) -> str:
    """Write one score for a terminal."""
    more = [*found.trouble, *found.rules]
    more += [f"missing {id}" for id in found.missing]
    more += [f"trigger {found.set_off_by}"] if found.set_off_by is not ScoreResult.RIGHT else []
    more += ["optimistic loss clock"] if found.optimistic else []
    more += [] if found.onset_bounded else ["onset outside its bounds"]
    more += [] if found.cited else ["cites other steps"]
    return f"{found.result:9} {found.kind:10} {found.id}: {causes(found.named)}{'; ' if more else ''}{'; '.join(more)}"


def render(scores: Sequence[Score], refused: Sequence[RefusedAction]) -> str:
    """Write the whole page."""
    parts = [_HEAD, "## By kind of world\n", *_kinds(scores), "\n## By confidence\n", *_confidence(scores)]
    parts += ["\n## With one IAM action refused\n", *_refused(refused)]
    parts += ["\n## Every world\n", *_rows(scores)]
    return "\n".join(parts) + "\n"


def _kinds(scores: Sequence[Score]) -> Iterator[str]:
    names = ("kind", "worlds", *_ORDER, "in top 3", "evidence cited", "false causes", "proved wrong", "rules")
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for kind in dict.fromkeys(score.kind for score in scores):
        some = [score for score in scores if score.kind == kind]
        counts = Counter(score.result for score in some)
        told = (
            len(some),
            *(counts[result] for result in _ORDER),
            sum(score.top3 for score in some),
            sum(score.cited for score in some),
            sum(len(score.false_causes) for score in some),
            sum(len(score.proved_wrong) for score in some),
            sum(len(score.rules) for score in some),
        )
        yield f"| {kind} | {' | '.join(map(str, told))} |"
    yield ""
    set_off = Counter(score.set_off_by for score in scores)
    yield f"Change that set it off: {', '.join(f'{set_off[result]} {result}' for result in _ORDER)}.  "
    onsets = sorted(abs(score.onset_error_s) for score in scores if score.onset_error_s is not None)
    outside = sum(not score.onset_bounded for score in scores)
    yield f"{_spread('Error of the onset', onsets)} {outside} outside the stated bounds.  "
    early = sorted(score.deadline_early_s for score in scores if score.deadline_early_s is not None)
    late = sum(score.optimistic for score in scores)
    yield f"{_spread('Loss clock before the true deadline', early)} {late} optimistic."


def _spread(what: str, seconds: Sequence[float]) -> str:
    if not seconds:
        return f"{what}: no world to measure it on."
    return f"{what}: median {statistics.median(seconds):.0f} s, at most {max(seconds):.0f} s on {len(seconds)} worlds."


def _confidence(scores: Sequence[Score]) -> Iterator[str]:
    yield "| word | true causes | false causes |"
    yield "|---|---|---|"
    for word in ("proved", "likely", "suspected"):
        ids = [(id, score) for score in scores for id, sure in score.named if sure == word]
        false = sum(id in score.false_causes for id, score in ids)
        yield f"| {word} | {len(ids) - false} | {false} |"


def _refused(refused: Sequence[RefusedAction]) -> Iterator[str]:
    yield "Each action that a step declares, denied and throttled to exhaustion, in every world with a single fault."
    yield ""
    changes = list(dict.fromkeys(sorted((str(denial.change) for denial in refused), key=str)))
    yield f"| action | {' | '.join(changes)} |"
    yield f"|---{'|---' * len(changes)}|"
    for action in sorted({denial.action for denial in refused}):
        counts = Counter(str(denial.change) for denial in refused if denial.action == action)
        yield f"| `{action}` | {' | '.join(str(counts[change]) for change in changes)} |"


def _rows(scores: Sequence[Score]) -> Iterator[str]:
    yield "| kind | world | result | causes named | trigger | onset error | clock early by |"
    yield "|---|---|---|---|---|---|---|"
    for score in scores:
        yield (
            f"| {score.kind} | {score.id} | {score.result} | {causes(score.named)} | {score.set_off_by}"
            f" | {_seconds(score.onset_error_s)} | {_seconds(score.deadline_early_s)} |"
        )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} s"


def worse_than(page: Path, scores: Iterable[Score]) -> list[str]:
    """Name what came out worse than the committed page says; a world that the page lacks is not compared."""
    if not page.exists():
        return [f"{page.name} does not exist: run make scoreboard"]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in page.read_text(encoding="utf-8").splitlines()]
    said = {row[1]: ScoreResult(row[2]) for row in rows if len(row) == 7 and row[2] in set(_ORDER)}
    return [
        f"{score.id}: {score.result}, the page says {said[score.id]}"
        for score in scores
        if score.id in said and _ORDER.index(score.result) > _ORDER.index(said[score.id])
    ]
