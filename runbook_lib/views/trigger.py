"""The event source mapping shown: the inventory (step 3) and the status of each of ours (step 8)."""

from __future__ import annotations

from datetime import timedelta

from runbook_lib import instant
from runbook_lib.blocks import Block, Fact, Facts, Prose, Stack, TableBlock
from runbook_lib.evidence import Evidence, otherwise
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.views.words import columns, count, fact, moment, yes

# -- step 3 ----------------------------------------------------------------------------------------------------


def mappings_answer(seen: Evidence) -> str:
    """Answer step 3: does a mapping connect the table's stream to the function, and which generation does it read?"""
    ours = seen.mappings.ours
    names = f"table {seen.incident.table_name} to function {seen.incident.function.name}"
    if not ours:
        return f"No: of {count(seen.mappings.listed, 'event source mapping')} in the region none goes from {names}."
    latest = otherwise(lambda: seen.streams.table.latest_stream_arn, None)
    if latest is None:
        return f"{count(len(ours), 'mapping').capitalize()} from {names}; which stream is the latest was not seen."
    current = [one for one in ours if one.event_source_arn == latest]
    old = len(ours) - len(current)
    if not current:
        return f"Only on an old stream: {count(old, 'mapping')} from {names}, none on the table's latest stream."
    also = f", and {old} on an older one" if old else ""
    return f"Yes: {count(len(current), 'mapping')} from {names} on the latest stream{also}."


def mappings_table(seen: Evidence) -> Block:
    """Show every mapping that touches the table or the function."""
    latest = otherwise(lambda: seen.streams.table.latest_stream_arn, None)
    groups = (("ours", seen.mappings.ours), *_others(seen))
    rows = tuple(
        (one.uuid, group, str(one.function), _source(one, latest), one.state, moment(one.last_modified))
        for group, found in groups
        for one in found
    )
    return TableBlock(
        "Event source mappings",
        columns("UUID|code", "Whose", "Function", "Reads", "State", "Modified (UTC)|time"),
        rows,
        f"All {seen.mappings.listed:,} mappings of the region were listed; a state of Enabled does not prove polling."
        if rows
        else f"None of the {seen.mappings.listed:,} mappings of the region touches the table or the function.",
        (seen.mappings.ref,),
    )


def _others(seen: Evidence) -> tuple[tuple[str, tuple[EventSourceMapping, ...]], ...]:
    return (
        ("same stream", otherwise(lambda: seen.mappings.same_stream, ())),
        ("same function", otherwise(lambda: seen.mappings.same_function, ())),
    )


def _source(one: EventSourceMapping, latest: str | None) -> str:
    if one.table_name is None:
        return one.event_source_arn
    which = "" if latest is None else " (latest)" if one.event_source_arn == latest else " (not the latest)"
    return f"{one.table_name}, stream {one.event_source_arn.rsplit('/', 1)[-1]}{which}"


def function_facts(seen: Evidence) -> Block:
    """Show the function as the mapping invokes it."""
    one = seen.mappings.function
    if not one.exists:
        similar = otherwise(lambda: seen.mappings.similar_functions, ())
        hint = f" Functions with similar names: {', '.join(similar)}." if similar else ""
        return Prose.of(f"AWS knows no function {one.label} in {seen.incident.region}.{hint}", style="warning")
    return Facts(
        f"The function as it is invoked: {one.label}",
        (
            fact("Version", lambda: (one.version, one.ref)),
            fact("State", lambda: (" ".join(filter(None, (one.state, one.state_reason_code))), one.ref)),
            fact("Last update", lambda: (" ".join(filter(None, (one.update_status, one.update_reason))), one.ref)),
            fact("Last modified", lambda: (moment(one.last_modified), one.ref)),
            fact("Runtime", lambda: (f"{one.runtime}, handler {one.handler}", one.ref)),
            fact("Limits", lambda: (f"{one.timeout_s} s, {one.memory_mb} MB", one.ref)),
            fact("Execution role", lambda: (one.role_arn, one.ref)),
            fact("Aliases", lambda: (_aliases(seen), one.ref)),
        ),
    )


def _aliases(seen: Evidence) -> str:
    return ", ".join(f"{one.name} -> {one.version}" for one in seen.mappings.aliases) or "none"


# -- step 8 ----------------------------------------------------------------------------------------------------


def status_answer(seen: Evidence) -> str:
    """Answer step 8: is it enabled, and what did its last batch say? Neither proves that records flow."""
    found = seen.status.mappings
    if not found:
        return "There is no mapping to read."
    parts = [f"{one.uuid[:8]} is {one.state}, last result: {one.processing.text or 'none'}" for one in found]
    return f"{'Mapping' if len(found) == 1 else 'Mappings'} {'; '.join(parts)}."


def status_facts(seen: Evidence) -> Block:
    """Show each of our mappings with its settings and what its last result proves."""
    found = seen.status.mappings
    if len(found) == 1:
        return _facts(found[0])
    return Stack(None, tuple(_facts(one) for one in found))


def _facts(one: EventSourceMapping) -> Block:
    facts = (
        ("State", one.state),
        ("Why it came into it", one.state_transition_reason or "-"),
        ("Last modified", moment(one.last_modified)),
        ("Last result", one.processing.text or "none"),
        ("What that shows", one.processing.meaning),
        ("Starts at", one.starting_position or "-"),
        ("Batches", f"up to {one.batch_size:,} records, collected for up to {one.batching_window_s} s"),
        ("Parallel per shard", str(one.parallelization_factor)),
        ("Retries", _retries(one.maximum_retry_attempts)),
        ("Oldest record", _record_age(one.maximum_record_age_s)),
        ("Splits failing batches", yes(one.bisect_on_error)),
        ("On-failure target", one.failure_destination or "none: discarded records leave no trace"),
        ("Filters", _filters(one)),
        ("Partial batch answers", ", ".join(one.response_types) or "off"),
        ("EventCount metrics", yes(one.counts_events)),
    )
    return Facts(f"Mapping {one.uuid}", tuple(Fact(name, value, one.ref) for name, value in facts))


def _retries(limit: int) -> str:
    return _ENDLESS if limit < 0 else str(limit)


def _record_age(limit_s: int) -> str:
    return _ENDLESS if limit_s < 0 else instant.span(timedelta(seconds=limit_s))


_ENDLESS = "no limit: a failing batch blocks its shard until its records expire"


def _filters(one: EventSourceMapping) -> str:
    if one.filter_error:
        return one.filter_error
    if one.filters:
        return "  ".join(one.filters)
    return "withheld, because they are encrypted" if one.filters_encrypted else "none"
