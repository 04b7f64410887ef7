"""Charts of one question each, as data and in words: the age of what waits, and the pipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib import instant
from runbook_lib.charts.correlation import MomentLines, lines, panel_words, subject, value_words
from runbook_lib.charts.data import AGE, Panel, panel
from runbook_lib.evidence import Evidence
from runbook_lib.instant import RETENTION
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.judging.loss_clock import LossState
from runbook_lib.measuring.pipe import FlowState, Stage, StageFlow
from runbook_lib.observed import otherwise
from runbook_lib.showing.axis import Axis, overview_axis
from runbook_lib.views.judgement import STAGE_NAMES, STATE_NAMES

# -- the age of what waits -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AgeData:
    """The iterator age, and where it leads.

    `oldest` is when the oldest undelivered record was written, by the loss clock, and `deadline` when it is lost; both
    None where the clock names no deadline. The line between them is a projection, not a measurement.
    """

    subject: str
    axis: Axis
    lines: MomentLines
    panel: Panel
    oldest: datetime | None
    deadline: datetime | None


def age_data(seen: Evidence, diagnosis: Diagnosis) -> AgeData:
    """Compute the age chart; its axis reaches to the deadline where there is one ahead."""
    whole = overview_axis(seen, diagnosis)
    oldest, deadline = _projection(seen, diagnosis)
    end = max(whole.end, deadline + timedelta(minutes=30)) if deadline else whole.end
    axis = Axis(seen.window.start, end, whole.settled, whole.asked_from, whole.as_of)
    return AgeData(
        subject(seen), axis, lines(diagnosis, axis), panel(AGE, seen, axis, diagnosis.onset), oldest, deadline
    )


def _projection(seen: Evidence, diagnosis: Diagnosis) -> tuple[datetime | None, datetime | None]:
    loss = diagnosis.loss
    if loss.state is not LossState.AT_RISK or loss.deadline is None:
        return None, None
    uuid = next((mapping_loss.uuid for mapping_loss in loss.mappings if mapping_loss.deadline == loss.deadline), "")
    limits = otherwise(
        lambda: [mapping.maximum_record_age_s for mapping in seen.mappings.ours if mapping.uuid == uuid], []
    )
    lives = min([RETENTION, *(timedelta(seconds=limit) for limit in limits if limit > 0)])
    return loss.deadline - lives, loss.deadline


def age_alt(data: AgeData) -> str:
    """Say in one sentence what the age chart shows."""
    panel = data.panel
    last = (
        f"last {value_words(panel, panel.last[1])} at {instant.clock(panel.last[0], data.axis.as_of)}"
        if panel.last
        else "no datapoint"
    )
    ahead = f"; by the loss clock the oldest record is lost at {instant.clock(data.deadline)}" if data.deadline else ""
    return f"Iterator age of {data.subject}: {last}{ahead}."


def age_words(data: AgeData) -> tuple[str, ...]:
    """Say everything that the age chart shows."""
    said = [panel_words(data.panel, data.axis, bool(data.lines.onset))]
    if data.lines.onset:
        said.append(f"Onset at {instant.clock(data.lines.onset, data.axis.as_of)}.")
    if data.oldest and data.deadline:
        said.append(
            f"Projection, not measured: a record written at {instant.clock(data.oldest)} and never delivered is lost at"
            f" {instant.clock(data.deadline)}, {instant.span(data.deadline - data.axis.as_of)} after the run."
        )
    said.append("A record lives 24 hours; what is older is lost.")
    return tuple(said)


# -- the pipe --------------------------------------------------------------------------------------------------

_UNITS = {
    Stage.WRITTEN: "write request",
    Stage.POLLED: "record",
    Stage.FILTERED: "record",
    Stage.INVOKED: "invocation",
    Stage.FAILED: "invocation",
    Stage.SUCCEEDED: "invocation",
}


@dataclass(frozen=True)
class StageBox:
    """One stage as drawn: name, state and count in words, and whether the pipe breaks here."""

    stage: Stage
    name: str
    state: FlowState
    said: str
    count: str
    last: str
    broken: bool


def pipe_data(diagnosis: Diagnosis) -> tuple[StageBox, ...]:
    """Compute the boxes of the pipe, left to right."""
    broken = diagnosis.stages.broken_at
    return tuple(_box(flow, flow is broken, diagnosis.as_of) for flow in diagnosis.stages.flows.values())


def _box(flow: StageFlow, broken: bool, as_of: datetime) -> StageBox:
    return StageBox(
        stage=flow.stage,
        name=STAGE_NAMES[flow.stage],
        state=flow.state,
        said=STATE_NAMES[flow.state],
        count=_counted(flow),
        last=f"last {instant.clock(flow.last, as_of)}" if flow.last else "",
        broken=broken,
    )


def _counted(flow: StageFlow) -> str:
    if flow.total is None:
        return "not counted"
    return f"{flow.total:,.0f} {_UNITS.get(flow.stage, 'record')}{'' if flow.total == 1 else 's'}"


def pipe_alt(boxes: tuple[StageBox, ...]) -> str:
    """Say in one sentence where the pipe breaks."""
    broken = next((box for box in boxes if box.broken), None)
    blind = [box.name for box in boxes if box.state is FlowState.UNKNOWN]
    unknown = f" Not known: {', '.join(blind)}." if blind else ""
    if broken is None:
        return f"The pipe from write to function: no stage was seen to stop.{unknown}"
    return f"The pipe from write to function: the first stage seen to stop is '{broken.name}'.{unknown}"


def pipe_words(diagnosis: Diagnosis) -> Iterator[str]:
    """Say what each stage counted."""
    for flow in diagnosis.stages.flows.values():
        yield f"{STAGE_NAMES[flow.stage].capitalize()}: {STATE_NAMES[flow.state]}. {flow.basis}"
