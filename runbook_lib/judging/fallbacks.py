"""When nothing correlates: the alternatives of the playbook's last paragraph, each looked at and answered.

A cause that no change set off, or a break without a cause, still leaves gradual problems, dependencies, habits of the
trigger, and limits. Every section says what it looked at and what it found, or that it could not look.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.changes import EXTENDED
from runbook_lib.evidence.signals import Series
from runbook_lib.interpret.amount import amount
from runbook_lib.measuring.pipe import Measured
from runbook_lib.measuring.setting_change import Change
from runbook_lib.measuring.thresholds import (
    DRIFT_FEWEST,
    DRIFT_HOURS,
    DRIFT_RISE,
    HABIT_DAYS,
    LONG_BATCHING,
    NEAR_EXPIRY,
    NOTABLE_AGE,
)
from runbook_lib.observed import NotObserved, known, otherwise


@dataclass(frozen=True)
class Fallback:
    """One alternative: its slug, its title, what was found (`answer`), whether that is `notable`, and the evidence."""

    id: str
    title: str
    answer: str
    notable: bool
    refs: tuple[str, ...]


_Answer = tuple[str, bool, tuple[str, ...]]
_Look = Callable[[Measured, tuple[Change, ...]], _Answer]


def review(seen: Measured, changes: tuple[Change, ...]) -> tuple[Fallback, ...]:
    """Look at every alternative; what could not be seen says so in its place."""
    found = []
    for id, (title, look) in _REVIEW.items():
        try:
            answer, notable, refs = look(seen, changes)
        except NotObserved as unseen:
            answer, notable, refs = f"Not examined: {unseen.gap.reason}", False, (unseen.gap.ref,)
        found.append(Fallback(id, title, answer, notable, tuple(ref for ref in refs if ref)))
    return tuple(found)


def _extended(seen: Evidence, changes: tuple[Change, ...]) -> _Answer:
    searches = seen.changes.searches if known(seen.changes.regional) is not None else ()
    start = min((search.window.start for search in searches), default=seen.window.start)
    reach = seen.window.end - start
    older = [change for change in changes if change.event.at < seen.window.start and change.event.succeeded]
    refs = tuple(search.ref for search in searches)
    words = f"Changes were searched {instant.span(reach)} back"
    if reach < EXTENDED:
        return f"{words}; a wider search was not needed.", False, refs
    if not older:
        return f"{words} and none older than the window concerns this trigger.", False, refs
    said = "; ".join(f"{instant.clock(change.event.at)} {change.sentence}" for change in older[-3:])
    return f"{words}: {said}", True, refs


def _record_age(seen: Evidence, _: tuple[Change, ...]) -> _Answer:
    age = seen.backlog.iterator_age_ms
    newest = seen.backlog.last_age
    if newest is None:
        return "The iterator age has no datapoint in the window: nothing was invoked by a stream.", True, (age.ref,)
    at, length = newest
    words = f"At {instant.clock(at, seen.as_of)} the oldest record of a batch was {instant.span(length)} old."
    return words, length > NOTABLE_AGE, (age.ref,)


def _concurrency(seen: Evidence, _: tuple[Change, ...]) -> _Answer:
    limits, metrics = seen.metrics.concurrency, seen.metrics
    peak, total = metrics.concurrent.peak, sum(metrics.throttles.points.values())
    reserved = "unreserved" if limits.reserved is None else f"reserved at {limits.reserved}"
    used = amount(peak, "executions") if peak is not None else "no datapoints of executions"
    throttled = f"throttled {amount(total, 'times')}" if total else "never throttled"
    words = (
        f"The function is {reserved}, ran {used} at once at most and was {throttled};"
        f" the account allows {limits.account_limit:,}."
    )
    return (
        words,
        total > 0 or limits.reserved == 0,
        (limits.reserved_ref, limits.account_ref, metrics.throttles.ref),
    )


def _gradual(seen: Evidence, _: tuple[Change, ...]) -> _Answer:
    age, throttles = seen.backlog.iterator_age_ms, seen.metrics.throttles
    drifts = [_drift(age, "iterator age"), _drift(throttles, "throttling")]
    words = " ".join(filter(None, drifts)) or "Neither the iterator age nor throttling drifts over the hours."
    return words, any(drifts), (age.ref, throttles.ref)


def _drift(series: Series, name: str) -> str:
    """Say whether hourly medians rise over at least four hours with data, ending at twice their start or more."""
    hours: dict[int, list[float]] = {}
    for at, value in series.points.items():
        hours.setdefault(int(at.timestamp() // 3600), []).append(value)
    medians = [sorted(values)[len(values) // 2] for _, values in sorted(hours.items())][-DRIFT_HOURS:]
    rising = len(medians) >= DRIFT_FEWEST and all(later >= earlier for earlier, later in itertools.pairwise(medians))
    if not rising or medians[-1] < DRIFT_RISE * medians[0] or medians[-1] <= 0:
        return ""
    start, end = (_amount(value, series.unit) for value in (medians[0], medians[-1]))
    return f"The {name} rises hour by hour, from {start} to {end} (hourly medians)."


def _amount(value: float, unit: str) -> str:
    return instant.span(timedelta(milliseconds=value)) if unit == "ms" else f"{value:,.0f}"


def _view_type(seen: Evidence, _: tuple[Change, ...]) -> _Answer:
    table = seen.streams.table
    carried = table.view_type or "none"
    return f"The stream's view type is {carried}.", carried not in ("NEW_AND_OLD_IMAGES", "none"), (table.ref,)


def _dependencies(seen: Evidence, _: tuple[Change, ...]) -> _Answer:
    function = seen.mappings.function
    updated = function.update_status or "not given"
    state = f"Function {function.label} is {function.state or 'gone'}; its last update is {updated}."
    open_events = otherwise(lambda: [event for event in seen.health.events if event.status == "open"], None)
    health = "AWS Health could not be asked."
    if open_events is not None:
        health = f"AWS Health lists {amount(len(open_events), 'open events')}."
    return f"{state} {health}", bool(open_events) or function.state not in ("Active", ""), (function.ref,)


def _history(seen: Evidence, _: tuple[Change, ...]) -> _Answer:
    """Look for hours of earlier days in which the table was written to and the function stood still."""
    invoked, written = seen.metrics.hourly_invocations, seen.metrics.hourly_writes
    refs = (invoked.ref,)
    days = {at.date() for at, value in invoked.points.items() if value > 0}
    if len(days) < HABIT_DAYS:
        return f"The function was invoked on {len(days)} of the last 7 days: too few to see a habit.", False, refs
    today = seen.window.start
    stalls = [at for at, value in written.points.items() if value > 0 and not invoked.points.get(at) and at < today]
    if not stalls:
        return "On the days before, every hour with writes had invocations.", False, refs
    hours = ", ".join(instant.clock(at) for at in sorted(stalls)[-4:])
    stalled = amount(len(stalls), "hours")
    return f"On earlier days {stalled} with writes had no invocation, the last: {hours}.", True, refs


def _iterator_expiry(seen: Evidence, _: tuple[Change, ...]) -> _Answer:
    age = seen.backlog.iterator_age_ms
    peak = age.peak or 0.0
    near = peak > NEAR_EXPIRY * instant.RETENTION / instant.MILLISECOND
    words = "The iterator age came close to the 24 hours that a record lives: records expired before they were read."
    if not near:
        words = (
            "The iterator age stayed clear of the 24 hours that a record lives. Lambda renews its own iterators; one"
            " that another reader holds expires after 15 minutes."
        )
    return words, near, (age.ref,)


def _batching(seen: Measured, _: tuple[Change, ...]) -> _Answer:
    ours = seen.mappings.ours
    if not ours:
        return "There is no mapping whose batch size could matter.", False, (seen.mappings.ref,)
    mapping = ours[0]
    most, written = amount(mapping.batch_size, "records"), amount(sum(seen.write_minutes.values()), "write requests")
    words = (
        f"Batches hold up to {most}, wait up to {mapping.batching_window_s} s and are worked on"
        f" {mapping.parallelization_factor} at a time per shard; {written} came in the window."
    )
    return words, mapping.batching_window_s >= LONG_BATCHING or mapping.tumbling_window_s > 0, (mapping.ref,)


_REVIEW: dict[str, tuple[str, _Look]] = {
    "extended-window": ("Changes of the last 48 hours", _extended),
    "record-age": ("Age of stream records", _record_age),
    "concurrency-limits": ("Concurrency limits", _concurrency),
    "gradual-drift": ("Gradual problems", _gradual),
    "view-type": ("Stream view type", _view_type),
    "dependencies": ("Health of function and services", _dependencies),
    "history": ("The same stall on earlier days", _history),
    "iterator-expiry": ("Expired shard iterators", _iterator_expiry),
    "batch-size": ("Batch size and windows", _batching),
}
"""In the order of the playbook's last paragraph."""
