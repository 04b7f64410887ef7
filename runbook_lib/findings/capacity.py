"""The function may not run: concurrency."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.signals import Series
from runbook_lib.findings import FindingKind, Sign, Trait, against, counter, decisive, finding, sign
from runbook_lib.findings.mapping import expected_to_deliver
from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.incident import Window
from runbook_lib.instant import MILLISECOND
from runbook_lib.interpret.amount import amount, begun
from runbook_lib.measuring.pipe import FlowState, Measured, Stage
from runbook_lib.measuring.thresholds import (
    AT_WORK,
    LATELY,
    LEAST_PROGRESS,
    LONG_WAIT,
    NEWEST_AGES,
    PAYLOAD,
    REPLICA_SHARD_READERS,
    SHARD_READERS,
    USED_UP,
)
from runbook_lib.observed import known

_CONCURRENCY = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"


@finding(
    "reserved-concurrency-zero",
    kind=FindingKind.CAUSE,
    title="The function's reserved concurrency is zero: every invocation is throttled",
    modes=("E1",),
    stops=Stage.INVOKED,
    diagnosis=(9,),
    reads=(7,),
    remedies=(RemedyId.FREE_CONCURRENCY,),
    set_off_by=("concurrency-set",),
    lag=timedelta(minutes=10),
    source=_CONCURRENCY,
)
def reserved_concurrency_zero(seen: Evidence) -> Iterator[Sign]:
    """Zero is the documented kill switch: the mapping goes on trying and every batch is refused until it expires.

    Zero is not the same as no reservation, for which AWS leaves the value out.
    """
    limits = seen.metrics.concurrency
    if limits.reserved != 0:
        words = "is not reserved" if limits.reserved is None else f"is {limits.reserved}"
        yield against(f"The concurrency of {seen.incident.function.name} {words}.", limits.reserved_ref)
        return
    yield decisive(f"The reserved concurrency of {seen.incident.function.name} is 0.", limits.reserved_ref)
    throttles = seen.metrics.throttles
    if throttles.last_positive is not None:
        total = sum(throttles.points.values())
        yield counter(f"{amount(total, 'invocations were')} throttled in the window.", throttles)


def _lately(seen: Evidence) -> Window:
    end = seen.window.settled_end
    return Window(end - LATELY, end)


def _peak(series: Series, window: Window) -> float:
    return max(series.between(window.start, window.end).values(), default=0.0)


def _falls_behind(seen: Measured) -> bool:
    """Whether records are late and get later: nothing is invoked any more, or the iterator age is high and rises.

    The newest of them count: a new mapping begins with records a day old, and has caught up within minutes.
    """
    if seen.stages.observed(Stage.INVOKED).state is FlowState.STOPPED:
        return True
    points = seen.backlog.iterator_age_ms.points
    window = _lately(seen)
    now = [value for at, value in points.items() if at in window]
    before = [value for at, value in points.items() if window.start - LATELY <= at < window.start]
    newest = [points[at] for at in sorted(points)[-NEWEST_AGES:]]
    return bool(now and before) and max(newest) > LONG_WAIT / MILLISECOND and max(newest) > max(before)


def _throttled_lately(seen: Evidence) -> float:
    return seen.metrics.throttles.total(_lately(seen))


@finding(
    "reserved-too-low",
    kind=FindingKind.CAUSE,
    title="The function's reserved concurrency is too low for what arrives",
    modes=("E2",),
    stops=None,
    diagnosis=(6, 9),
    reads=(6, 7),
    remedies=(RemedyId.FREE_CONCURRENCY,),
    set_off_by=("concurrency-set", "code-changed", "configuration-changed", "alias-changed"),
    lag=timedelta(hours=24),
    source=_CONCURRENCY,
)
def reserved_too_low(seen: Measured) -> Iterator[Sign]:
    """A reservation is also a ceiling: what would run beyond it is throttled and waits, and the backlog grows.

    Some invocations go through all the time, so the trigger looks alive and gets later and later.
    """
    limits, concurrent = seen.metrics.concurrency, seen.metrics.concurrent
    reserved = limits.reserved
    if not reserved:
        words = "is not reserved" if reserved is None else "is 0, which is another fault"
        yield against(f"The concurrency of the function {words}.", limits.reserved_ref)
        return
    throttles, used = _throttled_lately(seen), _peak(concurrent, _lately(seen))
    if not throttles or used < reserved or not _falls_behind(seen):
        yield against(
            f"{used:,.0f} of {amount(reserved, 'reserved executions')} in use, and nothing falls behind.", concurrent
        )
        return
    yield decisive(
        f"{used:,.0f} of {amount(reserved, 'reserved executions are')} in use, and records are delivered later and"
        " later.",
        concurrent,
        limits.reserved_ref,
    )
    yield counter(
        f"{amount(throttles, 'invocations were')} throttled in the last {instant.span(LATELY)}.",
        seen.metrics.throttles,
    )


@finding(
    "account-concurrency-exhausted",
    kind=FindingKind.CAUSE,
    title="The account has no concurrency left for the function",
    modes=("E3",),
    stops=None,
    diagnosis=(8, 9),
    reads=(6, 7),
    remedies=(RemedyId.CAP_BUSIEST_FUNCTION, RemedyId.RAISE_QUOTA),
    set_off_by=(),
    source=_CONCURRENCY,
)
def account_concurrency_exhausted(seen: Measured) -> Iterator[Sign]:
    """All functions of a region share the account's concurrency; one that runs away leaves nothing for the others.

    Only a function with a reservation of its own is safe from that.
    """
    limits = seen.metrics.concurrency
    if limits.reserved is not None:
        yield against(f"The function has {amount(limits.reserved, 'executions')} of its own.", limits.reserved_ref)
        return
    throttles, window = _throttled_lately(seen), _lately(seen)
    if not throttles or not _falls_behind(seen):
        yield against("No invocation was throttled lately while records fell behind.", seen.metrics.throttles)
        return
    for series, limit, words in (
        (seen.metrics.account_concurrent, limits.account_limit, "of the account's"),
        (seen.metrics.unreserved_concurrent, limits.account_unreserved, "of the account's unreserved"),
    ):
        used = _peak(series, window)
        if used >= USED_UP * limit:
            yield decisive(f"{used:,.0f} {words} {amount(limit, 'executions are')} in use.", series, limits.account_ref)
            refused = f"{amount(throttles, 'invocations were')} throttled in the last {instant.span(LATELY)}."
            yield counter(refused, seen.metrics.throttles)
            return
    yield against("The account's concurrency is not used up.", seen.metrics.account_concurrent, limits.account_ref)


@finding(
    "shard-serial-lag",
    kind=FindingKind.CAUSE,
    title="The function is too slow for one batch per shard at a time",
    modes=("E4",),
    stops=None,
    diagnosis=(6,),
    reads=(2, 6, 7),
    remedies=(RemedyId.RUN_MORE_BATCHES, RemedyId.GIVE_TIME_OR_MEMORY),
    set_off_by=("code-changed", "configuration-changed", "alias-changed", "mapping-updated"),
    lag=timedelta(hours=24),
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html",
)
def shard_serial_lag(seen: Measured) -> Iterator[Sign]:
    """Lambda hands over one batch of a shard at a time, so that order is kept: a slow function cannot be helped along.

    Nothing fails and nothing is throttled; every place there is, is in use, and the backlog still grows.
    """
    window = _lately(seen)
    refused = _throttled_lately(seen) + seen.metrics.errors.total(window)
    if refused or not _creeps(seen):
        yield against("No backlog grows while every invocation succeeds.", seen.backlog.iterator_age_ms)
        return
    places = _places(seen)
    used, spent = _peak(seen.metrics.concurrent, window), seen.metrics.duration_total_ms.total(window)
    busy = min(1.0, spent / (LATELY / MILLISECOND * places))
    said = f"{amount(places, 'batches')} can be out at once (open shards times parallelization), and {used:,.0f} were."
    if used < places or busy < AT_WORK:
        yield sign(f"Records wait longer and longer, with no error and no throttle. {said}", seen.metrics.concurrent)
        return
    yield decisive(f"{said} Records are delivered later and later all the same.", seen.metrics.concurrent)
    words = f"The function was at work for {busy:.0%} of the time that {amount(places, 'batches')} at once can take."
    yield counter(words, seen.metrics.duration_total_ms)


def _places(seen: Evidence) -> int:
    """How many batches may be out at the same time."""
    label = (seen.streams.table.latest_stream_arn or "").rpartition("/")[2]
    shards = known(
        next((listed for name, listed in seen.backlog.shards.items() if name.rpartition("/")[2] == label), ())
    )
    factor = max((mapping.parallelization_factor for mapping in expected_to_deliver(seen)), default=1)
    return max(1, sum(shard.open for shard in shards)) * factor


def _creeps(seen: Measured) -> bool:
    """Whether records are delivered now, and later and later: nothing stands still, and no backlog is worked off."""
    if seen.stages.observed(Stage.INVOKED).state is not FlowState.FLOWING:
        return False
    progress, newest = _progress(seen), seen.backlog.last_age
    late = newest is not None and newest[1] > LONG_WAIT
    return late and progress is not None and LEAST_PROGRESS <= progress < 1 and _falls_behind(seen)


def _progress(seen: Evidence) -> float | None:
    """How fast the backlog's front moves, against the clock; 0 for one that is stuck, None without data."""
    window = Window(_lately(seen).start - LATELY, _lately(seen).end)
    points = [(at, value) for at, value in sorted(seen.backlog.iterator_age_ms.points.items()) if at in window]
    if len(points) < 2:
        return None
    passed = (points[-1][0] - points[0][0]).total_seconds() * 1000
    return 1 - (points[-1][1] - points[0][1]) / passed


@finding(
    "payload-or-duration",
    kind=FindingKind.CONTRIBUTING,
    title="Records are so large that batches are cut short",
    modes=("E6",),
    diagnosis=(6,),
    reads=(3, 6, 7),
    remedies=(RemedyId.RUN_MORE_BATCHES, RemedyId.GIVE_TIME_OR_MEMORY),
    set_off_by=("code-changed", "mapping-updated"),
    lag=timedelta(hours=24),
    source="https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html",
)
def payload_or_duration(seen: Measured) -> Iterator[Sign]:
    """One invocation takes 6 MB, so large records fill a batch before the batch size does, and nothing says so.

    Code that takes about as long over a small batch as over a large one then falls behind. The sizes are those that
    DynamoDB counts; as JSON a record is larger still, so a batch holds fewer than is said here.
    """
    label = (seen.streams.table.latest_stream_arn or "").rpartition("/")[2]
    sizes, counts = seen.backlog.returned_bytes.get(label), seen.backlog.returned.get(label)
    records = counts.total(_lately(seen)) if counts else 0
    if sizes is None or counts is None or not records or not _creeps(seen):
        yield against("No backlog of records grows while some are delivered.", seen.backlog.iterator_age_ms)
        return
    each = sizes.total(_lately(seen)) / records
    cut = [mapping for mapping in expected_to_deliver(seen) if mapping.batch_size * each > PAYLOAD]
    if not cut:
        yield against(
            f"A record has {amount(each, 'bytes')} on average, so whole batches fit into an invocation.", sizes
        )
    for mapping in cut:
        yield sign(
            f"Records have {each / 1000:,.0f} kB on average: an invocation takes {int(PAYLOAD / each):,} of them at"
            f" most, and not the {mapping.batch_size:,} of mapping {mapping.uuid}.",
            sizes,
            counts,
            mapping,
        )


@finding(
    "records-late",
    kind=FindingKind.SYMPTOM,
    title="Records are delivered, later and later",
    modes=(),
    diagnosis=(6,),
    reads=(6,),
    source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
)
def records_late(seen: Measured) -> Iterator[Sign]:
    """An age that grows slower than the clock is a backlog that is worked off too slowly, not one that is stuck."""
    age, progress = seen.backlog.iterator_age_ms, _progress(seen) or 0.0
    if not _creeps(seen):
        yield against("The iterator age does not creep up.", age)
        return
    newest = instant.span(timedelta(milliseconds=age.points[max(age.points)]))
    yield sign(f"The iterator age is {newest} and rises, at {1 - progress:.0%} of the clock's speed.", age)


@finding(
    "too-many-readers",
    kind=FindingKind.CONTRIBUTING,
    title="More readers share the stream's shards than a shard can serve",
    modes=("E5",),
    diagnosis=(6, 8),
    reads=(3,),
    remedies=(RemedyId.SHARE_ONE_READER,),
    set_off_by=("mapping-created", "mapping-enabled"),
    lag=timedelta(hours=24),
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html",
)
def too_many_readers(seen: Evidence) -> Iterator[Sign]:
    """A shard serves two readers at once, one for a global table; with more of them all are throttled now and then.

    Readers that are no event source mappings (pipes, applications, people) are not seen here and come on top.
    """
    table = seen.streams.table
    everyone = (*seen.mappings.ours, *seen.mappings.same_stream)
    readers = [
        mapping for mapping in everyone if mapping.event_source_arn == table.latest_stream_arn and mapping.enabled
    ]
    most = REPLICA_SHARD_READERS if table.replica_regions else SHARD_READERS
    if len(readers) <= most:
        yield against(
            f"{begun(amount(len(readers), 'mappings read'))} the latest stream, and {most} may.", seen.mappings
        )
        return
    names = ", ".join(sorted(mapping.function.name for mapping in readers))
    yield decisive(f"{len(readers)} mappings read the latest stream, where {most} may: {names}.", seen.mappings)


@finding(
    "throttled",
    kind=FindingKind.SYMPTOM,
    title="Invocations are throttled",
    modes=(),
    diagnosis=(6, 9),
    reads=(7,),
    traits=(Trait.THROTTLES,),
    source=_CONCURRENCY,
)
def throttled(seen: Evidence) -> Iterator[Sign]:
    """A throttled batch is tried again until it expires; it uses up no retries."""
    throttles = seen.metrics.throttles
    last = throttles.last_positive
    if last is None:
        yield against("No invocation was throttled in the window.", throttles)
        return
    total = sum(throttles.points.values())
    yield sign(f"{amount(total, 'invocations')} throttled, the last at {instant.clock(last, seen.as_of)}.", throttles)
