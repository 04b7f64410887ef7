"""A real fault, and near its onset something that looks like its cause and is not."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from runbook_lib.sandbox.account.code import MISSING_MODULE, Code
from runbook_lib.sandbox.account.healthy import BASIC_EXECUTION, allow, document, stream_reader
from runbook_lib.sandbox.account.timeline import Change
from runbook_lib.sandbox.account.trail import CONSOLE, OPERATOR, PIPELINE, SECURITY, STACK, Actor, TrailEvent
from runbook_lib.sandbox.account.watched import HealthEvent
from runbook_lib.sandbox.faults.fault import Tell
from runbook_lib.sandbox.world import World
from runbook_lib.sandbox.worlds.trial import trial

_GOOD = Code("r43")
_NO_BULK_READS = {"Sid": "NoBulkReads", "Effect": "Deny", "Action": "dynamodb:GetRecords", "Resource": "*"}
_DENIED = ("AccessDenied", "User is not authorized to perform this action")


def _decoy(expects: str, **members: Any) -> Callable[[Tell], Tell]:
    return trial("decoy", expects, **({"loss": "at_risk"} | members))


def _attempt(world: World, at: datetime, by: Actor, source: str, name: str, request: dict[str, Any]) -> None:
    """Leave the trail of a request that was refused: it changed nothing."""
    world.add(Change(at, lambda state: state, TrailEvent(at, by, source, name, request, error=_DENIED)))


def _sibling_mapping(world: World) -> str:
    sibling = world.setting.sibling
    return next(mapping.uuid for mapping in world.state.mappings.values() if mapping.function_name == sibling)


@_decoy(
    "esm-disabled-by-user", onset=timedelta(hours=1, minutes=23, seconds=44),
    set_off_by="UpdateEventSourceMapping20150331", forbids=("init-or-import-error",),
)  # fmt: skip
def paused_beside_a_good_release(world: World, at: datetime) -> None:
    """A sound release went out ninety seconds before the mapping was paused."""
    world.deploy(at - timedelta(seconds=91), world.setting.function, _GOOD, by=PIPELINE)
    world.update_mapping(at, world.mapping.uuid, by=OPERATOR, enabled=False)


@_decoy(
    "role-missing-stream-actions", onset=timedelta(hours=3, minutes=48, seconds=26), set_off_by="PutRolePolicy",
    forbids=("esm-disabled-by-user",),
)  # fmt: skip
def role_changed_beside_a_refused_pause(world: World, at: datetime) -> None:
    """Somebody tried to pause the mapping and was not allowed to; a minute later the role's policy was cut."""
    request = {"uUID": world.mapping.uuid, "enabled": False}
    _attempt(world, at - timedelta(seconds=62), OPERATOR, "lambda", "UpdateEventSourceMapping20150331", request)
    table = world.scope.arn("dynamodb", f"table/{world.setting.table}")
    world.put_role_policy(at, world.role_name, "stream-access", stream_reader(table), by=PIPELINE)


@_decoy(
    "stream-disabled", onset=timedelta(hours=5, minutes=12, seconds=37), set_off_by="UpdateTable", loss="losing",
    forbids=("stale-stream-arn", "role-missing-stream-actions"),
)  # fmt: skip
def stream_off_between_capacity_changes(world: World, at: datetime) -> None:
    """The table's capacity was changed just before and just after the stream was switched off: all are UpdateTable."""
    world.set_capacity(at - timedelta(minutes=3), world.setting.table, 80, by=STACK)
    world.disable_stream(at, world.setting.table, by=STACK)
    world.set_capacity(at + timedelta(seconds=40), world.setting.table, 60, by=STACK)


@_decoy(
    "reserved-concurrency-zero", onset=timedelta(minutes=41, seconds=17), set_off_by="PutFunctionConcurrency20171031",
    forbids=("role-missing-stream-actions", "explicit-deny-identity"),
)  # fmt: skip
def braked_beside_a_harmless_policy(world: World, at: datetime) -> None:
    """The role got rights to a bucket in the minute in which the brake was pulled."""
    bucket = document(allow(["s3:PutObject"], "arn:aws:s3:::orders-archive/*"))
    world.put_role_policy(at - timedelta(seconds=25), world.role_name, "archive", bucket, by=PIPELINE)
    world.put_concurrency(at, world.setting.function, 0, by=OPERATOR)


@_decoy(
    "init-or-import-error", onset=timedelta(hours=1, minutes=37, seconds=49), set_off_by="UpdateFunctionCode20150331v2",
    forbids=("esm-disabled-by-user", "poison-record"),
)  # fmt: skip
def bad_release_beside_a_siblings_pause(world: World, at: datetime) -> None:
    """The other consumer's mapping was paused in the minutes around our bad release."""
    world.update_mapping(at - timedelta(seconds=70), _sibling_mapping(world), by=OPERATOR, enabled=False)
    world.deploy(at, world.setting.function, Code("r42", always=MISSING_MODULE), by=PIPELINE)


@_decoy(
    "esm-missing", onset=timedelta(hours=6, minutes=27, seconds=51), set_off_by="DeleteEventSourceMapping20150331",
    forbids=("esm-disabled-by-user", "trust-or-role-gone"),
)  # fmt: skip
def mapping_deleted_beside_a_trust_review(world: World, at: datetime) -> None:
    """The role's trust policy was rewritten to the same effect two minutes before the mapping was deleted."""
    trust = document(
        {"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com"]}, "Action": "sts:AssumeRole"}
    )
    world.update_trust(at - timedelta(minutes=2), world.role_name, trust, by=SECURITY)
    world.delete_mapping(at, world.mapping.uuid, by=PIPELINE)


@_decoy(
    "filter-matches-nothing", onset=timedelta(hours=2, minutes=4, seconds=19),
    set_off_by="UpdateEventSourceMapping20150331", forbids=("role-missing-stream-actions",),
)  # fmt: skip
def hopeless_filter_beside_a_batch_size(world: World, at: datetime) -> None:
    """The batch size was raised four minutes before the filter: both are updates of the same mapping."""
    world.update_mapping(
        at - timedelta(minutes=4), world.mapping.uuid, by=PIPELINE, request={"batchSize": 250}, batch_size=250
    )
    pattern = '{"dynamodb": {"NewImage": {"status": ["SHIPPED"]}}}'
    world.update_mapping(at, world.mapping.uuid, by=PIPELINE, filters=(pattern,))


@_decoy(
    "permissions-boundary", onset=timedelta(hours=7, minutes=19, seconds=58), set_off_by="PutRolePermissionsBoundary",
    forbids=("reserved-concurrency-zero", "init-or-import-error"),
)  # fmt: skip
def fenced_beside_a_concurrency_limit(world: World, at: datetime) -> None:
    """The function got a generous concurrency reservation while its role got a boundary that forgot the streams."""
    world.put_concurrency(at - timedelta(seconds=50), world.setting.function, 50, by=OPERATOR)
    fence = document(allow(["logs:*", "dynamodb:GetItem", "dynamodb:PutItem"], "*"))
    arn = world.create_policy(at - timedelta(hours=3), "workload-boundary", fence, by=SECURITY)
    world.put_boundary(at, world.role_name, arn, by=SECURITY)


@_decoy(
    "function-or-qualifier-deleted", onset=timedelta(hours=3, minutes=6, seconds=12),
    set_off_by="DeleteFunction20150331", forbids=("role-missing-stream-actions", "esm-missing"),
)  # fmt: skip
def function_deleted_beside_another_tables_change(world: World, at: datetime) -> None:
    """A colleague's table lost its stream in the minute in which our function was deleted."""
    request = {"tableName": "Invoices", "streamSpecification": {"streamEnabled": False}}
    response = {"tableDescription": {"tableName": "Invoices", "tableStatus": "UPDATING"}}
    event = TrailEvent(
        at - timedelta(seconds=20), CONSOLE, "dynamodb", "UpdateTable", request, response,
        (("AWS::DynamoDB::Table", "Invoices"),),
    )  # fmt: skip
    world.add(Change(event.at, lambda state: state, event))
    world.delete_function(at, world.setting.function, by=CONSOLE)


@_decoy(
    "poison-record", onset=timedelta(hours=5, minutes=52, seconds=5), set_off_by=None,
    forbids=("init-or-import-error", "esm-disabled-by-user"),
)  # fmt: skip
def poisoned_before_a_release(world: World, at: datetime) -> None:
    """A release went out a quarter of an hour after the shard had begun to fail."""
    world.poison(at)
    world.deploy(at + timedelta(minutes=15), world.setting.function, _GOOD, by=PIPELINE)


@_decoy(
    "stale-stream-arn", onset=timedelta(hours=2, minutes=41, seconds=8), set_off_by="UpdateTable",
    forbids=("stream-disabled", "init-or-import-error"),
)  # fmt: skip
def stream_recreated_beside_a_release_and_an_alarm(world: World, at: datetime) -> None:
    """The stream was toggled while a sound release went out and an alarm of another function's errors was set up."""
    world.deploy(at - timedelta(seconds=30), world.setting.function, _GOOD, by=PIPELINE)
    request = {"alarmName": "billing-export-errors", "metricName": "Errors"}
    alarm = TrailEvent(at - timedelta(seconds=10), STACK, "monitoring", "PutMetricAlarm", request)
    world.add(Change(alarm.at, lambda state: state, alarm))
    world.disable_stream(at, world.setting.table, by=CONSOLE)
    world.enable_stream(at + timedelta(seconds=52.417), world.setting.table, by=CONSOLE)


@_decoy(
    "explicit-deny-identity", onset=timedelta(minutes=55, seconds=33), set_off_by="AttachRolePolicy",
    forbids=("reserved-concurrency-zero",),
)  # fmt: skip
def denied_beside_a_brake_on_another_function(world: World, at: datetime) -> None:
    """The neighbour's concurrency was set to zero half a minute before the guardrail was attached to our role."""
    world.put_concurrency(at - timedelta(seconds=30), world.setting.bystander, 0, by=OPERATOR)
    arn = world.create_policy(at - timedelta(hours=26), "data-perimeter", document(_NO_BULK_READS), by=SECURITY)
    world.attach_role_policy(at, world.role_name, arn, by=SECURITY)


@_decoy(
    "esm-disabled-by-user", onset=timedelta(hours=2, minutes=8, seconds=3),
    set_off_by="UpdateEventSourceMapping20150331", forbids=("reserved-concurrency-zero",),
)  # fmt: skip
def paused_after_a_brake_was_released(world: World, at: datetime) -> None:
    """The brake was pulled and released again an hour before the mapping was paused: that trouble was over."""
    world.put_concurrency(at - timedelta(minutes=70), world.setting.function, 0, by=OPERATOR)
    world.delete_concurrency(at - timedelta(minutes=61), world.setting.function, by=OPERATOR)
    world.update_mapping(at, world.mapping.uuid, by=OPERATOR, enabled=False)


@_decoy(
    "esm-disabled-by-user", onset=timedelta(hours=1, minutes=3, seconds=31),
    set_off_by="UpdateEventSourceMapping20150331", forbids=("state-failed", "init-or-import-error"),
)  # fmt: skip
def paused_beside_a_description(world: World, at: datetime) -> None:
    """Only the function's description was edited in the minute of the pause."""
    world.reconfigure(at - timedelta(seconds=33), world.setting.function, by=CONSOLE, description="Owned by orders")
    world.update_mapping(at, world.mapping.uuid, by=OPERATOR, enabled=False)


@_decoy(
    "service-event", onset=timedelta(hours=1, minutes=58, seconds=44), set_off_by=None,
    forbids=("init-or-import-error", "esm-disabled-by-user"),
)  # fmt: skip
def service_event_beside_a_release(world: World, at: datetime) -> None:
    """AWS has trouble with mappings in the region, and a sound release went out in the minute in which it began."""
    world.deploy(at - timedelta(seconds=40), world.setting.function, _GOOD, by=PIPELINE)
    world.stall_pollers(at, *world.at(at).mappings)
    world.report_health(HealthEvent("AWS_LAMBDA_OPERATIONAL_ISSUE", "LAMBDA", at))


@_decoy(
    "esm-disabled-by-user", onset=timedelta(hours=1, minutes=13, seconds=9),
    set_off_by="UpdateEventSourceMapping20150331", forbids=("service-event",),
)  # fmt: skip
def paused_during_a_service_event(world: World, at: datetime) -> None:
    """AWS Health shows an open event since the minute of the pause; the other consumers go on all the same."""
    event = HealthEvent("AWS_DYNAMODB_OPERATIONAL_ISSUE", "DYNAMODB", at + timedelta(seconds=50))
    world.report_health(event)
    world.update_mapping(at, world.mapping.uuid, by=OPERATOR, enabled=False)


@_decoy(
    "stale-stream-arn", onset=timedelta(hours=7, minutes=4, seconds=22), set_off_by="UpdateTable",
    forbids=("stream-disabled", "reserved-concurrency-zero"),
)  # fmt: skip
def stream_recreated_behind_a_brake(world: World, at: datetime) -> None:
    """The stream was re-created behind a brake; released hours later, it let the old stream's last records through."""
    name = world.setting.function
    world.put_concurrency(at - timedelta(minutes=48), name, 0, by=OPERATOR)
    world.disable_stream(at, world.setting.table, by=CONSOLE)
    world.enable_stream(at + timedelta(seconds=44.103), world.setting.table, by=CONSOLE)
    world.delete_concurrency(at + timedelta(hours=5), name, by=OPERATOR)


@_decoy(
    "stream-disabled", onset=timedelta(hours=6, minutes=17, seconds=31), set_off_by="UpdateTable", loss="losing",
    forbids=("stale-stream-arn", "reserved-concurrency-zero"),
)  # fmt: skip
def stream_switched_off_behind_a_brake(world: World, at: datetime) -> None:
    """The stream was switched off behind a brake; released hours later, it let the last records of all through."""
    world.put_concurrency(at - timedelta(minutes=26), world.setting.function, 0, by=OPERATOR)
    world.disable_stream(at, world.setting.table, by=STACK)
    world.delete_concurrency(at + timedelta(hours=3), world.setting.function, by=OPERATOR)


@_decoy(
    "reserved-concurrency-zero", onset=timedelta(hours=3, minutes=12, seconds=50),
    set_off_by="PutFunctionConcurrency20171031", forbids=("scp-or-rcp", "role-missing-stream-actions"),
)  # fmt: skip
def braked_while_the_organization_forbade(world: World, at: datetime) -> None:
    """Behind a brake the organization forbade the reads for a while: the mapping quotes that still, the brake holds."""
    world.put_concurrency(at, world.setting.function, 0, by=OPERATOR)
    world.attach_scp(at + timedelta(minutes=20), document(_NO_BULK_READS))
    world.detach_scps(at + timedelta(hours=1))


@_decoy(
    "every-batch-fails", onset=timedelta(hours=2, minutes=16, seconds=33), set_off_by="UpdateFunctionCode20150331v2",
    notes=("role-cannot-log",), forbids=("init-or-import-error", "handler-error", "poison-record"),
)  # fmt: skip
def every_batch_fails_and_nothing_is_logged(world: World, at: datetime) -> None:
    """A release cannot be loaded, and its role may not write logs: that it fails is counted, how is told nowhere."""
    world.detach_role_policy(at - timedelta(hours=31), world.role_name, BASIC_EXECUTION, by=SECURITY)
    world.deploy(at, world.setting.function, Code("r42", always=MISSING_MODULE), by=PIPELINE)
