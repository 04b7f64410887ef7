"""The model fuzz: investigations of recorded worlds whose answers are mutated as AWS's models allow.

python bench/fuzz.py                    every kind of mutation in turn, 2,400 runs from seed 1
python bench/fuzz.py --runs N --seed S  so many, from there
python bench/fuzz.py --only S           one run again, with as few operations mutated as still fail

Whatever AWS leaves out or makes up: the kit ends with a verdict that holds to its schema, shows every view, and says
the same when it is replayed. Where members are only left out, it names no cause as proved or likely that the whole
answers do not show, and calls no broken world sound. The exit code is 1 when a run fails and 2 when nothing ran.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator

import scoreboard
from mutate import MutatedAnswers, Mutation, MutationKind
from runbook_lib import charts, views
from runbook_lib.archive.plain_json import dumped
from runbook_lib.archive.record import Record
from runbook_lib.aws import READS, iam_action
from runbook_lib.charts.correlation import correlation_alt, correlation_data, correlation_words
from runbook_lib.charts.error_classes import errors_alt, errors_data, errors_words
from runbook_lib.charts.iterator_age import age_alt, age_data, age_words
from runbook_lib.charts.outcomes import outcomes_alt, outcomes_data, outcomes_words
from runbook_lib.charts.pipe_stages import pipe_alt, pipe_data, pipe_words
from runbook_lib.charts.siblings import siblings_alt, siblings_data, siblings_words
from runbook_lib.example import EVIDENCE
from runbook_lib.findings import Confidence
from runbook_lib.judging.diagnosis import Diagnosis, Status
from runbook_lib.judging.verdict import to_text
from runbook_lib.report import export
from runbook_lib.report.junit import junit
from runbook_lib.report.render import Meta
from runbook_lib.report.sarif import sarif
from runbook_lib.running.investigation import Investigation
from runbook_lib.showing.axis import overview_axis, zoom_axis
from runbook_lib.showing.blocks import Block
from runbook_lib.steps import STEPS
from serve_world import served_world

EXAMPLE = "example"
WORLDS = (
    *(EXAMPLE, "healthy", "no-table-writes", "mapping-deleted", "mapping-paused", "stream-disabled", "poison-record"),
    *("concurrency-zero", "role-lost-getrecords", "mapping-on-alias", "role-pinned-to-table-arn", "mapping-given-up"),
)
"""The worlds whose answers are mutated: the recorded example, and worlds of the sandbox recorded anew."""

RUNS = 2400
DRAWN_EVERY = 100
TOLD_EVERY = 200
ACTIONS = tuple(
    sorted(
        iam_action(service, operation)
        for service, operations in READS.items()
        for operation in operations
        if service != "sts"
    )
)
SCHEMA = Path(__file__).parent.parent / "docs" / "verdict.schema.json"


@dataclass(frozen=True)
class FuzzRun:
    """One run: the world, and how its answers are mutated. Everything follows from the seed."""

    world: str
    mutation: Mutation

    def __str__(self) -> str:
        mutation = self.mutation
        operations = ", ".join(sorted(mutation.operations)) if len(mutation.operations) < len(ACTIONS) else "all"
        return f"seed {mutation.seed}: {self.world}, {mutation.how}: {operations}"


@dataclass(frozen=True)
class FailedRun:
    """A run that failed: what was mutated, and what went wrong."""

    run: FuzzRun
    mutated: tuple[str, ...]
    wrong: str


def fuzz_run(seed: int, worlds: Sequence[str] = WORLDS) -> FuzzRun:
    """Give the run of a seed."""
    rng = random.Random(seed)
    how = tuple(MutationKind)[seed % len(MutationKind)]
    some = rng.sample(ACTIONS, rng.choice((1, 1, 2, 3, 5, 9)))
    operations = ACTIONS if how is MutationKind.INVENTED and rng.random() < 0.3 else some
    return FuzzRun(rng.choice(worlds), Mutation(seed, how, frozenset(operations)))


@cache
def recorded_run(world: str) -> tuple[Record, frozenset[str]]:
    """Give a world's recorded run, and the causes that its whole answers show."""
    if world == EXAMPLE:
        record = Record.read(EVIDENCE)
        return record, _named(Investigation(record).diagnosis)
    case = next(case for case in scoreboard.cases() if case.id == world)
    with served_world(case.fault.build(scoreboard.NOW, scoreboard.SEED)) as served:
        outcome = served.investigate()
        return outcome.record, _named(outcome.diagnosis)


def run(fuzzed: FuzzRun) -> FailedRun | None:
    """Investigate once and show all of it; None when everything held."""
    record, expected = recorded_run(fuzzed.world)
    live = MutatedAnswers(record, fuzzed.mutation)
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            diagnosis = _whole_route(record, live, Path(folder), drawn=fuzzed.mutation.seed % DRAWN_EVERY == 0)
    except Exception:
        return FailedRun(fuzzed, tuple(sorted(live.mutated)), traceback.format_exc(limit=-8))
    wrong = _dishonest(diagnosis, expected) if fuzzed.mutation.how is MutationKind.REMOVED else ""
    return FailedRun(fuzzed, tuple(sorted(live.mutated)), wrong) if wrong else None


def _whole_route(known: Record, live: MutatedAnswers, folder: Path, *, drawn: bool) -> Diagnosis:
    """Go the whole way from the questions to everything that is shown, and the way of a replay."""
    record = Record.create(known.incident, known.as_of, known.run["identity"], archive=folder, peek=True)
    investigation = Investigation(record, live)
    try:
        diagnosis = investigation.diagnosis
    finally:
        record.close()
    text = to_text(diagnosis, record)
    for trouble in _schema().iter_errors(json.loads(text)):
        raise AssertionError(f"the verdict breaks its schema: {trouble.json_path}: {trouble.message[:200]}")
    _show(investigation, diagnosis, record)
    if drawn:
        _draw(investigation)
    assert record.folder is not None
    again = Record.open(record.folder)
    assert to_text(Investigation(again).diagnosis, again) == text, "a replay gives another verdict"
    return diagnosis


def _show(investigation: Investigation, diagnosis: Diagnosis, record: Record) -> None:
    """Show every view in its three forms, write every document, compute what every chart shows."""
    for block in _blocks(investigation, diagnosis):
        dumped(block._repr_mimebundle_()).encode()
    headline = views.verdict_view(diagnosis).to_json()
    export.summary(headline, Meta.of(record, headline)).encode()
    export.timeline(diagnosis).encode()
    junit(diagnosis)
    sarif(diagnosis, investigation.evidence)
    seen = investigation.evidence
    for axis in (overview_axis(seen, diagnosis), zoom_axis(seen, diagnosis)):
        shown = correlation_data(seen, diagnosis, axis)
        dumped((correlation_alt(shown), correlation_words(shown)))
    age, boxes = age_data(seen, diagnosis), pipe_data(diagnosis)
    dumped((age_alt(age), age_words(age), pipe_alt(boxes), tuple(pipe_words(diagnosis))))
    outcomes, siblings = outcomes_data(seen, diagnosis), siblings_data(seen, diagnosis)
    dumped((outcomes_alt(outcomes), outcomes_words(outcomes)))
    if siblings.rows:
        dumped((siblings_alt(siblings), siblings_words(siblings)))
    classes = errors_data(seen, diagnosis)
    if classes.rows:
        dumped((errors_alt(classes), errors_words(classes)))


def _blocks(investigation: Investigation, diagnosis: Diagnosis) -> Iterator[Block]:
    yield from (views.step_view(number, investigation.evidence) for number in STEPS)
    yield from (views.verdicts_view(diagnosis, number) for number in STEPS)
    for view in (
        *(views.verdict_view, views.diagnosis_view, views.causes_view, views.setting_change_view, views.loss_view),
        *(views.unseen_view, views.changes_view, views.stages_view, views.comparison_view, views.beside_view),
        *(views.fallbacks_view, views.ruled_out_view, views.undetermined_view, views.proposals_view),
    ):
        yield view(diagnosis)


def _draw(investigation: Investigation) -> None:
    for name in charts.__all__:
        getattr(charts, name)(investigation)


@cache
def _schema() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _named(diagnosis: Diagnosis) -> frozenset[str]:
    sure = (Confidence.PROVED, Confidence.LIKELY)
    return frozenset(cause.finding.id for cause in diagnosis.causes if cause.confidence in sure)


def _dishonest(diagnosis: Diagnosis, expected: frozenset[str]) -> str:
    """Say what the kit claims although an answer lacks what the claim needs; nothing when it is honest."""
    if other := sorted(_named(diagnosis) - expected):
        return f"named for want of a member: {', '.join(other)}"
    if expected and diagnosis.status is Status.NO_FAULT:
        return f"called sound for want of a member; it is {', '.join(sorted(expected))}"
    return ""


def shrunk(failure: FailedRun) -> FailedRun:
    """Mutate fewer operations, one at a time, for as long as the run still fails."""
    for action in sorted(failure.run.mutation.operations):
        mutation = failure.run.mutation
        fewer = replace(mutation, operations=mutation.operations - {action})
        failure = run(replace(failure.run, mutation=fewer)) or failure
    return failure


def run_all(seeds: Sequence[int], worlds: Sequence[str], jobs: int) -> list[FailedRun]:
    """Make many runs in several processes; what fails is told at once."""
    for world in worlds if jobs > 1 else ():
        recorded_run(world)  # before the fork, so that every process has it
    failures: list[FailedRun] = []
    runs = [fuzz_run(seed, worlds) for seed in seeds]
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        for number, failure in enumerate(pool.map(run, runs, chunksize=10), start=1):
            if number % TOLD_EVERY == 0:
                print(f"{number} runs, {len(failures)} failed", file=sys.stderr, flush=True)
            if failure is not None:
                failures.append(failure)
                print(f"{failure.run}\n    {'; '.join(failure.mutated)}\n{failure.wrong}", file=sys.stderr)
    return failures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; see the module."""
    parser = argparse.ArgumentParser(description="Investigate recorded worlds with spoilt answers.")
    parser.add_argument("--runs", type=int, default=RUNS, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--only", type=int, help="run this seed alone, spoiling as little as still fails")
    parser.add_argument("--world", action="append", help="spoil this world alone; may be given again")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1), help="processes")
    asked = parser.parse_args(arguments)
    worlds = tuple(asked.world or WORLDS)
    if asked.only is not None:
        failure = run(fuzz_run(asked.only, worlds))
        if failure:
            least = shrunk(failure)
            print(f"{least.run}\n    {'; '.join(least.mutated)}\n{least.wrong}")
        return 1 if failure else 0
    seeds = range(asked.seed, asked.seed + asked.runs)
    failures = run_all(seeds, worlds, asked.jobs)
    kinds = Counter(failure.wrong.strip().splitlines()[-1][:160] for failure in failures)
    for wrong, count in kinds.most_common():
        print(f"{count:5} {wrong}", file=sys.stderr)
    print(f"{len(seeds)} runs, {len(failures)} failed")
    return 1 if failures else 0 if seeds else 2


if __name__ == "__main__":
    sys.exit(main())
