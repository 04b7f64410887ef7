"""Total absence: whatever AWS leaves out, a verdict comes out, and nothing raises."""

from __future__ import annotations

from pathlib import Path

import pytest
from absence import absences
from example_evidence import evidence_in, example, judged
from lessened_answers import keys, without
from worlds import FAST, in_world, investigated

EVERY_NTH = 23
"""What `make test` tries of each world; CI tries all of the sampled ones."""


def _tried(name: str, step: int, first: int = 0) -> None:
    every = list(absences(example(name)))
    assert len(every) > 100
    for path, seen in every[first::step]:
        try:
            assert judged(seen).diagnosis.sentence
        except Exception as defect:
            raise AssertionError(f"{name}: {path}") from defect


@in_world("poison-record")
def test_a_verdict_comes_out_whatever_is_absent() -> None:
    """Each optional member of what was observed, at any depth, may be missing."""
    _tried("poison-record", EVERY_NTH)


@in_world("stream-disabled")
def test_a_verdict_comes_out_whatever_is_absent_beside_a_stream_that_is_off() -> None:
    """The same where the stream was switched off."""
    _tried("stream-disabled", EVERY_NTH, 4)


SAMPLED = ("poison-record", "stream-disabled", "mapping-on-alias")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.sampled if name in SAMPLED else pytest.mark.slow) for name in FAST]
)
def test_every_absence_in_every_shared_world(name: str) -> None:
    """Every optional member, in every world that the tests share."""
    _tried(name, 1)


def _tried_answers(name: str, folder: Path, step: int) -> None:
    """Judge the run again without each `step`th key of its answers."""
    evidence = investigated(name).folder / "evidence"
    every = keys(evidence)
    assert len(every) > 250
    for number, (operation, path) in enumerate(every[::step]):
        try:
            assert judged(evidence_in(without(evidence, operation, path, folder / str(number) / "evidence").parent))
        except Exception as defect:
            raise AssertionError(f"{name}: {operation} without {'.'.join(path)}") from defect


@in_world("poison-record")
def test_a_verdict_comes_out_whichever_key_an_answer_lacks(tmp_path: Path) -> None:
    """Each key of AWS's answers, at any depth, may be missing; `make test` tries every 47th."""
    _tried_answers("poison-record", tmp_path, 47)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLED)
def test_every_key_of_every_answer_may_be_missing(name: str, tmp_path: Path) -> None:
    """Every key, in the worlds of which CI tries every absence."""
    _tried_answers(name, tmp_path, 1)


@pytest.mark.sampled
@pytest.mark.parametrize("name", SAMPLED)
def test_a_sample_of_keys_may_be_missing(name: str, tmp_path: Path) -> None:
    """Every 13th key, in the same worlds."""
    _tried_answers(name, tmp_path, 13)
