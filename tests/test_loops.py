"""A function that feeds itself, and what only looks like one."""

from __future__ import annotations

from datetime import timedelta

from worlds import HISTORY, NOW

from runbook_lib.findings import Confidence, Verdict
from runbook_lib.sandbox import World, allow, build, document
from serve_world import served_world

AT = NOW - timedelta(hours=2, minutes=5)


def _world(*, may_write: bool = True) -> World:
    """A healthy world whose function's role may update the table, or may not."""
    world = build("healthy", NOW, seed=1, history=HISTORY)
    if may_write:
        access = document(allow(["dynamodb:UpdateItem"], world.scope.arn("dynamodb", "table/Orders")))
        world.put_role_policy(world.start, world.role_name, "item-access", access)
    return world


def _loop(world: World) -> list[Verdict]:
    with served_world(world) as asked:
        return [
            verdict for verdict in asked.investigate().diagnosis.contributing if verdict.finding.id == "write-back-loop"
        ]


def test_a_loop_is_asked_about_and_never_sure() -> None:
    """Updates alone outgrow everything, and the role may make them: a question with one sign, as nobody counts who."""
    world = _world()
    world.write_back(AT, times=9)
    (found,) = _loop(world)
    assert found.confidence is Confidence.SUSPECTED
    assert "UpdateItem requests in the last hour" in found.because[0]
    assert found.because[0].endswith("role orders-projector-role may make such. Does the function write to Orders?")


def test_a_busy_day_is_no_loop() -> None:
    """Where every kind of write grows alike customers write more, whatever the role may do."""
    world = _world()
    world.set_traffic(AT, per_minute=90)
    assert _loop(world) == []


def test_who_may_not_write_is_in_no_loop() -> None:
    """Updates that the function's role cannot make are somebody else's."""
    world = _world(may_write=False)
    world.write_back(AT, times=9)
    assert _loop(world) == []
