"""Faults of the execution role. A change of a role reaches the poller within about a minute."""

from datetime import datetime, timedelta

from runbook_lib.sandbox.account.healthy import DYNAMODB_EXECUTION, LAMBDA_TRUST, allow, document, stream_reader
from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.state import Role
from runbook_lib.sandbox.account.timeline import Change
from runbook_lib.sandbox.account.trail import CONSOLE, PIPELINE, SECURITY
from runbook_lib.sandbox.faults.fault import fault
from runbook_lib.sandbox.pipe.iam_truth import root_statement
from runbook_lib.sandbox.world import World

_KEY = "arn:aws:kms:eu-west-1:123456789012:key/5e2d1c8a-7b34-4f0e-9a61-c83d5b7f2e10"


@fault(
    expects="role-missing-stream-actions", onset=timedelta(hours=3, minutes=48, seconds=26), set_off_by="PutRolePolicy",
    loss="at_risk", symptoms=("function-not-invoked",), remedies=("R4",),
    forbids=("explicit-deny-identity", "permissions-boundary"),
)  # fmt: skip
def role_lost_getrecords(world: World, at: datetime) -> None:
    """A least-privilege review took `dynamodb:GetRecords` off the role, since the code itself never calls it."""
    kept = ["dynamodb:DescribeStream", "dynamodb:GetShardIterator"]
    streams = f"{world.scope.arn('dynamodb', f'table/{world.setting.table}')}/stream/*"
    world.put_role_policy(at, world.role_name, "stream-access", stream_reader(streams, kept), by=PIPELINE)


@fault(
    expects="role-missing-stream-actions", onset=timedelta(hours=4, minutes=35, seconds=2), set_off_by="PutRolePolicy",
    loss="at_risk", symptoms=("function-not-invoked",), remedies=("R4",),
    forbids=("explicit-deny-identity", "permissions-boundary"),
)  # fmt: skip
def role_pinned_to_table_arn(world: World, at: datetime) -> None:
    """The policy was rewritten with the table's ARN as its resource; a stream's ARN is another one."""
    table = world.scope.arn("dynamodb", f"table/{world.setting.table}")
    world.put_role_policy(at, world.role_name, "stream-access", stream_reader(table), by=PIPELINE)


@fault(
    expects="explicit-deny-identity", onset=timedelta(minutes=55, seconds=33), set_off_by="AttachRolePolicy",
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
    set_off_by="PutRolePermissionsBoundary", loss="at_risk", symptoms=("function-not-invoked",), remedies=("R12",),
    forbids=("role-missing-stream-actions", "explicit-deny-identity"),
)  # fmt: skip
def permissions_boundary(world: World, at: datetime) -> None:
    """A landing-zone rollout set a boundary on every role that allows logs and items but forgot the streams."""
    items = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query"]
    fence = document(allow(["logs:*"], "*"), allow(items, "*"))
    arn = world.create_policy(at - timedelta(hours=3, minutes=17), "workload-boundary", fence, by=SECURITY)
    world.put_boundary(at, world.role_name, arn, by=SECURITY)


@fault(
    expects="role-missing-stream-actions", onset=timedelta(hours=1, minutes=51, seconds=36), loss="at_risk",
    set_off_by="DetachRolePolicy", symptoms=("function-not-invoked",), remedies=("R4",),
    setting=Setting(managed_access=True), forbids=("explicit-deny-identity", "condition-mismatch"),
)  # fmt: skip
def managed_policy_detached(world: World, at: datetime) -> None:
    """A drive against AWS's broad managed policies detached the one that the role read its stream with."""
    world.detach_role_policy(at, world.role_name, DYNAMODB_EXECUTION, by=CONSOLE)


@fault(
    expects="scp-or-rcp", onset=timedelta(hours=5, minutes=14, seconds=21), set_off_by=None, loss="at_risk",
    symptoms=("function-not-invoked",), remedies=("R12",),
    forbids=("role-missing-stream-actions", "explicit-deny-identity", "permissions-boundary"),
)  # fmt: skip
def organization_forbids_reads(world: World, at: datetime) -> None:
    """The organization forbade bulk reads in all its accounts; only the management account's trail shows it."""
    reads = ["dynamodb:GetRecords", "dynamodb:ExportTableToPointInTime"]
    world.attach_scp(at, document({"Sid": "NoBulkReads", "Effect": "Deny", "Action": reads, "Resource": "*"}))


@fault(
    expects="resource-policy", onset=timedelta(hours=2, minutes=17, seconds=53), set_off_by="PutResourcePolicy",
    loss="at_risk", symptoms=("function-not-invoked",), remedies=("R13",),
    forbids=("role-missing-stream-actions", "explicit-deny-identity", "scp-or-rcp"),
)  # fmt: skip
def stream_policy_denies(world: World, at: datetime) -> None:
    """A data perimeter put a policy on the stream that lets one consumer's role read it, and forgot the other one."""
    other = world.scope.arn("iam", f"role/{world.setting.sibling}-role")
    perimeter = {
        "Sid": "OnlyTheNotifier",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "dynamodb:GetRecords",
        "Resource": f"{world.scope.arn('dynamodb', f'table/{world.setting.table}')}/stream/*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": other}},
    }
    world.put_stream_policy(at, world.setting.table, document(perimeter), by=SECURITY)


@fault(
    expects="condition-mismatch", onset=timedelta(hours=3, minutes=25, seconds=14), set_off_by="PutRolePolicy",
    loss="at_risk", symptoms=("function-not-invoked",), remedies=("R31",),
    forbids=("role-missing-stream-actions", "explicit-deny-identity"),
)  # fmt: skip
def reads_bound_to_function(world: World, at: datetime) -> None:
    """The role's reads were bound to calls of the function's own code, and the poller's calls are Lambda's."""
    function = world.scope.arn("lambda", f"function:{world.setting.function}")
    streams = f"{world.scope.arn('dynamodb', f'table/{world.setting.table}')}/stream/*"
    bound = stream_reader(streams)["Statement"][0] | {
        "Condition": {"ArnEquals": {"lambda:SourceFunctionArn": function}}
    }
    listing = allow(["dynamodb:ListStreams"], "*", "ListStreams")
    world.put_role_policy(at, world.role_name, "stream-access", document(bound, listing), by=PIPELINE)


@fault(
    expects="condition-mismatch", onset=timedelta(hours=1, minutes=12, seconds=47), set_off_by="AttachRolePolicy",
    loss="at_risk", symptoms=("function-not-invoked",), remedies=("R31",),
    forbids=("role-missing-stream-actions", "explicit-deny-identity"),
)  # fmt: skip
def reads_bound_to_network(world: World, at: datetime) -> None:
    """A perimeter denies all reads from outside the company's VPC, which the poller's always are."""
    perimeter = {
        "Sid": "OnlyFromOurNetwork",
        "Effect": "Deny",
        "Action": ["dynamodb:Get*", "dynamodb:Query"],
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-0a1b2c3d4e5f60718"}},
    }
    arn = world.create_policy(at - timedelta(hours=9, minutes=31), "data-perimeter", document(perimeter), by=SECURITY)
    world.attach_role_policy(at, world.role_name, arn, by=SECURITY)


@fault(
    expects="role-missing-stream-actions", onset=timedelta(hours=2, minutes=33, seconds=9), loss="at_risk",
    set_off_by="DeleteRolePolicy", contributing=("version-role-drift",), symptoms=("function-not-invoked",),
    remedies=("R4", "R32"), setting=Setting(alias="live"), forbids=("trust-or-role-gone", "explicit-deny-identity"),
)  # fmt: skip
def version_keeps_old_role(world: World, at: datetime) -> None:
    """The function got a role of its own and the old one was stripped; the alias's version still runs with the old."""
    name = f"{world.setting.function}-execution"
    streams = f"{world.scope.arn('dynamodb', f'table/{world.setting.table}')}/stream/*"
    before = at - timedelta(hours=21, minutes=6)
    role = Role(name, "AROAEXECUTIONROLE0001", before, LAMBDA_TRUST, {"stream-access": stream_reader(streams)})
    world.add(Change(before, lambda state: state.with_role(role)))
    moved = before + timedelta(minutes=4)
    world.reconfigure(moved, world.setting.function, by=PIPELINE, role=world.scope.arn("iam", f"role/{name}"))
    world.delete_role_policy(at, world.role_name, "stream-access", by=CONSOLE)


@fault(
    expects="trust-or-role-gone", onset=timedelta(hours=4, minutes=2, seconds=18), set_off_by="DeleteRole",
    loss="at_risk", symptoms=("function-not-invoked",), remedies=("R11",),
    forbids=("role-missing-stream-actions", "function-or-qualifier-deleted"),
)  # fmt: skip
def role_deleted(world: World, at: datetime) -> None:
    """A sweep of roles that nobody had signed in with deleted the function's execution role."""
    world.delete_role(at, world.role_name, by=SECURITY)


@fault(
    expects="trust-or-role-gone", onset=timedelta(hours=1, minutes=29, seconds=55), set_off_by="UpdateAssumeRolePolicy",
    loss="at_risk", symptoms=("function-not-invoked",), remedies=("R11",),
    forbids=("role-missing-stream-actions", "explicit-deny-identity"),
)  # fmt: skip
def trust_lost(world: World, at: datetime) -> None:
    """The role was handed to a container service, and its trust policy rewritten for that service alone."""
    trust = document(
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    world.update_trust(at, world.role_name, trust, by=PIPELINE)


@fault(
    expects="cmk-denied-to-role", onset=timedelta(hours=2, minutes=52, seconds=30), set_off_by="PutKeyPolicy",
    loss="at_risk", symptoms=("function-not-invoked",), remedies=("R37",), setting=Setting(table_fields={"key": _KEY}),
    forbids=("table-key-inaccessible", "role-missing-stream-actions", "resource-policy"),
)  # fmt: skip
def key_withheld(world: World, at: datetime) -> None:
    """The policy of the table's key was narrowed to named roles; the application's is there, the projector's is not."""
    readers = [world.scope.arn("iam", f"role/{name}") for name in (f"{world.setting.sibling}-role", "shop-checkout")]
    named = {"Effect": "Allow", "Principal": {"AWS": readers}, "Action": "kms:Decrypt", "Resource": "*"}
    world.put_key_policy(at, _KEY, document(root_statement(world.account), named), by=SECURITY)
