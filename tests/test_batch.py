"""Many incidents at once: each one's failure its own, nothing done twice, nothing lost with a process."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from worlds import HISTORY, NOW, incident_of, sandboxed

from runbook_lib.archive.record import is_sealed, verify
from runbook_lib.aws.budget import Limit
from runbook_lib.cli import main
from runbook_lib.errors import CannotRun
from runbook_lib.incident import Incident
from runbook_lib.report.batch_page import headline
from runbook_lib.running import batch, run
from runbook_lib.running.batch import BatchOptions, investigate_all, investigate_incident, urgency, write_index
from runbook_lib.running.fleet import Processes, WorkerLost, workers
from runbook_lib.sandbox import World, build

pytestmark = [pytest.mark.sampled, pytest.mark.xdist_group("batch")]


@pytest.fixture(scope="module")
def world() -> World:
    """A world whose mapping was paused."""
    return build("mapping-paused", NOW, seed=1, history=HISTORY)


@pytest.fixture(scope="module")
def done(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[dict[str, Any]], World]]:
    """A batch of three on two processes: one incident names a table that is not there."""
    archive = tmp_path_factory.mktemp("batch")
    incidents = [incident_of(world, "B-1"), incident_of(world, "B-2", table_name="Ordres"), incident_of(world, "B-3")]
    with sandboxed(world):
        yield archive, investigate_all(incidents, BatchOptions(archive, report=False), number=2), world


def test_one_failure_is_its_own(done: tuple[Path, list[dict[str, Any]], World]) -> None:
    """The documents come in the order of the incidents; the one that could not be investigated says why."""
    _, documents, _ = done
    assert [document["incident_id"] for document in documents] == ["B-1", "B-2", "B-3"]
    assert [document["exit_code"] for document in documents] == [1, 3, 1]
    assert "Ordres" in documents[1]["error"]
    assert all(verify(Path(documents[place]["run_folder"])) == () for place in (0, 2))


def test_index_names_every_incident_first_lost_first(done: tuple[Path, list[dict[str, Any]], World]) -> None:
    """`index.json` and `index.html` hold each incident once, in order of urgency, with paths inside the archive."""
    archive, _, _ = done
    index = json.loads((archive / batch.INDEX).read_text(encoding="utf-8"))
    assert [incident["incident_id"] for incident in index["incidents"]] == ["B-1", "B-3", "B-2"]
    assert index["incidents"] == sorted(index["incidents"], key=urgency)
    assert (archive / index["incidents"][0]["run_folder"] / "verdict.json").exists()
    page = (archive / batch.PAGE).read_text(encoding="utf-8")
    assert "<script" not in page
    assert all(page.count(f"<td>{incident_id}") == 1 for incident_id in ("B-1", "B-2", "B-3"))
    assert "3 incidents: 2 fault, 1 could not run." in page


def test_resume_keeps_what_is_finished(done: tuple[Path, list[dict[str, Any]], World]) -> None:
    """Resumed, the finished runs of the same parameters stand, and only the others are investigated."""
    archive, documents, world = done
    incidents = [incident_of(world, name) for name in ("B-1", "B-3", "B-4")]
    again = investigate_all(incidents, BatchOptions(archive, report=False), number=1, resume=True)
    assert [document["run_folder"] for document in again[:2]] == [
        documents[0]["run_folder"],
        documents[2]["run_folder"],
    ]
    assert again[2]["exit_code"] == 1
    assert [len(list((archive / name).glob("*/SHA256SUMS"))) for name in ("B-1", "B-3", "B-4")] == [1, 1, 1]


def test_resume_does_not_take_other_parameters_or_a_missing_report(
    done: tuple[Path, list[dict[str, Any]], World],
) -> None:
    """A finished run of other parameters is another run, and one without the report that is wanted is not finished."""
    archive, _, world = done
    same = incident_of(world, "B-1")
    assert batch.earlier_document(same, BatchOptions(archive, report=False))
    assert batch.earlier_document(same, BatchOptions(archive)) is None
    assert (
        batch.earlier_document(incident_of(world, "B-1", lookback_hours=12), BatchOptions(archive, report=False))
        is None
    )


def test_a_unit_begun_again_goes_on_where_it_was(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit whose process was lost takes up its folder: one folder in all, and nothing recorded is asked again."""
    incident, wish = incident_of(world, "B-5"), BatchOptions(tmp_path, report=False, batch="one")

    def lose(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with sandboxed(world) as sandbox:
        with monkeypatch.context() as killed:
            killed.setattr(run, "_finish", lose)
            with pytest.raises(KeyboardInterrupt):
                investigate_incident(incident, wish)
        before = len(sandbox.journal)  # type: ignore[attr-defined]
        (folder,) = (path for path in (tmp_path / "B-5").iterdir() if path.is_dir())
        assert not is_sealed(folder)
        again = investigate_incident(incident, wish)
        assert again["run_folder"] == str(folder)
        assert len(sandbox.journal) == before + 1  # type: ignore[attr-defined]
        assert investigate_incident(incident, wish)["run_folder"] == str(folder)
        assert len(sandbox.journal) == before + 1  # type: ignore[attr-defined]
        assert investigate_incident(incident, BatchOptions(tmp_path, report=False, batch="two"))["run_folder"] != str(
            folder
        )
    assert verify(folder) == ()


def _die_once(marker: Path) -> str:
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_costs_its_own_unit_another_try(tmp_path: Path) -> None:
    """A unit whose process is killed is done again; one that kills every process is given up, and harms no other."""
    with Processes(2, int) as pool:
        futures: list[Future[Any]] = [pool.submit(_die_once, tmp_path / "marker"), pool.submit(_die)]
        futures += [pool.submit(abs, -number) for number in range(6)]
        assert futures[0].result() == "alive"
        with pytest.raises(WorkerLost, match="ended 3 times"):
            futures[1].result()
        assert [future.result() for future in futures[2:]] == list(range(6))


def test_a_cluster_that_is_not_there_is_said() -> None:
    """An address without a scheduler ends with a sentence, not with a traceback."""
    with pytest.raises(CannotRun, match="no Dask scheduler at nonsense"), workers(1, int, "nonsense"):
        pass


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="mended in Python 3.12")
def test_no_profiler_watches_a_worker_that_it_may_hang(tmp_path: Path) -> None:
    """On Python 3.11 a Dask worker samples its threads no more once it has work from us."""
    import cluster

    def watching() -> list[str]:  # pickled by value, as workers know nothing of the tests
        from distributed import get_worker

        return [name for name in get_worker().periodic_callbacks if name.startswith("profile")]

    with cluster.cluster(1, {}, tmp_path) as there:
        from distributed import Client

        with Client(there.address, set_as_default=False) as client:
            client.wait_for_workers(1)
            assert client.submit(watching, pure=False).result() == ["profile", "profile-cycle"]
        with workers(1, int, there.address) as (pool, at_once):
            assert at_once == 1
            assert pool.submit(watching).result() == []


@pytest.mark.slow
def test_a_killed_cluster_worker_loses_and_doubles_nothing() -> None:
    """With one of two Dask workers killed mid-run, every incident has one verdict and one whole folder."""
    import cluster

    found = cluster.measure(each=2, numbers=(1,))
    assert found.killed_found == found.killed_wanted == found.killed_folders == 4
    assert found.killed_broken == ()


def test_an_index_is_left_when_somebody_interrupts(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted in the middle, the batch leaves an index of what had arrived."""

    class Interrupted(Executor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_result(batch.failed(args[0], "no credentials"))
            return future

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "workers", lambda *_: nullcontext((Interrupted(), 1)))
    with pytest.raises(KeyboardInterrupt):
        investigate_all(
            [incident_of(world, "B-6"), incident_of(world, "B-7")], BatchOptions(tmp_path), number=1, arrived=stop
        )
    assert len(json.loads((tmp_path / batch.INDEX).read_text(encoding="utf-8"))["incidents"]) == 1


ROWS = (
    ({"state": "losing", "deadline": None, "already_lost_from": "2026-03-14T01:00:00Z"}, 0),
    ({"state": "at_risk", "deadline": "2026-03-14T20:00:00Z", "already_lost_from": None}, 1),
    ({"state": "at_risk", "deadline": "2026-03-15T20:00:00Z", "already_lost_from": None}, 2),
    (None, 3),
    ({"state": "none", "deadline": None, "already_lost_from": None}, 4),
)


def test_urgency_orders_by_who_loses_first() -> None:
    """Losing now, then by deadline, then what nobody could look at, then what is well."""
    rows = [{"incident_id": str(place), "loss": loss} for loss, place in reversed(ROWS)]
    assert [row["incident_id"] for row in sorted(rows, key=urgency)] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("counts", "words"),
    [({"no_fault": 1}, "1 incident: 1 no fault."), ({"fault": 2, "undetermined": 1}, "3 incidents: 2 fault, 1 undet")],
)
def test_headline_counts(counts: dict[str, int], words: str) -> None:
    """The page's first sentence counts each outcome that there was."""
    assert headline({**dict.fromkeys(("fault", "undetermined", "could_not_run", "no_fault"), 0), **counts}).startswith(
        words
    )


def test_hostile_words_stay_words(tmp_path: Path) -> None:
    """A sentence that AWS had a part in is text on the page, whatever it holds."""
    incident = Incident("B-8", "eu-west-1", "T", "f")
    write_index([(incident, batch.failed(incident, "<script>window.__x=1</script>\u202e"))], BatchOptions(tmp_path))
    page = (tmp_path / batch.PAGE).read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page


def test_command_line_says_each_as_it_arrives(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`investigate` with several files says each verdict with its number, and ends with the gravest code."""
    files = []
    for name in ("B-10", "B-11"):
        setting = world.setting
        path = tmp_path / f"{name}.yaml"
        path.write_text(
            f"incident_id: {name}\nregion: {world.region}\ntable_name: {setting.table}\n"
            f"function_name: {setting.function}\narchive: {tmp_path}\n",
            encoding="utf-8",
        )
        files.append(str(path))
    with sandboxed(world):
        assert main(["investigate", *files, "--no-report", "--workers", "2"]) == 1
    said = capsys.readouterr().out
    assert "1 of 2" in said
    assert "2 of 2" in said
    assert said.count("disabled by a request") == 2
    assert (tmp_path / batch.PAGE).exists()


@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_a_number_of_workers_is_a_number(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no number of workers is refused by name."""
    with pytest.raises(SystemExit) as ended:
        main(["investigate", "params/INC-EXAMPLE.yaml", "--workers", number])
    assert ended.value.code == 3
    assert "is not a number of workers" in capsys.readouterr().err


@pytest.mark.parametrize(("among", "rate", "burst"), [(1, 15.0, 12), (4, 3.75, 3), (50, 0.3, 1)])
def test_units_side_by_side_share_the_rates(among: int, rate: float, burst: int) -> None:
    """Each unit takes its part of what AWS grants the account; one request may always go at once."""
    shared = Limit(15, 12, "").shared(among)
    assert (shared.per_s, shared.burst) == (rate, burst)
