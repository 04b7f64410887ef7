"""Every remedy card, applied to its worlds by a test and never by the kit: they heal, at the price the card names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import remedies
import remedy_cases
from remedy_cases import REMEDY_CASES, AppliedBy, RemedyOutcome
from remedy_effects import ApiCallMade, RecordCounts
from runbook_lib.findings import FINDINGS
from runbook_lib.judging.remedies import REMEDIES
from runbook_lib.sandbox import all_faults

pytestmark = pytest.mark.sampled

SAMPLE = {
    *(("R1", "mapping-paused"), ("R2", "mapping-deleted"), ("R3", "filter-without-type-descriptor")),
    *(("R4", "managed-policy-detached"), ("R5", "record-age-limited"), ("R6", "one-record-times-out")),
    *(("R8", "stream-disabled"), ("R10", "retries-exhausted")),
}
"""The cheapest that show every effect; the others are marked slow."""

PAIRS = {(case.remedy, world): case for case, world in remedy_cases.pairs()}


NOTHING_WAITS = ("R9", "table-key-disabled")
"""Reads end with the writes, so that nothing waits for the key, while the card says that records are replayed."""


def _pairs() -> list[object]:
    known = pytest.mark.xfail(strict=True, reason="the card promises a replay of what never was written")
    marks = {pair: [] if pair in SAMPLE else [pytest.mark.slow] for pair in PAIRS}
    marks[NOTHING_WAITS].append(known)
    return [pytest.param(*pair, marks=marks[pair]) for pair in PAIRS]


@pytest.mark.parametrize(("remedy", "world"), _pairs())
def test_remedy_heals_its_world_at_the_price_it_names(remedy: str, world: str) -> None:
    """What ails goes on when left alone and ends by the remedy; the records fare as the card says."""
    assert remedy_cases.run(PAIRS[remedy, world], world, remedies.NOW).trouble == ()


def test_no_card_is_missing_from_the_table() -> None:
    """Every card is applied somewhere, and the table knows no card that is none."""
    assert {case.remedy for case in REMEDY_CASES} == set(REMEDIES)
    assert sum(len(case.worlds) for case in REMEDY_CASES) == len(PAIRS)
    assert set(PAIRS) >= SAMPLE


def test_every_remedy_of_a_fault_is_applied_to_it() -> None:
    """What a fault declares as its remedies is in the table, with that fault."""
    declared = {(remedy, name) for name, fault in all_faults().items() for remedy in fault.remedies}
    assert declared - set(PAIRS) == set()


def test_every_card_belongs_to_a_finding() -> None:
    """No card is there that no finding prescribes, and none is tried where nothing could prescribe it."""
    prescribed = {remedy for finding in FINDINGS.values() for remedy in finding.remedies}
    assert set(REMEDIES) - prescribed == set()


@pytest.mark.parametrize("case", REMEDY_CASES, ids=[f"{case.remedy}-{case.worlds[0]}" for case in REMEDY_CASES])
def test_table_quotes_the_card(case: remedy_cases.RemedyCase) -> None:
    """What the table takes a card to say stands in the card, and whatever is not plain calls has its reason."""
    card = REMEDIES[case.remedy]
    assert case.says in card.effect
    assert case.instead in f"{card.command} {card.risk} {card.precondition}"
    assert bool(case.reason) == (case.applied_by is not AppliedBy.API)


def test_command_is_recognised_by_its_operation_and_options() -> None:
    """A call of another operation, or one that lacks an option of the command, is not the card's."""
    command = "aws lambda update-event-source-mapping --region {region} --uuid {uuid} --enabled   # then --wait"
    right = ApiCallMade("lambda", "update-event-source-mapping", frozenset({"uuid", "enabled"}))
    assert remedy_cases.command_was_called(command, [right])
    assert not remedy_cases.command_was_called(command, [replace(right, operation="create-event-source-mapping")])
    assert not remedy_cases.command_was_called(command, [replace(right, options=frozenset({"uuid"}))])


@pytest.fixture
def proved() -> RemedyOutcome:
    """An outcome without blemish."""
    case = PAIRS["R1", "mapping-paused"]
    asked = ApiCallMade("lambda", "update-event-source-mapping", frozenset({"uuid", "enabled"}))
    return RemedyOutcome(case, "mapping-paused", True, True, True, RecordCounts(7, 0, 0), (asked,))


BLEMISHES: dict[str, dict[str, object]] = {
    "nothing was wrong before": {"was_broken": False},
    "heals when left alone": {"stays_broken": False},
    "not healed after": {"repaired": False},
    "records replayed, skipped, the card says replayed": {"records": RecordCounts(7, 0, 1)},
    "its command was not called": {"calls": ()},
}


@pytest.mark.parametrize("trouble", BLEMISHES)
def test_card_that_is_not_proved_is_told(proved: RemedyOutcome, trouble: str) -> None:
    """Whatever is not as the card says is named."""
    assert proved.trouble == ()
    assert replace(proved, **BLEMISHES[trouble]).trouble == (trouble,)  # type: ignore[arg-type]


class _InThisProcess:
    """A pool that runs what it is given at once, so that a test may say what runs."""

    def __init__(self, **_: object) -> None:
        self.map = map

    def __enter__(self) -> _InThisProcess:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_page_is_written_only_when_every_card_is_proved(
    proved: RemedyOutcome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A card that failed, or one that did not run, leaves the committed page as it was, and the exit code says so."""
    target, told = tmp_path / "remedies.md", {"now": proved}
    monkeypatch.setattr(remedies, "PAGE", target)
    monkeypatch.setattr(remedies, "ProcessPoolExecutor", _InThisProcess)
    monkeypatch.setattr(remedies, "run", lambda _: told["now"])
    assert remedies.main([]) == 2
    monkeypatch.setattr(remedies, "REMEDIES", {"R1": REMEDIES["R1"]})
    told["now"] = replace(proved, repaired=False)
    assert remedies.main([]) == 1
    assert not target.exists()
    told["now"] = proved
    assert remedies.main([]) == 0
    assert (
        "| mapping-paused | the API | 12 min | replayed: “Resumes where it stopped” | 7 replayed |"
        in target.read_text()
    )


def test_page_lists_every_card(root: Path) -> None:
    """The committed page has a row for every card in every world of the table."""
    page = (root / "docs" / "remedies.md").read_text(encoding="utf-8")
    assert [pair for pair in PAIRS if f"| {pair[0]} {REMEDIES[pair[0]].title} | {pair[1]} |" not in page] == []
