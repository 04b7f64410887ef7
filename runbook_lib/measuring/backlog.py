"""What waits, as the newest iterator ages tell it: how old its oldest record is, and whether it is worked off."""

from __future__ import annotations

from datetime import datetime, timedelta

from runbook_lib.evidence.signals import Backlog
from runbook_lib.measuring.thresholds import EARLIER_AGES, LONG_WAIT, NEWEST_AGES


def is_worked_off(backlog: Backlog) -> bool:
    """Whether the newest batches are younger than any of the half hour before: delivery gains on the clock.

    So does a mapping that began at the oldest record of its stream, with batches a day old and no fault at all.
    """
    points = sorted(backlog.iterator_age_ms.points.items())
    newest = points[-NEWEST_AGES:]
    before = [age for at, age in points if LONG_WAIT <= newest[-1][0] - at <= EARLIER_AGES]
    return bool(before) and max(age for _, age in newest) < min(before)


def oldest_unread(backlog: Backlog) -> datetime | None:
    """When the oldest record of the last batches was written, by the newest iterator ages; early by up to a period.

    A datapoint carries the start of its period and the age at some moment within it. A blocked shard is not tried
    in every minute, so a long wait counts although a newer point is of a shard that keeps up.
    """
    newest = sorted(backlog.iterator_age_ms.points.items())[-NEWEST_AGES:]
    written = [(at, at - timedelta(milliseconds=age)) for at, age in newest]
    waiting = [moment for at, moment in written if at - moment > LONG_WAIT]
    return min(waiting) if waiting else next((moment for _, moment in reversed(written)), None)
