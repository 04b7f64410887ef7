"""The chart of the iterator age: the projection is the loss clock's, and there is none without a deadline."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from example_evidence import (
    example,
    example_seen,
)

from runbook_lib.charts.iterator_age import age_data
from runbook_lib.judging.loss_clock import LossState


def test_the_projection_ends_at_the_deadline() -> None:
    """The age chart projects from the oldest undelivered record to the deadline of the loss clock, 24 hours on."""
    data = age_data(example(), example_seen().diagnosis)
    assert data.deadline == example_seen().diagnosis.loss.deadline
    assert data.deadline
    assert data.oldest
    assert data.deadline - data.oldest == timedelta(hours=24)
    assert data.axis.end > data.deadline


def test_without_a_deadline_nothing_is_projected() -> None:
    """A loss clock without a deadline leaves the age chart as it was measured."""
    diagnosis = example_seen().diagnosis
    for state in (LossState.NONE, LossState.UNKNOWN, LossState.LOSING):
        loss = replace(diagnosis.loss, state=state, deadline=None)
        data = age_data(example(), replace(diagnosis, loss=loss))
        assert (data.oldest, data.deadline) == (None, None)
        assert data.axis.end == example().window.end
