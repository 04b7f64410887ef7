"""What a function writes to CloudWatch Logs, line by line, from the invocations of the pipe.

Texts follow "Understanding the Lambda execution environment lifecycle" and "Log formats" of the Lambda Developer Guide,
with each runtime's own words for errors (`runtime_words`). A minute holds a sample of its invocations
(`flow.LOGGED_PER_MINUTE`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.code import Failure
from runbook_lib.sandbox.account.flow import Attempt
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.state import Function, State, Version
from runbook_lib.sandbox.account.traffic import Write
from runbook_lib.sandbox.pipe import iam_truth
from runbook_lib.sandbox.telemetry.runtime_words import in_words, runtime_version

if TYPE_CHECKING:
    from runbook_lib.sandbox.world import World


class LogEvent(NamedTuple):
    """One event of a log group. `at` is in milliseconds since the epoch, as the API has it."""

    at: int
    stream: str
    message: str


def function_events(world: World, name: str) -> list[LogEvent]:
    """Everything a function logged, oldest first; also of a function deleted since."""
    found: list[LogEvent] = []
    for uuid, minutes in world.pipe.flows.items():
        for minute, flow in minutes.items():
            if flow.attempts:
                state = world.at(datetime.fromtimestamp(minute * 60, UTC))
                mapping = state.mappings.get(uuid)
                if mapping is not None and mapping.function_name == name:
                    found += _minute(world, mapping, flow.attempts)
    if name == world.setting.bystander:
        found += _scheduled(world, name)
    return sorted(found, key=lambda event: event.at)


def _minute(world: World, mapping: EventSourceMapping, attempts: list[Attempt]) -> Iterator[LogEvent]:
    for attempt in attempts:
        state = world.at(datetime.fromtimestamp(attempt.at, UTC))
        function = state.functions.get(mapping.function_name)
        version = function.version(attempt.version or mapping.qualifier) if function else None
        if function is not None and version is not None and _may_log(world, state, function, version):
            yield from Invocation(world.seed, function, version, attempt).events()


def _may_log(world: World, state: State, function: Function, version: Version) -> bool:
    """Whether the version's role may write to the function's group: without that, Lambda drops the lines unsaid."""

    def decide() -> bool:
        group = world.scope.arn("logs", f"log-group:{function.logs_to}:log-stream:any")
        role = state.roles.get(version.role.rpartition("/")[2])
        return role is not None and iam_truth.decide(state, role, "logs:PutLogEvents", group).allowed

    return bool(world.derive(f"{version.role} {function.logs_to} {id(state)}", decide))


def _scheduled(world: World, name: str) -> Iterator[LogEvent]:
    """The bystander runs every five minutes, whatever happens to the stream."""
    function = world.state.functions[name]
    first = int(world.start.timestamp() // 300) * 300 + 300
    for begin in range(first, int(world.now.timestamp()) - 60, 300):
        took = noise.between(2100, 3900, world.seed, "bystander", begin // 60)
        attempt = Attempt(begin + 1.2, took, Write(begin, 0, "INSERT", "", begin), 0, None, 0)
        yield from Invocation(world.seed, function, function.latest, attempt).events()


@dataclass(frozen=True)
class Invocation:
    """One invocation's log lines."""

    seed: int
    function: Function
    version: Version
    attempt: Attempt

    @cached_property
    def request_id(self) -> str:
        """The request id."""
        return noise.uuid4(self.seed, "invocation", self.function.name, self.attempt.at, self.attempt.lineage)

    @cached_property
    def stream(self) -> str:
        """The log stream: one execution environment per version, day and concurrent slot."""
        day = int(self.attempt.at // 86400)
        return _stream(
            self.seed, self.function.name, self.version.number, self.version.modified, day, self.attempt.lineage
        )

    def events(self) -> Iterator[LogEvent]:
        """The lines with their times."""
        begin, end = self.attempt.at, self.attempt.at + self.attempt.duration / 1000
        lines = self._json_lines() if self.function.log_format == "JSON" else self._text_lines()
        for late, message in lines:
            yield LogEvent(int((end if late else begin) * 1000), self.stream, message)

    @property
    def _logged(self) -> Failure | None:
        """The failure as the log knows it: an answer that Lambda refuses is a success there."""
        failure = self.attempt.failure
        return None if failure is None or failure.returned else failure

    def _line(self, failure: Failure) -> str:
        """The failure's own line, where it has one."""
        return failure.line.replace("{request}", self.request_id) + "\n"

    def _chatter(self) -> Iterator[tuple[bool, str]]:
        """What the code logs although nothing is wrong."""
        for line in self.version.code.chatter:
            yield False, line.replace("{request}", self.request_id) + "\n"

    def _error(self, failure: Failure) -> str:
        """The failure in the words of the version's runtime."""
        return in_words(self.version.runtime, failure, self.request_id, _stamp(self.attempt.at))

    def _report(self) -> tuple[float, int, int]:
        used = 60 + int(self.stream[-2:], 16) % 50
        if self.attempt.failure is not None and self.attempt.failure.killed:
            used = self.version.memory
        return round(self.attempt.duration, 2), int(self.attempt.duration) + 1, used

    def _text_lines(self) -> Iterator[tuple[bool, str]]:
        """Pairs of "at the end?" and text."""
        request, failure = self.request_id, self._logged
        if failure is not None and failure.at_init:
            yield False, f"INIT_START Runtime Version: {runtime_version(self.version.runtime)}\n"
            yield False, self._error(failure)
            status = f"Status: error\tError Type: {failure.error_type}"
            yield False, f"INIT_REPORT Init Duration: {self.attempt.duration:.2f} ms\tPhase: init\t{status}\n"
        yield False, f"START RequestId: {request} Version: {self.version.number}\n"
        suffix = ""
        yield from self._chatter()
        if failure is not None and failure.line:
            yield True, self._line(failure)
        elif failure is not None and failure.times_out:
            stamp = _stamp(self.attempt.at + self.version.timeout)
            yield True, f"{stamp} {request} Task timed out after {self.version.timeout:.2f} seconds\n\n"
            suffix = "\tStatus: timeout"
        elif failure is not None and failure.killed:
            yield True, f"RequestId: {request} Error: {failure.message}\n{failure.error_type}\n"
            suffix = f"\tStatus: error\tError Type: {failure.error_type}"
        elif failure is not None:
            if not failure.at_init and self.version.runtime.startswith("python"):
                sequence = self.attempt.first.sequence_number
                yield True, f"[ERROR]\t{_stamp(self.attempt.at)}\t{request}\tcannot apply record {sequence}\n"
            yield True, self._error(failure)
            suffix = f"\tStatus: error\tError Type: {failure.error_type}" if failure.at_init else ""
        yield True, f"END RequestId: {request}\n"
        duration, billed, used = self._report()
        yield (
            True,
            (
                f"REPORT RequestId: {request}\tDuration: {duration:.2f} ms\tBilled Duration: {billed} ms\t"
                f"Memory Size: {self.version.memory} MB\tMax Memory Used: {used} MB{suffix}\t\n"
            ),
        )

    def _json_lines(self) -> Iterator[tuple[bool, str]]:
        """The same in the JSON log format."""
        request, failure = self.request_id, self._logged
        begin, end = _stamp(self.attempt.at), _stamp(self.attempt.at + self.attempt.duration / 1000)
        status = "success" if failure is None else "timeout" if failure.times_out else "error"
        if failure is not None and failure.at_init:
            yield from ((False, line) for line in _json_init(begin, failure, self.version, self.attempt))
        yield False, _platform(begin, "start", {"requestId": request, "version": self.version.number})
        yield from self._chatter()
        if failure is not None and not failure.times_out and not failure.killed:
            yield True, self._line(failure) if failure.line else _json_error(end, failure, request)
        yield True, _platform(end, "runtimeDone", {"requestId": request, "status": status})
        duration, billed, used = self._report()
        numbers = {"durationMs": duration, "billedDurationMs": billed, "memorySizeMB": self.version.memory}
        report = {"requestId": request, "metrics": {**numbers, "maxMemoryUsedMB": used}, "status": status}
        if failure is not None and (failure.at_init or failure.killed):
            report["errorType"] = failure.error_type
        yield True, _platform(end, "report", report)


@lru_cache(maxsize=4096)
def _stream(seed: int, function: str, version: str, deployed: datetime, day: int, slot: int) -> str:
    date = datetime.fromtimestamp(day * 86400, UTC)
    return f"{date:%Y/%m/%d}/[{version}]{noise.hexes(32, seed, function, version, deployed, day, slot)}"


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(at * 1000) % 1000:03d}Z"


def _platform(time: str, kind: str, record: Mapping[str, object]) -> str:
    return json.dumps({"time": time, "type": f"platform.{kind}", "record": record}) + "\n"


def _json_init(time: str, failure: Failure, version: Version, attempt: Attempt) -> Iterator[str]:
    """What a failed start of an instance logs."""
    started = {"initializationType": "on-demand", "phase": "init"}
    yield _platform(time, "initStart", {**started, "runtimeVersion": runtime_version(version.runtime)})
    yield _json_error(time, failure, None)
    ended = {"status": "error", "errorType": failure.error_type, "metrics": {"durationMs": attempt.duration}}
    yield _platform(time, "initReport", {**started, **ended})


def _json_error(time: str, failure: Failure, request: str | None) -> str:
    found: dict[str, object] = {
        "timestamp": time,
        "log_level": "ERROR",
        "errorMessage": failure.message,
        "errorType": failure.error_type,
        "stackTrace": list(failure.trace),
    }
    return json.dumps(found | ({"requestId": request} if request else {})) + "\n"
