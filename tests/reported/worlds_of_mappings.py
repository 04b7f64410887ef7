"""Reported: mappings that are missing, were made anew, refused, paused, or read somebody else's stream."""

from __future__ import annotations

from datetime import timedelta

from reported_worlds import Said, healthy, reported

from runbook_lib.sandbox import PIPELINE, STACK, World, stream_reader

NO_RIGHTS = (
    "Cannot access stream {}. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, "
    "and ListStreams Actions on your stream in IAM."
)


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("esm-disabled-by-user (proved)",),
        first="R1",
        set_off_by="CreateEventSourceMapping20150331",
        symptoms=("function-not-invoked",),
    ),
    right="esm-disabled-by-user, set off by the creation; enable the mapping (R1)",
    is_right=True,
)
def made_anew_and_left_disabled() -> World:
    """A deployment replaced the mapping within seconds, and the new one was created switched off."""
    world = healthy()
    at = world.ago(hours=2, minutes=5)
    world.delete_mapping(at, world.mapping.uuid, by=PIPELINE)
    world.create_mapping_again(at + timedelta(seconds=21), by=PIPELINE, enabled=False)
    return world


@reported(
    now=Said("no_fault", "none", symptoms=("trimmed",)),
    right="no fault; not `trimmed`; a word that up to 24 h of records were handed over a second time from 14:22 "
    "on, as the mapping was made at TRIM_HORIZON on a stream that was being read",
)
def made_anew_at_trim_horizon() -> World:
    """A deployment deleted the mapping and made it anew, so that it read the whole stream once more."""
    world = healthy()
    at = world.ago(minutes=47)
    world.delete_mapping(at, world.mapping.uuid, by=PIPELINE)
    world.create_mapping_again(at + timedelta(seconds=19), by=PIPELINE)
    return world


@reported(
    now=Said("no_fault", "none", first="R36", contributing=("too-many-readers",)),
    right="no fault; a note that a third function reads the stream; no remedy to do first",
)
def third_function_that_keeps_up() -> World:
    """Another team's function was attached to the stream five hours ago, and nothing lags."""
    world = healthy()
    name, at = world.setting.bystander, world.ago(hours=5)
    access = stream_reader(f"{world.scope.arn('dynamodb', 'table/Orders')}/stream/*")
    world.put_role_policy(at - timedelta(minutes=9), f"{name}-role", "stream-access", access, by=PIPELINE)
    world.create_mapping_again(at, by=PIPELINE, name=name, function=name, starting_position="LATEST")
    return world


@reported(
    now=Said("fault", "none", latent=("stream-disabled (suspected)",), first="R8"),
    right="the table is another account's and cannot be judged here; nothing proposed for this one",
)
def stream_of_another_account() -> World:
    """The mapping reads the table's stream in another account, which its role may; there is no such table here."""
    there = "arn:aws:dynamodb:eu-west-1:111122223333:table/Orders/stream"
    world = healthy(mapping={"stream_arn": f"{there}/2025-08-14T09:09:17.528"})
    world.begin_without_table()
    world.begin_with_role(inline={"stream-access": stream_reader(f"{there}/*")})
    return world


@reported(
    now=Said("fault", "at_risk", causes=("esm-missing (proved)",), first="R2", symptoms=("function-not-invoked",)),
    is_right=True,
    right="esm-missing since the first write at 12:09; 21 h left, nothing lost yet",
)
def never_mapped_and_written_to_since_three_hours() -> World:
    """A new table is written to since three hours, and nobody has made the mapping."""
    world = healthy()
    world.begin_without_mapping()
    world.begin_without_writes(until=world.ago(hours=3))
    return world


def _refused(message: str, stream: str) -> World:
    """A table written to since three hours without a mapping, which the deployment could not create."""
    world = never_mapped_and_written_to_since_three_hours()
    request = {"functionName": "orders-projector", "eventSourceArn": stream, "startingPosition": "LATEST"}
    error = ("InvalidParameterValueException", message.format(stream))
    world.refuse(world.ago(minutes=40), "lambda", "CreateEventSourceMapping20150331", request, error, by=STACK)
    return world


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("esm-missing (proved)",),
        first="R2",
        symptoms=("function-not-invoked",),
        contributing=("create-rejected",),
    ),
    right="esm-missing, because the template names a stream that is gone: say so, and which",
)
def creation_refused_for_a_stream_that_is_gone() -> World:
    """The deployment asks for a generation of the stream that ended two years ago."""
    return _refused(
        "Stream not found: {}", "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders/stream/2024-02-03T04:05:06.007"
    )


@reported(
    now=Said("fault", "at_risk", causes=("esm-missing (proved)",), first="R2", symptoms=("function-not-invoked",)),
    right="esm-missing, because the template names another service's stream: wrong source",
)
def creation_refused_for_another_source() -> World:
    """The deployment names a Kinesis stream for our function."""
    return _refused(NO_RIGHTS, "arn:aws:kinesis:eu-west-1:123456789012:stream/orders-changes")


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("esm-missing (proved)",),
        first="R2",
        symptoms=("function-not-invoked",),
        contributing=("create-rejected",),
    ),
    right="esm-missing: the rights came 9 s after the refusal; try again, and mend the template's order",
)
def creation_refused_just_before_the_rights_came() -> World:
    """The deployment made the mapping before the policy that it needs, and did not try again."""
    world = never_mapped_and_written_to_since_three_hours()
    role, at = world.role_name, world.ago(minutes=40)
    access = world.state.roles[role].inline["stream-access"]
    world.begin_with_role(inline={})
    refusal = NO_RIGHTS.format(world.mapping.stream_arn)
    world.fail_to_create(at, world.mapping, "InvalidParameterValueException", refusal, by=STACK)
    world.put_role_policy(at + timedelta(seconds=9), role, "stream-access", access, by=STACK)
    return world


@reported(
    now=Said("no_fault", "none"),
    right="no fault of the trigger; say that the deployment was refused, and why",
)
def creation_refused_as_there_is_one() -> World:
    """The mapping works; the deployment wants to make it once more and fails."""
    world = healthy()
    message = (
        "The event source arn and function provided mapping already exists. "
        f"Please update or delete the existing mapping with UUID {world.mapping.uuid}"
    )
    world.fail_to_create(world.ago(minutes=37), world.mapping, "ResourceConflictException", message, by=STACK)
    return world


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("esm-disabled-by-user (proved)",),
        first="R1",
        set_off_by="UpdateEventSourceMapping20150331",
        symptoms=("function-not-invoked",),
    ),
    right="esm-disabled-by-user alone: no second cause, for nothing came before the stop that was slow",
    is_right=True,
)
def paused_minutes_ago_on_a_quiet_table() -> World:
    """A table with one write a minute; its mapping was paused a quarter of an hour ago."""
    world = healthy()
    world.set_traffic(world.start, per_minute=1, jitter=1)
    world.update_mapping(world.ago(minutes=17), world.mapping.uuid, by=PIPELINE, enabled=False)
    return world


@reported(
    now=Said("no_fault", "unknown", first="R25", contributing=("latest-update-gap",)),
    right="latest-update-gap: a mapping at LATEST was changed at 13:09, and nobody can tell what it skipped",
    is_right=True,
)
def changed_at_latest_without_a_trace() -> World:
    """A mapping at LATEST says it was modified two hours ago, and the trail has no event of it."""
    world = healthy(starting_position="LATEST")
    world.change_mapping_untold(world.ago(hours=2), world.mapping.uuid)
    return world


@reported(
    now=Said("fault", "unknown", causes=("role-missing-stream-actions (likely)",), first="R4"),
    right="role-missing-stream-actions for the first stream, set off by PutRolePolicy; the second works",
)
def second_stream_of_the_function_goes_on() -> World:
    """Two tables trigger the function; its role's policy was rewritten and names the second stream alone."""
    world = healthy()
    world.begin_with_second_table("Invoices")
    streams = [world.scope.arn("dynamodb", f"table/{name}/stream/*") for name in ("Orders", "Invoices")]
    world.begin_with_role(inline={"stream-access": stream_reader(streams)})
    at = world.ago(hours=2, minutes=11)
    world.put_role_policy(at, world.role_name, "stream-access", stream_reader(streams[1]), by=STACK)
    return world
