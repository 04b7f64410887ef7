"""Who loses data first: losing now, then by deadline, then unknown, then whoever has nothing wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runbook_lib.judging.loss_clock import Loss, LossState
from runbook_lib.sweep.counters import CounterQuery, batches
from runbook_lib.sweep.rank import first_to_lose
from runbook_lib.sweep.survey import Connection
from runbook_lib.sweep.triage import Triage, TriageOutcome

NOW = datetime(2026, 3, 14, 15, 9, tzinfo=UTC)
ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/"


def _one(name: str, outcome: TriageOutcome, state: LossState, hours: float | None = None) -> Triage:
    at = None if hours is None else NOW + timedelta(hours=hours)
    lost = at if state is LossState.LOSING else None
    loss = Loss(state, None if lost else at, lost, lost and NOW, "read")
    return Triage(Connection(f"{ARN}{name}", "f"), "f", (), outcome, "", (), (), loss, None, ())


def test_the_order_is_the_order_of_loss() -> None:
    """However they come in, triggers come out by loss and deadline, and what is well comes last whatever its clock."""
    wanted = [
        _one("lost-longest", TriageOutcome.FAULT, LossState.LOSING, -9),
        _one("lost-lately", TriageOutcome.SUSPECT, LossState.LOSING, -1),
        _one("soon", TriageOutcome.SUSPECT, LossState.AT_RISK, 2),
        _one("later", TriageOutcome.FAULT, LossState.AT_RISK, 20),
        _one("untold", TriageOutcome.FAULT, LossState.UNKNOWN),
        _one("latent", TriageOutcome.FAULT, LossState.NONE),
        _one("unseen", TriageOutcome.NOT_EXAMINED, LossState.UNKNOWN),
        _one("quiet", TriageOutcome.QUIET, LossState.UNKNOWN, 1),
        _one("a-works", TriageOutcome.NOTHING_SEEN, LossState.NONE),
        _one("b-works", TriageOutcome.NOTHING_SEEN, LossState.NONE),
    ]
    assert list(first_to_lose(reversed(wanted))) == wanted


def _asked(*keys: str) -> list[CounterQuery]:
    return [CounterQuery((key, "m"), "AWS/Lambda", "m", "Sum", "count", "m") for key in keys]


def test_a_batch_holds_no_more_than_one_call() -> None:
    """Triggers are grouped so that no group asks for more than 500 series, and each trigger is in one group."""
    wanted = {Connection(f"{ARN}t{n}", "f"): _asked(*(f"{n}-{k}" for k in range(7))) for n in range(200)}
    found = list(batches(wanted))
    assert [trigger for group, _ in found for trigger in group] == list(wanted)
    assert max(len(series) for _, series in found) <= 500
    assert len(found) == 3


def test_what_triggers_share_is_asked_for_once() -> None:
    """A function that many streams trigger has its series once in a group."""
    wanted = {Connection(f"{ARN}t{n}", "f"): _asked("f", f"t{n}") for n in range(100)}
    ((_, series),) = batches(wanted)
    assert len(series) == 101
