"""`--peek`: a bounded sample, of which nothing but ages and counts remains."""

from __future__ import annotations

import json
from pathlib import Path

from worlds import NOW, incident_of, sandboxed

from runbook_lib import run
from runbook_lib.evidence import NotObserved
from runbook_lib.investigation import Investigation
from runbook_lib.record import Record
from runbook_lib.sandbox.faults import build


def _peeked(fault: str, archive: Path) -> tuple[Investigation, Path]:
    world = build(fault, NOW, seed=1)
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
    assert sum(one.records for one in peeks) > 0
    assert all(one.oldest is not None and one.oldest <= investigation.as_of for one in peeks if one.records)
    calls = [json.loads(line) for line in (folder / "evidence" / "06-stream_backlog.jsonl").read_text().splitlines()]
    kept = [call["response"] for call in calls if call["operation"] == "GetRecords"]
    assert all(set(one) == {"Count", "Oldest", "Newest", "EventNames", "Matching"} for one in kept)


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


def test_without_peek_no_record_is_read(tmp_path: Path) -> None:
    """By default neither iterator nor record is asked for."""
    world = build("stream-recreated", NOW, seed=1)
    with sandboxed(world) as sandbox:
        run.investigate(incident_of(world, "INC-1"), archive=tmp_path, report=False)
        asked = {entry.operation for entry in sandbox.journal}  # type: ignore[attr-defined]
    assert not asked & {"GetRecords", "GetShardIterator"}
