"""Findings, faults and failure modes belong together, and what is not covered is said to be so."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from runbook_lib.findings import FINDINGS, FindingKind, Trait
from runbook_lib.findings.modes import GROUPS, MODES
from runbook_lib.findings.unseen import UNSEEN
from runbook_lib.judging.remedies import REMEDIES
from runbook_lib.sandbox import Fault, all_faults

FAULTS = all_faults()
KINDS = {
    "expects": FindingKind.CAUSE,
    "contributing": FindingKind.CONTRIBUTING,
    "symptoms": FindingKind.SYMPTOM,
    "notes": FindingKind.INNOCENT,
}


def _named(fault: Fault, part: str) -> tuple[str, ...]:
    """The findings that a fault names in one part of its card."""
    named = getattr(fault, part)
    return (named,) if isinstance(named, str) else tuple(named or ())


@pytest.mark.parametrize("id", FINDINGS)
def test_every_finding_is_shown_by_a_fault(id: str) -> None:
    """Some world of the sandbox has this finding in its diagnosis, so that nobody has to take its word."""
    assert [fault.id for fault in FAULTS.values() if any(id in _named(fault, part) for part in KINDS)]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_declares_what_belongs_together(fault: Fault) -> None:
    """A cause has an onset, a symptom unless it ends the writes, a remedy and something at stake; health has none."""
    assert fault.story.endswith(".")
    if fault.expects is None:
        stake = "unknown" if "latest-update-gap" in fault.contributing else "none"
        assert (fault.symptoms, fault.remedies, fault.loss) == ((), (), stake)
    else:
        assert fault.onset is not None
        assert timedelta(minutes=40) <= fault.onset <= timedelta(hours=24)
        assert fault.symptoms or Trait.ENDS_WRITES in FINDINGS[fault.expects].traits
        assert fault.remedies
        assert fault.loss != "none"
        assert fault.expects not in fault.forbids


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_names_only_what_there_is(fault: Fault) -> None:
    """Each id on a fault's card is a finding, of the kind that its place says; each remedy is on the table."""
    kinds = {id: kind for part, kind in KINDS.items() for id in _named(fault, part)}
    assert {id: FINDINGS[id].kind for id in kinds} == kinds
    assert set(fault.forbids) <= set(FINDINGS)
    assert not set(fault.forbids) & set(kinds)
    assert set(fault.remedies) <= set(REMEDIES)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS.values() if fault.expects], ids=lambda fault: fault.id)
def test_the_remedies_of_a_fault_are_those_of_its_findings(fault: Fault) -> None:
    """What would mend a fault is prescribed by its cause, or by what contributes to it."""
    prescribing = (*_named(fault, "expects"), *fault.contributing)
    assert set(fault.remedies) <= {remedy for id in prescribing for remedy in FINDINGS[id].remedies}


@pytest.mark.parametrize("mode", MODES)
def test_every_failure_mode_is_recognised_or_listed_as_unseen(mode: str) -> None:
    """Each has findings that recognise it, one of them under its own name, or a reason why nothing shows it."""
    recognised = {finding.id for finding in FINDINGS.values() if mode in finding.modes}
    listed = [unseen_mode for unseen_mode in UNSEEN if unseen_mode.mode == mode]
    assert recognised or [unseen_mode for unseen_mode in listed if unseen_mode.finding is None]
    assert not recognised or MODES[mode].finding in recognised | {"diagnostic-update-gap"}
    assert {unseen_mode.finding for unseen_mode in listed} <= recognised or not recognised


def test_modes_that_no_finding_recognises_are_those_declared_unseen() -> None:
    """The modes on no card are exactly those that the list of the unseen gives no finding for."""
    on_cards = {mode for finding in FINDINGS.values() for mode in finding.modes}
    assert set(MODES) - on_cards == {unseen_mode.mode for unseen_mode in UNSEEN if unseen_mode.finding is None}


def test_every_mode_that_is_used_has_a_name() -> None:
    """No card and no line of the list names a failure mode that there is not, and every line gives its reason."""
    assert {mode for finding in FINDINGS.values() for mode in finding.modes} <= set(MODES)
    assert {unseen_mode.mode for unseen_mode in UNSEEN} <= set(MODES)
    assert all(unseen_mode.what and unseen_mode.why.endswith(".") for unseen_mode in UNSEEN)


def test_modes_are_numbered_by_group() -> None:
    """Ids run from 1 in every group without a hole, and no two modes share a name or a finding."""
    numbered = [f"{group}{n}" for group in GROUPS for n in range(1, 1 + sum(mode[0] == group for mode in MODES))]
    assert list(MODES) == numbered
    assert len({mode.name for mode in MODES.values()}) == len({mode.finding for mode in MODES.values()}) == len(MODES)


def test_what_is_unseen_is_in_the_index(root: Path) -> None:
    """The index of findings says what no finding can recognise, and why."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / "docs"))
        import catalogue

        page = catalogue.findings()
    for unseen_mode in UNSEEN:
        assert f"| {unseen_mode.what} | {unseen_mode.why} |" in page
