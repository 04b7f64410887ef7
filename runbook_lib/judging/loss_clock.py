"""How long until data is lost. Stream records live 24 hours; the clock is never optimistic.

Where an input is missing the answer is a bound on the safe side, or *unknown*; it is never "fine".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from runbook_lib import instant
from runbook_lib.amount import amount
from runbook_lib.instant import RETENTION


class LossState(StrEnum):
    """Whether records are being lost."""

    NONE = "none"
    AT_RISK = "at_risk"
    LOSING = "losing"
    UNKNOWN = "unknown"


LOST_FIRST = (LossState.LOSING, LossState.AT_RISK, LossState.UNKNOWN, LossState.NONE)
"""The states by urgency: who loses records first."""


@dataclass(frozen=True)
class MappingLoss:
    """The clock of one mapping (`uuid` empty: there is no mapping, the clock is the stream's)."""

    uuid: str
    deadline: datetime | None
    basis: str


@dataclass(frozen=True)
class Loss:
    """The loss clock.

    From `deadline` on, the oldest undelivered record is gone. `already_lost_from` and `already_lost_to` bound writes
    that can no longer be had from the stream. `basis` says what the clock was read from.
    """

    state: LossState
    deadline: datetime | None
    already_lost_from: datetime | None
    already_lost_to: datetime | None
    basis: str
    mappings: tuple[MappingLoss, ...] = ()
    refs: tuple[str, ...] = ()

    def sentence(self, as_of: datetime) -> str:
        """Say it as one sentence that a person can act on."""
        if self.state is LossState.NONE:
            return "No records are at risk."
        if self.state is LossState.UNKNOWN:
            return f"It is not known whether records are being lost. {self.basis}"
        if self.state is LossState.LOSING:
            start = instant.clock(self.already_lost_from, as_of) if self.already_lost_from else "an unknown time"
            more = f" More are lost from {instant.clock(self.deadline, as_of)}." if self.deadline else ""
            return f"Records written since {start} are being lost now. {self.basis}{more}"
        assert self.deadline is not None
        left = instant.span(self.deadline - as_of)
        gone = ""
        if self.already_lost_from and self.already_lost_to:
            length = instant.span(self.already_lost_to - self.already_lost_from)
            gone = (
                f" Writes made in the {length} from {instant.clock(self.already_lost_from, as_of)} on left no record"
                " and are lost already."
            )
        return (
            f"The oldest undelivered records are lost from {instant.clock(self.deadline, as_of)}:"
            f" {left} left as of {instant.clock(as_of)}.{gone}"
        )


@dataclass(frozen=True)
class Undelivered:
    """What a mapping has not delivered: the oldest such record, and the limits it lives under.

    `oldest` None: it could not be told. `record_age_s` and `retries` are the mapping's, -1 for no limit; `discards`
    says that failures are function errors, which use retries up (throttles and denied reads do not).
    """

    uuid: str
    oldest: datetime | None
    basis: str
    record_age_s: int = -1
    retries: int = -1
    discards: bool = False


def clock(
    waiting: Iterable[Undelivered],
    as_of: datetime,
    *,
    never_recorded: tuple[datetime, datetime | None] | None = None,
    refs: tuple[str, ...] = (),
) -> Loss:
    """Read the clock over everything that waits.

    `never_recorded` is a stretch in which no stream was on, its end None while that lasts: what was written in it is
    lost whatever waits.
    """
    each = list(waiting)
    lives = [
        (undelivered, undelivered.oldest + _lifetime(undelivered))
        for undelivered in each
        if undelivered.oldest is not None
    ]
    deadlines = tuple(MappingLoss(undelivered.uuid, deadline, undelivered.basis) for undelivered, deadline in lives)
    nearest = min((deadline for _, deadline in lives), default=None)
    lost_from, lost_to = never_recorded or (None, None)

    if lost_from is not None and lost_to is None:
        return Loss(LossState.LOSING, nearest, lost_from, as_of, _NO_RECORD, deadlines, refs)
    dropping = [undelivered for undelivered in each if undelivered.discards and undelivered.retries >= 0]
    if dropping:
        oldest = min((undelivered.oldest for undelivered in dropping if undelivered.oldest), default=None)
        basis = f"Failed batches are discarded after {amount(dropping[0].retries, 'retries')}."
        return Loss(LossState.LOSING, nearest, oldest, as_of, basis, deadlines, refs)
    if nearest is not None and nearest <= as_of:
        first = min(undelivered.oldest for undelivered, _ in lives if undelivered.oldest is not None)
        reach = as_of - min(_lifetime(undelivered) for undelivered, _ in lives)
        basis = "Records older than their lifetime are gone, more with every minute."
        return Loss(LossState.LOSING, None, first, reach, basis, deadlines, refs)
    untold = next((undelivered for undelivered in each if undelivered.oldest is None), None)
    if untold is not None:
        return Loss(LossState.UNKNOWN, nearest, lost_from, lost_to, untold.basis, deadlines, refs)
    if nearest is None:
        return Loss(LossState.NONE, None, lost_from, lost_to, "Nothing is known to wait undelivered.", (), refs)
    basis = next(undelivered.basis for undelivered, deadline in lives if deadline == nearest)
    return Loss(LossState.AT_RISK, nearest, lost_from, lost_to, basis, deadlines, refs)


_NO_RECORD = "Writes made while no stream is enabled leave no record; no stream can ever deliver them."


def _lifetime(undelivered: Undelivered) -> timedelta:
    """A record dies after 24 hours, or earlier where the mapping says so."""
    limit = timedelta(seconds=undelivered.record_age_s) if undelivered.record_age_s > 0 else RETENTION
    return min(limit, RETENTION)
