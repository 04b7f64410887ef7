"""The trigger works, or has nothing to do, and looks broken."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.code import MISSING_MODULE, SOUND, TIMEOUT, Code
from runbook_lib.sandbox.account.healthy import BASIC_EXECUTION, document, stream_reader
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.timeline import Change
from runbook_lib.sandbox.account.trail import OPERATOR, PIPELINE, SECURITY
from runbook_lib.sandbox.account.watched import HealthEvent
from runbook_lib.sandbox.faults.fault import Tell
from runbook_lib.sandbox.world import World
from runbook_lib.sandbox.worlds.trial import trial


def _look_alike(**members: Any) -> Callable[[Tell], Tell]:
    return trial("look-alike", **members)


@_look_alike(notes=("no-table-writes",))
def a_quiet_table(world: World, at: datetime) -> None:
    """A table that is written to once in a while: its last record was delivered hours ago."""
    world.set_traffic(at - timedelta(hours=50), per_minute=0)
    world.set_traffic(at - timedelta(hours=2, minutes=31), per_minute=1)
    world.set_traffic(at - timedelta(hours=2, minutes=24), per_minute=0)


@_look_alike()
def a_mapping_made_minutes_ago(world: World, at: datetime) -> None:
    """The mapping was deleted and made anew seven minutes ago, and has caught up since."""
    old = world.mapping
    world.delete_mapping(at - timedelta(minutes=9), old.uuid, by=PIPELINE)
    made = at - timedelta(minutes=7)
    uuid = noise.uuid4(world.seed, "mapping", "anew")
    world.create_mapping(
        made, EventSourceMapping(uuid, old.function, old.stream_arn, created=made, modified=made), by=PIPELINE
    )


@_look_alike(setting=Setting(filters=('{"dynamodb": {"NewImage": {"status": {"S": ["SHIPPED"]}}}}',)))
def a_filter_that_works(world: World, at: datetime) -> None:
    """A filter passes one record in four, as it was meant to: most writes invoke nothing."""


@_look_alike(setting=Setting(log_format="JSON"))
def logs_in_json(world: World, at: datetime) -> None:
    """The function logs JSON, in which the usual searches for START and END find nothing."""


@_look_alike()
def logs_that_have_expired(world: World, at: datetime) -> None:
    """The log group keeps lines for a single day, so yesterday's look as if nothing had run."""
    world.retention_days = 1


@_look_alike()
def logs_in_another_group(world: World, at: datetime) -> None:
    """The function writes to a group that it shares with others, not to the one of its own name."""
    world.move_logs(at - timedelta(hours=72), world.setting.function, "/platform/orders")


@_look_alike()
def a_pause_that_is_over(world: World, at: datetime) -> None:
    """The mapping was paused for an hour this morning and has delivered its backlog since."""
    world.update_mapping(at - timedelta(hours=6), world.mapping.uuid, by=OPERATOR, enabled=False)
    world.update_mapping(at - timedelta(hours=5), world.mapping.uuid, by=OPERATOR, enabled=True)


@_look_alike()
def a_release_rolled_back(world: World, at: datetime) -> None:
    """A release that could not be loaded was rolled back after a quarter of an hour; its errors stand in the log."""
    world.deploy(at - timedelta(hours=2, minutes=40), world.setting.function, Code("r42", always=MISSING_MODULE))
    world.deploy(at - timedelta(hours=2, minutes=24), world.setting.function, Code("r43"), by=PIPELINE)


@_look_alike()
def a_brake_released_minutes_ago(world: World, at: datetime) -> None:
    """The brake was pulled for half an hour and released ten minutes ago; everything has been delivered since."""
    world.put_concurrency(at - timedelta(minutes=42), world.setting.function, 0, by=OPERATOR)
    world.delete_concurrency(at - timedelta(minutes=11), world.setting.function, by=OPERATOR)


@_look_alike(forbids=("role-missing-stream-actions",))
def a_role_without_list_streams(world: World, at: datetime) -> None:
    """The role lacks ListStreams, which creating a mapping asks for and reading a stream does not."""
    streams = f"{world.scope.arn('dynamodb', f'table/{world.setting.table}')}/stream/*"
    reads = dict(stream_reader(streams))
    reads["Statement"] = [statement for statement in reads["Statement"] if statement["Sid"] == "ReadStream"]
    world.put_role_policy(at - timedelta(hours=30), world.role_name, "stream-access", reads, by=PIPELINE)


@_look_alike(setting=Setting(maximum_retry_attempts=2))
def a_bad_record_given_up(world: World, at: datetime) -> None:
    """One record failed three times yesterday and was given up, as the mapping's retries say; all else goes on."""
    world.poison(at - timedelta(hours=26))


@_look_alike()
def a_guardrail_taken_back(world: World, at: datetime) -> None:
    """A denial of stream reads was attached and detached again four hours ago; the backlog is long delivered."""
    denial = {"Sid": "NoBulkReads", "Effect": "Deny", "Action": "dynamodb:GetRecords", "Resource": "*"}
    arn = world.create_policy(at - timedelta(hours=26), "data-perimeter", document(denial), by=SECURITY)
    world.attach_role_policy(at - timedelta(hours=4, minutes=50), world.role_name, arn, by=SECURITY)
    world.detach_role_policy(at - timedelta(hours=4), world.role_name, arn, by=SECURITY)


@_look_alike(setting=Setting(alias="live"), forbids=("esm-missing", "init-or-import-error"))
def bad_code_that_nobody_runs(world: World, at: datetime) -> None:
    """Broken code was uploaded, but the mapping invokes an alias that still points at the version before it."""
    broken, name = Code("r42", always=MISSING_MODULE), world.setting.function
    uploaded = at - timedelta(hours=1, minutes=12)
    world.add(
        Change(uploaded, lambda s: s.with_function(s.functions[name].with_latest(code=broken, modified=uploaded)))
    )


@_look_alike(setting=Setting(starting_position="LATEST"))
def a_mapping_that_starts_at_latest(world: World, at: datetime) -> None:
    """The mapping began at LATEST months ago and misses nothing today."""


@_look_alike(forbids=("stale-stream-arn", "stream-disabled"))
def a_residue_mapping_on_an_old_stream(world: World, at: datetime) -> None:
    """The stream was re-created hours ago and a new mapping delivers; the old one was left behind, reading nothing."""
    off = at - timedelta(hours=5)
    world.disable_stream(off, world.setting.table, by=OPERATOR)
    world.enable_stream(off + timedelta(seconds=41), world.setting.table, by=OPERATOR)
    stream = world.state.tables[world.setting.table].stream
    assert stream is not None
    made = off + timedelta(minutes=3)
    uuid = noise.uuid4(world.seed, "mapping", "second")
    world.create_mapping(
        made, EventSourceMapping(uuid, world.mapping.function, stream.arn(world.scope), made, made), by=OPERATOR
    )


@_look_alike(forbids=("service-event",))
def a_service_event_that_does_not_reach_us(world: World, at: datetime) -> None:
    """AWS reports trouble with Lambda in the region since an hour, and every write has been delivered all the same."""
    begun = at - timedelta(hours=1, minutes=4)
    event = HealthEvent("AWS_LAMBDA_OPERATIONAL_ISSUE", "LAMBDA", begun)
    world.report_health(event)


@_look_alike(notes=("role-cannot-log",))
def a_function_that_never_logged(world: World, at: datetime) -> None:
    """The role has never been allowed to write logs, so that there is not a single line to look at."""
    world.detach_role_policy(world.start, world.role_name, BASIC_EXECUTION, by=SECURITY)


@_look_alike()
def failures_that_retries_get_over(world: World, at: datetime) -> None:
    """A release that timed out was rolled back ten minutes ago; its lines are fresh, and everything is delivered."""
    world.deploy(at - timedelta(minutes=31), world.setting.function, Code("r42", always=TIMEOUT), by=PIPELINE)
    world.deploy(at - timedelta(minutes=12), world.setting.function, Code("r43"), by=PIPELINE)


@_look_alike(notes=("no-table-writes",), forbids=("scp-or-rcp",))
def a_denial_lifted_on_a_quiet_table(world: World, at: datetime) -> None:
    """The organization forbade the reads for a night; nobody has written since, so the mapping quotes that still."""
    denial = {"Sid": "NoBulkReads", "Effect": "Deny", "Action": "dynamodb:GetRecords", "Resource": "*"}
    world.set_traffic(at - timedelta(hours=50), per_minute=0)
    world.attach_scp(at - timedelta(hours=20), document(denial))
    world.detach_scps(at - timedelta(hours=11))


@_look_alike(forbids=("shard-serial-lag", "esm-missing"))
def a_first_catch_up(world: World, at: datetime) -> None:
    """A function's first mapping was made half an hour ago at TRIM_HORIZON; its slow code is half through a day."""
    world.begin_with_function(code=replace(SOUND, seconds=0.6))
    old, made = world.mapping, at - timedelta(minutes=31)
    world.delete_mapping(world.start + timedelta(minutes=1), old.uuid, by=PIPELINE)
    uuid = noise.uuid4(world.seed, "mapping", "first")
    world.create_mapping(
        made, EventSourceMapping(uuid, old.function, old.stream_arn, created=made, modified=made), by=PIPELINE
    )
