"""What a remedy did to a world: whether it heals, and what became of the records, told from the world's own pipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import boto3
from botocore import xform_name

from runbook_lib.sandbox import RETENTION, Stream, World, Write, serve
from runbook_lib.sandbox.account.flow import Flow
from runbook_lib.sandbox.pipe.writes import records_of

_ARRIVES = timedelta(minutes=1)
"""In a trigger that works a record is with the function by then."""
_RECENT = timedelta(minutes=6)


class RecordEffect(StrEnum):
    """What may become of the records of the time before a remedy."""

    REPLAYED = "replayed"
    DUPLICATED = "duplicated"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class RecordCounts:
    """How many records of the day before the remedy the function had missed and got, got again, and never got."""

    replayed: int
    duplicated: int
    skipped: int

    @property
    def effects(self) -> frozenset[RecordEffect]:
        """What became of any at all."""
        counts = {
            RecordEffect.REPLAYED: self.replayed,
            RecordEffect.DUPLICATED: self.duplicated,
            RecordEffect.SKIPPED: self.skipped,
        }
        return frozenset(effect for effect, count in counts.items() if count)


@dataclass(frozen=True)
class ApiCallMade:
    """A call that was made: service, operation, and its parameters as options of the AWS CLI."""

    service: str
    operation: str
    options: frozenset[str]


@dataclass
class Clients:
    """Clients to a served world; `calls` lists the calls made with them."""

    url: str
    region: str
    calls: list[ApiCallMade] = field(default_factory=list)

    def __call__(self, service: str) -> Any:
        """Give a client of a service."""
        client = boto3.session.Session(region_name=self.region).client(
            service, endpoint_url=self.url, aws_access_key_id="AKID", aws_secret_access_key="sandbox"
        )

        def note(params: dict[str, Any], model: Any, **_: Any) -> None:
            options = frozenset(_dashed(name) for name in params)
            self.calls.append(ApiCallMade(service, _dashed(model.name), options))

        client.meta.events.register("provide-client-params", note)
        return client


def _dashed(name: str) -> str:
    return str(xform_name(name, "-"))


@contextmanager
def clients_of(world: World) -> Iterator[Clients]:
    """Serve a world over HTTP and hand out clients to it; no answer may violate its model."""
    with serve(world) as box:
        yield Clients(box.url, world.region)
        assert not box.violations, box.violations[:3]


def records_reached(world: World) -> Counter[Write]:
    """The records that the function of the story took, and how often; once it is gone, also who stands in for it."""
    gone = world.setting.function not in world.state.functions
    names = (world.setting.function, *([world.setting.bystander] if gone else []))
    return Counter(write for name in names for write in world.pipe.reached.get(name, ()))


def records_due(world: World, begin: datetime, end: datetime) -> list[Write]:
    """The writes of a stretch of time that changed an item, whether or not a stream was there to record them."""
    anything = Stream(world.setting.table, begin, world.setting.view_type)
    return records_of(world.timeline, anything, world.seed, begin.timestamp(), end.timestamp())


def delivers(world: World, since: datetime | None = None) -> bool:
    """Whether somebody writes, and every record of the last minutes that had the time to arrive has arrived."""
    end = world.now - _ARRIVES
    wanted = records_due(world, since or end - _RECENT, end)
    return bool(wanted) and set(wanted) <= set(records_reached(world))


def recent_flows(world: World) -> list[Flow]:
    """What the mapping of the story did in the last whole minutes."""
    last, minutes = int(world.now.timestamp() // 60), int(_RECENT.total_seconds() // 60)
    flows = world.pipe.flows[world.mapping.uuid]
    return [flows[minute] for minute in range(last - minutes, last) if minute in flows]


def count_records(world: World, fixed: datetime, before: Counter[Write], by_hand: Iterable[str] = ()) -> RecordCounts:
    """Tell what became of the records of the day before `fixed`; `before` had reached the function by then.

    `by_hand` are the sequence numbers of records that a person fetched and processed.
    """
    now = records_reached(world)
    wanted = records_due(world, max(world.start, fixed - RETENTION), fixed)
    fetched = set(by_hand)
    missing = [write for write in wanted if write not in before]
    got = [write for write in missing if write in now or write.sequence_number in fetched]
    again = sum(now[write] - before[write] > (0 if before[write] else 1) for write in wanted)
    return RecordCounts(len(got), again, len(missing) - len(got))
