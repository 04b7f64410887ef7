"""The function feeds itself: what it does brings it more to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.findings import FindingKind, Sign, against, finding, sign
from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.incident import Window
from runbook_lib.interpret.amount import amount
from runbook_lib.interpret.policy import Decision, evaluate, poller_context
from runbook_lib.measuring.thresholds import GROWN_TIMES, OUTGROWN

_REFUSALS = (Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY)


@finding(
    "write-back-loop",
    kind=FindingKind.CONTRIBUTING,
    title="The function seems to write to the table that triggers it",
    modes=("F10",),
    diagnosis=(6, 9),
    reads=(2, 5, 7),
    remedies=(RemedyId.DEPLOY_WORKING_CODE,),
    set_off_by=("code-changed", "configuration-changed", "alias-changed", "role-policy-put", "role-policy-attached"),
    lag=timedelta(minutes=15),
    source="https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html",
)
def write_back_loop(seen: Evidence) -> Iterator[Sign]:
    """A function that updates its own table triggers itself with every update, until one changes nothing.

    Lambda does not detect such a loop, and no counter says who writes. That one kind of write has outgrown every other
    hour and every other kind, and that the role may make it, asks the question; the code answers it.
    """
    grown, writes = _outgrown(seen), seen.metrics.consumed_writes
    if grown is None:
        yield against("No kind of write is seen to outgrow the days before and the other kinds.", writes)
        return
    role, table = seen.role.role, seen.streams.table
    allowed = evaluate(
        _ACTIONS.get(grown.operation, f"dynamodb:{grown.operation}"),
        table.arn,
        identity=seen.role.policies,
        boundary=seen.role.boundary,
        resource_policies=(),
        principal_arn=role.arn,
        context=poller_context(role.arn, table.arn),
    )
    if allowed.decision in _REFUSALS:
        yield against(f"Role {role.name} may not write to {table.name}. {allowed.because}", seen.role.policies_ref)
        return
    may = "may make" if allowed.decision is Decision.ALLOW else "might be allowed to make"
    words = (
        f"{amount(grown.now, f'{grown.operation} requests')} in the last hour and {grown.before:,.0f} in that of"
        f" {instant.clock(grown.hour, seen.as_of)}, while other writes went on as before; role {role.name} {may} such."
    )
    yield sign(f"{words} Does the function write to {table.name}?", writes, seen.role.policies_ref)


_ACTIONS = {"TransactWriteItems": "dynamodb:UpdateItem", "ExecuteStatement": "dynamodb:PartiQLUpdate"}
"""The action that an operation needs, where it is not called after it; of several the one that an update needs."""


class _GrownWrites(NamedTuple):
    """A kind of write, how many there were in the last hour, and how many in its quietest hour."""

    operation: str
    now: float
    before: float
    hour: datetime


def _outgrown(seen: Evidence) -> _GrownWrites | None:
    """Find the kind of write that has outgrown the busiest hour of the days before, and the other kinds with it."""
    hours = _hours(seen.window)
    if not hours:
        return None
    used, history = seen.metrics.consumed_writes.total(hours[0]), seen.metrics.hourly_writes.points
    busiest = max((value for at, value in history.items() if at < seen.window.start), default=used)
    if used <= OUTGROWN * busiest:
        return None
    totals = {name: [series.total(hour) for hour in hours] for name, series in seen.metrics.writes.items()}
    for name, counts in totals.items():
        quietest = min(range(len(hours)), key=counts.__getitem__)
        others = [sum(counted[n] for other, counted in totals.items() if other != name) for n in (0, quietest)]
        growth, beside = _growth(counts[0], counts[quietest]), _growth(*others)
        if growth >= GROWN_TIMES and growth >= OUTGROWN * beside:
            return _GrownWrites(name, counts[0], counts[quietest], hours[quietest].start)
    return None


def _hours(window: Window) -> list[Window]:
    """The whole hours of a window, the last one first."""
    end = window.settled_end
    count = int((end - window.start) / instant.HOUR)
    return [Window(end - (n + 1) * instant.HOUR, end - n * instant.HOUR) for n in range(count)]


def _growth(now: float, before: float) -> float:
    return now / max(before, 1.0)
