"""Pages: the part of a list a caller asked for, and the token for the rest."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from runbook_lib.sandbox.wire.errors import ApiError


def token_for(offset: int) -> str:
    """An opaque token that stands for an offset."""
    return base64.urlsafe_b64encode(f"offset:{offset}".encode()).decode()


def offset_of(token: str | None, code: str = "InvalidParameterValueException") -> int:
    """The offset a token stands for, 0 for none; raises `ApiError(code)` for a token we did not give."""
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token.encode()).decode().removeprefix("offset:"))
    except ValueError as error:
        raise ApiError(code, "The pagination token is invalid.") from error


def page(
    items: Sequence[Any],
    member: str,
    size: int,
    token: str | None,
    next_member: str = "NextMarker",
    code: str = "InvalidParameterValueException",
) -> dict[str, Any]:
    """One page under `member`, with `next_member` when there are more."""
    begin = offset_of(token, code)
    answer: dict[str, Any] = {member: list(items[begin : begin + size])}
    if begin + size < len(items):
        answer[next_member] = token_for(begin + size)
    return answer
