"""When it began, and which change set it off.

The onset is bounded by what was measured, never invented. A change is named as trigger only with a mechanism: it has
an effect that can bring the cause about, on our own objects, and the harm began within the lag of that mechanism.
The playbook's five minutes are the first window, each cause's own lag the second; when nothing correlates, the
search is widened to 48 hours by whoever collects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from runbook_lib import instant
from runbook_lib.evidence import Evidence, Gap, attempt, known, otherwise
from runbook_lib.evidence.changes import DELIVERY_DELAY
from runbook_lib.evidence.signals import LONG_WAIT
from runbook_lib.interpret.arn import FunctionRef, table_name_of
from runbook_lib.interpret.trail_event import POLL_EVENT_NAME, Effect, TrailEvent, effects
from runbook_lib.stages import Stage, Stages, State, first_write_after, success_minutes

FIRST_WINDOW = timedelta(minutes=5)
"""The playbook's own window (diagnosis clause 7)."""

EXTENDED = timedelta(hours=48)
"""How far back the playbook's last paragraph has us look when nothing correlates."""


_HOLE = timedelta(minutes=6)
"""Silence longer than this, with writes in it, is no accident of batching."""

_LULL = timedelta(minutes=30)
"""Failures further apart than this are two troubles."""


@dataclass(frozen=True)
class Onset:
    """When the harm began, UTC. `at` is the best estimate; the truth lies between `earliest` and `latest`.

    `signals` are the sentences of what it was read from.
    """

    at: datetime
    earliest: datetime
    latest: datetime
    signals: tuple[str, ...]
    refs: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """A trail event that concerns our objects. `effects` is empty for a failed one: it changed nothing."""

    event: TrailEvent
    effects: tuple[Effect, ...]

    @property
    def sentence(self) -> str:
        """What the change did, in words; a failed one says so."""
        if not self.event.succeeded:
            return f"{self.event.operation} failed: {self.event.error_code}"
        return "; ".join(effect.detail for effect in self.effects) or self.event.operation


@dataclass(frozen=True)
class Trigger:
    """The change that set a cause off. `lag` is onset less change; `correlation` says in words why it fits."""

    cause: str
    change: Change
    lag: timedelta
    correlation: str


@dataclass(frozen=True)
class Coverage:
    """What the search for changes covered. Absence of a change says nothing outside it.

    `complete` False: a region was not searched, or a search was cut short; `missing` says which.
    """

    regions: tuple[str, ...]
    accounts: tuple[str, ...]
    start: datetime
    end: datetime
    delivered_until: datetime
    missing: tuple[str, ...]


def onset(seen: Evidence, stages: Stages) -> Onset | None:
    """Estimate when the harm began: None when nothing is known to have stopped, failed or fallen behind.

    Raises NotObserved when the counters it needs could not be read.
    """
    stopped = stages[Stage.INVOKED]
    failing = stages[Stage.SUCCEEDED]
    failed = _from_failures(seen) if failing.state is State.STOPPED and failing.since is not None else None
    if stopped.state is State.STOPPED and stopped.since is not None:
        silent = _from_silence(seen, stopped.last, stopped.since, stopped.refs)
        return _harm_before(seen, silent, failed) or silent
    return failed or _from_backlog(seen) or _from_throttles(seen)


def _harm_before(seen: Evidence, silent: Onset, failed: Onset | None) -> Onset | None:
    """Find harm that was there when the invocations ended: failures, or a record that had long been waiting.

    Whoever pulls the brake on a failing function makes it fall silent; what waits has waited since the failures.
    """
    before = [one for one in (failed, _from_backlog(seen)) if one and one.at < silent.earliest - FIRST_WINDOW]
    first = min(before, key=lambda one: one.at, default=None)
    if first is None:
        return None
    refs = tuple(dict.fromkeys((*first.refs, *silent.refs)))
    return replace(first, signals=(*first.signals, *silent.signals), refs=refs)


def _from_silence(seen: Evidence, last: datetime | None, since: datetime, refs: tuple[str, ...]) -> Onset:
    period = seen.backlog.iterator_age_ms.period
    if last is None:
        words = f"Writes go unanswered from the start of the window, {instant.clock(seen.window.start, seen.as_of)}."
        return Onset(seen.window.start, seen.window.start, since, (words,), refs)
    first_missed = first_write_after(seen, last)
    words = (
        f"The stream last invoked the function in the minute of {instant.clock(last, seen.as_of)};"
        f" the first write after it was at {instant.clock(first_missed or since, seen.as_of)}."
    )
    latest = (first_missed or since) + period
    return Onset(max(last + period, first_missed or since), last, max(latest, last + 2 * period), (words,), refs)


def _from_failures(seen: Evidence) -> Onset | None:
    """Every invocation fails: it began with the first failure after the last success."""
    errors = seen.metrics.errors
    last_good = max((at for at, value in success_minutes(seen).items() if value > 0), default=None)
    bad = [at for at, value in errors.points.items() if value > 0 and (last_good is None or at >= last_good)]
    if not bad:
        return None
    first = min(bad)
    words = f"Every invocation has failed since {instant.clock(first, seen.as_of)}."
    earliest = min(first, last_good or first)
    return Onset(first, earliest, first + 2 * errors.period, (words,), (errors.ref, seen.metrics.invocations.ref))


def _from_backlog(seen: Evidence) -> Onset | None:
    """Some invocations succeed while one batch waits: the age of what waits says when it was written.

    None where the backlog is worked off: what made it is over.
    """
    age = seen.backlog.iterator_age_ms
    written = seen.backlog.oldest_unread
    if written is None or len(age.points) < 3 or max(age.points) - written <= LONG_WAIT or seen.backlog.is_worked_off:
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
    on_the_ground = max((at for at, value in age.points.items() if value < _GROUND_MS), default=None)
    if on_the_ground is None or written - on_the_ground < _MOVED_ON:
        return None
    late = min(at for at, value in age.points.items() if at > on_the_ground and value > _GROUND_MS)
    newest, last = instant.span(timedelta(milliseconds=age.points[max(age.points)])), max(age.points)
    words = f"The iterator age was last below a minute at {instant.clock(on_the_ground, seen.as_of)}, and"
    if seen.window.settled_end - last > _OVER:
        when = instant.clock(last, seen.as_of)
        words += f" was {newest} in the last batches, at {when}; whether more waits is not seen."
    else:
        words += f" has grown to {newest} since, slower than the clock."
    earliest = max(on_the_ground - instant.HOUR, seen.window.start)
    return Onset(on_the_ground, earliest, late + age.period, (words,), (age.ref,))


_GROUND_MS = 60_000
_MOVED_ON = timedelta(minutes=10)
_OVER = timedelta(minutes=15)


def _from_throttles(seen: Evidence) -> Onset | None:
    throttles = seen.metrics.throttles
    at = [moment for moment, value in throttles.points.items() if value > 0]
    if not at or throttles.last_positive is None or seen.window.settled_end - throttles.last_positive > FIRST_WINDOW:
        return None
    words = f"Invocations have been throttled since {instant.clock(min(at), seen.as_of)}."
    return Onset(min(at), min(at) - throttles.period, min(at) + throttles.period, (words,), (throttles.ref,))


def failing_since(seen: Evidence) -> Onset | None:
    """Say when failures set in that still go on beside successes; None when nothing fails now.

    Only for an incident with a cause: on its own a function that fails now and then is no incident.
    """
    errors = seen.metrics.errors
    bad = sorted(at for at, value in errors.points.items() if value > 0)
    if not bad or seen.window.settled_end - bad[-1] > _LULL:
        return None
    first = bad[-1]
    for at in reversed(bad):
        if first - at > _LULL:
            break
        first = at
    words = f"Invocations have been failing since {instant.clock(first, seen.as_of)}, among others that succeed."
    return Onset(first, first - errors.period, first + 2 * errors.period, (words,), (errors.ref,))


def delivery_gap(seen: Evidence) -> Onset | None:
    """Find the newest stretch of writes that invoked nothing though deliveries went on after it; None if there is none.

    What was written in it may have been delivered late or never: the counters cannot tell.
    """
    age = seen.backlog.iterator_age_ms
    points = sorted(age.points)
    for before, after in reversed(list(pairwise(points))):
        missed = first_write_after(seen, before)
        if after - before > _HOLE and missed is not None and missed < after - FIRST_WINDOW:
            start, end = instant.clock(before, seen.as_of), instant.clock(after, seen.as_of)
            words = f"Between {start} and {end} the table was written to and the stream invoked nothing."
            return Onset(before + age.period, before, missed + age.period, (words,), (age.ref,))
    return None


# -- changes ---------------------------------------------------------------------------------------------------


def changes(seen: Evidence) -> tuple[Change, ...]:
    """Give the trail's write events that concern the incident's objects, oldest first, failed ones included.

    Raises NotObserved when no part of the trail could be read.
    """
    visible = seen.changes.visible()
    ours = _Objects.of(seen)
    found = (Change(event, effects(event)) for event in visible if not _is_own_call(event))
    return tuple(change for change in found if ours.concern(change))


@dataclass(frozen=True)
class _Objects:
    """The names of everything a change must touch to matter to us."""

    table: str
    function: str
    roles: frozenset[str]
    mappings: frozenset[str]
    neighbours: frozenset[str]
    policies: frozenset[str]
    keys: frozenset[str]

    @classmethod
    def of(cls, seen: Evidence) -> _Objects:
        mapped = attempt(lambda: seen.mappings.function)
        role = attempt(lambda: seen.role.role)
        own = {
            "role": (attempt(lambda: known(mapped).role_arn),),
            "mapping": attempt(lambda: tuple(one.uuid.lower() for one in seen.mappings.ours)),
            "policy": (
                *otherwise(lambda: tuple(policy.name for policy in seen.role.policies), ()),
                attempt(lambda: known(role).boundary_arn),
            ),
            "key": (attempt(lambda: seen.streams.table.kms_key_arn), attempt(lambda: known(mapped).kms_key_arn)),
        }
        names = {
            kind: {str(one).rsplit("/", 1)[-1] for one in found if one and not isinstance(one, Gap)}
            for kind, found in own.items()
            if not isinstance(found, Gap)
        }
        given = {seen.incident.role_name} if seen.incident.role_name else set()
        return cls(
            table=seen.incident.table_name,
            function=seen.incident.function.name,
            roles=frozenset(names.get("role", set()) | given),
            mappings=frozenset(names.get("mapping", set())),
            neighbours=frozenset(otherwise(lambda: _orphaned(seen), ())),
            policies=frozenset(names.get("policy", set())),
            keys=frozenset(names.get("key", set())),
        )

    def concern(self, change: Change) -> bool:
        """Whether a change touches one of ours; a deleted mapping is known by the names in its response."""
        told = change.effects or _attempted(change.event)
        return any(self._is_ours(effect, change.event) for effect in told)

    def _is_ours(self, effect: Effect, event: TrailEvent) -> bool:
        names = {str(value) for value in effect.values.values() if isinstance(value, str)} | {effect.target}
        last = {name.rsplit("/", 1)[-1] for name in names}
        if effect.target_kind == "mapping":
            moved = "functionName" in effect.values.get("changed", ()) and effect.target.lower() in self.neighbours
            return moved or effect.target.lower() in self.mappings or self._connects(event)
        wanted = {
            "table": {self.table},
            "function": {self.function},
            "role": self.roles,
            "policy": self.policies,
            "key": self.keys,
            "log-group": {f"/aws/lambda/{self.function}"},
        }.get(effect.target_kind, set())
        return bool((names | last) & wanted)

    def _connects(self, event: TrailEvent) -> bool:
        """Whether a mapping that is listed no more went from our table to our function, by its own last answer."""
        told = {**event.request, **event.response}
        function = str(told.get("functionArn") or told.get("functionName") or "")
        source = str(told.get("eventSourceArn") or "")
        return _function_name(function) == self.function and (not source or _table_name(source) == self.table)


def _orphaned(seen: Evidence) -> tuple[str, ...]:
    """Give the other mappings of the stream where we have none: one of them may have been ours."""
    return () if seen.mappings.ours else tuple(one.uuid.lower() for one in seen.mappings.same_stream)


def _function_name(text: str) -> str:
    try:
        return FunctionRef.parse(text).name
    except ValueError:
        return ""


def _table_name(text: str) -> str:
    try:
        return table_name_of(text)
    except ValueError:
        return ""


def _attempted(event: TrailEvent) -> tuple[Effect, ...]:
    """What a failed change would have done; it did nothing, but it is a symptom worth a row."""
    return () if event.succeeded else effects(replace(event, error_code=None, error_message=None))


def _is_own_call(event: TrailEvent) -> bool:
    return "stream-trigger-runbook/" in (event.user_agent or "")


def find_trigger(
    cause: str, set_off_by: Sequence[str], lag: timedelta, began: Onset | None, found: Iterable[Change]
) -> Trigger | None:
    """Find the change that set a cause off; None when no change has the mechanism and a lag that fits.

    Of several, the last one before the onset is named: what came earlier was followed by a working trigger. One
    within the bounds of the onset but after its estimate counts where there is none before. Of several calls that one
    actor made on one object within minutes, the one whose effect stands first in `set_off_by` is named.
    """
    if began is None:
        return None
    fitting = [change for change in found if change.event.succeeded and _can(change, set_off_by)]
    near = [one for one in fitting if began.earliest - lag <= one.event.at <= began.latest]
    if not near:
        return None
    before = [one for one in near if one.event.at <= began.at]
    last = max(before, key=lambda one: one.event.at) if before else min(near, key=lambda one: one.event.at)
    burst = [one for one in before if _made_together(one, last)] or [last]
    change = min(burst, key=lambda one: (_rank(one, set_off_by), last.event.at - one.event.at))
    delay = began.at - change.event.at
    return Trigger(cause, change, delay, _in_words(delay, lag))


def _made_together(one: Change, last: Change) -> bool:
    targets = [{effect.target for effect in change.effects} for change in (one, last)]
    soon = last.event.at - one.event.at <= FIRST_WINDOW
    return soon and one.event.actor == last.event.actor and bool(targets[0] & targets[1])


def _rank(change: Change, set_off_by: Sequence[str]) -> int:
    return min(set_off_by.index(effect.kind) for effect in change.effects if effect.kind in set_off_by)


def _can(change: Change, set_off_by: Sequence[str]) -> bool:
    return any(effect.kind in set_off_by for effect in change.effects)


def _in_words(delay: timedelta, lag: timedelta) -> str:
    side = "before" if delay >= timedelta(0) else "after"
    said = f"{instant.span(delay)} {side} the estimated onset"
    if abs(delay) <= FIRST_WINDOW:
        return f"{said}, within the playbook's 5 minutes, with a mechanism that fits"
    return f"{said}, within the {instant.span(lag)} that this mechanism may take"


def coverage(seen: Evidence) -> Coverage:
    """Say how far the search for changes reached. Raises NotObserved when step 9 did not run at all."""
    searched = [one for one in seen.changes.searches if POLL_EVENT_NAME not in one.names]
    missing = [f"{gap.region}: {gap.reason}" for gap in seen.changes.gaps()]
    missing += [
        f"{one.region}: the search was cut short after {one.events} events." for one in searched if one.truncated
    ]
    return Coverage(
        regions=tuple(dict.fromkeys(one.region for one in searched)),
        accounts=(seen.health.identity.account,),
        start=min((one.window.start for one in searched), default=seen.window.start),
        end=max((one.window.end for one in searched), default=seen.window.end),
        delivered_until=seen.window.end - DELIVERY_DELAY,
        missing=tuple(dict.fromkeys(missing)),
    )
