"""Faults of the event source mapping."""

from dataclasses import replace
from datetime import datetime, timedelta

from runbook_lib.sandbox.account.healthy import stream_reader
from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.trail import CONSOLE, OPERATOR, PIPELINE, STACK
from runbook_lib.sandbox.faults.fault import fault
from runbook_lib.sandbox.wire.rules import deny
from runbook_lib.sandbox.world import World


@fault(
    expects="esm-missing", onset=timedelta(hours=6, minutes=27, seconds=51), loss="at_risk",
    set_off_by="DeleteEventSourceMapping20150331", symptoms=("function-not-invoked",), remedies=("R2",),
    forbids=("esm-disabled-by-user", "stale-stream-arn"),
)  # fmt: skip
def mapping_deleted(world: World, at: datetime) -> None:
    """A release renamed the mapping in the infrastructure code: the old one was deleted, the new one never made."""
    world.delete_mapping(at, world.mapping.uuid, by=PIPELINE)


@fault(
    expects="esm-disabled-by-user", onset=timedelta(hours=1, minutes=23, seconds=44), loss="at_risk",
    set_off_by="UpdateEventSourceMapping20150331", symptoms=("function-not-invoked",), remedies=("R1",),
    forbids=("esm-missing", "esm-disabled-by-lambda"),
)  # fmt: skip
def mapping_paused(world: World, at: datetime) -> None:
    """An operator paused the mapping for a data migration and nobody switched it on again."""
    world.update_mapping(at, world.mapping.uuid, by=OPERATOR, enabled=False)


@fault(
    expects="esm-disabled-by-user", onset=timedelta(hours=1, minutes=23, seconds=44), loss="at_risk",
    set_off_by="UpdateEventSourceMapping20150331", symptoms=("function-not-invoked",), remedies=("R1",),
    forbids=("esm-missing", "esm-disabled-by-lambda"), rules=(deny("cloudtrail", "LookupEvents"),),
)  # fmt: skip
def trail_denied(world: World, at: datetime) -> None:
    """The mapping was paused as before, and the investigator may not read the trail to learn who did it."""
    world.update_mapping(at, world.mapping.uuid, by=OPERATOR, enabled=False)


@fault(
    expects="filter-matches-nothing", onset=timedelta(hours=2, minutes=4, seconds=19), loss="at_risk",
    set_off_by="UpdateEventSourceMapping20150331", symptoms=("function-not-invoked",), remedies=("R3",),
    notes=("metrics-not-opted-in",), forbids=("no-table-writes", "noop-writes"),
)  # fmt: skip
def filter_without_type_descriptor(world: World, at: datetime) -> None:
    """A filter for shipped orders went live that names the value without DynamoDB's type, and so matches nothing."""
    pattern = '{"dynamodb": {"NewImage": {"status": ["SHIPPED"]}}}'
    world.update_mapping(at, world.mapping.uuid, by=PIPELINE, filters=(pattern,))


@fault(
    expects="esm-disabled-by-lambda", onset=timedelta(hours=2, minutes=13, seconds=28), loss="at_risk",
    set_off_by="DeleteFunction20150331", symptoms=("function-not-invoked",), remedies=("R1",),
    forbids=("esm-disabled-by-user", "function-or-qualifier-deleted"),
)  # fmt: skip
def mapping_given_up(world: World, at: datetime) -> None:
    """A release replaced the function by a new one of its name; in between Lambda gave up and disabled the mapping."""
    function = world.at(at).functions[world.setting.function]
    world.delete_function(at, function.name, by=PIPELINE)
    world.give_up_mapping(at + timedelta(minutes=6, seconds=11), world.mapping.uuid, "FUNCTION_NOT_FOUND")
    anew = replace(function, created=at + timedelta(minutes=9, seconds=40))
    world.create_function(anew.created, anew, by=PIPELINE)


@fault(
    expects="esm-missing", onset=timedelta(hours=1, minutes=46, seconds=2), loss="at_risk",
    set_off_by="UpdateEventSourceMapping20150331", symptoms=("function-not-invoked",), remedies=("R2", "R16"),
    contributing=("esm-wrong-target",), forbids=("function-or-qualifier-deleted", "stale-stream-arn"),
)  # fmt: skip
def mapping_retargeted(world: World, at: datetime) -> None:
    """To try a rewrite somebody pointed the mapping at another function instead of making a second mapping."""
    function = world.at(at).functions[world.setting.function]
    world.create_function(at - timedelta(hours=1), replace(function, name="orders-ingest", created=at), by=OPERATOR)
    world.update_mapping(at, world.mapping.uuid, by=OPERATOR, function="orders-ingest")


@fault(
    expects="esm-missing", onset=timedelta(hours=5, minutes=33, seconds=20), loss="at_risk",
    set_off_by="DeleteEventSourceMapping20150331", symptoms=("function-not-invoked",), remedies=("R2",),
    contributing=("create-rejected",), forbids=("role-missing-stream-actions", "esm-disabled-by-user"),
)  # fmt: skip
def mapping_recreation_refused(world: World, at: datetime) -> None:
    """A stack replaced the mapping before the role's new policy had taken effect: the old one went, no new one came."""
    old = world.mapping
    access = world.at(at).roles[world.role_name].inline["stream-access"]
    world.delete_mapping(at, old.uuid, by=STACK)
    refused = (
        f"Cannot access stream {old.stream_arn}. Please ensure the role can perform the GetRecords, GetShardIterator, "
        "DescribeStream, and ListStreams Actions on your stream in IAM."
    )
    world.fail_to_create(at + timedelta(seconds=18), old, "InvalidParameterValueException", refused, by=STACK)
    world.put_role_policy(at + timedelta(seconds=49), world.role_name, "stream-access", access, by=STACK)


@fault(
    expects="latest-startup-gap", onset=timedelta(hours=3, minutes=51, seconds=37), loss="at_risk",
    set_off_by="DeleteEventSourceMapping20150331", symptoms=("missed-records",), remedies=("R25",),
    forbids=("esm-missing", "retry-exhausted-drop"),
)  # fmt: skip
def mapping_restarted_at_latest(world: World, at: datetime) -> None:
    """A mapping that seemed stuck was deleted and, an hour later, made anew at LATEST: the hour between is skipped."""
    old, made = world.mapping, at + timedelta(minutes=58)
    world.delete_mapping(at, old.uuid, by=CONSOLE)
    world.create_mapping_again(made, by=CONSOLE, starting_position="LATEST")


@fault(
    expects="esm-missing", onset=timedelta(hours=2, minutes=29, seconds=13), loss="at_risk",
    set_off_by="DeleteEventSourceMapping20150331", symptoms=("function-not-invoked",), remedies=("R2",),
    notes=("wrong-scope",), forbids=("stale-stream-arn", "role-missing-stream-actions"),
)  # fmt: skip
def mapping_moved_to_staging(world: World, at: datetime) -> None:
    """A stack was deployed with staging's parameters: the mapping now reads a table of almost the same name."""
    old, staging = world.mapping, f"{world.setting.table}-staging"
    made, moved = at - timedelta(hours=1, minutes=8), at + timedelta(seconds=21)
    world.create_table(made, staging, "NEW_AND_OLD_IMAGES", by=PIPELINE)
    streams = [f"{world.scope.arn('dynamodb', f'table/{name}')}/stream/*" for name in (world.setting.table, staging)]
    world.put_role_policy(made, world.role_name, "stream-access", stream_reader(streams), by=PIPELINE)
    world.delete_mapping(at, old.uuid, by=STACK)
    stream = world.at(at).tables[staging].stream
    assert stream is not None
    world.create_mapping_again(moved, by=STACK, name=staging, stream_arn=stream.arn(world.scope))


@fault(
    expects=None, onset=timedelta(hours=3, minutes=11, seconds=26), loss="unknown", contributing=("latest-update-gap",),
    setting=Setting(starting_position="LATEST"), forbids=("latest-startup-gap", "esm-disabled-by-user"),
)  # fmt: skip
def latest_mapping_changed(world: World, at: datetime) -> None:
    """Larger batches were set on a mapping at LATEST; whether it skipped a record meanwhile, nothing can tell."""
    world.update_mapping(at, world.mapping.uuid, by=OPERATOR, request={"batchSize": 200}, batch_size=200)


@fault(
    expects=None, onset=None, loss="none", notes=("esm-transitional",),
    forbids=("esm-disabled-by-user", "esm-missing"),
)  # fmt: skip
def mapping_being_updated(world: World, at: datetime) -> None:
    """Two minutes ago a release let more batches of a shard run at once, and the change is still being applied."""
    world.update_mapping(
        at - timedelta(minutes=2, seconds=14), world.mapping.uuid, by=PIPELINE, request={"parallelizationFactor": 2},
        parallelization=2, settling=timedelta(minutes=4),
    )  # fmt: skip


@fault(
    expects="esm-disabled-by-user", onset=timedelta(hours=2, minutes=22, seconds=15), loss="at_risk",
    set_off_by="UpdateEventSourceMapping20150331", symptoms=("function-not-invoked",), remedies=("R1",),
    forbids=("latest-startup-gap", "esm-transitional"), rules=(deny("cloudtrail", "LookupEvents"),),
)  # fmt: skip
def mapping_paused_again(world: World, at: datetime) -> None:
    """Every day a job pauses the mapping for two hours, and today it did not resume it; the trail is out of reach."""
    for days in (2, 1):
        begin = at - timedelta(days=days)
        world.update_mapping(begin, world.mapping.uuid, by=PIPELINE, enabled=False)
        world.update_mapping(begin + timedelta(minutes=124), world.mapping.uuid, by=PIPELINE, enabled=True)
    world.update_mapping(at, world.mapping.uuid, by=PIPELINE, enabled=False)
