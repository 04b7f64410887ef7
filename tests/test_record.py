"""The evidence folder: written as it goes, read back whole, checked byte by byte."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook_lib.archive.record import Record, RecordedCall, call_ref, is_sealed, seal, verify, write_document
from runbook_lib.errors import BadArchive
from runbook_lib.incident import Incident
from runbook_lib.showing.markup import visible

AS_OF = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
INCIDENT = Incident("INC-1", "eu-west-1", "Orders", "orders-projector")
IDENTITY = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:role/Reader"}


def _call(operation: str = "DescribeTable", page: int = 1, **members: object) -> RecordedCall:
    values: dict[str, object] = {
        "ref": call_ref("dynamodb", operation, "eu-west-1", {"TableName": "Orders"}),
        "page": page,
        "step": "01-table_and_service_health",
        "service": "dynamodb",
        "operation": operation,
        "region": "eu-west-1",
        "params": {"TableName": "Orders"},
        "started": "2026-03-14T15:09:27Z",
        "ms": 12,
        "request_id": "r-1",
        "retries": 0,
        "response": {"Table": {"TableName": "Orders"}},
    }
    return RecordedCall(**{**values, **members})  # type: ignore[arg-type]


def _new(tmp_path: Path) -> Record:
    return Record.create(INCIDENT, AS_OF, IDENTITY, archive=tmp_path)


def test_hostile_characters_are_spelled_and_come_back(tmp_path: Path) -> None:
    """Evidence holds no character that ends a line, reorders it or cannot be encoded, and reads back the same."""
    text = "a\u2028b\u2029c\x85d\x9b2J\x1be\x7ff\u202eg\ud800h\U000e0041i \u5b57\u00e9\u00a0"
    record = _new(tmp_path)
    record.add(_call(response={"Table": {text: text}}))
    record.close()
    assert record.folder is not None
    written = (record.folder / "evidence" / "01-table_and_service_health.jsonl").read_text(encoding="utf-8")
    assert len(written.splitlines()) == 1
    assert visible(written.rstrip("\n")).replace("\u00a0", " ") == written.rstrip("\n").replace("\u00a0", " ")
    assert "\u5b57\u00e9" in written
    assert Record.open(record.folder).calls()[0].response == {"Table": {text: text}}


def test_written_record_reads_back_alike(tmp_path: Path) -> None:
    """A folder read again gives the same clock, parameters, identity and calls."""
    record = _new(tmp_path)
    record.add(_call())
    record.add(_call("ListStreams", response=None, error={"code": "AccessDeniedException", "message": "no"}))
    record.close()
    assert record.folder is not None
    again = Record.open(record.folder)
    assert (again.as_of, again.incident, again.run) == (AS_OF, INCIDENT, record.run)
    assert again.calls() == record.calls()


def test_torn_last_line_is_left_out_and_cut_before_the_next(tmp_path: Path) -> None:
    """A process killed in mid-write costs the torn line alone, and what is appended later stays readable."""
    record = _new(tmp_path)
    record.add(_call())
    record.close()
    assert record.folder is not None
    path = record.folder / "evidence" / "01-table_and_service_health.jsonl"
    with path.open("ab") as file:
        file.write(b'{"ref": "torn')
    again = Record.open(record.folder)
    assert len(again.calls()) == 1
    again.add(_call("ListStreams"))
    again.close()
    assert len(Record.open(record.folder).calls()) == 2


def test_damage_inside_a_file_is_named(tmp_path: Path) -> None:
    """A broken line that is not the last is damage, and is refused with file and line."""
    record = _new(tmp_path)
    record.add(_call())
    record.add(_call("ListStreams"))
    record.close()
    assert record.folder is not None
    path = record.folder / "evidence" / "01-table_and_service_health.jsonl"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0][:-5], *lines[1:]]))
    with pytest.raises(BadArchive, match=r"01-table_and_service_health\.jsonl is damaged at line 1"):
        Record.open(record.folder)


def test_runs_never_share_a_folder(tmp_path: Path) -> None:
    """Two runs of one incident in one second get two folders."""
    first, second = _new(tmp_path), _new(tmp_path)
    assert first.folder is not None
    assert second.folder is not None
    assert first.folder.name == "20260314T150926Z"
    assert second.folder.name == "20260314T150926Z-2"
    first.close()
    second.close()


def test_archive_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """An archive below a file cannot be written, which is said with a remedy."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BadArchive, match="cannot be written"):
        Record.create(INCIDENT, AS_OF, IDENTITY, archive=tmp_path / "file")


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    """A folder without a recorded run is refused in words."""
    with pytest.raises(BadArchive, match="not a run folder"):
        Record.open(tmp_path)


def test_a_call_is_named_by_what_it_asks() -> None:
    """The order of parameters does not matter to a call's name; region and values do."""
    ref = call_ref("dynamodb", "DescribeTable", "eu-west-1", {"a": 1, "b": 2})
    assert ref == call_ref("dynamodb", "DescribeTable", "eu-west-1", {"b": 2, "a": 1})
    assert ref != call_ref("dynamodb", "DescribeTable", "us-east-1", {"a": 1, "b": 2})
    assert ref.startswith("DescribeTable-")


def test_a_call_is_kept_once(tmp_path: Path) -> None:
    """Adding a recorded call again writes nothing."""
    record = _new(tmp_path)
    record.add(_call())
    record.add(_call(ms=99))
    record.close()
    assert record.folder is not None
    path = record.folder / "evidence" / "01-table_and_service_health.jsonl"
    assert [json.loads(line)["ms"] for line in path.read_text().splitlines()] == [12]


def _sealed(tmp_path: Path) -> Path:
    record = _new(tmp_path)
    record.add(_call())
    record.close()
    assert record.folder is not None
    write_document(record.folder / "verdict.json", "{}\n")
    seal(record.folder)
    return record.folder


@pytest.mark.parametrize("name", [".SHA256SUMS.part", ".report.html.part", "evidence/.x.jsonl.part"])
def test_what_a_killed_process_was_writing_is_no_part_of_a_run(tmp_path: Path, name: str) -> None:
    """A document left half written by a kill, be it the checksums themselves, is gone once the folder is sealed."""
    (tmp_path / "evidence").mkdir()
    write_document(tmp_path / "report.html", "whole")
    (tmp_path / name).write_bytes(b"hal")
    seal(tmp_path)
    assert verify(tmp_path) == ()
    assert not (tmp_path / name).exists()
    assert (tmp_path / "report.html").exists()


def test_sealed_folder_verifies(tmp_path: Path) -> None:
    """A finished folder matches its checksums."""
    folder = _sealed(tmp_path)
    assert is_sealed(folder)
    assert verify(folder) == ()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / "verdict.json").write_bytes(b"{}\r"), "verdict.json was changed."),
        (lambda folder: (folder / "verdict.json").unlink(), "verdict.json is missing."),
        (lambda folder: (folder / "note.txt").write_text("x"), "note.txt was added after the run was finished."),
    ],
)
def test_any_change_of_a_sealed_folder_is_named(tmp_path: Path, harm: object, said: str) -> None:
    """One byte changed, a file gone or a file added is told by name."""
    folder = _sealed(tmp_path)
    harm(folder)  # type: ignore[operator]
    assert verify(folder) == (said,)


def test_unfinished_folder_cannot_be_verified(tmp_path: Path) -> None:
    """A folder without checksums is not called whole."""
    record = _new(tmp_path)
    record.close()
    assert record.folder is not None
    with pytest.raises(BadArchive, match="was not finished"):
        verify(record.folder)


def test_document_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """A document that cannot be put in place leaves no half file behind."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inside").write_text("x")
    with pytest.raises(BadArchive, match="cannot be written"):
        write_document(tmp_path / "folder", "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder"]
