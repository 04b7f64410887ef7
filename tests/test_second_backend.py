"""The second backend: what counts as agreement, what may be written, and what the committed page is of."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

import conformance
from conformance import ConformanceResult, ScenarioOutcome
from runbook_lib.findings import FINDINGS, FindingKind
from scenarios import REFUSED, SCENARIOS, Scenario

DISABLED = ("esm-disabled-by-user", "latent")
MISSING = ("esm-missing", "latent")


def _scenario(expects: str | None = "esm-disabled-by-user", unlike: str = "") -> Scenario:
    return Scenario("mapping-disabled", expects, unlike, lambda account: None)


@pytest.mark.parametrize(
    ("expects", "status", "named", "result"),
    [
        (None, "no_fault", (), ConformanceResult.AGREES),
        (None, "fault", (DISABLED,), ConformanceResult.DIFFERS),
        ("esm-disabled-by-user", "fault", (DISABLED,), ConformanceResult.AGREES),
        ("esm-disabled-by-user", "fault", (DISABLED, MISSING), ConformanceResult.DIFFERS),
        ("esm-disabled-by-user", "fault", (MISSING,), ConformanceResult.DIFFERS),
        ("esm-disabled-by-user", "undetermined", (), ConformanceResult.UNDETERMINED),
        ("esm-disabled-by-user", "no_fault", (), ConformanceResult.DIFFERS),
        (REFUSED, REFUSED, ((REFUSED, "There is no such table."),), ConformanceResult.AGREES),
    ],
)
def test_only_what_was_done_is_agreement(
    expects: str | None, status: str, named: tuple[tuple[str, str], ...], result: ConformanceResult
) -> None:
    """The verdict names what was done and nothing else; to call a broken trigger healthy differs."""
    assert ScenarioOutcome(_scenario(expects), status, named, ()).result is result


def test_every_scenario_can_be_recognised() -> None:
    """Each scenario is told in its docstring, has a name of its own and expects a cause that the kit knows."""
    causes = {finding.id for finding in FINDINGS.values() if finding.kind is FindingKind.CAUSE} | {REFUSED, None}
    assert {scenario.expects for scenario in SCENARIOS} <= causes
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert all(scenario.story.endswith(".") for scenario in SCENARIOS)


@contextmanager
def _nothing_started(python: Path) -> Iterator[SimpleNamespace]:
    yield SimpleNamespace(version="0.0.1")


@pytest.mark.parametrize(
    ("named", "unlike", "names", "code", "written"),
    [
        ((DISABLED,), "", (), 0, True),
        ((DISABLED,), "", ("mapping-disabled",), 0, False),
        ((MISSING,), "", (), 1, False),
        ((MISSING,), "It has no mappings", (), 0, True),
        (None, "", (), 2, False),
        ((DISABLED,), "", ("no-such-scenario",), 2, False),
    ],
)
def test_page_is_written_only_when_all_ran_and_nothing_differs_unexplained(
    named: tuple[tuple[str, str], ...] | None,
    unlike: str,
    names: tuple[str, ...],
    code: int,
    written: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A scenario that did not run, an unexplained difference and a part of the scenarios leave the page as it was."""

    def look(scenario: Scenario, backend: SimpleNamespace) -> ScenarioOutcome:
        if named is None:
            raise TimeoutError("the mapping says nothing")
        return ScenarioOutcome(scenario, "fault", named, ())

    page = tmp_path / "conformance.md"
    monkeypatch.setattr(conformance, "PAGE", page)
    monkeypatch.setattr(conformance, "SCENARIOS", [_scenario(unlike=unlike)])
    monkeypatch.setattr(conformance, "running", _nothing_started)
    monkeypatch.setattr(conformance, "run_scenario", look)
    assert conformance.main(["python", *names]) == code
    assert page.exists() == written


def test_committed_page_tells_of_every_scenario_on_the_pinned_backend(root: Path) -> None:
    """docs/conformance.md has one row for each scenario, and names the version that pyproject.toml and the lock pin."""
    page = (root / "docs" / "conformance.md").read_text(encoding="utf-8")
    (pinned,) = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]["conformance"]
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")][1:]
    assert [(row[0].removeprefix("| "), row[1]) for row in rows] == [
        (scenario.name, scenario.story) for scenario in SCENARIOS
    ]
    assert f"and {pinned.replace('==', ' ')};" in page
    assert f"{pinned} \\\n    --hash=" in (root / "conformance.lock").read_text(encoding="utf-8")
