"""Two runs compared: no recovery is declared that was none."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from worlds import HISTORY, NOW, incident_of, sandboxed

from runbook_lib import run
from runbook_lib.errors import BadArchive
from runbook_lib.recovery import Outcome, compare
from runbook_lib.sandbox.faults import build
from runbook_lib.sandbox.world import World


def _repaired(world: World) -> None:
    world.update_mapping(world.now, world.mapping.uuid, enabled=True)
    world.advance(timedelta(minutes=30))


def _left_alone(world: World) -> None:
    world.advance(timedelta(minutes=30))


def _repaired_and_throttled(world: World) -> None:
    world.update_mapping(world.now, world.mapping.uuid, enabled=True)
    world.put_concurrency(world.now, world.setting.function, 0)
    world.advance(timedelta(minutes=30))


def _repaired_just_now(world: World) -> None:
    world.update_mapping(world.now, world.mapping.uuid, enabled=True)
    world.advance(timedelta(seconds=20))


CASES: list[tuple[Callable[[World], None], Outcome, tuple[str, ...], tuple[str, ...]]] = [
    (_repaired, Outcome.RECOVERED, ("esm-disabled-by-user",), ()),
    (_left_alone, Outcome.STILL_FAILING, (), ()),
    (_repaired_and_throttled, Outcome.STILL_FAILING, ("esm-disabled-by-user",), ("reserved-concurrency-zero",)),
    (_repaired_just_now, Outcome.NOT_SHOWN, ("esm-disabled-by-user",), ()),
]


@pytest.mark.parametrize(("change", "outcome", "fixed", "new"), CASES)
def test_second_run_tells_what_became_of_it(
    change: Callable[[World], None], outcome: Outcome, fixed: tuple[str, ...], new: tuple[str, ...], tmp_path: Path
) -> None:
    """A repair that worked, none, one that uncovered or met another fault, and one too fresh to show are told apart."""
    world = build("mapping-paused", NOW, seed=1, history=HISTORY)
    with sandboxed(world):
        before = run.investigate(incident_of(world, "INC-1"), archive=tmp_path, report=False)
        change(world)
        after = run.investigate(incident_of(world, "INC-1"), archive=tmp_path, report=False)
    found = compare(before.folder, after.folder)
    assert (found.outcome, found.fixed, found.new) == (outcome, fixed, new)


def test_runs_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    """A run compared with itself, or with an earlier one, is refused in words."""
    (tmp_path / "verdict.json").write_text(json.dumps({"as_of": "2026-03-14T15:09:26Z"}))
    with pytest.raises(BadArchive, match="is not later than"):
        compare(tmp_path, tmp_path)


def test_a_folder_without_a_verdict_is_named(tmp_path: Path) -> None:
    """A folder that holds no verdict is named with what to do."""
    with pytest.raises(BadArchive, match="no readable verdict"):
        compare(tmp_path, tmp_path)
