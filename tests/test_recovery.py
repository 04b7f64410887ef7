"""Two runs compared: no recovery is declared that was none."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from recoveries import COURSES, KINDS, pair_of
from worlds import HISTORY, NOW, incident_of, sandboxed

from runbook_lib.cli import main
from runbook_lib.errors import BadArchive
from runbook_lib.running import run
from runbook_lib.running.recovery import RecoveryOutcome, Trend, compare
from runbook_lib.sandbox import build, deny

pytestmark = pytest.mark.sampled

FAST, FAST_KINDS = ("mapping-paused",), ("fixed", "left alone", "broken otherwise")
"""What every run of the tests follows, and a backlog that drains; the others are marked slow."""

DRAINING = ("reserved-too-low", "release-too-slow")
NOT_YET = (RecoveryOutcome.NOT_SHOWN, RecoveryOutcome.STILL_FAILING)
EXPECTED: dict[str, tuple[RecoveryOutcome, ...]] = {
    "fixed": (RecoveryOutcome.RECOVERED,),
    "left alone": (RecoveryOutcome.STILL_FAILING,),
    "broken otherwise": (RecoveryOutcome.STILL_FAILING,),
    "fixed just now": NOT_YET,
    "nobody writes": (*NOT_YET, RecoveryOutcome.DRAINING),
    "wrong remedy": (RecoveryOutcome.STILL_FAILING,),
}


def _marks(name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.xdist_group(f"recovery-{name}"), *([] if name in FAST else [pytest.mark.slow])]


WORLDS = [pytest.param(name, marks=_marks(name)) for name in COURSES]


def _kinds() -> list[object]:
    return [pytest.param(kind, marks=[] if kind in FAST_KINDS else pytest.mark.slow) for kind in KINDS]


@pytest.mark.parametrize("kind", _kinds())
@pytest.mark.parametrize("name", WORLDS)
def test_what_became_of_it_is_told_and_no_recovery_is_made_up(name: str, kind: str) -> None:
    """Every course of events has its outcome, and recovered is said of nothing that has not recovered in truth."""
    pair = pair_of(name, kind)
    found = compare(pair.before, pair.after)
    assert pair.recovered or found.outcome is not RecoveryOutcome.RECOVERED
    drains = kind == "fixed" and name in DRAINING
    assert found.outcome in ((RecoveryOutcome.DRAINING,) if drains else EXPECTED[kind]), found.sentence
    assert found.exit_code == {RecoveryOutcome.RECOVERED: 0, RecoveryOutcome.STILL_FAILING: 1}.get(found.outcome, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_fixed_still_and_new_are_told_apart(name: str) -> None:
    """The cause of the first run is fixed, or over, or still there; what broke since is new."""
    fixed, alone, otherwise = (
        compare(pair.before, pair.after)
        for pair in (pair_of(name, kind) for kind in ("fixed", "left alone", "broken otherwise"))
    )
    assert alone.still
    assert (alone.fixed, alone.new, alone.over) == ((), (), ())
    assert set(alone.still) <= {*fixed.fixed, *fixed.over}
    assert (fixed.still, fixed.new) == ((), ())
    assert COURSES[name].broken in otherwise.new


@pytest.mark.parametrize(
    "name",
    [
        "reserved-too-low",
        pytest.param("release-too-slow", marks=_marks("release-too-slow")),
    ],
)
def test_time_to_drain_is_right(name: str) -> None:
    """Where a backlog drains, its slope and its end are told, within a fifth of what the world then does."""
    pair = pair_of(name, "fixed")
    trend = compare(pair.before, pair.after).trend
    assert trend is not None
    assert trend.drained_at is not None
    assert pair.drains is not None
    told = trend.drained_at - (NOW + COURSES[name].lasts)
    assert abs(told - pair.drains) <= pair.drains / 5


@pytest.mark.parametrize("name", [pytest.param(name, marks=_marks(name)) for name in DRAINING])
def test_age_that_rises_drains_never(name: str) -> None:
    """A backlog left alone rises, slower than the clock, and no end of it is told."""
    pair = pair_of(name, "left alone")
    trend = compare(pair.before, pair.after).trend
    assert trend is not None
    assert 0 < trend.slope < 1
    assert trend.drained_at is None


TRENDS: list[tuple[float, float, str]] = [
    (30, -0.9, "The iterator age was 30 s at 15:09 UTC: nothing waits."),
    (600, 0.01, "The iterator age was 10 min at 15:09 UTC and does not change."),
    (600, 0.5, "The iterator age was 10 min at 15:09 UTC and rises by 30 s a minute."),
    (
        600, -2,
        "The iterator age was 10 min at 15:09 UTC and falls by 2 min a minute: at that rate what waits is handed over"
        " by 15:13 UTC.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("age", "slope", "words"), TRENDS)
def test_trend_is_said_in_words(age: float, slope: float, words: str) -> None:
    """Nothing waits, stands still, rises, or falls with a time at which it is through."""
    assert Trend(NOW, timedelta(seconds=age), slope).sentence == words


@pytest.mark.xdist_group("recovery-reserved-too-low")
def test_command_says_it_for_people_and_machines(capsys: pytest.CaptureFixture[str]) -> None:
    """Both forms name the outcome, what is fixed, and when what waits is through; the exit code agrees."""
    pair = pair_of("reserved-too-low", "fixed")
    folders = [str(pair.before), str(pair.after)]
    assert main(["compare", *folders]) == 2
    said = capsys.readouterr().out
    assert said.startswith("Outcome    Recovering: ")
    assert "Fixed      reserved-too-low" in said
    assert "handed over by" in " ".join(said.split())
    assert main(["compare", *folders, "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert (document["outcome"], document["fixed"]) == ("recovering", ["reserved-too-low"])
    assert document["iterator_age"]["slope"] < -0.5
    assert document["iterator_age"]["drained_at"] > document["handled_at"] > document["repaired_at"]


def test_cause_that_cannot_be_looked_for_is_not_fixed(tmp_path: Path) -> None:
    """A repaired world seen by somebody who may not list mappings is not shown to have recovered."""
    world = build("mapping-paused", NOW, seed=1, history=HISTORY)
    world.update_mapping(NOW, world.mapping.uuid, enabled=True)
    world.advance(timedelta(minutes=30))
    with sandboxed(world, deny("lambda", "ListEventSourceMappings")):
        after = run.investigate(incident_of(world, "R-blind"), archive=tmp_path, report=False).folder
    found = compare(pair_of("mapping-paused", "fixed").before, after)
    assert (found.outcome, found.fixed, found.unseen) == (RecoveryOutcome.NOT_SHOWN, (), ("esm-disabled-by-user",))


def test_runs_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    """A run compared with itself, or with an earlier one, is refused in words."""
    (tmp_path / "verdict.json").write_text(json.dumps({"as_of": "2026-03-14T15:09:26Z"}))
    with pytest.raises(BadArchive, match="is not later than"):
        compare(tmp_path, tmp_path)


def test_a_folder_without_a_verdict_is_named(tmp_path: Path) -> None:
    """A folder that holds no verdict is named with what to do."""
    with pytest.raises(BadArchive, match="no readable verdict"):
        compare(tmp_path, tmp_path)
