"""The catalogue of failure modes: every way in which a trigger fails, or seems to, whether a finding shows it or not.

A card's `modes=("B3",)` points here: the letter is the group, the number the place in it. Ids are never used twice.
"""

from __future__ import annotations

from typing import NamedTuple


class FailureMode(NamedTuple):
    """One way to fail. `finding` is the id of the finding that bears its name, or would; `name` says it in words."""

    finding: str
    name: str


GROUPS = {
    "A": "Source: nothing to deliver, or delivered elsewhere",
    "B": "Event source mapping",
    "C": "Authorization of the poller",
    "D": "The function cannot be invoked",
    "E": "Capacity",
    "F": "Invoked, and failing or without effect",
    "G": "What only looks as if nothing had been invoked",
    "H": "Platform",
}

MODES = {
    "A1": FailureMode("no-table-writes", "Nobody writes to the table"),
    "A2": FailureMode("noop-writes", "Writes that change nothing leave no record"),
    "A3": FailureMode("rejected-writes", "Writes are refused before they are made"),
    "A4": FailureMode("wrong-scope", "Another table, region, account or stage is meant"),
    "A5": FailureMode("stream-disabled", "The stream was never enabled, or was switched off"),
    "A6": FailureMode("wrong-cdc-product", "The table feeds Kinesis Data Streams, not DynamoDB Streams"),
    "A7": FailureMode("stale-stream-arn", "The stream was re-created and the mapping reads the old one"),
    "A8": FailureMode("table-recreated-or-restored", "A new table bears the old name"),
    "A9": FailureMode("table-key-inaccessible", "The table's key is disabled or denied"),
    "A10": FailureMode("replica-expectations", "A global table's replica has a stream of its own"),
    "A11": FailureMode("ttl-expectation", "TTL deletes later than expected, or not at all"),
    "A12": FailureMode("trimmed", "Records expired before anybody read them"),
    "B1": FailureMode("esm-missing", "There is no mapping"),
    "B2": FailureMode("esm-wrong-target", "The mapping invokes another function, version or alias"),
    "B3": FailureMode("esm-disabled-by-user", "Somebody disabled the mapping"),
    "B4": FailureMode("esm-disabled-by-lambda", "Lambda disabled the mapping by itself"),
    "B5": FailureMode("esm-transitional", "The mapping is stuck between two states"),
    "B6": FailureMode("latest-startup-gap", "A new mapping at LATEST skips what was written before it polled"),
    "B7": FailureMode("latest-update-gap", "An update of a mapping at LATEST skips records"),
    "B8": FailureMode("diagnostic-update-gap", "A repair of a mapping at LATEST skips records"),
    "B9": FailureMode("filter-matches-nothing", "The filter matches no record"),
    "B10": FailureMode("filter-unreadable", "The filter's key is disabled or denied"),
    "B11": FailureMode("batching-or-tumbling-delay", "A batching or tumbling window delays, and loses nothing"),
    "B12": FailureMode("create-rejected", "Creating the mapping was refused"),
    "B13": FailureMode("max-age-drop", "Records are given up for their age"),
    "B14": FailureMode("retry-exhausted-drop", "Records are given up after the last retry"),
    "B15": FailureMode("destination-broken", "What is given up does not reach its failure destination"),
    "C1": FailureMode("role-missing-stream-actions", "The role lacks an action on the stream"),
    "C2": FailureMode("explicit-deny-identity", "A policy of the role denies"),
    "C3": FailureMode("permissions-boundary", "The role's boundary does not allow"),
    "C4": FailureMode("scp-or-rcp", "A policy of the organization denies"),
    "C5": FailureMode("resource-policy", "The policy of stream or table denies, or does not allow"),
    "C6": FailureMode("trust-or-role-gone", "The role is gone, or no longer trusts Lambda"),
    "C7": FailureMode("cmk-denied-to-role", "The role may not use the table's key"),
    "C8": FailureMode("condition-mismatch", "A policy's condition cannot hold for the poller"),
    "C9": FailureMode("version-role-drift", "The mapped version runs under another role than `$LATEST`"),
    "D1": FailureMode("function-or-qualifier-deleted", "The function, alias or version is gone"),
    "D2": FailureMode("state-pending", "The function is being made ready"),
    "D3": FailureMode("state-inactive-idle", "The function was idle for weeks, and wakes when invoked"),
    "D4": FailureMode("artifact-lost", "The function's image or code is gone"),
    "D5": FailureMode("state-failed", "The function could not be created"),
    "D6": FailureMode("function-key-denied", "The function's key is disabled or denied"),
    "D7": FailureMode("vpc-eni-subnet", "The function gets no network interface in its VPC"),
    "D8": FailureMode("update-failed-red-herring", "An update failed, and the code before it goes on running"),
    "D9": FailureMode("runtime-deprecated", "The runtime is no longer supported, and goes on running"),
    "D10": FailureMode("code-signing", "A release was refused for its signature"),
    "D11": FailureMode("newer-function-types", "A state of newer kinds of function cannot be invoked"),
    "E1": FailureMode("reserved-concurrency-zero", "Reserved concurrency is zero"),
    "E2": FailureMode("reserved-too-low", "Reserved concurrency is too low"),
    "E3": FailureMode("account-concurrency-exhausted", "The account's concurrency is used up"),
    "E4": FailureMode("shard-serial-lag", "The function is too slow for one batch per shard at a time"),
    "E5": FailureMode("too-many-readers", "More readers than a shard serves"),
    "E6": FailureMode("payload-or-duration", "Large records cut batches short"),
    "F1": FailureMode("poison-record", "One record fails again and again and blocks its shard"),
    "F2": FailureMode("timeout", "The function runs into its timeout"),
    "F3": FailureMode("oom", "The function runs out of memory"),
    "F4": FailureMode("init-or-import-error", "The function cannot start, or fails on everything"),
    "F5": FailureMode("partial-batch-misuse", "Failed records of a batch are reported wrongly"),
    "F6": FailureMode("tumbling-no-state", "A tumbling window's state is not returned"),
    "F7": FailureMode("view-type-lacks-image", "The view type lacks the image that the code reads"),
    "F8": FailureMode("success-without-effect", "Invocations succeed and have no effect"),
    "F9": FailureMode("recursion-detection", "Lambda broke off a loop, which was not the stream's"),
    "F10": FailureMode("write-back-loop", "The function writes to its own table"),
    "G1": FailureMode("role-cannot-log", "The role may not write logs"),
    "G2": FailureMode("looking-in-wrong-logs", "The log is elsewhere, quieter or shorter than expected"),
    "G3": FailureMode("other-triggers-mask", "Other triggers of the function hide the silence"),
    "G4": FailureMode("metrics-not-opted-in", "The mapping's own metrics are not switched on"),
    "H1": FailureMode("service-event", "AWS has a problem in the region"),
    "H2": FailureMode("account-or-region-state", "The account is suspended, or the region is not opted in"),
    "H3": FailureMode("quota", "A change was refused for a quota"),
}
"""By id, in the order of the catalogue."""
