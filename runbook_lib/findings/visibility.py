"""Illusions of observability: silence that is not absence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.findings import FindingKind, Sign, Trait, against, counter, decisive, finding, sign
from runbook_lib.findings.mapping import expected_to_deliver
from runbook_lib.incident import Window
from runbook_lib.interpret.amount import amount, begun
from runbook_lib.measuring.pipe import FlowState, Measured, Stage
from runbook_lib.measuring.thresholds import FAILING_NOW, LOG_DELAY, LONG_WAIT


@finding(
    "role-cannot-log",
    kind=FindingKind.INNOCENT,
    title="The function runs and its log stays silent",
    modes=("G1",),
    diagnosis=(1,),
    reads=(4, 7),
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
    elif group.last_event_at is None or last - group.last_event_at > LOG_DELAY:
        newest = f"is of {instant.clock(group.last_event_at)}" if group.last_event_at else "does not exist"
        yield sign(f"The newest line of {group.name} {newest}.", group)
        yield sign(f"The function was last invoked at {instant.clock(last)}.", invocations)
    else:
        yield against(f"Log group {group.name} receives lines.", group)


@finding(
    "other-triggers-mask",
    kind=FindingKind.INNOCENT,
    title="The function is invoked, though not by the stream",
    modes=("G3",),
    diagnosis=(3,),
    reads=(6, 7),
    source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
)
def other_triggers_mask(seen: Measured) -> Iterator[Sign]:
    """Invocations add up every trigger of a function; IteratorAge has datapoints only for streams."""
    invoked, invocations = seen.stages.observed(Stage.INVOKED), seen.metrics.invocations
    last = invocations.last_positive
    if invoked.state is FlowState.STOPPED and last is not None and invoked.since is not None and last > invoked.since:
        yield decisive(invoked.basis, *invoked.refs)
        yield counter(f"Yet the function was invoked up to {instant.clock(last, seen.as_of)}.", invocations)


@finding(
    "recursion-detection",
    kind=FindingKind.INNOCENT,
    title="Lambda broke off loops of the function's, and stream records were in none of them",
    modes=("F9",),
    diagnosis=(3, 9),
    reads=(7,),
    source="https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html",
)
def recursion_detection(seen: Evidence) -> Iterator[Sign]:
    """Lambda ends a function that calls itself again and again through SQS, SNS, S3 or Lambda itself.

    A loop through a table is not detected, so a mapping of its stream loses nothing by it; what was refused came by
    another trigger of the function.
    """
    dropped = seen.metrics.recursion_dropped
    last = dropped.last_positive
    if last is None:
        yield against("Lambda broke off no loop of the function's in the window.", dropped)
        return
    total, when = sum(dropped.points.values()), instant.clock(last, seen.as_of)
    yield decisive(f"{amount(total, 'recursive invocations were')} refused, the last at {when}.", dropped)
    ran = sum(seen.metrics.invocations.points.values())
    yield counter(f"{begun(amount(ran, 'invocations'))} by all triggers ran in the window.", seen.metrics.invocations)


@finding(
    "looking-in-wrong-logs",
    kind=FindingKind.INNOCENT,
    title="The function's log is not where, or not what, one expects",
    modes=("G2",),
    diagnosis=(1,),
    reads=(3, 4),
    set_off_by=("configuration-changed",),
    lag=timedelta(hours=24),
    source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html",
)
def looking_in_wrong_logs(seen: Evidence) -> Iterator[Sign]:
    """A function may write to a group of another name, keep quiet about its successes, or keep lines for a day.

    What is not found in the expected place has not therefore failed to happen.
    """
    function = seen.mappings.function
    if not function.exists:
        yield against("The function does not exist.", function)
        return
    default = f"/aws/lambda/{function.name}"
    if function.log_group != default:
        yield decisive(f"{function.label} writes to log group {function.log_group}, not to {default}.", function)
        yield counter(f"So {default} receives nothing from it.", function)
    if function.system_log_level == "WARN":
        yield sign(f"{function.label} logs no START and no REPORT of successes (system log level WARN).", function)
    group = seen.logs.group
    if group.exists and group.log_class != "STANDARD":
        yield sign(f"Log group {group.name} is of class {group.log_class}, which cannot be searched in full.", group)


@finding(
    "metrics-not-opted-in",
    kind=FindingKind.INNOCENT,
    title="Nothing counts what the mapping polls and filters",
    modes=("G4",),
    diagnosis=(3,),
    reads=(3, 7),
    source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
)
def metrics_not_opted_in(seen: Measured) -> Iterator[Sign]:
    """The mapping's own metrics exist only where EventCount is switched on: their absence says nothing.

    It matters while the stream invokes nothing. Switching them on is an update of the mapping, with its own risk.
    """
    invoked = seen.stages.observed(Stage.INVOKED)
    if invoked.state not in (FlowState.STOPPED, FlowState.SILENT):
        yield against(invoked.basis, *invoked.refs)
        return
    for mapping in expected_to_deliver(seen):
        if mapping.counts_events:
            yield against(f"Mapping {mapping.uuid} counts its events.", mapping)
        else:
            yield decisive(f"Mapping {mapping.uuid} does not count its events (EventCount is off).", mapping)
            yield counter("Whether it polls, and what its filter drops, is therefore not known from metrics.", mapping)


@finding(
    "success-without-effect",
    kind=FindingKind.INNOCENT,
    title="The trigger works: what is missing is missing behind it",
    modes=("F8",),
    diagnosis=(1, 3),
    reads=(6, 7),
    traits=(Trait.TRIGGER_WORKS,),
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html",
)
def success_without_effect(seen: Measured) -> Iterator[Sign]:
    """A handler that swallows errors, skips event names or reads the first record only succeeds without an effect.

    AWS counts a success for each, so the fault is in the application and no reading of AWS shows it.
    """
    stages = seen.stages
    written, invoked = stages.observed(Stage.WRITTEN), stages.observed(Stage.INVOKED)
    succeeded = stages.observed(Stage.SUCCEEDED)
    stopped = [flow for flow in (written, invoked, succeeded) if flow.state is not FlowState.FLOWING]
    if stopped:
        yield against(stopped[0].basis, *stopped[0].refs)
        return
    errors = seen.metrics.errors
    if errors.total(Window(seen.window.end - FAILING_NOW, seen.window.end)):
        yield against("Invocations failed in the last hour.", errors)
        return
    newest = seen.backlog.last_age
    if newest is None or newest[1] > LONG_WAIT:
        yield against("Records wait.", seen.backlog.iterator_age_ms)
        return
    yield decisive(succeeded.basis, *succeeded.refs)
    yield counter("No invocation failed in the last hour, and no record waits.", errors, seen.backlog.iterator_age_ms)
