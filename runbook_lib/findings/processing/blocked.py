"""A batch fails again and again and holds its shard, with errors or without; and how waiting and failing look."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.findings import FindingKind, Sign, against, counter, decisive, finding, sign
from runbook_lib.findings.mapping import expected_to_deliver
from runbook_lib.findings.processing import ERRORS_GUIDE, call_failed, current, quoted
from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.incident import Window
from runbook_lib.instant import MILLISECOND
from runbook_lib.interpret.amount import amount, begun, were
from runbook_lib.interpret.lambda_log import LineKind
from runbook_lib.measuring.backlog import climb, newest_age
from runbook_lib.measuring.filtered import events_of
from runbook_lib.measuring.onset import failing_since
from runbook_lib.measuring.pipe import Measured
from runbook_lib.measuring.thresholds import EARLIER_AGES, FAILING_NOW, KEEPS_UP, LONG_WAIT, OTHERS_PASS, RECENT_FAILURE
from runbook_lib.observed import NOTHING_TO_READ, Gap, NotObserved, otherwise

_BLOCKING = (LineKind.CODE_ERROR, LineKind.MISSING_IMAGE, LineKind.TIMEOUT, LineKind.OUT_OF_MEMORY, LineKind.CRASH)
_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg"


@finding(
    "poison-record",
    kind=FindingKind.CAUSE,
    title="One batch fails again and again and blocks its shard",
    modes=("F1",),
    stops=None,
    diagnosis=(6,),
    reads=(4, 6, 7, 8),
    remedies=(RemedyId.SKIP_FAILING_BATCH, RemedyId.DEPLOY_WORKING_CODE),
    set_off_by=("code-changed", "configuration-changed", "alias-changed", "mapping-updated"),
    lag=timedelta(minutes=30),
    source=ERRORS_GUIDE,
)
def poison_record(seen: Measured) -> Iterator[Sign]:
    """With the default of unlimited retries a record that the code cannot handle holds its shard for 24 hours.

    The other shards go on, so most invocations succeed; only the maximum iterator age shows it, climbing by a
    minute every minute.
    """
    age = seen.backlog.iterator_age_ms
    waiting = climb(age)
    if waiting is None:
        if (young := _waits_since_failures(seen)) is not None:
            yield young
            yield from _blocking(seen)
            return
        yield against("The iterator age does not climb with the clock.", age)
        return
    lately = Window(max(waiting.start, waiting.end - RECENT_FAILURE), waiting.end)
    failing = [at for at, value in seen.metrics.errors.points.items() if at in lately and value > 0]
    lately = Window(min(failing, default=lately.start), lately.end)
    errors = seen.metrics.errors.total(lately)
    good = {at: value for at, value in seen.success_minutes.items() if at in lately and value > 0}
    written = sum(1 for at, value in seen.write_minutes.items() if at in lately and value > 0)
    if not errors or len(good) <= OTHERS_PASS * written:
        none = "No invocation failed" if not errors else "Hardly any batch succeeded"
        yield against(f"{none} in the last {instant.span(lately.end - lately.start)}.", seen.metrics.errors)
        return
    yield decisive(
        f"The maximum iterator age climbs as fast as the clock, to {instant.span(newest_age(age))}:"
        " a batch waits while others pass.",
        age,
    )
    yield counter(
        f"In the last {instant.span(lately.end - lately.start)} {amount(errors, 'invocations')} failed and"
        f" {sum(good.values()):,.0f} succeeded.",
        seen.metrics.errors,
        seen.metrics.invocations,
    )
    yield from _blocking(seen)


def _waits_since_failures(seen: Measured) -> Sign | None:
    """Give the sign of a batch that has failed for minutes, too few to climb: the oldest waits since failures began.

    Others pass meanwhile. None where they are over, where none passes, or where nothing waits for as long.
    """
    age, began = seen.backlog.iterator_age_ms, failing_since(seen)
    last = seen.metrics.errors.last_positive
    if began is None or last is None or not age.points or seen.window.settled_end - last > 2 * age.period:
        return None
    newest = max(age.points)
    waited, failed = timedelta(milliseconds=age.points[newest]), newest - began.at
    passed = sum(value for at, value in seen.success_minutes.items() if at > began.at)  # not what came just before
    if not passed or waited < KEEPS_UP or abs(waited - failed) > age.period:
        return None
    words = f"Invocations have failed since {instant.clock(began.at, seen.as_of)} while {amount(passed, 'invocations')}"
    return sign(
        f"{words} succeeded, and a record has waited for {instant.span(waited)}: as long.", age, seen.metrics.errors
    )


def _blocking(seen: Evidence) -> Iterator[Sign]:
    """Say why the batch is tried again and again, and what the log says of it."""
    for mapping in otherwise(lambda: expected_to_deliver(seen), ()):
        if mapping.maximum_retry_attempts < 0:
            yield sign(f"Mapping {mapping.uuid} retries without limit.", mapping)
    yield from call_failed(seen)
    for found in otherwise(lambda: current(seen, *_BLOCKING), ())[:1]:
        yield sign(quoted(found, seen), seen.logs)


def _refused_unseen(seen: Evidence, affected: list[EventSourceMapping], why: str) -> Iterator[Sign]:
    """Recognise batches that Lambda takes for failed although the function ended well: no error, and no progress."""
    if not affected:
        yield against(f"No mapping {why}.", seen.mappings)
        return
    age, metrics = seen.backlog.iterator_age_ms, seen.metrics
    waiting = climb(age)
    if waiting is None:
        if young := tuple(_refused_lately(seen, affected)):
            yield from young
            return
        yield against("The iterator age does not climb with the clock.", age)
        return
    lately = Window(max(waiting.start, waiting.end - RECENT_FAILURE), waiting.end)
    errors, throttles = metrics.errors.total(lately), metrics.throttles.total(lately)
    if errors or throttles:
        words = f"{begun(amount(errors, 'invocations'))} failed and {throttles:,.0f} {were(throttles)} throttled."
        yield against(words, metrics.errors)
        return
    _told(seen, affected, waiting)
    for mapping in affected:
        failed = events_of(seen, mapping).get("FailedInvokeEventCount")
        refused = failed.total(lately) if failed is not None else 0
        if failed is not None and not refused:
            yield against(f"Mapping {mapping.uuid} counts its events, and no failed one among them.", failed)
            return
        if failed is not None:
            words = f"Lambda took {amount(refused, 'records')} of mapping {mapping.uuid} for failed while no invocation"
            yield decisive(f"{words} failed; the mapping {why}.", failed)
        else:
            yield sign(f"Mapping {mapping.uuid} {why}, and does not count its events.", mapping)
    invoked = metrics.invocations.total(lately)
    yield counter(
        f"{begun(amount(invoked, 'invocations'))}, no error and no throttle in the same stretch.", metrics.invocations
    )
    yield sign(f"The iterator age climbs with the clock, to {instant.span(newest_age(age))}.", age)


def _refused_lately(seen: Evidence, affected: list[EventSourceMapping]) -> Iterator[Sign]:
    """Give the sign of batches that Lambda has taken for failed for minutes, too few to climb; it may be one record."""
    age, end = seen.backlog.iterator_age_ms, seen.window.settled_end
    lately = Window(end - 2 * age.period, end)
    waits = max(age.between(lately.start, lately.end).values(), default=0.0) * MILLISECOND
    if waits < KEEPS_UP or seen.metrics.errors.total(lately):
        return
    for mapping in affected:
        failed = events_of(seen, mapping).get("FailedInvokeEventCount")
        if failed is not None and (refused := failed.total(lately)):
            words = f"Lambda took {amount(refused, 'records')} of mapping {mapping.uuid} for failed in two minutes"
            yield sign(
                f"{words}, and no invocation failed; a record has waited for {instant.span(waits)}.", failed, age
            )


def _told(seen: Evidence, affected: list[EventSourceMapping], waiting: Window) -> None:
    """Raise NotObserved where a backlog may merely hold a burst of records, and nothing counts whether batches fail."""
    age, length = seen.backlog.iterator_age_ms, waiting.end - waiting.start
    old = timedelta(milliseconds=age.points[waiting.start]) > LONG_WAIT and length < EARLIER_AGES
    if old and not all(events_of(seen, mapping) for mapping in affected):
        reason = "Old records have been handed over for minutes, and no mapping counts whether their batches fail."
        raise NotObserved(Gap("cloudwatch:GetMetricData", seen.incident.region, NOTHING_TO_READ, reason, ref=age.ref))


@finding(
    "partial-batch-misuse",
    kind=FindingKind.CAUSE,
    title="The function reports failed records in a way that makes whole batches fail",
    modes=("F5",),
    stops=None,
    diagnosis=(6,),
    reads=(6, 7, 8),
    remedies=(RemedyId.DEPLOY_WORKING_CODE,),
    set_off_by=("code-changed", "alias-changed", "mapping-updated"),
    lag=timedelta(minutes=30),
    source=ERRORS_GUIDE,
)
def partial_batch_misuse(seen: Evidence) -> Iterator[Sign]:
    """An empty, unknown or misspelt identifier in `batchItemFailures` fails the whole batch, without any error.

    The lowest number named is where Lambda begins again, so naming all of them begins the batch anew for ever.
    """
    reporting = [
        mapping for mapping in expected_to_deliver(seen) if "ReportBatchItemFailures" in mapping.response_types
    ]
    yield from _refused_unseen(seen, reporting, "lets the function report failed records")


@finding(
    "tumbling-no-state",
    kind=FindingKind.CAUSE,
    title="The function returns no state for its tumbling window, and every batch counts as failed",
    modes=("F6",),
    stops=None,
    diagnosis=(6,),
    reads=(6, 7, 8),
    remedies=(RemedyId.DEPLOY_WORKING_CODE,),
    set_off_by=("code-changed", "alias-changed", "mapping-updated"),
    lag=timedelta(minutes=30),
    source=f"{_GUIDE}/services-ddb-windows.html",
)
def tumbling_no_state(seen: Evidence) -> Iterator[Sign]:
    """With a tumbling window each answer has to hold the `state` that the next one starts from.

    How AWS counts an answer without it is not documented beyond "failed"; the mapping's own counts decide.
    """
    windowed = [mapping for mapping in expected_to_deliver(seen) if mapping.tumbling_window_s > 0]
    windowed = [mapping for mapping in windowed if "ReportBatchItemFailures" not in mapping.response_types]
    yield from _refused_unseen(seen, windowed, "collects its records in a tumbling window")


@finding(
    "iterator-age-rising",
    kind=FindingKind.SYMPTOM,
    title="Records wait longer and longer",
    modes=(),
    diagnosis=(6,),
    reads=(6,),
    source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
)
def iterator_age_rising(seen: Evidence) -> Iterator[Sign]:
    """IteratorAge is the age of a batch's last record when the batch is sent; nothing sent, no datapoint."""
    age = seen.backlog.iterator_age_ms
    if climb(age) is None:
        yield against("The iterator age does not climb with the clock.", age)
        return
    yield sign(f"The iterator age climbs with the clock, to {instant.span(newest_age(age))}.", age)


@finding(
    "errors-high",
    kind=FindingKind.SYMPTOM,
    title="Invocations fail",
    modes=(),
    diagnosis=(3,),
    reads=(7,),
    source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
)
def errors_high(seen: Evidence) -> Iterator[Sign]:
    """Errors counts exceptions, timeouts and failed starts; a partial batch failure is none of them."""
    last_hour = Window(seen.window.end - FAILING_NOW, seen.window.end)
    errors, invocations = seen.metrics.errors.total(last_hour), seen.metrics.invocations.total(last_hour)
    if not errors:
        yield against("No invocation failed in the last hour.", seen.metrics.errors)
        return
    yield sign(
        f"{errors:,.0f} of {amount(invocations, 'invocations')} failed in the last hour.",
        seen.metrics.errors,
        seen.metrics.invocations,
    )
