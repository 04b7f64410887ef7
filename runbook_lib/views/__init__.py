"""Observations and diagnoses as blocks: what a notebook cell, a report section or a terminal shows.

Nothing here judges. What could not be seen is shown as NOT EXAMINED, with the reason and the permission that would
help; it is never shown as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runbook_lib.evidence import Evidence, step_number
from runbook_lib.observed import Gap, NotObserved
from runbook_lib.showing.blocks import Block, Prose, Stack
from runbook_lib.steps import STEPS
from runbook_lib.views import changes, function, source, trigger
from runbook_lib.views.changes import changes_view
from runbook_lib.views.judgement import (
    beside_view,
    causes_view,
    diagnosis_view,
    finding_view,
    loss_view,
    ruled_out_view,
    setting_change_view,
    stages_view,
    undetermined_view,
    unseen_view,
    verdict_view,
    verdicts_view,
)
from runbook_lib.views.neighbours import comparison_view, fallbacks_view, proposals_view
from runbook_lib.views.words import calls_sentence, gaps_table, reason, shown

__all__ = [
    "beside_view",
    "causes_view",
    "changes_view",
    "comparison_view",
    "diagnosis_view",
    "fallbacks_view",
    "finding_view",
    "loss_view",
    "proposals_view",
    "ruled_out_view",
    "setting_change_view",
    "stages_view",
    "step_view",
    "told_beside",
    "undetermined_view",
    "unseen_view",
    "verdict_view",
    "verdicts_view",
]


@dataclass(frozen=True)
class _StepPage:
    """How a step is shown: its answer in one sentence, its tables, and what the answer does not prove.

    `beside` names other observations of which the answer tells, too.
    """

    answer: Callable[[Evidence], str]
    details: tuple[Callable[[Evidence], Block], ...]
    meaning: str
    beside: tuple[str, ...] = ()


_PAGES = {
    "health": _StepPage(
        source.health_answer,
        (source.table_facts, source.health_events),
        "A table of this name in another account or region would be another table. AWS Health tells of incidents late,"
        " and not of every one.",
    ),
    "streams": _StepPage(
        source.stream_answer,
        (source.stream_facts, source.generations),
        "Enabling a stream again makes a new one with a new ARN, which no existing mapping follows. A view type cannot"
        " be changed in place.",
    ),
    "mappings": _StepPage(
        trigger.mappings_answer,
        (trigger.mappings_table, trigger.function_facts),
        "Every mapping of the region is listed, because asking by a bare function name misses those on an alias or"
        " version.",
        beside=("streams",),
    ),
    "logs": _StepPage(
        function.logs_answer,
        (function.log_errors, function.log_searches),
        "A quiet log does not show that the function was not invoked: the role may not log, or the lines went"
        " elsewhere. Step 7 counts invocations.",
    ),
    "role": _StepPage(
        function.role_answer,
        (function.role_table, function.role_facts),
        "The stream is polled with the execution role of the version that the mapping invokes, from outside the"
        " function. The function's own resource policy plays no part.",
    ),
    "backlog": _StepPage(
        source.backlog_answer,
        (source.backlog_facts, source.shards),
        "A record lives 24 hours. The age is that of the last batch handed over: it stands still, or is missing, while"
        " nothing is invoked, however much waits.",
    ),
    "metrics": _StepPage(
        function.metrics_answer,
        (function.metrics_table, function.alarms_table, function.concurrency_facts),
        "Lambda reports nothing for a function that nobody invokes, so silence is the sign of a dead trigger, not of a"
        " good one.",
    ),
    "status": _StepPage(
        trigger.status_answer,
        (trigger.status_facts,),
        "Enabled does not mean that records are read, and a last result tells of the last attempt, not of now.",
    ),
    "changes": _StepPage(
        changes.changes_answer,
        (changes.trail_table, changes.searches_table),
        "A change explains a fault only with a mechanism and a lag that fits it; the diagnosis names one as trigger or"
        " none.",
    ),
}
"""By the name of the observation."""


def told_beside(number: int) -> tuple[int, ...]:
    """Name the other steps of which this step's view tells, too: it is whole once they have been observed."""
    return tuple(map(step_number, _PAGES[STEPS[number].observes].beside))


def step_view(number: int, seen: Evidence) -> Stack:
    """Show one playbook step: question, answer, tables, calls made, what was not seen. Raises KeyError beyond them."""
    step = STEPS[number]
    page = _PAGES[step.observes]
    title, question = f"Step {number}: {step.title}", Prose.of(step.question)
    observed = seen.observations.get(step.observes)
    if observed is None:
        return Stack(title, (question, Prose.of("This step has not been run.", style="gap")))
    if isinstance(observed, Gap):
        return Stack(title, (question, Prose.of(reason(observed), style="gap"), *gaps_table([observed])))
    return Stack(
        title,
        (
            question,
            _answer(page, seen),
            *(shown(lambda look=look: look(seen)) for look in page.details),  # type: ignore[misc]
            Prose.of(page.meaning, style="meaning"),
            *gaps_table(observed.gaps()),
            *calls_sentence(observed),
        ),
    )


def _answer(page: _StepPage, seen: Evidence) -> Prose:
    try:
        return Prose.of(page.answer(seen), style="answer")
    except NotObserved as unseen:
        return Prose.of(reason(unseen.gap), style="gap")
