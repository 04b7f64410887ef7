"""Reported: tables, their streams, keys and roles."""

from __future__ import annotations

from datetime import timedelta

from reported_worlds import NOW, SEED, Said, healthy, reported

from runbook_lib.sandbox import (
    BASIC_EXECUTION,
    CONSOLE,
    LAMBDA_TRUST,
    PIPELINE,
    STACK,
    Code,
    World,
    build,
    document,
    root_statement,
    stream_reader,
)


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("role-missing-stream-actions (proved)", "esm-disabled-by-lambda (proved)"),
        first="R4",
        set_off_by="UpdateFunctionConfiguration20150331v2",
        symptoms=("function-not-invoked",),
    ),
    right="role-missing-stream-actions, with esm-disabled-by-lambda, set off by the change of role; R4, then R1",
    is_right=True,
)
def role_replaced_by_one_that_may_only_log() -> World:
    """The function was given another role, with nothing but basic execution; soon Lambda gave the mapping up."""
    world = healthy()
    at, role = world.ago(hours=3, minutes=12), "orders-basic-role"
    world.create_role(at - timedelta(minutes=3), role, LAMBDA_TRUST, by=PIPELINE)
    world.attach_role_policy(at - timedelta(minutes=2), role, BASIC_EXECUTION, by=PIPELINE)
    world.reconfigure(at, "orders-projector", by=PIPELINE, role=world.scope.arn("iam", f"role/{role}"))
    world.give_up_mapping(at + timedelta(minutes=14), world.mapping.uuid, "AUTHORIZATION_ERROR")
    return world


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("table-recreated-or-restored (proved)",),
        first="R8",
        set_off_by="DeleteTable",
        symptoms=("function-not-invoked",),
    ),
    right="map the new stream (R2) and nothing else: AWS refuses to enable a stream that is enabled, and to "
    "switch it off and on loses the records that R2 would bring",
)
def table_replaced_by_one_with_a_stream() -> World:
    """The table was deleted and created anew with a stream; the mapping reads the old table's."""
    return build("table-replaced", NOW, SEED)


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("role-missing-stream-actions (proved)", "stale-stream-arn (proved)"),
        first="R4",
        set_off_by="UpdateTable",
        symptoms=("function-not-invoked",),
    ),
    right="role-missing-stream-actions and stale-stream-arn; R4, then R2",
    is_right=True,
)
def policy_names_the_old_stream() -> World:
    """The role may read one generation of the stream, by its label; the stream was switched off and on again."""
    world = healthy()
    world.begin_with_role(inline={"stream-access": stream_reader(world.mapping.stream_arn)})
    at = world.ago(hours=7, minutes=20)
    world.disable_stream(at, "Orders")
    world.enable_stream(at + timedelta(seconds=38), "Orders", "NEW_IMAGE")
    return world


@reported(
    now=Said("no_fault", "none"),
    right="no fault: Lambda polls over TLS",
    is_right=True,
)
def stream_policy_that_denies_plain_http() -> World:
    """The stream's policy has one statement, which denies whatever comes without TLS; everything works."""
    world = healthy()
    arn = world.mapping.stream_arn
    denial = {
        "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "dynamodb:*", "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }  # fmt: skip
    world.put_stream_policy(world.start, "Orders", document(denial))
    return world


@reported(
    now=Said(
        "fault",
        "losing",
        causes=("table-recreated-or-restored (proved)", "esm-missing (proved)"),
        first="R8",
        set_off_by="RestoreTableFromBackup",
        symptoms=("function-not-invoked",),
    ),
    right="table-recreated-or-restored, set off by the deletion and the restore, both in the trail",
)
def restored_and_never_mapped() -> World:
    """The table was deleted and an hour later restored from a backup; there never was a mapping."""
    world = healthy()
    world.begin_without_mapping()
    world.delete_table(world.ago(hours=10), "Orders", by=STACK)
    world.restore_table(world.ago(hours=9), "Orders", by=CONSOLE)
    return world


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("view-type-lacks-image (proved)",),
        first="R10",
        symptoms=("iterator-age-rising", "errors-high"),
    ),
    right="view-type-lacks-image; first a stream of NEW_IMAGE or NEW_AND_OLD_IMAGES, and that in the command",
)
def keys_only_from_the_beginning() -> World:
    """The function was written for NewImage, and its stream has been KEYS_ONLY since it was made."""
    world = healthy(view_type="KEYS_ONLY")
    world.begin_without_mapping()
    world.begin_with_function(code=Code("r1", needs="NewImage"))
    world.create_mapping_again(world.ago(hours=5), by=STACK, starting_position="LATEST")
    return world


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("cmk-denied-to-role (proved)",),
        first="R37",
        set_off_by="PutKeyPolicy",
        symptoms=("function-not-invoked",),
    ),
    right="cmk-denied-to-role; put-role-policy with kms:Decrypt on that key, for the key's policy defers to IAM",
)
def key_policy_that_defers_to_iam() -> World:
    """The table's key got the default policy, which leaves it to IAM, and the role has no kms:Decrypt."""
    key = "arn:aws:kms:eu-west-1:123456789012:key/5e2d1c8a-7b34-4f0e-9a61-c83d5b7f2e10"
    world = healthy(table_fields={"key": key})
    world.put_key_policy(world.ago(hours=3), key, document(root_statement(world.account)), by=STACK)
    return world
