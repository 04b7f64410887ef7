"""The function shown: its log (step 4), its role (step 5), its counters (step 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.role import Reading, Role
from runbook_lib.evidence.signals import ALARMED, FunctionAlarm, Series
from runbook_lib.interpret.policy import LIST_STREAMS, STREAM_ACTIONS, Decision, PolicyType
from runbook_lib.observed import NotObserved, otherwise
from runbook_lib.showing.blocks import Block, Fact, Facts, TableBlock
from runbook_lib.views.words import columns, count, fact, moment, refs_of, said, stretch, summed

_EXCERPT = 300
"""Characters of a log line that are shown; the evidence file has it whole."""

# -- step 4 ----------------------------------------------------------------------------------------------------


def logs_answer(seen: Evidence) -> str:
    """Answer step 4: what failures does the log hold? A search that was cut short gives a lower bound."""
    group = seen.logs.group
    if not group.exists:
        return f"There is no log group {group.name}: the function never ran, may not log, or logs were deleted."
    errors = seen.logs.errors
    bound = "at least " if any(search.truncated for search in seen.logs.searches) else ""
    if not errors:
        where = "in the part that was searched" if bound else "in the window"
        return f"No line of {group.name} matched a failure {where}.{_last_line(seen)}"
    total = sum(error_class.count for error_class in errors)
    first, last = min(error_class.first for error_class in errors), max(error_class.last for error_class in errors)
    return (
        f"{bound}{count(total, 'failure')} of {count(len(errors), 'kind')} between"
        f" {instant.clock(first, seen.as_of)} and {instant.clock(last, seen.as_of)}."
    ).capitalize()


def _last_line(seen: Evidence) -> str:
    last = otherwise(lambda: seen.logs.group.last_event_at, None)
    return f" The last line of any kind is of {instant.clock(last, seen.as_of)}." if last else ""


def log_errors(seen: Evidence) -> Block:
    """Show the failures by kind, the most frequent first."""
    found = sorted(
        seen.logs.errors, key=lambda error_class: (-error_class.count, error_class.first, error_class.signature)
    )
    rows = tuple(
        (
            f"{error_class.count:,}",
            str(error_class.kind).replace("_", " ").lower(),
            error_class.error_type or "-",
            moment(error_class.first),
            moment(error_class.last),
            error_class.example[:_EXCERPT],
        )
        for error_class in found
    )
    head = columns("Times|number", "Kind", "Error", "First (UTC)|time", "Last (UTC)|time", "Example|code")
    return TableBlock("Failures in the log", head, rows, None if rows else "None matched.", (seen.logs.ref,))


def log_searches(seen: Evidence) -> Block:
    """Show where was searched, and whether a search was cut short."""
    group = seen.logs.group
    kept = f"{group.retention_days} days" if group.retention_days else "no end"
    searches = [
        Fact(stretch(search.window), _searched(search.matched, search.truncated), search.ref)
        for search in seen.logs.searches
    ]
    return Facts(
        "The log searched",
        (
            fact("Log group", lambda: (f"{group.name}, kept for {kept}" if group.exists else "none", group.ref)),
            *searches,
        ),
    )


def _searched(matched: int, truncated: bool) -> str:
    cut = ", cut short: there is more" if truncated else ""
    return f"{count(matched, 'line')} matched{cut}"


# -- step 5 ----------------------------------------------------------------------------------------------------


def role_answer(seen: Evidence) -> str:
    """Answer step 5: is the role allowed to read the latest stream? What is refused decides, then what is unknown."""
    role = seen.role.role
    if not role.exists:
        return f"No: the role {role.name} does not exist."
    if not seen.role.stream_arn:
        return "There is no stream that the role could be allowed to read."
    readings = [reading for action in STREAM_ACTIONS for reading in seen.role.readings(action)]
    refused = [reading for reading in readings if reading.decision in (Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY)]
    allowed = {reading.action for reading in readings if reading.decision is Decision.ALLOW}
    disputed = sorted({reading.action for reading in refused} & allowed)
    if disputed:
        return f"Disputed: for {', '.join(disputed)} AWS's simulator and the policies as read differ."
    if refused:
        return f"No: the role {role.name} is refused {', '.join(sorted({reading.action for reading in refused}))}."
    if set(STREAM_ACTIONS) <= allowed:
        return f"Yes: the policies of {role.name} allow every call that reading the latest stream takes."
    return "Not known: neither AWS's simulator nor the policies as read settle it."


def role_table(seen: Evidence) -> Block:
    """Show both readings of every action, side by side."""
    rows = tuple(row for action in (*STREAM_ACTIONS, LIST_STREAMS) for row in _action_rows(seen, action))
    return TableBlock(
        "What the role may do on the latest stream",
        columns("Action|code", "Read by", "Decision", "Because"),
        rows,
        f"The stream asked about: {seen.role.stream_arn or 'none'}. The simulator leaves out resource policies.",
    )


def _action_rows(seen: Evidence, action: str) -> Iterator[tuple[str, str, str, str]]:
    looks: tuple[tuple[str, Callable[[], list[Reading]]], ...] = (
        (
            "AWS's simulator",
            lambda: [Reading.of_simulation(result) for result in seen.role.simulated if result.action == action],
        ),
        (
            "this kit",
            lambda: [
                Reading.of_evaluation(evaluation, "")
                for evaluation in seen.role.evaluated
                if evaluation.action == action
            ],
        ),
    )
    for by, look in looks:
        try:
            yield from ((action, by, _DECISIONS[reading.decision], reading.sentence) for reading in look())
        except NotObserved as unseen:
            yield action, by, "not seen", unseen.gap.reason


_DECISIONS = {
    Decision.ALLOW: "allowed",
    Decision.EXPLICIT_DENY: "denied by a statement",
    Decision.IMPLICIT_DENY: "not allowed",
    Decision.UNKNOWN: "not known",
}


def role_facts(seen: Evidence) -> Block:
    """Show the role and its policies by name."""
    observed = seen.role
    return Facts(
        "The execution role",
        (
            fact("Role", lambda: (observed.role.arn, observed.role.ref)),
            fact("Who may assume it", lambda: (_trust(observed.role), observed.role.ref)),
            fact(
                "Policies",
                lambda: (", ".join(policy.name for policy in observed.policies) or "none", observed.policies_ref),
            ),
            fact("Permissions boundary", lambda: (observed.role.boundary_arn or "none", observed.role.ref)),
            fact(
                "Resource policies",
                lambda: (str(len(observed.resource_policies)) if observed.resource_policies else "none", None),
            ),
        ),
    )


def _trust(role: Role) -> str:
    """Name the services that the trust policy lets in, as far as it is of the usual form."""
    statements = (role.trust or {}).get("Statement") or ()
    listed = [statements] if isinstance(statements, dict) else statements
    names: list[str] = []
    for statement in listed if isinstance(listed, list) else ():
        principal = statement.get("Principal") if isinstance(statement, dict) else None
        services = principal.get("Service") if isinstance(principal, dict) else None
        names += services if isinstance(services, list) else [services] if isinstance(services, str) else []
    return ", ".join(dict.fromkeys(map(str, names))) or f"no service by name (see the {PolicyType.ROLE_TRUST})"


# -- step 7 ----------------------------------------------------------------------------------------------------


def metrics_answer(seen: Evidence) -> str:
    """Answer step 7: is the function invoked, does it fail, is it throttled?"""
    invocations = seen.metrics.invocations
    if not invocations.points:
        return f"CloudWatch has no invocation of {seen.incident.function.name} in the window.{_throttled(seen)}"
    last = invocations.last_positive
    when = f", the last in the minute of {instant.clock(last, seen.as_of)}" if last else ""
    total = sum(invocations.points.values())
    errors = said(lambda: count(sum(seen.metrics.errors.points.values()), "error"))
    return (
        f"{count(total, 'invocation').capitalize()} in the window{when}; {errors}.{_throttled(seen)} Invocations count"
        " every trigger of the function, not this stream alone."
    )


def _throttled(seen: Evidence) -> str:
    total = otherwise(lambda: sum(seen.metrics.throttles.points.values()), 0.0)
    reserved = otherwise(lambda: seen.metrics.concurrency.reserved, None)
    zero = " Its reserved concurrency is 0." if reserved == 0 else ""
    return f" {count(total, 'throttle').capitalize()}.{zero}" if total else zero


def metrics_table(seen: Evidence) -> Block:
    """Show every counter of function and table; no datapoint is not zero."""
    metrics = seen.metrics
    looks = (
        ("Write capacity consumed", lambda: metrics.consumed_writes),
        ("Invocations", lambda: metrics.invocations),
        ("Errors", lambda: metrics.errors),
        ("Throttles", lambda: metrics.throttles),
        ("Duration", lambda: metrics.duration_ms),
        ("Concurrent executions", lambda: metrics.concurrent),
        ("Concurrent executions, account", lambda: metrics.account_concurrent),
        ("Failed deliveries to the on-failure target", lambda: metrics.delivery_failures),
    )
    rows = [_series_row(name, look) for name, look in looks]
    for name, series in otherwise(lambda: metrics.writes, {}).items():
        rows.append(_series_row(f"{name} requests", partial(_itself, series)))
    for uuid, counted in otherwise(lambda: metrics.mapping_events, {}).items():
        rows += [_series_row(f"{name} of {uuid[:8]}", partial(_itself, counter)) for name, counter in counted.items()]
    for name, series in otherwise(lambda: metrics.siblings, {}).items():
        rows.append(_series_row(f"Invocations of {name}, on the same stream", partial(_itself, series)))
    for name, series in otherwise(lambda: metrics.sibling_errors, {}).items():
        rows.append(_series_row(f"Errors of {name}, on the same stream", partial(_itself, series)))
    head = columns(
        "Metric", "Unit", "Total|number", "Highest|number", "Last above zero (UTC)|time", "Datapoints|number"
    )
    return TableBlock("Counters in the window", head, tuple(rows), f"Window: {stretch(seen.window)}. {_NOT_ZERO}")


_NOT_ZERO = "No datapoint means that CloudWatch was sent nothing: silence, not zero."


def _itself(series: Series) -> Series:
    return series


def _series_row(name: str, look: Callable[[], Series]) -> tuple[str, ...]:
    try:
        series = look()
    except NotObserved as unseen:
        return name, "-", "not seen", "-", "-", unseen.gap.code
    if not series.points:
        return name, series.unit, "-", "-", "-", "none"
    total = summed(series) if series.statistic in ("Sum", "SampleCount") else "-"
    period = f" in {instant.span(series.period)}" if total != "-" else ""
    return (
        name,
        series.unit,
        total,
        f"{series.peak:,.0f}{period}",
        moment(series.last_positive),
        f"{len(series.points):,}",
    )


def alarms_table(seen: Evidence) -> Block:
    """Show the alarms on the function's metrics, and when they were in ALARM."""
    alarms = seen.metrics.alarms
    rows = tuple(
        (
            alarm.name,
            alarm.metric,
            f"{alarm.condition}; no data: {alarm.missing}",
            alarm.state,
            said(partial(_rang, alarm, seen)),
        )
        for alarm in alarms.found
    )
    head = columns("Alarm|code", "Metric|code", "Goes off on", "State when read", "In ALARM in the window (UTC)")
    none = "" if rows else f"None watches {', '.join(ALARMED)}. "
    note = f"{none}Alarms on an expression, and composite ones, are not looked for."
    return TableBlock("Alarms on the function's metrics", head, rows, note, refs_of(alarms))


def _rang(alarm: FunctionAlarm, seen: Evidence) -> str:
    ends = ((part.start, "the end" if part.end == seen.window.end else moment(part.end)) for part in alarm.ringing)
    return "; ".join(f"{moment(start)} to {end}" for start, end in ends) or "never"


def concurrency_facts(seen: Evidence) -> Block:
    """Show the limits; unreserved and zero are not alike."""
    limits = seen.metrics.concurrency
    return Facts(
        "Concurrency",
        (
            fact("Reserved for the function", lambda: (_reserved(limits.reserved), limits.reserved_ref)),
            fact("Limit of the account", lambda: (f"{limits.account_limit:,}", limits.account_ref)),
            fact("Left unreserved", lambda: (f"{limits.account_unreserved:,}", limits.account_ref)),
        ),
    )


def _reserved(value: int | None) -> str:
    if value is None:
        return "nothing is reserved"
    return "0: the function may not run at all" if value == 0 else f"{value:,}"
