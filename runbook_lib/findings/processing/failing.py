"""Every batch fails: the code cannot be loaded, takes too long, needs too much, or raises."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.findings import FindingKind, Sign, against, decisive, finding, sign
from runbook_lib.findings.processing import ERRORS_GUIDE, AllFailed, all_failed, call_failed, current, quoted
from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.incident import Window
from runbook_lib.instant import MILLISECOND
from runbook_lib.interpret.lambda_log import FAILURES, ErrorClass, LineKind
from runbook_lib.measuring.pipe import FlowState, Measured, Stage
from runbook_lib.measuring.thresholds import NOT_ALL_FAILED, RAN_OUT, RECENT_FAILURE
from runbook_lib.observed import NOTHING_TO_READ, Gap, NotObserved, otherwise

_CODE_LAG = timedelta(minutes=20)
_LIFECYCLE = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html"
_CARRIES = {
    "KEYS_ONLY": frozenset[str](),
    "NEW_IMAGE": frozenset({"NewImage"}),
    "OLD_IMAGE": frozenset({"OldImage"}),
    "NEW_AND_OLD_IMAGES": frozenset({"NewImage", "OldImage"}),
}
_NAMED = (LineKind.INIT_ERROR, LineKind.TIMEOUT, LineKind.OUT_OF_MEMORY)
"""Failures that have findings of their own, beside an image that the stream lacks."""


def _failing(seen: Measured, *kinds: LineKind) -> Iterator[Sign]:
    """Recognise a failure of every batch by its log lines, with the mapping's own last word as a second sign.

    Where other batches pass it is one batch that fails, or a failure that retries get over. Code that cannot be loaded
    fails all of them; of every other failure only the counts tell, so that they come first. A search of the log that
    finds nothing refutes nothing while every invocation fails: the log may be late, silent, or say it in other words.
    """
    found = current(seen, *kinds)
    failed = all_failed(seen) if not found else otherwise(lambda: all_failed(seen), None)
    if not found and failed is not None and not current(seen, *FAILURES):
        raise NotObserved(_untold(seen, failed))
    if not found:
        yield against("No current failure of this kind was found in the log.", seen.logs)
        return
    if LineKind.INIT_ERROR not in kinds:
        seen.stages.observed(Stage.SUCCEEDED)
        _counted(seen, found[0])
    for error_class in found[:2]:
        yield decisive(quoted(error_class, seen), seen.logs)
    succeeded = seen.stages.observed(Stage.SUCCEEDED)
    if succeeded.state is FlowState.FLOWING and failed is None:
        yield against(f"Not every batch fails. {succeeded.basis}", *succeeded.refs)
        return
    passed = 0.0 if failed is not None and _anything_new(seen, failed) else _passed_beside(seen, found[0])
    if passed:
        words = f"Not every batch failed: {passed:,.0f} invocations succeeded among the last failures."
        yield against(words, seen.metrics.invocations, seen.metrics.errors)
        return
    yield from call_failed(seen)


def _untold(seen: Evidence, failed: AllFailed) -> Gap:
    """Say why the kind of a failure is not known: every invocation failed, and no line that was found says how."""
    reason = f"{failed.failed:,.0f} of {failed.failed:,.0f} invocations failed, and no line that was found says how."
    return Gap("logs:FilterLogEvents", seen.incident.region, NOTHING_TO_READ, reason, ref=seen.logs.ref)


def _counted(seen: Measured, failure: ErrorClass) -> None:
    """Raise NotObserved where nothing is counted among the last failures, though the log shows that something ran."""
    if not _minutes_beside(seen, failure):
        reason = "CloudWatch counts no invocation in the minutes of these failures, so others may have succeeded."
        raise NotObserved(Gap("cloudwatch:GetMetricData", "", "NoDatapoint", reason, ref=seen.metrics.invocations.ref))


def _anything_new(seen: Measured, failed: AllFailed) -> bool:
    """Whether something was written while every invocation failed: else all of them may be retries of one batch."""
    return otherwise(lambda: any(value > 0 and at in failed.window for at, value in seen.write_minutes.items()), True)


def _minutes_beside(seen: Measured, failure: ErrorClass) -> list[float]:
    """Give the successes of each minute among the last failures; of a table written to in bursts, of those minutes."""
    among = Window(max(instant.floor(failure.first), failure.last - RECENT_FAILURE), failure.last)
    minutes = {at: value for at, value in seen.success_minutes.items() if at in among}
    fed = otherwise(lambda: seen.write_minutes, {})
    return [value for at, value in minutes.items() if fed.get(at)] or list(minutes.values())


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
    """A batch that takes longer than the timeout fails as a whole and comes back as it was.

    Where no line of the log says how they fail, the durations may: of a timeout they reach the limit.
    """
    yield from ran_out(seen)
    yield from _failing(seen, LineKind.TIMEOUT)


def ran_out(seen: Measured) -> tuple[Sign, ...]:
    """Give the sign that all that fails runs into its timeout; empty where the log says how or durations do not."""
    return otherwise(lambda: tuple(_ran_out(seen)), ())


def _ran_out(seen: Measured) -> Iterator[Sign]:
    failed = all_failed(seen)
    if failed is None or otherwise(lambda: current(seen, *FAILURES), ()):
        return
    longest, limit = seen.metrics.duration_ms, timedelta(seconds=seen.mappings.function.timeout_s)
    points = longest.between(failed.window.start, failed.window.end).values()
    if points and min(points) >= RAN_OUT * limit / MILLISECOND:
        words = f"In every minute of these failures an invocation ran for {instant.span(limit)}, which is the timeout"
        yield sign(f"{words}; all {failed.failed:,.0f} of them failed.", longest, seen.mappings.function)


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
    lacking = LineKind.MISSING_IMAGE
    named = current(seen, *_NAMED) or (current(seen, lacking) if _lacked(seen) else ())
    if named:
        yield against(f"The log names a more particular failure: {named[0].kind}.", seen.logs)
        return
    yield from _failing(seen, LineKind.CODE_ERROR, LineKind.CRASH, LineKind.ACCESS_DENIED, LineKind.THROTTLED, lacking)


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
    if len(_carried(seen)) == 2:
        yield against(f"The stream of {table.name} carries both images.", table)
        return
    found, lacking = current(seen, LineKind.MISSING_IMAGE), _lacked(seen)
    if not lacking:
        yield against("The log shows no handler that misses an image.", seen.logs)
        return
    yield decisive(f"The stream's view type is {table.view_type}, without {' and '.join(lacking)}.", table)
    for error_class in found[:2]:
        yield sign(quoted(error_class, seen), seen.logs)
    yield from call_failed(seen)


def _carried(seen: Evidence) -> frozenset[str]:
    return _CARRIES.get(seen.streams.table.view_type or "", _CARRIES["NEW_AND_OLD_IMAGES"])


def _lacked(seen: Evidence) -> list[str]:
    """Name the images that the log misses and the stream does not carry; empty where it carries both, or none fails."""
    found = current(seen, LineKind.MISSING_IMAGE)
    named = {image for error_class in found for image in ("NewImage", "OldImage") if image in error_class.example}
    carried = _carried(seen)
    return sorted((named or {"an image"}) - carried) if found and len(carried) < 2 else []
