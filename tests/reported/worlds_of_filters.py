"""Reported: filters that let nothing through, rightly or wrongly."""

from __future__ import annotations

from reported_worlds import Said, healthy, reported

from runbook_lib.sandbox import PIPELINE, World

ONLY_EXPIRED = '{"userIdentity":{"type":["Service"],"principalId":["dynamodb.amazonaws.com"]}}'
ONLY_REFUNDED = '{"dynamodb":{"NewImage":{"status":{"S":["REFUNDED"]}}}}'
NO_KEY = '{"dynamodb":{"Keys":{"status":{"S":["SHIPPED"]}}}}'


@reported(
    now=Said("no_fault", "none"),
    right="no fault, no records at risk: nothing expired, so the filter let nothing through",
    is_right=True,
)
def archive_of_what_expires_and_nothing_expired() -> World:
    """The filter passes what TTL deletes; TTL is on, and no item reached its time in the window."""
    world = healthy(filters=(ONLY_EXPIRED,), event_count=True, table_fields={"ttl_attribute": "expires_at"})
    world.begin_without_expiry()
    return world


@reported(
    now=Said("no_fault", "none"),
    right="no fault: polled is filtered out in every minute, which proves that the poller lives",
    is_right=True,
)
def rare_status_with_counts() -> World:
    """The filter passes one status, which nobody has written; the mapping counts what it drops."""
    return healthy(filters=(ONLY_REFUNDED,), event_count=True)


@reported(
    now=Said("undetermined", "unknown"),
    right="undetermined at most: a filter stands there and nothing counts what it drops; no loss is claimed",
    is_right=True,
)
def rare_status_without_counts() -> World:
    """The same filter on a mapping that counts nothing."""
    return healthy(filters=(ONLY_REFUNDED,))


@reported(
    now=Said("undetermined", "at_risk", symptoms=("function-not-invoked",)),
    right="filter-matches-nothing: DescribeTable names the keys, and this attribute is none",
)
def filter_on_a_key_that_is_none() -> World:
    """Two hours ago the filter was set to look into Keys for an attribute that is no key of the table."""
    world = healthy()
    world.update_mapping(world.ago(hours=2), world.mapping.uuid, by=PIPELINE, filters=(NO_KEY,))
    return world
