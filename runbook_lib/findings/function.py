"""The function cannot be invoked, or is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib.evidence import Evidence
from runbook_lib.findings import Kind, Sign, against, counter, decisive, finding, sign
from runbook_lib.stages import Stage, State, measure


@finding(
    "function-or-qualifier-deleted",
    kind=Kind.CAUSE,
    title="The mapping invokes a function, version or alias that does not exist",
    modes=("D1",),
    stops=Stage.INVOKED,
    diagnosis=(3, 5),
    reads=(3, 8),
    remedies=("R16",),
    set_off_by=("function-deleted", "alias-deleted"),
    lag=timedelta(minutes=15),
    source="https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html",
)
def function_or_qualifier_deleted(seen: Evidence) -> Iterator[Sign]:
    """Deleting a function leaves its mappings behind, Enabled and with nothing to invoke (observed, n=1).

    Created again under the same name within 24 hours, the mapping goes on where it stopped.
    """
    function = seen.mappings.function
    if function.exists:
        yield against(f"Function {function.label} exists (state {function.state or 'not given'}).", function)
        return
    for one in seen.mappings.ours:
        yield decisive(
            f"Mapping {one.uuid} ({one.state}) invokes {function.label}, which does not exist.", function, one
        )


@finding(
    "state-failed",
    kind=Kind.CAUSE,
    title="The function is in a state in which it cannot be invoked",
    modes=("D4", "D5", "D6", "D7", "D11"),
    stops=Stage.INVOKED,
    diagnosis=(3,),
    reads=(3,),
    remedies=("R10",),
    set_off_by=("code-changed", "configuration-changed", "function-created", "key-disabled"),
    lag=timedelta(hours=24),
    source="https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html",
)
def state_failed(seen: Evidence) -> Iterator[Sign]:
    """Lambda takes a function out of service when its image, key, network or code cannot be used any more.

    Idle is no such state: the next invocation wakes the function, and the mapping retries meanwhile.
    """
    function = seen.mappings.function
    waiting = {"", "Active", "Pending"}
    if function.exists and (function.state in waiting or function.state_reason_code in {"Idle", "Restoring"}):
        yield against(f"Function {function.label} is {function.state or 'usable'}.", function)
    elif function.exists:
        yield decisive(
            f"Function {function.label} is {function.state}: {function.state_reason_code or function.state_reason}.",
            function,
        )


@finding(
    "function-not-invoked",
    kind=Kind.SYMPTOM,
    title="The table is written to and the stream invokes nothing",
    modes=(),
    stops=None,
    diagnosis=(3,),
    reads=(6, 7),
    remedies=(),
    set_off_by=(),
    lag=timedelta(0),
    source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
)
def function_not_invoked(seen: Evidence) -> Iterator[Sign]:
    """IteratorAge has a datapoint for every minute in which a stream invoked the function, and none otherwise."""
    invoked = measure(seen).observed(Stage.INVOKED)
    if invoked.state is State.STOPPED:
        yield sign(invoked.basis, *invoked.refs)
        yield counter(f"{invoked.total or 0:,.0f} invocations of any kind in the window.", *invoked.refs)
    elif invoked.state is State.FLOWING:
        yield against(invoked.basis, *invoked.refs)
