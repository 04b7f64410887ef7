"""Worlds that try to fool an investigator, and what a refused call may do to a verdict."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from worlds import HISTORY, TRIED, tried

import scoreboard
import scoreboard_page
from runbook_lib.findings import Confidence
from runbook_lib.judging.diagnosis import Status
from runbook_lib.sandbox import trials
from score import FAULT, OFFENCES, RefusalEffect, Score, ScoreResult, compare, single_faults
from serve_world import DENIED, REFUSALS, THROTTLED, declared_actions, served_world

KINDS = {"compound": 12, "decoy": 12, "look-alike": 10, "unknown": 5, "big": 3}
BLINDFOLDS = {
    "mapping-paused": (("lambda:ListEventSourceMappings", DENIED), ("cloudwatch:GetMetricData", THROTTLED)),
    "role-lost-getrecords": (("iam:SimulatePrincipalPolicy", DENIED), ("iam:GetRole", THROTTLED)),
    "poison-record": (("cloudwatch:GetMetricData", DENIED), ("logs:FilterLogEvents", THROTTLED)),
    "items-grew-large": (("dynamodb:DescribeStream", DENIED), ("cloudwatch:GetMetricData", THROTTLED)),
    "stream-disabled": (("dynamodb:DescribeTable", DENIED), ("dynamodb:ListStreams", THROTTLED)),
}
BLINDFOLDED = ("mapping-paused", "role-lost-getrecords")
"""In every run of the tests; the others are marked slow."""

CASES = {case.id: case for case in scoreboard.cases()}


def _cases() -> list[object]:
    return [pytest.param(trial.id, marks=_marks(trial.id)) for trial in trials()]


def _marks(name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.xdist_group(name), *([] if name in TRIED else [pytest.mark.slow])]


@pytest.mark.parametrize("name", _cases())
def test_trial_does_not_fool_the_kit(name: str) -> None:
    """The truth is found, no innocent is named, and neither clock nor trigger is wrong."""
    found = tried(name).score
    assert found.result is ScoreResult.RIGHT, scoreboard_page.line(found)
    assert not scoreboard.is_wrong(found), scoreboard_page.line(found)


@pytest.mark.parametrize(("kind", "least"), KINDS.items())
def test_there_are_enough_trials_of_each_kind(kind: str, least: int) -> None:
    """Every kind of trial has at least as many worlds as were asked for."""
    assert sum(trial.kind == kind for trial in trials()) >= least


def test_trials_are_no_faults_and_have_names_of_their_own() -> None:
    """No trial is offered as a fault, and none shares its name with one."""
    names = [case.id for case in scoreboard.cases()]
    assert len(names) == len(set(names))
    assert not {trial.id for trial in trials()} & {case.id for case in single_faults()}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in BLINDFOLDED else pytest.mark.slow) for name in BLINDFOLDS]
)
def test_refused_call_never_misleads(name: str) -> None:
    """A refused call leaves the verdict, weakens it, or ends in undetermined with the action named."""
    case = CASES[name]
    with served_world(case.fault.build(scoreboard.NOW, scoreboard.SEED, history=HISTORY)) as world:
        whole = world.investigate().diagnosis
        asked = frozenset(world.live.asked_actions)
        for action, how in BLINDFOLDS[name]:
            assert action in asked
            assert compare(case, action, whole, world.investigate(action, how=how).diagnosis) not in OFFENCES


@pytest.mark.slow
@pytest.mark.parametrize("name", [case.id for case in single_faults()])
def test_no_refused_call_misleads_in_any_world(name: str) -> None:
    """Whatever action is refused, in whatever way, no broken world is cleared and no other cause is named."""
    _, refused = scoreboard.run(CASES[name], denials=True)
    assert len(refused) == len(declared_actions()) * len(REFUSALS)
    assert [denial for denial in refused if denial.change in OFFENCES] == []


def _verdict(*causes: tuple[str, Confidence], status: Status = Status.FAULT, gap: str = "") -> SimpleNamespace:
    named = tuple(SimpleNamespace(finding=SimpleNamespace(id=id), confidence=sure) for id, sure in causes)
    gaps = (SimpleNamespace(gap=SimpleNamespace(call=gap), findings=("oom",)),) if gap else ()
    return SimpleNamespace(causes=named, latent=(), status=status, gaps=gaps)


P, L, S = Confidence.PROVED, Confidence.LIKELY, Confidence.SUSPECTED
WHOLE = _verdict(("oom", P))
CHANGES = (
    (_verdict(("oom", P)), RefusalEffect.UNCHANGED),
    (_verdict(("oom", L)), RefusalEffect.WEAKER),
    (_verdict(("oom", L), ("timeout", S)), RefusalEffect.WEAKER),
    (_verdict(("oom", P), ("timeout", L)), RefusalEffect.MISLED),
    (_verdict(("timeout", S)), RefusalEffect.MISLED),
    (_verdict(status=Status.NO_FAULT), RefusalEffect.CLEARED),
    (_verdict(status=Status.UNDETERMINED, gap="x:Y"), RefusalEffect.UNDETERMINED),
    (_verdict(status=Status.UNDETERMINED, gap="x:Z"), RefusalEffect.UNNAMED),
)


@pytest.mark.parametrize(("blinded", "change"), CHANGES)
def test_what_a_refusal_did_is_told(blinded: SimpleNamespace, change: RefusalEffect) -> None:
    """The comparison tells apart what a refusal may do and what it must not."""
    case = CASES["mapping-paused"]
    assert compare(case, "x:Y", WHOLE, blinded) is change  # type: ignore[arg-type]


@pytest.fixture
def right() -> Score:
    """A score without blemish."""
    return Score(
        "w",
        FAULT,
        ScoreResult.RIGHT,
        (("a", "proved"),),
        (),
        True,
        True,
        (),
        (),
        ScoreResult.RIGHT,
        3,
        True,
        9,
        False,
        (),
    )


def test_page_is_written_only_when_all_is_well(right: Score, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A wrong verdict or an empty run leaves the committed page as it was, and says so by its exit code."""
    target = tmp_path / "scoreboard.md"
    monkeypatch.setattr(scoreboard, "PAGE", target)
    scores: list[Score] = []
    monkeypatch.setattr(scoreboard, "run_all", lambda *_, **__: (scores, []))
    monkeypatch.setattr(scoreboard, "run_rows", lambda *_: [])
    assert scoreboard.main([]) == 2
    scores.append(_with(right, ScoreResult.WRONG))
    assert scoreboard.main([]) == 1
    assert not target.exists()
    scores[:] = [right]
    assert scoreboard.main(["--denials"]) == 1, "no action of the policy was asked for"
    assert not target.exists()
    monkeypatch.setattr(scoreboard, "never_asked", lambda refused: ())
    assert scoreboard.main([]) == 0
    assert "| fault | w | right | a (proved) | right | 3 s | 9 s |" in target.read_text()
    assert scoreboard_page.worse_than(target, [_with(right, ScoreResult.ABSTAINED)], []) == [
        "w: abstained, the page says right"
    ]
    assert scoreboard_page.worse_than(target, scores, []) == []


def _with(score: Score, result: ScoreResult) -> Score:
    return Score(**{**vars(score), "result": result})


def test_every_world_is_on_the_scoreboard() -> None:
    """Every fault and every trial is a case, with a truth for each kind."""
    assert len(CASES) == len(single_faults()) + len(trials())
    assert all(case.expects for case in CASES.values() if case.kind in ("compound", "decoy", "big"))
    assert not any(case.expects for case in CASES.values() if case.kind in ("look-alike", "unknown"))
