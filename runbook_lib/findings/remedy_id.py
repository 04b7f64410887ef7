"""The remedies by names that code can read; verdicts, pages and people's runbooks quote them by their numbers."""

from __future__ import annotations

from enum import StrEnum


class RemedyId(StrEnum):
    """A remedy. Its value is its public id, which is never given to another one; `judging.remedy_cards` tells it."""

    ENABLE_MAPPING = "R1"
    MAP_LATEST_STREAM = "R2"
    CORRECT_FILTER = "R3"
    ALLOW_STREAM_READS = "R4"
    FREE_CONCURRENCY = "R5"
    SKIP_FAILING_BATCH = "R6"
    SWITCH_STREAM_ON = "R8"
    ENABLE_TABLE_KEY = "R9"
    DEPLOY_WORKING_CODE = "R10"
    RESTORE_ROLE = "R11"
    CHANGE_REFUSING_POLICY = "R12"
    EXEMPT_IN_STREAM_POLICY = "R13"
    RUN_MORE_BATCHES = "R14"
    RETARGET_MAPPING = "R16"
    RAISE_QUOTA = "R18"
    CHANGE_VIEW_TYPE = "R19"
    FIND_WRITERS = "R20"
    FETCH_DISCARDED = "R21"
    KEEP_RECORDS_LONGER = "R22"
    REPAIR_DESTINATION = "R23"
    MAP_KINESIS_STREAM = "R24"
    REPLAY_SKIPPED = "R25"
    FREE_READS_FROM_CONDITION = "R31"
    MOVE_ALIAS = "R32"
    CHANGE_NETWORK = "R33"
    PREPARE_FUNCTION_AGAIN = "R34"
    CAP_BUSIEST_FUNCTION = "R35"
    SHARE_ONE_READER = "R36"
    ALLOW_DECRYPTION = "R37"
    ENABLE_KEY = "R38"
    WAIT_FOR_AWS = "R39"
    DELIVER_SOONER = "R40"
    GIVE_TIME_OR_MEMORY = "R41"
    CREATE_FUNCTION_AGAIN = "R42"
