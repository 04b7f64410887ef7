"""Every batch fails: the code cannot be loaded, takes too long, needs too much, or raises."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.findings import FindingKind, Sign, against, decisive, finding, sign
from runbook_lib.findings.processing import ERRORS_GUIDE, call_failed, current, quoted
from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.incident import Window
from runbook_lib.interpret.lambda_log import ErrorClass, LineKind
from runbook_lib.measuring.pipe import FlowState, Measured, Stage
from runbook_lib.measuring.thresholds import NOT_ALL_FAILED, RECENT_FAILURE
from runbook_lib.observed import Gap, NotObserved

_CODE_LAG = timedelta(minutes=20)
_LIFECYCLE = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html"
_CARRIES = {
    "KEYS_ONLY": frozenset[str](),
    "NEW_IMAGE": frozenset({"NewImage"}),
    "OLD_IMAGE": frozenset({"OldImage"}),
    "NEW_AND_OLD_IMAGES": frozenset({"NewImage", "OldImage"}),
}
_NAMED = (LineKind.INIT_ERROR, LineKind.TIMEOUT, LineKind.OUT_OF_MEMORY, LineKind.MISSING_IMAGE)
"""Failures that have findings of their own."""


def _failing(seen: Measured, *kinds: LineKind) -> Iterator[Sign]:
    """Recognise a failure of every batch by its log lines, with the mapping's own last word as a second sign.

    Where other batches pass it is one batch that fails, or a failure that retries get over. Code that cannot be loaded
    fails all of them; of every other failure only the counts tell, so that they come first.
    """
    found = current(seen, *kinds)
    if not found:
        yield against("No current failure of this kind was found in the log.", seen.logs)
        return
    if LineKind.INIT_ERROR not in kinds:
        seen.stages.observed(Stage.SUCCEEDED)
        _counted(seen, found[0])
    for error_class in found[:2]:
        yield decisive(quoted(error_class, seen), seen.logs)
    succeeded = seen.stages.observed(Stage.SUCCEEDED)
    if succeeded.state is FlowState.FLOWING:
        yield against(f"Not every batch fails. {succeeded.basis}", *succeeded.refs)
        return
    if passed := _passed_beside(seen, found[0]):
        words = f"Not every batch failed: {passed:,.0f} invocations succeeded among the last failures."
        yield against(words, seen.metrics.invocations, seen.metrics.errors)
        return
    yield from call_failed(seen)


def _counted(seen: Measured, failure: ErrorClass) -> None:
    """Raise NotObserved where nothing is counted among the last failures, though the log shows that something ran."""
    if not _minutes_beside(seen, failure):
        reason = "CloudWatch counts no invocation in the minutes of these failures, so others may have succeeded."
        raise NotObserved(Gap("cloudwatch:GetMetricData", "", "NoDatapoint", reason, ref=seen.metrics.invocations.ref))


def _minutes_beside(seen: Measured, failure: ErrorClass) -> list[float]:
    among = Window(max(instant.floor(failure.first), failure.last - RECENT_FAILURE), failure.last)
    return [value for at, value in seen.success_minutes.items() if at in among]


def _passed_beside(seen: Measured, failure: ErrorClass) -> float:
    """Count the successes among the last failures; 0 where most of the minutes have none, so that all may have failed.

    A brake that was pulled since ends successes and failures alike, so the pipe as it is now cannot tell.
    """
    good = _minutes_beside(seen, failure)
    return sum(good) if sum(value > 0 for value in good) > NOT_ALL_FAILED * len(good) else 0.0


@finding(
    "init-or-import-error",
    kind=FindingKind.CAUSE,
    title="The function's code cannot be loaded",
    modes=("F4",),
    stops=Stage.SUCCEEDED,
    diagnosis=(1, 3),
    reads=(4, 7),
    remedies=(RemedyId.DEPLOY_WORKING_CODE,),
    set_off_by=("code-changed", "configuration-changed", "alias-changed", "function-created"),
    lag=_CODE_LAG,
    source=_LIFECYCLE,
)
def init_or_import_error(seen: Measured) -> Iterator[Sign]:
    """When the handler or one of its imports cannot be loaded every invocation fails before any record is seen."""
    yield from _failing(seen, LineKind.INIT_ERROR)


@finding(
    "timeout",
    kind=FindingKind.CAUSE,
    title="The function times out on every batch",
    modes=("F2",),
    stops=Stage.SUCCEEDED,
    diagnosis=(6,),
    reads=(4, 7),
    remedies=(RemedyId.DEPLOY_WORKING_CODE, RemedyId.GIVE_TIME_OR_MEMORY),
    set_off_by=("code-changed", "configuration-changed", "alias-changed"),
    lag=timedelta(hours=24),
    source=ERRORS_GUIDE,
)
def timeout(seen: Measured) -> Iterator[Sign]:
    """A batch that takes longer than the timeout fails as a whole and comes back as it was."""
    yield from _failing(seen, LineKind.TIMEOUT)


@finding(
    "oom",
    kind=FindingKind.CAUSE,
    title="The function runs out of memory on every batch",
    modes=("F3",),
    stops=Stage.SUCCEEDED,
    diagnosis=(6,),
    reads=(4, 7),
    remedies=(RemedyId.DEPLOY_WORKING_CODE, RemedyId.GIVE_TIME_OR_MEMORY),
    set_off_by=("code-changed", "configuration-changed", "alias-changed"),
    lag=timedelta(hours=24),
    source=_LIFECYCLE,
)
def oom(seen: Measured) -> Iterator[Sign]:
    """A sandbox that exceeds its memory is killed, and the batch comes back as it was."""
    yield from _failing(seen, LineKind.OUT_OF_MEMORY)


@finding(
    "handler-error",
    kind=FindingKind.CAUSE,
    title="The function's code raises an error on every batch",
    modes=("F4",),
    stops=Stage.SUCCEEDED,
    diagnosis=(3, 6),
    reads=(4, 7),
    remedies=(RemedyId.DEPLOY_WORKING_CODE,),
    set_off_by=("code-changed", "configuration-changed", "alias-changed", "role-policy-put", "role-policy-deleted"),
    lag=_CODE_LAG,
    source=ERRORS_GUIDE,
)
def handler_error(seen: Measured) -> Iterator[Sign]:
    """Code that loads and then raises on whatever it gets fails every batch, and every batch comes back as it was.

    A setting, a permission or a service that the code needs may be what is missing: the log line says which.
    """
    named = current(seen, *_NAMED)
    if named:
        yield against(f"The log names a more particular failure: {named[0].kind}.", seen.logs)
        return
    yield from _failing(seen, LineKind.CODE_ERROR, LineKind.CRASH, LineKind.ACCESS_DENIED, LineKind.THROTTLED)


@finding(
    "view-type-lacks-image",
    kind=FindingKind.CAUSE,
    title="The stream's view type lacks the item image that the handler reads",
    modes=("F7",),
    stops=Stage.SUCCEEDED,
    diagnosis=(4,),
    reads=(2, 4),
    remedies=(
        RemedyId.DEPLOY_WORKING_CODE,
        RemedyId.CHANGE_VIEW_TYPE,
        RemedyId.SWITCH_STREAM_ON,
        RemedyId.MAP_LATEST_STREAM,
    ),
    set_off_by=("stream-enabled", "code-changed", "alias-changed"),
    lag=timedelta(hours=24),
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html",
)
def view_type_lacks_image(seen: Evidence) -> Iterator[Sign]:
    """A stream carries keys, the new image, the old image or both; a handler that reads another one finds nothing.

    The view type cannot be changed in place: a change means a new stream, which every mapping has to follow.
    """
    table = seen.streams.table
    carried = _CARRIES.get(table.view_type or "", _CARRIES["NEW_AND_OLD_IMAGES"])
    if len(carried) == 2:
        yield against(f"The stream of {table.name} carries both images.", table)
        return
    found = current(seen, LineKind.MISSING_IMAGE)
    named = {image for error_class in found for image in ("NewImage", "OldImage") if image in error_class.example} or {
        "an image"
    }
    lacking = sorted(named - carried)
    if not found or not lacking:
        yield against("The log shows no handler that misses an image.", seen.logs)
        return
    yield decisive(f"The stream's view type is {table.view_type}, without {' and '.join(lacking)}.", table)
    for error_class in found[:2]:
        yield sign(quoted(error_class, seen), seen.logs)
    yield from call_failed(seen)
