"""Which triggers there are: every mapping and every stream of a region, and the tables that they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runbook_lib.aws import Pages, StepReader, together
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.evidence.source import Table
from runbook_lib.interpret.arn import StreamArn
from runbook_lib.observed import Gap, NotObserved, Observed, attempt, known, otherwise
from runbook_lib.sweep.area import OpenArea, SweepPart

_MOST_PAGES = 1000


@dataclass(frozen=True)
class Connection:
    """A table's stream and a function that reads it, through one mapping or several: a trigger, as the console says."""

    table_arn: str
    function: str

    @property
    def table(self) -> str:
        """The table's name."""
        return self.table_arn.rpartition("/")[2]

    @property
    def owner(self) -> str:
        """The account that the table belongs to."""
        return self.table_arn.split(":")[4]


@dataclass(frozen=True)
class Survey(Observed):
    """What a region holds. `tables` are by ARN; one that could not be described is a gap in its place.

    `mappings` are those on DynamoDB streams, of `listed` of all kinds; `streams` are the ARNs of all there are.
    """

    account: str
    region: str
    mappings: tuple[EventSourceMapping, ...]
    mappings_ref: str
    listed: int
    streams: tuple[str, ...]
    tables: Mapping[str, Table | Gap]

    def connections(self) -> dict[Connection, tuple[EventSourceMapping, ...]]:
        """Give every trigger with its mappings, by name; raises NotObserved where the mappings could not be listed."""
        found: dict[Connection, list[EventSourceMapping]] = {}
        for mapping in self.mappings:
            found.setdefault(Connection(table_of(mapping.event_source_arn), mapping.function.name), []).append(mapping)
        return {
            connection: tuple(sorted(found[connection], key=lambda mapping: mapping.event_source_arn, reverse=True))
            for connection in sorted(found, key=lambda connection: (connection.table_arn, connection.function))
        }

    def table(self, arn: str) -> Table:
        """Give a table; raises NotObserved for one that could not be described."""
        return known(self.tables[arn])  # type: ignore[return-value]

    def generations(self) -> dict[str, list[str]]:
        """Give the streams of each table, the newest first; raises NotObserved where they could not be listed."""
        found: dict[str, list[str]] = {}
        for arn in sorted(self.streams, reverse=True):
            found.setdefault(table_of(arn), []).append(arn)
        return found

    def orphans(self) -> tuple[str, ...]:
        """Give the streams that are on and that no mapping reads; raises NotObserved where either list is missing."""
        read = {mapping.event_source_arn for mapping in self.mappings}
        return tuple(arn for arn in sorted(set(self.streams) - read) if self._is_on(arn))

    def dead(self) -> tuple[tuple[EventSourceMapping, str], ...]:
        """Give the mappings on a stream that takes no more records, and why it takes none."""
        mapped = otherwise(lambda: self.mappings, ())
        told = ((mapping, otherwise(lambda mapping=mapping: self._why_dead(mapping), "")) for mapping in mapped)  # type: ignore[misc]
        return tuple((mapping, why) for mapping, why in told if why)

    def _is_on(self, arn: str) -> bool:
        table = otherwise(lambda: self.table(table_of(arn)), None)
        return table is not None and table.stream_enabled and table.latest_stream_arn == arn

    def _why_dead(self, mapping: EventSourceMapping) -> str:
        table = self.table(table_of(mapping.event_source_arn))
        if not table.exists:
            return f"Table {table.name} does not exist."
        if not table.stream_enabled:
            return f"The stream of {table.name} is switched off."
        if table.latest_stream_arn != mapping.event_source_arn:
            return f"The stream of {table.name} is now {StreamArn.parse(table.latest_stream_arn or '').label}."
        return ""


def survey(opened: OpenArea) -> Survey:
    """List the mappings and the streams of a region, then describe each of their tables once."""
    mappings, streams = together(
        lambda: _all(opened.part(SweepPart.MAPPINGS).pages("lambda", "ListEventSourceMappings", most=_MOST_PAGES)),
        lambda: _all(opened.part(SweepPart.STREAMS).pages("dynamodbstreams", "ListStreams", most=_MOST_PAGES)),
    )
    ours = attempt(lambda: tuple(_ours(known(mappings))))
    arns = attempt(lambda: tuple(str(stream["StreamArn"]) for stream in known(streams).items("Streams")))
    read = (mapping.event_source_arn for mapping in otherwise(lambda: known(ours), ()))
    tables = {table_of(arn) for arn in (*read, *otherwise(lambda: known(arns), ()))}
    found = Survey(
        account=opened.account,
        region=opened.area.region,
        mappings=ours,
        mappings_ref=opened.part(SweepPart.MAPPINGS).ref("lambda", "ListEventSourceMappings"),
        listed=attempt(lambda: len(known(mappings).items("EventSourceMappings"))),
        streams=arns,
        tables=_tables(opened, sorted(tables)),
    )
    for part in (SweepPart.MAPPINGS, SweepPart.STREAMS, SweepPart.TABLES):
        opened.done(part)
    return found


def table_of(stream_arn: str) -> str:
    """Give the ARN of a stream's table."""
    return stream_arn.partition("/stream/")[0]


def _all(pages: Pages) -> Pages:
    """Refuse a list that was cut short: it proves no absence."""
    if pages.truncated:
        call = pages.ref.partition("-")[0]
        reason = f"The list of {call} broke off after {len(pages.answers)} pages."
        raise NotObserved(Gap(call, "", "Truncated", reason, ref=pages.ref))
    return pages


def _ours(pages: Pages) -> Iterator[EventSourceMapping]:
    read = (EventSourceMapping.from_api(raw, pages.ref) for raw in pages.items("EventSourceMappings"))
    return (mapping for mapping in read if mapping.table_name is not None)


def _tables(opened: OpenArea, arns: list[str]) -> dict[str, Table | Gap]:
    """Describe each table once."""
    aws = opened.part(SweepPart.TABLES)
    found = together(*(lambda arn=arn: _table(aws, opened.account, arn) for arn in arns))
    return dict(zip(arns, found, strict=True))


def _table(aws: StepReader, account: str, arn: str) -> Table:
    """Describe one; a table of another account is found by its ARN alone."""
    name = arn.rpartition("/")[2]
    asked = name if arn.split(":")[4] == account else arn
    answer = aws.find("dynamodb", "DescribeTable", TableName=asked)
    return Table.from_api(name, answer, aws.ref("dynamodb", "DescribeTable", TableName=asked))
