"""The outcomes chart: totals are the metrics' own, and what was not counted or not seen is said so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from example_evidence import DENIED, example_seen, failing_seen, judged, replaced, with_fields

from runbook_lib import charts
from runbook_lib.charts.outcomes import outcomes_data, outcomes_words
from runbook_lib.charts.stacked_bars import label_of
from runbook_lib.evidence.signals import Series

MINUTE = timedelta(minutes=1)


def _series(points: Mapping[datetime, float]) -> Series:
    return Series("m", "M", "count", "Sum", MINUTE, points, "ref-1")


def test_the_outcomes_are_those_of_the_metrics() -> None:
    """The totals of the layers are the metrics' own, and the words say them."""
    seen = failing_seen()
    data = outcomes_data(seen.evidence, seen.diagnosis)
    totals = {layer.id: layer.total for layer in data.stacks[0].layers}
    metrics = seen.evidence.metrics
    failed = sum(metrics.errors.points.values())
    assert failed > 0
    assert totals == {"succeeded": sum(metrics.invocations.points.values()) - failed, "failed": failed, "throttled": 0}
    said = " ".join(outcomes_words(data))
    assert f"{totals['succeeded']:,.0f} succeeded" in said
    assert f"{failed:,.0f} failed" in said
    assert "does not count its records" in said
    assert f"since the minute of the onset {data.stacks[0].layers[0].since_onset:,.0f} succeeded" in said


def test_without_errors_seen_nothing_succeeded_or_failed() -> None:
    """Invocations whose errors could not be read are of unknown outcome, and the stack is marked as unexamined."""
    seen = judged(with_fields(failing_seen().evidence, "metrics", errors=DENIED))
    drawn_stack = outcomes_data(seen.evidence, seen.diagnosis).stacks[0]
    layers = {layer.id: layer for layer in drawn_stack.layers}
    assert layers["unknown"].total == sum(seen.evidence.metrics.invocations.points.values())
    assert (layers["succeeded"].unseen, layers["failed"].unseen) == ("May not be called.", "May not be called.")
    assert drawn_stack.unexamined[0].why == "May not be called."
    assert label_of(layers["failed"]) == "failed: unseen"
    assert "failed not examined (May not be called)" in charts.outcomes(seen).alt


def test_a_metric_without_datapoints_is_not_zero() -> None:
    """A layer that CloudWatch has nothing of is said to be silent, and takes no part in any bar."""
    silent = replaced(failing_seen().evidence.metrics.throttles, points={})
    seen = judged(with_fields(failing_seen().evidence, "metrics", throttles=silent))
    drawn_stack = outcomes_data(seen.evidence, seen.diagnosis).stacks[0]
    assert label_of(drawn_stack.layers[-1]) == "throttled: silent"
    assert {bar.values[-1] for bar in drawn_stack.bars} == {None}
    assert "throttled no datapoint" in charts.outcomes(seen).alt


def test_records_are_stacked_where_the_mapping_counts_them() -> None:
    """Records filtered out or dropped come from the mapping's own counts; without these nobody claims to know."""
    seen = example_seen()
    at = seen.evidence.window.start + MINUTE
    counts = {"InvokedEventCount": 3.0, "FilteredOutEventCount": 2.0}
    events = {name: _series({at: value}) for name, value in counts.items()}
    events |= {name: _series({}) for name in ("DroppedEventCount", "OnFailureDestinationDeliveredEventCount")}
    counting = with_fields(seen.evidence, "metrics", mapping_events={"0f0f0f0f-0000": events})
    data = outcomes_data(counting, seen.diagnosis)
    assert [stack.title for stack in data.stacks] == ["Invocations", "Records of mapping 0f0f0f0f"]
    assert [layer.total for layer in data.stacks[1].layers] == [3.0, 2.0, 0.0, 0.0]
    assert data.stacks[1].unit == "records a minute"
    assert data.note == ""
    blind = with_fields(seen.evidence, "metrics", mapping_events=DENIED)
    assert "could not be seen" in outcomes_data(blind, seen.diagnosis).note
