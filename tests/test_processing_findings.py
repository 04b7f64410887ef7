"""What a failure has to be, and how often, before it is why batches do not pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from example_evidence import example, replaced, with_fields
from worlds import in_world

from runbook_lib.evidence import Evidence
from runbook_lib.findings import FINDINGS, Confidence, judge
from runbook_lib.measuring.pipe import FlowState, Measured, Stage

MINUTE = timedelta(minutes=1)
PROVED = Confidence.PROVED


def _sure(name: str, seen: Evidence) -> Confidence | None:
    """How sure a finding is; None where it is not there."""
    return judge(FINDINGS[name], Measured(seen)).confidence


def _minutes(seen: Evidence, ago: range) -> list[datetime]:
    end = seen.window.end.replace(second=0, microsecond=0)
    return [end - n * MINUTE for n in ago]


def _with_successes(seen: Evidence, minutes: list[datetime], every: int) -> Evidence:
    """Count one failure in each of the minutes, and four successes beside it in one of `every`."""
    errors = replace(seen.metrics.errors, points=dict.fromkeys(minutes, 1.0))
    points = {at: 1.0 if n % every else 5.0 for n, at in enumerate(minutes)}
    return with_fields(seen, "metrics", errors=errors, invocations=replace(errors, name="Invocations", points=points))


@in_world("import-error-after-deploy")
@pytest.mark.parametrize(("minutes", "sure"), [(10, PROVED), (44, PROVED), (50, None)])
def test_a_failure_that_the_log_no_longer_repeats_is_over(minutes: int, sure: Confidence | None) -> None:
    """A failure last written three quarters of an hour ago is not why batches fail now."""
    seen = example("import-error-after-deploy")
    (failure, *_) = seen.logs.errors
    errors = (replace(failure, times=(seen.window.end - minutes * MINUTE,)),)
    assert _sure("init-or-import-error", with_fields(seen, "logs", errors=errors)) is sure


@in_world("poison-record")
@pytest.mark.parametrize(("every", "sure"), [(1, PROVED), (4, None)])
def test_one_record_is_to_blame_where_the_others_pass(every: int, sure: Confidence | None) -> None:
    """Successes in most of the minutes with writes show that one batch waits; in one of four, that most of them do."""
    seen = example("poison-record")
    counted = _with_successes(seen, _minutes(seen, range(1, 90)), every)
    assert _sure("poison-record", counted) is sure


@in_world("poison-record")
@pytest.mark.parametrize(("retries", "said"), [(-1, True), (5, False)])
def test_only_unlimited_retries_are_told_as_such(retries: int, said: bool) -> None:
    """A mapping that gives up in the end is not said to retry without limit."""
    seen = example("poison-record")
    mappings = tuple(replaced(mapping, maximum_retry_attempts=retries) for mapping in seen.status.mappings)
    seen = with_fields(with_fields(seen, "mappings", ours=mappings), "status", mappings=mappings)
    verdict = judge(FINDINGS["poison-record"], Measured(seen))
    assert any("without limit" in words for words in verdict.because) is said


@in_world("poison-record")
def test_uncounted_minutes_blame_no_code() -> None:
    """Where CloudWatch did not count the minutes in which the log fails, no code is said to fail every batch."""
    seen = example("poison-record")
    half = seen.window.start + (seen.window.end - seen.window.start) / 2
    cut = {
        name: replace(series, points={at: value for at, value in series.points.items() if at < half})
        for name, series in (("invocations", seen.metrics.invocations), ("errors", seen.metrics.errors))
    }
    assert _sure("handler-error", with_fields(seen, "metrics", **cut)) is None


@in_world("poison-record")
@pytest.mark.parametrize(("every", "sure"), [(1, None), (4, PROVED)])
def test_a_success_now_and_then_does_not_clear_the_code(every: int, sure: Confidence | None) -> None:
    """Before all was stopped, successes in most minutes of the failures clear the code; in one of four they do not."""
    seen = example("poison-record")
    minutes = _minutes(seen, range(20, 60))
    failures = (replace(seen.logs.errors[0], times=tuple(sorted(minutes))),)
    stopped = _with_successes(with_fields(seen, "logs", errors=failures), minutes, every)
    assert Measured(stopped).stages[Stage.SUCCEEDED].state is FlowState.STOPPED
    assert _sure("handler-error", stopped) is sure


@in_world("view-type-without-image")
@pytest.mark.parametrize(
    ("view_type", "sure"),
    [("KEYS_ONLY", PROVED), ("NEW_IMAGE", None), ("OLD_IMAGE", PROVED), ("NEW_AND_OLD_IMAGES", None)],
)
def test_a_stream_is_to_blame_only_for_an_image_that_it_lacks(view_type: str, sure: Confidence | None) -> None:
    """The handler misses the new image: a stream that carries it, alone or with the other, is not why."""
    seen = example("view-type-without-image")
    assert any("NewImage" in error.example for error in seen.logs.errors)
    table = replaced(seen.streams.table, view_type=view_type)
    assert _sure("view-type-lacks-image", with_fields(seen, "streams", table=table)) is sure
