"""What a naive reader of AWS gets wrong: each nuance of the failure catalogue, and that the kit does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from example_evidence import example, judged, replaced, with_fields
from worlds import in_world, investigated, tried

from runbook_lib.archive.record import Record
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.evidence.role import SimulationResult
from runbook_lib.findings import Confidence
from runbook_lib.interpret.filter_pattern import never_matches, passes
from runbook_lib.interpret.policy import Decision, Policy, evaluate, poller_context
from runbook_lib.interpret.processing_result import read
from runbook_lib.interpret.trail_event import EVENT_NAMES
from runbook_lib.judging.diagnosis import Diagnosis, Status
from runbook_lib.judging.remedies import LATEST_WARNING, REMEDIES, prescribe
from runbook_lib.measuring.pipe import FlowState, Stage

MINUTE = timedelta(minutes=1)


def _causes(found: Diagnosis) -> dict[str, Confidence | None]:
    return {cause.finding.id: cause.confidence for cause in found.causes}


def _asked(world: str, operation: str) -> list[dict[str, object]]:
    """The parameters of every call of an operation, as recorded."""
    calls = Record.open(investigated(world).folder).calls()
    return [dict(call.params) for call in calls if call.operation == operation]


def _with_mappings(seen: Evidence, *mappings: EventSourceMapping) -> Evidence:
    """Give evidence with these mappings of ours, in the list and read one by one."""
    return with_fields(with_fields(seen, "mappings", ours=mappings), "status", mappings=mappings)


@pytest.mark.parametrize(
    ("world", "cause"),
    [
        pytest.param(world, cause, marks=pytest.mark.xdist_group(world))
        for world, cause in (
            ("stream-recreated", "stale-stream-arn"),
            ("function-deleted", "function-or-qualifier-deleted"),
            ("role-lost-getrecords", "role-missing-stream-actions"),
        )
    ],
)
def test_nuance_01_enabled_is_not_health(world: str, cause: str) -> None:
    """A mapping that reads Enabled by "User action" clears nothing: the cause behind it is proved all the same."""
    seen = example(world)
    assert {(mapping.state, mapping.state_transition_reason) for mapping in seen.status.mappings} == {
        ("Enabled", "User action")
    }
    assert _causes(investigated(world).diagnosis) == {cause: Confidence.PROVED}


@in_world("concurrency-zero")
def test_nuance_02_last_result_ok_is_not_ok_now() -> None:
    """A last result of OK, or of nothing processed, does not weaken a proved cause: it tells of one batch."""
    seen = example("concurrency-zero")
    assert [mapping.processing.text for mapping in seen.status.mappings] == ["OK"]
    for text in ("OK", "No records processed"):
        said = _with_mappings(seen, *(replaced(mapping, processing=read(text)) for mapping in seen.status.mappings))
        assert _causes(judged(said).diagnosis) == {"reserved-concurrency-zero": Confidence.PROVED}
        assert "does not prove" in read(text).meaning


@in_world("healthy")
@pytest.mark.parametrize("text", ["No records processed", "PROBLEM: Function call failed"])
def test_nuance_02_a_stale_last_result_breaks_no_healthy_trigger(text: str) -> None:
    """Neither a problem that is over nor nothing processed makes a cause where what is written is handled."""
    seen = example("healthy")
    said = _with_mappings(seen, *(replaced(mapping, processing=read(text)) for mapping in seen.status.mappings))
    assert (judged(said).diagnosis.status, judged(said).diagnosis.causes) == (Status.NO_FAULT, ())


@in_world("mapping-on-alias")
def test_nuance_03_mappings_on_an_alias_are_found_and_read_there() -> None:
    """Mappings are listed without a function's name, and role, state and code are read at the mapped qualifier."""
    found = investigated("mapping-on-alias").diagnosis
    assert found.status is Status.NO_FAULT
    assert "esm-missing" in {verdict.finding.id for verdict in found.ruled_out}
    assert {"FunctionName", "EventSourceArn"}.isdisjoint(*_asked("mapping-on-alias", "ListEventSourceMappings"))
    assert "live" in {params.get("Qualifier") for params in _asked("mapping-on-alias", "GetFunctionConfiguration")}
    assert example("mapping-on-alias").mappings.function.qualifier == "live"


@in_world("concurrency-zero")
def test_nuance_04_no_iterator_age_is_no_health() -> None:
    """Without invocations IteratorAge has no datapoints: with writes that is a stop, and never an age of zero."""
    seen, found = example("concurrency-zero"), investigated("concurrency-zero").diagnosis
    assert found.onset is not None
    age = seen.backlog.iterator_age_ms
    assert age.statistic == "Maximum"
    assert not age.between(found.onset.latest, seen.window.end)
    assert found.stages[Stage.INVOKED].state is FlowState.STOPPED
    silent = with_fields(seen, "backlog", iterator_age_ms=replace(age, points={}))
    assert judged(silent).diagnosis.stages[Stage.INVOKED].state is FlowState.STOPPED


@in_world("healthy")
@pytest.mark.parametrize(("age_ms", "expiring"), [(86_390_000, True), (40_000_000, False)])
def test_nuance_04_an_age_near_a_day_is_loss_under_way(age_ms: float, expiring: bool) -> None:
    """A batch that is nearly 24 hours old means that records expire unread now; one half as old does not."""
    seen = example("healthy")
    age = seen.backlog.iterator_age_ms
    late = replace(age, points={**age.points, max(age.points): age_ms})
    symptoms = judged(with_fields(seen, "backlog", iterator_age_ms=late)).diagnosis.symptoms
    assert ("trimmed" in {verdict.finding.id for verdict in symptoms}) is expiring


@in_world("failed-records-misnamed")
def test_nuance_05_a_blocked_shard_without_an_error_is_seen() -> None:
    """Failed records that the function only returns are no Errors: the climbing age and the mapping's counts tell."""
    seen, found = example("failed-records-misnamed"), investigated("failed-records-misnamed").diagnosis
    assert found.onset is not None
    assert not any(seen.metrics.errors.between(found.onset.at, seen.window.end).values())
    assert _causes(found) == {"partial-batch-misuse": Confidence.PROVED}
    assert found.stages[Stage.INVOKED].state is FlowState.FLOWING


@pytest.mark.parametrize("card", REMEDIES.values(), ids=REMEDIES)
def test_nuance_06_commands_that_touch_a_mapping_warn_of_latest(card: object) -> None:
    """Every command that updates a mapping carries the LATEST warning where the mapping starts there, and no other."""
    assert card in REMEDIES.values()
    for latest in (True, False):
        (filled,) = prescribe([card.id], {}, latest=latest)  # type: ignore[attr-defined]
        warned = LATEST_WARNING in filled.risk
        assert warned is (latest and "update-event-source-mapping" in filled.command)
        assert "--starting-position LATEST" not in filled.command


@in_world("mapping-paused")
@pytest.mark.parametrize("residue_first", [True, False])
def test_nuance_06_the_warning_is_of_the_mapping_that_is_touched(residue_first: bool) -> None:
    """The mapping that a command names decides about the warning, wherever an old one stands in the list."""
    seen = example("mapping-paused")
    (paused,) = seen.status.mappings
    latest = replaced(paused, starting_position="LATEST")
    old = f"{paused.event_source_arn.rpartition('/')[0]}/2024-01-05T08:00:00.000"
    residue = replaced(paused, uuid="0f5e8a77-0000-4000-8000-00000000aaaa", event_source_arn=old, state="Enabled")
    both = (residue, latest) if residue_first else (latest, residue)
    first = judged(_with_mappings(seen, *both)).diagnosis.remedies[0]
    assert (first.id, latest.uuid in first.command) == ("R1", True)
    assert first.risk.startswith(LATEST_WARNING)


@in_world("stream-recreated-behind-a-brake")
def test_nuance_07_an_old_stream_drains_while_the_new_one_waits() -> None:
    """Deliveries for hours after a re-creation come from the old stream; the harm began with the new one."""
    world = tried("stream-recreated-behind-a-brake")
    found = world.diagnosis
    assert (found.onset, found.set_off_by) != (None, None)
    assert found.onset is not None
    assert found.set_off_by is not None
    last = found.stages[Stage.INVOKED].last
    assert last is not None
    assert last - found.onset.at > timedelta(hours=4)
    assert found.set_off_by.lag < MINUTE
    (replace_it,) = (remedy for remedy in found.remedies if remedy.id == "R2")
    assert "only once its stream is drained" in replace_it.risk
    assert "TRIM_HORIZON" in replace_it.command


@in_world("trail-denied")
def test_nuance_08_a_trail_that_shows_nothing_proves_nothing() -> None:
    """Without a readable trail the cause stands, no change is named, and what was not searched is told."""
    found = investigated("trail-denied").diagnosis
    assert (list(_causes(found)), found.set_off_by) == (["esm-disabled-by-user"], None)
    assert found.coverage is not None
    assert found.coverage.missing
    assert "cloudtrail:LookupEvents" in {gap.gap.call for gap in found.gaps}


@in_world("mapping-paused")
def test_nuance_08_the_trail_is_searched_by_full_names_and_abroad_for_roles() -> None:
    """Names carry their API date, one a lookup; IAM is asked in us-east-1; a request without a function is ours."""
    names = {params["LookupAttributes"][0]["AttributeValue"] for params in _asked("mapping-paused", "LookupEvents")}  # type: ignore[index]
    assert {"UpdateEventSourceMapping20150331", "PutRolePolicy"} <= names
    assert set(EVENT_NAMES["lambda.amazonaws.com"]) <= names
    seen = investigated("mapping-paused").diagnosis
    assert seen.coverage is not None
    assert set(seen.coverage.regions) == {"eu-west-1", "us-east-1"}
    assert seen.set_off_by is not None
    assert "functionName" not in seen.set_off_by.change.event.request


@in_world("role-pinned-to-table-arn")
def test_nuance_09_the_right_role_is_tested_on_the_right_stream() -> None:
    """The role is asked about the latest stream's own ARN, and the function's resource policy is not asked at all."""
    seen = example("role-pinned-to-table-arn")
    latest = seen.streams.table.latest_stream_arn
    asked = _asked("role-pinned-to-table-arn", "SimulatePrincipalPolicy")
    assert {tuple(params["ResourceArns"]) for params in asked} == {(latest,), ("*",)}  # type: ignore[arg-type]
    assert ("lambda", "GetPolicy") not in {
        (entry.service, entry.operation) for entry in investigated("role-pinned-to-table-arn").journal
    }
    assert _causes(investigated("role-pinned-to-table-arn").diagnosis) == {
        "role-missing-stream-actions": Confidence.PROVED
    }


def test_nuance_09_a_condition_that_only_code_meets_refuses_the_poller() -> None:
    """`lambda:SourceFunctionArn` is not on a poller's call: what the function's code may, its trigger may not."""
    stream = "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders/stream/2026-03-01T00:00:00.000"
    role = "arn:aws:iam::123456789012:role/orders-projector-role"
    source = "arn:aws:lambda:eu-west-1:123456789012:function:orders-projector"
    statement = {"Effect": "Allow", "Action": "dynamodb:GetRecords", "Resource": stream}
    bound = statement | {"Condition": {"ArnEquals": {"lambda:SourceFunctionArn": source}}}
    for allowed, decision in ((statement, Decision.ALLOW), (bound, Decision.IMPLICIT_DENY)):
        document = Policy("reads", {"Version": "2012-10-17", "Statement": [allowed]})
        answer = evaluate(
            "dynamodb:GetRecords", stream, identity=(document,), boundary=None, resource_policies=(),
            principal_arn=role, context=poller_context(role, stream),
        )  # fmt: skip
        assert answer.decision is decision


RECORD = {
    "eventName": "INSERT",
    "dynamodb": {"Keys": {"id": {"S": "o-1"}}, "NewImage": {"status": {"S": "PAID"}, "total": {"N": "101"}}},
}
FILTERS = [
    ('{"dynamodb": {"NewImage": {"status": ["PAID"]}}}', True),
    ('{"dynamodb": {"NewImage": {"status": {"S": ["PAID"]}}}}', False),
    ('{"dynamodb": {"NewImage": {"total": {"N": [{"numeric": [">", 100]}]}}}}', True),
    ('{"dynamodb": {"NewImage": {"total": {"N": [101]}}}}', True),
    ('{"dynamodb": {"NewImage": {"total": {"N": ["101"]}}}}', False),
    ('{"dynamodb": {"NewImage": {"status": [{"exists": true}]}}}', True),
    ('{"dynamodb": {"NewImage": {"status": [{"exists": false}]}}}', False),
    ('{"eventName": ["INSERT"]}', False),
    ('{"eventName": ["Insert"]}', True),
    ('{"data": {"status": ["PAID"]}}', True),
]
REPEATED = '{"dynamodb": {"Keys": {"id": {"S": ["%s"]}}}, "dynamodb": {"NewImage": {"status": {"S": ["PAID"]}}}}'


@pytest.mark.parametrize(("pattern", "hopeless"), FILTERS)
def test_nuance_10_filters_are_not_json_equality(pattern: str, hopeless: bool) -> None:
    """What can match nothing is told from what matches by Lambda's own rules, and neither is plain equality."""
    assert never_matches([pattern], view_type="NEW_AND_OLD_IMAGES") is hopeless
    assert passes([pattern], RECORD) is not hopeless


@pytest.mark.parametrize(("key", "passing"), [("o-1", True), ("o-2", False)])
def test_nuance_10_a_key_written_twice_counts_twice(key: str, passing: bool) -> None:
    """AWS's own example repeats `dynamodb`: both parts must match, where a reader that keeps the last drops one."""
    assert passes([REPEATED % key], RECORD) is passing


@in_world("filter-without-type-descriptor")
def test_nuance_10_mending_a_filter_replays_nothing() -> None:
    """The remedy for a hopeless filter corrects it and says that what it dropped is passed over for good."""
    found = investigated("filter-without-type-descriptor").diagnosis
    (mend,) = (remedy for remedy in found.remedies if remedy.id == "R3")
    assert '{"S": ["SHIPPED"]}' in mend.command.replace('\\"', '"')
    assert "passed over for good" in mend.effect
    assert never_matches(['{"dynamodb": {"NewImage": {"a": {"S": ["x"]}}}}'], view_type="KEYS_ONLY")


@in_world("role-deleted")
def test_simulation_for_a_role_that_is_gone_says_nothing() -> None:
    """A backend that simulates for whatever name it is given makes a deleted role no role without permissions."""
    seen = example("role-deleted")
    refused = tuple(
        SimulationResult(
            f"dynamodb:{name}", seen.role.stream_arn, "implicitDeny", (), None, None, (), "SimulatePrincipalPolicy-1"
        )
        for name in ("DescribeStream", "GetRecords", "GetShardIterator")
    )
    found = judged(with_fields(seen, "role", simulated=refused)).diagnosis
    assert _causes(found) == _causes(judged(seen).diagnosis)
    assert set(_causes(found)) == {"trust-or-role-gone"}
