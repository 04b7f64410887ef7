"""Answers of AWS KMS about the keys that a world's tables and functions are encrypted with."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runbook_lib.sandbox.answers.regional import regional
from runbook_lib.sandbox.pipe.iam_truth import key_policy
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World


def _key(world: World, call: Call) -> str:
    arn: str = call.params["KeyId"]
    tables = (table.key for table in world.state.tables.values())
    functions = (version.key for function in world.state.functions.values() for version in function.versions)
    if arn not in {*tables, *functions}:
        raise ApiError("NotFoundException", f"Key '{arn}' does not exist")
    return arn


def _state(world: World, arn: str) -> str:
    """What KMS calls the key's state."""
    of_tables = (table.key_state for table in world.state.tables.values() if table.key == arn)
    return "Disabled" if arn in world.state.disabled_keys else next(of_tables, "Enabled")


@regional("kms", "DescribeKey")
def describe_key(world: World, call: Call) -> dict[str, Any]:
    """A key of the customer's, enabled or not."""
    arn = _key(world, call)
    state = _state(world, arn)
    deletion = {"DeletionDate": world.now + timedelta(days=30)} if state == "PendingDeletion" else {}
    return {
        "KeyMetadata": deletion
        | {
            "AWSAccountId": world.account,
            "KeyId": arn.rpartition("/")[2],
            "Arn": arn,
            "CreationDate": world.start,
            "Enabled": state == "Enabled",
            "KeyUsage": "ENCRYPT_DECRYPT",
            "KeyState": state,
            "Origin": "AWS_KMS",
            "KeyManager": "CUSTOMER",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "MultiRegion": False,
        }
    }


@regional("kms", "GetKeyPolicy")
def get_key_policy(world: World, call: Call) -> dict[str, Any]:
    """The only policy of a key."""
    return {"Policy": json.dumps(key_policy(world.state, _key(world, call))), "PolicyName": "default"}


@regional("kms", "EnableKey")
def enable_key(world: World, call: Call) -> dict[str, Any]:
    """The remedy for a disabled key; the deletion of one has to be cancelled first."""
    arn = _key(world, call)
    if _state(world, arn) == "PendingDeletion":
        raise ApiError("KMSInvalidStateException", f"{arn} is pending deletion.")
    world.enable_key(world.now, arn)
    return {}


@regional("kms", "PutKeyPolicy")
def put_key_policy(world: World, call: Call) -> dict[str, Any]:
    """The remedy for a key that is withheld: replace its whole policy."""
    world.put_key_policy(world.now, _key(world, call), json.loads(call.params["Policy"]))
    return {}


@regional("kms", "ListGrants")
def list_grants(world: World, call: Call) -> dict[str, Any]:
    """Nobody holds a grant."""
    _key(world, call)
    return {"Grants": [], "Truncated": False}
