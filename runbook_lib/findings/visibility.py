"""Illusions of observability: silence that is not absence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.findings import Kind, Sign, against, counter, decisive, finding, sign
from runbook_lib.stages import Stage, State, measure

_LOG_DELAY = timedelta(minutes=15)


@finding(
    "role-cannot-log",
    kind=Kind.INNOCENT,
    title="The function runs and its log stays silent",
    modes=("G1",),
    stops=None,
    diagnosis=(1,),
    reads=(4, 7),
    remedies=(),
    set_off_by=("log-group-deleted", "role-policy-detached", "role-policy-deleted"),
    lag=timedelta(hours=1),
    source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",
)
def role_cannot_log(seen: Evidence) -> Iterator[Sign]:
    """No log lines does not mean no invocations: a role without log permissions, or a deleted group, silences both.

    Counters beat logs, always.
    """
    invocations, group = seen.metrics.invocations, seen.logs.group
    last = invocations.last_positive
    if last is None:
        yield against("The function was not invoked in the window, so a silent log is as it should be.", invocations)
        return
    if not group.exists:
        yield decisive(f"The function runs and log group {group.name} does not exist.", group)
        yield counter(f"Last invoked at {instant.clock(last, seen.as_of)}.", invocations)
    elif group.last_event_at is not None and last - group.last_event_at > _LOG_DELAY:
        yield sign(f"The newest line of {group.name} is of {instant.clock(group.last_event_at)}.", group)
        yield sign(f"The function was last invoked at {instant.clock(last)}.", invocations)
    else:
        yield against(f"Log group {group.name} receives lines.", group)


@finding(
    "other-triggers-mask",
    kind=Kind.INNOCENT,
    title="The function is invoked, though not by the stream",
    modes=("G3",),
    stops=None,
    diagnosis=(3,),
    reads=(6, 7),
    remedies=(),
    set_off_by=(),
    lag=timedelta(0),
    source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
)
def other_triggers_mask(seen: Evidence) -> Iterator[Sign]:
    """Invocations add up every trigger of a function; IteratorAge has datapoints only for streams."""
    invoked, invocations = measure(seen).observed(Stage.INVOKED), seen.metrics.invocations
    last = invocations.last_positive
    if invoked.state is State.STOPPED and last is not None and invoked.since is not None and last > invoked.since:
        yield decisive(invoked.basis, *invoked.refs)
        yield counter(f"Yet the function was invoked up to {instant.clock(last, seen.as_of)}.", invocations)
