"""Instants: aware UTC datetimes inside, ISO 8601 with a `Z` outside, plain words for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

MILLISECOND = timedelta(milliseconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
RETENTION = timedelta(hours=24)
"""How long a stream record lives. Source: DynamoDB Developer Guide, "Change data capture for DynamoDB Streams"."""

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


_MINUTES = 32_768
"""How many instants are kept read and written: an answer's series share their minutes, up to 20,160 in 14 days."""


@lru_cache(maxsize=_MINUTES)
def parse(text: str) -> datetime:
    """Read ISO 8601 text as an aware UTC datetime; text without an offset is taken as UTC. Raises ValueError."""
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def optional(text: str | None) -> datetime | None:
    """Read an instant that AWS may leave out; nothing, and what is no instant of this age, is nothing."""
    try:
        return _of_this_age(parse(text)) if text else None
    except (ValueError, OverflowError):
        return None


def of_ms(milliseconds: float) -> datetime | None:
    """Read milliseconds since the epoch; what is no instant of this age is nothing."""
    try:
        return _of_this_age(datetime.fromtimestamp(milliseconds / 1000, tz=UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _of_this_age(instant: datetime) -> datetime | None:
    """Keep an instant near enough that every span can be added to it."""
    return instant if _FIRST <= instant < _LAST else None


@lru_cache(maxsize=_MINUTES)
def iso(instant: datetime) -> str:
    """Write an instant as ISO 8601 UTC, with milliseconds only where there are any."""
    precise = "milliseconds" if instant.microsecond else "seconds"
    return instant.astimezone(UTC).isoformat(timespec=precise).replace("+00:00", "Z")


def clock(instant: datetime, beside: datetime | None = None) -> str:
    """Say an instant as people do: `04:43 UTC`, with the date unless it is the day of `beside`."""
    same_day = beside is not None and instant.date() == beside.date()
    return f"{instant:%H:%M} UTC" if same_day else f"{instant:%Y-%m-%d %H:%M} UTC"


def span(length: timedelta) -> str:
    """Say a length of time in its two largest units: `9 h 12 min`, `45 s`, `2 d 3 h`."""
    seconds = int(abs(length).total_seconds())
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        if count or (name == "s" and not parts):
            parts.append(f"{count} {name}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts)


def floor(instant: datetime, period: timedelta = MINUTE) -> datetime:
    """Round an instant down to a whole period since the epoch, as CloudWatch aligns its datapoints."""
    step = period.total_seconds()
    return datetime.fromtimestamp(instant.timestamp() // step * step, tz=UTC)
