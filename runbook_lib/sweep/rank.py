"""Who loses data first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from runbook_lib.judging.loss_clock import LOST_FIRST, LossState
from runbook_lib.sweep.triage import Triage, TriageOutcome

_OUTCOMES = tuple(TriageOutcome)
_NEVER = datetime.max.replace(tzinfo=UTC)


def first_to_lose(triages: Iterable[Triage]) -> tuple[Triage, ...]:
    """Order triggers: those that lose records now, then by deadline, then what is wrong without one, then the rest.

    A clock of a trigger of which nothing is known says nothing, so that it does not go before one that is broken.
    """
    return tuple(sorted(triages, key=urgency))


def urgency(triage: Triage) -> tuple[int, datetime, int, str, str]:
    """Give what triggers are ordered by, the most urgent the least."""
    wrong = triage.is_wrong
    state = LOST_FIRST.index(triage.loss.state) if wrong else len(LOST_FIRST)
    when = triage.loss.already_lost_from if triage.loss.state is LossState.LOSING else triage.loss.deadline
    return (
        state,
        (when if wrong else None) or _NEVER,
        _OUTCOMES.index(triage.outcome),
        triage.connection.table,
        triage.connection.function,
    )
