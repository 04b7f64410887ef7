"""AWS itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.findings import Kind, Sign, against, finding, sign
from runbook_lib.stages import Stage


@finding(
    "service-event",
    kind=Kind.CAUSE,
    title="AWS reports a problem with Lambda or DynamoDB in the region",
    modes=("H1",),
    stops=Stage.POLLED,
    diagnosis=(),
    reads=(1,),
    remedies=(),
    set_off_by=(),
    lag=timedelta(0),
    source="https://docs.aws.amazon.com/health/latest/ug/what-is-aws-health.html",
)
def service_event(seen: Evidence) -> Iterator[Sign]:
    """Mappings resume by themselves after a service event, and the 24-hour clock runs all the same.

    An open event is only a sign: it need not concern our table or function.
    """
    events = seen.health.events
    for event in events:
        if event.status == "open":
            since = instant.clock(event.started, seen.as_of) if event.started else "an unknown time"
            yield sign(f"AWS Health: {event.type_code}, open since {since}.", event)
    if not any(event.status == "open" for event in events):
        yield against("AWS Health lists no open event for Lambda or DynamoDB in the region.", "run")
