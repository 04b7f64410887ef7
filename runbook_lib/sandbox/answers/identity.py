"""Answers of AWS STS: who the caller is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.registry import answers

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World

INVESTIGATOR = "investigator"


@answers("sts", "GetCallerIdentity")
def get_caller_identity(world: World, call: Call) -> dict[str, Any]:
    """The investigator, whatever key the call was signed with."""
    return {
        "UserId": "AIDA7SANDBOX7CALLER77",
        "Account": world.account,
        "Arn": f"arn:aws:iam::{world.account}:user/{INVESTIGATOR}",
    }
