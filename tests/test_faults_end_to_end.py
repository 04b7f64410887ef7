"""Every fault of the sandbox, investigated over real HTTP with real boto3."""

from __future__ import annotations

import json
import socket
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from worlds import FAST, copy_of, investigated

from runbook_lib.archive.record import Record, verify
from runbook_lib.aws import READS
from runbook_lib.findings import Confidence
from runbook_lib.judging.diagnosis import Status
from runbook_lib.judging.loss_clock import LossState
from runbook_lib.observed import Gap
from runbook_lib.running import run
from runbook_lib.sandbox import all_faults
from runbook_lib.sandbox.account.state import KEY_LOSS_REACHES

FAULTS = sorted(all_faults())
BROKEN = [name for name in FAULTS if all_faults()[name].expects]
SOUND = [name for name in FAULTS if not all_faults()[name].expects]
MINUTE = timedelta(minutes=1)


LOST_KEY = "table-key-disabled"
"""A world whose writes and reads end together, minutes after the event: nothing waits that was not delivered."""


def _grouped(names: list[str]) -> list[object]:
    """Keep every test of one fault in one process, where its run is shared; those beyond the fast set are slow."""
    return [pytest.param(name, marks=_marks(name)) for name in names]


def _marks(name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.xdist_group(name), *([] if name in FAST else [pytest.mark.slow])]


@pytest.mark.parametrize("name", _grouped(BROKEN))
def test_expected_cause_comes_first_and_no_other_is_proved(name: str) -> None:
    """The cause that the fault declares is named first, as surely as can be, and nothing else is proved."""
    seen = investigated(name)
    causes = [(cause.finding.id, cause.confidence) for cause in seen.diagnosis.causes]
    assert causes[0] == (seen.fault.expects, seen.fault.confidence)
    assert [found for found, sure in causes[1:] if sure is Confidence.PROVED] == []
    assert not {found for found, _ in causes} & set(seen.fault.forbids)
    assert seen.diagnosis.exit_code == 1


@pytest.mark.parametrize("name", _grouped(SOUND))
def test_sound_world_has_no_cause(name: str) -> None:
    """A world in which the trigger works, or has nothing to do, ends in no fault."""
    seen = investigated(name)
    assert seen.diagnosis.causes == ()
    assert seen.diagnosis.status is Status.NO_FAULT
    assert seen.diagnosis.exit_code == 0
    assert seen.diagnosis.loss.state is LossState.NONE


@pytest.mark.parametrize("name", _grouped(FAULTS))
def test_declared_symptoms_and_notes_are_seen(name: str) -> None:
    """The symptoms, contributing factors and harmless facts that the fault declares are in the diagnosis."""
    seen = investigated(name)
    assert set(seen.fault.contributing) == {verdict.finding.id for verdict in seen.diagnosis.contributing}
    symptoms = {verdict.finding.id for verdict in seen.diagnosis.symptoms}
    innocent = {verdict.finding.id for verdict in seen.diagnosis.innocent}
    assert set(seen.fault.symptoms) <= symptoms
    assert set(seen.fault.notes) <= innocent


@pytest.mark.parametrize("name", _grouped(BROKEN))
def test_onset_is_right_within_a_period(name: str) -> None:
    """The onset is within one metric period of the first write not delivered; gradual ones lie within its bounds."""
    seen = investigated(name)
    onset, truth = seen.diagnosis.onset, seen.oldest_unread
    assert onset is not None
    if name == LOST_KEY:
        truth = seen.began + KEY_LOSS_REACHES if seen.began else None
    assert truth is not None
    if seen.fault.gradual:
        assert seen.began is not None
        assert onset.earliest <= seen.began <= onset.latest
        return
    assert onset.earliest <= truth <= onset.latest + MINUTE
    assert abs(onset.at - truth) <= 2 * MINUTE


@pytest.mark.parametrize("name", _grouped(BROKEN))
def test_change_that_set_it_off_is_named(name: str) -> None:
    """The trigger is the trail event of the fault, at its time; without such an event none is named."""
    seen = investigated(name)
    named = seen.diagnosis.set_off_by
    if any(rule_denies_trail(gap.gap) for gap in seen.diagnosis.gaps) or seen.fault.set_off_by is None:
        assert named is None
        return
    assert named is not None
    assert named.change.event.event_name == seen.fault.set_off_by
    assert seen.began is not None
    assert abs(named.change.event.at - seen.began) < MINUTE


def rule_denies_trail(gap: Gap) -> bool:
    """Whether a gap is that of the trail."""
    return gap.call == "cloudtrail:LookupEvents"


@pytest.mark.parametrize("name", _grouped(BROKEN))
def test_loss_clock_is_right_and_never_optimistic(name: str) -> None:
    """The state of the loss clock is the fault's own; a deadline is a little early at most and never late."""
    seen = investigated(name)
    loss, oldest = seen.diagnosis.loss, seen.oldest_unread
    assert loss.state.value == seen.fault.loss
    if loss.state is LossState.AT_RISK and name != LOST_KEY:
        assert oldest is not None
        assert loss.deadline is not None
        true_deadline = oldest + timedelta(hours=24)
        early = (10 if seen.fault.gradual else 2) * MINUTE
        assert true_deadline - early <= loss.deadline <= true_deadline


@pytest.mark.parametrize("name", _grouped(FAULTS))
def test_replay_without_network_gives_the_same_verdict(name: str, tmp_path: Path) -> None:
    """A finished run replays with every socket closed, to the same bytes, and both folders verify."""
    seen = investigated(name)
    folder = copy_of(seen.folder, tmp_path)
    with mock.patch.object(socket, "socket", side_effect=OSError("no network")):
        again = run.replay(folder, report=False)
    assert (again.folder / "verdict.json").read_bytes() == (folder / "verdict.json").read_bytes()
    assert again.folder != folder
    assert verify(folder) == verify(again.folder) == ()


@pytest.mark.parametrize("name", _grouped(FAULTS))
def test_only_reads_leave_and_every_answer_is_valid(name: str) -> None:
    """The sandbox saw nothing but operations on the list of reads, and gave no answer that AWS's models refuse."""
    seen = investigated(name)
    asked = {(entry.service, entry.operation) for entry in seen.journal}
    assert asked <= {(service, operation) for service, operations in READS.items() for operation in operations}
    assert seen.violations == ()


@pytest.mark.parametrize("name", _grouped(FAULTS))
def test_every_sentence_points_at_recorded_evidence(name: str) -> None:
    """Each reference in the verdict names a recorded call, the run, or an event of the trail."""
    seen = investigated(name)
    known = {call.ref for call in Record.open(seen.folder).calls()} | {"run"}
    verdict = json.loads((seen.folder / "verdict.json").read_text())
    quoted = {
        ref for part in ("causes", "symptoms", "not_causes") for named in verdict[part] for ref in named["evidence"]
    }
    assert {ref for ref in quoted if not ref.startswith("trail:")} <= known
    assert all(cause["evidence"] for cause in verdict["causes"])


@pytest.mark.xdist_group("trail-denied")
def test_denied_trail_leaves_the_cause_and_lists_the_gap() -> None:
    """Not being allowed to read the trail costs the trigger, not the cause, and names the permission to ask for."""
    seen = investigated("trail-denied")
    assert [cause.finding.id for cause in seen.diagnosis.causes] == ["esm-disabled-by-user"]
    assert seen.diagnosis.set_off_by is None
    blind = [gap for gap in seen.diagnosis.gaps if gap.gap.call == "cloudtrail:LookupEvents"]
    assert {gap.gap.permission for gap in blind} == {"cloudtrail:LookupEvents"}
    assert {step for gap in blind for step in gap.steps} == {9}
