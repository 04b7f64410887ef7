"""The chart of the pipe: every stage has its box, and the first that stopped is marked."""

from __future__ import annotations

from example_evidence import (
    example_seen,
    failing_seen,
)

from runbook_lib.charts.pipe_stages import look, pipe_data
from runbook_lib.measuring.pipe import FlowState, Stage


def test_the_pipe_has_every_stage_and_one_break() -> None:
    """The boxes are the stages of the diagnosis, and exactly the first that stopped is marked."""
    boxes = pipe_data(example_seen().diagnosis)
    assert [box.stage for box in boxes] == list(example_seen().diagnosis.stages.flows)
    assert [box.name for box in boxes if box.broken] == ["function invoked"]


def test_failures_that_flow_are_not_drawn_as_well() -> None:
    """The stage of failed invocations never looks like one that works, though it flows."""
    boxes = {box.stage: box for box in pipe_data(failing_seen().diagnosis)}
    assert boxes[Stage.FAILED].state is FlowState.FLOWING
    assert look(boxes[Stage.FAILED]) != look(boxes[Stage.WRITTEN])
