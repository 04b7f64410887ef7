"""Who else is hurt? The playbook's clause 8, as a prior and never as proof.

Each mapping keeps its own position in the stream, so one consumer that works does not clear the stream for another,
and one that fails does not convict it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.evidence.signals import Series
from runbook_lib.interpret.amount import amount
from runbook_lib.measuring.pipe import Measured
from runbook_lib.measuring.thresholds import DELIVERY_SLACK, USED_UP
from runbook_lib.observed import NotObserved, otherwise


class NeighbourRelation(StrEnum):
    """How a neighbour is related to the incident."""

    SAME_STREAM = "another function on the same table"
    SAME_FUNCTION = "another source of the same function"
    ACCOUNT = "the account's other functions"


class Reach(StrEnum):
    """How far the harm seems to reach."""

    FUNCTION = "function-specific"
    STREAM = "stream-wide"
    PLATFORM = "platform-wide"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Neighbour:
    """One neighbour: whether it works, is hurt, or could not be told (None), and what that was read from."""

    name: str
    relation: NeighbourRelation
    works: bool | None
    basis: str
    refs: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """The neighbours, and how far the harm seems to reach."""

    neighbours: tuple[Neighbour, ...]
    reach: Reach
    sentence: str


def compare(seen: Measured, *, hurt: bool) -> Comparison:
    """Compare the incident's function with its neighbours; what could not be seen is left out or told as unknown.

    `hurt`: the function itself is seen to be stopped, failing or behind.
    """
    found = (*_unseen_free(_same_stream(seen)), *_unseen_free(_same_function(seen)), *_unseen_free(_account(seen)))
    reach, sentence = _reach(found, hurt=hurt)
    return Comparison(found, reach, sentence)


def _unseen_free(looks: Iterator[Neighbour]) -> tuple[Neighbour, ...]:
    found: list[Neighbour] = []
    try:
        for neighbour in looks:
            found.append(neighbour)  # noqa: PERF402 - what was found before it raised is kept
    except NotObserved:
        pass
    return tuple(found)


def _same_stream(seen: Measured) -> Iterator[Neighbour]:
    for mapping in seen.mappings.same_stream:
        name = mapping.function.name
        series = otherwise(lambda: seen.metrics.siblings, {}).get(name)
        works, basis = _works(seen, mapping, series)
        refs = (mapping.ref, series.ref) if series else (mapping.ref,)
        yield Neighbour(name, NeighbourRelation.SAME_STREAM, works, basis, refs)


def _works(seen: Measured, mapping: EventSourceMapping, invocations: Series | None) -> tuple[bool | None, str]:
    """A neighbour works when it was invoked after the newest write that had time to reach it."""
    if mapping.state != "Enabled":
        return None, f"Its mapping is {mapping.state}, so it tells nothing."
    latest = otherwise(lambda: seen.streams.table.latest_stream_arn, None)
    if latest and mapping.event_source_arn != latest:
        return False, "Its mapping reads an old stream, like one left behind."
    if invocations is None or not invocations.points:
        return None, "Its invocations have no datapoints."
    last = invocations.last_positive
    if last is None:
        return False, "It was not invoked in the window."
    missed = otherwise(lambda: seen.first_write_after(last + DELIVERY_SLACK), None)
    at = instant.clock(last, seen.as_of)
    if missed is not None and missed < seen.window.settled_end - DELIVERY_SLACK:
        return False, f"It was last invoked at {at}, and writes went on."
    return True, f"It was invoked up to {at}."


def _same_function(seen: Evidence) -> Iterator[Neighbour]:
    for mapping in seen.mappings.same_function:
        result = mapping.processing
        works = None if result.text is None else not result.is_problem
        basis = f"Its mapping is {mapping.state}; its last result is {result.text or 'not given'}."
        yield Neighbour(
            mapping.event_source_arn.rsplit(":", 1)[-1], NeighbourRelation.SAME_FUNCTION, works, basis, (mapping.ref,)
        )


def _account(seen: Evidence) -> Iterator[Neighbour]:
    limit, series = seen.metrics.concurrency.account_limit, seen.metrics.account_concurrent
    peak = series.peak
    if peak is None:
        return
    full = peak >= USED_UP * limit
    words = f"The account ran {amount(peak, 'executions')} at once at its peak, of {limit:,} allowed."
    refs = (series.ref, seen.metrics.concurrency.account_ref)
    yield Neighbour("concurrency", NeighbourRelation.ACCOUNT, not full, words, refs)


def _reach(neighbours: tuple[Neighbour, ...], *, hurt: bool) -> tuple[Reach, str]:
    peers = [
        neighbour
        for neighbour in neighbours
        if neighbour.relation is NeighbourRelation.SAME_STREAM and neighbour.works is not None
    ]
    if not hurt:
        return Reach.UNKNOWN, "The function itself is not seen to be hurt, so there is nothing to compare."
    if any(neighbour.relation is NeighbourRelation.ACCOUNT and neighbour.works is False for neighbour in neighbours):
        return Reach.PLATFORM, "The account's concurrency is used up, which hurts every function of it."
    if not peers:
        return Reach.UNKNOWN, "No other function reads the table's stream, so nothing can be compared."
    names = ", ".join(sorted(neighbour.name for neighbour in peers))
    if all(neighbour.works for neighbour in peers):
        return Reach.FUNCTION, f"The same stream triggers {names}: look at this function and its mapping first."
    if not any(neighbour.works for neighbour in peers):
        return Reach.STREAM, f"The same stream does not trigger {names} either: look at the stream first."
    return Reach.UNKNOWN, f"Of the functions on the same stream ({names}) some are triggered and some are not."
