"""The axes along which a fault is told anew: at another age, on another history, with other settings and traffic.

`told(row)` gives the world of a row and its truth. A row's name holds everything, `poison-record:15m:young:...`, so one
that came out wrong is run alone with `bench/scoreboard.py --row NAME`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import covertable

from runbook_lib.instant import floor
from runbook_lib.sandbox import OPERATOR, RETENTION, SOUND, Change, Code, Fault, State, World, Write, all_faults
from runbook_lib.sandbox.account.state import KEY_LOSS_REACHES
from runbook_lib.sandbox.account.traffic import writes_of

AGES: Mapping[str, timedelta] = {
    **{f"{minutes}m": timedelta(minutes=minutes, seconds=17) for minutes in (5, 10, 15, 25, 40, 60)},
    **{f"{hours}h": timedelta(hours=hours, minutes=2, seconds=17) for hours in (6, 26)},
}
AXES: Mapping[str, tuple[str, ...]] = {
    "age": tuple(AGES),
    "history": ("long", "never", "young", "repaired", "bulk"),
    "count": ("unset", "counted"),
    "reports": ("plain", "reports"),
    "qualifier": ("bare", "alias"),
    "streams": ("one", "two"),
    "logs": ("Text", "JSON"),
    "traffic": ("sparse", "busy", "burst"),
}
UNPLAYED = ("the table in another account", "runtimes other than Python", "the shape of API answers")
"""Axes that the sandbox cannot play yet, or not on a fault told elsewhere."""

_TRAFFIC = {"sparse": (1.0, 0.0, 0.0), "busy": (40.0, 11.0, 8.0), "burst": (0.0, 0.0, 0.0)}
"""Writes a minute: mean, daily swing, jitter. Bursts stand out of nothing."""
_BURST, _BURST_EVERY, _BURST_LASTS = 90.0, timedelta(minutes=30), timedelta(minutes=3)
_DRAIN_S = {"sparse": 30.0, "busy": 4.0, "burst": 10.0}
"""Seconds for a record at which a backlog is worked off slowly, yet is: the table's four shards take one at a time."""


@dataclass(frozen=True)
class AxisRow:
    """One world of the array: a fault of the catalogue, and a value on each axis."""

    fault: str
    age: str
    history: str
    count: str
    reports: str
    qualifier: str
    streams: str
    logs: str
    traffic: str

    @property
    def id(self) -> str:
        """The name, from which `parse` makes the row again."""
        return ":".join(astuple(self))

    @staticmethod
    def parse(name: str) -> AxisRow:
        """The row of a name; raises ValueError for one that cannot be told."""
        parts = name.split(":")
        if len(parts) != len(fields(AxisRow)) or not may_be_told(row := AxisRow(*parts)):
            raise ValueError(f"no row can be told as {name}; it has the form {':'.join(('FAULT', *AXES))}")
        return row


@dataclass(frozen=True)
class Truth:
    """What is so in a world, read from the simulation: the measure of what an investigation says.

    `began` is when the fault came to be; `triggers` its events in the trail. `onset` is when the harm began: of what
    was written then nothing, or not all, was delivered. `oldest` is the oldest write that was not delivered, whatever
    it waits for, None where none has for longer than two minutes; `lost`: one of them cannot be had any more.
    """

    causes: tuple[str, ...]
    triggers: tuple[str, ...]
    began: datetime | None
    onset: datetime | None
    oldest: datetime | None
    lost: bool


@dataclass(frozen=True)
class Telling:
    """Where else the story of a fault may be told: the values that each axis may have, all where it is not named.

    `bypassed`: what is not delivered does not wait at the story's mapping, which is gone or passes it over. `early` is
    how long before the event that set it off the story begins to do harm, `late` how long after it.
    """

    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bypassed: bool = False
    early: timedelta = timedelta(0)
    late: timedelta = timedelta(0)


def _but(axis: str, *values: str) -> tuple[str, ...]:
    return tuple(value for value in AXES[axis] if value not in values)


_UNHARMED = _but("history", "never")
_OWN_CODE = {"history": ("long",), "traffic": ("busy",), "qualifier": ("bare",)}
_CUT_OFF = Telling({"history": _but("history", "repaired")}, bypassed=True)
_BARE = Telling({"qualifier": ("bare",)})
_REPLACED = Telling({"qualifier": ("bare",)}, early=timedelta(seconds=19))
_POISON = Telling({"history": _UNHARMED, "age": _but("age", "26h")})
_CHOKING = Telling({"history": _but("history", "repaired"), "traffic": ("busy", "burst"), "reports": ("plain",)})
_FINE = Telling({"history": _UNHARMED})
_QUIET = Telling({"history": _UNHARMED, "traffic": _but("traffic", "burst")})

TELLINGS: Mapping[str, Telling] = {
    # the role, the stream's policy, keys
    **dict.fromkeys(
        (
            *("role-lost-getrecords", "role-pinned-to-table-arn", "explicit-deny", "permissions-boundary"),
            *("managed-policy-detached", "organization-forbids-reads", "stream-policy-denies", "key-withheld"),
            *("reads-bound-to-function", "reads-bound-to-network", "role-deleted", "trust-lost"),
            *("service-event", "concurrency-zero", "account-crowded-out"),
        ),
        Telling(),
    ),
    "table-key-disabled": Telling({"age": _but("age", "5m")}, late=KEY_LOSS_REACHES),
    # the mapping
    **dict.fromkeys(("mapping-deleted", "mapping-retargeted", "mapping-recreation-refused"), _CUT_OFF),
    **dict.fromkeys(("mapping-paused", "paused-behind-a-schedule"), Telling()),
    "mapping-moved-to-staging": _CUT_OFF,
    "filter-without-type-descriptor": _CUT_OFF,
    "mapping-given-up": Telling({"age": _but("age", "5m", "10m"), "qualifier": ("bare",)}),
    "mapping-restarted-at-latest": Telling({"age": ("6h",), "history": ("long",)}, bypassed=True),
    # the function
    "function-deleted": Telling(),
    **dict.fromkeys(("image-expired", "function-key-disabled", "instances-ran-out"), _BARE),
    **dict.fromkeys(("subnet-full", "creation-failed", "creation-stuck"), _REPLACED),
    "view-type-without-image": Telling({"history": _but("history", "repaired")}),
    # the code
    **dict.fromkeys(
        (
            *("import-error-after-deploy", "times-out-after-deploy", "out-of-memory-after-deploy"),
            "handler-fails-after-deploy",
        ),
        Telling(),
    ),
    "failed-records-misnamed": Telling({"reports": ("reports",)}),
    "window-without-state": Telling({"reports": ("plain",)}),
    "poison-record": _POISON,
    "one-record-times-out": Telling({**_POISON.only, "history": ("long", "young")}),
    # the capacity
    "release-too-slow": Telling({**_OWN_CODE, "age": ("25m", "40m", "60m", "6h")}),
    "reserved-too-low": Telling({**_OWN_CODE, "age": ("25m", "40m", "60m", "6h")}),
    # what is given up
    **dict.fromkeys(("retries-exhausted", "failure-queue-refused"), _CHOKING),
    "record-age-limited": Telling({"history": _but("history", "repaired", "bulk")}),
    # the table
    **dict.fromkeys(("stream-disabled", "table-restored", "moved-to-kinesis"), _CUT_OFF),
    **dict.fromkeys(("stream-recreated", "table-replaced"), _CUT_OFF),
    # nothing is wrong
    **dict.fromkeys(
        (
            *("healthy", "effect-missing", "code-storage-full", "unsigned-release-refused", "update-failed"),
            *("topic-feeds-itself", "role-cannot-log", "global-table", "third-reader", "runtime-out-of-support"),
        ),
        _FINE,
    ),
    **dict.fromkeys(("no-table-writes", "noop-writes", "rejected-writes"), _QUIET),
}
"""The faults whose story can be told at another age and on another history. Those that are not here need their own."""


def may_be_told(row: AxisRow) -> bool:
    """Whether the sandbox can tell this row, and its truth is known."""
    telling = TELLINGS.get(row.fault)
    return telling is not None and all(
        getattr(row, axis) in telling.only.get(axis, values) for axis, values in AXES.items()
    )


def covering() -> tuple[AxisRow, ...]:
    """Rows in which each value of an axis meets each value of every other, where the two can be told together."""

    def allows(axis: str) -> dict[str, object]:
        return {
            "operator": "fn",
            "requires": ["fault", axis],
            "evaluate": lambda row: row[axis] in TELLINGS[row["fault"]].only.get(axis, AXES[axis]),
        }

    factors = {"fault": list(TELLINGS), **{axis: list(values) for axis, values in AXES.items()}}
    rows = covertable.make(factors, strength=2, constraints=[allows(axis) for axis in AXES])
    return tuple(sorted(_mixed([AxisRow(**row) for row in rows]), key=lambda row: row.id))


def _mixed(rows: Sequence[AxisRow]) -> Iterator[AxisRow]:
    """Give each row the rarest values where its own are not needed: an array is filled up with the first of each axis.

    A value is needed where it meets a value of the row nowhere else.
    """
    met = Counter(pair for row in rows for pair in _pairs(row))
    for row in rows:
        for axis, values in AXES.items():
            here = [pair for pair in _pairs(row) if axis in dict(pair)]
            if any(met[pair] == 1 for pair in here):
                continue
            others = [other for value in values if may_be_told(other := replace(row, **{axis: value}))]
            row = min(others, key=lambda other: sum(met[pair] for pair in _pairs(other) if axis in dict(pair)))
            met.subtract(here)
            met.update(pair for pair in _pairs(row) if axis in dict(pair))
        yield row


def _pairs(row: AxisRow) -> Iterator[tuple[tuple[str, str], ...]]:
    """Each two values of a row, with the names of their axes."""
    return combinations(asdict(row).items(), 2)


def told(row: AxisRow, now: datetime, seed: int = 1) -> tuple[World, Truth]:
    """Tell a row's world, and read its truth from what the simulation did with each write.

    Raises ValueError where the fault does no harm, though records were written after it: then it is not told.
    """
    fault = all_faults()[row.fault]
    at = (now - AGES[row.age]).astimezone(UTC)
    if fault.expects == "poison-record":
        at = floor(at)  # a minute is sure to have a first write, its last seconds are not
    mapping = dict(fault.setting.mapping) | {
        "event_count": row.count == "counted",
        "response_types": ("ReportBatchItemFailures",) if row.reports == "reports" else (),
    }
    if row.history == "repaired":
        mapping["batch_size"] = 10
    setting = replace(
        fault.setting, mapping=mapping, log_format=row.logs, alias="live" if row.qualifier == "alias" else None
    )
    world = World(now, seed, setting=setting, history=timedelta(hours=54 if row.age.endswith("h") else 30))
    world.rules = fault.rules
    if row.streams == "two":
        world.begin_with_second_table("Returns")
    _tell_history(world, row, at)
    fault.tell(world, at)
    return world, _truth(world, fault, row, at)


def _tell_history(world: World, row: AxisRow, at: datetime) -> None:
    """Tell what came before the fault: since when there are writes and a mapping, and what had gone wrong before."""
    first = world.start
    if row.history in ("never", "young"):
        made = at - timedelta(minutes=3 if row.history == "never" else 14)
        first = floor(at if row.history == "never" else at - timedelta(minutes=12))
        world.begin_without_mapping()
        world.create_mapping(made, replace(world.mapping, created=made, modified=made))
    if first > world.start:
        world.set_traffic(world.start, 0)
    world.set_traffic(first, *_TRAFFIC[row.traffic])
    if row.traffic == "burst":
        begin = floor(at) - _BURST_EVERY * ((at - first) // _BURST_EVERY)
        while begin < world.now:
            world.set_traffic(begin, _BURST)
            world.set_traffic(begin + _BURST_LASTS, 0)
            begin += _BURST_EVERY
    if row.history == "repaired":
        _take(world, replace(SOUND, seconds=_DRAIN_S[row.traffic]))
        world.put_concurrency(at - timedelta(hours=6), world.setting.function, 0, by=OPERATOR)
        world.delete_concurrency(at - timedelta(minutes=41), world.setting.function, by=OPERATOR)
    if row.history == "bulk":
        _take(world, replace(SOUND, seconds=0.2))
        world.set_traffic(floor(at) - timedelta(minutes=7), 3000)
        world.set_traffic(floor(at) - timedelta(minutes=5), *_TRAFFIC[row.traffic])


def _take(world: World, code: Code) -> None:
    """Let every version of the function have had this code all along."""
    name = world.setting.function

    def apply(state: State) -> State:
        function = state.functions[name]
        versions = tuple(replace(version, code=code, timeout=900) for version in function.versions)
        return state.with_function(replace(function, versions=versions))

    world.add(Change(world.start, apply))


def _truth(world: World, fault: Fault, row: AxisRow, at: datetime) -> Truth:
    """Read the truth; see `Truth`."""
    cursor, telling = world.pipe.cursors.get(world.mapping.uuid), TELLINGS[row.fault]
    since = [write.at for write in _writes(world, at)]
    waiting = [write.at for some in (*cursor.queues, cursor.lost) for write in some] if cursor else []
    lost = bool(cursor and cursor.lost)
    causes = (fault.expects,) if fault.expects and _has_bitten(world, fault, at) else ()
    if causes and telling.bypassed:
        unrecorded = [write.at for write in world.pipe.unrecorded if write.at >= at.timestamp()]
        stream = world.table.stream
        begin = max(at.timestamp(), stream.created.timestamp()) if stream else at.timestamp()
        missed = unrecorded or [write for write in since if write >= begin]
        waiting += missed
        horizon = world.now - RETENTION
        lost = lost or bool(unrecorded) or any(write < horizon.timestamp() for write in missed)
    settled = (
        at + telling.late
    ).timestamp() + 120  # a role's change takes a minute to bite, and a record a moment to arrive
    harmed = [write for write in waiting if write >= (at - telling.early + telling.late).timestamp()]
    if causes and not harmed and any(write >= settled for write in since):
        raise ValueError(f"{row.id}: what is written after the fault is delivered")
    waiting = [write for write in waiting if write < world.now.timestamp() - 120]
    oldest = datetime.fromtimestamp(min(waiting), UTC) if waiting else None
    onset = (at if fault.gradual else datetime.fromtimestamp(min(harmed), UTC)) if causes and harmed else None
    triggers: tuple[str, ...] = (fault.set_off_by,) if causes and fault.set_off_by else ()
    if row.qualifier == "alias" and triggers == ("UpdateFunctionCode20150331v2",):
        triggers += ("PublishVersion20150331", "UpdateAlias20150331")  # the same release, seconds apart or none
    return Truth(causes, triggers, at, onset, oldest, lost)


def _has_bitten(world: World, fault: Fault, at: datetime) -> bool:
    """Whether a bad record was tried at all: one at the end of a backlog has done nothing yet that can be seen."""
    flows, minute = world.pipe.flows.get(world.mapping.uuid, {}), int(at.timestamp() // 60)
    return fault.expects != "poison-record" or any(flow.refused for when, flow in flows.items() if when >= minute)


def _writes(world: World, since: datetime) -> Iterator[Write]:
    """What the application wrote from an instant on that changed something."""
    minute = floor(since)
    while minute < world.now:
        traffic, table = world.at(minute).traffic, world.at(minute).tables.get(world.table.name, world.table)
        if traffic.futile is None:
            yield from (
                write
                for write in writes_of(traffic, world.seed, int(minute.timestamp() // 60))
                if since.timestamp() <= write.at < world.now.timestamp() and table.usable(write.at)
            )
        minute += timedelta(minutes=1)
