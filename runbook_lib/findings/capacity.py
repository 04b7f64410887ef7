"""The function may not run: concurrency."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.findings import Kind, Sign, against, counter, decisive, finding, sign
from runbook_lib.stages import Stage

_CONCURRENCY = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"


@finding(
    "reserved-concurrency-zero",
    kind=Kind.CAUSE,
    title="The function's reserved concurrency is zero: every invocation is throttled",
    modes=("E1",),
    stops=Stage.INVOKED,
    diagnosis=(9,),
    reads=(7,),
    remedies=("R5",),
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
        yield counter(f"{total:,.0f} invocations were throttled in the window.", throttles)


@finding(
    "throttled",
    kind=Kind.SYMPTOM,
    title="Invocations are throttled",
    modes=(),
    stops=None,
    diagnosis=(6, 9),
    reads=(7,),
    remedies=(),
    set_off_by=(),
    lag=timedelta(0),
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
    yield sign(f"{total:,.0f} invocations throttled, the last at {instant.clock(last, seen.as_of)}.", throttles)
