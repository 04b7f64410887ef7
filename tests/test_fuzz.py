"""Answers that AWS's models allow and nobody expects: the kit degrades, and never claims what an answer cannot show."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from example_evidence import judged

import fuzz
from mutate import MutatedAnswers, Mutation, MutationKind, ValueMaker
from runbook_lib import charts, views
from runbook_lib.archive.record import Record
from runbook_lib.aws import CallOutcome, Live, iam_action
from runbook_lib.evidence import Evidence
from runbook_lib.observed import Gap, NotObserved
from runbook_lib.running.investigation import Investigation
from runbook_lib.sandbox.wire.conformance import violations
from runbook_lib.sandbox.wire.models import operation_model

pytestmark = pytest.mark.sampled

SAMPLE = range(1, 19)
"""Seeds of the runs that every run of the tests makes; `make fuzz` makes many more, over many worlds."""

TABLE = "dynamodb:DescribeTable"
STREAM = "dynamodb:DescribeStream"
LISTED = "lambda:ListEventSourceMappings"


def _without(action: str, change: Callable[[Any], object]) -> Evidence:
    """Read the example with the answers of one operation changed by hand."""
    record, _ = fuzz.recorded_run(fuzz.EXAMPLE)

    class ByHand(MutatedAnswers):
        def ask(self, service: str, operation: str, region: str, params: Any) -> CallOutcome:
            """Answer from the record, changed."""
            outcome = super().ask(service, operation, region, params)
            if iam_action(service, operation) != action or outcome.failed:
                return outcome
            answer = copy.deepcopy(outcome.answer)
            change(answer)
            return outcome._replace(answer=answer)

    live: Live = ByHand(record, Mutation(0, MutationKind.REMOVED, frozenset()))
    investigation = Investigation(
        Record.create(record.incident, record.as_of, record.run["identity"], archive=None), live
    )
    investigation.collect()
    return investigation.evidence


@pytest.mark.parametrize("seed", SAMPLE)
def test_mutated_answers_end_in_an_honest_verdict(seed: int) -> None:
    """The whole route is gone, all views are shown, a replay says the same, and nothing is claimed for want of data."""
    assert fuzz.run(fuzz.fuzz_run(seed, (fuzz.EXAMPLE,))) is None


def test_every_kind_of_mutation_is_in_the_sample() -> None:
    """The sample holds made-up answers, replaced values and missing members, and a seed always gives the same run."""
    runs = [fuzz.fuzz_run(seed, (fuzz.EXAMPLE,)) for seed in SAMPLE]
    assert {run.mutation.how for run in runs} == set(MutationKind)
    assert runs == [fuzz.fuzz_run(seed, (fuzz.EXAMPLE,)) for seed in SAMPLE]


def test_a_run_that_fails_is_shrunk_to_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong is told with the operations that it takes, and no other."""

    mutation = Mutation(5, MutationKind.INVENTED, frozenset({LISTED, "iam:GetRole", "kms:DescribeKey"}))
    monkeypatch.setattr(fuzz, "_whole_route", _fails_where({LISTED}))
    failure = fuzz.run(fuzz.FuzzRun(fuzz.EXAMPLE, mutation))
    assert failure is not None
    least = fuzz.shrunk(failure)
    assert least.run.mutation.operations == {LISTED}
    assert str(least.run) == f"seed 5: example, invented: {LISTED}"
    assert "KeyError" in least.wrong


def _fails_where(operations: set[str]) -> Callable[..., Any]:
    def route(known: Record, live: MutatedAnswers, folder: Any, *, drawn: bool) -> Any:
        if operations <= live._mutation.operations:
            raise KeyError("a part of the kit that trusts AWS")
        return Investigation(known).diagnosis

    return route


def _made(seed: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    maker = ValueMaker(random.Random(seed), {})
    for name in ("lambda:GetEventSourceMapping", "dynamodb:DescribeTable", "kms:ListGrants"):
        service, operation = name.split(":")
        yield service, operation, maker.structure(operation_model(service, operation).output_shape)


ODD = ("not one of", "has length", "does not match", "outside", "is NoneType")
"""What the validator of the sandbox rightly says of values that are odd on purpose: new in an enumeration, or long."""


@pytest.mark.parametrize("seed", range(20))
def test_made_up_answers_have_the_models_members_and_types(seed: int) -> None:
    """A made-up answer differs from the model in what AWS may add one day and in odd lengths, never in its form."""
    for service, operation, answer in _made(seed):
        wrong = [
            violation
            for violation in violations(service, operation, answer)
            if not any(odd in violation for odd in ODD)
        ]
        assert wrong == []


MISSING: tuple[tuple[str, Callable[[Any], object], str], ...] = (
    (TABLE, lambda answer: answer.pop("Table"), "streams"),
    (TABLE, lambda answer: answer["Table"].pop("TableStatus"), "streams"),
    (TABLE, lambda answer: answer["Table"].pop("LatestStreamArn"), "streams"),
    (STREAM, lambda answer: answer["StreamDescription"].pop("StreamStatus"), "backlog"),
    (LISTED, lambda answer: answer.pop("EventSourceMappings"), "mappings"),
    (LISTED, lambda answer: answer["EventSourceMappings"][0].pop("EventSourceArn"), "mappings"),
    (LISTED, lambda answer: answer["EventSourceMappings"][0].update(FunctionArn="arn:aws:"), "mappings"),
    ("lambda:GetFunctionConfiguration", lambda answer: answer.pop("Role"), "mappings"),
    ("lambda:GetAccountSettings", lambda answer: answer.pop("AccountLimit"), "metrics"),
    ("iam:GetRole", lambda answer: answer["Role"].pop("AssumeRolePolicyDocument"), "role"),
    ("cloudwatch:GetMetricData", lambda answer: answer["MetricDataResults"][0].pop("Values"), "metrics"),
    ("cloudtrail:LookupEvents", lambda answer: answer.pop("Events"), "changes"),
)


@pytest.mark.parametrize(("action", "change", "step"), MISSING)
def test_an_answer_without_what_aws_always_sends_is_a_gap(
    action: str, change: Callable[[Any], object], step: str
) -> None:
    """Nothing follows from an answer that lacks its point: it is named as a gap, and no other cause is sure."""
    seen = _without(action, change)
    gaps = [gap for gap in seen.gaps() if gap.code == "Unusable"]
    assert action in {gap.call for gap in gaps}
    assert "answered with" in gaps[0].reason
    assert fuzz._dishonest(judged(seen).diagnosis, fuzz.recorded_run(fuzz.EXAMPLE)[1]) == ""
    observed = seen.observations[step]
    assert set(gaps) & set([observed] if isinstance(observed, Gap) else observed.gaps())


def test_a_generation_that_could_not_be_described_is_shown_unseen() -> None:
    """Every view and chart stands where a stream is listed and cannot be described."""
    seen = _without(STREAM, lambda answer: answer.pop("StreamDescription"))
    shown = judged(seen)
    for number in (2, 6):
        assert "answered without `StreamDescription`" in views.step_view(number, seen).text
    assert "not seen; since when is not known" in " ".join(charts.correlation_overview(shown).description)


def test_a_table_that_leaves_out_a_stream_that_is_enabled_proves_nothing() -> None:
    """DescribeTable without a stream specification is no proof against DescribeStream, which says ENABLED."""
    seen = _without(TABLE, lambda answer: answer["Table"].pop("StreamSpecification"))
    assert "stream-disabled" not in {cause.finding.id for cause in judged(seen).diagnosis.causes}


ODD_POINTS = (
    ({"Values": [float("nan")]}, "Illegible"),
    ({"Values": [float("inf")]}, "Illegible"),
    ({"Values": [1e300]}, "Illegible"),
    ({"Timestamps": ["0001-01-01T00:00:00Z"]}, "Illegible"),
    ({"Timestamps": ["yesterday"]}, "Illegible"),
    ({"Values": [7.0, 8.0]}, "Illegible"),
    ({"StatusCode": "PartialData"}, "PartialData"),
    ({"StatusCode": "InternalError"}, "InternalError"),
    ({"StatusCode": "SomethingNew"}, "SomethingNew"),
    ({"Id": "nobody_asked"}, "PartialData"),
)


@pytest.mark.parametrize(("members", "code"), ODD_POINTS)
def test_a_series_that_did_not_come_whole_is_not_seen(members: dict[str, Any], code: str) -> None:
    """Where a datapoint is no number of this world, or some are lacking, nothing is read from the silence between."""

    def change(answer: Any) -> None:
        point = {"Timestamps": ["2026-03-14T12:00:00Z"], "Values": [7.0], "StatusCode": "Complete"}
        answer["MetricDataResults"] = [
            part | point | members if part["Id"] == "invocations" else part for part in answer["MetricDataResults"]
        ]

    metrics = _without("cloudwatch:GetMetricData", change).metrics
    with pytest.raises(NotObserved) as unseen:
        _ = metrics.invocations
    assert unseen.value.gap.code == code
    assert metrics.errors.points


def test_a_partial_page_is_completed_by_the_next() -> None:
    """A page that says PartialData leaves no gap where the next page of the same series says Complete."""

    def part(series: Any, taken: slice, code: str) -> Any:
        return series | {name: series[name][taken] for name in ("Timestamps", "Values")} | {"StatusCode": code}

    def split(answer: Any) -> None:
        whole = answer["MetricDataResults"]
        first, rest = slice(0, 5), slice(5, None)
        answer["MetricDataResults"] = [part(series, first, "PartialData") for series in whole]
        answer["MetricDataResults"] += [part(series, rest, "Complete") for series in whole]

    in_two, whole = (_without("cloudwatch:GetMetricData", how).metrics.invocations for how in (split, lambda _: None))
    assert in_two.points == whole.points
