"""Counters as observed: CloudWatch series, concurrency, the backlog of the stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from runbook_lib.evidence.source import Shard
from runbook_lib.incident import Window
from runbook_lib.observed import Gap, Observed

ALARMED = ("Invocations", "Errors", "Throttles", "IteratorAge")
"""The metrics of the function whose alarms are looked for."""


@dataclass(frozen=True)
class Series(Observed):
    """One CloudWatch metric over the window. A period without a point is *no datapoint*, which is not zero.

    `points` maps the start of each period (UTC) to its value in `unit`. A series that CloudWatch gave only in part is
    a gap.
    """

    name: str
    label: str
    unit: str
    statistic: str
    period: timedelta
    points: Mapping[datetime, float]
    ref: str

    def between(self, start: datetime, end: datetime) -> Mapping[datetime, float]:
        """Give the points of [start, end)."""
        return {at: value for at, value in self.points.items() if start <= at < end}

    def total(self, window: Window) -> float:
        """Sum what was counted; 0.0 also when there is no datapoint, so ask `points` before calling it silence."""
        return sum(self.between(window.start, window.end).values())

    @property
    def last_positive(self) -> datetime | None:
        """The start of the newest period with a value above zero."""
        return max((at for at, value in self.points.items() if value > 0), default=None)

    @property
    def peak(self) -> float | None:
        """The largest value; None without datapoints."""
        return max(self.points.values(), default=None)


@dataclass(frozen=True)
class Concurrency(Observed):
    """Concurrency limits. `reserved` None means unreserved, 0 means fully throttled: they are not alike."""

    reserved: int | None
    reserved_ref: str
    account_limit: int
    account_unreserved: int
    account_ref: str


@dataclass(frozen=True)
class FunctionAlarm(Observed):
    """One CloudWatch alarm on a single metric of the function; `metric` is AWS's name of it.

    `condition` says in words when it goes off, `state` what it was when read, `missing` what a minute without data
    means to it (AWS's `TreatMissingData`). `ringing` are the stretches of the window that it was in ALARM, oldest
    first, the last one up to the end of the window where it still is; empty when it never was. It raises NotObserved
    where the history could not be read; `history_ref` is empty where it had not to be, as nothing has changed since.
    """

    name: str
    metric: str
    condition: str
    missing: str
    state: str
    ringing: tuple[Window, ...]
    ref: str
    history_ref: str

    @property
    def refs(self) -> tuple[str, ...]:
        """The recorded calls: the alarm's, and its history's where that was read. Raises NotObserved like `ringing`."""
        return (self.ref, self.history_ref) if self.history_ref else (self.ref,)

    def turns(self, window: Window) -> Iterator[tuple[datetime, str]]:
        """Say when it went off and when it ended within the window. Raises NotObserved like `ringing`."""
        for ringing in self.ringing:
            if ringing.start > window.start:
                yield ringing.start, f"Alarm {self.name} went off: {self.metric}, {self.condition}."
            if ringing.end < window.end:
                yield ringing.end, f"Alarm {self.name} ended."


@dataclass(frozen=True)
class Alarms(Observed):
    """The alarms on the function's own metrics, by name; those on an expression and composite ones are not among them.

    The references are of the calls that asked for the alarms of each metric, whether there are any or not.
    """

    found: tuple[FunctionAlarm, ...]
    invocations_ref: str
    errors_ref: str
    throttles_ref: str
    age_ref: str


_ALARMS_NOT_ASKED = cast(
    "Alarms", Gap("cloudwatch:DescribeAlarmsForMetric", "", "NotAsked", "Alarms were not asked for.")
)
_NOT_ASKED = cast("Series", Gap("cloudwatch:GetMetricData", "", "NotAsked", "The hourly history was not asked for."))


@dataclass(frozen=True)
class Metrics(Observed):
    """Step 7: is the function being invoked, and with what result?

    Series of the function: `invocations`, `errors`, `throttles` (counts per minute), `duration_ms` (maximum),
    `concurrent` (maximum). `writes` counts successful write requests of the table by operation, `consumed_writes`
    write capacity units. `mapping_events` holds the EventCount metrics by mapping UUID and metric name, present only
    where they are switched on. `siblings` are the invocations of the other functions on the same stream,
    `sibling_errors` their errors.
    `duration_total_ms` sums durations per minute, `unreserved_concurrent` is what the account uses of what nobody has
    reserved (maximum). `expired_items` counts what TTL deleted, `recursion_dropped` invocations that Lambda refused
    because the function calls itself through another service. The hourly series reach a week back.
    """

    invocations: Series
    errors: Series
    throttles: Series
    duration_ms: Series
    concurrent: Series
    account_concurrent: Series
    delivery_failures: Series
    consumed_writes: Series
    writes: Mapping[str, Series]
    failed_writes: Mapping[str, Series]
    mapping_events: Mapping[str, Mapping[str, Series]]
    siblings: Mapping[str, Series]
    sibling_errors: Mapping[str, Series]
    concurrency: Concurrency
    duration_total_ms: Series
    unreserved_concurrent: Series
    expired_items: Series
    recursion_dropped: Series
    hourly_invocations: Series = _NOT_ASKED
    hourly_writes: Series = _NOT_ASKED
    alarms: Alarms = _ALARMS_NOT_ASKED


@dataclass(frozen=True)
class Peek(Observed):
    """A bounded sample of one shard, read only when asked: ages, event names and filter matches, never item data.

    `matching_filter` is None where the filter cannot be read. `kept_out_by` counts records that match no filter, by the
    first part of a filter that each fails, as a path in the filter.
    """

    shard_id: str
    records: int
    oldest: datetime | None
    newest: datetime | None
    event_names: Mapping[str, int]
    matching_filter: int | None
    kept_out_by: Mapping[str, int]
    ref: str


@dataclass(frozen=True)
class Backlog(Observed):
    """Step 6: how old is what waits?

    Without `--peek` no record is read: `iterator_age_ms` (maximum per minute, milliseconds) comes from CloudWatch and
    has datapoints only when something is invoked; shards come from DescribeStream, which has no ages and no counts.
    `returned` counts records handed to readers by stream label, `returned_bytes` their size: all readers, not ours
    alone.
    """

    iterator_age_ms: Series
    returned: Mapping[str, Series]
    returned_bytes: Mapping[str, Series]
    shards: Mapping[str, tuple[Shard, ...]]
    peeks: tuple[Peek, ...] = field(default=())

    @property
    def last_age(self) -> tuple[datetime, timedelta] | None:
        """The newest iterator age and its minute; None when nothing was invoked in the window."""
        points = self.iterator_age_ms.points
        if not points:
            return None
        at = max(points)
        return at, timedelta(milliseconds=points[at])
