"""What hides behind something else: each masking of the failure catalogue, and that the kit looks behind it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from example_evidence import DENIED, example, judged, replaced, with_fields
from jsonschema import Draft202012Validator
from worlds import FAST, in_world, investigated, tried

from runbook_lib import views
from runbook_lib.cli.terminal import print_diagnosis
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.evidence.signals import Series
from runbook_lib.findings import Confidence
from runbook_lib.interpret.processing_result import read
from runbook_lib.interpret.trail_event import TrailEvent
from runbook_lib.judging.comparison import Reach
from runbook_lib.judging.diagnosis import Diagnosis, Status
from runbook_lib.judging.loss_clock import LossState
from runbook_lib.judging.verdict import to_json
from runbook_lib.measuring.pipe import FlowState, Stage

SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "verdict.schema.json").read_text(encoding="utf-8"))
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PROVED = Confidence.PROVED


def _causes(found: Diagnosis) -> list[str]:
    return [cause.finding.id for cause in found.causes]


def _ids(found: Any) -> set[str]:
    return {verdict.finding.id for verdict in found}


def _with_mappings(seen: Evidence, *mappings: EventSourceMapping) -> Evidence:
    """Give evidence with these mappings of ours, in the list and read one by one."""
    return with_fields(with_fields(seen, "mappings", ours=mappings), "status", mappings=mappings)


def _since(series: Series, start: datetime, value: float, *, every: int = 1) -> Series:
    """Give a series that counts the same in every period, or every few, from an instant to its end."""
    end = max((*series.points, start + 3 * HOUR))
    steps = int((end - start) / series.period)
    later = {start + n * series.period: value for n in range(0, steps, every)}
    return replace(series, points={**{at: v for at, v in series.points.items() if at < start}, **later})


@in_world("stale-arn-and-policy-pinned-to-it")
def test_masking_01_a_policy_pinned_to_the_old_label_shows_behind_a_stale_mapping() -> None:
    """The role is tried on the latest stream, not on the mapping's: both faults are named, the role first."""
    world = tried("stale-arn-and-policy-pinned-to-it")
    (mapping,) = world.seen.mappings.ours
    latest = world.seen.streams.table.latest_stream_arn
    assert mapping.event_source_arn != latest
    asked = [call.params for call in world.record.calls() if call.operation == "SimulatePrincipalPolicy"]
    assert [latest] in [params["ResourceArns"] for params in asked]
    assert [mapping.event_source_arn] not in [params["ResourceArns"] for params in asked]
    assert _causes(world.diagnosis) == ["role-missing-stream-actions", "stale-stream-arn"]


@in_world("stream-disabled")
def test_masking_02_a_disabled_mapping_shows_behind_a_stream_that_is_off() -> None:
    """Both are named, and the remedies come in the order in which they work: stream, new mapping, old mapping."""
    seen = example("stream-disabled")
    off = [replaced(mapping, state="Disabled") for mapping in seen.status.mappings]
    found = judged(_with_mappings(seen, *off)).diagnosis
    assert _causes(found) == ["stream-disabled", "esm-disabled-by-user"]
    assert [remedy.id for remedy in found.remedies][:3] == ["R8", "R2", "R1"]


@in_world("mapping-paused")
@pytest.mark.parametrize("residue_first", [True, False])
def test_masking_03_a_residue_mapping_clears_nothing(residue_first: bool) -> None:
    """A mapping left on an old stream, Enabled and OK, hides neither that the new one is off nor is blamed itself."""
    seen = example("mapping-paused")
    (paused,) = seen.status.mappings
    old = f"{paused.event_source_arn.rpartition('/')[0]}/2024-01-05T08:00:00.000"
    residue = replaced(paused, uuid="0f5e8a77-0000-4000-8000-00000000aaaa", event_source_arn=old, state="Enabled")
    both = (residue, paused) if residue_first else (paused, residue)
    found = judged(_with_mappings(seen, *both)).diagnosis
    assert [(cause.finding.id, cause.confidence) for cause in found.causes] == [("esm-disabled-by-user", PROVED)]
    assert paused.uuid in found.remedies[0].command


@in_world("residue-mapping-beside-a-paused-one")
def test_masking_03_the_newest_mapping_decides_about_role_and_code() -> None:
    """In a region that lists the residue first, the mapping on the newest stream stands first among ours."""
    ours = tried("residue-mapping-beside-a-paused-one").seen.mappings.ours
    assert [mapping.state for mapping in ours] == ["Disabled", "Enabled"]


@in_world("brake-pulled-on-a-poisoned-shard")
def test_masking_04_a_poison_record_shows_behind_a_brake() -> None:
    """Concurrency 0 ends the errors: those before it, and the age that climbed, still tell of the blocked shard."""
    world = tried("brake-pulled-on-a-poisoned-shard")
    seen, found = world.seen, world.diagnosis
    assert not any(seen.metrics.errors.between(seen.window.settled_end - 20 * MINUTE, seen.window.end).values())
    assert _causes(found) == ["reserved-concurrency-zero", "poison-record"]
    assert {"R5", "R6"} <= {remedy.id for remedy in found.remedies}


@in_world("import-error-after-deploy")
def test_masking_05_a_silent_log_is_not_a_function_that_never_ran() -> None:
    """Without a log line the counters still say that the function runs and fails; that it ran is never doubted."""
    seen = example("import-error-after-deploy")
    group = replaced(seen.logs.group, last_event_at=None)
    silent = with_fields(seen, "logs", group=group, errors=(), failure_times=())
    found = judged(silent).diagnosis
    assert "role-cannot-log" in _ids(found.innocent)
    assert "errors-high" in _ids(found.symptoms)
    assert "function-not-invoked" not in _ids(found.symptoms)
    assert found.stages[Stage.INVOKED].state is FlowState.FLOWING
    assert (found.status, _causes(found)) == (Status.FAULT, ["every-batch-fails"])


@in_world("failures-given-up-untold")
def test_masking_06_finite_retries_hide_a_loss() -> None:
    """Batches given up to nobody leave a healthy iterator age and no dropped count: errors against retries tell."""
    world = tried("failures-given-up-untold")
    seen, found = world.seen, world.diagnosis
    (mapping,) = seen.status.mappings
    assert (mapping.failure_destination, mapping.metrics) == (None, ())
    assert (seen.backlog.iterator_age_ms.peak or 0) < MINUTE / timedelta(milliseconds=1)
    assert _causes(found) == ["retry-exhausted-drop"]
    assert found.loss.state is LossState.LOSING


@in_world("failures-given-up-untold")
def test_masking_06_a_failing_destination_is_told_beside_the_loss() -> None:
    """A destination that refuses swallows the last trace: it is named for making the loss worse, not as its cause."""
    seen = tried("failures-given-up-untold").seen
    queue = "arn:aws:sqs:eu-west-1:123456789012:orders-failures"
    (mapping,) = seen.status.mappings
    failures = _since(seen.metrics.delivery_failures, seen.window.end - 2 * HOUR, 1)
    told = with_fields(_with_mappings(seen, replaced(mapping, failure_destination=queue)), "metrics",
                       delivery_failures=failures)  # fmt: skip
    found = judged(told).diagnosis
    assert _causes(found) == ["retry-exhausted-drop"]
    assert "destination-broken" in _ids(found.contributing)


@in_world("mapping-paused")
def test_masking_07_other_trigger_hides_a_dead_stream() -> None:
    """Invocations by a schedule do not clear the stream: without IteratorAge it stands still, and both are said."""
    seen, began = example("mapping-paused"), investigated("mapping-paused").diagnosis.onset
    assert began is not None
    busy = _since(seen.metrics.invocations, began.latest, 1, every=5)
    found = judged(with_fields(seen, "metrics", invocations=busy)).diagnosis
    assert _causes(found) == ["esm-disabled-by-user"]
    assert "other-triggers-mask" in _ids(found.innocent)
    assert found.stages[Stage.INVOKED].state is FlowState.STOPPED
    assert found.onset is not None
    assert found.onset.at == began.at


@in_world("paused-and-nobody-writes")
def test_masking_08_no_traffic_hides_a_latent_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody writes a fault has done no harm: it is latent, told everywhere, and no clean bill."""
    world = tried("paused-and-nobody-writes")
    found = world.diagnosis
    assert (_causes(found), [verdict.finding.id for verdict in found.latent]) == ([], ["esm-disabled-by-user"])
    assert "no-table-writes" in _ids(found.innocent)
    assert (found.status, found.exit_code, found.loss.state) == (Status.FAULT, 1, LossState.NONE)
    assert found.sentence.startswith("Nobody writes to the table")
    assert found.latent[0].finding.title in found.sentence
    print_diagnosis(found, tmp_path)
    assert "Latent 1   esm-disabled-by-user" in capsys.readouterr().out
    assert "Latent fault, likely: The event source mapping" in repr(views.diagnosis_view(found))
    verdict = to_json(found, world.record)
    Draft202012Validator(SCHEMA).validate(verdict)
    assert [(latent["id"], latent["remedies"]) for latent in verdict["latent"]] == [("esm-disabled-by-user", ["R1"])]


@in_world("paused-and-nobody-writes")
@pytest.mark.parametrize("blind", ["writes", "iterator_age_ms"])
def test_masking_08_what_cannot_be_counted_is_not_called_latent(blind: str) -> None:
    """Where it cannot be seen that nothing was held back, a fault stays a cause and the loss clock is not at rest."""
    seen = tried("paused-and-nobody-writes").seen
    unseen = (
        with_fields(seen, "metrics", writes=DENIED)
        if blind == "writes"
        else with_fields(seen, "backlog", iterator_age_ms=DENIED)
    )
    found = judged(unseen).diagnosis
    assert (_causes(found), found.latent) == (["esm-disabled-by-user"], ())
    assert found.loss.state is LossState.UNKNOWN


@in_world("filter-without-type-descriptor")
def test_masking_09_a_hopeless_filter_shows_without_any_count() -> None:
    """With no event counts the filter itself proves it: records were handed out, and none invoked anything."""
    seen, found = example("filter-without-type-descriptor"), investigated("filter-without-type-descriptor").diagnosis
    assert not seen.metrics.mapping_events
    assert found.onset is not None
    handed_out = [series.between(found.onset.latest, seen.window.end) for series in seen.backlog.returned.values()]
    assert any(sum(points.values()) > 0 for points in handed_out)
    assert [(cause.finding.id, cause.confidence) for cause in found.causes] == [("filter-matches-nothing", PROVED)]


@in_world("version-keeps-old-role")
def test_masking_10_a_versions_role_shows_behind_a_perfect_latest() -> None:
    """The role that is judged is that of the mapped version, and that `$LATEST` has another one is said."""
    seen, found = example("version-keeps-old-role"), investigated("version-keeps-old-role").diagnosis
    assert seen.role.role.name != seen.role.latest_role_arn.rpartition("/")[2]
    assert _causes(found) == ["role-missing-stream-actions"]
    assert "version-role-drift" in _ids(found.contributing)


@in_world("no-table-writes")
def test_masking_11_a_lost_key_shows_behind_missing_writes() -> None:
    """That nobody writes clears nothing where the table's key is gone: it is why, so a cause and not a latent fault."""
    seen = example("no-table-writes")
    key = "arn:aws:kms:eu-west-1:123456789012:key/5e2d1c8a-7b34-4f0e-9a61-c83d5b7f2e10"
    written = investigated("no-table-writes").diagnosis.stages[Stage.WRITTEN].last
    locked = replaced(
        seen.streams.table, status="INACCESSIBLE_ENCRYPTION_CREDENTIALS", kms_key_arn=key,
        key_inaccessible_since=written,
    )  # fmt: skip
    found = judged(with_fields(seen, "streams", table=locked)).diagnosis
    assert ([(cause.finding.id, cause.confidence) for cause in found.causes], found.latent) == (
        [("table-key-inaccessible", PROVED)],
        (),
    )


@in_world("concurrency-zero")
def test_masking_12_an_exhausted_account_is_not_our_functions_setting() -> None:
    """Throttles with nothing reserved and a full account are the account's: another function is to be capped."""
    seen = example("concurrency-zero")
    limits = replaced(seen.metrics.concurrency, reserved=None, account_limit=50, account_unreserved=50)
    full = _since(seen.metrics.account_concurrent, seen.window.end - 3 * HOUR, 50)
    found = judged(with_fields(seen, "metrics", concurrency=limits, account_concurrent=full)).diagnosis
    assert _causes(found) == ["account-concurrency-exhausted"]
    assert found.remedies[0].id == "R35"
    assert "<the busiest function>" in found.remedies[0].command


@in_world("braked-while-the-organization-forbade")
def test_masking_13_a_denial_that_is_over_is_not_quoted_as_a_cause() -> None:
    """A last result outlives its cause: what the simulator answers now counts, and the brake alone is named."""
    world = tried("braked-while-the-organization-forbade")
    assert [mapping.processing.policy_type for mapping in world.seen.status.mappings] == ["service control policy"]
    assert _causes(world.diagnosis) == ["reserved-concurrency-zero"]


REFUSED = (
    "PROBLEM: User: arn:aws:sts::123456789012:assumed-role/orders-projector-role/awslambda_701_20260314131452217 is not"
    " authorized to perform: dynamodb:{action} on resource: {arn} with an explicit deny in a resource control policy"
)
FOOTPRINTS = [
    ("DescribeStream", -12, True, False),
    ("DescribeStream", -12, False, True),
    ("DescribeStream", -90, True, True),
    ("GetRecords", -12, True, True),
]


@in_world("concurrency-zero")
@pytest.mark.parametrize(("action", "minutes", "succeeded", "named"), FOOTPRINTS)
def test_masking_13_the_pollers_footprint_outdates_a_last_result(
    action: str, minutes: int, succeeded: bool, named: bool
) -> None:
    """A denial is over once the poller's newest call of that action succeeds; an old one, or another, says nothing."""
    seen = example("concurrency-zero")
    (mapping,) = seen.status.mappings
    said = replaced(mapping, processing=read(REFUSED.format(action=action, arn=mapping.event_source_arn)))
    session = "arn:aws:sts::123456789012:assumed-role/orders-projector-role/awslambda_701_20260314131452217"
    poll = TrailEvent(
        "e-1", seen.window.end + minutes * MINUTE, "dynamodb.amazonaws.com", "DescribeStream", "DescribeStream",
        actor=session, error_code=None if succeeded else "AccessDenied",
        request={"streamArn": mapping.event_source_arn},
    )  # fmt: skip
    found = judged(with_fields(_with_mappings(seen, said), "changes", polls=(poll,))).diagnosis
    assert _causes(found)[0] == "reserved-concurrency-zero"
    assert ("scp-or-rcp" in _causes(found)) is named


@pytest.mark.parametrize("world", [pytest.param(world, marks=pytest.mark.xdist_group(world)) for world in FAST])
def test_masking_14_the_investigator_takes_no_reader_slot(world: str) -> None:
    """No investigation reads a record unless asked to, so that it cannot throttle the readers it looks into."""
    asked = {entry.operation for entry in investigated(world).journal}
    assert asked.isdisjoint({"GetRecords", "GetShardIterator"})


@in_world("restarted-at-latest-then-poisoned")
def test_masking_15_a_later_failure_does_not_swallow_an_older_gap() -> None:
    """What LATEST skipped hours before a record blocked its shard is told apart, and the clock runs from the gap."""
    found = tried("restarted-at-latest-then-poisoned").diagnosis
    assert _causes(found) == ["latest-startup-gap", "poison-record"]
    assert found.onset is not None
    assert "invoked nothing" in found.onset.signals[0]
    assert "oldest record of the last batches" in found.onset.signals[1]
    assert found.set_off_by is not None
    assert found.set_off_by.change.event.operation == "DeleteEventSourceMapping"
    assert found.loss.deadline is not None
    assert found.loss.deadline <= found.onset.at + 24 * HOUR


@in_world("stream-recreated")
def test_masking_20_a_neighbour_that_works_clears_no_stream() -> None:
    """Each mapping has its own position: the other consumer, moved to the new stream, is told and excuses nothing."""
    seen = example("stream-recreated")
    latest = seen.streams.table.latest_stream_arn
    moved = tuple(replaced(mapping, event_source_arn=latest) for mapping in seen.mappings.same_stream)
    busy = {name: _since(series, seen.window.end - 3 * HOUR, 9) for name, series in seen.metrics.siblings.items()}
    found = judged(with_fields(with_fields(seen, "mappings", same_stream=moved), "metrics", siblings=busy)).diagnosis
    assert [(cause.finding.id, cause.confidence) for cause in found.causes] == [("stale-stream-arn", PROVED)]
    assert found.comparison is not None
    assert found.comparison.reach is Reach.FUNCTION


@in_world("healthy")
def test_masking_20_a_neighbour_that_fails_convicts_no_stream() -> None:
    """That another consumer of the stream has stopped makes no cause for a function that handles what is written."""
    seen = example("healthy")
    dead = {name: replace(series, points={}) for name, series in seen.metrics.siblings.items()}
    found = judged(with_fields(seen, "metrics", siblings=dead)).diagnosis
    assert (found.status, found.causes) == (Status.NO_FAULT, ())
