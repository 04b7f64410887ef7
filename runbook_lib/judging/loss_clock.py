"""How long until data is lost. Stream records live 24 hours; the clock is never optimistic.

Where an input is missing the answer is a bound on the safe side, or *unknown*; it is never "fine".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from runbook_lib import instant
from runbook_lib.instant import RETENTION
from runbook_lib.interpret.amount import amount


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
class Skipped:
    """Records that the mapping passed over, and that the stream still holds.

    Those written from `start` to `end`, UTC. `readable_until` is when the first of them leaves the stream. `count` is
    how many, None where nothing counts them; `where` says where they can be found.
    """

    start: datetime
    end: datetime
    readable_until: datetime
    count: float | None
    where: str


@dataclass(frozen=True)
class Loss:
    """The loss clock: what waits, what was skipped and can be read again, and what is gone.

    From `deadline` on, the oldest undelivered record is gone. `already_lost_from` and `already_lost_to` bound writes
    that can no longer be had from the stream. `basis` says what the clock was read from. `skips_from`: from then on the
    mapping gives up what waits, while the stream still holds it.
    """

    state: LossState
    deadline: datetime | None
    already_lost_from: datetime | None
    already_lost_to: datetime | None
    basis: str
    mappings: tuple[MappingLoss, ...] = ()
    refs: tuple[str, ...] = ()
    skipped: Skipped | None = None
    skips_from: datetime | None = None

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
        if self.skipped is not None:
            return self._skipped_sentence(self.skipped, as_of)
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
            f" {left} left as of {instant.clock(as_of)}.{self._given_up_before(as_of)}{gone}"
        )

    def _given_up_before(self, as_of: datetime) -> str:
        if self.skips_from is None:
            return ""
        gives_up = instant.clock(self.skips_from, as_of)
        return f" The mapping gives them up from {gives_up}; the stream still holds them then."

    def _skipped_sentence(self, skipped: Skipped, as_of: datetime) -> str:
        """Say that skipped is not gone: what, how long it can still be read, and from where."""
        counted = f"{skipped.count:,.0f} records" if skipped.count else "Records"
        until, left = instant.clock(skipped.readable_until, as_of), instant.span(skipped.readable_until - as_of)
        return (
            f"{counted} written since {instant.clock(skipped.start, as_of)} were skipped, and none of them is lost yet:"
            f" they can be read from {skipped.where} until {until}, {left} from now. {self.basis}"
        )


@dataclass(frozen=True)
class Undelivered:
    """What a mapping has not delivered: the oldest such record, and the limits it lives under.

    `oldest` None: it could not be told. `record_age_s` and `retries` are the mapping's, -1 for no limit; `discards`
    says that failures are function errors, which use retries up (throttles and denied reads do not). `passed_over`:
    the mapping began behind these records. `given_up` counts what it gave up, None where nothing counts it;
    `destination` is where it reports that, None without one.
    """

    uuid: str
    oldest: datetime | None
    basis: str
    record_age_s: int = -1
    retries: int = -1
    discards: bool = False
    passed_over: bool = False
    given_up: float | None = None
    destination: str | None = None

    @property
    def given_up_from(self) -> datetime | None:
        """When the mapping begins to give up what waits, for its age; None where the stream is no more patient."""
        if self.oldest is None or not 0 < self.record_age_s < RETENTION.total_seconds():
            return None
        return self.oldest + timedelta(seconds=self.record_age_s)

    def skipped(self, as_of: datetime) -> tuple[Skipped, str] | None:
        """Say what the mapping passes over for good, and why; None where it would still deliver everything."""
        if self.oldest is None:
            return None
        limit = timedelta(seconds=self.record_age_s)
        if self.passed_over:
            end, why = as_of, "The mapping began behind them."
        elif self.discards and self.retries >= 0:
            end, why = (
                as_of,
                f"Failed batches are given up after {amount(self.retries, 'retries')}.",
            )
        elif self.given_up_from is not None and self.given_up_from <= as_of:
            end, why = as_of - limit, f"The mapping gives records up after {instant.span(limit)}."
        else:
            return None
        where = "the stream"
        if self.destination and not self.passed_over:
            where += f", and {self.destination.rsplit(':', 1)[-1]} holds their shards and sequence numbers,"
        return Skipped(self.oldest, end, self.oldest + RETENTION, self.given_up, where), why


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
    lives = [(undelivered, undelivered.oldest + RETENTION) for undelivered in each if undelivered.oldest is not None]
    deadlines = tuple(MappingLoss(undelivered.uuid, deadline, undelivered.basis) for undelivered, deadline in lives)
    nearest = min((deadline for _, deadline in lives), default=None)
    lost_from, lost_to = never_recorded or (None, None)

    if lost_from is not None and lost_to is None:
        return Loss(LossState.LOSING, nearest, lost_from, as_of, _NO_RECORD, deadlines, refs)
    found = [each_skipped for undelivered in each if (each_skipped := undelivered.skipped(as_of)) is not None]
    skipped, why = min(found, key=lambda pair: pair[0].start, default=(None, ""))
    if nearest is not None and nearest <= as_of:
        first = min(undelivered.oldest for undelivered, _ in lives if undelivered.oldest is not None)
        basis = "Records older than 24 hours are gone, more with every minute."
        return Loss(LossState.LOSING, None, first, as_of - RETENTION, basis, deadlines, refs, skipped)
    if skipped is not None:
        return Loss(LossState.AT_RISK, nearest, lost_from, lost_to, why, deadlines, refs, skipped)
    untold = next((undelivered for undelivered in each if undelivered.oldest is None), None)
    if untold is not None:
        return Loss(LossState.UNKNOWN, nearest, lost_from, lost_to, untold.basis, deadlines, refs)
    if nearest is None:
        return Loss(LossState.NONE, None, lost_from, lost_to, "Nothing is known to wait undelivered.", (), refs)
    basis = next(undelivered.basis for undelivered, deadline in lives if deadline == nearest)
    giving_up = min((moment for undelivered in each if (moment := undelivered.given_up_from) is not None), default=None)
    return Loss(LossState.AT_RISK, nearest, lost_from, lost_to, basis, deadlines, refs, skips_from=giving_up)


_NO_RECORD = "Writes made while no stream is enabled leave no record; no stream can ever deliver them."
