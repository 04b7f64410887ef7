"""The query language of CloudWatch Logs Insights, as far as an investigation of one function needs it.

Commands: fields, display, filter (=, !=, <, >, like, =~, in, and, or, not, ispresent), parse (glob and regular
expression), stats (count, count_distinct, sum, avg, min, max by bin() and fields), sort, limit, dedup. See
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html. A query that cannot be read raises
`MalformedQueryException`, as AWS would; one that could be read there but not here raises `OperationNotEmulated` naming
the command or function, so that nothing is silently answered wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from runbook_lib.sandbox.logs.insights_fields import Event, Row, fields_of, number_of, shown, time_text
from runbook_lib.sandbox.logs.insights_filter import Condition, Test, malformed, plain_field, regex_of, unquoted
from runbook_lib.sandbox.wire.errors import not_emulated

DEFAULT_LIMIT = 10_000
"""Rows a query without a limit gives."""

Stage = Callable[[list[Row]], list[Row]]


@dataclass(frozen=True)
class Results:
    """What a query found: rows of (field, text) in the order of display, and how many events it matched and scanned."""

    rows: list[list[tuple[str, str]]]
    matched: int
    scanned: int
    bytes_scanned: int


@dataclass(frozen=True)
class Query:
    """A compiled query."""

    filters: tuple[Stage, ...]
    stages: tuple[Stage, ...]
    display: tuple[str, ...]
    limit: int | None

    def run(self, events: Iterable[Event], limit: int | None = None) -> Results:
        """Return the results over these events; without a sort the newest come first.

        `limit` is the caller's own; the query's, when it has one, counts instead.
        """
        newest_first = sorted(events, key=lambda event: event.at, reverse=True)
        rows = [fields_of(event) for event in newest_first]
        for stage in self.filters:
            rows = stage(rows)
        matched = len(rows)
        for stage in self.stages:
            rows = stage(rows)
        shown_rows = [[(name, _cell(name, row[name])) for name in self._columns(row) if name in row] for row in rows]
        size = sum(len(event.message.encode("utf-8")) for event in newest_first)
        return Results(shown_rows[: self.limit or limit or DEFAULT_LIMIT], matched, len(newest_first), size)

    def _columns(self, row: Row) -> Iterable[str]:
        """Return the columns to show: those named, or after a stats all there are, and the pointer AWS adds."""
        return dict.fromkeys([*(self.display or row), "@ptr"])


def _cell(name: str, value: Any) -> str:
    """Return a field as a result shows it."""
    return time_text(value) if name == "@timestamp" else shown(value)


def compile(text: str) -> Query:  # noqa: A001
    """Return the query of this text. Raises `ApiError`: `MalformedQueryException` or `OperationNotEmulated`."""
    stages: list[Stage] = []
    filters: list[Stage] = []
    display: tuple[str, ...] = ("@timestamp", "@message")
    named: list[str] = []
    limit: int | None = None
    for command in _split(re.sub(r"(?m)^\s*#.*$", "", text), "|"):
        word, _, rest = command.strip().partition(" ")
        match word.lower():
            case "fields":
                named += [plain_field(item) for item in _split(rest, ",")]
            case "display":
                named = [plain_field(item) for item in _split(rest, ",")]
            case "filter":
                (stages or filters).append(partial(_keep, Condition(rest).parse()))
            case "parse":
                (stages or filters).append(_parse(rest))
            case "stats":
                stage, display = _stats(rest)
                stages.append(stage)
                named = []
            case "sort":
                stages.append(_sort(rest))
            case "dedup":
                stages.append(partial(_dedup, [plain_field(item) for item in _split(rest, ",")]))
            case "limit":
                limit = _limit(rest)
            case "pattern" | "diff" | "unmask" | "unnest" | "lookup" | "anomaly" | "source" | "filterindex" | "join":
                raise not_emulated(f"the Logs Insights command {word!r}")
            case _:
                raise malformed(f"unexpected symbol found {word!r}")
    return Query(tuple(filters), tuple(stages), tuple(named) or display, limit)


def _split(text: str, separator: str) -> list[str]:
    """Split at a separator outside quotes, regular expressions and parentheses. Raises on an empty part."""
    parts, depth, start = [], 0, 0
    for match in re.finditer(r"""\"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|/(?:[^/\\]|\\.)+/|.""", text, re.DOTALL):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if match[0] == separator and depth == 0:
            parts.append(text[start : match.start()])
            start = match.end()
    parts.append(text[start:])
    if not all(part.strip() for part in parts):
        raise malformed(f"nothing stands beside a {separator!r}")
    return [part.strip() for part in parts]


def _keep(test: Test, rows: list[Row]) -> list[Row]:
    """Keep the rows a test holds for."""
    return [row for row in rows if test(row)]


_PARSE = re.compile(r"(?:(?P<field>[@\w.`]+)\s+)?(?P<pattern>\".*\"|'.*'|/.*/)(?:\s+as\s+(?P<names>.+))?", re.DOTALL)


def _parse(rest: str) -> Stage:
    """Return the stage that takes new fields from a field by a glob with `*` or by named groups."""
    match = _PARSE.fullmatch(rest.strip())
    if match is None:
        raise malformed(f"cannot read parse {rest!r}")
    field, names = match["field"] or "@message", [name.strip() for name in (match["names"] or "").split(",") if name]
    text = unquoted(match["pattern"])
    if match["pattern"][0] == "/":
        pattern = regex_of(text)
        names = list(pattern.groupindex)
    else:
        pattern = _glob(text)
    if len(names) != pattern.groups:
        raise malformed(f"parse finds {pattern.groups} values for {len(names)} names")

    def parsed(rows: list[Row]) -> list[Row]:
        found = [pattern.search(shown(row.get(field.strip("`"), ""))) for row in rows]
        return [
            row | dict(zip(names, match.groups(default=""), strict=True)) if match else row
            for row, match in zip(rows, found, strict=True)
        ]

    return parsed


def _glob(text: str) -> re.Pattern[str]:
    """Return the expression of a glob: each `*` takes as little as it can, one at the end all that is left."""
    parts = [re.escape(part) for part in text.split("*")]
    return re.compile("(.*?)".join(parts[:-1]) + ("(.*?)" if parts[-1] else "(.*)") + parts[-1], re.DOTALL)


def _sort(rest: str) -> Stage:
    """Return the stage that sorts, numbers before text and rows without the field last."""
    keys: list[tuple[str, bool]] = []
    for item in _split(rest, ","):
        field, _, direction = item.partition(" ")
        if direction.strip().lower() not in {"", "asc", "desc"}:
            raise malformed(f"unexpected symbol found {direction.strip()!r}")
        keys.append((plain_field(field) if "(" not in item else item, direction.strip().lower() == "desc"))

    def sorted_rows(rows: list[Row]) -> list[Row]:
        for field, descending in reversed(keys):
            present = [row for row in rows if field in row]
            absent = [row for row in rows if field not in row]
            rows = sorted(present, key=lambda row, field=field: _order(row[field]), reverse=descending) + absent  # type: ignore[misc]
        return rows

    return sorted_rows


def _order(value: Any) -> tuple[int, float, str]:
    """Return a key that sorts numbers by value and all else by text."""
    number = number_of(value)
    return (0, number, "") if number is not None else (1, 0.0, shown(value))


def _dedup(names: Sequence[str], rows: list[Row]) -> list[Row]:
    """Keep the first row of each combination of values; a row without one of the fields is kept."""
    seen: set[tuple[str, ...]] = set()
    kept = []
    for row in rows:
        key = tuple(shown(row[name]) for name in names if name in row)
        if len(key) < len(names) or key not in seen:
            kept.append(row)
            seen.add(key)
    return kept


def _limit(rest: str) -> int:
    """Return a limit of 1 to 10000 rows."""
    if not rest.strip().isdigit() or not 1 <= int(rest) <= DEFAULT_LIMIT:
        raise malformed(f"limit wants a number from 1 to {DEFAULT_LIMIT}, not {rest.strip()!r}")
    return int(rest)


# stats

_AGGREGATE = re.compile(r"(?P<function>\w+)\((?P<argument>[^()]*)\)(?:\s+as\s+(?P<name>[\w@.]+))?")
_BIN = re.compile(r"bin\((?P<count>\d+)\s*(?P<unit>ms|s|m|h|d)\w*\)(?:\s+as\s+(?P<name>[\w@.]+))?")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def _numbers(name: str, rows: Sequence[Row]) -> list[float]:
    """Return a field's values that are numbers."""
    return [number for row in rows if (number := number_of(row.get(name))) is not None]


def _count(name: str, rows: Sequence[Row]) -> int:
    """Count rows, or those that have the field."""
    return len(rows) if name in {"", "*"} else sum(name in row for row in rows)


_FUNCTIONS: dict[str, Callable[[str, Sequence[Row]], Any]] = {
    "count": _count,
    "count_distinct": lambda name, rows: len({shown(row[name]) for row in rows if name in row}),
    "sum": lambda name, rows: sum(_numbers(name, rows)),
    "avg": lambda name, rows: sum(numbers) / len(numbers) if (numbers := _numbers(name, rows)) else None,
    "min": lambda name, rows: min(_numbers(name, rows), default=None),
    "max": lambda name, rows: max(_numbers(name, rows), default=None),
}
_OTHER_FUNCTIONS = frozenset({"pct", "median", "stddev", "earliest", "latest", "sortsfirst", "sortslast"})


def _stats(rest: str) -> tuple[Stage, tuple[str, ...]]:
    """Return the stage that groups and aggregates, and its columns: groups first, then aggregates."""
    aggregates_text, _, groups_text = re.sub(r"\s+", " ", rest).partition(" by ")
    aggregates = [_aggregate(item) for item in _split(aggregates_text, ",")]
    groups = [_group(item) for item in _split(groups_text, ",")] if groups_text else []
    columns = (*(name for name, _ in groups), *(name for name, _ in aggregates))

    def grouped(rows: list[Row]) -> list[Row]:
        by_key: dict[tuple[tuple[str, Any], ...], list[Row]] = {}
        for row in rows:
            key = tuple((name, value) for name, of in groups if (value := of(row)) is not None)
            by_key.setdefault(key, []).append(row)
        return list(_aggregated(by_key, aggregates))

    return grouped, columns


def _aggregated(
    by_key: dict[tuple[tuple[str, Any], ...], list[Row]], aggregates: Sequence[tuple[str, Callable[[list[Row]], Any]]]
) -> Iterator[Row]:
    """Yield one row per group; an aggregate of nothing is absent rather than zero."""
    for key, members in by_key.items():
        values = {name: aggregate(members) for name, aggregate in aggregates}
        yield {**dict(key), **{name: value for name, value in values.items() if value is not None}}


def _aggregate(text: str) -> tuple[str, Callable[[list[Row]], Any]]:
    """Return (column, function of a group's rows) of one aggregate."""
    match = _AGGREGATE.fullmatch(text)
    if match is None:
        raise malformed(f"no aggregate: {text!r}")
    function, argument = match["function"].lower(), match["argument"].strip().strip("`")
    if function in _OTHER_FUNCTIONS:
        raise not_emulated(f"the Logs Insights function {function!r}")
    if function not in _FUNCTIONS:
        raise malformed(f"unknown function {function!r}")
    return match["name"] or f"{function}({argument})", partial(_FUNCTIONS[function], argument)


def _group(text: str) -> tuple[str, Callable[[Row], Any]]:
    """Return (column, value of a row) of one grouping: a field, or a bin of time written as its start."""
    match = _BIN.fullmatch(text)
    if match is None:
        field = plain_field(text)
        return field, lambda row: shown(row[field]) if field in row else None
    width = int(match["count"]) * _UNIT_MS[match["unit"]]
    if width == 0:
        raise malformed("a bin wants a width")
    return match["name"] or text, lambda row: time_text(row["@timestamp"] // width * width)
