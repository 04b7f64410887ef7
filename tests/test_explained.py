"""The reference of findings says what the code says."""

from __future__ import annotations

import pytest

from runbook_lib.findings import FINDINGS, Finding, FindingKind, Weight
from runbook_lib.findings.explained import PossibleSign, explain, possible_signs


@pytest.mark.parametrize("finding", FINDINGS.values(), ids=FINDINGS)
def test_every_finding_says_how_it_is_known_and_refuted(finding: Finding) -> None:
    """Neither list is empty, and no sentence has lost what it is about."""
    reasons = explain(finding)
    assert reasons.known_by
    assert reasons.refuted_by
    assert not [words for words in (*reasons.known_by, *reasons.refuted_by) if "<value>" in words or "<>" in words]


@pytest.mark.parametrize(
    "finding",
    [finding for finding in FINDINGS.values() if finding.kind is FindingKind.CAUSE],
    ids=lambda finding: finding.id,
)
def test_a_cause_can_be_refuted(finding: Finding) -> None:
    """Every cause names something that would speak against it, in its code or by the counts of its stage."""
    assert finding.stops or [said for said in possible_signs(finding) if said.weight is Weight.AGAINST]


def test_helpers_and_names_are_followed() -> None:
    """Sentences of helpers that a finding hands on to are its own, with names where the evidence fills in."""
    assert PossibleSign(Weight.DECISIVE, "<number> log lines from <first> to <last> say: <words>") in possible_signs(
        FINDINGS["init-or-import-error"]
    )
    assert possible_signs(FINDINGS["esm-missing"])[0] == PossibleSign(
        Weight.AGAINST, "Mapping <uuid> goes from the table's stream to <function arn>."
    )


def test_a_helper_that_is_only_asked_is_not_quoted() -> None:
    """What a finding asks of another helper without handing it on is not among its sentences."""
    said = [sign.sentence for sign in possible_signs(FINDINGS["stale-stream-arn"])]
    assert not [words for words in said if "was restored and never had a stream" in words]
