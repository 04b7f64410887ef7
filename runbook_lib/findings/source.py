"""Nothing to deliver: the source side of the pipe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.evidence.signals import Series
from runbook_lib.evidence.source import Table
from runbook_lib.findings import FindingKind, Sign, Trait, against, counter, decisive, finding, sign
from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.interpret.amount import amount, begun
from runbook_lib.interpret.arn import StreamArn
from runbook_lib.measuring.filtered import events_of
from runbook_lib.measuring.pipe import FlowState, Measured, Stage
from runbook_lib.measuring.thresholds import CLOCK_SKEW, KEY_SHOWS, READ_THROUGHOUT
from runbook_lib.observed import NOTHING_TO_READ, Gap, NotObserved, otherwise

_STREAMS = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html"


def replaced(seen: Evidence) -> tuple[Sign, ...]:
    """Give the signs that the table is another one than the mappings were made for; empty when it is not.

    A stream cannot be older than its table, so a mapping on an older one was made for a table that is gone.
    """
    table, found = seen.streams.table, []
    if not table.exists or table.created_at is None:
        return ()
    ours = otherwise(lambda: seen.mappings.ours, ())
    made = table.created_at - CLOCK_SKEW
    older = [mapping for mapping in ours if _born_before(mapping, made)]
    if len(older) < len(ours):
        return ()
    for mapping in older:
        label = StreamArn.parse(mapping.event_source_arn).label
        born = instant.clock(table.created_at, seen.as_of)
        found.append(
            decisive(
                f"{table.name} was created at {born}, after stream {label} that mapping {mapping.uuid} reads.",
                table,
                mapping,
            )
        )
    if table.restored_at is not None and table.latest_stream_arn is None:
        words = "A restore brings the items back and neither the stream nor the TTL setting"
        found.append(decisive(f"{words}, and {table.name} was restored and never had a stream since.", table))
    return tuple(found)


def _born_before(mapping: EventSourceMapping, moment: datetime) -> bool:
    began = StreamArn.parse(mapping.event_source_arn).label_time
    return began is not None and began < moment


def _polled(seen: Evidence, mapping: EventSourceMapping) -> tuple[Series, ...]:
    """What the mapping polled, where it counts its events."""
    counted = events_of(seen, mapping)
    return tuple(series for name, series in counted.items() if name == "PolledEventCount")


@finding(
    "table-recreated-or-restored",
    kind=FindingKind.CAUSE,
    title="The table is a new one of the same name: what read the old one's stream reads nothing",
    modes=("A8",),
    stops=Stage.IN_STREAM,
    diagnosis=(4, 5),
    reads=(1, 2, 3),
    remedies=(RemedyId.SWITCH_STREAM_ON, RemedyId.MAP_LATEST_STREAM),
    set_off_by=("table-deleted", "table-restored", "table-created"),
    lag=timedelta(hours=24),
    traits=(Trait.MOVES_STREAM,),
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html",
)
def table_recreated_or_restored(seen: Evidence) -> Iterator[Sign]:
    """A table that is deleted and made or restored again has another stream, or none, under the same name.

    The mapping stays on the old table's stream, reads Enabled, and delivers what that still holds for 24 hours.
    """
    table, signs = seen.streams.table, replaced(seen)
    if not signs:
        mapped = len(seen.mappings.ours)
        yield against(
            f"{table.name} is no newer than the streams of the {amount(mapped, 'mappings')} on it.",
            table,
            seen.mappings,
        )
        return
    yield from signs
    if table.stream_enabled:
        yield sign(f"Its own stream is {StreamArn.parse(table.latest_stream_arn or '').label}.", table)
    else:
        yield sign("It has no enabled stream.", table)


@finding(
    "stream-disabled",
    kind=FindingKind.CAUSE,
    title="No stream is enabled on the table",
    modes=("A5",),
    stops=Stage.IN_STREAM,
    diagnosis=(4,),
    reads=(1, 2),
    remedies=(RemedyId.SWITCH_STREAM_ON, RemedyId.MAP_LATEST_STREAM),
    set_off_by=("stream-disabled", "table-deleted", "table-restored", "table-created"),
    lag=timedelta(hours=24),
    traits=(Trait.ENDS_STREAM,),
    source=_STREAMS,
)
def stream_disabled(seen: Evidence) -> Iterator[Sign]:
    """A write to a table without an enabled stream leaves no record, so nothing can ever be delivered.

    Records written before it was switched off stay readable for 24 hours, so the mapping may go on for a while and
    still reads Enabled and OK.
    """
    table = seen.streams.table
    if table.stream_enabled:
        yield against(f"The stream of {table.name} is enabled ({table.view_type}).", table)
        return
    if otherwise(lambda: replaced(seen), ()):
        yield against(f"The stream was not switched off: {table.name} is a new table of the same name.", table)
        return
    newest = otherwise(lambda: seen.streams.generations[:1], ())
    statuses = [otherwise(lambda stream=stream: stream.status, "") for stream in newest]  # type: ignore[misc]
    if table.exists and "ENABLED" in statuses:
        yield against(f"DescribeStream says that the stream of {table.name} is enabled.", *newest)
        return
    if not table.exists:
        yield decisive(f"Table {table.name} does not exist, so it has no stream.", table)
    else:
        yield decisive(f"DescribeTable shows no enabled stream on {table.name}.", table)
    for stream in seen.streams.generations[:1]:
        yield sign(f"Its newest stream, {stream.label}, is {stream.status}.", stream)


@finding(
    "no-table-writes",
    kind=FindingKind.INNOCENT,
    title="Nobody writes to the table, so there is nothing to trigger on",
    modes=("A1",),
    diagnosis=(1, 3),
    reads=(7,),
    remedies=(RemedyId.FIND_WRITERS,),
    traits=(Trait.EXPLAINS_IDLE,),
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html",
)
def no_table_writes(seen: Measured) -> Iterator[Sign]:
    """Without writes there are no records and no invocations; a trigger that works looks exactly like this.

    CloudWatch has no datapoints for an idle table, which is also what a wrong name looks like, so another series of
    the same answer must have some before silence counts.
    """
    written = seen.stages.observed(Stage.WRITTEN)
    if written.state is not FlowState.IDLE:
        yield against(written.basis, *written.refs)
        return
    invoked = seen.stages[Stage.INVOKED]
    if invoked.state is FlowState.STOPPED:
        yield against(f"What was written before has not been delivered: {invoked.basis}", *invoked.refs)
        return
    account = seen.metrics.account_concurrent
    if account.points and (written.last is None or max(account.points) > written.last) and seen.streams.table.exists:
        yield decisive(f"{written.basis} The same answer does hold newer data of other metrics.", *written.refs)
        yield counter("No write operation of any kind has a newer datapoint.", *written.refs)
    else:
        yield sign(f"{written.basis} Nothing else in the account has data either.", *written.refs)


@finding(
    "noop-writes",
    kind=FindingKind.INNOCENT,
    title="The writes change nothing, so the stream records nothing",
    modes=("A2",),
    diagnosis=(1, 3),
    reads=(2, 6, 7),
    remedies=(RemedyId.FIND_WRITERS,),
    traits=(
        Trait.EXPLAINS_IDLE,
        Trait.MAKES_NO_RECORD,
    ),
    source=_STREAMS,
)
def noop_writes(seen: Measured) -> Iterator[Sign]:
    """A put or update that leaves an item as it was succeeds, uses capacity, and makes no stream record.

    It looks like a broken trigger, save that the stream is read all the time and hands nothing out. A stuck shard
    beside idle ones could look alike, so failures and throttles speak against it.
    """
    invoked = seen.stages.observed(Stage.INVOKED)
    if invoked.state is not FlowState.STOPPED or invoked.since is None:
        yield against(invoked.basis, *invoked.refs)
        return
    for series in (seen.metrics.errors, seen.metrics.throttles):
        if series.last_positive is not None and (invoked.last is None or series.last_positive > invoked.last):
            yield against(f"{series.label} since the last successful delivery: records are there.", series)
            return
    problem = next((mapping for mapping in seen.mappings.ours if mapping.processing.is_problem), None)
    if problem is not None:
        yield against(f"Mapping {problem.uuid} last said: {problem.processing.text}", problem)
        return
    yield from _read_empty(seen, invoked.since)


def _read_empty(seen: Measured, since: datetime) -> Iterator[Sign]:
    """Compare what readers were handed with what was written, minute by minute from `since` on."""
    table = seen.streams.table
    if not table.stream_enabled:
        yield against("No stream is enabled.", table)
        return
    current = [mapping for mapping in seen.mappings.ours if mapping.event_source_arn == table.latest_stream_arn]
    counts = [series for mapping in current for series in _polled(seen, mapping)]
    label = StreamArn.parse(table.latest_stream_arn or "").label
    counts += [seen.backlog.returned[label]] if label in seen.backlog.returned else []
    for series in counts:
        read = series.between(since, seen.window.settled_end)
        expected = (seen.window.settled_end - since) / series.period
        if any(read.values()):
            yield against(
                f"{amount(sum(read.values()), 'records were')} read since {instant.clock(since, seen.as_of)}.", series
            )
        elif len(read) >= READ_THROUGHOUT * expected:
            words = f"The stream was read in {amount(len(read), 'periods')} since {instant.clock(since, seen.as_of)}"
            yield decisive(f"{words} and handed out no record.", series)
            yield counter(
                f"{begun(amount(sum(_written_since(seen, since)), 'writes'))} succeeded meanwhile.",
                seen.metrics.consumed_writes,
            )


def _written_since(seen: Measured, since: datetime) -> Iterator[float]:
    return (value for at, value in seen.write_minutes.items() if at >= since)


@finding(
    "rejected-writes",
    kind=FindingKind.INNOCENT,
    title="Writes are refused before they are committed, so there is nothing to trigger on",
    modes=("A3",),
    diagnosis=(1, 3),
    reads=(7,),
    remedies=(RemedyId.FIND_WRITERS,),
    traits=(Trait.EXPLAINS_IDLE,),
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html",
)
def rejected_writes(seen: Measured) -> Iterator[Sign]:
    """A failed condition, a cancelled transaction or a throttled write leaves no record; its client saw the error.

    Such writes may use capacity all the same, so capacity alone does not mean that something was written.
    """
    written = seen.stages.observed(Stage.WRITTEN)
    refused = {name: series for name, series in seen.metrics.failed_writes.items() if series.last_positive is not None}
    if not refused:
        yield against("No write was refused in the window.", *seen.metrics.failed_writes.values())
        return
    if written.state is not FlowState.IDLE:
        yield against(written.basis, *written.refs)
        return
    for name, series in refused.items():
        late = {at: v for at, v in series.points.items() if v > 0 and (written.last is None or at > written.last)}
        if late:
            first = instant.clock(min(late), seen.as_of)
            yield decisive(f"{sum(late.values()):,.0f} {name} since {first}.", series)
            yield counter(written.basis, *written.refs)


@finding(
    "table-key-inaccessible",
    kind=FindingKind.CAUSE,
    title="DynamoDB cannot use the key that the table is encrypted with",
    modes=("A9",),
    stops=None,
    diagnosis=(4,),
    reads=(1, 2, 5, 7),
    remedies=(RemedyId.ENABLE_TABLE_KEY,),
    set_off_by=("key-disabled", "key-deletion-scheduled", "key-policy-changed"),
    lag=timedelta(hours=2),
    traits=(Trait.ENDS_WRITES,),
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html",
)
def table_key_inaccessible(seen: Measured) -> Iterator[Sign]:
    """A table whose key is disabled or withdrawn can be neither read nor written, and its stream not read.

    The key itself tells first: reads fail from 5.5 minutes on, and the table's status says so only 13 to 75 minutes
    after. Once the key is back, reads work within 7 minutes, and the status stays for 18 to 57 (observed on five tables
    in October 2026). Records go on ageing, and after seven days DynamoDB archives the table.
    """
    table, written = seen.streams.table, seen.stages.observed(Stage.WRITTEN)
    if table.status in _LOCKED:
        since = table.key_inaccessible_since
        if _is_back(seen, since):
            yield against(f"The key of {table.name} is enabled, and records were written since it was lost.", table)
            return
        told = f" since {instant.clock(since, seen.as_of)}" if since else ""
        yield decisive(f"Table {table.name} is {table.status}{told}; its key is {table.kms_key_arn}.", table)
        if since and (written.last is None or written.last <= since):
            yield counter("No write has succeeded since then.", *written.refs)
        return
    use = seen.role.table_key if table.kms_key_arn else None
    if use is None or use.key.state in _USABLE:
        if use is not None and written.state is FlowState.IDLE and _may_be_lost(seen, written.last):
            raise NotObserved(_status_lags(seen, table))
        key = f" and its key is {use.key.state}" if use is not None else ""
        yield against(f"Table {table.name} is {table.status or 'not there'}{key}.", table)
        return
    yield decisive(f"The key of table {table.name} is {use.key.state}; the table's status says so only later.", use.key)
    if written.state is FlowState.IDLE:
        yield counter(written.basis, *written.refs)


_USABLE = {"Enabled", ""}


def _is_back(seen: Measured, lost: datetime | None) -> bool:
    """Whether the key is enabled again and records were written since it was lost; False where that was not seen."""
    use = otherwise(lambda: seen.role.table_key, None)
    last = seen.stages[Stage.WRITTEN].last
    if use is None or lost is None or last is None:
        return False
    return use.key.state == "Enabled" and last > lost


def _may_be_lost(seen: Measured, last: datetime | None) -> bool:
    """Whether writes ended so lately that a key whose grants were withdrawn need not show yet."""
    return last is not None and seen.as_of - last <= KEY_SHOWS


def _status_lags(seen: Measured, table: Table) -> Gap:
    reason = (
        f"Nothing was written to {table.name} lately, and a key that DynamoDB lost by its grants shows in the table's"
        f" status up to {instant.span(KEY_SHOWS)} later."
    )
    return Gap("dynamodb:DescribeTable", seen.incident.region, NOTHING_TO_READ, reason, ref=table.ref)


_LOCKED = {"INACCESSIBLE_ENCRYPTION_CREDENTIALS", "ARCHIVING", "ARCHIVED"}


@finding(
    "wrong-cdc-product",
    kind=FindingKind.CONTRIBUTING,
    title="The table feeds Kinesis Data Streams, which is not DynamoDB Streams",
    modes=("A6",),
    diagnosis=(4,),
    reads=(2, 3),
    remedies=(RemedyId.MAP_KINESIS_STREAM, RemedyId.SWITCH_STREAM_ON),
    set_off_by=(),
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/streamsmain.html",
)
def wrong_cdc_product(seen: Evidence) -> Iterator[Sign]:
    """DynamoDB has two change feeds with alike names; a mapping on the one hears nothing of the other.

    That the table feeds a Kinesis stream while its own is off says where the changes go now.
    """
    table, targets = seen.streams.table, seen.streams.kinesis_destinations
    if not targets:
        yield against(f"{table.name} feeds no Kinesis stream.", table)
        return
    if table.stream_enabled:
        yield against(f"{table.name} feeds both, and its own stream is enabled.", table)
        return
    yield decisive(f"{table.name} feeds {targets[0]}, and its own stream is off.", table)
    reading = [mapping for mapping in seen.mappings.same_function if mapping.event_source_arn in targets]
    words = f"Mapping {reading[0].uuid} reads it." if reading else "No mapping of the function reads it."
    yield sign(words, reading[0] if reading else seen.mappings)
