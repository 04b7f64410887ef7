"""Playbook step 4."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from runbook_lib import instant
from runbook_lib.aws import StepReader, together
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.function import LogGroup, Logs, LogSearch
from runbook_lib.incident import Incident, Window
from runbook_lib.interpret.lambda_log import group, join_traces, read
from runbook_lib.observed import attempt, known
from runbook_lib.steps import step

FAILURES = (
    '?ERROR ?Error ?Exception ?Traceback ?"Task timed out" ?timeout ?"Status: error" ?exited ?AccessDenied ?"panic:"'
    ' ?"Rate exceeded"'
)
"""What failures leave in the log, old and new platform styles, text and JSON
(Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle")."""

_LAST = instant.HOUR
_MOST_PAGES = 5


@step(
    4,
    title="Function logs",
    observes="logs",
    question="Does the function log failures, or nothing at all?",
    playbook="Search the function's log group for stream events and invocation errors.",
    permissions=("logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:FilterLogEvents"),
    needs=(3,),
)
def function_logs(incident: Incident, aws: StepReader, seen: Evidence) -> Logs:
    """Search the group that the mapped version writes to, its last hour first and then the whole window.

    Two searches, because FilterLogEvents runs forward from its start and is cut off when there is much.
    """
    name = _group_name(incident, seen)
    end = seen.window.end
    recent, whole = Window(end - _LAST, end), Window(seen.window.start, end - _LAST)
    group_seen, late, early = together(
        lambda: _log_group(aws, name), lambda: _search(aws, name, recent), lambda: _search(aws, name, whole)
    )
    events = attempt(lambda: [*known(early)[1], *known(late)[1]])
    lines = attempt(lambda: [(at, read(message)) for at, _, message in join_traces(known(events))])
    failures = attempt(lambda: [(at, line) for at, line in known(lines) if line.is_failure])
    return Logs(
        group=group_seen,
        errors=attempt(lambda: tuple(group(known(failures)))),
        failure_times=attempt(lambda: tuple(sorted(at for at, _ in known(failures)))),
        searches=attempt(lambda: (known(early)[0], known(late)[0])),
        ref=aws.ref("logs", "FilterLogEvents", **_parameters(name, recent)),
    )


def _group_name(incident: Incident, seen: Evidence) -> str:
    """The group that the function is configured for; its default name when the function is gone or unseen."""
    default = f"/aws/lambda/{incident.function.name}"
    configured = attempt(lambda: seen.mappings.function.log_group)
    return configured if isinstance(configured, str) and configured else default


def _log_group(aws: StepReader, name: str) -> LogGroup:
    pages = aws.pages("logs", "DescribeLogGroups", most=3, logGroupNamePrefix=name)
    raw = next((group for group in pages.items("logGroups") if group.get("logGroupName") == name), None)
    if raw is None:
        pages.every("logGroups")  # a list cut short proves no absence
        return LogGroup(name=name, exists=False, ref=pages.ref)
    streams = aws.find(
        "logs", "DescribeLogStreams", logGroupName=name, orderBy="LastEventTime", descending=True, limit=5
    )
    last = max((stream.get("lastEventTimestamp", 0) for stream in _listed(streams, "logStreams")), default=0)
    return LogGroup(
        name=name,
        exists=True,
        ref=pages.ref,
        retention_days=raw.get("retentionInDays"),
        log_class=raw.get("logGroupClass", "STANDARD"),
        last_event_at=instant.of_ms(last) if last else None,
    )


def _listed(answer: dict[str, Any] | None, member: str) -> list[dict[str, Any]]:
    return (answer or {}).get(member) or []


def _search(aws: StepReader, name: str, window: Window) -> tuple[LogSearch, list[tuple[datetime, str, str]]]:
    """Find failures in one stretch; a group that does not exist holds none."""
    asked = _parameters(name, window)
    ref = aws.ref("logs", "FilterLogEvents", **asked)
    if window.start >= window.end or aws.find("logs", "FilterLogEvents", **asked) is None:
        return LogSearch(FAILURES, window, 0, False, ref), []
    pages = aws.pages("logs", "FilterLogEvents", most=_MOST_PAGES, **asked)
    events = [
        (at, str(event.get("logStreamName", "")), str(event.get("message", "")))
        for event in pages.items("events")
        if (at := instant.of_ms(event["timestamp"]))
    ]
    return LogSearch(FAILURES, window, len(events), pages.truncated, ref), events


def _parameters(name: str, window: Window) -> dict[str, Any]:
    """CloudWatch Logs counts time in milliseconds."""
    start, end = (round(moment.timestamp() * 1000) for moment in (window.start, window.end))
    return {"logGroupName": name, "startTime": start, "endTime": end, "filterPattern": FAILURES}
