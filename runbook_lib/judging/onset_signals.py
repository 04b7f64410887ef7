"""What else tells when the harm began: the first failure in the log, the mapping's own state, the poller's footprint.

The onset is estimated from counters. Whatever else carries a time is held against it and named, whether it agrees or
not: an estimate that other signals speak against must not look surer than it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.findings.mapping import expected_to_deliver
from runbook_lib.measuring.onset import Onset
from runbook_lib.measuring.thresholds import DESCRIBED_EVERY, REPEATED_FAILURE, SAME_TIME
from runbook_lib.observed import otherwise


@dataclass(frozen=True)
class _Signal:
    """Something else that carries a time: the sentence that tells it, when it was, how far it may be off before."""

    words: str
    at: datetime
    ref: str
    early: timedelta = timedelta(0)


def corroborated(seen: Evidence, began: Onset | None) -> Onset | None:
    """Add to an onset the other signals of its time; None stays None, as nothing else than counters tells of harm."""
    if began is None:
        return None
    words, refs = list(began.signals), list(began.refs)
    for signal in _signals(seen):
        agrees = began.earliest - SAME_TIME - signal.early <= signal.at <= began.latest + SAME_TIME
        words.append(signal.words if agrees else f"Not of the same time: {signal.words[0].lower()}{signal.words[1:]}")
        refs.append(signal.ref)
    return replace(began, signals=tuple(words), refs=tuple(dict.fromkeys(refs)))


def _signals(seen: Evidence) -> Iterator[_Signal]:
    for look in (_first_failure, _state, _last_poll):
        found = otherwise(lambda look=look: look(seen), None)  # type: ignore[misc]
        if found is not None:
            yield found


def _first_failure(seen: Evidence) -> _Signal | None:
    """The first line of the most frequent failure that the log still repeats."""
    going_on = [
        error_class for error_class in seen.logs.errors if error_class.last >= seen.window.end - REPEATED_FAILURE
    ]
    if not going_on:
        return None
    first = going_on[0].first
    words = f"The log first shows the failure that it still repeats at {instant.clock(first, seen.as_of)}."
    return _Signal(words, first, seen.logs.ref)


def _state(seen: Evidence) -> _Signal | None:
    """A mapping that is not Enabled: when it last changed, to the minute, as AWS tells it."""
    changed = [
        mapping for mapping in expected_to_deliver(seen) if not mapping.enabled and mapping.last_modified is not None
    ]
    if not changed or changed[0].last_modified is None:
        return None
    mapping, at = changed[0], changed[0].last_modified
    words = f"Mapping {mapping.uuid[:8]} became {mapping.state} in the minute of {instant.clock(at, seen.as_of)}."
    return _Signal(words, at, mapping.ref, early=instant.MINUTE)


def _last_poll(seen: Evidence) -> _Signal | None:
    """The last successful call of the pollers that work with the function's role, where they made none since.

    They may have polled on, unseen, for some minutes.
    """
    arns = {mapping.event_source_arn for mapping in expected_to_deliver(seen)}
    session = f":assumed-role/{seen.mappings.function.role_arn.rpartition('/')[2]}/"
    ours = (event for event in seen.changes.polls if session in event.actor and event.request.get("streamArn") in arns)
    polls = [event.at for event in ours if event.succeeded]
    if not polls or seen.window.end - max(polls) < 2 * DESCRIBED_EVERY:
        return None
    last = max(polls)
    words = f"The trail last shows the poller at work on the stream at {instant.clock(last, seen.as_of)}."
    return _Signal(words, last, "run", early=DESCRIBED_EVERY)
