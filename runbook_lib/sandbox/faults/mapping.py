"""Faults of the event source mapping."""

from dataclasses import replace
from datetime import datetime, timedelta

from runbook_lib.sandbox.faults.fault import fault
from runbook_lib.sandbox.rules import deny
from runbook_lib.sandbox.trail import OPERATOR, PIPELINE
from runbook_lib.sandbox.world import World


@fault(
    expects="esm-missing", onset=timedelta(hours=6, minutes=27, seconds=51), loss="at_risk",
    trigger="DeleteEventSourceMapping20150331", symptoms=("function-not-invoked",), remedies=("R2",),
    forbids=("esm-disabled-by-user", "stale-stream-arn"),
)  # fmt: skip
def mapping_deleted(world: World, at: datetime) -> None:
    """A release renamed the mapping in the infrastructure code: the old one was deleted, the new one never made."""
    world.delete_mapping(at, world.mapping.uuid, by=PIPELINE)


@fault(
    expects="esm-disabled-by-user", onset=timedelta(hours=1, minutes=23, seconds=44), loss="at_risk",
    trigger="UpdateEventSourceMapping20150331", symptoms=("function-not-invoked",), remedies=("R1",),
    forbids=("esm-missing", "esm-disabled-by-lambda"),
)  # fmt: skip
def mapping_paused(world: World, at: datetime) -> None:
    """An operator paused the mapping for a data migration and nobody switched it on again."""
    world.update_mapping(at, world.mapping.uuid, by=OPERATOR, enabled=False)


@fault(
    expects="esm-disabled-by-user", onset=timedelta(hours=1, minutes=23, seconds=44), loss="at_risk",
    trigger="UpdateEventSourceMapping20150331", symptoms=("function-not-invoked",), remedies=("R1",),
    forbids=("esm-missing", "esm-disabled-by-lambda"), rules=(deny("cloudtrail", "LookupEvents"),),
)  # fmt: skip
def trail_denied(world: World, at: datetime) -> None:
    """The mapping was paused as before, and the investigator may not read the trail to learn who did it."""
    world.update_mapping(at, world.mapping.uuid, by=OPERATOR, enabled=False)


@fault(
    expects="filter-matches-nothing", onset=timedelta(hours=2, minutes=4, seconds=19), loss="at_risk",
    trigger="UpdateEventSourceMapping20150331", symptoms=("function-not-invoked",), remedies=("R3",),
    forbids=("no-table-writes", "noop-writes"),
)  # fmt: skip
def filter_without_type_descriptor(world: World, at: datetime) -> None:
    """A filter for shipped orders went live that names the value without DynamoDB's type, and so matches nothing."""
    pattern = '{"dynamodb": {"NewImage": {"status": ["SHIPPED"]}}}'
    world.update_mapping(at, world.mapping.uuid, by=PIPELINE, filters=(pattern,))


@fault(
    expects="esm-disabled-by-lambda", onset=timedelta(hours=2, minutes=13, seconds=28), loss="at_risk",
    trigger="DeleteFunction20150331", symptoms=("function-not-invoked",), remedies=("R1",),
    forbids=("esm-disabled-by-user", "function-or-qualifier-deleted"),
)  # fmt: skip
def mapping_given_up(world: World, at: datetime) -> None:
    """A release replaced the function by a new one of its name; in between Lambda gave up and disabled the mapping."""
    function = world.at(at).functions[world.setting.function]
    world.delete_function(at, function.name, by=PIPELINE)
    world.give_up_mapping(at + timedelta(minutes=6, seconds=11), world.mapping.uuid, "FUNCTION_NOT_FOUND")
    anew = replace(function, created=at + timedelta(minutes=9, seconds=40))
    world.create_function(anew.created, anew, by=PIPELINE)
