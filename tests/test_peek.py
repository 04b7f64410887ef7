"""`--peek`: a bounded sample, of which nothing but ages and counts remains."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from example_evidence import example, with_fields
from worlds import HISTORY, NOW, in_world, incident_of, investigated, sandboxed

from runbook_lib.archive.record import Record
from runbook_lib.archive.redact import Redactor
from runbook_lib.aws import CallOutcome, Reader
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.evidence.signals import Backlog
from runbook_lib.evidence.source import Shard
from runbook_lib.observed import NotObserved
from runbook_lib.running import run
from runbook_lib.running.investigation import Investigation
from runbook_lib.sandbox import build
from runbook_lib.steps import STEPS
from runbook_lib.views.source import shards


def _peeked(fault: str, archive: Path) -> tuple[Investigation, Path]:
    world = build(fault, NOW, seed=1, history=HISTORY)
    with sandboxed(world) as sandbox:
        done = run.investigate(incident_of(world, "INC-1"), archive=archive, report=False, peek=True)
        asked = [entry.operation for entry in sandbox.journal]  # type: ignore[attr-defined]
    assert asked.count("GetRecords") <= 3
    replayed = Investigation(Record.open(done.folder))
    replayed.collect([6])
    return replayed, done.folder


def test_sample_keeps_ages_and_counts_alone(tmp_path: Path) -> None:
    """Ages, event names and filter matches of the oldest records are kept; keys and images never reach a file."""
    investigation, folder = _peeked("stream-recreated", tmp_path)
    peeks = investigation.evidence.backlog.peeks
    assert sum(peek.records for peek in peeks) > 0
    assert all(peek.oldest is not None and peek.oldest <= investigation.as_of for peek in peeks if peek.records)
    calls = [json.loads(line) for line in (folder / "evidence" / "06-stream_backlog.jsonl").read_text().splitlines()]
    kept = [call["response"] for call in calls if call["operation"] == "GetRecords"]
    assert all(set(peek) == {"Count", "Oldest", "Newest", "EventNames", "Matching", "KeptOutBy"} for peek in kept)


def test_a_stream_with_two_readers_is_left_alone(tmp_path: Path) -> None:
    """Where the stream already serves two readers no record is read, and the gap says why."""
    investigation, folder = _peeked("healthy", tmp_path)
    text = (folder / "evidence" / "06-stream_backlog.jsonl").read_text()
    assert 'GetRecords"' not in text.replace('"Value":"GetRecords"', "")
    reason = ""
    try:
        _ = investigation.evidence.backlog.peeks
    except NotObserved as unseen:
        reason = unseen.gap.reason
    assert "already has 2 readers" in reason


@in_world("stream-recreated")
def test_without_peek_no_record_is_read() -> None:
    """By default neither iterator nor record is asked for."""
    asked = {entry.operation for entry in investigated("stream-recreated").journal}
    assert "DescribeStream" in asked
    assert not asked & {"GetRecords", "GetShardIterator"}


IDENTITY = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:role/Reader"}
_RECORDS: list[dict[str, Any]] = [
    {
        "eventID": "3e1f",
        "eventName": name,
        "dynamodb": {
            "ApproximateCreationDateTime": f"2026-03-14T12:0{at}:00Z",
            "Keys": {"id": {"S": f"order-{at}"}},
            "NewImage": {"id": {"S": f"order-{at}"}, "status": {"S": status}},
        },
    }
    for at, (name, status) in enumerate([("INSERT", "paid"), ("MODIFY", "shipped"), ("MODIFY", "paid")])
]
_PAID_INSERTS = '{"eventName": ["INSERT"], "dynamodb": {"NewImage": {"status": {"S": ["paid"]}}}}'
_SHIPPED = '{"dynamodb": {"NewImage": {"status": {"S": ["shipped"]}}}}'


class _Shards:
    """AWS as a stream whose shards all hold the same records, and which has no metric."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.lock = threading.Lock()

    def ask(self, service: str, operation: str, region: str, params: Mapping[str, Any]) -> CallOutcome:
        """Give an iterator, or the records and the iterator behind them."""
        with self.lock:
            self.asked.append((operation, params))
        answers: dict[str, dict[str, Any]] = {
            "GetMetricData": {"MetricDataResults": []},
            "GetShardIterator": {"ShardIterator": f"first of {params.get('ShardId')}"},
            "GetRecords": {"Records": _RECORDS, "NextShardIterator": "more"},
        }
        return CallOutcome(answers[operation], False, "r-1", 0)


def _world(*mappings: EventSourceMapping, shards: int = 1, replicas: tuple[str, ...] = ()) -> Evidence:
    """The re-created stream with so many open shards, and these mappings of ours on the table."""
    seen = example("stream-recreated")
    open_shards = tuple(Shard(f"shardId-{n}", None, str(n), None) for n in range(shards))
    generations = tuple(replace(generation, shards=open_shards) for generation in seen.streams.generations)
    table = replace(seen.streams.table, replica_regions=replicas)
    seen = with_fields(seen, "streams", generations=generations, table=table)
    return with_fields(seen, "mappings", ours=mappings, same_stream=())


def _mapping(state: str = "Disabled", *filters: str, encrypted: bool = False) -> EventSourceMapping:
    """Our mapping, put on the latest stream."""
    seen = example("stream-recreated")
    latest = seen.streams.table.latest_stream_arn or ""
    mapping = seen.mappings.ours[0]
    return replace(mapping, event_source_arn=latest, state=state, filters=filters, filters_encrypted=encrypted)


def _look(seen: Evidence) -> tuple[Backlog, list[tuple[str, Mapping[str, Any]]]]:
    """Look at the backlog with a peek; beside what was seen, what was asked of the stream."""
    record, aws = Record.create(seen.incident, seen.as_of, IDENTITY, archive=None, peek=True), _Shards()
    reader = Reader(record, aws, Redactor("salt"))  # type: ignore[arg-type]
    backlog: Any = STEPS[6].look(seen.incident, reader.for_step(STEPS[6].file), seen)
    return backlog, [asked for asked in aws.asked if asked[0] != "GetMetricData"]


@in_world("stream-recreated")
@pytest.mark.parametrize(("open_shards", "sampled"), [(0, 0), (1, 1), (3, 3), (40, 3)])
def test_peek_keeps_to_its_budget(open_shards: int, sampled: int) -> None:
    """However many shards are open, at most three are read, each by one iterator and one batch of a hundred records."""
    backlog, asked = _look(_world(_mapping(), shards=open_shards))
    assert len(backlog.peeks) == sampled
    assert sorted(name for name, _ in asked) == sorted(["GetShardIterator", "GetRecords"] * sampled)
    assert all(params["Limit"] == 100 for name, params in asked if name == "GetRecords")


@in_world("stream-recreated")
@pytest.mark.parametrize(
    ("states", "replicas", "refused"),
    [
        (["Enabled"], (), False),
        (["Enabled", "Enabled"], (), True),
        (["Enabled", "Disabled"], (), False),
        (["Enabled", "Updating"], (), True),
        (["Disabling", "Enabling"], (), True),
        ([], ("us-east-1",), False),
        (["Enabled"], ("us-east-1",), True),
    ],
)
def test_stream_with_all_its_readers_is_left_alone(states: list[str], replicas: tuple[str, ...], refused: bool) -> None:
    """Two readers a shard are the most, of a global table one; a mapping that may still poll is one of them."""
    backlog, asked = _look(_world(*map(_mapping, states), replicas=replicas))
    assert (asked == []) == refused
    if refused:
        with pytest.raises(NotObserved, match="as many as it can serve"):
            _ = backlog.peeks


@in_world("stream-recreated")
@pytest.mark.parametrize(
    ("filters", "matching", "kept_out_by"),
    [
        ((), 3, {}),
        ((_PAID_INSERTS,), 1, {"eventName": 2}),
        ((_SHIPPED,), 1, {"dynamodb.NewImage.status.S": 2}),
        ((_PAID_INSERTS, _SHIPPED), 2, {"eventName": 1, "dynamodb.NewImage.status.S": 1}),
        (('{"eventName": "INSERT"}',), None, {}),
        (("not JSON",), None, {}),
    ],
)
def test_filter_is_matched_in_memory(
    filters: tuple[str, ...], matching: int | None, kept_out_by: dict[str, int]
) -> None:
    """How many pass, and what in the filter keeps the others out; a filter that we cannot read stops nothing."""
    backlog, _ = _look(_world(_mapping("Disabled", *filters)))
    (peek,) = backlog.peeks
    assert (peek.records, peek.matching_filter, peek.kept_out_by) == (3, matching, kept_out_by)
    assert peek.event_names == {"INSERT": 1, "MODIFY": 2}
    assert "order-" not in repr(peek)


@in_world("stream-recreated")
def test_withheld_filter_is_not_matched() -> None:
    """An encrypted filter that AWS withholds is not no filter: nothing is said of what would pass, and it shows."""
    seen = _world(_mapping(encrypted=True))
    backlog, _ = _look(seen)
    assert [peek.matching_filter for peek in backlog.peeks] == [None]
    shown = with_fields(seen, "backlog", peeks=backlog.peeks)
    assert "The filter cannot be read." in repr(shards(shown))
