"""Findings and faults belong together: each finding is shown by a fault, and each fault names findings."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runbook_lib.findings import FINDINGS, Kind
from runbook_lib.remedies import REMEDIES
from runbook_lib.sandbox.faults import Fault, all_faults

FAULTS = all_faults()
KINDS = {
    "expects": Kind.CAUSE,
    "contributing": Kind.CONTRIBUTING,
    "symptoms": Kind.SYMPTOM,
    "notes": Kind.INNOCENT,
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
    """A cause has an onset, a remedy and something at stake; a healthy world has none of these."""
    assert fault.story.endswith(".")
    if fault.expects is None:
        assert (fault.symptoms, fault.remedies, fault.loss) == ((), (), "none")
    else:
        assert fault.onset is not None
        assert timedelta(minutes=40) <= fault.onset <= timedelta(hours=24)
        assert fault.symptoms
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


@pytest.mark.parametrize("fault", [one for one in FAULTS.values() if one.expects], ids=lambda one: one.id)
def test_the_remedies_of_a_fault_are_those_of_its_findings(fault: Fault) -> None:
    """What would mend a fault is prescribed by its cause, or by what contributes to it."""
    prescribing = (*_named(fault, "expects"), *fault.contributing)
    assert set(fault.remedies) <= {remedy for id in prescribing for remedy in FINDINGS[id].remedies}
