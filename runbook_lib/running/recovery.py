"""Did the repair work? Two runs compared: what is fixed, what still fails, what is new, and whether what waits drains.

"Recovered" needs data newer than the repair: a stream invoked the function in a whole period after the last change
that is known, and with success. A second run that finds no cause without having seen that says so instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

from runbook_lib import instant
from runbook_lib.archive.record import EVIDENCE, Record
from runbook_lib.errors import BadArchive
from runbook_lib.evidence import Evidence
from runbook_lib.findings import FINDINGS, Trait
from runbook_lib.measuring.pipe import Measured
from runbook_lib.measuring.setting_change import changes
from runbook_lib.measuring.thresholds import KEEPS_UP, LOSS_OVER, STANDS_STILL, TREND_AGES, TREND_FEWEST
from runbook_lib.observed import otherwise
from runbook_lib.running.investigation import Investigation

_PAST_LOSS = frozenset(finding.id for finding in FINDINGS.values() if Trait.PAST_LOSS in finding.traits)


class RecoveryOutcome(StrEnum):
    """What became of an incident between two runs."""

    RECOVERED = "recovered"
    DRAINING = "recovering"
    STILL_FAILING = "still failing"
    NOT_SHOWN = "not shown to have recovered"
    SOUND = "nothing was wrong in either run"


_EXIT_CODES = {
    RecoveryOutcome.RECOVERED: 0,
    RecoveryOutcome.SOUND: 0,
    RecoveryOutcome.STILL_FAILING: 1,
    RecoveryOutcome.DRAINING: 2,
    RecoveryOutcome.NOT_SHOWN: 2,
}


@dataclass(frozen=True)
class Trend:
    """How the iterator age moves: its newest value, and by how much of a second it grows in a second."""

    at: datetime
    age: timedelta
    slope: float

    @property
    def drained_at(self) -> datetime | None:
        """When what waits is handed over if it goes on like this; None where it does not drain, or has drained."""
        if self.age <= KEEPS_UP or self.slope > -STANDS_STILL:
            return None
        return self.at + (self.age - KEEPS_UP) / -self.slope

    @property
    def sentence(self) -> str:
        """The trend in words."""
        words = f"The iterator age was {instant.span(self.age)} at {instant.clock(self.at, self.at)}"
        if self.age <= KEEPS_UP:
            return f"{words}: nothing waits."
        if abs(self.slope) < STANDS_STILL:
            return f"{words} and does not change."
        pace = f"by {instant.span(abs(self.slope) * instant.MINUTE)} a minute"
        if self.drained_at is None:
            return f"{words} and rises {pace}."
        through = instant.clock(self.drained_at, self.at)
        return f"{words} and falls {pace}: at that rate what waits is handed over by {through}."


@dataclass(frozen=True)
class Recovery:
    """The comparison of two runs, by finding ids, with the sentence that sums it up.

    `unseen` are causes of the first run that the second could not look for; `over` are causes that
    the second run still names for what they cost, and that cost nothing since the repair.
    `repaired` is the last change known between the runs, or else the first run's clock; `handled` the start of the
    newest period in which a stream invoked the function with success.
    """

    outcome: RecoveryOutcome
    fixed: tuple[str, ...]
    still: tuple[str, ...]
    new: tuple[str, ...]
    unseen: tuple[str, ...]
    over: tuple[str, ...]
    sentence: str
    repaired: datetime
    handled: datetime | None
    trend: Trend | None

    @property
    def exit_code(self) -> int:
        """0 recovered or sound, 1 still failing or newly broken, 2 not shown, or not done yet."""
        return _EXIT_CODES[self.outcome]

    @property
    def is_draining(self) -> bool:
        """Whether all that is left is what waits, as the sentence already says."""
        return self.outcome is RecoveryOutcome.DRAINING

    def to_json(self) -> dict[str, Any]:
        """Give the comparison as plain JSON values; times are ISO 8601 UTC, ages in seconds."""
        trend = self.trend
        return {
            "outcome": self.outcome.value,
            "sentence": self.sentence,
            "fixed": list(self.fixed),
            "still": list(self.still),
            "new": list(self.new),
            "unseen": list(self.unseen),
            "over": list(self.over),
            "repaired_at": instant.iso(self.repaired),
            "handled_at": instant.iso(self.handled) if self.handled else None,
            "iterator_age": trend and {
                "at": instant.iso(trend.at),
                "age_s": round(trend.age.total_seconds(), 1),
                "slope": round(trend.slope, 3),
                "drained_at": instant.iso(trend.drained_at.replace(microsecond=0)) if trend.drained_at else None,
            },
        }  # fmt: skip


def compare(before: Path, after: Path) -> Recovery:
    """Compare two run folders of one incident. Raises BadArchive where one is no finished run, or is the later one."""
    first, second = _verdict(before), _verdict(after)
    if first["as_of"] >= second["as_of"]:
        raise BadArchive(f"{after} is not later than {before}.", "Give the run before the repair first.")
    investigation = Investigation(Record.read(after / EVIDENCE))
    investigation.collect()
    since = _Since(Measured(investigation.evidence), instant.parse(first["as_of"]))
    was, now = (_ids(run, "causes", "latent") for run in (first, second))
    over = tuple(finding_id for finding_id in now if finding_id in _PAST_LOSS and since.nothing_fails)
    unseen = tuple(finding_id for finding_id in was if finding_id in _ids(second, "undetermined"))
    fixed = tuple(finding_id for finding_id in was if finding_id not in (*now, *unseen))
    still = tuple(finding_id for finding_id in was if finding_id in now and finding_id not in over)
    new = tuple(finding_id for finding_id in now if finding_id not in was and finding_id not in over)
    outcome, sentence = _judged(first, second, still + new, unseen, over, since)
    return Recovery(outcome, fixed, still, new, unseen, over, sentence, since.repaired, since.handled, since.trend)


def _verdict(folder: Path) -> dict[str, Any]:
    try:
        verdict: dict[str, Any] = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BadArchive(f"{folder} holds no readable verdict.json.", "Run `runbook replay` on it first.") from None
    return verdict


def _ids(verdict: dict[str, Any], *kinds: str) -> tuple[str, ...]:
    return tuple(entry["id"] for kind in kinds for entry in verdict[kind])


class _Since:
    """What the second run saw of the time since the repair; what could not be read is taken for not seen."""

    def __init__(self, seen: Measured, first: datetime) -> None:
        self.seen = seen
        self.repaired = max((first, *_known_changes(seen, first)))
        self.handled = otherwise(lambda: _handled(seen), None)
        self.trend = otherwise(lambda: _trend(seen, self.repaired), None)

    def said(self, moment: datetime) -> str:
        """Say a moment beside the second run's clock."""
        return instant.clock(moment, self.seen.as_of)

    @property
    def shows(self) -> bool:
        """Whether the function was invoked with success in a whole period after the repair."""
        return self.handled is not None and self.handled >= self.repaired

    @property
    def too_fresh(self) -> bool:
        """Whether the repair is younger than the newest metrics."""
        return self.seen.window.settled_end <= self.repaired + instant.MINUTE

    @property
    def nothing_fails(self) -> bool:
        """Whether no invocation failed since the repair, for long enough to tell."""
        last = otherwise(lambda: self.seen.metrics.errors.last_positive, self.seen.as_of)
        until = self.handled or self.repaired
        return self.shows and until - self.repaired >= LOSS_OVER and (last is None or last < self.repaired)

    @property
    def nobody_wrote(self) -> bool:
        """Whether nothing is seen to have been written since the repair, in data that reach beyond it."""
        return (
            not self.too_fresh
            and otherwise(lambda: self.seen.first_write_after(self.repaired), self.seen.as_of) is None
        )


def _known_changes(seen: Evidence, first: datetime) -> Iterator[datetime]:
    """Give the changes of our objects since the first run, from the trail (which lags) and the objects themselves."""
    found = [change.event.at for change in otherwise(lambda: changes(seen), ()) if change.effects]
    found += [mapping.last_modified for mapping in otherwise(lambda: seen.mappings.ours, ()) if mapping.last_modified]
    function = otherwise(lambda: seen.mappings.function.last_modified, None)
    yield from (at for at in (*found, *([function] if function else [])) if at > first)


def _handled(seen: Measured) -> datetime | None:
    """Find the newest period in which a stream invoked the function, and some invocation succeeded."""
    good = seen.success_minutes
    return max((at for at in seen.backlog.iterator_age_ms.points if good.get(at, 0) > 0), default=None)


def _trend(seen: Evidence, since: datetime) -> Trend | None:
    """Fit a line to the newest iterator ages since the repair; None where there are too few."""
    points = sorted((at for at in seen.backlog.iterator_age_ms.points if at >= since), reverse=True)
    newest = list(islice(points, TREND_AGES))
    if len(newest) < TREND_FEWEST:
        return None
    ages = [seen.backlog.iterator_age_ms.points[at] / 1000 for at in newest]
    seconds = [(at - newest[0]).total_seconds() for at in newest]
    middle, mean = sum(seconds) / len(seconds), sum(ages) / len(ages)
    spread = sum((x - middle) ** 2 for x in seconds)
    slope = sum((x - middle) * (y - mean) for x, y in zip(seconds, ages, strict=True)) / spread
    return Trend(newest[0], timedelta(seconds=ages[0]), slope)


def _judged(
    first: dict[str, Any], second: dict[str, Any], failing: tuple[str, ...], unseen: tuple[str, ...],
    over: tuple[str, ...], since: _Since,
) -> tuple[RecoveryOutcome, str]:  # fmt: skip
    """Decide what became of it: whatever speaks against recovery comes first."""
    if failing:
        changed = since.repaired > instant.parse(first["as_of"]) and since.too_fresh
        hint = f" Since the change at {since.said(since.repaired)} there are no data yet." if changed else ""
        return RecoveryOutcome.STILL_FAILING, f"Still failing: {', '.join(failing)}.{hint}"
    if first["status"] == second["status"] == "no_fault":
        return RecoveryOutcome.SOUND, "Nothing was wrong in either run."
    if unseen:
        words = f"the second run could not look for {', '.join(unseen)}."
        return RecoveryOutcome.NOT_SHOWN, f"Not shown to have recovered: {words}"
    if not since.shows:
        return RecoveryOutcome.NOT_SHOWN, f"Not shown to have recovered: {_unseen(since)}"
    if since.trend is not None and since.trend.drained_at is not None:
        return (
            RecoveryOutcome.DRAINING,
            f"Recovering: records are handled again, and what waits drains. {since.trend.sentence}",
        )
    if second["status"] != "no_fault" and not over:
        return RecoveryOutcome.NOT_SHOWN, f"Not shown to have recovered: {second['sentence']}"
    assert since.handled is not None
    words = f"records are handled again, the last seen at {since.said(since.handled)}."
    lost = " What was given up before stays lost." if over else ""
    return RecoveryOutcome.RECOVERED, f"Recovered: {words}{lost}"


def _unseen(since: _Since) -> str:
    words = f"no record is seen to have been handled since {since.said(since.repaired)}"
    if since.nobody_wrote:
        return f"{words}, nor is any seen to have been written. Write to the table and look again."
    return f"{words}. Look again in a few minutes; metrics lag."
