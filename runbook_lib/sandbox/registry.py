"""Who answers which operation: answers of our own, and amendments of moto's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from runbook_lib.sandbox.call import Call

Answer = Callable[[Any, Call], dict[str, Any]]
"""From the world and a call to an answer in boto3's shape; raises `ApiError` for an error of the service."""

Amendment = Callable[[Any, Call, dict[str, Any]], dict[str, Any]]
"""From the world, a call and moto's parsed answer to the answer to give."""

ANSWERS: dict[tuple[str, str], Answer] = {}
AMENDMENTS: dict[tuple[str, str], Amendment] = {}

AnswerT = TypeVar("AnswerT", bound=Answer)
AmendmentT = TypeVar("AmendmentT", bound=Amendment)


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


def amends(service: str, *operations: str) -> Callable[[AmendmentT], AmendmentT]:
    """Register the decorated `(world, call, answer) -> dict`, which changes moto's answer to these operations.

    The operations must be among those `moto_backend` lets through. Raises `ValueError` on a second amendment.
    """

    def register(amendment: AmendmentT) -> AmendmentT:
        for operation in operations:
            if (service, operation) in AMENDMENTS:
                raise ValueError(f"{service}:{operation} is amended twice")
            AMENDMENTS[service, operation] = amendment
        return amendment

    return register
