"""What would have shown the incident sooner, or cost less: proposed only where the evidence shows that it is missing.

Apart from the repair. A proposal has no owner and no date; those are for people to give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from runbook_lib.evidence import Evidence
from runbook_lib.evidence.changes import EVENT_HISTORY
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.interpret.trail_event import POLL_EVENT_NAME
from runbook_lib.observed import NotObserved


@dataclass(frozen=True)
class Proposal:
    """One proposed action: its slug, what to do, the observation that speaks for it, and the recorded calls."""

    id: str
    what: str
    why: str
    refs: tuple[str, ...]


def propose(seen: Evidence) -> tuple[Proposal, ...]:
    """Give what the evidence supports, in the order in which it helps; where it could not look it proposes nothing."""
    return tuple(proposal for look in _LOOKS for proposal in _supported(look, seen))


def _supported(look: Callable[[Evidence], Iterator[Proposal]], seen: Evidence) -> tuple[Proposal, ...]:
    try:
        return tuple(look(seen))
    except NotObserved:
        return ()


def _silence(seen: Evidence) -> Iterator[Proposal]:
    """A dead trigger leaves no datapoint, so only an alarm to which missing data are a breach can tell of it."""
    alarms, name = seen.metrics.alarms, seen.incident.function.name
    watching = [alarm for alarm in alarms.found if alarm.metric == "Invocations"]
    if any(alarm.missing == "breaching" for alarm in watching):
        return
    what = f"Alarm on the silence of {name}: Invocations below 1, with missing data treated as breaching."
    if watching:
        told = ", ".join(f"{alarm.name} treats missing data as {alarm.missing}" for alarm in watching)
        why = f"{told}, and Lambda reports no datapoint for a function that nobody invokes."
    else:
        why = f"No alarm on the Invocations of {name} by themselves was found."
    yield Proposal("alarm-on-silence", what, why, (alarms.invocations_ref, *(alarm.ref for alarm in watching)))


def _age(seen: Evidence) -> Iterator[Proposal]:
    alarms, name = seen.metrics.alarms, seen.incident.function.name
    if not any(alarm.metric == "IteratorAge" for alarm in alarms.found):
        yield Proposal(
            "alarm-on-age",
            f"Alarm on the IteratorAge of {name}: it tells of records that wait long before they are lost.",
            f"No alarm on the IteratorAge of {name} by itself was found.",
            (alarms.age_ref,),
        )


def _retries(seen: Evidence) -> Iterator[Proposal]:
    for mapping in seen.mappings.ours:
        if mapping.maximum_retry_attempts == -1 and mapping.maximum_record_age_s == -1:
            yield Proposal(
                "limit-retries",
                f"Limit the retries of mapping {mapping.uuid}, and send what it gives up to an on-failure destination.",
                "It retries a failing batch until its records expire, a day later, and all behind them wait.",
                (mapping.ref,),
            )


def _destination(seen: Evidence) -> Iterator[Proposal]:
    for mapping in seen.mappings.ours:
        if not mapping.failure_destination and (
            mapping.maximum_retry_attempts != -1 or mapping.maximum_record_age_s != -1
        ):
            yield Proposal(
                "on-failure-destination",
                f"Give mapping {mapping.uuid} an on-failure destination.",
                f"It gives up on records ({_limits(mapping)}) and leaves no trace of which.",
                (mapping.ref,),
            )


def _limits(mapping: EventSourceMapping) -> str:
    """Say after what a mapping gives up."""
    told = {"retries": mapping.maximum_retry_attempts, "seconds of age": mapping.maximum_record_age_s}
    return " or ".join(f"after {number:,} {what}" for what, number in told.items() if number != -1)


def _event_count(seen: Evidence) -> Iterator[Proposal]:
    for mapping in seen.mappings.ours:
        if not mapping.counts_events:
            yield Proposal(
                "count-events",
                f"Switch the EventCount metrics of mapping {mapping.uuid} on.",
                "Without them no metric shows what it polls, filters out and drops.",
                (mapping.ref,),
            )


def _trail(seen: Evidence) -> Iterator[Proposal]:
    cut = [search for search in seen.changes.searches if search.truncated and search.source == EVENT_HISTORY]
    short = [search for search in cut if POLL_EVENT_NAME not in search.names]
    if short:
        yield Proposal(
            "trail-to-logs",
            "Deliver a trail to a CloudWatch Logs group, and name it as cloudtrail_log_group.",
            f"Event history answers two searches a second, and {len(short)} of them had to be cut short.",
            tuple(dict.fromkeys(search.ref for search in short)),
        )


_LOOKS = (_silence, _age, _retries, _destination, _event_count, _trail)
