"""The Logs Insights queries the sandbox can answer, and the ones it says it cannot."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.sandbox import ApiError
from runbook_lib.sandbox.logs import insights

START = 1_773_500_400_000  # 2026-03-14 15:00:00 UTC
ID = "83d718c7-9074-48f4-b719-e94dbaa6e969"


@dataclass(frozen=True)
class Event:
    """A log event."""

    at: int
    message: str
    stream: str = "2026/03/14/[$LATEST]8bc5"


REPORT = (
    f"REPORT RequestId: {ID}\tDuration: 25.12 ms\tBilled Duration: 26 ms\tMemory Size: 256 MB\tMax Memory Used: 81 MB\n"
)
EVENTS = [
    Event(START, f"START RequestId: {ID} Version: $LATEST\n"),
    Event(START + 10_000, f"[ERROR] KeyError: 'NewImage' RequestId {ID}\n"),
    Event(START + 20_000, REPORT),
    Event(START + 70_000, REPORT.replace("25.12", "75.12")),
    Event(START + 80_000, json.dumps({"level": "WARN", "n": 4, "ok": True, "who": {"arn": "role/a"}, "list": [7, 8]})),
    Event(START + 90_000, json.dumps({"level": "INFO", "n": 10, "ok": False, "gone": None})),
]


def answered(query: str, *columns: str) -> list[tuple[str | None, ...]]:
    """Return these columns of a query's results over the events."""
    rows = [dict(row) for row in insights.compile(query).run(EVENTS).rows]
    return [tuple(row.get(column) for column in columns) for row in rows]


COUNTS = [
    ("fields @message", 6),
    ("fields @message | limit 2", 2),
    ("fields @message | filter @message like /ERROR/", 1),
    ("fields @message | filter @message =~ /(?<kind>Key|Type)Error/", 1),
    ('fields @message | filter @message like "[ERROR]"', 1),
    ("fields @message | filter @message not like /RequestId/", 2),
    ("filter not @message like /RequestId/", 2),
    ('filter level = "WARN"', 1),
    ("filter level != 'WARN'", 5),
    ("filter n > 4", 1),
    ("filter n >= 4 and n < 11", 2),
    ("filter n = 4.0", 1),
    ('filter level in ["WARN", "INFO"]', 2),
    ('filter level not in ["WARN"]', 5),
    ("filter n in [4, 5]", 1),
    ("filter ok = true", 1),
    ("filter ok = 0", 1),
    ("filter ispresent(level)", 2),
    ("filter not ispresent(gone)", 6),
    ('filter who.arn = "role/a"', 1),
    ("filter list.1 = 8", 1),
    ('filter @type = "REPORT"', 2),
    ("filter @duration > 50", 1),
    ("filter @maxMemoryUsed = 81000000", 2),
    ('filter level = "WARN" or @type = "REPORT" and @duration > 50', 2),
    ('filter (level = "WARN" or @type = "REPORT") and @duration > 50', 1),
    ("filter level = 'WARN' | filter n > 4", 0),
    ("# a comment\nfields @message\n| filter @message like /START|WARN|KeyError/", 3),
    ("dedup @requestId", 3),
    ("dedup level", 6),
]


@pytest.mark.parametrize(("query", "count"), COUNTS)
def test_filters(query: str, count: int) -> None:
    """A query gives as many rows as its conditions, dedup and limit let through."""
    assert len(answered(query)) == count


def test_the_newest_come_first_with_time_and_message() -> None:
    """Without sort the newest event comes first; without fields @timestamp and @message are shown, times in UTC."""
    rows = insights.compile("limit 1").run(EVENTS).rows
    assert [name for name, _ in rows[0]] == ["@timestamp", "@message", "@ptr"]
    assert answered("limit 1", "@timestamp") == [("2026-03-14 15:01:30.000",)]


def test_sorting_is_by_number_where_there_are_numbers() -> None:
    """Numbers sort by value, and rows without the field come last in either direction."""
    query = "fields n | filter ispresent(n) or @type = 'START' | sort n"
    assert answered(f"{query} asc", "n") == [("4",), ("10",), (None,)]
    assert answered(f"{query} desc", "n") == [("10",), ("4",), (None,)]


def test_parse_takes_fields_by_glob_and_by_regular_expression() -> None:
    """A glob gives one field per star, a regular expression one per named group."""
    glob = 'parse @message "[*] *: *" as severity, error, what | filter ispresent(error) | display severity, error'
    assert answered(glob, "severity", "error") == [("ERROR", "KeyError")]
    assert answered("parse @message /(?<error>[A-Z]\\w+Error)/ | filter ispresent(error) | display error", "error") == [
        ("KeyError",)
    ]


def test_stats_by_bin() -> None:
    """Aggregates come one row per bin, and an aggregate over no numbers is absent rather than zero."""
    query = "stats count(*) as events, max(@duration) as slowest, avg(n) by bin(1m) as minute | sort minute asc"
    assert answered(query, "minute", "events", "slowest", "avg(n)") == [
        ("2026-03-14 15:00:00.000", "3", "25.12", None),
        ("2026-03-14 15:01:00.000", "3", "75.12", "7"),
    ]


def test_stats_by_field_and_over_all() -> None:
    """Groups may be fields, and without groups there is one row."""
    assert answered("stats count(*) by level | sort level", "level", "count(*)") == [
        ("INFO", "1"),
        ("WARN", "1"),
        (None, "4"),
    ]
    assert answered("stats sum(n), min(n), count(n), count_distinct(@requestId)", "sum(n)", "min(n)", "count(n)") == [
        ("14", "4", "2")
    ]


def test_the_figures_of_a_query() -> None:
    """Scanned counts every event and matched those the filters let through, whatever the limit."""
    results = insights.compile("filter @type = 'REPORT' | limit 1").run(EVENTS)
    assert (len(results.rows), results.matched, results.scanned) == (1, 2, 6)
    assert results.bytes_scanned == sum(len(event.message) for event in EVENTS)


MALFORMED = [
    "",
    "fields @message |",
    "select * from logs",
    "filter",
    "filter level =",
    "filter = 4",
    "filter level = WARN",
    "filter (level = 'WARN'",
    "filter level = 'WARN' 'INFO'",
    "filter level like 4",
    "filter n in 4",
    "filter @message like /(/",
    "limit none",
    "limit 0",
    "sort n sideways",
    'parse @message "a * b"',
    "stats nothing(n)",
    "stats count(*) by bin(0m)",
    "fields 'text'",
]


@pytest.mark.parametrize("query", MALFORMED)
def test_a_malformed_query_is_refused(query: str) -> None:
    """What is no query raises MalformedQueryException, as AWS does."""
    with pytest.raises(ApiError) as caught:
        insights.compile(query)
    assert caught.value.code == "MalformedQueryException"


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("pattern @message", "'pattern'"),
        ("stats pct(@duration, 99)", "'pct'"),
        ("filter strlen(@message) > 3", "'strlen'"),
        ("fields strlen(@message)", "strlen"),
        ("fields n as number", "n as number"),
    ],
)
def test_an_unsupported_query_says_what_is_not_supported(query: str, what: str) -> None:
    """What AWS knows and the sandbox does not raises OperationNotEmulated naming it, never a wrong answer."""
    with pytest.raises(ApiError, match="does not emulate") as caught:
        insights.compile(query)
    assert what in caught.value.message


@given(st.text(alphabet="filters n=<'\"/|()[],*@4 ", max_size=30))
def test_any_text_runs_or_is_refused(query: str) -> None:
    """Whatever text is given, it is a query with results or a typed error."""
    try:
        compiled = insights.compile(query)
    except ApiError:
        return
    assert len(compiled.run(EVENTS).rows) <= len(EVENTS)
