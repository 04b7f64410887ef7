"""The event source mapping shown: the inventory (step 3) and the status of each of ours (step 8)."""

from __future__ import annotations

from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.observed import otherwise
from runbook_lib.showing.blocks import Block, Fact, Facts, Prose, Stack, TableBlock
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
    current = [mapping for mapping in ours if mapping.event_source_arn == latest]
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
        (
            mapping.uuid,
            group,
            str(mapping.function),
            _source(mapping, latest),
            mapping.state,
            moment(mapping.last_modified),
        )
        for group, found in groups
        for mapping in found
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


def _source(mapping: EventSourceMapping, latest: str | None) -> str:
    if mapping.table_name is None:
        return mapping.event_source_arn
    which = "" if latest is None else " (latest)" if mapping.event_source_arn == latest else " (not the latest)"
    return f"{mapping.table_name}, stream {mapping.event_source_arn.rsplit('/', 1)[-1]}{which}"


def function_facts(seen: Evidence) -> Block:
    """Show the function as the mapping invokes it."""
    function = seen.mappings.function
    if not function.exists:
        similar = otherwise(lambda: seen.mappings.similar_functions, ())
        hint = f" Functions with similar names: {', '.join(similar)}." if similar else ""
        return Prose.of(f"AWS knows no function {function.label} in {seen.incident.region}.{hint}", style="warning")
    return Facts(
        f"The function as it is invoked: {function.label}",
        (
            fact("Version", lambda: (function.version, function.ref)),
            fact("State", lambda: (" ".join(filter(None, (function.state, function.state_reason_code))), function.ref)),
            fact(
                "Last update",
                lambda: (" ".join(filter(None, (function.update_status, function.update_reason))), function.ref),
            ),
            fact("Last modified", lambda: (moment(function.last_modified), function.ref)),
            fact("Runtime", lambda: (f"{function.runtime}, handler {function.handler}", function.ref)),
            fact("Limits", lambda: (f"{function.timeout_s} s, {function.memory_mb} MB", function.ref)),
            fact("Execution role", lambda: (function.role_arn, function.ref)),
            fact("Aliases", lambda: (_aliases(seen), function.ref)),
        ),
    )


def _aliases(seen: Evidence) -> str:
    return ", ".join(f"{alias.name} -> {alias.version}" for alias in seen.mappings.aliases) or "none"


# -- step 8 ----------------------------------------------------------------------------------------------------


def status_answer(seen: Evidence) -> str:
    """Answer step 8: is it enabled, and what did its last batch say? Neither proves that records flow."""
    found = seen.status.mappings
    if not found:
        return "There is no mapping to read."
    parts = [
        f"{mapping.uuid[:8]} is {mapping.state}, last result: {mapping.processing.text or 'none'}" for mapping in found
    ]
    return f"{'Mapping' if len(found) == 1 else 'Mappings'} {'; '.join(parts)}."


def status_facts(seen: Evidence) -> Block:
    """Show each of our mappings with its settings and what its last result proves."""
    found = seen.status.mappings
    if len(found) == 1:
        return _facts(found[0])
    return Stack(None, tuple(_facts(mapping) for mapping in found))


def _facts(mapping: EventSourceMapping) -> Block:
    facts = (
        ("State", mapping.state),
        ("Why it came into it", mapping.state_transition_reason or "-"),
        ("Last modified", moment(mapping.last_modified)),
        ("Last result", mapping.processing.text or "none"),
        ("What that shows", mapping.processing.meaning),
        ("Starts at", mapping.starting_position or "-"),
        ("Batches", f"up to {mapping.batch_size:,} records, collected for up to {mapping.batching_window_s} s"),
        ("Parallel per shard", str(mapping.parallelization_factor)),
        ("Retries", _retries(mapping.maximum_retry_attempts)),
        ("Oldest record", _record_age(mapping.maximum_record_age_s)),
        ("Splits failing batches", yes(mapping.bisect_on_error)),
        ("On-failure target", mapping.failure_destination or "none: discarded records leave no trace"),
        ("Filters", _filters(mapping)),
        ("Partial batch answers", ", ".join(mapping.response_types) or "off"),
        ("EventCount metrics", yes(mapping.counts_events)),
    )
    return Facts(f"Mapping {mapping.uuid}", tuple(Fact(name, value, mapping.ref) for name, value in facts))


def _retries(limit: int) -> str:
    return _ENDLESS if limit < 0 else str(limit)


def _record_age(limit_s: int) -> str:
    return _ENDLESS if limit_s < 0 else instant.span(timedelta(seconds=limit_s))


_ENDLESS = "no limit: a failing batch blocks its shard until its records expire"


def _filters(mapping: EventSourceMapping) -> str:
    if mapping.filter_error:
        return mapping.filter_error
    if mapping.filters:
        return "  ".join(mapping.filters)
    return "withheld, because they are encrypted" if mapping.filters_encrypted else "none"
