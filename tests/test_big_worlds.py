"""Big accounts: the sizes are what they are said to be, and what was cut short is said to be."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from worlds import NOW, incident_of, sandboxed

from runbook_lib.findings import Confidence
from runbook_lib.running import run
from runbook_lib.sandbox import World, trials
from runbook_lib.sandbox.answers.cloudtrail import history_of
from runbook_lib.sandbox.answers.logs import events_of
from runbook_lib.sandbox.answers.streams import shards_of

BIG = {trial.id: trial.fault for trial in trials() if trial.kind == "big"}
pytestmark = pytest.mark.slow


def _world(name: str) -> World:
    return BIG[name].build(NOW, seed=1)


def test_five_thousand_changes_are_in_the_trail() -> None:
    """The trail of the busy account holds at least 5,000 events that change something."""
    events = history_of(_world("paused-among-thousands-of-changes"))
    assert sum(not recorded.event.read_only for recorded in events) >= 5_000


def test_the_stream_has_two_hundred_shards_and_the_function_forty_mappings() -> None:
    """Stream and function are as big as the story has it."""
    world = _world("role-lost-its-rights-on-many-sources")
    assert world.table.stream is not None
    assert len(shards_of(world, world.table.stream)) >= 200
    mine = [mapping for mapping in world.state.mappings.values() if mapping.function_name == world.setting.function]
    assert len(mine) == 40


def test_two_hundred_thousand_lines_are_in_the_log() -> None:
    """The talkative function's log holds at least 200,000 lines."""
    world = _world("release-fails-in-a-talkative-function")
    assert len(events_of(world, f"/aws/lambda/{world.setting.function}")) >= 200_000


@pytest.mark.parametrize("name", BIG)
def test_two_days_by_the_minute_give_the_same_cause(name: str, tmp_path: Path) -> None:
    """Over 48 hours of one-minute metrics the cause is the same, and a search that was cut short is named."""
    world = _world(name)
    incident = incident_of(world, "INC-BIG", lookback_hours=48)
    with sandboxed(world):
        found = run.investigate(incident, archive=tmp_path, report=False).diagnosis
    assert [(cause.finding.id, cause.confidence) for cause in found.causes] == [(BIG[name].expects, Confidence.PROVED)]
    assert found.window.end - found.window.start >= timedelta(hours=48)
    assert found.coverage is not None
    cut_short = [words for words in found.coverage.missing if "cut short" in words]
    assert bool(cut_short) is (name == "paused-among-thousands-of-changes")
