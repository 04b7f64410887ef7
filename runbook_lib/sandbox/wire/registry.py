"""Who answers which operation, where it is not moto."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from runbook_lib.sandbox.wire.call import Call

Answer = Callable[[Any, Call], dict[str, Any]]
"""From the world and a call to an answer in boto3's shape; raises `ApiError` for an error of the service."""

ANSWERS: dict[tuple[str, str], Answer] = {}

AnswerT = TypeVar("AnswerT", bound=Answer)


def answers(service: str, *operations: str) -> Callable[[AnswerT], AnswerT]:
    """Register the decorated `(world, call) -> dict` as the answer to these operations of a service.

    Raises `ValueError` when an operation has an answer already: two truths about one operation are a mistake.
    """

    def register(answer: AnswerT) -> AnswerT:
        for operation in operations:
            if (service, operation) in ANSWERS:
                raise ValueError(f"{service}:{operation} is answered twice")
            ANSWERS[service, operation] = answer
        return answer

    return register
