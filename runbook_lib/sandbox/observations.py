"""What was observed of the real AWS and the sandbox obeys, with its source and the test that holds the sandbox to it.

The sandbox plays AWS as it was seen, also where a finding of the kit is wrong then. docs/observations.md shows it all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SOURCES: Mapping[str, str] = {
    "LAB": "recorded probes of real DynamoDB by a community laboratory; the numbers are its findings'",
    "REC": "a text of a real account in a public repository",
    "TEST": "recordings that public acceptance and snapshot tests make against AWS",
    "ISSUE": "a report in a public issue",
    "DOC": "AWS's documentation",
    "MODEL": "botocore's service models",
    "RECALLED": "nobody's record: what the sandbox's authors remember of AWS, to be checked",
    "ASSUMED": "nobody's record: AWS publishes no figure or wording, and the sandbox needs one",
}
"""Where observations come from."""


@dataclass(frozen=True)
class Observation:
    """One thing that AWS was seen to do.

    `says` is what it does, `source` one of `SOURCES` with a number where it has one, `seen` when and how often. `test`
    is `file::function` below tests/sandbox. Only what is `decisive` may a finding rest upon; what was not seen, seen
    once or inferred is not, unless AWS documents it as well.
    """

    about: str
    says: str
    source: str
    seen: str
    test: str
    decisive: bool = True


def _own(name: str) -> str:
    return f"test_observations.py::test_{name}"


def _refused(name: str) -> str:
    return f"test_refused_changes.py::test_{name}"


KEY, STREAM, MAPPING, RESULT, METRICS, REFUSED, OTHER = (
    "The key of a table", "Tables and streams", "Event source mappings", "LastProcessingResult", "Metrics",
    "Changes that are refused", "Everything else",
)  # fmt: skip

OBSERVATIONS = (
    Observation(
        KEY, "GetItem fails from 5.5 minutes after the key was lost, by DisableKey, ScheduleKeyDeletion or revoked"
        " grants. The sandbox plays no GetItem: see the next row.",
        "LAB 331", "October 2026", _own("lost_key_ends_writes_and_reads_after_minutes"),
    ),
    Observation(
        KEY, "Writes and GetRecords fail as soon as GetItem does: likely, and not probed.",
        "ASSUMED", "not seen", _own("lost_key_ends_writes_and_reads_after_minutes"), decisive=False,
    ),
    Observation(
        KEY, "TableStatus turns INACCESSIBLE_ENCRYPTION_CREDENTIALS only 13 to 75 minutes after (here: by seed)."
        " InaccessibleEncryptionDateTime is when DynamoDB found out, 20 to 30 s before; SSEDescription.Status stays"
        " ENABLED.",
        "LAB 331", "October 2026: 12.6, 36, 42, 43, 75 min", _own("lost_key_shows_in_the_table_long_after"),
    ),
    Observation(
        KEY, "After EnableKey reads work within 7 minutes, and TableStatus stays inaccessible for 18 to 57.",
        "LAB 330, 335", "October 2026", _own("key_that_is_back_works_before_the_table_says_so"),
    ),
    Observation(
        KEY, "A key that is to be deleted is PendingDeletion and EnableKey refuses it.",
        "RECALLED", "not seen", _own("key_that_is_scheduled_for_deletion_is_not_enabled"), decisive=False,
    ),
    Observation(
        KEY, "With revoked grants the table is out of reach while its key is Enabled.",
        "LAB 331", "October 2026", _own("revoked_grants_leave_the_key_enabled"),
    ),
    Observation(
        STREAM, "After its stream was disabled a table has no StreamSpecification, and keeps LatestStreamArn and"
        " LatestStreamLabel; the old stream is DISABLED and can be described.",
        "LAB 050", "October 2026", _own("disabled_stream_leaves_its_arn"),
    ),
    Observation(
        STREAM, "ListStreams lists the DISABLED streams of flaps and of deleted tables of that name.",
        "LAB 378", "October 2026", _own("list_streams_lists_what_is_disabled_or_orphaned"),
    ),
    Observation(
        STREAM, "A table is UPDATING for some five seconds after its stream was disabled.",
        "LAB 050", "October 2026", _refused("table_takes_no_change_while_it_is_updating"),
    ),
    Observation(
        STREAM, "It is UPDATING as long after its stream was enabled, and after its capacity was changed.",
        "ASSUMED", "not seen", _refused("table_takes_no_change_while_it_is_updating"), decisive=False,
    ),
    Observation(
        STREAM, "The record of an item that TTL deleted carries userIdentity; that of any other deletion does not.",
        "DOC DynamoDB, Streams and Time to Live", "documented", _own("what_ttl_deletes_carries_its_identity"),
    ),
    Observation(
        STREAM, "GetShardIterator takes AT_TIMESTAMP: the first record since then; older than the trim, the oldest;"
        " in the future, a ValidationException.",
        "MODEL dynamodbstreams, botocore 1.44.5", "documented", _own("shard_is_read_from_an_instant_on"),
    ),
    Observation(
        STREAM, "A reader in another account needs the stream's resource policy and its own role's.",
        "DOC DynamoDB, cross-account access", "documented",
        "test_verbs_of_traffic.py::test_stream_of_another_account_needs_its_policy",
    ),
    Observation(
        STREAM, "More than two readers of a shard are throttled. That ThrottledRequests (Operation GetRecords) counts"
        " it is not verified.",
        "DOC DynamoDB, Streams", "not seen",
        "test_verbs_of_traffic.py::test_too_many_readers_throttle_every_consumer", decisive=False,
    ),
    Observation(
        MAPPING, "Get and List cut LastModified to the minute.",
        "TEST Lambda mappings", "two comparisons, of a creation and of an update",
        "test_function_answers.py::test_the_time_of_a_mapping_is_cut_to_the_minute",
    ),
    Observation(
        MAPPING, "List by a function's bare name does not give the mappings of its aliases.",
        "TEST Lambda mappings", "recorded", "test_function_answers.py::test_mappings_are_listed_by_exact_qualifier",
    ),
    Observation(
        MAPPING, "A role that may not read changes neither State nor LastModified; the result tells it within 67 s.",
        "TEST Lambda mappings", "recorded", _own("refused_mapping_stays_enabled_and_unmodified"),
    ),
    Observation(
        MAPPING, "A mapping whose function was deleted stays Enabled, by User action.",
        "TEST Lambda mappings", "recorded", _own("mapping_of_a_deleted_function_stays_enabled"),
    ),
    Observation(
        MAPPING, "A disabled mapping delivers for a while still; for how long is not recorded, and documented as"
        " minutes. The sandbox takes less than one.",
        "ISSUE ustaxcourt/ef-cms#1450; DOC Lambda, DynamoDB", "several deployments of one team",
        _own("disabled_mapping_is_read_on_for_a_while"), decisive=False,
    ),
    Observation(
        MAPPING, "A mapping made at LATEST misses what is written for minutes after: an item written 70 s after the"
        " mapping was Enabled never arrived. It stays in the stream. For how long is assumed: 75 to 240 s.",
        "TEST Lambda mappings; DOC Lambda, DynamoDB", "n=1, and documented",
        "test_verbs_of_traffic.py::test_mapping_made_at_latest_skips_what_follows_for_minutes",
    ),
    Observation(
        MAPPING, "Any update of a mapping at LATEST misses records around it, too.",
        "ISSUE awsdocs/aws-lambda-developer-guide#487; DOC Lambda, DynamoDB", "reported, and documented",
        "test_verbs_of_traffic.py::test_mapping_changed_at_latest_skips_too",
    ),
    Observation(
        RESULT, "`No records processed` also stands where everything was filtered out.",
        "TEST Lambda mappings", "inferred from one recording", _own("everything_filtered_reads_no_records_processed"),
        decisive=False,
    ),
    Observation(
        RESULT, "It keeps the old problem after a fix, until the next batch.",
        "TEST Lambda mappings", "recorded", _own("result_stays_old_until_the_next_batch"),
    ),
    Observation(
        RESULT, "A poller whose role cannot be assumed says so in full, on an Enabled mapping; a trust policy that"
        " demands a source identity is one way to it.",
        "REC", "March 2026, n=1 (its source's type is not told)", _own("role_that_cannot_be_assumed_is_named"),
        decisive=False,
    ),
    Observation(
        METRICS, "PolledEventCount is 0 every minute that the poller lives and absent otherwise; FilteredOutEventCount"
        " has no datapoints without filters.",
        "TEST Lambda metrics; DOC Lambda, metrics", "minute by minute",
        _own("polls_are_counted_every_minute_the_poller_lives"),
    ),
    Observation(
        METRICS, "DroppedEventCount has no datapoint where there is no destination, and the records where it refuses.",
        "TEST Lambda metrics", "n=1", _own("dropped_records_are_counted_with_a_destination_alone"), decisive=False,
    ),
    Observation(
        METRICS, "IteratorAge is the age of a batch's last record, and absent when nothing is invoked.",
        "DOC Lambda, types of metrics", "documented", _own("iterator_age_is_that_of_the_last_record"),
    ),
    Observation(
        METRICS, "Where nothing is invoked Invocations, Errors and Duration are absent, not 0.",
        "DOC Lambda, types of metrics", "documented", "test_pipe_metrics.py::test_what_is_not_invoked_emits_nothing",
    ),
    Observation(
        METRICS, "Failures that ReportBatchItemFailures names are no Errors.",
        "TEST Lambda mappings", "recorded, six cases", _own("reported_batch_failures_are_no_errors"),
    ),
    Observation(
        METRICS, "A write that fails its condition consumes capacity.",
        "DOC DynamoDB, working with items", "documented; measured by others in October 2026",
        _own("rejected_write_consumes_capacity"),
    ),
    Observation(
        REFUSED, "UpdateTable with StreamEnabled true where a stream is on, whatever its view type: a"
        " ValidationException.",
        "REC, community reports #1000, #2782", "twice", _refused("view_type_is_not_changed_in_place"),
    ),
    Observation(
        REFUSED, "A stream that is off cannot be disabled.",
        "REC, community reports #1000, #2782", "twice", _refused("stream_is_not_switched_off_twice"),
    ),
    Observation(
        REFUSED, "A stream is not switched together with another change of the table. The wording is not recorded.",
        "LAB 433", "October 2026", _refused("stream_is_not_changed_together_with_capacity"),
    ),
    Observation(
        REFUSED, "A stream is not switched while the table is updating, be it its capacity.",
        "LAB 369", "October 2026", _refused("table_takes_no_change_while_it_is_updating"),
    ),
    Observation(
        REFUSED, "The stream of a global table's replica is not disabled.",
        "LAB 222, 305", "October 2026", _refused("stream_of_a_replica_is_not_switched_off"),
    ),
    Observation(
        REFUSED, "Concurrency is not reserved below 100 unreserved executions, or below all of a lower limit.",
        "DOC Lambda, reserved concurrency", "documented", _refused("concurrency_is_not_reserved_from_what_all_need"),
    ),
    Observation(
        REFUSED, "A mapping needs a starting position. The wording is not recorded.",
        "MODEL lambda", "documented", _refused("mapping_needs_a_starting_position"),
    ),
    Observation(
        REFUSED, "No mapping of a stream or function that is not there, of an invalid filter or age.",
        "TEST Lambda mappings", "recorded", _refused("mapping_is_not_made_of_what_does_not_exist"),
    ),
    Observation(
        REFUSED, "One mapping of a stream and a function's qualifier; the refusal names the other's id.",
        "TEST Lambda mappings", "recorded", _refused("mapping_is_made_once"),
    ),
    Observation(
        REFUSED, "No mapping that the role may not read for.",
        "TEST Lambda mappings", "recorded", _refused("mapping_is_not_made_where_the_role_may_not_read"),
    ),
    Observation(
        REFUSED, "No update of a mapping that is to be Enabled and that the role may not read for.",
        "TEST Lambda mappings", "recorded for creation", _refused("mapping_is_not_enabled_where_the_role_may_not_read"),
        decisive=False,
    ),
    Observation(
        REFUSED, "No change of a mapping that is in a transitional state. The wording is not recorded.",
        "MODEL lambda, ResourceInUseException", "documented", _refused("mapping_under_change_takes_no_other"),
    ),
    Observation(
        OTHER, "GetFunctionConcurrency has no member where nothing is reserved; 0 is another thing.",
        "TEST Lambda functions", "recorded", "test_function_answers.py::test_no_reserved_concurrency_is_not_zero",
    ),
    Observation(
        OTHER, "The policy simulator names a template as the resource, and the resource itself, with the context keys"
        " it lacks, in ResourceSpecificResults.",
        "MODEL iam, botocore 1.44", "documented", _own("simulator_names_the_resource_beside_the_result"),
    ),
    Observation(
        OTHER, "The event history has the own account's events alone; an organization's trail has every account's.",
        "RECALLED", "not seen",
        "test_verbs_of_code.py::test_organization_s_trail_holds_the_events_of_other_accounts", decisive=False,
    ),
    Observation(
        OTHER, "Each runtime logs an unhandled error in words of its own; those of Node, Java, Ruby, .NET and custom"
        " runtimes are as remembered.",
        "RECALLED", "not seen", "test_verbs_of_code.py::test_runtime_has_words_of_its_own", decisive=False,
    ),
    Observation(
        OTHER, "UpdateAlias leaves what it does not mention, and empty weights end a division.",
        "RECALLED", "not seen", "test_verbs_of_code.py::test_weights_are_set_and_cleared_by_update_alias",
        decisive=False,
    ),
)  # fmt: skip
"""Every observation that the sandbox is held to."""
