"""The function is invoked and fails, or fails for some records."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence, otherwise
from runbook_lib.evidence.signals import Series
from runbook_lib.findings import Kind, Sign, against, counter, decisive, finding, sign
from runbook_lib.findings.mapping import serving
from runbook_lib.incident import Window
from runbook_lib.interpret.lambda_log import ErrorClass, LineKind
from runbook_lib.interpret.processing_result import ResultKind
from runbook_lib.stages import Stage, success_minutes

_RECENT = timedelta(minutes=45)
"""A failure older than this is over; logs themselves may be ten minutes late."""

_LEAST_CLIMB = timedelta(minutes=10)
_LONGEST_PAUSE = timedelta(minutes=10)
_LAST_POINTS = 3
_MS = timedelta(milliseconds=1)
_CODE_LAG = timedelta(minutes=20)
_ERRORS_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html"
_LIFECYCLE = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html"
_CARRIES = {
    "KEYS_ONLY": frozenset[str](),
    "NEW_IMAGE": frozenset({"NewImage"}),
    "OLD_IMAGE": frozenset({"OldImage"}),
    "NEW_AND_OLD_IMAGES": frozenset({"NewImage", "OldImage"}),
}


def _current(seen: Evidence, *kinds: LineKind) -> tuple[ErrorClass, ...]:
    """Give the classes of failure of these kinds that the log still repeats, the most frequent first."""
    since = seen.window.end - _RECENT
    return tuple(one for one in seen.logs.errors if one.kind in kinds and one.last >= since)


def _quoted(one: ErrorClass, seen: Evidence) -> str:
    """Quote a class of failure with its count and its stretch."""
    words = one.example if len(one.example) <= 160 else f"{one.example[:157]}..."
    first, last = instant.clock(one.first, seen.as_of), instant.clock(one.last, seen.as_of)
    return f"{one.count:,} log lines from {first} to {last} say: {words}"


def _failing(seen: Evidence, *kinds: LineKind) -> Iterator[Sign]:
    """Recognise a failure by its log lines, with the mapping's own last word as a second sign."""
    found = _current(seen, *kinds)
    if not found:
        yield against("No current failure of this kind was found in the log.", seen.logs)
        return
    for one in found[:2]:
        yield decisive(_quoted(one, seen), seen.logs)
    yield from _call_failed(seen)


def _call_failed(seen: Evidence) -> Iterator[Sign]:
    for one in otherwise(lambda: serving(seen), ()):
        if one.processing.kind is ResultKind.FUNCTION_CALL_FAILED:
            yield sign(f"Mapping {one.uuid} last said: {one.processing.text}", one)


@finding(
    "init-or-import-error",
    kind=Kind.CAUSE,
    title="The function's code cannot be loaded",
    modes=("F4",),
    stops=Stage.SUCCEEDED,
    diagnosis=(1, 3),
    reads=(4, 7),
    remedies=("R10",),
    set_off_by=("code-changed", "configuration-changed", "alias-changed", "function-created"),
    lag=_CODE_LAG,
    source=_LIFECYCLE,
)
def init_or_import_error(seen: Evidence) -> Iterator[Sign]:
    """When the handler or one of its imports cannot be loaded every invocation fails before any record is seen."""
    yield from _failing(seen, LineKind.INIT_ERROR)


@finding(
    "timeout",
    kind=Kind.CAUSE,
    title="The function times out on every batch",
    modes=("F2",),
    stops=Stage.SUCCEEDED,
    diagnosis=(6,),
    reads=(4, 7),
    remedies=("R10",),
    set_off_by=("code-changed", "configuration-changed", "alias-changed"),
    lag=timedelta(hours=24),
    source=_ERRORS_GUIDE,
)
def timeout(seen: Evidence) -> Iterator[Sign]:
    """A batch that takes longer than the timeout fails as a whole and comes back as it was."""
    yield from _failing(seen, LineKind.TIMEOUT)


@finding(
    "oom",
    kind=Kind.CAUSE,
    title="The function runs out of memory on every batch",
    modes=("F3",),
    stops=Stage.SUCCEEDED,
    diagnosis=(6,),
    reads=(4, 7),
    remedies=("R10",),
    set_off_by=("code-changed", "configuration-changed", "alias-changed"),
    lag=timedelta(hours=24),
    source=_LIFECYCLE,
)
def oom(seen: Evidence) -> Iterator[Sign]:
    """A sandbox that exceeds its memory is killed, and the batch comes back as it was."""
    yield from _failing(seen, LineKind.OUT_OF_MEMORY)


@finding(
    "view-type-lacks-image",
    kind=Kind.CAUSE,
    title="The stream's view type lacks the item image that the handler reads",
    modes=("F7",),
    stops=Stage.SUCCEEDED,
    diagnosis=(4,),
    reads=(2, 4),
    remedies=("R19", "R8", "R2"),
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
    found = _current(seen, LineKind.MISSING_IMAGE)
    named = {image for one in found for image in ("NewImage", "OldImage") if image in one.example} or {"an image"}
    lacking = sorted(named - carried)
    if not found or not lacking:
        yield against("The log shows no handler that misses an image.", seen.logs)
        return
    yield decisive(f"The stream's view type is {table.view_type}, without {' and '.join(lacking)}.", table)
    for one in found[:2]:
        yield sign(_quoted(one, seen), seen.logs)
    yield from _call_failed(seen)


@finding(
    "poison-record",
    kind=Kind.CAUSE,
    title="One batch fails again and again and blocks its shard",
    modes=("F1",),
    stops=None,
    diagnosis=(6,),
    reads=(4, 6, 7, 8),
    remedies=("R6", "R10"),
    set_off_by=("code-changed", "configuration-changed", "alias-changed", "mapping-updated"),
    lag=timedelta(minutes=30),
    source=_ERRORS_GUIDE,
)
def poison_record(seen: Evidence) -> Iterator[Sign]:
    """With the default of unlimited retries a record that the code cannot handle holds its shard for 24 hours.

    The other shards go on, so most invocations succeed; only the *maximum* iterator age shows it, climbing by a
    minute every minute.
    """
    climb = _climb(seen.backlog.iterator_age_ms)
    if climb is None:
        yield against("The iterator age does not climb with the clock.", seen.backlog.iterator_age_ms)
        return
    lately = Window(max(climb.start, climb.end - _RECENT), climb.end)
    errors = seen.metrics.errors.total(lately)
    good = sum(value for at, value in success_minutes(seen).items() if at in lately)
    if not errors or not good:
        none = "No invocation failed" if not errors else "No invocation succeeded"
        yield against(f"{none} in the last {instant.span(lately.end - lately.start)}.", seen.metrics.errors)
        return
    newest = seen.backlog.iterator_age_ms.points[max(seen.backlog.iterator_age_ms.points)]
    age = instant.span(timedelta(milliseconds=newest))
    since = instant.clock(climb.start, seen.as_of)
    yield decisive(
        f"The maximum iterator age has climbed as fast as the clock since {since}, to {age}: a batch waits while"
        " others pass.",
        seen.backlog.iterator_age_ms,
    )
    yield counter(
        f"In the last {instant.span(lately.end - lately.start)} {errors:,.0f} invocations failed and {good:,.0f}"
        " succeeded.",
        seen.metrics.errors,
        seen.metrics.invocations,
    )
    yield from _blocking(seen)


def _blocking(seen: Evidence) -> Iterator[Sign]:
    """Say why the batch is not given up, and what the log says of it."""
    for one in otherwise(lambda: serving(seen), ()):
        if one.maximum_retry_attempts < 0:
            yield sign(f"Mapping {one.uuid} retries without limit and reports to no destination.", one)
    yield from _call_failed(seen)
    for found in otherwise(lambda: _current(seen, LineKind.CODE_ERROR, LineKind.MISSING_IMAGE), ())[:1]:
        yield sign(_quoted(found, seen), seen.logs)


def _climb(age: Series) -> Window | None:
    """Find the newest stretch in which one record grew older with the clock; None if it is short or over.

    Its age less the time that passed is the same at every try. Points below are of shards that keep up: AWS backs off,
    so that a blocked shard is not tried in every minute.
    """
    points = sorted(age.points.items())
    head, oldest = max(points[-_LAST_POINTS:], key=lambda point: point[1], default=(None, 0.0))
    if head is None:
        return None
    start = head
    for at, value in reversed(points):
        passed = (head - at) / _MS
        if at <= head and abs(oldest - passed - value) <= 0.1 * passed + 60_000:
            if start - at > _LONGEST_PAUSE:
                break
            start = at
    return Window(start, head + age.period) if head - start >= _LEAST_CLIMB else None


@finding(
    "iterator-age-rising",
    kind=Kind.SYMPTOM,
    title="Records wait longer and longer",
    modes=(),
    stops=None,
    diagnosis=(6,),
    reads=(6,),
    remedies=(),
    set_off_by=(),
    lag=timedelta(0),
    source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
)
def iterator_age_rising(seen: Evidence) -> Iterator[Sign]:
    """IteratorAge is the age of a batch's last record when the batch is sent; nothing sent, no datapoint."""
    age = seen.backlog.iterator_age_ms
    climb = _climb(age)
    if climb is None:
        yield against("The iterator age does not climb with the clock.", age)
        return
    newest = instant.span(timedelta(milliseconds=age.points[max(age.points)]))
    yield sign(f"The iterator age has climbed since {instant.clock(climb.start, seen.as_of)}, to {newest}.", age)


@finding(
    "errors-high",
    kind=Kind.SYMPTOM,
    title="Invocations fail",
    modes=(),
    stops=None,
    diagnosis=(3,),
    reads=(7,),
    remedies=(),
    set_off_by=(),
    lag=timedelta(0),
    source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
)
def errors_high(seen: Evidence) -> Iterator[Sign]:
    """Errors counts exceptions, timeouts and failed starts; a partial batch failure is none of them."""
    last_hour = Window(seen.window.end - instant.HOUR, seen.window.end)
    errors, invocations = seen.metrics.errors.total(last_hour), seen.metrics.invocations.total(last_hour)
    if not errors:
        yield against("No invocation failed in the last hour.", seen.metrics.errors)
        return
    yield sign(
        f"{errors:,.0f} of {invocations:,.0f} invocations failed in the last hour.",
        seen.metrics.errors,
        seen.metrics.invocations,
    )
