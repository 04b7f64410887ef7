"""Two real faults at once: the one that is seen first hides the other, or would bring it out once repaired."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.code import BROKEN_HANDLER, MISSING_MODULE, Code
from runbook_lib.sandbox.account.healthy import allow, document, stream_reader
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.trail import CONSOLE, OPERATOR, PIPELINE, SECURITY, STACK
from runbook_lib.sandbox.faults.fault import Tell
from runbook_lib.sandbox.world import World
from runbook_lib.sandbox.worlds.trial import trial

_WITHOUT_TYPE = '{"dynamodb": {"NewImage": {"status": ["SHIPPED"]}}}'


def _compound(*expects: str, **members: Any) -> Callable[[Tell], Tell]:
    return trial("compound", *expects, **({"loss": "at_risk"} | members))


def _without_getrecords(world: World, at: datetime) -> None:
    streams = f"{world.scope.arn('dynamodb', f'table/{world.setting.table}')}/stream/*"
    kept = ["dynamodb:DescribeStream", "dynamodb:GetShardIterator"]
    world.put_role_policy(at, world.role_name, "stream-access", stream_reader(streams, kept), by=PIPELINE)


def _denied(world: World, at: datetime) -> None:
    denial = {"Sid": "NoBulkReads", "Effect": "Deny", "Action": "dynamodb:GetRecords", "Resource": "*"}
    arn = world.create_policy(at - timedelta(hours=26), "data-perimeter", document(denial), by=SECURITY)
    world.attach_role_policy(at, world.role_name, arn, by=SECURITY)


def _fenced(world: World, at: datetime) -> None:
    fence = document(allow(["logs:*", "dynamodb:GetItem", "dynamodb:PutItem"], "*"))
    arn = world.create_policy(at - timedelta(hours=3), "workload-boundary", fence, by=SECURITY)
    world.put_boundary(at, world.role_name, arn, by=SECURITY)


def _recreated(world: World, at: datetime) -> None:
    world.disable_stream(at, world.setting.table, by=CONSOLE)
    world.enable_stream(at + timedelta(seconds=52.417), world.setting.table, by=CONSOLE)


@_compound(
    "role-missing-stream-actions", "stale-stream-arn", onset=timedelta(hours=2, minutes=41, seconds=8),
    set_off_by="UpdateTable",
)  # fmt: skip
def stale_arn_and_policy_pinned_to_it(world: World, at: datetime) -> None:
    """The stream was toggled, and the role's policy names the old stream: a new mapping could not read the new one."""
    stream = world.table.stream
    assert stream is not None
    pinned = stream_reader(stream.arn(world.scope))
    world.put_role_policy(at - timedelta(hours=30), world.role_name, "stream-access", pinned, by=PIPELINE)
    _recreated(world, at)


@_compound(
    "stream-disabled", "esm-disabled-by-user", onset=timedelta(hours=5, minutes=12, seconds=37),
    set_off_by="UpdateTable", loss="losing",
)  # fmt: skip
def stream_off_and_mapping_disabled(world: World, at: datetime) -> None:
    """A stack switched the stream off, and somebody then paused the mapping that seemed to misbehave."""
    world.disable_stream(at, world.setting.table, by=STACK)
    world.update_mapping(at + timedelta(minutes=31), world.mapping.uuid, by=OPERATOR, enabled=False)


@_compound(
    "reserved-concurrency-zero", "poison-record", onset=timedelta(hours=3, minutes=52, seconds=5),
    set_off_by=None,
)  # fmt: skip
def brake_pulled_on_a_poisoned_shard(world: World, at: datetime) -> None:
    """One shard choked on a record for hours; the brake that was then pulled hides its errors."""
    world.poison(at)
    world.put_concurrency(world.ago(minutes=41, seconds=17), world.setting.function, 0, by=OPERATOR)


@_compound(
    "role-missing-stream-actions", "esm-disabled-by-user", onset=timedelta(hours=1, minutes=23, seconds=44),
    set_off_by="UpdateEventSourceMapping20150331",
)  # fmt: skip
def mapping_paused_while_role_lost_its_rights(world: World, at: datetime) -> None:
    """During a pause a review took GetRecords off the role: enabling the mapping again will not help."""
    world.update_mapping(at, world.mapping.uuid, by=OPERATOR, enabled=False)
    _without_getrecords(world, at + timedelta(minutes=38))


@_compound(
    "explicit-deny-identity", "reserved-concurrency-zero", onset=timedelta(hours=2, minutes=55, seconds=33),
    set_off_by="AttachRolePolicy",
)  # fmt: skip
def denied_and_braked(world: World, at: datetime) -> None:
    """A guardrail denies the reads; in the search for the fault the concurrency was set to zero and left there."""
    _denied(world, at)
    world.put_concurrency(at + timedelta(minutes=47), world.setting.function, 0, by=OPERATOR)


@_compound(
    "stream-disabled", "function-or-qualifier-deleted", onset=timedelta(hours=4, minutes=6, seconds=12),
    set_off_by="UpdateTable",
)  # fmt: skip
def stream_off_and_function_deleted(world: World, at: datetime) -> None:
    """A half-finished removal of the feature: stream and function are gone, the mapping is not."""
    world.disable_stream(at, world.setting.table, by=STACK)
    world.delete_function(at + timedelta(minutes=12), world.setting.function, by=STACK)


@_compound(
    "permissions-boundary", "esm-missing", onset=timedelta(hours=6, minutes=19, seconds=58),
    set_off_by="DeleteEventSourceMapping20150331",
)  # fmt: skip
def mapping_deleted_then_role_fenced(world: World, at: datetime) -> None:
    """The mapping was deleted to be made again; meanwhile a boundary forgot the streams: AWS refuses a new one."""
    world.delete_mapping(at, world.mapping.uuid, by=OPERATOR)
    _fenced(world, at + timedelta(hours=1))


@_compound(
    "stale-stream-arn", "reserved-concurrency-zero", onset=timedelta(hours=2, minutes=21, seconds=8),
    set_off_by="UpdateTable",
)  # fmt: skip
def stale_arn_and_brake(world: World, at: datetime) -> None:
    """The stream was re-created; the function has been braked since then as well."""
    _recreated(world, at)
    world.put_concurrency(at + timedelta(minutes=25), world.setting.function, 0, by=OPERATOR)


@_compound(
    "esm-disabled-by-user", "filter-matches-nothing", onset=timedelta(hours=3, minutes=4, seconds=19),
    set_off_by="UpdateEventSourceMapping20150331",
)  # fmt: skip
def hopeless_filter_on_a_paused_mapping(world: World, at: datetime) -> None:
    """During a pause a filter that matches nothing was set: resuming alone brings nothing, and skips what waits."""
    world.update_mapping(at, world.mapping.uuid, by=OPERATOR, enabled=False)
    world.update_mapping(at + timedelta(minutes=50), world.mapping.uuid, by=PIPELINE, filters=(_WITHOUT_TYPE,))


@_compound(
    "role-missing-stream-actions", "init-or-import-error", onset=timedelta(hours=2, minutes=37, seconds=49),
    set_off_by="UpdateFunctionCode20150331v2",
)  # fmt: skip
def bad_release_then_role_review(world: World, at: datetime) -> None:
    """A release cannot be loaded; half an hour ago the role lost its reads too, so that its errors stopped."""
    world.deploy(at, world.setting.function, Code("r42", always=MISSING_MODULE), by=PIPELINE)
    _without_getrecords(world, world.ago(minutes=24, seconds=8))


@_compound(
    "reserved-concurrency-zero", "view-type-lacks-image", onset=timedelta(hours=2, minutes=29, seconds=40),
    set_off_by="UpdateFunctionCode20150331v2", setting=Setting(view_type="KEYS_ONLY"),
)  # fmt: skip
def braked_release_reads_a_missing_image(world: World, at: datetime) -> None:
    """A release reads an image that the stream does not carry; the brake was pulled when the errors rose."""
    world.deploy(at, world.setting.function, Code("r42", needs="NewImage"), by=PIPELINE)
    world.put_concurrency(world.ago(minutes=19, seconds=3), world.setting.function, 0, by=OPERATOR)


@_compound(
    "trust-or-role-gone", "esm-disabled-by-user", onset=timedelta(hours=2, minutes=29, seconds=55),
    set_off_by="UpdateAssumeRolePolicy",
)  # fmt: skip
def trust_lost_and_mapping_paused(world: World, at: datetime) -> None:
    """The role no longer trusts Lambda, and the mapping was paused in the search for the fault."""
    trust = document(
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    world.update_trust(at, world.role_name, trust, by=PIPELINE)
    world.update_mapping(at + timedelta(minutes=66), world.mapping.uuid, by=CONSOLE, enabled=False)


@_compound(
    "esm-disabled-by-user", onset=timedelta(hours=2, minutes=11, seconds=26),
    set_off_by="UpdateEventSourceMapping20150331", forbids=("stale-stream-arn", "esm-missing"),
)  # fmt: skip
def residue_mapping_beside_a_paused_one(world: World, at: datetime) -> None:
    """The old mapping was kept when the stream was re-created and says Enabled; the one that counts is off."""
    _recreated(world, at - timedelta(hours=20))
    stream = world.at(at).tables[world.setting.table].stream
    assert stream is not None
    made = at - timedelta(hours=19, minutes=55)
    uuid = noise.uuid4(world.seed, "mapping", "second")
    fresh = EventSourceMapping(uuid, world.mapping.function, stream.arn(world.scope), created=made, modified=made)
    world.create_mapping(made, fresh, by=CONSOLE)
    world.update_mapping(at, uuid, by=OPERATOR, enabled=False)


@_compound(
    "esm-disabled-by-user", onset=timedelta(hours=6, minutes=44), set_off_by="UpdateEventSourceMapping20150331",
    notes=("no-table-writes",), forbids=("filter-matches-nothing",), loss="none",
)  # fmt: skip
def paused_and_nobody_writes(world: World, at: datetime) -> None:
    """The mapping was paused just after the shop closed: nothing waits yet, and nothing will be delivered tomorrow."""
    world.set_traffic(at - timedelta(minutes=31), per_minute=0)
    world.update_mapping(at, world.mapping.uuid, by=OPERATOR, enabled=False)


@_compound(
    "handler-error", onset=timedelta(hours=2, minutes=44, seconds=51), set_off_by="UpdateFunctionCode20150331v2",
    forbids=("poison-record", "timeout"),
)  # fmt: skip
def bad_release_twice(world: World, at: datetime) -> None:
    """A release raised on every batch; the next one, meant to mend it, raises too."""
    world.deploy(at, world.setting.function, Code("r42", always=BROKEN_HANDLER), by=PIPELINE)
    world.deploy(at + timedelta(minutes=52), world.setting.function, Code("r43", always=BROKEN_HANDLER), by=PIPELINE)


@_compound(
    "retry-exhausted-drop", onset=timedelta(hours=3, minutes=26, seconds=33), set_off_by="UpdateFunctionCode20150331v2",
    loss="at_risk", forbids=("poison-record", "max-age-drop"), setting=Setting(maximum_retry_attempts=2),
)  # fmt: skip
def failures_given_up_untold(world: World, at: datetime) -> None:
    """A release fails on cancelled orders; each is given up after two retries, reported nowhere, and leaves no lag."""
    world.deploy(at, world.setting.function, Code("r42", chokes_on="CANCELLED"), by=PIPELINE)


@_compound(
    "latest-startup-gap", "poison-record", onset=timedelta(hours=6, minutes=51, seconds=37),
    set_off_by="DeleteEventSourceMapping20150331", forbids=("esm-missing",),
)  # fmt: skip
def restarted_at_latest_then_poisoned(world: World, at: datetime) -> None:
    """A mapping made anew at LATEST skipped an hour; hours later a record blocked its shard, which hides the gap."""
    old, made = world.mapping, at + timedelta(minutes=58)
    world.delete_mapping(at, old.uuid, by=CONSOLE)
    world.create_mapping_again(made, by=CONSOLE, starting_position="LATEST")
    world.poison(at + timedelta(hours=4))
