"""Which change set it off.

A change is named only with a mechanism: it has an effect that can bring the cause about, on our own objects,
and the harm began within the lag of that mechanism. The playbook's five minutes are the first window, each cause's own
lag the second; when nothing correlates, the search is widened to 48 hours by whoever collects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.changes import DELIVERY_DELAY
from runbook_lib.interpret.arn import FunctionRef, table_name_of
from runbook_lib.interpret.trail_event import POLL_EVENT_NAME, Effect, TrailEvent, effects
from runbook_lib.measuring.onset import Onset
from runbook_lib.measuring.thresholds import FIRST_WINDOW, MADE_TOGETHER
from runbook_lib.observed import Gap, attempt, known, otherwise


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
class SettingChange:
    """The change that set a cause off. `correlation` says in words why it fits.

    `lag` is onset less change; None for a latent fault, which has harmed nothing yet.
    """

    cause: str
    change: Change
    lag: timedelta | None
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
            "mapping": attempt(lambda: tuple(mapping.uuid.lower() for mapping in seen.mappings.ours)),
            "policy": (
                *otherwise(lambda: tuple(policy.name for policy in seen.role.policies), ()),
                attempt(lambda: known(role).boundary_arn),
            ),
            "key": (attempt(lambda: seen.streams.table.kms_key_arn), attempt(lambda: known(mapped).kms_key_arn)),
        }
        names = {
            kind: {str(name).rsplit("/", 1)[-1] for name in found if name and not isinstance(name, Gap)}
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
    return () if seen.mappings.ours else tuple(mapping.uuid.lower() for mapping in seen.mappings.same_stream)


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


def find_setting_change(
    cause: str, set_off_by: Sequence[str], lag: timedelta, began: Onset | None, changed: Iterable[Change]
) -> SettingChange | None:
    """Find the change that set a cause off; None when no change has the mechanism and a lag that fits.

    Of several, the last one before the onset is named: what came earlier was followed by a working trigger. Counters
    tell an onset to the minute, so a change within that minute is before it; a later one within the onset's bounds
    counts where there is none before. Of several calls that one actor made on one object within minutes, the one whose
    effect stands first in `set_off_by` is named. None is later than the onset's latest bound. Where nothing was ever
    delivered, or the harm is older than the window, it may lie any time before.
    """
    if began is None:
        return None
    fitting = [change for change in changed if change.event.succeeded and _can(change, set_off_by)]
    from_when = datetime.min.replace(tzinfo=UTC) if began.may_be_older else began.earliest - lag
    near = [candidate for candidate in fitting if from_when <= candidate.event.at <= began.latest]
    if not near:
        return None
    before = [candidate for candidate in near if candidate.event.at <= began.at + instant.MINUTE]
    last = (
        max(before, key=lambda candidate: candidate.event.at)
        if before
        else min(near, key=lambda candidate: candidate.event.at)
    )
    burst = [candidate for candidate in before if _made_together(candidate, last)] or [last]
    change = min(burst, key=lambda candidate: (_rank(candidate, set_off_by), last.event.at - candidate.event.at))
    delay = began.at - change.event.at
    return SettingChange(cause, change, delay, _in_words(delay, lag, began))


def find_latent_setting_change(
    cause: str, set_off_by: Sequence[str], changed: Iterable[Change]
) -> SettingChange | None:
    """Find the change that set a latent fault off: the last one with the mechanism, as no onset says more."""
    fitting = [change for change in changed if change.event.succeeded and _can(change, set_off_by)]
    if not fitting:
        return None
    words = "the last change that can have this effect; nothing was harmed yet that it could be held against"
    return SettingChange(cause, max(fitting, key=lambda change: change.event.at), None, words)


def _made_together(change: Change, last: Change) -> bool:
    targets = [{effect.target for effect in change.effects} for change in (change, last)]
    soon = last.event.at - change.event.at <= MADE_TOGETHER
    return soon and change.event.actor == last.event.actor and bool(targets[0] & targets[1])


def _rank(change: Change, set_off_by: Sequence[str]) -> int:
    return min(set_off_by.index(effect.kind) for effect in change.effects if effect.kind in set_off_by)


def _can(change: Change, set_off_by: Sequence[str]) -> bool:
    return any(effect.kind in set_off_by for effect in change.effects)


def _in_words(delay: timedelta, lag: timedelta, began: Onset) -> str:
    side = "before" if delay >= timedelta(0) else "after"
    said = f"{instant.span(delay)} {side} the estimated onset"
    if abs(delay) <= FIRST_WINDOW:
        return f"{said}, within the playbook's 5 minutes, with a mechanism that fits"
    older = not timedelta(0) <= delay <= lag
    if began.before_window and older:
        return f"{said}, which was before the window; the last change that can have this effect is named"
    if began.never_delivered and older:
        return f"{said}; nothing was delivered in the window, so the last change that can have this effect is named"
    return f"{said}, within the {instant.span(lag)} that this mechanism may take"


def coverage(seen: Evidence) -> Coverage:
    """Say how far the search for changes reached. Raises NotObserved when step 9 did not run at all."""
    searched = [search for search in seen.changes.searches if POLL_EVENT_NAME not in search.names]
    missing = [f"{gap.region}: {gap.reason}" for gap in seen.changes.gaps()]
    missing += [
        f"{search.region}: the search was cut short after {search.events} events."
        for search in searched
        if search.truncated
    ]
    return Coverage(
        regions=tuple(dict.fromkeys(search.region for search in searched)),
        accounts=(seen.health.identity.account,),
        start=min((search.window.start for search in searched), default=seen.window.start),
        end=max((search.window.end for search in searched), default=seen.window.end),
        delivered_until=seen.window.end - DELIVERY_DELAY,
        missing=tuple(dict.fromkeys(missing)),
    )
