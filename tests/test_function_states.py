"""How long a function may be Pending before that is the fault."""

from __future__ import annotations

from datetime import timedelta

import pytest
from example_evidence import example, replaced, with_fields

from runbook_lib.findings import FINDINGS, Confidence, judge
from runbook_lib.measuring.pipe import Measured

PENDING = [
    ("concurrency-zero", 4, Confidence.LIKELY),
    ("concurrency-zero", 8, Confidence.PROVED),
    ("concurrency-zero", None, Confidence.PROVED),
    ("healthy", 4, None),
    ("healthy", 8, Confidence.SUSPECTED),
]


@pytest.mark.parametrize(
    ("world", "minutes", "sure"), [pytest.param(*row, marks=pytest.mark.xdist_group(row[0])) for row in PENDING]
)
def test_pending_for_moments_proves_nothing(world: str, minutes: int | None, sure: Confidence | None) -> None:
    """A function may take minutes to become Active: before that it is no proof, and where it delivers no fault."""
    seen = example(world)
    since = None if minutes is None else seen.as_of - timedelta(minutes=minutes)
    pending = replaced(seen.mappings.function, state="Pending", last_modified=since)
    seen = with_fields(seen, "mappings", function=pending)
    assert judge(FINDINGS["state-pending"], Measured(seen)).confidence is sure
