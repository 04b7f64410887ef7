"""What a refusal of the poller is called, and when a mapping's last word on it still counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from example_evidence import example, replaced, with_fields
from worlds import in_world

from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.findings import FINDINGS, Weight
from runbook_lib.interpret.policy import Decision, PolicyType
from runbook_lib.interpret.processing_result import read
from runbook_lib.measuring.pipe import Measured

MINUTE = timedelta(minutes=1)
QUOTING = (
    *("role-missing-stream-actions", "explicit-deny-identity", "permissions-boundary", "scp-or-rcp"),
    *("resource-policy", "condition-mismatch"),
)
SAID = (
    "PROBLEM: User: arn:aws:sts::123456789012:assumed-role/orders-projector-role/awslambda_701_20260314131452217 is not"
    " authorized to perform: dynamodb:GetRecords on resource: {arn} {why}"
)
EXPLICIT, IMPLICIT = "with an explicit deny in a {}", "because no {} allows the dynamodb:GetRecords action"


def _saying(seen: Evidence, why: str) -> tuple[Evidence, EventSourceMapping]:
    """Give evidence whose mapping last said that it was refused, and that mapping."""
    (mapping,) = seen.status.mappings
    said = replaced(mapping, processing=read(SAID.format(arn=mapping.event_source_arn, why=why)))
    return with_fields(with_fields(seen, "mappings", ours=(said,)), "status", mappings=(said,)), said


def _quoting(seen: Evidence) -> set[str]:
    """Name the findings that quote the mapping's last word."""
    return {
        name
        for name in QUOTING
        if any(
            sign.weight is Weight.SIGN and " last said: " in sign.sentence
            for sign in FINDINGS[name].recognise(Measured(seen))
        )
    }


NAMED = [
    (IMPLICIT, PolicyType.IDENTITY_BASED, "role-missing-stream-actions"),
    (EXPLICIT, PolicyType.IDENTITY_BASED, "explicit-deny-identity"),
    (IMPLICIT, PolicyType.PERMISSIONS_BOUNDARY, "permissions-boundary"),
    (EXPLICIT, PolicyType.PERMISSIONS_BOUNDARY, "permissions-boundary"),
    (IMPLICIT, PolicyType.SERVICE_CONTROL, "scp-or-rcp"),
    (EXPLICIT, PolicyType.SERVICE_CONTROL, "scp-or-rcp"),
    (IMPLICIT, PolicyType.RESOURCE_CONTROL, "scp-or-rcp"),
    (EXPLICIT, PolicyType.RESOURCE_CONTROL, "scp-or-rcp"),
    (IMPLICIT, PolicyType.RESOURCE_BASED, "resource-policy"),
    (EXPLICIT, PolicyType.RESOURCE_BASED, "resource-policy"),
]


@in_world("concurrency-zero")
@pytest.mark.parametrize(("why", "by", "finding"), NAMED)
def test_a_last_result_speaks_for_the_policy_that_it_names(why: str, by: PolicyType, finding: str) -> None:
    """A denial in a mapping's last result is quoted for the kind of policy in it, and for no other."""
    seen, _ = _saying(example("concurrency-zero"), why.format(by))
    assert _quoting(seen) == {finding}


@in_world("concurrency-zero")
@pytest.mark.parametrize(("minutes", "value", "quoted"), [(10, 5, False), (10, 0, True), (50, 5, True)])
def test_records_polled_since_outdate_a_last_result(minutes: int, value: float, quoted: bool) -> None:
    """A mapping that counts records it was handed lately may read; counts of long ago, or of none, say nothing."""
    seen, mapping = _saying(example("concurrency-zero"), EXPLICIT.format(PolicyType.IDENTITY_BASED))
    points = {seen.window.settled_end - minutes * MINUTE: value}
    polled = replace(seen.metrics.invocations, name="PolledEventCount", points=points)
    counts = {"PolledEventCount": polled, "FilteredOutEventCount": replace(polled, points={})}
    counted = with_fields(seen, "metrics", mapping_events={mapping.uuid: counts})
    assert bool(_quoting(counted)) is quoted


@in_world("healthy")
def test_deliveries_outdate_a_last_result() -> None:
    """A stream that is delivered is read, whatever the mapping last said."""
    seen, _ = _saying(example("healthy"), EXPLICIT.format(PolicyType.IDENTITY_BASED))
    assert _quoting(seen) == set()


@in_world("concurrency-zero")
def test_a_condition_on_one_action_excuses_no_other() -> None:
    """An action refused outright is missing, also where another one is refused for a condition only."""
    seen = example("concurrency-zero")
    hanging, outright, *rest = seen.role.evaluated
    refused = {"decision": Decision.IMPLICIT_DENY, "policy_type": PolicyType.IDENTITY_BASED}
    evaluated = (
        replace(hanging, **refused, conditions=("StringEquals lambda:SourceFunctionArn",)),
        replace(outright, **refused, because="Nothing allows it.", conditions=()),
        *rest,
    )
    seen = with_fields(seen, "role", evaluated=evaluated, simulated=())
    signs = list(FINDINGS["role-missing-stream-actions"].recognise(Measured(seen)))
    assert [(sign.weight, sign.sentence) for sign in signs] == [(Weight.DECISIVE, "Nothing allows it.")]
