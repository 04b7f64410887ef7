"""Proposals: made where the evidence shows that something is missing, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from example_evidence import DENIED, example, replaced, with_fields, with_observations

from runbook_lib.evidence import Evidence
from runbook_lib.judging.proposals import propose
from runbook_lib.steps import STEPS

pytestmark = pytest.mark.xdist_group("mapping-paused")


def seen() -> Evidence:
    """Give a run in which alarms on silence and on age were found, and the mapping is as AWS makes it."""
    return example("mapping-paused")


def ids(evidence: Evidence) -> list[str]:
    """Give the slugs of what is proposed."""
    return [proposal.id for proposal in propose(evidence)]


def with_alarms(**changed: dict[str, Any]) -> Evidence:
    """Give the run with fields of its alarms replaced by metric; an empty mapping takes the alarm away."""
    alarms = seen().metrics.alarms
    found = tuple(
        replaced(alarm, **changed.get(alarm.metric, {})) for alarm in alarms.found if changed.get(alarm.metric) != {}
    )
    return with_fields(seen(), "metrics", alarms=replaced(alarms, found=found))


def with_mapping(**changed: Any) -> Evidence:
    """Give the run with fields of its mapping replaced."""
    (ours,) = seen().mappings.ours
    return with_fields(seen(), "mappings", ours=(replaced(ours, **changed),))


def test_a_mapping_as_aws_makes_it() -> None:
    """Without limits a mapping retries for a day, and without EventCount nobody sees what it polls."""
    assert ids(seen()) == ["limit-retries", "count-events"]
    assert all(proposal.refs and all(proposal.refs) for proposal in propose(seen()))


@pytest.mark.parametrize(
    ("alarms", "wanted"),
    [
        ({}, []),
        ({"Invocations": {}}, ["alarm-on-silence"]),
        ({"Invocations": {"missing": "missing"}}, ["alarm-on-silence"]),
        ({"Invocations": {"missing": "notBreaching"}}, ["alarm-on-silence"]),
        ({"IteratorAge": {}}, ["alarm-on-age"]),
        ({"Invocations": {}, "IteratorAge": {}}, ["alarm-on-silence", "alarm-on-age"]),
    ],
)
def test_alarms_that_are_missing(alarms: dict[str, dict[str, Any]], wanted: list[str]) -> None:
    """An alarm on silence must take missing data for a breach; one on the age tells of waiting records."""
    assert [proposal_id for proposal_id in ids(with_alarms(**alarms)) if proposal_id.startswith("alarm")] == wanted


@pytest.mark.parametrize(
    ("mapping", "wanted"),
    [
        ({"maximum_retry_attempts": 3}, ["on-failure-destination", "count-events"]),
        ({"maximum_record_age_s": 3600}, ["on-failure-destination", "count-events"]),
        ({"maximum_retry_attempts": 0, "failure_destination": "arn:aws:sqs:eu-west-1:123456789012:q"},
         ["count-events"]),
        ({"metrics": ("EventCount",)}, ["limit-retries"]),
        ({"metrics": ("EventCount",), "maximum_retry_attempts": 3, "failure_destination": "arn:x"}, []),
    ],
)  # fmt: skip
def test_what_a_mapping_lacks(mapping: dict[str, Any], wanted: list[str]) -> None:
    """Retries without end are to be limited, records that are given up to be kept, and events to be counted."""
    assert ids(with_mapping(**mapping)) == wanted


def test_a_search_that_was_cut_short_speaks_for_a_log_group() -> None:
    """Event history that had more than could be fetched is a reason to deliver a trail to a log group."""
    cut = tuple(replaced(search, truncated=True) for search in seen().changes.searches)
    assert "trail-to-logs" in ids(with_fields(seen(), "changes", searches=cut))
    elsewhere = tuple(replaced(search, source="log group x") for search in cut)
    assert "trail-to-logs" not in ids(with_fields(seen(), "changes", searches=elsewhere))


def test_what_could_not_be_seen_proposes_nothing() -> None:
    """A step that was not seen is no reason to propose anything, and hides no other reason."""
    for step in STEPS.values():
        blind = with_observations(seen(), **{step.observes: DENIED})
        assert set(ids(blind)) <= set(ids(seen())), step.observes
    assert ids(with_fields(seen(), "metrics", alarms=DENIED)) == ids(seen())
    assert not ids(with_observations(seen(), mappings=DENIED))
