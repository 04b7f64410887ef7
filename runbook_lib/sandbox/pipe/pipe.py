"""The pipe, minute by minute: writes, stream records, polls, filters, invocations and what became of them.

Everything AWS counts or says about a running trigger is taken from here. Where AWS documents no figure the pipe
assumes a steady one and names it: a blocked shard is retried every `RETRY_SECONDS` (AWS backs off, but publishes no
schedule). What it may read is said in `access`, how late it follows its mapping in `restarts`.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from datetime import datetime
from itertools import islice, pairwise

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.code import Failure
from runbook_lib.sandbox.account.flow import FAILED, LOGGED_PER_MINUTE, NOTHING_YET, OK, Attempt, Cursor, Flow, Tick
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.state import RETENTION, Scope, State, Stream, Table, Version
from runbook_lib.sandbox.account.timeline import Timeline
from runbook_lib.sandbox.account.traffic import LINEAGES, Write
from runbook_lib.sandbox.pipe import iam_truth
from runbook_lib.sandbox.pipe.access import IAM_SECONDS, Access, Owner, instant
from runbook_lib.sandbox.pipe.capacity import room, within_payload, work_slowly
from runbook_lib.sandbox.pipe.filter_truth import passes
from runbook_lib.sandbox.pipe.restarts import IN_FLIGHT, Restarts
from runbook_lib.sandbox.pipe.writes import committed, fed_by, recorded, records_of, tried

RETRY_SECONDS = 15
POLLS_PER_SECOND = 4
"""Base polling rate per shard (Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB")."""
READERS = 2
"""How many may read a shard at once without being throttled (the same page); one where the table has replicas."""


class Pipe:
    """The simulated history, from `start` to `now`.

    `flows[uuid][minute]` says what a mapping did; `written[table][minute]` counts committed writes by operation,
    `rejected[table]` those that failed their condition. `reached[function]` lists the records that a function
    took, in order, through whatever mapping and as often as it took them.
    """

    def __init__(
        self,
        timeline: Timeline,
        scope: Scope,
        start: datetime,
        now: datetime,
        seed: int,
        logged: int = LOGGED_PER_MINUTE,
        others: tuple[Owner, ...] = (),
    ) -> None:
        home = Owner(timeline, scope, seed)
        owners = {owner.scope.account: owner for owner in (home, *others)}
        self.access = Access(home, owners)
        self._owners = tuple(owners.values())
        self._restarts = Restarts.of(timeline, seed)
        self._timeline = timeline
        self._logged = logged
        self._account = scope.account
        self._seed = seed
        self.written: dict[str, dict[int, Counter[str]]] = {}
        self.rejected: dict[str, Counter[int]] = defaultdict(Counter)
        self.flows: dict[str, dict[int, Flow]] = {}
        self.reached: dict[str, list[Write]] = {}
        self.cursors: dict[str, Cursor] = {}
        self.unrecorded: list[Write] = []
        self._streams: dict[str, str] = {}
        for tick in self._ticks(start.timestamp(), now.timestamp()):
            self._advance(tick)

    def _advance(self, tick: Tick) -> None:
        state = self._timeline.at(instant(tick.begin))
        written = {owner.scope.account: self._write(owner, tick) for owner in self._owners}
        self.cursors = {
            uuid: self.cursors.get(uuid) or self._opened(mapping, state, tick)
            for uuid, mapping in state.mappings.items()
        }
        for uuid, mapping in state.mappings.items():
            cursor = self.cursors[uuid]
            if (owner := self.access.owner(mapping.stream_arn)) is not None:
                table = fed_by(owner.timeline.at(instant(tick.begin)), mapping.stream_arn)
                writes = written[owner.scope.account].get(table.name, []) if table else []
                self._queue(uuid, cursor, writes, tick)
            flow = self.flows.setdefault(uuid, {}).setdefault(tick.minute, Flow(logged=self._logged))
            before = flow.delivered
            self._poll(mapping, cursor, state, tick, flow)
            self.reached.setdefault(mapping.function_name, []).extend(flow.handled[before:])

    def _write(self, owner: Owner, tick: Tick) -> dict[str, list[Write]]:
        """What is written in a stretch and changes an item, by table; count what is written in the own account."""
        state = owner.timeline.at(instant(tick.begin))
        ours = owner.scope.account == self._account
        found = {}
        for table in state.written_to:
            asked = [w for w in tried(state, table, owner.seed, tick.minute) if tick.begin <= w.at < tick.end]
            found[table.name] = recorded(state, table, asked)
            if not ours:
                continue
            done = self.written.setdefault(table.name, {}).setdefault(tick.minute, Counter())
            done.update([w.operation for w in committed(state, table, asked)])
            if state.traffic_of(table).futile == "rejected":
                self.rejected[table.name][tick.minute] += len(asked)
            if table.stream is None and table is state.source:
                self.unrecorded += found[table.name]
        return found

    def _queue(self, uuid: str, cursor: Cursor, writes: list[Write], tick: Tick) -> None:
        """Put new records where the poller finds them, but for those that a mapping at LATEST skips."""
        if self._restarts.skips_waiting(uuid, tick.begin):
            for number, queue in enumerate(cursor.queues):
                cursor.skipped += (write for write in queue if write.at >= tick.begin - IN_FLIGHT)
                cursor.queues[number] = deque(write for write in queue if write.at < tick.begin - IN_FLIGHT)
        for write in writes:
            if self._restarts.skipping(uuid, write.at):
                cursor.skipped.append(write)
            else:
                cursor.queues[write.lineage].append(write)

    def _ticks(self, start: float, now: float) -> list[Tick]:
        """Minutes, cut at every change, again when a change of a role reaches the pollers, and when one stops late."""
        changes = (change.at.timestamp() for owner in self._owners for change in owner.timeline.changes)
        cuts = {*(at + lag for at in changes for lag in (0, IAM_SECONDS)), *self._restarts.cuts()}
        edges = sorted({*(start + 60 * k for k in range(int((now - start) // 60) + 1)), now,
                        *(cut for cut in cuts if start < cut < now)})  # fmt: skip
        return [Tick(begin, end) for begin, end in pairwise(edges)]

    def _opened(self, mapping: EventSourceMapping, state: State, tick: Tick) -> Cursor:
        """A new mapping's position: with TRIM_HORIZON it finds up to 24 hours of records waiting."""
        cursor = Cursor(mapping.stream_label)
        self._streams[mapping.uuid] = mapping.stream_arn
        owner, stream = (
            self.access.owner(mapping.stream_arn),
            self.access.stream(mapping.stream_arn, instant(tick.begin)),
        )
        if mapping.created.timestamp() < tick.begin - 1:
            cursor.result = OK if self._has_passed(mapping, owner, stream, tick.begin) else NOTHING_YET
            return cursor
        if mapping.starting_position != "TRIM_HORIZON" or stream is None or owner is None:
            return cursor
        since = tick.begin - RETENTION.total_seconds()
        for write in records_of(owner.timeline, stream, owner.seed, since, tick.begin):
            cursor.queues[write.lineage].append(write)
        return cursor

    def _has_passed(self, mapping: EventSourceMapping, owner: Owner | None, stream: Stream | None, at: float) -> bool:
        """Whether the filters of an old mapping let anything pass lately: until then it says that nothing was there."""
        if not mapping.filters or owner is None or stream is None:
            return True
        records = records_of(owner.timeline, stream, owner.seed, at - 3600, at)
        return any(passes(mapping.filters, write, stream.view_type) for write in records)

    def _poll(self, mapping: EventSourceMapping, cursor: Cursor, state: State, tick: Tick, flow: Flow) -> None:
        self._age(mapping, cursor, state, tick, flow)
        stream = self.access.stream(mapping.stream_arn, instant(tick.begin))
        reads = mapping.enabled or self._restarts.lingering(mapping.uuid, tick.begin)
        if not reads or mapping.stalled or stream is None or not stream.readable(instant(tick.begin)):
            return
        if stream.disabled is not None and not any(cursor.queues):
            return
        owner = self.access.owner(mapping.stream_arn)
        table = owner.timeline.at(instant(tick.begin)).tables.get(stream.table) if owner else None
        if table is not None and not table.usable(tick.begin):
            return
        if (problem := self.access.refusal(mapping, tick.begin)) is not None:
            cursor.result = problem
            return
        served = self._served(mapping, table, state, tick)
        polls = round(POLLS_PER_SECOND * LINEAGES * (tick.end - tick.begin))
        flow.starved += polls * (LINEAGES - len(served)) // LINEAGES
        flow.polls = (flow.polls or 0) + polls * len(served) // LINEAGES
        for lineage in served:
            self._read(lineage, mapping, cursor, stream, tick, flow)
        self._deliver(mapping, cursor, stream, state, tick, flow, served)

    def _served(self, mapping: EventSourceMapping, table: Table | None, state: State, tick: Tick) -> tuple[int, ...]:
        """The shards that the poller gets to read in a stretch, for which too many readers of the stream compete."""
        if table is None or not table.readers:
            return tuple(range(LINEAGES))
        ours = sum(other.enabled and other.stream_arn == mapping.stream_arn for other in state.mappings.values())
        share = (1 if table.replicas else READERS) / (table.readers + ours)
        dice = (noise.unit(self._seed, "reads", mapping.uuid, tick.minute, lineage) for lineage in range(LINEAGES))
        return tuple(lineage for lineage, dice_ in enumerate(dice) if dice_ < share)

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
        role = state.roles.get(self.access.role_of(mapping, tick.begin) or "")
        if role is not None and iam_truth.decide(state, role, "sqs:SendMessage", mapping.destination).allowed:
            flow.reported += records
        else:
            flow.unreported += records

    def stream_of(self, uuid: str) -> tuple[str, str, str]:
        """The account, table and label of the stream generation a mapping read, also one deleted since."""
        arn = self._streams[uuid]
        table, _, label = arn.rpartition(":table/")[2].partition("/stream/")
        return arn.split(":")[4], table, label

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
        self, mapping: EventSourceMapping, cursor: Cursor, stream: Stream, state: State, tick: Tick, flow: Flow,
        served: tuple[int, ...],
    ) -> None:  # fmt: skip
        version, function = state.target(mapping), state.functions.get(mapping.function_name)
        invocable = version is not None and version.state == "Active" and function is not None
        invocable = invocable and version is not None and version.key not in state.disabled_keys
        places = room(state, function) if function is not None else 0
        throttled = function is not None and places == 0
        failing, before = False, flow.delivered
        slow = invocable and not throttled and version is not None and version.code.slow
        blocked = set(range(len(cursor.queues)))
        if slow and version is not None:
            blocked = work_slowly(mapping, cursor, version, stream.view_type, tick, flow, places)
        for lineage, queue in enumerate(cursor.queues):
            if (
                lineage not in blocked
                or not queue
                or lineage not in served
                or mapping.gathers(len(queue), tick.end - queue[0].at)
            ):
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
        elif flow.delivered > before and not throttled:
            cursor.result = OK

    def _invoke(
        self, lineage: int, mapping: EventSourceMapping, cursor: Cursor, stream: Stream, state: State, version: Version,
        tick: Tick, flow: Flow,
    ) -> bool:  # fmt: skip
        """Invoke the function with what waits on a shard; True when the shard ends the stretch blocked."""
        queue, clock = cursor.queues[lineage], tick.begin
        flow.busy += 1
        whole, divided = version, state.divided(mapping)
        flow.divided = divided is not None
        if divided is None and version.code.sound and queue[0].at >= tick.begin:
            self._keep_up(mapping, queue, lineage, version, flow)
        while queue:
            batch = _next_batch(queue, tick.begin, cursor.held[lineage] or mapping.batch_size)
            if divided is not None:
                dice = noise.unit(self._seed, "routed", mapping.uuid, batch[0].sequence_number, tick.minute)
                version = divided[0] if dice < divided[1] else whole
            clock = max(clock, batch[-1].at + 0.15 + 0.55 * _scatter(batch[-1], len(mapping.function)))
            failures = {w: f for w in batch if (f := version.code.failure(w, stream.view_type)) is not None}
            if not failures:
                clock = self._attempt(batch, lineage, None, version, clock, flow)
                flow.handled += batch
                cursor.retries[lineage] = cursor.held[lineage] = 0
            elif (dropped := self._fail(lineage, mapping, cursor, batch, failures, version, tick, clock, flow)) is None:
                return True
            else:
                self._report(mapping, state, tick, dropped, flow)
            for _ in batch:
                queue.popleft()
            if version.code.slow:
                break  # what follows takes its time again
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
        passes_after = version.code.tries - made if version.code.tries else allowed
        allowed = min(allowed, passes_after)
        beats = tick.instants(RETRY_SECONDS, lineage * 3)
        # Where an alias divides, each stretch asks anew which version gets the batch.
        tries = min(1 if flow.divided else beats if made else max(beats, 1), allowed)
        for number in range(tries):
            # Retries of the first stretch begin where the first try began; later ones keep the beat of the minute.
            at = tick.begin + lineage * 3 % RETRY_SECONDS + number * RETRY_SECONDS if made else clock + number * 2
            failure = next(iter(failures.values()))
            self._attempt(batch, lineage, failure, version, min(at, tick.end - 0.5), flow)
            flow.refused += len(batch)
        cursor.retries[lineage] += tries
        cursor.held[lineage] = len(batch)
        if tries < allowed:
            return None
        cursor.retries[lineage] = cursor.held[lineage] = 0
        if version.code.tries and passes_after == allowed:
            self._attempt(batch, lineage, None, version, tick.end - 0.5, flow)
            flow.handled += batch
            return 0
        dropped = list(failures) if mapping.bisect else batch
        flow.handled += [write for write in batch if write not in failures] if mapping.bisect else []
        cursor.lost += dropped
        return len(dropped)

    def _attempt(
        self, batch: list[Write], lineage: int, failure: Failure | None, version: Version, at: float, flow: Flow
    ) -> float:
        duration = _duration(failure, version, _scatter(batch[0], int(at)))
        attempt = Attempt(at, duration, batch[0], len(batch), failure, lineage, version.number if flow.divided else "")
        flow.note(attempt, (at - batch[-1].at) * 1000)
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
