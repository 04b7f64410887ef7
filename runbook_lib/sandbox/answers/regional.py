"""Regions: a resource is found where it lives and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.registry import answers

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World

AnswerT = TypeVar("AnswerT", bound=Callable[..., dict[str, Any]])


def regional(service: str, *operations: str) -> Callable[[AnswerT], AnswerT]:
    """Register an answer about the resources of one region: asked in any other, it speaks of an empty one."""

    def register(answer: AnswerT) -> AnswerT:
        @answers(service, *operations)
        def where_called(world: World, call: Call) -> dict[str, Any]:
            """Answer from the region of the call."""
            return answer(world if call.region == world.region else world.abroad(call.region), call)

        return answer

    return register
