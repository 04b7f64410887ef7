"""What silence at the source has to rest on before it excuses, or accuses, anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from example_evidence import example, replaced, with_fields
from worlds import in_world

from runbook_lib.evidence import Evidence
from runbook_lib.findings import FINDINGS, Confidence, judge
from runbook_lib.measuring.pipe import Measured, Stage

MINUTE = timedelta(minutes=1)
PROVED, LIKELY, SUSPECTED = Confidence.PROVED, Confidence.LIKELY, Confidence.SUSPECTED


def _sure(name: str, seen: Evidence) -> Confidence | None:
    """How sure a finding is; None where it is not there."""
    return judge(FINDINGS[name], Measured(seen)).confidence


def _last_write(seen: Evidence) -> datetime:
    last = Measured(seen).stages[Stage.WRITTEN].last
    assert last is not None
    return last


@in_world("no-table-writes")
@pytest.mark.parametrize(("minutes", "sure"), [(-5, SUSPECTED), (0, SUSPECTED), (5, PROVED)])
def test_silence_counts_where_something_else_is_newer(minutes: int, sure: Confidence) -> None:
    """That nobody writes is proved only where other metrics of the same answer go on after the last write."""
    seen = example("no-table-writes")
    account = replace(seen.metrics.account_concurrent, points={_last_write(seen) + minutes * MINUTE: 1.0})
    assert _sure("no-table-writes", with_fields(seen, "metrics", account_concurrent=account)) is sure


@in_world("no-table-writes")
@pytest.mark.parametrize(("minutes", "sure"), [(-5, None), (0, None), (5, PROVED)])
def test_refused_writes_explain_a_silence_that_they_are_newer_than(minutes: int, sure: Confidence | None) -> None:
    """Writes refused while others still succeeded do not explain why none succeeds now."""
    seen = example("no-table-writes")
    points = {_last_write(seen) + minutes * MINUTE: 3.0}
    refused = {name: replace(series, points=points) for name, series in list(seen.metrics.failed_writes.items())[:1]}
    assert refused
    assert _sure("rejected-writes", with_fields(seen, "metrics", failed_writes=refused)) is sure


@in_world("stream-disabled")
@pytest.mark.parametrize(("status", "sure"), [("DISABLED", PROVED), ("DISABLING", PROVED), ("ENABLED", None)])
def test_two_answers_that_disagree_prove_no_disabled_stream(status: str, sure: Confidence | None) -> None:
    """DescribeTable may lag: where DescribeStream says that the newest stream is enabled, it is not switched off."""
    seen = example("stream-disabled")
    newest, *older = seen.streams.generations
    told = with_fields(seen, "streams", generations=(replaced(newest, status=status), *older))
    assert _sure("stream-disabled", told) is sure
