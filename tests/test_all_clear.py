"""No all-clear while nothing comes out, while the newest batches fail, or where it is unseen whose are handled."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from example_evidence import DENIED, example, judged, replaced, with_fields, with_observations
from worlds import in_world

from runbook_lib.evidence import Evidence
from runbook_lib.evidence.signals import Series
from runbook_lib.findings import Confidence
from runbook_lib.judging.diagnosis import Diagnosis, Status
from runbook_lib.judging.loss_clock import LossState
from runbook_lib.measuring.pipe import FlowState, Stage
from runbook_lib.report.junit import junit

M = timedelta(minutes=1)
REFUNDED = '{"dynamodb":{"NewImage":{"status":{"S":["REFUNDED"]}}}}'
OTHER_TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/Invoices/stream/2025-08-14T09:09:17.528"


def _until(series: Series, moment: datetime, *, every: int = 1) -> Series:
    """Keep the points before a moment, and of these those of each `every`th minute."""
    kept = {at: v for at, v in series.points.items() if at < moment and at.minute % every == 0}
    return replace(series, points=kept)


def _silent(seen: Evidence, minutes: int, *, every: int = 1) -> Evidence:
    """Let the stream invoke nothing since so many minutes ago, and before in each `every`th minute only."""
    moment = seen.as_of - minutes * M
    age = _until(seen.backlog.iterator_age_ms, moment, every=every)
    invocations = _until(seen.metrics.invocations, moment, every=every)
    return with_fields(with_fields(seen, "metrics", invocations=invocations), "backlog", iterator_age_ms=age)


def _failing(seen: Evidence, minutes: int) -> Evidence:
    """Let every invocation fail since so many minutes ago."""
    errors, start = seen.metrics.errors, seen.as_of - minutes * M
    failed = {at: value for at, value in seen.metrics.invocations.points.items() if at >= start}
    return with_fields(seen, "metrics", errors=replace(errors, points=failed))


def _with_mapping(seen: Evidence, **changed: Any) -> Evidence:
    mappings = tuple(replaced(mapping, **changed) for mapping in seen.status.mappings)
    return with_fields(with_fields(seen, "mappings", ours=mappings), "status", mappings=mappings)


def _counting(seen: Evidence, *, dropped: float) -> Evidence:
    """Let the mapping count its events: each write is polled, and this share of them is filtered out."""
    written = next(iter(seen.metrics.writes.values()))
    (mapping,) = seen.status.mappings
    shares = {"PolledEventCount": 1.0, "FilteredOutEventCount": dropped, "InvokedEventCount": 1.0 - dropped}
    counts = {
        name: replace(written, points={at: value * share for at, value in written.points.items() if value * share})
        for name, share in shares.items()
    }
    return with_fields(seen, "metrics", mapping_events={mapping.uuid: counts})


def _healthy() -> Evidence:
    return example("healthy")


def _state(found: Diagnosis, stage: Stage = Stage.INVOKED) -> FlowState:
    return found.stages[stage].state


@in_world("healthy")
@pytest.mark.parametrize("minutes", [6, 8, 10, 14, 25, 40, 60, 360])
def test_young_silence_of_a_pipe_that_never_paused_is_a_stop(minutes: int) -> None:
    """Where each write came out all day, minutes without any are a stop: no all-clear, its onset, nothing named."""
    found = judged(_silent(_healthy(), minutes)).diagnosis
    assert (found.status, _state(found), found.causes) == (Status.UNDETERMINED, FlowState.STOPPED, ())
    assert found.loss.state is LossState.AT_RISK
    assert found.onset is not None
    assert abs(found.onset.at - (found.as_of - minutes * M)) <= 2 * M
    assert "nothing invoked by a stream" in found.sentence


@in_world("healthy")
@pytest.mark.parametrize("minutes", [10, 14])
def test_young_silence_of_a_pipe_with_holes_is_not_known(minutes: int) -> None:
    """Where most writes never came out, a silence as long as many is no stop and no all-clear; the fact is said."""
    found = judged(_silent(_healthy(), minutes, every=20)).diagnosis
    assert (found.status, _state(found)) == (Status.UNDETERMINED, FlowState.SILENT)
    assert found.sentence.startswith("It is not known whether the trigger works: Since 1")
    assert "nothing invoked by a stream; silences of 19 min are usual here" in found.sentence
    assert found.loss.state is LossState.UNKNOWN


@in_world("healthy")
def test_young_silence_of_a_pipe_that_never_delivered_is_not_known() -> None:
    """A table written to since five minutes, of which nothing has come out yet, gets no all-clear."""
    seen = _silent(_healthy(), 24 * 60)
    start = seen.as_of - 8 * M
    writes = {
        name: replace(series, points={at: value for at, value in series.points.items() if at >= start})
        for name, series in seen.metrics.writes.items()
    }
    found = judged(with_fields(seen, "metrics", writes=writes)).diagnosis
    assert (found.status, _state(found)) == (Status.UNDETERMINED, FlowState.SILENT)
    assert "too short a time to be sure" in found.sentence


@in_world("healthy")
@pytest.mark.parametrize(("minutes", "every"), [(6, 1), (14, 1), (14, 20), (60, 1)])
def test_young_silence_proves_what_a_state_shows(minutes: int, every: int) -> None:
    """A mapping that is switched off is proved to be the cause of a silence, however young, and has its onset."""
    off = _with_mapping(_silent(_healthy(), minutes, every=every), state="Disabled", state_transition_reason="")
    found = judged(off).diagnosis
    assert [(v.finding.id, v.confidence) for v in found.causes] == [("esm-disabled-by-user", Confidence.PROVED)]
    assert found.onset is not None
    assert found.loss.state is LossState.AT_RISK


@in_world("healthy")
@pytest.mark.parametrize(("minutes", "state"), [(5, FlowState.SILENT), (7, FlowState.STOPPED), (13, FlowState.STOPPED)])
def test_newest_batches_that_fail_are_no_all_clear(minutes: int, state: FlowState) -> None:
    """Whatever the day was: where the newest invocations failed and none succeeded since, nothing is clear."""
    found = judged(_failing(_healthy(), minutes)).diagnosis
    assert (found.status, _state(found, Stage.SUCCEEDED)) == (Status.FAULT, state)
    assert [(v.finding.id, v.confidence) for v in found.causes] == [("every-batch-fails", Confidence.LIKELY)]
    assert found.loss.state is not LossState.NONE


@in_world("healthy")
def test_failures_of_another_trigger_are_not_the_streams() -> None:
    """Where the stream invoked nothing in the minutes of the failures, they are no sign of its batches."""
    seen = _failing(_healthy(), 7)
    age, start = seen.backlog.iterator_age_ms, seen.as_of - 7 * M
    quiet = {name: _until(series, start) for name, series in seen.metrics.writes.items()}
    seen = with_fields(seen, "metrics", writes=quiet)
    found = judged(with_fields(seen, "backlog", iterator_age_ms=_until(age, start))).diagnosis
    assert (found.status, _state(found, Stage.SUCCEEDED)) == (Status.NO_FAULT, FlowState.FLOWING)


@in_world("healthy")
@pytest.mark.parametrize(
    ("minutes", "speed", "status"),
    [
        (6, 1, Status.FAULT),  # a record waits since the failures began
        (6, 3, Status.UNDETERMINED),  # one waits for longer: it may be another
        (8, 1, Status.FAULT),
        (8, 0, Status.NO_FAULT),  # failures alone are got over
    ],
)
def test_one_young_batch_that_fails_among_others_is_no_all_clear(minutes: int, speed: int, status: Status) -> None:
    """Where invocations fail and a record waits one shard may be blocked, and is where it waits as long as that."""
    seen = _healthy()
    age, start = seen.backlog.iterator_age_ms, seen.as_of - minutes * M
    newest = [at for at in age.points if at >= start]
    waits = {at: speed * (at - start) / M * 60_000 for at in newest} if speed else {}
    errors = replace(seen.metrics.errors, points=dict.fromkeys(newest, 1.0))
    seen = with_fields(seen, "metrics", errors=errors)
    found = judged(with_fields(seen, "backlog", iterator_age_ms=replace(age, points=age.points | waits))).diagnosis
    assert found.status is status
    assert ("a record of the last ones had waited" in found.sentence) is (status is Status.UNDETERMINED)
    assert [v.finding.id for v in found.causes] == (["poison-record"] if status is Status.FAULT else [])


BLIND = {
    "the list of mappings": ("mappings", "status"),
    "list, table and logs": ("mappings", "status", "streams", "logs"),
    "the backlog": ("backlog",),
    "the metrics": ("metrics",),
}


@in_world("healthy")
@pytest.mark.parametrize("unseen", BLIND)
def test_no_all_clear_where_it_is_unseen_whose_records_are_handled(unseen: str) -> None:
    """Invocations are the function's: without the list of its mappings, or counters, there is no exit code 0."""
    found = judged(with_observations(_healthy(), **dict.fromkeys(BLIND[unseen], DENIED))).diagnosis
    assert (found.exit_code, found.loss.state) == (2, LossState.UNKNOWN)
    assert found.sentence.startswith("Undetermined: ")
    assert found.unproved
    assert found.unproved[0] in found.sentence


@in_world("healthy")
@pytest.mark.parametrize("unseen", ["streams", "logs", "role", "changes", "health"])
def test_an_all_clear_needs_no_more_than_recent_records_seen_handled(unseen: str) -> None:
    """What is written was seen handled by the one mapping there is: what else is unseen changes nothing."""
    found = judged(with_observations(_healthy(), **{unseen: DENIED})).diagnosis
    assert (found.status, found.unproved) == (Status.NO_FAULT, ())


@in_world("healthy")
@pytest.mark.parametrize(
    ("source", "counts", "status"),
    [
        (OTHER_TABLE, False, Status.UNDETERMINED),
        (OTHER_TABLE, True, Status.NO_FAULT),
        ("arn:aws:kinesis:eu-west-1:123456789012:stream/clicks", False, Status.UNDETERMINED),
        ("arn:aws:sqs:eu-west-1:123456789012:jobs", False, Status.NO_FAULT),
    ],
)
def test_a_second_stream_may_be_what_invokes_the_function(source: str, counts: bool, status: Status) -> None:
    """Of two streams only EventCount tells whose records are handled; a queue leaves no iterator age."""
    seen = _counting(_healthy(), dropped=0.0) if counts else _healthy()
    (mapping,) = seen.status.mappings
    second = replaced(mapping, uuid="second", event_source_arn=source)
    found = judged(with_fields(seen, "mappings", same_function=(second,))).diagnosis
    assert found.status is status
    assert ("invoked by 2 streams" in found.sentence) is (status is Status.UNDETERMINED)
    assert (b' name="unproved"' in junit(found)) is (status is Status.UNDETERMINED)


@in_world("healthy")
def test_a_backlog_that_is_worked_off_is_told_with_its_end() -> None:
    """Hours that wait and shrink are no fault now; how much waits and about when it is through is said."""
    seen = _healthy()
    age = seen.backlog.iterator_age_ms
    last = max(age.points)
    late = {at: 5 * 3_600_000 + 0.8 * ((last - at) / M) * 60_000 for at in age.points if last - at < 120 * M}
    found = judged(with_fields(seen, "backlog", iterator_age_ms=replace(age, points=age.points | late))).diagnosis
    assert (found.status, found.loss.state) == (Status.NO_FAULT, LossState.AT_RISK)
    assert found.sentence.startswith("No fault found now: 5 h of records wait")
    assert "through at about 21:" in found.sentence


@in_world("healthy")
def test_a_backlog_that_stands_is_no_all_clear() -> None:
    """Hours that wait and do not shrink get no all-clear."""
    seen = _healthy()
    age = seen.backlog.iterator_age_ms
    last = max(age.points)
    late = {at: 5 * 3_600_000.0 for at in age.points if last - at < 120 * M}
    found = judged(with_fields(seen, "backlog", iterator_age_ms=replace(age, points=age.points | late))).diagnosis
    assert found.status is not Status.NO_FAULT
    assert found.waiting == ""


@in_world("healthy")
@pytest.mark.parametrize("minutes", [6, 60, 24 * 60])
def test_a_filter_that_is_counted_to_drop_everything_is_no_fault(minutes: int) -> None:
    """Where all that was polled was filtered out, nothing was to be invoked, and nothing is at risk."""
    counted = _counting(_silent(_healthy(), minutes), dropped=1.0)
    found = judged(_with_mapping(counted, filters=(REFUNDED,))).diagnosis
    assert (found.status, found.loss.state, found.unexplained) == (Status.NO_FAULT, LossState.NONE, ())
    assert "were filtered out" in found.sentence


@in_world("healthy")
def test_records_that_no_filter_dropped_must_come_out() -> None:
    """Where the counts say that some passed the filter and nothing was invoked, the filter excuses nothing."""
    counted = _counting(_silent(_healthy(), 60), dropped=0.5)
    found = judged(_with_mapping(counted, filters=(REFUNDED,))).diagnosis
    assert (found.status, _state(found)) == (Status.UNDETERMINED, FlowState.STOPPED)
    assert "records that no filter dropped" in found.sentence


@in_world("healthy")
def test_a_filter_whose_drops_nobody_counts_is_named_and_no_loss_claimed() -> None:
    """A sound filter that has let nothing through all day is not known to be broken: undetermined, and quoted."""
    found = judged(_with_mapping(_silent(_healthy(), 24 * 60), filters=(REFUNDED,))).diagnosis
    assert (found.status, found.causes, found.loss.state) == (Status.UNDETERMINED, (), LossState.UNKNOWN)
    assert REFUNDED in found.sentence


@in_world("healthy")
@pytest.mark.parametrize(("minutes", "state"), [(20, FlowState.SILENT), (8 * 60, FlowState.STOPPED)])
def test_silence_behind_a_filter_is_held_against_what_it_let_through(minutes: int, state: FlowState) -> None:
    """A filter that passed something in every half hour has stopped after many, not after one more."""
    found = judged(_with_mapping(_silent(_healthy(), minutes, every=30), filters=(REFUNDED,))).diagnosis
    assert _state(found) is state


@in_world("healthy")
@pytest.mark.parametrize(("hours", "noted"), [(2, True), (23, True), (30, False)])
def test_a_mapping_at_latest_modified_without_a_trace_may_have_skipped_records(hours: int, noted: bool) -> None:
    """Its LastModified in the window, of which the trail knows nothing, is noted; "none at risk" is not said then."""
    seen = _healthy()
    changed = seen.as_of - hours * 60 * M
    found = judged(_with_mapping(seen, starting_position="LATEST", last_modified=changed)).diagnosis
    assert ("latest-update-gap" in {verdict.finding.id for verdict in found.contributing}) is noted
    assert found.loss.state is (LossState.UNKNOWN if noted else LossState.NONE)
    assert not noted or "compare what was written around then" in found.loss.basis
