"""The budget of calls: a burst at once, then AWS's rate and never more, and nobody waits past the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from worlds import A_MOMENT, NOW, incident_of, sandboxed

from runbook_lib.archive.record import Record
from runbook_lib.aws import LIMITS, READS, Budget, Limit, Live, Reader
from runbook_lib.observed import NotObserved
from runbook_lib.sandbox import build

LOOKUP = ("cloudtrail", "LookupEvents", "eu-west-1")


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


def _budget(clock: Clock, limits: dict[tuple[str, str], Limit] | None = None) -> Budget:
    return Budget(LIMITS if limits is None else limits, clock, clock.sleep)


def _moments(budget: Budget, clock: Clock, calls: int, ask: Callable[[Budget], None]) -> list[float]:
    found = []
    for _ in range(calls):
        ask(budget)
        found.append(clock.now)
    return found


def test_a_burst_goes_at_once_and_the_rest_at_the_rate(clock: Clock) -> None:
    """Two look-ups of the trail go at once; each further one waits, and no second ever holds more than AWS grants."""
    moments = _moments(_budget(clock), clock, 20, lambda budgeted: budgeted.wait(*LOOKUP))
    assert moments[:2] == [1000.0, 1000.0]
    assert all(later - sooner >= 1.0 for sooner, later in zip(moments[2:], moments[4:], strict=False))
    assert 8 <= moments[-1] - moments[0] <= 11


def test_a_rest_fills_the_bucket_and_no_further(clock: Clock) -> None:
    """After a long pause the burst is to be had again, and not twice."""
    budget = _budget(clock)
    _moments(budget, clock, 5, lambda budgeted: budgeted.wait(*LOOKUP))
    clock.now += 3600
    clock.waits.clear()
    _moments(budget, clock, 3, lambda budgeted: budgeted.wait(*LOOKUP))
    assert len(clock.waits) == 1


def test_every_region_and_service_has_a_bucket_of_its_own(clock: Clock) -> None:
    """A bucket that is empty holds up neither another region nor another service."""
    budget = _budget(clock)
    _moments(budget, clock, 2, lambda budgeted: budgeted.wait(*LOOKUP))
    budget.wait("cloudtrail", "LookupEvents", "us-east-1")
    budget.wait("lambda", "ListAliases", "eu-west-1")
    assert clock.waits == []


def test_the_operations_of_lambda_share_one_rate(clock: Clock) -> None:
    """Lambda's control plane counts all operations together."""
    limits = {("lambda", "*"): Limit(15, 2, "here")}
    budget = _budget(clock, limits)
    for operation in ("ListAliases", "GetFunctionConcurrency", "GetEventSourceMapping"):
        budget.wait("lambda", operation, "eu-west-1")
    assert len(clock.waits) == 1


def test_what_has_no_rate_never_waits(clock: Clock) -> None:
    """A call that no line is about goes at once, however many there are."""
    _moments(_budget(clock), clock, 100, lambda budgeted: budgeted.wait("sts", "GetCallerIdentity", "eu-west-1"))
    assert clock.waits == []


def test_nobody_waits_for_a_turn_past_the_end(clock: Clock) -> None:
    """A call whose turn would come after the deadline is refused at once, and takes no token from one that can go."""
    budget = _budget(clock)
    budget.expire_in(0.3)
    _moments(budget, clock, 2, lambda budgeted: budgeted.wait(*LOOKUP))
    with pytest.raises(NotObserved) as unseen:
        budget.wait(*LOOKUP)
    assert clock.waits == []
    assert unseen.value.gap.code == "Timeout"
    assert "cloudtrail:LookupEvents in eu-west-1 was not asked for want of time" in unseen.value.gap.reason


def test_after_the_end_nothing_goes(clock: Clock) -> None:
    """Once the time is up even a call without a rate is refused."""
    budget = _budget(clock)
    budget.expire_in(5)
    clock.now += 5
    with pytest.raises(NotObserved):
        budget.wait("sts", "GetCallerIdentity", "eu-west-1")


def test_stopping_sends_the_waiting_away() -> None:
    """Threads that wait for their turn end when the budget is stopped, and make no call."""
    budget = Budget({("lambda", "*"): Limit(0.001, 1, "here")})
    budget.wait("lambda", "ListAliases", "eu-west-1")
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(budget.wait, "lambda", "ListAliases", "eu-west-1") for _ in range(4)]
        threading.Timer(0.05, budget.stop).start()
        assert all(isinstance(future.exception(timeout=10), NotObserved) for future in waiting)


def test_threads_take_no_token_twice() -> None:
    """Of many threads at once exactly the burst goes without waiting."""
    waits: list[float] = []
    budget = Budget({("lambda", "*"): Limit(1, 7, "here")}, lambda: 0.0, waits.append)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: budget.wait("lambda", "ListAliases", "eu-west-1"), range(50)))
    assert len(waits) == 43
    assert len(set(waits)) == 43


def test_an_endpoint_of_ones_own_sets_no_rates(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """What is not AWS is asked without waiting, unless one wants its rates all the same."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    _moments(_budget(clock), clock, 50, lambda budgeted: budgeted.wait(*LOOKUP))
    assert clock.waits == []
    monkeypatch.setenv("RUNBOOK_PACE", "aws")
    _moments(_budget(clock), clock, 3, lambda budgeted: budgeted.wait(*LOOKUP))
    assert len(clock.waits) == 1


def test_every_rate_is_of_an_operation_that_may_leave() -> None:
    """The table of rates names operations on the list of reads, a rate that lasts, and who says so."""
    for (service, operation), limit in LIMITS.items():
        assert operation == "*" or operation in READS[service]
        assert 0 < limit.burst <= limit.per_s
        assert limit.source


def test_a_call_that_was_not_made_leaves_a_gap_and_no_record() -> None:
    """A live call refused by the budget is a gap like any other, and the record does not say that it was made."""
    world = build("healthy", NOW, seed=1, history=A_MOMENT)
    incident = incident_of(world, "INC-1")
    with sandboxed(world):
        live = Live(incident)
        record = Record.create(incident, NOW, {"Account": world.account, "Arn": ""}, archive=None)
        live.budget.expire_in(0)
        with pytest.raises(NotObserved) as unseen:
            Reader(record, live).for_step("01-x").call("dynamodb", "DescribeTable", TableName="Orders")
    assert unseen.value.gap.code == "Timeout"
    assert record.calls() == ()
