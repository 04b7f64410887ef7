"""What is expected of a trigger that it does not promise: another table, another region, another moment."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.findings import FindingKind, Sign, against, counter, decisive, finding, sign
from runbook_lib.instant import MILLISECOND, RETENTION
from runbook_lib.interpret.amount import amount, begun
from runbook_lib.measuring.pipe import FlowState, Measured, Stage
from runbook_lib.measuring.thresholds import EXPIRY_MARGIN, SIMILAR_NAME
from runbook_lib.observed import otherwise

_DEVELOPER = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide"


@finding(
    "wrong-scope",
    kind=FindingKind.INNOCENT,
    title="The function reads another table than the one that was named",
    modes=("A4",),
    diagnosis=(5,),
    reads=(1, 3),
    source="https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html",
)
def wrong_scope(seen: Evidence) -> Iterator[Sign]:
    """Stages, regions and accounts have tables of like names, and a trigger reaches none but its own.

    A name that stands for nothing at all stops the investigation before it begins.
    """
    if seen.mappings.ours:
        yield against(f"Mapping {seen.mappings.ours[0].uuid} reads {seen.incident.table_name}.", seen.mappings.ours[0])
        return
    tables = {mapping.table_name: mapping for mapping in seen.mappings.same_function if mapping.table_name}
    for name in difflib.get_close_matches(seen.incident.table_name, [*tables], n=3, cutoff=SIMILAR_NAME):
        yield sign(f"Mapping {tables[name].uuid} of the function reads table {name}. Is that the one?", tables[name])


@finding(
    "replica-expectations",
    kind=FindingKind.INNOCENT,
    title="The table is global: each region has a stream of its own, with fewer records than writes",
    modes=("A10",),
    diagnosis=(4,),
    reads=(1, 2),
    source=f"{_DEVELOPER}/V2globaltables_HowItWorks.html",
)
def replica_expectations(seen: Measured) -> Iterator[Sign]:
    """Replication may join several writes into one record, and a strongly consistent replica has no stream by default.

    A shard of a global table serves one reader besides replication, and only the region that expired an item marks the
    record as TTL's.
    """
    table = seen.streams.table
    if not table.replica_regions:
        yield against(f"{table.name} has no replicas.", table)
        return
    yield decisive(f"{table.name} is replicated with {', '.join(table.replica_regions)}.", table)
    written = otherwise(lambda: seen.stages.observed(Stage.WRITTEN), None)
    if written is not None and written.state is FlowState.IDLE:
        yield sign(f"{written.basis} Writes of other regions are not counted here.", *written.refs)


@finding(
    "ttl-expectation",
    kind=FindingKind.INNOCENT,
    title="Items expire by TTL: their records come when DynamoDB deletes them, not when their time is up",
    modes=("A11",),
    diagnosis=(1,),
    reads=(2, 3, 7),
    source=f"{_DEVELOPER}/TTL.html",
)
def ttl_expectation(seen: Evidence) -> Iterator[Sign]:
    """DynamoDB deletes an item some time after it expired, at no promised moment, and only that makes a record.

    Such a deletion is nobody's request: it uses no write capacity and is in no trail. Where TTL is off nothing expires
    at all, and a filter that waits for its deletions waits for ever.
    """
    ttl, table = seen.streams.ttl, seen.incident.table_name
    if ttl.on:
        expired = seen.metrics.expired_items
        yield decisive(f"TTL is on for attribute {ttl.attribute} of {table}.", ttl)
        last = expired.last_positive
        when = f"the last at {instant.clock(last, seen.as_of)}" if last else "so none of them made a record"
        yield counter(
            f"{begun(amount(sum(expired.points.values()), 'items were'))} deleted by it in the window, {when}.",
            expired,
        )
        return
    waiting = [
        mapping for mapping in seen.mappings.ours if any(_BY_TTL in pattern for pattern in mapping.readable_filters)
    ]
    for mapping in waiting:
        yield decisive(
            f"Mapping {mapping.uuid} waits for deletions by TTL, which is {ttl.status} on {table}.", mapping, ttl
        )
    if not waiting:
        yield against(f"TTL is {ttl.status} on {table}, and nothing waits for it.", ttl)


_BY_TTL = '"userIdentity"'
"""The member that only records of TTL's deletions have."""


@finding(
    "trimmed",
    kind=FindingKind.SYMPTOM,
    title="Records expire unread",
    modes=("A12",),
    diagnosis=(6,),
    reads=(6,),
    source=f"{_DEVELOPER}/Streams.html",
)
def trimmed(seen: Evidence) -> Iterator[Sign]:
    """A stream drops records at 24 hours, read or not, and no metric counts them.

    An iterator age near 24 hours means that the oldest are being lost now; there is nothing left to fetch them from
    but the table itself.
    """
    age = seen.backlog.iterator_age_ms
    edge = (RETENTION - EXPIRY_MARGIN) / MILLISECOND
    late = [at for at, value in age.points.items() if value >= edge]
    if not late:
        yield against("No batch was as old as the stream's retention.", age)
        return
    when = instant.clock(max(late), seen.as_of)
    yield decisive(
        f"A batch sent at {when} was {instant.span(timedelta(milliseconds=age.points[max(late)]))} old.", age
    )
