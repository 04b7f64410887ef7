"""Every remedy card, applied to its worlds by a test and never by the kit: they heal, at the price the card names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import remedies
import repairs
from healing import Asked, Records
from repairs import REPAIRS, How, Outcome
from runbook_lib.findings import FINDINGS
from runbook_lib.remedies import REMEDIES
from runbook_lib.sandbox import all_faults

pytestmark = pytest.mark.sampled

SAMPLE = {
    *(("R1", "mapping-paused"), ("R2", "mapping-deleted"), ("R3", "filter-without-type-descriptor")),
    *(("R4", "managed-policy-detached"), ("R5", "record-age-limited"), ("R6", "one-record-times-out")),
    *(("R8", "stream-disabled"), ("R10", "retries-exhausted")),
}
"""The cheapest that show every effect; the others are marked slow."""

PAIRS = {(repair.remedy, world): repair for repair, world in repairs.pairs()}


def _pairs() -> list[object]:
    return [pytest.param(*pair, marks=[] if pair in SAMPLE else pytest.mark.slow) for pair in PAIRS]


@pytest.mark.parametrize(("remedy", "world"), _pairs())
def test_remedy_heals_its_world_at_the_price_it_names(remedy: str, world: str) -> None:
    """What ails goes on when left alone and ends by the remedy; the records fare as the card says."""
    assert repairs.run(PAIRS[remedy, world], world, remedies.NOW).trouble == ()


def test_no_card_is_missing_from_the_table() -> None:
    """Every card is applied somewhere, and the table knows no card that is none."""
    assert {repair.remedy for repair in REPAIRS} == set(REMEDIES)
    assert sum(len(repair.worlds) for repair in REPAIRS) == len(PAIRS)
    assert set(PAIRS) >= SAMPLE


def test_every_remedy_of_a_fault_is_applied_to_it() -> None:
    """What a fault declares as its remedies is in the table, with that fault."""
    declared = {(remedy, name) for name, fault in all_faults().items() for remedy in fault.remedies}
    assert declared - set(PAIRS) == set()


def test_every_card_belongs_to_a_finding() -> None:
    """No card is there that no finding prescribes, and none is tried where nothing could prescribe it."""
    prescribed = {remedy for one in FINDINGS.values() for remedy in one.remedies}
    assert set(REMEDIES) - prescribed == set()


@pytest.mark.parametrize("repair", REPAIRS, ids=[f"{one.remedy}-{one.worlds[0]}" for one in REPAIRS])
def test_table_quotes_the_card(repair: repairs.Repair) -> None:
    """What the table takes a card to say stands in the card, and whatever is not plain calls has its reason."""
    card = REMEDIES[repair.remedy]
    assert repair.says in card.effect
    assert repair.instead in f"{card.command} {card.risk} {card.precondition}"
    assert bool(repair.reason) == (repair.how is not How.API)


def test_command_is_recognised_by_its_operation_and_options() -> None:
    """A call of another operation, or one that lacks an option of the command, is not the card's."""
    command = "aws lambda update-event-source-mapping --region {region} --uuid {uuid} --enabled   # then --wait"
    right = Asked("lambda", "update-event-source-mapping", frozenset({"uuid", "enabled"}))
    assert repairs.called(command, [right])
    assert not repairs.called(command, [replace(right, operation="create-event-source-mapping")])
    assert not repairs.called(command, [replace(right, options=frozenset({"uuid"}))])


@pytest.fixture
def proved() -> Outcome:
    """An outcome without blemish."""
    repair = PAIRS["R1", "mapping-paused"]
    asked = Asked("lambda", "update-event-source-mapping", frozenset({"uuid", "enabled"}))
    return Outcome(repair, "mapping-paused", True, True, True, Records(7, 0, 0), (asked,))


BLEMISHES: dict[str, dict[str, object]] = {
    "nothing was wrong before": {"ailed": False},
    "heals when left alone": {"ails_on": False},
    "not healed after": {"healed": False},
    "records replayed, skipped, the card says replayed": {"records": Records(7, 0, 1)},
    "its command was not called": {"asked": ()},
}


@pytest.mark.parametrize("trouble", BLEMISHES)
def test_card_that_is_not_proved_is_told(proved: Outcome, trouble: str) -> None:
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
    proved: Outcome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A card that failed, or one that did not run, leaves the committed page as it was, and the exit code says so."""
    target, told = tmp_path / "remedies.md", {"now": proved}
    monkeypatch.setattr(remedies, "PAGE", target)
    monkeypatch.setattr(remedies, "ProcessPoolExecutor", _InThisProcess)
    monkeypatch.setattr(remedies, "run", lambda _: told["now"])
    assert remedies.main([]) == 2
    monkeypatch.setattr(remedies, "REMEDIES", {"R1": REMEDIES["R1"]})
    told["now"] = replace(proved, healed=False)
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
