"""Instants of AWS: what is no instant of this age is nothing, and nothing overflows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runbook_lib import instant

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
TEXTS = (
    ("2026-03-14T12:00:00Z", NOON),
    ("2026-03-14T12:00:00.000+0000", NOON),
    ("2026-03-14T17:45:00+05:45", NOON),
    ("2026-03-14T12:00:00", NOON),
    ("", None),
    (None, None),
    ("yesterday", None),
    ("0001-01-01T00:00:00+05:00", None),
    ("9999-12-31T23:59:59Z", None),
)
MILLISECONDS = ((1_773_489_600_000, NOON), (2**63 - 1, None), (-(2**63), None), (1e300, None), (float("nan"), None))


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_text_is_an_instant_or_nothing(text: str | None, expected: datetime | None) -> None:
    """Text in AWS's forms is read as UTC; what is no instant, or none that a span can be added to, is nothing."""
    assert instant.optional(text) == expected


@pytest.mark.parametrize(("milliseconds", "expected"), MILLISECONDS)
def test_milliseconds_are_an_instant_or_nothing(milliseconds: float, expected: datetime | None) -> None:
    """Milliseconds since the epoch are read as UTC; those of no age of ours are nothing."""
    assert instant.of_ms(milliseconds) == expected
