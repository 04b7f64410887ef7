"""The source side shown: table and health (step 1), stream (step 2), backlog (step 6)."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.signals import Peek, Series
from runbook_lib.evidence.source import Stream, Table, TimeToLive
from runbook_lib.measuring.backlog import oldest_unread
from runbook_lib.observed import NotObserved, otherwise
from runbook_lib.showing.blocks import Block, Facts, Prose, TableBlock
from runbook_lib.views.words import Told, age, columns, count, fact, moment, stretch, summed, yes

# -- step 1 ----------------------------------------------------------------------------------------------------


def health_answer(seen: Evidence) -> str:
    """Answer step 1: does the table exist, and does AWS list an issue?"""
    table, region = seen.health.table, seen.incident.region
    if not table.exists:
        similar = otherwise(lambda: seen.health.similar_tables, ())
        hint = f" Tables with similar names: {', '.join(similar)}." if similar else ""
        return f"No: there is no table {table.name} in {region}.{hint}"
    return f"The table exists in {region} and its status is {table.status}. {_issues(seen)}"


def _issues(seen: Evidence) -> str:
    try:
        events = seen.health.events
    except NotObserved:
        return "Whether AWS reports an issue of DynamoDB or Lambda could not be seen."
    current = [event for event in events if event.status == "open"]
    if current:
        services = ", ".join(sorted({event.service for event in current}))
        return f"AWS Health lists {count(len(current), 'open issue')} of {services}."
    ended = f"; {count(len(events), 'issue')} ended" if events else ""
    return f"AWS Health lists no open issue of DynamoDB or Lambda{ended}."


def table_facts(seen: Evidence) -> Block:
    """Show the table as DescribeTable gives it."""
    table = seen.health.table
    facts = [
        fact("Table", lambda: (table.arn or f"{table.name}: does not exist", table.ref)),
        fact("Looked with", lambda: (f"{seen.health.identity.arn} (account {seen.health.identity.account})", "run")),
    ]
    if table.exists:
        facts += [
            fact("Created", lambda: (moment(table.created_at), table.ref)),
            fact("Billing", lambda: (table.billing_mode, table.ref)),
            fact("Encryption", lambda: (_encryption(table), table.ref)),
            fact("Replicas", lambda: (", ".join(table.replica_regions) or "none", table.ref)),
            fact("Restored", lambda: (moment(table.restored_at) if table.restored_at else "no", table.ref)),
        ]
    return Facts("The table", tuple(facts))


def _encryption(table: Table) -> str:
    if table.key_inaccessible_since:
        return f"the key cannot be used since {instant.clock(table.key_inaccessible_since)}"
    return " ".join(filter(None, (table.sse_type, table.sse_status, table.kms_key_arn))) or "owned by AWS"


def health_events(seen: Evidence) -> Block:
    """Show what AWS Health lists for Lambda and DynamoDB."""
    rows = tuple(
        (moment(event.started), moment(event.ended), event.service, event.type_code, event.status)
        for event in seen.health.events
    )
    note = None if rows else "AWS Health was asked and lists none since the start of the window."
    return TableBlock(
        "AWS Health issues",
        columns("Began (UTC)|time", "Ended (UTC)|time", "Service", "Type", "Status"),
        rows,
        note,
    )


# -- step 2 ----------------------------------------------------------------------------------------------------


def stream_answer(seen: Evidence) -> str:
    """Answer step 2: is a stream enabled, and what does it carry?"""
    table = seen.streams.table
    if not table.exists:
        return f"There is no table {table.name}, so there is no stream."
    if table.stream_enabled:
        return f"Yes: a stream is enabled, with view type {table.view_type}."
    old = " DescribeTable still names a latest stream; that outlives the stream." if table.latest_stream_arn else ""
    return f"No: no stream is enabled on the table. What is written now leaves no record.{old}"


def stream_facts(seen: Evidence) -> Block:
    """Show the stream specification."""
    table = seen.streams.table
    return Facts(
        "Stream specification",
        (
            fact("Stream enabled", lambda: (yes(table.stream_enabled), table.ref)),
            fact("View type", lambda: (table.view_type or "-", table.ref)),
            fact("Latest stream", lambda: (table.latest_stream_arn or "none", table.ref)),
            fact("Time to live", lambda: (_time_to_live(seen.streams.ttl), seen.streams.ttl.ref)),
            fact("Kinesis targets", lambda: (", ".join(seen.streams.kinesis_destinations) or "none", None)),
        ),
    )


def _time_to_live(ttl: TimeToLive) -> str:
    return f"on, by attribute {ttl.attribute}" if ttl.on else ttl.status.lower()


def generations(seen: Evidence) -> Block:
    """Show every generation of the stream that AWS still lists, newest first."""
    found = seen.streams.generations
    latest = otherwise(lambda: seen.streams.table.latest_stream_arn, None)
    rows = tuple(said_generation(stream, stream.arn == latest) for stream in found)
    note = "A disabled generation stays readable for 24 hours." if len(found) > 1 else None
    return TableBlock(
        "Generations of the stream",
        columns("Label|code", "Which", "Status", "View type", "Shards|number", "Open|number"),
        rows,
        note if rows else "ListStreams lists none.",
        tuple(stream.ref for stream in found),
    )


def said_generation(stream: Stream, latest: bool) -> tuple[str, ...]:
    """Give one generation as a row."""
    shards = f"{len(stream.shards)}{'+' if stream.shards_truncated else ''}"
    return (
        stream.label,
        "latest" if latest else "older",
        stream.status,
        stream.view_type or "-",
        shards,
        str(sum(shard.open for shard in stream.shards)),
    )


# -- step 6 ----------------------------------------------------------------------------------------------------


def backlog_answer(seen: Evidence) -> str:
    """Answer step 6: how old is what waits? Without an invocation there is no age, which is no sign of health."""
    newest = seen.backlog.last_age
    if newest is None:
        return (
            "The age of what waits is not known: no stream invoked the function in the window, and IteratorAge has a"
            " datapoint only when one does."
        )
    at, old = newest
    return (
        f"A stream last invoked the function in the minute of {instant.clock(at, seen.as_of)},"
        f" {instant.span(seen.as_of - at)} before the run; the oldest record of that batch was {age(old)} old."
    )


def backlog_facts(seen: Evidence) -> Block:
    """Show the iterator age and what was read from each generation."""
    series = seen.backlog.iterator_age_ms
    peak = series.peak
    facts = [
        fact("Window", lambda: (stretch(seen.window), None)),
        fact(
            "Iterator age, highest",
            lambda: ("no datapoint" if peak is None else age(timedelta(milliseconds=peak)), series.ref),
        ),
        fact("Minutes with a datapoint", lambda: (f"{len(series.points):,}", series.ref)),
        fact("Oldest unread, by its age", lambda: (moment(oldest_unread(seen.backlog)), series.ref)),
    ]
    for label, read in otherwise(lambda: seen.backlog.returned, {}).items():
        facts.append(fact(f"Records read from {label}", partial(_read, read)))
    return Facts("The backlog, as CloudWatch tells it", tuple(facts))


def _read(series: Series) -> Told:
    return summed(series), series.ref


def shards(seen: Evidence) -> Block:
    """Show the shards of each generation; without a peek nothing is known of their records."""
    peeks = {peek.shard_id: peek for peek in seen.backlog.peeks}
    if not peeks:
        held = ", ".join(
            f"{count(len(found), 'shard')} ({sum(shard.open for shard in found)} open) in {arn.rsplit('/', 1)[-1]}"
            for arn, found in seen.backlog.shards.items()
        )
        return Prose.of(
            f"The stream holds {held or 'no shard that AWS lists'}. No record was read: a reader slot per shard is"
            " scarce, and the items belong to customers."
        )
    rows = tuple(
        (peek.shard_id, f"{peek.records:,}", moment(peek.oldest), moment(peek.newest), *_filtered(peek))
        for peek in peeks.values()
    )
    names = ("Shard|code", "Records|number", "Oldest (UTC)|time", "Newest (UTC)|time", "Match the filter|number")
    head = columns(*names, "Kept out by")
    return TableBlock("Sampled records (--peek)", head, rows, "A bounded sample; item data was not kept.")


def _filtered(peek: Peek) -> tuple[str, str]:
    """Say how many sampled records match the filter, and what in it keeps the others out."""
    if peek.matching_filter is None:
        return "-", "The filter cannot be read."
    kept_out = ", ".join(f"{leaf} ({records:,})" for leaf, records in peek.kept_out_by.items())
    return f"{peek.matching_filter:,}", kept_out or "-"
