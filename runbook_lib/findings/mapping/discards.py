"""What a mapping throws away by its own limits, and whether anybody is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.findings import FindingKind, Sign, Trait, against, counter, decisive, finding, sign
from runbook_lib.findings.mapping import GUIDE, expected_to_deliver
from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.incident import Window
from runbook_lib.interpret.amount import amount, were
from runbook_lib.measuring.backlog import oldest_unread
from runbook_lib.measuring.filtered import events_of
from runbook_lib.measuring.onset import failing_since
from runbook_lib.measuring.pipe import FlowState, Measured, Stage
from runbook_lib.measuring.thresholds import FAILING_NOW, SUSTAINED_FAILURE
from runbook_lib.observed import otherwise

_ERRORS = f"{GUIDE}/services-dynamodb-errors.html"
_GIVEN_UP = {
    "OnFailureDestinationDeliveredEventCount": "handed to the failure destination",
    "DroppedEventCount": "dropped without reaching the failure destination",
}


def _given_up(seen: Evidence, mapping: EventSourceMapping, weigh: Callable[..., Sign]) -> Iterator[Sign]:
    """Count what the mapping gave up, where it counts its events; silence does not mean that nothing was.

    The counts do not tell age from retries: only a mapping with one of the two limits makes them decisive.
    """
    counted = events_of(seen, mapping)
    for name, words in _GIVEN_UP.items():
        total = sum(counted[name].points.values()) if name in counted else 0
        if total:
            yield weigh(f"{amount(total, 'records')} of mapping {mapping.uuid} {were(total)} {words}.", counted[name])


@finding(
    "retry-exhausted-drop",
    kind=FindingKind.CAUSE,
    title="Batches that keep failing are given up after a few retries, and their records are skipped",
    modes=("B14",),
    stops=None,
    diagnosis=(1, 6),
    reads=(3, 7, 8),
    remedies=(RemedyId.DEPLOY_WORKING_CODE, RemedyId.FETCH_DISCARDED),
    set_off_by=("code-changed", "configuration-changed", "alias-changed", "mapping-updated", "mapping-created"),
    lag=timedelta(minutes=20),
    traits=(Trait.PAST_LOSS,),
    source=_ERRORS,
)
def retry_exhausted_drop(seen: Measured) -> Iterator[Sign]:
    """With finite retries a failing batch is skipped and the shard goes on, so the iterator age looks healthy.

    What is skipped goes to the failure destination if there is one, as shard and sequence numbers without the item;
    without one nothing records what was skipped. The stream holds the records for the rest of their 24 hours.
    Throttles use up no retries.
    """
    limited = [mapping for mapping in expected_to_deliver(seen) if mapping.maximum_retry_attempts >= 0]
    if not limited:
        yield against("No mapping gives a batch up: retries are unlimited.", seen.mappings)
        return
    errors, invocations = seen.metrics.errors, seen.metrics.invocations
    if errors.last_positive is None:
        yield against("No invocation failed, so no retry was used up.", errors)
        return
    if seen.stages[Stage.SUCCEEDED].state is FlowState.STOPPED:
        yield against("Every invocation fails: what makes them fail is the cause.", errors, invocations)
        return
    for mapping in limited:
        yield from _given_up(seen, mapping, sign if mapping.maximum_record_age_s > 0 else decisive)
    hour = Window(seen.window.end - FAILING_NOW, seen.window.end)
    failing = failing_since(seen)
    lately = Window(max(hour.start, failing.at), hour.end) if failing else hour
    failed, invoked = errors.total(lately), invocations.total(lately)
    began = f"since {instant.clock(lately.start, seen.as_of)}" if lately != hour else "in the last hour"
    yield counter(f"{failed:,.0f} of {amount(invoked, 'invocations')} failed {began}.", errors, invocations)
    if failed > limited[0].maximum_retry_attempts and failed >= SUSTAINED_FAILURE * invoked:
        retries = limited[0].maximum_retry_attempts
        yield sign(f"Mapping {limited[0].uuid} gives a batch up after {amount(retries, 'retries')}.", limited[0])


@finding(
    "max-age-drop",
    kind=FindingKind.CONTRIBUTING,
    title="The mapping gives records up long before the stream would",
    modes=("B13",),
    diagnosis=(6,),
    reads=(3, 6, 8),
    remedies=(RemedyId.KEEP_RECORDS_LONGER,),
    set_off_by=("mapping-updated", "mapping-created"),
    lag=timedelta(hours=24),
    source=_ERRORS,
)
def max_age_drop(seen: Measured) -> Iterator[Sign]:
    """`MaximumRecordAgeInSeconds` discards what is older before it is ever sent, so a short stop becomes a loss.

    It stops nothing by itself: throttling, a pause or slow code makes records old in the first place.
    """
    limited = [mapping for mapping in expected_to_deliver(seen) if mapping.maximum_record_age_s > 0]
    if not limited:
        yield against("Records may wait for as long as the stream keeps them.", seen.mappings)
        return
    invoked = seen.stages.observed(Stage.INVOKED)
    since = (
        invoked.since if invoked.state is FlowState.STOPPED else otherwise(lambda: oldest_unread(seen.backlog), None)
    )
    waits = timedelta(0) if since is None else seen.window.end - since
    allowed = [(mapping, timedelta(seconds=mapping.maximum_record_age_s)) for mapping in limited]
    if waits <= min(limit for _, limit in allowed):
        for mapping, limit in allowed:
            yield against(
                f"What waits is younger than the {instant.span(limit)} that mapping {mapping.uuid} allows.", mapping
            )
        return
    for mapping, limit in allowed:
        if waits > limit:
            yield decisive(f"Mapping {mapping.uuid} gives records up after {instant.span(limit)}.", mapping)
            yield counter(f"The oldest that waits was written {instant.span(waits)} ago.", *invoked.refs)
            yield from _given_up(seen, mapping, counter)


@finding(
    "destination-broken",
    kind=FindingKind.CONTRIBUTING,
    title="Records that are given up do not reach the failure destination",
    modes=("B15",),
    diagnosis=(6,),
    reads=(3, 7, 8),
    remedies=(RemedyId.REPAIR_DESTINATION,),
    set_off_by=("role-policy-deleted", "role-policy-detached", "role-policy-put", "mapping-updated"),
    lag=timedelta(hours=24),
    source=f"{GUIDE}/kinesis-on-failure-destination.html",
)
def destination_broken(seen: Evidence) -> Iterator[Sign]:
    """A destination that is gone, refused, or a FIFO queue swallows the last trace of a discarded batch.

    The execution role itself must be allowed to write there; the queue's or topic's own policy is not enough.
    """
    reporting = [mapping for mapping in expected_to_deliver(seen) if mapping.failure_destination]
    if not reporting:
        yield against("No mapping has a failure destination.", seen.mappings)
        return
    for mapping in reporting:
        if str(mapping.failure_destination).endswith(".fifo"):
            yield decisive(f"{mapping.failure_destination} is FIFO, which a mapping cannot report to.", mapping)
    failures = seen.metrics.delivery_failures
    if not failures.last_positive:
        yield against("No delivery to a failure destination failed.", failures)
        return
    total = sum(failures.points.values())
    last = instant.clock(failures.last_positive, seen.as_of)
    yield decisive(
        f"{amount(total, 'deliveries')} to {reporting[0].failure_destination} failed, the last at {last}.", failures
    )
    for mapping in reporting:
        dropped = events_of(seen, mapping).get("DroppedEventCount")
        if dropped is not None and dropped.last_positive:
            lost = sum(dropped.points.values())
            yield counter(f"{amount(lost, 'records')} of mapping {mapping.uuid} {were(lost)} dropped.", dropped)
