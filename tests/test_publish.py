"""Publishing: a finished run goes to S3 whole and once, nothing is written over, and what fails leaves the run here."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
import yaml
from alarm_samples import described, metric, queued
from worlds import NOW, copy_of, sandboxed

from runbook_lib.archive.record import CHECKSUMS, members
from runbook_lib.cli import main
from runbook_lib.errors import BadArchive, BadParameters, NotPublished
from runbook_lib.running.publish import check_address, publish
from runbook_lib.sandbox import Rule, World, deny, drop, fail, refuse

pytestmark = [pytest.mark.sampled, pytest.mark.xdist_group("publish")]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the example incident, without a report."""
    archive = tmp_path_factory.mktemp("archive")
    assert main(["investigate", "params/INC-EXAMPLE.yaml", "--archive", str(archive), "--no-report"]) == 1
    return next((archive / "INC-EXAMPLE").iterdir())


@pytest.fixture(scope="module")
def served(finished: Path) -> Iterator[Any]:
    """A sandbox for the tests whose S3 works; the example was finished before, while no endpoint was set."""
    with sandboxed(World(NOW, history=timedelta(hours=1))) as box:
        yield box


def _client() -> Any:
    return boto3.client("s3", region_name="eu-west-1")


def _bucket() -> str:
    """Make a bucket of its own: their names are one namespace."""
    name = f"runs-{uuid4().hex}"
    _client().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name


def _kept(bucket: str) -> dict[str, bytes]:
    """Everything in a bucket."""
    listed = _client().list_objects_v2(Bucket=bucket).get("Contents", [])
    return {item["Key"]: _client().get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in listed}


@pytest.mark.usefixtures("served")
def test_a_run_arrives_whole_and_typed(finished: Path) -> None:
    """Every file lies under prefix, incident and run with the bytes it has here, its checksum and a type to open by."""
    bucket = _bucket()
    done = publish(finished, f"s3://{bucket}/on-call/2026/")
    home = f"on-call/2026/INC-EXAMPLE/{finished.name}"
    assert (done.address, done.report) == (f"s3://{bucket}/{home}/", None)
    names = [*members(finished), CHECKSUMS]
    assert _kept(bucket) == {f"{home}/{name}": (finished / name).read_bytes() for name in names}
    heads = {name: _client().head_object(Bucket=bucket, Key=f"{home}/{name}", ChecksumMode="ENABLED") for name in names}
    for name, head in heads.items():
        data = (finished / name).read_bytes()
        assert head["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(data).digest()).decode()
        assert head["ContentLength"] == len(data)
    assert heads["verdict.json"]["ContentType"] == "application/json"
    assert heads[CHECKSUMS]["ContentType"] == "text/plain; charset=utf-8"
    assert done.sent == len(names)


@pytest.mark.usefixtures("served")
def test_publishing_twice_sends_nothing(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same run at the same address is there already: that is said, and nothing is written again."""
    address = f"s3://{_bucket()}/runs"
    assert main(["publish", str(finished), address]) == 0
    assert main(["publish", str(finished), address]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"Published: {address}/INC-EXAMPLE/{finished.name}/"
    assert second == f"{first} (it was there already)"


def test_a_broken_transfer_is_unfinished_and_taken_up(finished: Path) -> None:
    """Where a transfer breaks off the checksums are missing; publishing again sends only what is not there."""
    world = World(NOW, history=timedelta(hours=1))
    with sandboxed(world):
        bucket = _bucket()
    with sandboxed(world, _after(3, refuse("s3", "PutObject", "InternalError", "We encountered an error."))):
        with pytest.raises(NotPublished, match="InternalError"):
            publish(finished, f"s3://{bucket}")
        assert len(_kept(bucket)) == 3
        assert not any(key.endswith(CHECKSUMS) for key in _kept(bucket))
    with sandboxed(world):
        assert publish(finished, f"s3://{bucket}").sent == len(members(finished)) + 1 - 3
        assert any(key.endswith(CHECKSUMS) for key in _kept(bucket))


def _after(times: int, rule: Rule) -> Rule:
    """A rule that lets so many calls through before it applies."""
    passed = iter(range(times))

    class Later(Rule):
        def matches(self, call: Any) -> bool:
            """Tell whether the rule is about this call, and enough have gone before."""
            return super().matches(call) and next(passed, None) is None

    return Later(**vars(rule))


def test_the_checksums_go_last(finished: Path) -> None:
    """Nothing is put after the checksums, and nothing else is asked of S3."""
    world = World(NOW, history=timedelta(hours=1))
    with sandboxed(world):
        bucket = _bucket()
    with sandboxed(world, _after(len(members(finished)), deny("s3", "PutObject"))) as box:
        with pytest.raises(NotPublished, match=f"may not write .*/{CHECKSUMS}"):
            publish(finished, f"s3://{bucket}")
        assert {entry.operation for entry in box.journal} == {"PutObject"}  # type: ignore[attr-defined]


@pytest.mark.usefixtures("served")
def test_another_run_is_not_written_over(finished: Path) -> None:
    """Where a file of another content lies, publishing stops, names it, and leaves it."""
    bucket = _bucket()
    key = f"INC-EXAMPLE/{finished.name}/evidence/00-run.jsonl"
    _client().put_object(Bucket=bucket, Key=key, Body=b"theirs", ChecksumAlgorithm="SHA256")
    with pytest.raises(NotPublished, match="is there and is another file") as refused:
        publish(finished, f"s3://{bucket}")
    assert key in str(refused.value)
    assert _kept(bucket) == {key: b"theirs"}


def _changed(folder: Path) -> None:
    (folder / "verdict.json").write_text("{}", encoding="utf-8")


def _added(folder: Path) -> None:
    (folder / "notes.txt").write_text("private", encoding="utf-8")


def _unsealed(folder: Path) -> None:
    (folder / CHECKSUMS).unlink()


@pytest.mark.parametrize(
    ("harm", "words"),
    [(_changed, "verdict.json was changed"), (_added, "notes.txt was added"), (_unsealed, "was not finished")],
)
def test_only_a_whole_run_is_published(
    harm: Callable[[Path], None], words: str, finished: Path, tmp_path: Path
) -> None:
    """A folder that is unfinished, changed or added to goes nowhere, before AWS is asked."""
    folder = copy_of(finished, tmp_path)
    harm(folder)
    with pytest.raises(BadArchive, match=words):
        publish(folder, "s3://runs-of-nobody")


@pytest.mark.parametrize("address", ["", "runs", "s3://", "s3://A/b", "s3://a", "https://a.b/c", "s3://runs/a\nb"])
def test_what_is_no_address_is_refused(address: str) -> None:
    """An address that S3 would not have is refused with an example of one."""
    with pytest.raises(BadParameters, match="s3://bucket/prefix"):
        check_address(address)


TROUBLE: list[tuple[tuple[Rule, ...], str]] = [
    ((), "There is no bucket `runs-of-nobody`."),
    ((deny("s3", "PutObject"),), "These credentials may not write s3://runs-of-nobody/INC-EXAMPLE/"),
    ((fail("s3", "PutObject", status=503),), "ServiceUnavailable"),
    ((drop("s3", "PutObject"),), "ConnectionClosedError"),
]


@pytest.mark.parametrize(("rules", "words"), TROUBLE)
def test_trouble_is_named_and_the_run_stays(
    rules: tuple[Rule, ...], words: str, finished: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A bucket that is missing, closed or out of reach ends with exit code 3 and where the run lies."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    with sandboxed(World(NOW, history=timedelta(hours=1)), *rules):
        assert main(["publish", str(finished), "s3://runs-of-nobody"]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert words in said.err
    assert f"The run is whole in {finished}" in said.err


def test_without_credentials_the_run_stays(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials, or with a profile that is not there, that is said, and where the run lies."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(NotPublished, match="NoCredentialsError"):
        publish(finished, "s3://runs-of-nobody")
    with pytest.raises(NotPublished, match="nobody"):
        publish(finished, "s3://runs-of-nobody", profile="nobody")


def _params(folder: Path, name: str, table: str = "Orders") -> str:
    path = folder / f"{name}.yaml"
    given = {"incident_id": name, "region": "eu-west-1", "table_name": table, "function_name": "orders-projector"}
    path.write_text(yaml.safe_dump(given), encoding="utf-8")
    return str(path)


def test_an_investigation_archives_to_s3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `--archive s3://` a run is made in a private folder and published when it is finished; its code stays."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with sandboxed(World(NOW, history=timedelta(hours=30))):
        bucket = _bucket()
        where = ["--archive", f"s3://{bucket}/runs", "--no-report", "--json"]
        assert main(["investigate", _params(tmp_path, "INC-1"), *where]) == 0
        document = json.loads(capsys.readouterr().out)
        folder = Path(document["run_folder"])
        assert document["published"] == f"s3://{bucket}/runs/INC-1/{folder.name}/"
        assert f"runs/INC-1/{folder.name}/{CHECKSUMS}" in _kept(bucket)
        assert not any("actors" in key for key in _kept(bucket))
        assert folder.parent.parent.parent == tmp_path
        assert folder.parent.parent.stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_an_event_of_two_triggers_is_a_batch_in_s3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table's alarm becomes an incident for each function it triggers, and each run is published by itself."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    told = described("unread", **metric("AWS/DynamoDB", "ReturnedRecordsCount", TableName="Orders"))
    (tmp_path / "event.json").write_text(json.dumps(queued(told)), encoding="utf-8")
    with sandboxed(World(NOW, history=timedelta(hours=30))):
        bucket = _bucket()
        where = ["--archive", f"s3://{bucket}", "--no-report", "--json", "--workers", "1"]
        assert main(["investigate", "--event", str(tmp_path / "event.json"), *where]) == 0
        documents = json.loads(capsys.readouterr().out)
        kept = _kept(bucket)
    assert len({document["published"] for document in documents}) == 2
    for document in documents:
        assert document["published"].removeprefix(f"s3://{bucket}/") + CHECKSUMS in kept


def test_a_run_that_cannot_be_archived_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where publishing fails the verdict is printed all the same, the code is 3, and the run lies where it says."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with sandboxed(World(NOW, history=timedelta(hours=30))):
        where = ["--archive", "s3://runs-of-nobody", "--no-report"]
        assert main(["investigate", _params(tmp_path, "INC-1"), *where]) == 3
    said = capsys.readouterr()
    assert said.out.startswith("Verdict")
    folder = said.err.split("The run is whole in ")[1].split(";")[0]
    assert main(["verify", folder]) == 0


def test_resume_needs_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is looked for in a folder cannot be looked for in S3: that is refused, as is s3:// as a parameter."""
    params = _params(tmp_path, "INC-1")
    assert main(["investigate", params, "--archive", "s3://runs-of-nobody", "--resume"]) == 3
    assert "--resume looks for finished runs in a folder." in capsys.readouterr().err
    Path(params).write_text(Path(params).read_text(encoding="utf-8") + "archive: s3://runs\n", encoding="utf-8")
    assert main(["investigate", params]) == 3
    assert "s3://... is for --archive" in capsys.readouterr().err
