"""Faults of the execution role. A change of a role reaches the poller within about a minute."""

from datetime import datetime, timedelta

from runbook_lib.sandbox.faults.fault import fault
from runbook_lib.sandbox.healthy import allow, document, stream_reader
from runbook_lib.sandbox.trail import PIPELINE, SECURITY
from runbook_lib.sandbox.world import World


@fault(
    expects="role-missing-stream-actions", onset=timedelta(hours=3, minutes=48, seconds=26), trigger="PutRolePolicy",
    loss="at_risk", symptoms=("function-not-invoked",), remedies=("R4",),
    forbids=("explicit-deny-identity", "permissions-boundary"),
)  # fmt: skip
def role_lost_getrecords(world: World, at: datetime) -> None:
    """A least-privilege review took `dynamodb:GetRecords` off the role, since the code itself never calls it."""
    kept = ["dynamodb:DescribeStream", "dynamodb:GetShardIterator"]
    streams = f"{world.scope.arn('dynamodb', f'table/{world.setting.table}')}/stream/*"
    world.put_role_policy(at, world.role_name, "stream-access", stream_reader(streams, kept), by=PIPELINE)


@fault(
    expects="role-missing-stream-actions", onset=timedelta(hours=4, minutes=35, seconds=2), trigger="PutRolePolicy",
    loss="at_risk", symptoms=("function-not-invoked",), remedies=("R4",),
    forbids=("explicit-deny-identity", "permissions-boundary"),
)  # fmt: skip
def role_pinned_to_table_arn(world: World, at: datetime) -> None:
    """The policy was rewritten with the table's ARN as its resource; a stream's ARN is another one."""
    table = world.scope.arn("dynamodb", f"table/{world.setting.table}")
    world.put_role_policy(at, world.role_name, "stream-access", stream_reader(table), by=PIPELINE)


@fault(
    expects="explicit-deny-identity", onset=timedelta(minutes=55, seconds=33), trigger="AttachRolePolicy",
    loss="at_risk", symptoms=("function-not-invoked",), remedies=("R12",),
    forbids=("role-missing-stream-actions", "permissions-boundary"),
)  # fmt: skip
def explicit_deny(world: World, at: datetime) -> None:
    """A guardrail against reading data out of the account was attached to the role, and it denies stream reads too."""
    denial = {
        "Sid": "NoBulkReads",
        "Effect": "Deny",
        "Action": ["dynamodb:Scan", "dynamodb:GetRecords"],
        "Resource": "*",
    }
    arn = world.create_policy(at - timedelta(hours=26, minutes=4), "data-perimeter", document(denial), by=SECURITY)
    world.attach_role_policy(at, world.role_name, arn, by=SECURITY)


@fault(
    expects="permissions-boundary", onset=timedelta(hours=7, minutes=19, seconds=58),
    trigger="PutRolePermissionsBoundary", loss="at_risk", symptoms=("function-not-invoked",), remedies=("R12",),
    forbids=("role-missing-stream-actions", "explicit-deny-identity"),
)  # fmt: skip
def permissions_boundary(world: World, at: datetime) -> None:
    """A landing-zone rollout set a boundary on every role that allows logs and items but forgot the streams."""
    items = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query"]
    fence = document(allow(["logs:*"], "*"), allow(items, "*"))
    arn = world.create_policy(at - timedelta(hours=3, minutes=17), "workload-boundary", fence, by=SECURITY)
    world.put_boundary(at, world.role_name, arn, by=SECURITY)
