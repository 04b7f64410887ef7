"""Findings, faults and failure modes belong together, and what is not covered is said to be so."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from runbook_lib.findings import FINDINGS, FindingKind
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


MODES = {
    "A": (
        "no-table-writes noop-writes rejected-writes wrong-scope stream-disabled wrong-cdc-product "
        "stale-stream-arn table-recreated-or-restored table-key-inaccessible replica-expectations ttl-expectation "
        "trimmed"
    ),
    "B": (
        "esm-missing esm-wrong-target esm-disabled-by-user esm-disabled-by-lambda esm-transitional "
        "latest-startup-gap latest-update-gap diagnostic-update-gap filter-matches-nothing filter-unreadable "
        "batching-or-tumbling-delay create-rejected max-age-drop retry-exhausted-drop destination-broken"
    ),
    "C": (
        "role-missing-stream-actions explicit-deny-identity permissions-boundary scp-or-rcp resource-policy "
        "trust-or-role-gone cmk-denied-to-role condition-mismatch version-role-drift"
    ),
    "D": (
        "function-or-qualifier-deleted state-pending state-inactive-idle artifact-lost state-failed "
        "function-key-denied vpc-eni-subnet update-failed-red-herring runtime-deprecated code-signing "
        "newer-function-types"
    ),
    "E": (
        "reserved-concurrency-zero reserved-too-low account-concurrency-exhausted shard-serial-lag "
        "too-many-readers payload-or-duration"
    ),
    "F": (
        "poison-record timeout oom init-or-import-error partial-batch-misuse tumbling-no-state "
        "view-type-lacks-image success-without-effect recursion-detection write-back-loop"
    ),
    "G": "role-cannot-log looking-in-wrong-logs other-triggers-mask metrics-not-opted-in",
    "H": "service-event account-or-region-state quota",
}
"""The failure modes in their order, by the letter of their group: `A1` is the first of `A`."""

NAMES = {f"{group}{number}": name for group, names in MODES.items() for number, name in enumerate(names.split(), 1)}


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


@pytest.mark.parametrize("fault", [fault for fault in FAULTS.values() if fault.expects], ids=lambda fault: fault.id)
def test_the_remedies_of_a_fault_are_those_of_its_findings(fault: Fault) -> None:
    """What would mend a fault is prescribed by its cause, or by what contributes to it."""
    prescribing = (*_named(fault, "expects"), *fault.contributing)
    assert set(fault.remedies) <= {remedy for id in prescribing for remedy in FINDINGS[id].remedies}


@pytest.mark.parametrize("mode", NAMES)
def test_every_failure_mode_is_recognised_or_listed_as_unseen(mode: str) -> None:
    """Each has findings that recognise it, one of them under its own name, or a reason why nothing shows it."""
    recognised = {finding.id for finding in FINDINGS.values() if mode in finding.modes}
    listed = [unseen_mode for unseen_mode in UNSEEN if unseen_mode.mode == mode]
    assert recognised or [unseen_mode for unseen_mode in listed if unseen_mode.finding is None]
    assert not recognised or NAMES[mode] in recognised | {"diagnostic-update-gap"}
    assert {unseen_mode.finding for unseen_mode in listed} <= recognised or not recognised


def test_findings_and_unseen_name_known_modes() -> None:
    """No card and no line of the list names a failure mode that there is not, and every line gives its reason."""
    assert {mode for finding in FINDINGS.values() for mode in finding.modes} <= set(NAMES)
    assert {unseen_mode.mode for unseen_mode in UNSEEN} <= set(NAMES)
    assert all(unseen_mode.what and unseen_mode.why.endswith(".") for unseen_mode in UNSEEN)


def test_what_is_unseen_is_in_the_index(root: Path) -> None:
    """The index of findings says what no finding can recognise, and why."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / "docs"))
        import catalogue

        page = catalogue.findings()
    for unseen_mode in UNSEEN:
        assert f"| {unseen_mode.what} | {unseen_mode.why} |" in page
