"""One area from its first call to the verdicts on all its triggers, a batch at a time: memory holds one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from runbook_lib.aws import StepReader, together
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.observed import Gap, attempt, known, otherwise
from runbook_lib.sweep import counters
from runbook_lib.sweep.area import OpenArea, SweepPart
from runbook_lib.sweep.evidence import NOT_ASKED, AccountLimits, SweptConnection
from runbook_lib.sweep.rank import first_to_lose
from runbook_lib.sweep.survey import Connection, Survey, survey
from runbook_lib.sweep.triage import Triage, triage

Progress = Callable[[str], None]


@dataclass(frozen=True)
class OrphanStream:
    """A stream that is on and that no mapping reads."""

    arn: str
    table: str


@dataclass(frozen=True)
class DeadMapping:
    """A mapping on a stream that takes no more records, and why it takes none."""

    uuid: str
    arn: str
    function: str
    state: str
    why: str


@dataclass(frozen=True)
class SweptArea:
    """What a sweep found in one area: its connections, who loses data first at the top, and what is left over.

    `gaps` are what kept it from seeing the area as a whole; a connection's own are with its triage.
    """

    opened: OpenArea
    triages: tuple[Triage, ...]
    orphans: tuple[OrphanStream, ...]
    dead: tuple[DeadMapping, ...]
    gaps: tuple[Gap, ...]
    calls: int

    @property
    def exit_code(self) -> int:
        """1 where a trigger has a cause, 2 where something could not be told, else 0."""
        codes = {triage.outcome.exit_code for triage in self.triages} | ({2} if self.gaps else set())
        return next(code for code in (1, 2, 0) if code in codes | {0})


def sweep(opened: OpenArea, progress: Progress | None = None) -> SweptArea:
    """Look at every trigger of an area; what could not be seen of one says nothing about the others."""
    say = progress or (lambda _: None)
    found = survey(opened)
    by_connection = attempt(found.connections)
    connections = otherwise(lambda: known(by_connection), {})
    say(f"{opened.account} {opened.area.region}: {len(connections)} triggers")
    judged = tuple(_judged(opened, found, connections, say))
    return SweptArea(
        opened=opened,
        triages=first_to_lose(judged),
        orphans=tuple(OrphanStream(arn, arn.split("/")[1]) for arn in otherwise(found.orphans, ())),
        dead=tuple(
            DeadMapping(mapping.uuid, mapping.event_source_arn, mapping.function_arn, mapping.state, why)
            for mapping, why in found.dead()
        ),
        gaps=_gaps_of_area(found),
        calls=opened.record.made,
    )


def _gaps_of_area(survey: Survey) -> tuple[Gap, ...]:
    """Give what kept the area from being seen, the lists and each table once; triggers tell of their counters."""
    return tuple(dict.fromkeys(survey.gaps()))


def _judged(
    opened: OpenArea, found: Survey, connections: Mapping[Connection, tuple[EventSourceMapping, ...]], say: Progress
) -> Iterator[Triage]:
    """Judge batch after batch."""
    around = _SharedFacts.of(opened, found, connections)
    wanted = {
        connection: tuple(counters.first_look(connection, mappings, opened.account))
        for connection, mappings in connections.items()
    }
    done = 0
    for number, (batch, series) in enumerate(counters.batches(wanted), start=1):
        part = SweepPart.METRICS.of_batch(number)
        counted = {**around.counted, **counters.count(opened, part, series)}
        opened.done(part)
        yield from _closer(opened, number, [around.seen(connection, counted) for connection in batch])
        done += len(batch)
        say(f"{opened.account} {opened.area.region}: {done} of {len(connections)} triggers judged")


@dataclass(frozen=True)
class _SharedFacts:
    """What is common to all triggers of an area: its lists, its account, and who else is on a stream or function."""

    opened: OpenArea
    survey: Survey
    generations: Mapping[str, list[str]] | Gap
    limits: AccountLimits
    counted: counters.Counted
    connections: Mapping[Connection, tuple[EventSourceMapping, ...]]
    beside: Mapping[str, list[EventSourceMapping]]

    @classmethod
    def of(
        cls, opened: OpenArea, found: Survey, connections: Mapping[Connection, tuple[EventSourceMapping, ...]]
    ) -> _SharedFacts:
        """Ask for what belongs to the account, where there is a trigger at all."""
        beside: dict[str, list[EventSourceMapping]] = {}
        for connection, mappings in connections.items():
            for name in (connection.table_arn, connection.function):
                beside.setdefault(name, []).extend(mappings)
        counted = counters.count(opened, SweepPart.ACCOUNT, counters.of_account()) if connections else {}
        limits = attempt(lambda: _limits(opened.part(SweepPart.ACCOUNT))) if connections else _NO_LIMITS
        opened.done(SweepPart.ACCOUNT)
        return cls(opened, found, attempt(found.generations), limits, counted, connections, beside)

    def seen(self, connection: Connection, counted: counters.Counted) -> SweptConnection:
        """Give what was seen of one trigger."""
        mappings = self.connections[connection]
        near = (*self.beside[connection.table_arn], *self.beside[connection.function])
        neighbours = tuple({mapping.uuid: mapping for mapping in near}.values())
        own = {*(mapping.uuid for mapping in mappings), connection.function, connection.table_arn, ""}
        mine = {key: series for key, series in counted.items() if key[0] in own}
        return SweptConnection(
            self.opened, self.survey, self.generations, self.limits, connection, mappings, neighbours, mine, NOT_ASKED
        )


_NO_LIMITS = AccountLimits(0, 0, "")


def _limits(aws: StepReader) -> AccountLimits:
    answer = aws.call("lambda", "GetAccountSettings")
    limit = answer["AccountLimit"]
    return AccountLimits(limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"], answer.ref)


def _closer(opened: OpenArea, number: int, batch: list[SweptConnection]) -> Iterator[Triage]:
    """Judge a batch; of those that seem not to work ask more, and judge them again.

    What is reserved for a function matters where it was throttled, and nowhere else.
    """
    first = [triage(connection) for connection in batch]
    pairs = [(connection, verdict) for connection, verdict in zip(batch, first, strict=True) if verdict.is_wrong]
    doubtful = [connection for connection, _ in pairs]
    again: dict[Connection, Triage] = {}
    if doubtful:
        part = SweepPart.CLOSER.of_batch(number)
        asked = [
            query for seen in doubtful for query in counters.closer_look(seen.connection, seen.streams, opened.account)
        ]
        counted = counters.count(opened, part, {query.key: query for query in asked}.values())
        aws = opened.part(part)
        throttled = [seen.connection.function for seen, verdict in pairs if verdict.is_throttled]
        reserved = dict(
            zip(throttled, together(*(partial(_reserved, aws, function) for function in throttled)), strict=True)
        )
        for seen in doubtful:
            mine = {
                key: series for key, series in counted.items() if key[0] in (seen.connection.table_arn, *seen.streams)
            }
            again[seen.connection] = triage(seen.closer(mine, reserved.get(seen.connection.function, NOT_ASKED)))
        opened.done(part)
    for seen, verdict in zip(batch, first, strict=True):
        yield again.get(seen.connection, verdict)


def _reserved(aws: StepReader, function: str) -> int | None:
    answer = aws.find("lambda", "GetFunctionConcurrency", FunctionName=function)
    found: int | None = answer.get("ReservedConcurrentExecutions") if answer else None
    return found
