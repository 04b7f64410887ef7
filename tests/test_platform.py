"""What an open service event has to fit before it is more than a headline."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from example_evidence import with_fields
from worlds import in_world, tried

from runbook_lib.evidence.source import HealthEvent
from runbook_lib.findings import FINDINGS, Weight
from runbook_lib.measuring.pipe import Measured, Stage

MINUTE = timedelta(minutes=1)
WORLD = "poller-stands-still-after-a-release"
SIGN, AGAINST = Weight.SIGN, Weight.AGAINST
FITS = [
    ("open", 0, 0, (SIGN, SIGN)),
    ("open", 8, -8, (SIGN, SIGN)),
    ("closed", 0, 0, (AGAINST,)),
    ("open", 12, 0, (SIGN,)),
    ("open", 20, 0, (SIGN, AGAINST)),
    ("open", 0, -15, (SIGN,)),
]


@in_world(WORLD)
@pytest.mark.parametrize(("status", "later", "began", "weights"), FITS)
def test_a_service_event_fits_where_all_stopped_as_it_began(
    status: str, later: int, began: int, weights: tuple[Weight, ...]
) -> None:
    """An open event is one sign; that every consumer stopped as it began is another; one that goes on refutes it."""
    world = tried(WORLD)
    last = world.diagnosis.stages[Stage.INVOKED].last
    assert last is not None
    event = HealthEvent("LAMBDA", "AWS_LAMBDA_OPERATIONAL_ISSUE", "issue", status, last + began * MINUTE, None, "run")
    siblings = {
        name: replace(series, points={last + later * MINUTE: 1.0})
        for name, series in world.seen.metrics.siblings.items()
    }
    assert siblings
    seen = with_fields(with_fields(world.seen, "health", events=(event,)), "metrics", siblings=siblings)
    signs = list(FINDINGS["service-event"].recognise(Measured(seen)))
    assert tuple(sign.weight for sign in signs) == weights
    if weights == (SIGN, SIGN):
        assert signs[1].sentence.startswith(f"All {len(siblings) + 1} functions on the stream stopped with it")
