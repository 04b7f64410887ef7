"""The pipe, minute by minute: writes, stream records, polls, filters, invocations and what became of them.

Everything AWS counts or says about a running trigger is taken from here. Where AWS documents no figure the pipe
assumes a steady one and names it: a blocked shard is retried every `RETRY_SECONDS` (AWS backs off, but publishes no
schedule), a change of a role reaches the poller after `IAM_SECONDS`.
"""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.code import Failure
from runbook_lib.sandbox.account.flow import FAILED, LOGGED_PER_MINUTE, NOTHING_YET, OK, Attempt, Cursor, Flow, Tick
from runbook_lib.sandbox.account.state import RETENTION, EventSourceMapping, Scope, State, Stream, Version
from runbook_lib.sandbox.account.timeline import Timeline
from runbook_lib.sandbox.account.traffic import LINEAGES, Write, writes_of
from runbook_lib.sandbox.pipe import iam_truth
from runbook_lib.sandbox.pipe.capacity import room, within_payload, work_slowly
from runbook_lib.sandbox.pipe.filter_truth import passes
from runbook_lib.sandbox.pipe.writes import committed, decrypts, fed_streams, recorded, records_of

RETRY_SECONDS = 15
IAM_SECONDS = 60
POLLS_PER_SECOND = 4
"""Base polling rate per shard (Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB")."""


class Pipe:
    """The simulated history, from `start` to `now`.

    `flows[uuid][minute]` says what a mapping did; `written[minute]` counts committed writes by operation, `rejected`
    those that failed their condition. `reached[function]` lists the records that a function took, in order, through
    whatever mapping and as often as it took them.
    """

    def __init__(
        self,
        timeline: Timeline,
        scope: Scope,
        start: datetime,
        now: datetime,
        seed: int,
        logged: int = LOGGED_PER_MINUTE,
    ) -> None:
        self._timeline = timeline
        self._logged = logged
        self._scope = scope
        self._seed = seed
        self.written: dict[int, Counter[str]] = {}
        self.rejected: Counter[int] = Counter()
        self.flows: dict[str, dict[int, Flow]] = {}
        self.reached: dict[str, list[Write]] = {}
        self.cursors: dict[str, Cursor] = {}
        self.unrecorded: list[Write] = []
        self._streams: dict[str, str] = {}
        self._refusals: dict[tuple[int, str, str, int], str | None] = {}
        for tick in _ticks(timeline, start.timestamp(), now.timestamp()):
            self._advance(tick)

    def _advance(self, tick: Tick) -> None:
        state = self._timeline.at(_instant(tick.begin))
        writes = self._write(state, tick)
        self.cursors = {
            uuid: self.cursors.get(uuid) or self._opened(mapping, state, tick)
            for uuid, mapping in state.mappings.items()
        }
        is_fed = fed_streams(state)
        for uuid, mapping in state.mappings.items():
            cursor = self.cursors[uuid]
            if is_fed(mapping.stream_arn):
                for write in writes:
                    cursor.queues[write.lineage].append(write)
            flow = self.flows.setdefault(uuid, {}).setdefault(tick.minute, Flow(logged=self._logged))
            before = flow.delivered
            self._poll(mapping, cursor, state, tick, flow)
            self.reached.setdefault(mapping.function_name, []).extend(flow.handled[before:])

    def _write(self, state: State, tick: Tick) -> list[Write]:
        """Count what is written in a stretch, and give the writes that make a record where there is a stream for it."""
        tried = [w for w in writes_of(state.traffic, self._seed, tick.minute) if tick.begin <= w.at < tick.end]
        self.written.setdefault(tick.minute, Counter()).update([w.operation for w in committed(state, tried)])
        if state.traffic.futile == "rejected":
            self.rejected[tick.minute] += len(tried)
        writes = recorded(state, tried)
        if state.source is None or state.source.stream is None:
            self.unrecorded += writes
        return writes

    def _opened(self, mapping: EventSourceMapping, state: State, tick: Tick) -> Cursor:
        """A new mapping's position: with TRIM_HORIZON it finds up to 24 hours of records waiting."""
        cursor = Cursor(mapping.stream_label)
        self._streams[mapping.uuid] = mapping.stream_arn
        stream = state.stream(mapping.stream_arn)
        if (
            mapping.starting_position != "TRIM_HORIZON"
            or stream is None
            or mapping.created.timestamp() < tick.begin - 1
        ):
            cursor.result = OK if mapping.created.timestamp() < tick.begin - 1 else NOTHING_YET
            return cursor
        for write in records_of(self._timeline, stream, self._seed, tick.begin - RETENTION.total_seconds(), tick.begin):
            cursor.queues[write.lineage].append(write)
        return cursor

    def _poll(self, mapping: EventSourceMapping, cursor: Cursor, state: State, tick: Tick, flow: Flow) -> None:
        self._age(mapping, cursor, state, tick, flow)
        stream = state.stream(mapping.stream_arn)
        if not mapping.enabled or mapping.stalled or stream is None or not stream.readable(_instant(tick.begin)):
            return
        if stream.disabled is not None and not any(cursor.queues):
            return
        if not decrypts(state, stream.table, tick.begin - IAM_SECONDS):
            return
        if (problem := self.refusal(mapping, tick.begin)) is not None:
            cursor.result = problem
            return
        flow.polls = (flow.polls or 0) + round(POLLS_PER_SECOND * LINEAGES * (tick.end - tick.begin))
        for lineage in range(LINEAGES):
            self._read(lineage, mapping, cursor, stream, tick, flow)
        self._deliver(mapping, cursor, stream, state, tick, flow)

    def _age(self, mapping: EventSourceMapping, cursor: Cursor, state: State, tick: Tick, flow: Flow) -> None:
        """Lose what has waited for longer than the stream keeps it or, which is reported, the mapping allows."""
        kept, allowed = RETENTION.total_seconds(), mapping.maximum_record_age
        limit = tick.end - (min(kept, allowed) if allowed >= 0 else kept)
        for queue in cursor.queues:
            aged = []
            while queue and queue[0].at < limit:
                aged.append(queue.popleft())
            if allowed >= 0:
                self._report(mapping, state, tick, len(aged), flow)
            cursor.lost += aged

    def _report(self, mapping: EventSourceMapping, state: State, tick: Tick, records: int, flow: Flow) -> None:
        """Tell the mapping's failure destination of records it gives up, with the role of its function."""
        if not records or not mapping.destination:
            return
        role = state.roles.get(self.role_of(mapping, tick.begin) or "")
        if role is not None and iam_truth.decide(state, role, "sqs:SendMessage", mapping.destination).allowed:
            flow.reported += records
        else:
            flow.unreported += records

    def refusal(self, mapping: EventSourceMapping, at: float) -> str | None:
        """The LastProcessingResult of a poller that may not read its stream; None when it may, or cannot be tried."""
        state = self._timeline.at(_instant(at - IAM_SECONDS))
        key = (id(state), mapping.uuid, mapping.stream_arn, int(at // 3600))
        if key not in self._refusals:
            self._refusals[key] = self._refuse(mapping, state, at)
        return self._refusals[key]

    def _refuse(self, mapping: EventSourceMapping, state: State, at: float) -> str | None:
        role = self.role_of(mapping, at - IAM_SECONDS)
        if role is None:
            return None
        if role not in state.roles or not iam_truth.trusts_lambda(state.roles[role]):
            return "PROBLEM: Lambda failed to assume your function execution role."
        found = iam_truth.refusal(state, role, mapping.stream_arn)
        if found is None:
            return self._refuse_key(mapping, state, role)
        action, ruling = found
        principal = f"arn:aws:sts::{self._scope.account}:assumed-role/{role}/{self.session(mapping, at)}"
        return (
            f"PROBLEM: User: {principal} is not authorized to perform: {action} on resource: {mapping.stream_arn}"
            f" {ruling.reason(action)}"
        )

    def _refuse_key(self, mapping: EventSourceMapping, state: State, role: str) -> str | None:
        """What a poller says that may read the stream and not decrypt it. The wording is not documented by AWS."""
        stream = state.stream(mapping.stream_arn)
        owner = state.tables.get(stream.table) if stream else None
        if owner is None or owner.key is None:
            return None
        if iam_truth.may_decrypt(state, state.roles[role], owner.key, mapping.stream_arn):
            return None
        return f"PROBLEM: KMS key access denied error. {owner.key} may not be used by role {role}."

    def stream_of(self, uuid: str) -> tuple[str, str]:
        """The table and the label of the stream generation a mapping read, also one deleted since."""
        table, _, label = self._streams[uuid].rpartition(":table/")[2].partition("/stream/")
        return table, label

    def session(self, mapping: EventSourceMapping, at: float) -> str:
        """The name of the poller's role session, renewed every hour."""
        begun = _instant(at // 3600 * 3600 + noise.between(0, 59, self._seed, mapping.uuid, at // 3600))
        number = 100 + int(noise.hexes(3, self._seed, mapping.uuid), 16) % 900
        return f"awslambda_{number}_{begun:%Y%m%d%H%M%S}{begun.microsecond // 1000:03d}"

    def role_of(self, mapping: EventSourceMapping, at: float) -> str | None:
        """The name of the role a mapping's poller works with, also when its function is gone; None if it never was."""
        instants = [_instant(at), *(c.at - timedelta(microseconds=1) for c in reversed(self._timeline.changes))]
        for instant in instants:
            if instant.timestamp() <= at and (version := self._timeline.at(instant).target(mapping)) is not None:
                return version.role.rpartition("/")[2]
        return None

    def _read(
        self, lineage: int, mapping: EventSourceMapping, cursor: Cursor, stream: Stream, tick: Tick, flow: Flow
    ) -> None:
        """Take what is new on a shard, and skip past what the filters drop: it is checkpointed and never comes back."""
        queue, seen = cursor.queues[lineage], cursor.seen[lineage]
        fresh = sum(1 for write in queue if write.at > seen) if queue and queue[-1].at > seen else 0
        flow.polled += fresh
        if fresh and queue[-1].bulk:
            flow.bulk += sum(write.bulk for write in islice(reversed(queue), fresh))
        cursor.seen[lineage] = tick.end
        if mapping.filters and fresh:
            kept = [write for write in queue if write.at <= seen or passes(mapping.filters, write, stream.view_type)]
            flow.filtered += len(queue) - len(kept)
            cursor.queues[lineage] = deque(kept)

    def _deliver(
        self, mapping: EventSourceMapping, cursor: Cursor, stream: Stream, state: State, tick: Tick, flow: Flow
    ) -> None:
        version, function = state.target(mapping), state.functions.get(mapping.function_name)
        invocable = version is not None and version.state == "Active" and function is not None
        invocable = invocable and version is not None and version.key not in state.disabled_keys
        places = room(state, function) if function is not None else 0
        throttled = function is not None and places == 0
        failing = False
        slow = invocable and not throttled and version is not None and version.code.slow
        if slow and version is not None:
            work_slowly(mapping, cursor, version, tick, flow, places)
        for lineage, queue in enumerate(cursor.queues):
            if slow or not queue or mapping.gathers(len(queue), tick.end - queue[0].at):
                continue
            if not invocable or throttled or version is None:
                tries = max(tick.instants(RETRY_SECONDS, lineage * 3), int(queue[0].at >= tick.begin))
                flow.throttles += tries if throttled else 0
                flow.refused += tries * min(len(queue), mapping.batch_size)
                failing = failing or not throttled
            else:
                failing = self._invoke(lineage, mapping, cursor, stream, state, version, tick, flow) or failing
        if failing:
            cursor.result = FAILED
        elif flow.delivered and not throttled:
            cursor.result = OK

    def _invoke(
        self, lineage: int, mapping: EventSourceMapping, cursor: Cursor, stream: Stream, state: State, version: Version,
        tick: Tick, flow: Flow,
    ) -> bool:  # fmt: skip
        """Invoke the function with what waits on a shard; True when the shard ends the stretch blocked."""
        queue, clock = cursor.queues[lineage], tick.begin
        flow.busy += 1
        if version.code.sound and queue[0].at >= tick.begin:
            self._keep_up(mapping, queue, lineage, version, flow)
        while queue:
            batch = _next_batch(queue, tick.begin, cursor.held[lineage] or mapping.batch_size)
            clock = max(clock, batch[-1].at + 0.15 + 0.55 * _scatter(batch[-1], len(mapping.function)))
            failures = {w: f for w in batch if (f := version.code.failure(w, stream.view_type)) is not None}
            if not failures:
                clock = self._attempt(mapping, batch, lineage, None, version, clock, flow)
                flow.handled += batch
            elif (dropped := self._fail(lineage, mapping, cursor, batch, failures, version, tick, clock, flow)) is None:
                return True
            else:
                self._report(mapping, state, tick, dropped, flow)
            for _ in batch:
                queue.popleft()
        return False

    def _keep_up(
        self, mapping: EventSourceMapping, queue: deque[Write], lineage: int, version: Version, flow: Flow
    ) -> None:
        """Deliver what has just been written, up to a poison record: the common case, and the quick one."""
        salt, hardy, before = len(mapping.function), version.code.hardy, flow.delivered
        while queue and (hardy or not queue[0].poison):
            write = queue.popleft()
            chance = _scatter(write, salt)
            delay, duration = 0.15 + 0.55 * chance, 18 + 70 * chance * chance
            flow.ages.append(delay * 1000)
            flow.durations.append(duration)
            flow.handled.append(write)
            if len(flow.attempts) < flow.logged:
                flow.attempts.append(Attempt(write.at + delay, duration, write, 1, None, lineage))
        flow.invocations += flow.delivered - before
        flow.offered += flow.delivered - before

    def _fail(
        self, lineage: int, mapping: EventSourceMapping, cursor: Cursor, batch: list[Write],
        failures: dict[Write, Failure], version: Version, tick: Tick, clock: float, flow: Flow,
    ) -> int | None:  # fmt: skip
        """Try a failing batch as often as the stretch allows: the records given up, None while it is to be retried."""
        made = cursor.retries[lineage]
        allowed = max(0, mapping.maximum_retry_attempts + 1 - made) if mapping.maximum_retry_attempts >= 0 else 1 << 30
        beats = tick.instants(RETRY_SECONDS, lineage * 3)
        tries = min(beats if made else max(beats, 1), allowed)
        for number in range(tries):
            # Retries of the first stretch begin where the first try began; later ones keep the beat of the minute.
            at = tick.begin + lineage * 3 % RETRY_SECONDS + number * RETRY_SECONDS if made else clock + number * 2
            failure = next(iter(failures.values()))
            self._attempt(mapping, batch, lineage, failure, version, min(at, tick.end - 0.5), flow)
            flow.refused += len(batch)
        cursor.retries[lineage] += tries
        cursor.held[lineage] = len(batch)
        if tries < allowed:
            return None
        cursor.retries[lineage] = cursor.held[lineage] = 0
        dropped = list(failures) if mapping.bisect else batch
        flow.handled += [write for write in batch if write not in failures] if mapping.bisect else []
        cursor.lost += dropped
        return len(dropped)

    def _attempt(
        self, mapping: EventSourceMapping, batch: list[Write], lineage: int, failure: Failure | None, version: Version,
        at: float, flow: Flow,
    ) -> float:  # fmt: skip
        duration = _duration(failure, version, _scatter(batch[0], int(at)))
        flow.note(Attempt(at, duration, batch[0], len(batch), failure, lineage), (at - batch[-1].at) * 1000)
        return at + duration / 1000


def _next_batch(queue: deque[Write], begin: float, size: int) -> list[Write]:
    """A full batch from the backlog; of what has just been written, one record at a time."""
    if queue[0].at >= begin:
        return [queue[0]]
    return within_payload([write for write in islice(queue, size) if write.at < begin])


def _scatter(write: Write, salt: int) -> float:
    """A cheap deterministic number in [0, 1)."""
    return ((write.number * 2654435761 + salt * 40503) & 0xFFFF) / 65536


def _duration(failure: Failure | None, version: Version, fraction: float) -> float:
    if failure is not None and failure.times_out:
        return version.timeout * 1000.0
    return (180 + 90 * fraction) if failure is not None and failure.at_init else 18 + 70 * fraction


def _instant(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _ticks(timeline: Timeline, start: float, now: float) -> list[Tick]:
    """Minutes, cut at every change and again when a change of a role reaches the pollers."""
    cuts = {change.at.timestamp() + lag for change in timeline.changes for lag in (0, IAM_SECONDS)}
    edges = sorted({*(start + 60 * k for k in range(int((now - start) // 60) + 1)), now,
                    *(cut for cut in cuts if start < cut < now)})  # fmt: skip
    return [Tick(begin, end) for begin, end in pairwise(edges)]
