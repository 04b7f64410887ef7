"""The scoreboard as a page of text."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from axes import AXES, TELLINGS, UNPLAYED
from runbook_lib.judging.diagnosis import Status
from score import RowScore, Score, ScoreResult, Wrong

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


def row_line(found: RowScore) -> str:
    """Write one row's score for a terminal."""
    more = "; ".join(found.wrong)
    said = f"{found.result:9} {found.row.id}: {found.said}, {causes(found.named)}{'; ' if more else ''}{more}"
    return f"{said}\n          {found.clocks}" if found.is_wrong else said


def render(scores: Sequence[Score], rows: Sequence[RowScore], refused: Sequence[RefusedAction], *, before: Path) -> str:
    """Write the whole page. What was not run, rows or refused actions, is taken from the page before."""
    parts = [_HEAD, "## By kind of world\n", *_kinds(scores), "\n## By confidence\n", *_confidence(scores)]
    parts += ["", axes(rows) if rows else _kept(before, _AXES)]
    parts += ["", "\n".join((f"{_REFUSED}\n", *_refused(refused))) if refused else _kept(before, _REFUSED)]
    parts += ["\n## Every world\n", *_rows(scores)]
    return "\n".join(parts) + "\n"


_AXES, _REFUSED = "## By age, history, settings and traffic", "## With one IAM action refused"


def _kept(page: Path, title: str) -> str:
    """A section of the page as it is."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    _, found, rest = text.partition(title)
    return (title + rest.partition("\n## ")[0]).rstrip() if found else f"{title}\n\nNot run yet."


def axes(rows: Sequence[RowScore]) -> str:
    """Write the section about the covering array: results by value of each axis, and what came out wrong by name."""
    told = f"""{_AXES}

{len(TELLINGS)} faults of the catalogue told anew, {len(rows)} worlds, so that each value of an axis meets each value of
every other (pairwise) where the story allows both. `python bench/scoreboard.py --row NAME` runs one. Left out, as the
sandbox cannot play it there yet: {", ".join(UNPLAYED)}. *Healthy*: no_fault, of the worlds in which nothing is wrong.
"""
    heads = ("axis", "value", "worlds", *_ORDER, *Wrong, "healthy")
    found = [told, f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for axis, values in {**AXES, "fault": tuple(TELLINGS)}.items():
        for value in values:
            some = [row for row in rows if getattr(row.row, axis) == value]
            if some:
                found.append(f"| {axis} | {value} | {' | '.join(_counted(some))} |")
    found.append(f"| all | | {' | '.join(_counted(rows))} |")
    wrong = [row for row in rows if row.is_wrong]
    if wrong:
        found += ["", "| row | result | said | causes named | wrong |", "|---|---|---|---|---|"]
    for row in wrong:
        found.append(
            f"| `{row.row.id}` | {row.result} | {row.said} | {causes(row.named)} | {', '.join(row.wrong) or '-'} |"
        )
    return "\n".join([*found, *_abstained(rows)])


def _abstained(rows: Sequence[RowScore]) -> Iterator[str]:
    """List the worlds of which the kit does not say what is wrong, with what it says that it lacks."""
    some = [row for row in rows if row.result is ScoreResult.ABSTAINED]
    if some:
        yield "\nWhat is left undetermined, and the sign that it lacks:\n"
        yield "| row | in truth | said |"
        yield "|---|---|---|"
    for row in some:
        yield f"| `{row.row.id}` | {'healthy' if row.healthy else 'broken'} | {row.lacks} |"


def _counted(rows: Sequence[RowScore]) -> Iterator[str]:
    """The cells of some rows: how many, their results, what was wrong, and how many healthy ones were found so."""
    yield str(len(rows))
    results, wrong = Counter(row.result for row in rows), Counter(kind for row in rows for kind in row.wrong)
    yield from (str(results[result]) for result in _ORDER)
    yield from (str(wrong[kind]) for kind in Wrong)
    healthy = [row for row in rows if row.healthy]
    yield f"{sum(row.said is Status.NO_FAULT for row in healthy)} of {len(healthy)}" if healthy else "-"


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


def worse_than(page: Path, scores: Iterable[Score], rows: Iterable[RowScore]) -> list[str]:
    """Name what came out worse than the committed page says; a world that the page lacks is not compared.

    Of the rows the page lists those that came out wrong; any other one must be right, or abstained.
    """
    if not page.exists():
        return [f"{page.name} does not exist: run make scoreboard"]
    text = page.read_text(encoding="utf-8")
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()]
    said = {row[1]: ScoreResult(row[2]) for row in cells if len(row) == 7 and row[2] in set(_ORDER)}
    worse = [
        f"{score.id}: {score.result}, the page says {said[score.id]}"
        for score in scores
        if score.id in said and _ORDER.index(score.result) > _ORDER.index(said[score.id])
    ]
    listed = {row[0].strip("`"): row[4] for row in cells if len(row) == 5}
    worse += [
        f"{row.row.id}: {row.result}, {', '.join(row.wrong)}; the page says {listed.get(row.row.id, 'nothing wrong')}"
        for row in rows
        if _AXES in text and row.is_wrong and row.row.id not in listed
    ]
    return worse
