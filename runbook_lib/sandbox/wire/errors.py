"""Errors of the sandbox that travel to the client as errors of AWS."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An error an AWS service would return: its code, its message and its HTTP status.

    `members` are further members of the error's shape (for example `Reason` of a Lambda throttle). The front writes
    the error in the protocol the client spoke.
    """

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


def not_emulated(what: str) -> ApiError:
    """Return the one error for whatever the sandbox does not emulate.

    HTTP 501, which botocore does not retry (its standard mode retries 500, 502, 503 and 504), so that a missing
    operation shows at once and once.
    """
    return ApiError("OperationNotEmulated", f"the sandbox does not emulate {what}", status=501)
