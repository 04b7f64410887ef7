"""Every invocation fails by the counters, and no line of the log that was found says how."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.findings import FindingKind, Sign, against, finding, sign
from runbook_lib.findings.processing import ERRORS_GUIDE, all_failed, call_failed, current, quoted
from runbook_lib.findings.processing.failing import ran_out
from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.interpret.lambda_log import FAILURES
from runbook_lib.measuring.pipe import Measured
from runbook_lib.measuring.thresholds import LOG_DELAY
from runbook_lib.observed import otherwise


@finding(
    "every-batch-fails",
    kind=FindingKind.CAUSE,
    title="The function fails on every batch, and what was read does not say how",
    modes=("F1", "F2", "F3", "F4", "F7"),
    stops=None,
    diagnosis=(3, 6),
    reads=(4, 6, 7),
    remedies=(RemedyId.DEPLOY_WORKING_CODE,),
    set_off_by=(
        "code-changed",
        "configuration-changed",
        "alias-changed",
        "function-created",
        "role-policy-put",
        "role-policy-deleted",
        "role-policy-detached",
    ),
    lag=timedelta(minutes=30),
    source=ERRORS_GUIDE,
)
def every_batch_fails(seen: Measured) -> Iterator[Sign]:
    """Counters beat logs: that all invocations fail is known although a log that is silent, late or refused hides why.

    The newest lines of the log, read without a filter, settle it: code that cannot be loaded, a timeout, memory, or an
    error that the code raises. A batch that its code cannot digest looks the same where no other batch is sent.
    """
    failed = all_failed(seen)
    if failed is None:
        yield against("Not every invocation failed in the newest minutes.", seen.metrics.errors)
        return
    told = [found for found in otherwise(lambda: current(seen, *FAILURES), ()) if found.last >= failed.window.start]
    if told:
        yield against(f"The log says how: {quoted(told[0], seen)}", seen.logs)
        return
    if ran_out(seen):
        yield against(
            "The durations say how: the failing invocations run into their timeout.", seen.metrics.duration_ms
        )
        return
    start, end = (instant.clock(at, seen.as_of) for at in (failed.window.start, failed.window.end))
    yield sign(
        f"{failed.failed:,.0f} of {failed.failed:,.0f} invocations from {start} to {end} failed.",
        seen.metrics.errors,
        seen.metrics.invocations,
    )
    yield sign("Batches of the stream were among them, by the iterator age.", seen.backlog.iterator_age_ms)
    yield from call_failed(seen)
    group = seen.logs.group
    if not group.exists:
        yield sign(f"Log group {group.name} does not exist, so that nothing says how.", group)
    elif group.last_event_at is None or failed.window.end - group.last_event_at > LOG_DELAY:
        yield sign(f"Log group {group.name} holds no line of these minutes.", group)
    elif not seen.logs.errors:
        words = f"The search of log group {group.name} found no failure: its newest lines, read without a filter, may"
        yield sign(f"{words} say how.", seen.logs)
