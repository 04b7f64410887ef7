"""Views: every step and the diagnosis shown, and what could not be seen never shown as well."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from example_evidence import (
    BLINDED_FIELDS,
    BLINDED_STEPS,
    DENIED,
    blinded,
    example,
    example_seen,
    judged,
    replaced,
    with_fields,
    with_observations,
)

from runbook_lib import views
from runbook_lib.evidence import Evidence
from runbook_lib.judging.diagnosis import Status
from runbook_lib.observed import NOTHING_TO_READ, Gap
from runbook_lib.showing.blocks import MIME, Block, Chart, Prose, Stack, TableBlock
from runbook_lib.steps import STEPS
from runbook_lib.views.changes import MOST_ROWS, ChangeRelation, numbered, who


def _answer(number: int, seen: Evidence) -> Prose:
    """Give the second block of a step: its answer, or the gap in its place."""
    block = views.step_view(number, seen).blocks[1]
    assert isinstance(block, Prose)
    return block


def _all_views(seen: Evidence) -> Iterator[Block]:
    diagnosis = judged(seen).diagnosis
    yield from (views.step_view(number, seen) for number in STEPS)
    yield from (views.verdicts_view(diagnosis, number) for number in STEPS)
    yield views.verdict_view(diagnosis)
    yield views.diagnosis_view(diagnosis)


def test_every_step_reads_question_answer_meaning() -> None:
    """A step shows its question first, a computed answer second, and what the answer does not prove."""
    for number, step in STEPS.items():
        shown = views.step_view(number, example())
        assert shown.title == f"Step {number}: {step.title}"
        styles = [block.style for block in shown.blocks if isinstance(block, Prose)]
        assert shown.blocks[0] == Prose.of(step.question)
        assert styles[1] == "answer"
        assert "meaning" in styles


ANSWERS = (
    (1, "The table exists in eu-west-1 and its status is ACTIVE."),
    (2, "Yes: a stream is enabled, with view type NEW_AND_OLD_IMAGES."),
    (3, "Only on an old stream: 1 mapping"),
    (4, "No line of /aws/lambda/orders-projector matched a failure in the window."),
    (5, "Yes: the policies of orders-projector-role allow every call"),
    (6, "A stream last invoked the function in the minute of 12:28 UTC"),
    (7, "19,666 invocations in the window, the last in the minute of 12:28 UTC; no error."),
    (8, "Mapping 92f53014 is Enabled, last result: "),
    (9, "6 changes recorded, the last at 14:24 UTC."),
)


@pytest.mark.parametrize(("number", "start"), ANSWERS)
def test_answers_of_the_example(number: int, start: str) -> None:
    """The answer of each step for the example incident is what its evidence says."""
    assert _answer(number, example()).paragraphs[0].startswith(start)


@pytest.mark.parametrize("number", STEPS)
def test_a_blinded_step_reads_not_examined(number: int) -> None:
    """A step that could not look says NOT EXAMINED, why, and which permission would show it."""
    seen = with_observations(example(), **{STEPS[number].observes: DENIED})
    said = repr(views.step_view(number, seen))
    assert "NOT EXAMINED. May not be called. Grant lambda:Granted to see it." in said
    assert not any(
        block.style == "answer" for block in views.step_view(number, seen).blocks if isinstance(block, Prose)
    )


@pytest.mark.parametrize("number", STEPS)
def test_a_step_not_run_reads_not_examined(number: int) -> None:
    """A step that was not run is not shown as one that saw nothing."""
    empty = Evidence(example().incident, example().as_of, {})
    assert "NOT EXAMINED. This step has not been run." in repr(views.step_view(number, empty))


@pytest.mark.parametrize("name", BLINDED_STEPS + BLINDED_FIELDS)
def test_whatever_is_unseen_is_shown_as_unseen(name: str) -> None:
    """With any one fact unseen every view still shows, and the step that lost it tells the gap."""
    shown = list(_all_views(blinded(name)))
    number = next(step.number for step in STEPS.values() if step.observes == name.split(".")[0])
    assert "May not be called." in repr(shown[number - 1])
    assert "lambda:Denied" in repr(shown[-1])
    assert all("healthy" not in repr(block).lower() for block in shown)
    for block in shown:
        json.dumps(block._repr_mimebundle_()[MIME])


UNSEEN_ANSWERS = (
    (1, "health", "table"),
    (2, "streams", "table"),
    (3, "mappings", "ours"),
    (4, "logs", "group"),
    (4, "logs", "errors"),
    (5, "role", "role"),
    (6, "backlog", "iterator_age_ms"),
    (7, "metrics", "invocations"),
    (8, "status", "mappings"),
)


@pytest.mark.parametrize(("number", "name", "field"), UNSEEN_ANSWERS)
def test_an_answer_without_its_fact_is_a_gap(number: int, name: str, field: str) -> None:
    """Where the fact that an answer rests on was not seen, a gap stands in the answer's place."""
    assert _answer(number, with_fields(example(), name, **{field: DENIED})).style == "gap"


def test_an_unseen_health_is_not_a_quiet_one() -> None:
    """With AWS Health unread the answer of step 1 says so, and lists no absence of issues."""
    said = _answer(1, with_fields(example(), "health", events=DENIED)).paragraphs[0]
    assert "could not be seen" in said
    assert "lists no open issue" not in said


def test_a_search_cut_short_gives_a_lower_bound() -> None:
    """A log search that was cut short does not say that the window held no failure."""
    searches = tuple(replaced(search, truncated=True) for search in example().logs.searches)
    said = _answer(4, with_fields(example(), "logs", searches=searches)).paragraphs[0]
    assert "in the part that was searched" in said


@pytest.mark.parametrize("part", ["regional", "iam"])
def test_a_part_of_the_trail_unread_bounds_the_answer(part: str) -> None:
    """With one part of the trail unread, what was found is said to be as far as could be searched."""
    said = _answer(9, with_fields(example(), "changes", **{part: DENIED})).paragraphs[0]
    assert said.startswith("As far as could be searched: ")
    assert not _answer(9, example()).paragraphs[0].startswith("As far")


def test_no_datapoint_is_not_zero() -> None:
    """A series without a datapoint is shown as none, and its sum is not shown as 0."""
    silent = replaced(example().metrics.invocations, points={})
    seen = with_fields(example(), "metrics", invocations=silent)
    table = _table(views.step_view(7, seen), "Counters in the window")
    row = next(row for row in table.rows if row[0] == "Invocations")
    assert row[2:] == ("-", "-", "-", "none")
    assert "has no invocation" in _answer(7, seen).paragraphs[0]


def test_no_age_is_no_sign_of_health() -> None:
    """Without an invocation the answer of step 6 is that the age is not known."""
    silent = replaced(example().backlog.iterator_age_ms, points={})
    said = _answer(6, with_fields(example(), "backlog", iterator_age_ms=silent)).paragraphs[0]
    assert said.startswith("The age of what waits is not known")


def test_unreserved_is_not_zero() -> None:
    """No reserved concurrency and a reserved concurrency of zero read differently."""
    limits = example().metrics.concurrency
    said = {
        reserved: repr(
            views.step_view(7, with_fields(example(), "metrics", concurrency=replaced(limits, reserved=reserved)))
        )
        for reserved in (None, 0, 5)
    }
    assert "nothing is reserved" in said[None]
    assert "0: the function may not run at all" in said[0]
    assert "may not run" not in said[5]


def test_a_gap_that_hides_nothing_is_not_listed() -> None:
    """A gap for something that does not exist is left out of what could not be seen."""
    nothing = Gap("iam:GetPolicy", "eu-west-1", NOTHING_TO_READ, "There is none.")
    shown = views.step_view(5, with_fields(example(), "role", boundary=nothing))
    assert "What could not be seen here" not in repr(shown)


def _table(stack: Stack, title: str) -> TableBlock:
    return next(part for part in _flat(stack) if isinstance(part, TableBlock) and part.title == title)


def _flat(block: Block) -> Iterator[Block]:
    yield block
    if isinstance(block, Stack):
        for part in block.blocks:
            yield from _flat(part)


def _refs(value: Any) -> Iterator[str]:
    """Give every reference to a call in the JSON of a block."""
    if isinstance(value, dict):
        yield from value.get("refs") or ()
        yield from (ref for _, _, ref in value.get("facts", ()) if ref)
        for inner in value.values():
            yield from _refs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _refs(inner)


def test_every_reference_names_a_call() -> None:
    """References are names of recorded calls, or of the run."""
    for view in _all_views(example()):
        for ref in _refs(view.to_json()):
            assert ref == "run" or re.fullmatch(r"[A-Z]\w+-[0-9a-f]{8}", ref), ref


# -- the verdict and the diagnosis -------------------------------------------------------------------------------


def test_the_verdict_of_the_example() -> None:
    """The first screen tells cause, confidence, deadline, the first remedy with its risk, and the clock."""
    shown = views.verdict_view(example_seen().diagnosis)
    assert shown.status == "fault"
    assert shown.confidence == "proved"
    assert shown.sentence.startswith("The mapping reads an old stream")
    assert (shown.loss.deadline or "").startswith("2026-03-15T12:29:")
    assert shown.first_action
    assert "(R2). Risk: Never use LATEST here" in shown.first_action
    assert shown.as_of == "2026-03-14T15:09:26Z"


def test_where_nothing_is_known_the_first_action_is_to_look() -> None:
    """An undetermined investigation asks first for the permissions that it lacked."""
    seen = with_observations(example(), **{step.observes: DENIED for step in STEPS.values()})
    diagnosis = judged(seen).diagnosis
    shown = views.verdict_view(diagnosis)
    assert diagnosis.status is Status.UNDETERMINED
    assert shown.first_action == "Grant lambda:Granted and run again."
    assert shown.unseen
    assert "does not mean that there is none" in repr(views.causes_view(diagnosis))


def test_a_cause_stands_with_its_evidence_and_remedies() -> None:
    """Each cause shows numbered sentences with their calls, and its own remedies with command, risk and check."""
    diagnosis = example_seen().diagnosis
    shown = views.finding_view(diagnosis.causes[0], diagnosis)
    assert shown.role == "cause"
    assert [reason.sentence for reason in shown.because] == list(diagnosis.causes[0].because)
    assert all(reason.refs for reason in shown.because)
    assert [remedy.id for remedy in shown.remedies] == list(diagnosis.causes[0].finding.remedies)
    assert all(remedy.command and remedy.risk and remedy.check for remedy in shown.remedies)


def test_what_is_refuted_carries_no_remedy() -> None:
    """A finding that is ruled out or undetermined is shown without remedies, and with its word."""
    diagnosis = example_seen().diagnosis
    shown = views.finding_view(diagnosis.ruled_out[0], diagnosis)
    assert (shown.role, shown.remedies) == ("ruled out", ())


def test_the_diagnosis_reads_in_order() -> None:
    """The diagnosis shows verdict, causes, trigger, loss, gaps, pipe, timeline, what is ruled out and what is open."""
    shown = views.diagnosis_view(example_seen().diagnosis).to_json()["blocks"]
    assert shown[0]["block"] == "verdict"
    titles = [block.get("title") for block in shown[1:]]
    wanted = ["Causes", "Onset and trigger", "Loss clock", "What could not be seen", "Where the pipe breaks"]
    wanted += ["Timeline", "Ruled out", "Undetermined"]
    assert [title for title in titles if title in wanted] == wanted


@pytest.mark.parametrize("number", STEPS)
def test_verdicts_of_a_step_are_those_that_read_it(number: int) -> None:
    """What a step tells names exactly the settled and open findings that read it."""
    diagnosis = example_seen().diagnosis
    told = json.dumps(views.verdicts_view(diagnosis, number).to_json())
    verdicts = (
        *diagnosis.causes,
        *diagnosis.contributing,
        *diagnosis.symptoms,
        *diagnosis.innocent,
        *diagnosis.ruled_out,
        *diagnosis.undetermined,
    )
    for verdict in verdicts:
        assert (f'"{verdict.finding.id}"' in told) == (number in verdict.finding.reads), verdict.finding.id


def test_the_pipe_names_the_first_stage_that_stops() -> None:
    """The stages stand left to right, and only the first that stopped is marked."""
    shown = views.stages_view(example_seen().diagnosis)
    assert shown.rows[0][0] == "written to the table"
    assert [row[0] for row in shown.rows if row[1] == "stopped here"] == ["function invoked"]
    assert shown.note == "The first stage seen to stop: function invoked."


def test_a_pipe_that_was_not_seen_is_not_known() -> None:
    """With the metrics unseen no stage that needs them is shown as flowing or stopped."""
    shown = views.stages_view(judged(with_observations(example(), metrics=DENIED)).diagnosis)
    assert {row[1] for row in shown.rows if row[0] != "in the stream"} == {"not known"}


# -- the timeline ------------------------------------------------------------------------------------------------


def test_the_timeline_is_in_order_and_sourced() -> None:
    """Rows stand in order of time, each with a source; onset, alarm, run and deadline are among them."""
    shown = views.changes_view(example_seen().diagnosis)
    times = [row[1] for row in shown.rows]
    assert times == sorted(times)
    assert all(row[2] for row in shown.rows)
    moments = [row[2] for row in shown.rows if not row[0]]
    assert moments == ["CloudWatch metrics", "CloudWatch alarm", "this run", "loss clock"]


def test_the_trigger_is_named_once() -> None:
    """Exactly the change that the diagnosis names as trigger is told as such."""
    diagnosis = example_seen().diagnosis
    named = [
        numbered_change for numbered_change in numbered(diagnosis) if numbered_change.relation is ChangeRelation.SET_OFF
    ]
    assert diagnosis.set_off_by
    assert [numbered_change.change for numbered_change in named] == [diagnosis.set_off_by.change]
    assert named[0].words == "42 s before the onset: named as the trigger"


def test_relations_follow_the_onset() -> None:
    """Without a trigger a change is near, earlier or after by its distance; a failed one changed nothing."""
    diagnosis = replace(example_seen().diagnosis, set_off_by=None)
    assert diagnosis.onset
    change = diagnosis.changes[0]
    for minutes, failed, relation in (
        (-60, False, ChangeRelation.CONTEXT),
        (-5, False, ChangeRelation.CANDIDATE),
        (5, False, ChangeRelation.CANDIDATE),
        (6, False, ChangeRelation.AFTER),
        (-1, True, ChangeRelation.FAILED),
    ):
        at = diagnosis.onset.at + timedelta(minutes=minutes)
        event = replace(change.event, at=at, error_code="Denied" if failed else None)
        moved = replace(diagnosis, changes=(replace(change, event=event),))
        assert numbered(moved)[0].relation is relation


def test_a_long_timeline_names_the_file_with_the_rest() -> None:
    """A capped table says how much is left out and in which evidence file it stands."""
    diagnosis = example_seen().diagnosis
    many = replace(diagnosis, changes=diagnosis.changes * 50)
    shown = views.changes_view(many)
    assert len(shown.rows) == MOST_ROWS
    assert shown.more
    assert "evidence/09-configuration_changes.jsonl" in shown.more


def test_an_unsearched_trail_is_not_a_quiet_one() -> None:
    """With the trail unread the timeline says that the absence of changes says nothing."""
    shown = views.changes_view(judged(with_observations(example(), changes=DENIED)).diagnosis)
    assert shown.note == "The trail could not be searched: that no change stands here says nothing."


def test_actors_lose_only_the_head_that_says_nothing() -> None:
    """The ARN's head is left out where its account is the event's own, and kept for another account."""
    event = example_seen().diagnosis.changes[0].event
    ours = replace(event, actor="arn:aws:iam::123456789012:user/person-1", account="123456789012", via=None)
    assert who(ours) == "user/person-1"
    theirs = replace(ours, actor="arn:aws:iam::111122223333:user/person-2")
    assert who(theirs) == "arn:aws:iam::111122223333:user/person-2"
    assert who(replace(ours, via="cloudformation.amazonaws.com")) == "user/person-1 via cloudformation.amazonaws.com"


def test_views_hold_no_chart() -> None:
    """Views are made without drawing."""
    assert not any(isinstance(part, Chart) for shown in _all_views(example()) for part in _flat(shown))


def test_the_same_evidence_gives_the_same_views() -> None:
    """Showing twice gives the same JSON."""
    first, second = ([view.to_json() for view in _all_views(example())] for _ in range(2))
    assert first == second
