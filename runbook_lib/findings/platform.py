"""AWS itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.findings import FindingKind, Sign, Trait, against, finding, sign
from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.measuring.pipe import FlowState, Measured, Stage, StageFlow
from runbook_lib.measuring.setting_change import changes
from runbook_lib.measuring.thresholds import GOES_ON, STOPPED_TOGETHER

_QUOTAS = {
    "LimitExceededException",
    "ServiceQuotaExceededException",
    "CodeStorageExceededException",
    "ENILimitReachedException",
    "TooManyRequestsException",
}
"""Error codes that name a quota, of Lambda, DynamoDB and IAM (their API references)."""


@finding(
    "service-event",
    kind=FindingKind.CAUSE,
    title="AWS reports a problem with Lambda or DynamoDB in the region",
    modes=("H1",),
    stops=Stage.POLLED,
    diagnosis=(),
    reads=(1,),
    remedies=(RemedyId.WAIT_FOR_AWS,),
    set_off_by=(),
    traits=(Trait.MAY_STAY_UNSEEN,),
    source="https://docs.aws.amazon.com/health/latest/ug/what-is-aws-health.html",
)
def service_event(seen: Measured) -> Iterator[Sign]:
    """Mappings resume by themselves after a service event, and the 24-hour clock runs all the same.

    An open event is only a sign, as it need not concern our table or function, and none at all while the stream
    delivers; that the stream's other functions stopped at the same minute is another.
    """
    events = [event for event in seen.health.events if event.status == "open"]
    if not events:
        yield against("AWS Health lists no open event for Lambda or DynamoDB in the region.", "run")
        return
    for event in events:
        since = instant.clock(event.started, seen.as_of) if event.started else "an unknown time"
        yield sign(f"AWS Health: {event.type_code}, open since {since}.", event)
    stages = seen.stages
    delivered = stages.observed(Stage.INVOKED), stages.observed(Stage.SUCCEEDED)
    if all(flow.state is FlowState.FLOWING for flow in delivered):
        yield against(f"What is written is delivered all the same. {delivered[1].basis}", *delivered[1].refs)
        return
    yield from _neighbours(seen, delivered[0], [event.started for event in events if event.started])


def _neighbours(seen: Evidence, invoked: StageFlow, began: list[datetime]) -> Iterator[Sign]:
    """Say that the stream's other functions stopped with ours, when the event began: what one change rarely does.

    Where one goes on, the event has not reached the stream's pollers.
    """
    last = invoked.last
    if invoked.state is not FlowState.STOPPED or last is None or not seen.streams.table.stream_enabled:
        return
    for name, series in seen.metrics.siblings.items():
        if series.last_positive is not None and series.last_positive - last > GOES_ON:
            when = instant.clock(series.last_positive, seen.as_of)
            yield against(f"{name}, on the same stream, was still invoked at {when}.", series)
            return
    ends = [series.last_positive for series in seen.metrics.siblings.values()]
    together = [end for end in ends if end is not None and abs(end - last) <= STOPPED_TOGETHER]
    if ends and len(together) == len(ends) and any(abs(start - last) <= STOPPED_TOGETHER for start in began):
        refs = tuple(series.ref for series in seen.metrics.siblings.values())
        yield sign(f"All {len(ends) + 1} functions on the stream stopped with it, at {instant.clock(last)}.", *refs)


@finding(
    "quota",
    kind=FindingKind.INNOCENT,
    title="A change was refused because of a quota",
    modes=("H3",),
    diagnosis=(7,),
    reads=(9,),
    source="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
)
def quota(seen: Evidence) -> Iterator[Sign]:
    """Quotas show as refused requests, rarely as a silent stop: what was meant to be changed is as it was before."""
    refused = [change for change in changes(seen) if not change.event.succeeded and change.event.error_code in _QUOTAS]
    for change in refused:
        when = instant.clock(change.event.at, seen.as_of)
        words = f"{change.event.operation} at {when} was refused: {change.event.error_code}."
        yield sign(words, f"trail:{change.event.event_id}")
    if not refused:
        yield against("The trail shows no change of ours that a quota refused.", "run")
