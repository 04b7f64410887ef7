"""When the harm began: estimated from the counters, with the bounds within which the truth lies, and never made up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.signals import Series
from runbook_lib.instant import MILLISECOND
from runbook_lib.measuring.backlog import climb, is_worked_off, kept_up, oldest_unread
from runbook_lib.measuring.births import born_within
from runbook_lib.measuring.pipe import FlowState, Measured, Stage
from runbook_lib.measuring.thresholds import (
    AGE_OUTDATED,
    DELIVERY_SLACK,
    FEWEST_AGES,
    KEEPS_UP,
    LONG_WAIT,
    MOVED_ON,
    SAME_TIME,
    SILENCE,
    STILL_THROTTLED,
    TWO_TROUBLES,
    UNNOTICED,
)


@dataclass(frozen=True)
class Onset:
    """When the harm began, UTC. `at` is the best estimate; the truth lies between `earliest` and `latest`.

    `signals` are the sentences of what it was read from. `never_delivered`: nothing came through in the whole window,
    so that what broke it may lie long before. `before_window`: the harm was there when the window began, and may be
    older than `earliest` says. `until`: the harm ended then, and what is written since is delivered.
    """

    at: datetime
    earliest: datetime
    latest: datetime
    signals: tuple[str, ...]
    refs: tuple[str, ...]
    never_delivered: bool = False
    before_window: bool = False
    until: datetime | None = None

    @property
    def may_be_older(self) -> bool:
        """Whether what broke it may lie any time before: the window does not show when it began."""
        return self.never_delivered or self.before_window


def onset(seen: Measured) -> Onset | None:
    """Estimate when the harm began: None when nothing is known to have stopped, failed or fallen behind.

    Raises NotObserved when the counters it needs could not be read.
    """
    found = _found(seen)
    return found and _as_seen(seen, found)


def _found(seen: Measured) -> Onset | None:
    stopped, failing = seen.stages[Stage.INVOKED], seen.stages[Stage.SUCCEEDED]
    failed = _from_failures(seen) if failing.state is FlowState.STOPPED and failing.since is not None else None
    if stopped.state is FlowState.STOPPED and stopped.since is not None:
        silent = _from_silence(seen, stopped.last, stopped.since, stopped.refs)
        return _harm_before(seen, silent, failed) or silent
    if failed is not None:
        return _one_batch_before(seen, failed) or failed
    return _from_backlog(seen) or _from_throttles(seen)


def _one_batch_before(seen: Measured, failed: Onset) -> Onset | None:
    """Find the one batch that failed among others before no other came: its failures go on as those of all.

    Failures are the sign of it: a backlog that held a burst of records stands as still without any.
    """
    among = failing_since(seen)
    if among is None or among.at >= failed.earliest:
        return None
    backlog = _from_backlog(seen)
    if backlog is not None and backlog.latest <= failed.earliest and among.at <= backlog.latest:
        return backlog
    return among if seen.first_write_after(failed.at) is None else None


def silent_since(seen: Measured) -> Onset | None:
    """Say since when nothing was invoked or handled, where that alone is no harm; None where something was.

    Only for an incident with a cause: on its own a young silence, or one behind a filter, may be none.
    """
    invoked, succeeded = seen.stages[Stage.INVOKED], seen.stages[Stage.SUCCEEDED]
    if invoked.state in (FlowState.SILENT, FlowState.IDLE) and invoked.since is not None:
        return _from_silence(seen, invoked.last, invoked.since, invoked.refs)
    return _from_failures(seen) if succeeded.state is FlowState.SILENT and succeeded.since is not None else None


def _harm_before(seen: Evidence, silent: Onset, failed: Onset | None) -> Onset | None:
    """Find harm that was there when the invocations ended: failures, or a record that had long been waiting.

    Whoever pulls the brake on a failing function makes it fall silent; what waits has waited since the failures.
    """
    before = [onset for onset in (failed, _from_backlog(seen)) if onset and onset.at < silent.earliest - SAME_TIME]
    first = min(before, key=lambda onset: onset.at, default=None)
    if first is None:
        return None
    refs = tuple(dict.fromkeys((*first.refs, *silent.refs)))
    return replace(first, signals=(*first.signals, *silent.signals), refs=refs)


def _from_silence(seen: Measured, last: datetime | None, since: datetime, refs: tuple[str, ...]) -> Onset:
    period = seen.backlog.iterator_age_ms.period
    if last is None:
        return _never_delivered(seen, since, refs)
    first_missed = seen.first_write_after(last)
    words = (
        f"The stream last invoked the function in the minute of {instant.clock(last, seen.as_of)};"
        f" the first write after it was at {instant.clock(first_missed or since, seen.as_of)}."
    )
    latest = (first_missed or since) + period
    return Onset(max(last + period, first_missed or since), last, max(latest, last + 2 * period), (words,), refs)


def _never_delivered(seen: Measured, since: datetime, refs: tuple[str, ...]) -> Onset:
    """Nothing was delivered in the whole window: it began with the first write, and that is no older than its stream.

    Where the window begins with writes, how long it has been so is not seen; what was written before it is gone anyway.
    """
    period = seen.backlog.iterator_age_ms.period
    born, of_what = born_within(seen)
    first = seen.first_write_after(born - period) or since
    if born == seen.window.start and first - born <= 2 * period:
        words = f"Writes go unanswered from the start of the window, {instant.clock(born, seen.as_of)}."
        return Onset(born, born, first + 2 * period, (words,), refs, never_delivered=True)
    after = f" since {of_what} at {instant.clock(born, seen.as_of)}" if of_what else ""
    words = (
        f"Nothing was delivered in the window; the first write in it{after} was at {instant.clock(first, seen.as_of)}."
    )
    at = max(first, born)
    return Onset(at, at, first + 2 * period, (words,), refs, never_delivered=True)


def _from_failures(seen: Measured) -> Onset | None:
    """Every invocation fails: it began with the first failure after the last success."""
    errors = seen.metrics.errors
    last_good = max((at for at, value in seen.success_minutes.items() if value > 0), default=None)
    bad = [at for at, value in errors.points.items() if value > 0 and (last_good is None or at >= last_good)]
    if not bad:
        return None
    first = min(bad)
    words = f"Every invocation has failed since {instant.clock(first, seen.as_of)}."
    earliest = min(first, last_good or first)
    refs = (errors.ref, seen.metrics.invocations.ref)
    return Onset(first, earliest, first + 2 * errors.period, (words,), refs)


def _from_backlog(seen: Evidence) -> Onset | None:
    """Some invocations succeed while one batch waits: the age of what waits says when it was written.

    None where the backlog is worked off: what made it is over.
    """
    age = seen.backlog.iterator_age_ms
    written = oldest_unread(seen.backlog)
    if written is None or len(age.points) < FEWEST_AGES or max(age.points) - written <= LONG_WAIT:
        return None
    if is_worked_off(seen):
        return None
    if (slow := _from_falling_behind(seen, written)) is not None:
        return slow
    floor = instant.floor(written + age.period)
    words = (
        f"The oldest record of the last batches, up to {instant.clock(max(age.points), seen.as_of)}, was written at"
        f" {instant.clock(written, seen.as_of)} (iterator age)."
    )
    return Onset(floor, instant.floor(written), floor + age.period, (words,), (age.ref,))


def _from_falling_behind(seen: Evidence, written: datetime) -> Onset | None:
    """Younger records are delivered, ever later: it began where the age left the ground.

    None where the oldest record was written about then: one batch has waited ever since.
    """
    age = seen.backlog.iterator_age_ms
    on_the_ground = max(kept_up(age), default=None)
    if on_the_ground is None or written - on_the_ground < MOVED_ON:
        return None
    if (stuck := climb(age)) is not None and stuck.start - on_the_ground >= MOVED_ON:
        return _from_climb(seen, age, stuck.start, written)
    late = min(at for at, value in age.points.items() if at > on_the_ground and value > KEEPS_UP / MILLISECOND)
    newest, last = instant.span(timedelta(milliseconds=age.points[max(age.points)])), max(age.points)
    words = f"The iterator age was last below a minute at {instant.clock(on_the_ground, seen.as_of)}, and"
    if seen.window.settled_end - last > AGE_OUTDATED:
        when = instant.clock(last, seen.as_of)
        words += f" was {newest} in the last batches, at {when}; whether more waits is not seen."
    else:
        words += f" has grown to {newest} since, slower than the clock."
    earliest = max(on_the_ground - UNNOTICED, seen.window.start)
    return Onset(on_the_ground, earliest, late + age.period, (words,), (age.ref,))


def _from_climb(seen: Evidence, age: Series, start: datetime, written: datetime) -> Onset:
    """A backlog came forward until `start`, and stands still since: that is another trouble than what had made it.

    What is to blame may be the record itself, which was `written` long before it was tried.
    """
    fell, climbed = (instant.span(timedelta(milliseconds=age.points[at])) for at in (start, max(age.points)))
    words = f"The iterator age was {fell} at {instant.clock(start, seen.as_of)} and has climbed with the clock since,"
    words += f" to {climbed}: older records came through until then, and none since."
    earliest = min(instant.floor(written), start - age.period)
    return Onset(start, earliest, start + 2 * age.period, (words,), (age.ref,))


def _from_throttles(seen: Evidence) -> Onset | None:
    throttles = seen.metrics.throttles
    at = [moment for moment, value in throttles.points.items() if value > 0]
    if not at or seen.window.settled_end - max(at) > STILL_THROTTLED:
        return None
    words = f"Invocations have been throttled since {instant.clock(min(at), seen.as_of)}."
    return Onset(min(at), min(at) - throttles.period, min(at) + throttles.period, (words,), (throttles.ref,))


def failing_since(seen: Evidence) -> Onset | None:
    """Say when failures set in that still go on beside successes; None when nothing fails now.

    Only for an incident with a cause: on its own a function that fails now and then is no incident.
    """
    errors = seen.metrics.errors
    bad = sorted(at for at, value in errors.points.items() if value > 0)
    if not bad or seen.window.settled_end - bad[-1] > TWO_TROUBLES:
        return None
    first = bad[-1]
    for at in reversed(bad):
        if first - at > TWO_TROUBLES:
            break
        first = at
    words = f"Invocations have been failing since {instant.clock(first, seen.as_of)}, among others that succeed."
    found = Onset(first, first - errors.period, first + 2 * errors.period, (words,), (errors.ref,))
    return _as_seen(seen, found)


def _as_seen(seen: Evidence, onset: Onset) -> Onset:
    """Say that the harm may be older than the window, where it was there as soon as anything was counted."""
    return replace(onset, before_window=onset.at - seen.window.start <= 2 * seen.backlog.iterator_age_ms.period)


def fallen_behind(seen: Measured) -> Onset | None:
    """Say since when nothing has come out, or since when some have failed or were left out while others go on.

    A gap that was made up for long ago is the harm of something else.
    """
    return silent_since(seen) or failing_since(seen) or _recent_gap(seen)


def _recent_gap(seen: Measured) -> Onset | None:
    gap = delivery_gap(seen)
    over = gap is not None and gap.until is not None and seen.window.settled_end - gap.until > TWO_TROUBLES
    return None if over else gap


def after_last_delivery(seen: Measured) -> Onset | None:
    """Bound the harm of a cause that no counter shows, as it is too young or has ended the writes themselves.

    None without any delivery.
    """
    last, period = seen.stages[Stage.INVOKED].last, seen.backlog.iterator_age_ms.period
    if last is None:
        return None
    when = instant.clock(last, seen.as_of)
    if seen.stages[Stage.WRITTEN].state is FlowState.IDLE:
        words = f"The stream invoked the function up to {when}, and nothing has been written since."
        latest = last + 2 * period
    else:
        words = f"The stream invoked the function up to {when}; what is newer is not counted yet."
        latest = seen.window.end
    return Onset(last + period, last - period, latest, (words,), seen.stages[Stage.INVOKED].refs)


def delivery_gap(seen: Measured) -> Onset | None:
    """Find the newest stretch of writes that invoked nothing though deliveries went on after it; None if there is none.

    What was written in it may have been delivered late or never: the counters cannot tell.
    """
    age = seen.backlog.iterator_age_ms
    points = sorted(age.points)
    holes = [(before, after) for before, after in pairwise(points) if after - before > SILENCE]
    for before, after in reversed(holes):
        missed = seen.first_write_after(before)
        if missed is not None and missed < after - DELIVERY_SLACK:
            start, end = instant.clock(before, seen.as_of), instant.clock(after, seen.as_of)
            words = f"Between {start} and {end} the table was written to and the stream invoked nothing."
            return Onset(before + age.period, before, missed + age.period, (words,), (age.ref,), until=after)
    return None
