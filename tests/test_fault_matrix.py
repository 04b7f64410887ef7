"""Every fault of AWS in every operation: the kit ends, calls no broken world sound, and is sure of no other cause."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from worlds import NOW, incident_of, investigated, sandboxed

import fuzz
from mutate import MutatedAnswers, Mutation, MutationKind
from runbook_lib.archive.record import Record
from runbook_lib.aws import READS, CallOutcome, Live, Paging
from runbook_lib.errors import CannotRun
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.running.investigation import Investigation
from runbook_lib.sandbox import Rule, build, cut, drop, fail, garble, latency, refuse, skew, throttle

pytestmark = pytest.mark.sampled

WORLDS = ("poison-record", "mapping-paused", "concurrency-zero", "healthy")
OPERATIONS = tuple((service, name) for service, named in READS.items() for name in named if service != "sts")
METRICS = ("cloudwatch", "GetMetricData")
SAMPLE_EVERY = 6
MOST_CALLS = 1_500
"""A run of a small world makes some seventy calls; a pagination that does not end is left after fifty pages."""

Ask = Callable[[Mapping[str, Any]], CallOutcome]
Fault = Callable[[Ask, Mapping[str, Any], Paging | None, int], CallOutcome]
"""From the sound answers, the question, how it pages, and how often this operation was asked: what comes instead."""


def _error(code: str, status: int | None = 400) -> Fault:
    return lambda ask, params, paging, asked: CallOutcome(
        {"code": code, "message": code, "status": status}, True, "", 3
    )


def _with_token(answer: Mapping[str, Any], paging: Paging, token: str) -> dict[str, Any]:
    changed = copy.deepcopy(dict(answer))
    held = changed
    for name in paging.token[:-1]:
        held = held.setdefault(name, {})
    held[paging.token[-1]] = token
    changed.pop("IsTruncated", None)
    return changed


def _emptied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _emptied(held) for name, held in value.items()}
    return [] if isinstance(value, list) else value


def _paged(token: Callable[[int], str], page: Callable[[Mapping[str, Any]], Any]) -> Fault:
    """Answer every page with a token for one more."""

    def fault(ask: Ask, params: Mapping[str, Any], paging: Paging | None, asked: int) -> CallOutcome:
        if paging is None:
            return ask(params)
        sound = ask({name: value for name, value in params.items() if name != paging.parameter})
        if sound.failed:
            return sound
        return sound._replace(answer=_with_token(page(sound.answer), paging, token(asked)))

    return fault


def _late(ask: Ask, params: Mapping[str, Any], paging: Paging | None, asked: int) -> CallOutcome:
    """Give three empty pages with tokens before the answer."""
    token = str(params.get(paging.parameter, "late-0")) if paging else "own"
    if not token.startswith("late-"):
        return ask(params)
    if token == "late-3":
        return ask({name: value for name, value in params.items() if paging and name != paging.parameter})
    return _paged(lambda _: f"late-{int(token[-1]) + 1}", _emptied)(ask, params, paging, asked)


def _second_page_fails(ask: Ask, params: Mapping[str, Any], paging: Paging | None, asked: int) -> CallOutcome:
    if paging is not None and paging.parameter in params:
        return _error("InternalFailure", 500)(ask, params, paging, asked)
    return _paged(lambda _: "second", dict)(ask, params, paging, asked)


def _reversed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _reversed(held) for name, held in value.items()}
    return [_reversed(held) for held in reversed(value)] if isinstance(value, list) else value


def _answered(change: Callable[[dict[str, Any]], Any]) -> Fault:
    def fault(ask: Ask, params: Mapping[str, Any], paging: Paging | None, asked: int) -> CallOutcome:
        sound = ask(params)
        return sound if sound.failed else sound._replace(answer=change(copy.deepcopy(dict(sound.answer))))

    return fault


def _results(status: str, keep: float) -> Fault:
    """Give every result of GetMetricData a status, and only the first part of its datapoints."""

    def change(answer: dict[str, Any]) -> dict[str, Any]:
        for part in answer.get("MetricDataResults", ()):
            kept = int(len(part["Values"]) * keep)
            part |= {"StatusCode": status, "Values": part["Values"][:kept], "Timestamps": part["Timestamps"][:kept]}
        return answer

    return _answered(change)


FAULTS: Mapping[str, Fault] = {
    "throttled": _error("ThrottlingException"),
    "server error": _error("InternalFailure", 500),
    "read timeout": _error("ReadTimeoutError", None),
    "connection reset": _error("ConnectionClosedError", None),
    "no JSON or XML": _error("ResponseParserError", None),
    "clock skew": _error("RequestTimeTooSkewed", 403),
    "same token for ever": _paged(lambda asked: "same", dict),
    "new tokens for ever": _paged(lambda asked: f"token-{asked}", dict),
    "empty pages for ever": _paged(lambda asked: f"token-{asked}", _emptied),
    "empty pages first": _late,
    "second page fails": _second_page_fails,
    "out of order": _answered(_reversed),
    "empty answer": _answered(lambda answer: {}),
    "no result permitted": _results("Forbidden", 0),
    "partial results": _results("PartialData", 0.5),
    "failed results": _results("InternalError", 0),
}
ONLY_METRICS = {"no result permitted", "partial results", "failed results"}


class Faulty(MutatedAnswers):
    """AWS as a record remembers it, with one fault in one operation."""

    def __init__(self, record: Record, where: tuple[str, str], fault: Fault) -> None:
        super().__init__(record, Mutation(0, MutationKind.REMOVED, frozenset()))
        self.calls = 0
        self._where, self._fault, self._asked = where, fault, 0

    def ask(self, service: str, operation: str, region: str, params: Mapping[str, Any]) -> CallOutcome:
        """Answer from the record, or with the fault."""
        self.calls += 1
        if (service, operation) != self._where:
            return super().ask(service, operation, region, params)
        self._asked += 1

        def sound(asked: Mapping[str, Any]) -> CallOutcome:
            return super(Faulty, self).ask(service, operation, region, asked)

        return self._fault(sound, params, READS[service][operation], self._asked)


def _offences(
    record: Record, expected: frozenset[str], fault: str, where: tuple[tuple[str, str], ...]
) -> Iterator[str]:
    """Say what one fault does wrong in each operation in turn."""
    for service, operation in where:
        live = Faulty(record, (service, operation), FAULTS[fault])
        again = Record.create(record.incident, record.as_of, record.run["identity"], archive=None)
        diagnosis = Investigation(again, live).diagnosis
        if wrong := fuzz._dishonest(diagnosis, expected):
            yield f"{operation}: {wrong}"
        if live.calls > MOST_CALLS:
            yield f"{operation}: {live.calls} calls"


def _operations(fault: str, every: int = 1) -> tuple[tuple[str, str], ...]:
    """Give the operations that a fault can befall; of a sample each fault has others."""
    paged = "page" in fault or "token" in fault
    able = (
        (METRICS,)
        if fault in ONLY_METRICS
        else tuple((service, name) for service, name in OPERATIONS if not paged or READS[service][name] is not None)
    )
    return able if len(able) == 1 else able[list(FAULTS).index(fault) % every :: every]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_sample_of_the_matrix_holds(fault: str) -> None:
    """Of every fault some operations, on the recorded example: the verdict weakens at most."""
    assert list(_offences(*fuzz.recorded_run(fuzz.EXAMPLE), fault, _operations(fault, SAMPLE_EVERY))) == []


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("world", [fuzz.EXAMPLE, *WORLDS])
def test_the_whole_matrix_holds(world: str, fault: str) -> None:
    """Every fault in every operation, over a sound world and broken ones: the verdict weakens at most."""
    known = fuzz.recorded_run(world) if world == fuzz.EXAMPLE else _recorded(world)
    assert list(_offences(*known, fault, _operations(fault))) == []


def _recorded(world: str) -> tuple[Record, frozenset[str]]:
    seen = investigated(world)
    return Record.open(seen.folder), fuzz._named(seen.diagnosis)


def test_the_sample_visits_every_operation() -> None:
    """Over all faults the sample leaves no operation out."""
    assert {operation for fault in FAULTS for operation in _operations(fault, SAMPLE_EVERY)} == set(OPERATIONS)


# -- over the wire -----------------------------------------------------------------------------------------------------

ASKED: Mapping[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("DescribeTable", {"TableName": "Orders"}),
    "dynamodbstreams": ("ListStreams", {"TableName": "Orders"}),
    "lambda": ("ListEventSourceMappings", {}),
    "iam": ("GetRole", {"RoleName": "orders-projector-role"}),
    "kms": ("DescribeKey", {"KeyId": "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-4333-8444-555555555555"}),
    "logs": ("DescribeLogGroups", {"logGroupNamePrefix": "/aws"}),
    "cloudtrail": ("LookupEvents", {}),
    "cloudwatch": (
        "GetMetricData",
        {"StartTime": "2026-03-14T00:00:00Z", "EndTime": "2026-03-14T01:00:00Z", "MetricDataQueries": []},
    ),
    "health": ("DescribeEvents", {"filter": {"regions": ["eu-west-1"]}}),
}
"""One question for every service, and so for every protocol that AWS speaks."""

WIRE: Mapping[str, Callable[[str], Rule]] = {
    "throttled": throttle,
    "server error": fail,
    "reset": drop,
    "garbled": garble,
    "cut": cut,
    "skewed": lambda service: refuse(service, "*", "RequestTimeTooSkewed", "The time is too skewed.", 403),
}


@pytest.mark.parametrize("trouble", WIRE)
def test_trouble_on_the_wire_is_an_outcome(trouble: str) -> None:
    """No trouble of the network or of a body raises: each is an error that leaves a gap."""
    world = build("healthy", NOW, seed=1, history=timedelta(hours=2))
    hurried = mock.patch("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    with sandboxed(world, *map(WIRE[trouble], ASKED)) as sandbox, hurried:
        live = Live(incident_of(world, "INC-1"))
        for service, (operation, params) in ASKED.items():
            outcome = live.ask(service, operation, world.region, params)
            assert outcome.failed, (service, outcome)
            assert "\n" not in outcome.answer["message"]
        asked = [(entry.service, entry.operation) for entry in sandbox.journal]  # type: ignore[attr-defined]
    assert all(asked.count((service, operation)) <= 4 for service, (operation, _) in ASKED.items())


def test_garbled_answers_everywhere_end_in_undetermined() -> None:
    """A proxy that halves every body costs the verdict and nothing else."""
    diagnosis = _judged_over_http(*(garble(service) for service in ASKED))
    assert (diagnosis.exit_code, diagnosis.causes) == (2, ())


def test_a_first_answer_that_cannot_be_read_ends_the_run_in_words() -> None:
    """Without a readable identity nothing is investigated, and the reason is told."""
    world = build("healthy", NOW, seed=1, history=timedelta(hours=2))
    with sandboxed(world, garble("sts")), pytest.raises(CannotRun):
        Live(incident_of(world, "INC-1")).identify()


@pytest.mark.parametrize("hours", [-9, 14])
def test_the_runs_clock_follows_awss_however_far_off(hours: int) -> None:
    """A Date header hours off moves the run's clock and raises nothing: the window is counted from there."""
    world = build("healthy", NOW, seed=1, history=timedelta(hours=2))
    with sandboxed(world, skew(timedelta(hours=hours))):
        _, as_of = Live(incident_of(world, "INC-1")).identify()
    assert as_of == NOW.replace(microsecond=0) + timedelta(hours=hours)


def test_no_answer_holds_a_run_past_its_ceiling() -> None:
    """An operation that does not answer is a gap when the time is up; the other steps are told."""
    diagnosis = _judged_over_http(latency(20_000, "iam", "GetRole"), timeout_s=3)
    assert "Timeout" in {gap.gap.code for gap in diagnosis.gaps}
    assert diagnosis.causes == ()


def _judged_over_http(*rules: Rule, timeout_s: float = 60) -> Diagnosis:
    world = build("healthy", NOW, seed=1, history=timedelta(hours=2))
    hurried = mock.patch("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    with sandboxed(world, *rules), hurried:
        incident = incident_of(world, "INC-1", lookback_hours=1)
        live = Live(incident)
        identity, as_of = live.identify()
        investigation = Investigation(Record.create(incident, as_of, identity, archive=None), live)
        began = time.monotonic()
        investigation.collect(timeout_s=timeout_s)
        assert time.monotonic() - began < timeout_s + 5
        return investigation.diagnosis


def test_an_answer_in_time_order_or_not_is_the_same() -> None:
    """Lists that come in another order change no verdict: nothing rests on the order of an answer."""
    record, expected = fuzz.recorded_run(fuzz.EXAMPLE)
    for where in OPERATIONS:
        again = Record.create(record.incident, record.as_of, record.run["identity"], archive=None)
        found = Investigation(again, Faulty(record, where, FAULTS["out of order"])).diagnosis
        assert fuzz._named(found) == expected, where
