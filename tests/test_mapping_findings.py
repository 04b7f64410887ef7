"""What a mapping's own limits, and the code behind it, may be blamed for, and from when on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from example_evidence import example, replaced, with_fields
from worlds import in_world

from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.evidence.signals import Series
from runbook_lib.findings import FINDINGS, Confidence, Weight, judge
from runbook_lib.interpret.trail_event import Resource, TrailEvent
from runbook_lib.measuring.pipe import Measured, Stage

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PROVED, LIKELY, SUSPECTED = Confidence.PROVED, Confidence.LIKELY, Confidence.SUSPECTED


def _sure(name: str, seen: Evidence) -> Confidence | None:
    """How sure a finding is; None where it is not there."""
    return judge(FINDINGS[name], Measured(seen)).confidence


def _with_mapping(seen: Evidence, **changed: Any) -> Evidence:
    return _with_mappings(seen, *(replaced(mapping, **changed) for mapping in seen.status.mappings))


def _with_mappings(seen: Evidence, *mappings: EventSourceMapping) -> Evidence:
    return with_fields(with_fields(seen, "mappings", ours=mappings), "status", mappings=mappings)


def _every_minute(seen: Evidence, series: Series, value: float) -> Series:
    end = seen.window.settled_end
    return replace(series, period=MINUTE, points={end - n * MINUTE: value for n in range(90, 0, -1)})


@in_world("healthy")
@pytest.mark.parametrize(
    ("failed", "retries", "sure"), [(0, 2, None), (1, 2, None), (3, 2, LIKELY), (3, 0, LIKELY), (3, -1, None)]
)
def test_retries_run_out_where_a_good_part_of_them_fails(failed: float, retries: int, sure: Confidence | None) -> None:
    """Of 20 invocations a minute one that fails is got over; three, and an end to retries, cost records."""
    seen = _with_mapping(example("healthy"), maximum_retry_attempts=retries)
    metrics = seen.metrics
    counts = {"errors": _every_minute(seen, metrics.errors, failed)}
    counts["invocations"] = _every_minute(seen, metrics.invocations, 20)
    assert _sure("retry-exhausted-drop", with_fields(seen, "metrics", **counts)) is sure


@in_world("healthy")
@pytest.mark.parametrize(("limit", "sure"), [(1, PROVED), (3, None), (None, None)])
def test_records_delivered_late_are_given_up_for_their_age(limit: int | None, sure: Confidence | None) -> None:
    """Where deliveries are two hours late, a limit of one hour drops records, and one of three does not."""
    seen = _with_mapping(example("healthy"), maximum_record_age_s=-1 if limit is None else limit * 3600)
    age = _every_minute(seen, seen.backlog.iterator_age_ms, 2 * HOUR / MINUTE * 60_000)
    assert _sure("max-age-drop", with_fields(seen, "backlog", iterator_age_ms=age)) is sure


@in_world("healthy")
def test_a_patient_mapping_does_not_speak_for_an_impatient_one() -> None:
    """Of two mappings, one that would wait three hours does not refute that the other gave up after one."""
    seen = _with_mapping(example("healthy"), maximum_record_age_s=3600)
    (ours,) = seen.status.mappings
    patient = replaced(ours, uuid="00000000-0000-4000-8000-000000000002", maximum_record_age_s=3 * 3600)
    age = _every_minute(seen, seen.backlog.iterator_age_ms, 2 * HOUR / MINUTE * 60_000)
    late = with_fields(_with_mappings(seen, ours, patient), "backlog", iterator_age_ms=age)
    assert _sure("max-age-drop", late) is PROVED


@in_world("concurrency-zero")
@pytest.mark.parametrize(("more", "sure"), [(-2, PROVED), (2, None)])
def test_records_that_wait_behind_a_stop_are_given_up_for_their_age(more: int, sure: Confidence | None) -> None:
    """Where nothing is invoked, the wait is counted from the first write that did not come through."""
    seen = example("concurrency-zero")
    gone = with_fields(seen, "backlog", iterator_age_ms=replace(seen.backlog.iterator_age_ms, points={}))
    since = Measured(gone).stages[Stage.INVOKED].since
    assert since is not None
    gone = _with_mapping(gone, maximum_record_age_s=int((seen.window.end - since + more * MINUTE).total_seconds()))
    assert _sure("max-age-drop", gone) is sure


@in_world("healthy")
@pytest.mark.parametrize(("hours", "code", "sure"), [(2, "new", SUSPECTED), (48, "new", None), (2, "", None)])
def test_code_uploaded_of_late_and_not_invoked_is_asked_about(hours: int, code: str, sure: Confidence | None) -> None:
    """Other code than the mapped version's, uploaded within the window, may be what is missed; older code is not."""
    seen = example("healthy")
    function = seen.mappings.function
    uploaded = seen.window.end - hours * HOUR
    newest = replaced(function, code_sha256=code or function.code_sha256, last_modified=uploaded)
    assert _sure("esm-wrong-target", with_fields(seen, "mappings", newest=newest)) is sure


BY = "esm-disabled-by-user", "esm-disabled-by-lambda"


@in_world("concurrency-zero")
@pytest.mark.parametrize(
    ("reason", "event", "by"),
    [
        ("User action", "", (PROVED, None)),
        ("User action", "ours", (None, PROVED)),
        ("User action", "another's", (PROVED, None)),
        ("Lambda gave up", "", (None, PROVED)),
    ],
)
def test_either_sign_of_lambda_itself_clears_the_users(
    reason: str, event: str, by: tuple[Confidence | None, Confidence | None]
) -> None:
    """A reason of AWS's own, or Lambda's own event for this mapping, each says alone that nobody switched it off."""
    seen = example("concurrency-zero")
    (mapping,) = seen.status.mappings
    uuid = mapping.uuid if event == "ours" else "another"
    own = TrailEvent(
        "e-1", seen.window.end - HOUR, "lambda.amazonaws.com", "LambdaESMDisabled", "LambdaESMDisabled",
        resources=(Resource("AWS::Lambda::EventSourceMapping", uuid),),
    )  # fmt: skip
    seen = _with_mapping(seen, state="Disabled", state_transition_reason=reason)
    seen = with_fields(seen, "changes", regional=(own,) if event else ())
    assert tuple(_sure(name, seen) for name in BY) == by


@in_world("concurrency-zero")
@pytest.mark.parametrize(("states", "sure"), [(("Disabled", "Disabled"), PROVED), (("Disabled", "Enabled"), None)])
def test_one_mapping_that_is_on_is_enough(states: tuple[str, ...], sure: Confidence | None) -> None:
    """Of two mappings on the latest stream both have to be off before that is why nothing arrives."""
    seen = example("concurrency-zero")
    (mapping,) = seen.status.mappings
    both = tuple(replaced(mapping, uuid=f"m-{n}", state=state) for n, state in enumerate(states))
    seen = with_fields(with_fields(seen, "mappings", ours=both), "status", mappings=both)
    assert _sure("esm-disabled-by-user", seen) is sure


@in_world("concurrency-zero")
@pytest.mark.parametrize(("polled", "dropped", "fits"), [(9, 9, True), (9, 4, False), (0, 0, False)])
def test_a_count_fits_a_hopeless_filter_where_it_drops_everything(polled: float, dropped: float, fits: bool) -> None:
    """Records that a filter let through speak against its matching nothing, and none polled speak for nothing."""
    seen = _with_mapping(example("concurrency-zero"), filters=('{"dynamodb": {"NewImage": {"status": ["paid"]}}}',))
    (mapping,) = seen.status.mappings
    counts = {
        name: replace(seen.metrics.invocations, name=name, points={seen.window.start: value})
        for name, value in (("PolledEventCount", polled), ("FilteredOutEventCount", dropped))
    }
    seen = with_fields(seen, "metrics", mapping_events={mapping.uuid: counts})
    signs = [sign.weight for sign in FINDINGS["filter-matches-nothing"].recognise(seen)]
    assert Weight.DECISIVE in signs
    assert (Weight.COUNTER in signs) is fits


@in_world("mapping-restarted-at-latest")
def test_another_mapping_at_latest_does_not_speak_for_the_new_one() -> None:
    """A second mapping that was there all along does not refute that the first was made in the gap."""
    seen = example("mapping-restarted-at-latest")
    (ours,) = seen.status.mappings
    older = replaced(ours, uuid="00000000-0000-4000-8000-000000000002", last_modified=seen.window.start)
    assert _sure("latest-startup-gap", _with_mappings(seen, ours, older)) is PROVED


@in_world("mapping-restarted-at-latest")
@pytest.mark.parametrize(("minutes", "sure"), [(0, PROVED), (10, PROVED), (20, None)])
def test_a_mapping_made_long_before_deliveries_went_on_did_not_end_the_gap(
    minutes: int, sure: Confidence | None
) -> None:
    """Polling follows a new mapping within a quarter of an hour: what ends a gap later than that is another thing."""
    seen = example("mapping-restarted-at-latest")
    (made,) = (event.at for event in seen.changes.regional if event.operation == "CreateEventSourceMapping")
    age = seen.backlog.iterator_age_ms
    points = {at: value for at, value in age.points.items() if not made <= at < made + minutes * MINUTE}
    late = with_fields(seen, "backlog", iterator_age_ms=replace(age, points=points))
    assert _sure("latest-startup-gap", late) is sure
