"""Nothing is older than its source: what was never delivered, and what the first record of a batch allows to say."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from example_evidence import example, replaced, with_fields
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import in_world

from runbook_lib.evidence import Evidence
from runbook_lib.judging.diagnosis import diagnose
from runbook_lib.judging.loss_clock import LossState
from runbook_lib.measuring.backlog import first_of_batch
from runbook_lib.measuring.births import born_within
from runbook_lib.measuring.onset import onset
from runbook_lib.measuring.pipe import Measured
from runbook_lib.measuring.setting_change import find_setting_change

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def _never_delivered(seen: Evidence, first_write: datetime, **table: object) -> Evidence:
    """Leave of a deleted mapping's incident only the writes from a moment on, and no delivery at all."""
    metrics, backlog = seen.metrics, seen.backlog
    writes = {
        name: replaced(series, points={at: value for at, value in series.points.items() if at >= first_write})
        for name, series in metrics.writes.items()
    }
    silent = {name: replaced(getattr(metrics, name), points={}) for name in ("invocations", "errors", "throttles")}
    seen = with_fields(seen, "metrics", writes=writes, **silent)
    seen = with_fields(seen, "backlog", iterator_age_ms=replaced(backlog.iterator_age_ms, points={}))
    return with_fields(seen, "streams", table=replaced(seen.streams.table, **table)) if table else seen


@in_world("mapping-deleted")
@pytest.mark.parametrize("hours", [1, 3, 9, 22])
def test_what_was_never_delivered_began_with_the_first_write(hours: int) -> None:
    """Where nothing came through in the window, harm began with its first write, which lives 24 hours."""
    seen = example("mapping-deleted")
    first = seen.window.end.replace(second=0, microsecond=0) - hours * HOUR
    found = diagnose(_never_delivered(seen, first))
    assert found.onset is not None
    assert first <= found.onset.earliest <= found.onset.at <= found.onset.latest <= first + 3 * MINUTE
    assert found.loss.state is LossState.AT_RISK
    assert found.loss.deadline is not None
    assert first <= found.loss.deadline - 24 * HOUR <= first + 3 * MINUTE


@in_world("mapping-deleted")
@pytest.mark.parametrize("born", ["created_at", "restored_at"])
def test_nothing_is_older_than_its_table(born: str) -> None:
    """A table that was made or restored in the window has no older record, however long its name is written to."""
    seen = example("mapping-deleted")
    at = seen.window.end - 2 * HOUR
    changed = _never_delivered(seen, seen.window.start, **{born: at})
    assert born_within(changed)[0] == at
    found = onset(Measured(changed))
    assert found is not None
    assert found.earliest >= at
    assert found.never_delivered


@in_world("mapping-deleted")
def test_a_change_may_lie_long_before_what_was_never_delivered_and_never_after_it() -> None:
    """Where nothing ever came through the breaking change is any before the onset's latest bound; none is after it."""
    seen = example("mapping-deleted")
    whole = diagnose(seen)
    assert whole.set_off_by is not None
    change = whole.set_off_by.change
    finding = whole.causes[0].finding
    for hours, named in ((1, True), (-1, False)):
        first = (change.event.at + hours * HOUR).replace(second=0, microsecond=0)
        began = onset(Measured(_never_delivered(seen, first)))
        found = find_setting_change(finding.id, finding.set_off_by, finding.lag, began, (change,))
        assert (found is not None) is named
        assert found is None or "nothing was delivered in the window" in found.correlation


@in_world("poison-record")
def test_the_first_record_of_a_batch_of_a_trigger_that_kept_up_is_its_last() -> None:
    """Where the trigger kept up until the record that waits was written, the batch is no older than that."""
    seen = Measured(example("poison-record"))
    kept_up = [at for at, age in seen.backlog.iterator_age_ms.points.items() if age < 60_000]
    written = max(kept_up) + timedelta(seconds=30)
    assert first_of_batch(seen, written, 100) == written


@in_world("poison-record")
@settings(max_examples=25)
@given(batch_size=st.integers(1, 10_000), hours=st.integers(0, 23), rate=st.floats(0.1, 50))
def test_the_first_record_of_a_batch_is_bounded_from_below(batch_size: int, hours: int, rate: float) -> None:
    """It is no younger than so many writes back as fill the batch, and no older than what can exist."""
    seen = example("poison-record")
    minutes = [seen.window.start + n * MINUTE for n in range(24 * 60)]
    writes = {
        name: replaced(series, points=dict.fromkeys(minutes, rate)) for name, series in seen.metrics.writes.items()
    }
    ages = replaced(
        seen.backlog.iterator_age_ms, points={seen.window.end - MINUTE: 10 * HOUR / timedelta(milliseconds=1)}
    )
    bare = Measured(with_fields(with_fields(seen, "metrics", writes=writes), "backlog", iterator_age_ms=ages))
    written = seen.window.start + hours * HOUR
    first = first_of_batch(bare, written, batch_size)
    assert seen.window.start <= first <= written
    between = sum(value for at, value in bare.write_minutes.items() if first <= at <= written)
    assert between >= batch_size or first == max(seen.window.start, born_within(bare)[0])
