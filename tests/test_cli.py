"""The command line: one clear sentence, the right exit code, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from worlds import A_MOMENT, HISTORY, NOW, sandboxed

from runbook_lib.cli import main
from runbook_lib.sandbox import build, expired_credentials

GOOD = {
    "incident_id": "INC-1",
    "region": "eu-west-1",
    "table_name": "Orders",
    "function_name": "orders-projector",
}


@pytest.fixture(scope="module")
def served() -> Iterator[None]:
    """A sandbox with a paused mapping, for every test of this module that needs an answer."""
    with sandboxed(build("mapping-paused", NOW, seed=1, history=HISTORY)):
        yield


def _file(folder: Path, **change: Any) -> str:
    path = folder / "INC-1.yaml"
    path.write_text(yaml.safe_dump({**GOOD, "archive": str(folder / "archive"), **change}), encoding="utf-8")
    return str(path)


WRONG: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"tabel_name": "Orders"}, ("Unknown parameter `tabel_name`", "`table_name`")),
    ({"table_name": "Ordres"}, ("no table `Ordres` in eu-west-1 of account 123456789012", "Did you mean `Orders`?")),
    (
        {"function_name": "orders-projektor"},
        ("no function `orders-projektor` in eu-west-1", "Did you mean `orders-projector`?"),
    ),
    ({"region": "eu-west-9"}, ("no AWS region `eu-west-9`", "Did you mean `eu-west-")),
    ({"region": "us-west-2"}, ("no table `Orders` in us-west-2 of account 123456789012", "`region`")),
    ({"account_id": "111122223333"}, ("belong to account 123456789012", "expect 111122223333", "`profile`")),
    ({"profile": "nobody"}, ("nobody", "`profile`")),
]


@pytest.mark.xdist_group("cli")
@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(("change", "words"), WRONG)
def test_wrong_parameters_end_in_one_sentence(
    change: dict[str, Any], words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake in the parameters ends with exit code 3 and a single line that names it and the remedy."""
    assert main(["investigate", _file(tmp_path, **change), "--no-report"]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    for word in words:
        assert word in said.err


@pytest.mark.xdist_group("cli")
@pytest.mark.usefixtures("served")
def test_archive_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An archive below a file ends with exit code 3 and names the folder."""
    (tmp_path / "file").write_text("")
    assert main(["investigate", _file(tmp_path, archive=str(tmp_path / "file")), "--no-report"]) == 3
    assert "cannot be written" in capsys.readouterr().err


def test_no_credentials_is_said_with_the_way_to_sign_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without credentials the command ends with exit code 3 and says how to get some."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert main(["investigate", _file(tmp_path)]) == 3
    assert "No AWS credentials were found. Sign in" in capsys.readouterr().err


def test_unreachable_endpoint_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endpoint that refuses connections ends with exit code 3 and is named."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert main(["investigate", _file(tmp_path)]) == 3
    said = capsys.readouterr().err
    assert "http://127.0.0.1:9" in said
    assert "AWS_ENDPOINT_URL" in said


def test_expired_credentials_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Credentials that have run out end with exit code 3 and the way to sign in again."""
    with sandboxed(build("healthy", NOW, seed=1, history=A_MOMENT), expired_credentials()):
        assert main(["investigate", _file(tmp_path)]) == 3
    assert "expired. Sign in again" in capsys.readouterr().err


@pytest.mark.xdist_group("cli")
@pytest.mark.usefixtures("served")
def test_json_is_one_document_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json stdout is the verdict alone, stderr is silent, and the exit code tells the cause."""
    assert main(["investigate", _file(tmp_path), "--no-report", "--json"]) == 1
    said = capsys.readouterr()
    assert said.err == ""
    verdict = json.loads(said.out)
    assert verdict["causes"][0]["id"] == "esm-disabled-by-user"
    assert Path(verdict["run_folder"]).is_dir()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--export", "junit,html"], "There is no export `html`. Known are: pdf, junit, sarif."),
        (["--export", "sarif", "--export", "pdf", "--no-report"], "Leave out `pdf` or --no-report."),
    ],
)
def test_exports_that_cannot_be_had_are_refused(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong --export ends with exit code 3 and one sentence, before anything is asked or written."""
    assert main(["investigate", _file(tmp_path), *arguments]) == 3
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert words in said.err
    assert not (tmp_path / "archive").exists()
    assert main(["replay", str(tmp_path), *arguments]) == 3
    assert words in capsys.readouterr().err


def test_exports_are_written_when_asked(tmp_path: Path) -> None:
    """`investigate` and `replay` write what --export names, once or repeated, and the exit code stays the verdict's."""
    wanted = ["--no-report", "--export", "junit", "--export", "sarif"]
    assert main(["investigate", "params/INC-EXAMPLE.yaml", "--archive", str(tmp_path), *wanted]) == 1
    (folder,) = (path.parent for path in tmp_path.glob("INC-EXAMPLE/*/verdict.json"))
    assert main(["replay", str(folder), "--no-report", "--export", "junit,sarif"]) == 1
    for run_folder in (folder, folder.with_name(f"{folder.name}-replay-1")):
        assert {"junit.xml", "findings.sarif"} <= {path.name for path in run_folder.iterdir()}
        assert main(["verify", str(run_folder)]) == 0


@pytest.mark.sampled
def test_pdf_that_cannot_be_made_leaves_the_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a printer one sentence on stderr says so; the report is there, and the exit code is the verdict's."""
    monkeypatch.setattr("runbook_lib.report.pdf.BROWSERS", ("no-such-browser",))
    monkeypatch.setattr("runbook_lib.report.pdf.find_spec", lambda name: None)
    where = ["--archive", str(tmp_path), "--export", "pdf,junit"]
    assert main(["investigate", "params/INC-EXAMPLE.yaml", *where]) == 1
    assert capsys.readouterr().err == (
        "runbook: report.pdf was not made: neither Chromium (no-such-browser) nor WeasyPrint (the extra `pdf`)"
        " is installed.\n"
    )
    (folder,) = (path.parent for path in tmp_path.glob("INC-EXAMPLE/*/verdict.json"))
    assert {"report.html", "junit.xml"} <= {path.name for path in folder.iterdir()}
    assert not (folder / "report.pdf").exists()
    assert main(["verify", str(folder)]) == 0


@pytest.mark.xdist_group("cli")
@pytest.mark.usefixtures("served")
def test_one_bad_file_of_many_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a batch a table that does not exist costs its own incident only; the gravest exit code is given."""
    other = tmp_path / "other"
    other.mkdir()
    files = [_file(tmp_path, table_name="Ordres"), _file(other)]
    assert main(["investigate", *files, "--no-report", "--json"]) == 3
    first, second = json.loads(capsys.readouterr().out)
    assert "Ordres" in first["error"]
    assert second["status"] == "fault"


def test_evidence_stays_when_the_names_were_wrong(tmp_path: Path) -> None:
    """What was collected before a mistake was noticed is kept in the run folder."""
    with sandboxed(build("healthy", NOW, seed=1, history=A_MOMENT)):
        assert main(["investigate", _file(tmp_path, table_name="Ordres"), "--no-report"]) == 3
    kept = list((tmp_path / "archive").rglob("*.jsonl"))
    assert {path.name for path in kept} >= {"00-run.jsonl", "01-table_and_service_health.jsonl"}


def test_usage_mistakes_are_not_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown option ends with 3: exit code 2 would read as undetermined."""
    with pytest.raises(SystemExit) as ended:
        main(["investigate", "--colour"])
    assert ended.value.code == 3
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["findings", "esm-mising"], "Did you mean `esm-missing`?"), (["sandbox", "stream-disabld"], "`stream-disabled`")],
)
def test_mistyped_names_get_a_suggestion(arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped finding or fault ends with 3 and the name that was probably meant."""
    assert main(arguments) == 3
    assert word in capsys.readouterr().err


def test_verify_names_the_changed_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`verify` passes on a finished run, and fails naming the file after one byte is changed."""
    assert main(["investigate", "params/INC-EXAMPLE.yaml", "--archive", str(tmp_path), "--no-report"]) == 1
    folder = next((tmp_path / "INC-EXAMPLE").iterdir())
    assert main(["verify", str(folder)]) == 0
    path = folder / "evidence" / "02-stream_specification.jsonl"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(bytes(content))
    assert main(["verify", str(folder)]) == 1
    assert "evidence/02-stream_specification.jsonl was changed." in capsys.readouterr().out


def test_lists_are_complete(capsys: pytest.CaptureFixture[str]) -> None:
    """`faults` and `findings` list everything, `policy` prints actions of reads only."""
    from runbook_lib.findings import FINDINGS
    from runbook_lib.sandbox import all_faults

    assert main(["findings", "--json"]) == 0
    assert {finding["id"] for finding in json.loads(capsys.readouterr().out)} == set(FINDINGS)
    assert main(["faults", "--json"]) == 0
    assert {fault["id"] for fault in json.loads(capsys.readouterr().out)} == set(all_faults())
    assert main(["policy"]) == 0
    actions = json.loads(capsys.readouterr().out)["Statement"][0]["Action"]
    assert all(
        action.split(":")[1].startswith(("Get", "List", "Describe", "Filter", "Lookup", "Simulate"))
        for action in actions
    )


def test_sandbox_serves_until_stopped() -> None:
    """`runbook sandbox` prints an environment that works, and ends cleanly when told to."""
    with subprocess.Popen(
        [sys.executable, "-m", "runbook_lib", "sandbox", "healthy"], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        lines = [server.stdout.readline() for _ in range(9)]
        printed = dict(
            line.removeprefix("export ").strip().split("=", 1) for line in lines if line.startswith("export")
        )
        code = "import boto3; print(boto3.client('sts', region_name='eu-west-1').get_caller_identity()['Account'])"
        answer = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, **printed}, capture_output=True, text=True, check=True
        )
        server.terminate()
        assert server.wait(timeout=20) == 0
    assert answer.stdout.strip() == "123456789012"
