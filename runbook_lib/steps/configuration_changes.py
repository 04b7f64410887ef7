"""Playbook step 9."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from runbook_lib import instant
from runbook_lib.aws import StepReader, together
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.changes import DELIVERY_DELAY, EVENT_HISTORY, EXTENDED, Changes, TrailSearch
from runbook_lib.incident import Incident, Window
from runbook_lib.interpret.trail_event import (
    EVENT_NAMES,
    GLOBAL_SOURCES,
    POLL_EVENT_NAME,
    BadTrailEvent,
    TrailEvent,
    parse,
)
from runbook_lib.observed import attempt, known
from runbook_lib.steps import step

GLOBAL_REGION = "us-east-1"
"""IAM is a global service whose events stand in us-east-1 alone (CloudTrail User Guide, "Global service events")."""

_SOURCES = ("lambda.amazonaws.com", "dynamodb.amazonaws.com", "kms.amazonaws.com", "logs.amazonaws.com")
_REGIONAL = tuple(name for source in _SOURCES for name in EVENT_NAMES[source])
_IAM = EVENT_NAMES["iam.amazonaws.com"]
_MOST_PAGES = 10

_Found = tuple[TrailSearch, tuple[TrailEvent, ...]]


@step(
    9,
    title="Configuration changes",
    observes="changes",
    question="What was changed on the table, stream, mapping, function or role, when, and by whom?",
    playbook="Search CloudTrail for changes of stream, mapping and function in the last 24 hours.",
    permissions=("cloudtrail:LookupEvents", "logs:FilterLogEvents"),
)
def configuration_changes(incident: Incident, aws: StepReader, seen: Evidence) -> Changes:
    """Search by exact event name, because a name without its API date finds nothing and reads as "no change".

    Event history is asked about 48 hours at once: it grants two questions a second, one for each name, and widening
    the window would ask them all again. Lambda, DynamoDB, KMS and Logs are searched in the incident's region, in the
    log group where one is named; IAM in us-east-1. Which event concerns us is decided later, by whoever knows the
    mapping's and role's names.
    """
    window, group = seen.window, incident.cloudtrail_log_group
    regional, iam, polls = together(
        lambda: _from_group(aws, group, window) if group else _from_history(aws, incident.region, _REGIONAL, window),
        lambda: _from_history(aws, GLOBAL_REGION, _IAM, window),
        lambda: _from_history(aws, incident.region, (POLL_EVENT_NAME,), window, most=1),
    )
    parts = (regional, iam, polls)
    return Changes(
        regional=attempt(lambda: known(regional)[1]),
        iam=attempt(lambda: known(iam)[1]),
        polls=attempt(lambda: known(polls)[1]),
        searches=tuple(part[0] for part in parts if isinstance(part, tuple)),
        delivered_until=window.end - DELIVERY_DELAY,
    )


def _from_history(
    aws: StepReader, region: str, names: tuple[str, ...], window: Window, *, most: int = _MOST_PAGES
) -> _Found:
    """Look every event name up; the first that cannot be is the gap of the whole part."""
    asked = [{"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": name}]} for name in names]
    asked_window = window.widened(EXTENDED)
    times = {"StartTime": instant.iso(asked_window.start), "EndTime": instant.iso(asked_window.end)}
    pages = together(
        *(
            lambda params=params: aws.pages("cloudtrail", "LookupEvents", region=region, most=most, **params, **times)
            for params in asked
        )
    )
    read = [_parsed(item.get("CloudTrailEvent") for item in known(page).items("Events")) for page in pages]
    events = _in_order(event for found in read for event in found if event.at >= window.start)
    truncated = any(
        known(page).truncated and _begins_late(found, window) for page, found in zip(pages, read, strict=True)
    )
    return TrailSearch(EVENT_HISTORY, region, names, window, len(events), truncated, known(pages[0]).ref), events


def _from_group(aws: StepReader, group: str, window: Window) -> _Found:
    """Read the trail from its CloudWatch Logs group, which may hold IAM's events too."""
    sources = " || ".join(f'($.eventSource = "{source}")' for source in (*_SOURCES, *sorted(GLOBAL_SOURCES)))
    start, end = (round(moment.timestamp() * 1000) for moment in (window.start, window.end))
    pages = aws.pages(
        "logs",
        "FilterLogEvents",
        most=_MOST_PAGES,
        logGroupName=group,
        startTime=start,
        endTime=end,
        filterPattern=f"{{ ($.readOnly IS FALSE || $.readOnly NOT EXISTS) && ({sources}) }}",
    )
    events = _parsed(item.get("message") for item in pages.items("events"))
    names = (*_REGIONAL, *_IAM)
    search = TrailSearch(f"log group {group}", aws.region, names, window, len(events), pages.truncated, pages.ref)
    return search, events


def _begins_late(events: tuple[TrailEvent, ...], window: Window) -> bool:
    """Tell whether a search that was cut short, newest first, may have left out something of the window."""
    return not events or events[0].at >= window.start


def _parsed(raw: Iterable[object]) -> tuple[TrailEvent, ...]:
    """Read events, oldest first, each once; text that is no event is passed over."""
    found: list[TrailEvent] = []
    for text in raw:
        with suppress(BadTrailEvent):
            found.append(parse(text))  # type: ignore[arg-type]
    return _in_order(found)


def _in_order(events: Iterable[TrailEvent]) -> tuple[TrailEvent, ...]:
    each = {event.event_id: event for event in events}
    return tuple(sorted(each.values(), key=lambda event: (event.at, event.event_id)))
