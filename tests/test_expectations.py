"""What is expected of a trigger that it does not promise, where no fault of the catalogue shows it."""

from __future__ import annotations

from worlds import HISTORY, NOW

from runbook_lib.judging.diagnosis import Status
from runbook_lib.sandbox import build
from serve_world import served_world

TTL_ALONE = '{"userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}}'


def test_a_filter_that_waits_for_ttl_waits_for_ever_where_it_is_off() -> None:
    """The setting and the filter are named together, and neither is passed off as a cause that was proved."""
    with served_world(build("healthy", NOW, seed=1, history=HISTORY, filters=(TTL_ALONE,))) as world:
        found = world.investigate().diagnosis
    (told,) = [verdict for verdict in found.innocent if verdict.finding.id == "ttl-expectation"]
    assert "waits for deletions by TTL, which is DISABLED on Orders" in told.because[0]
    assert found.causes == ()
    assert found.status is Status.UNDETERMINED
