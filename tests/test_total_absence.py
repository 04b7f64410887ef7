"""Total absence: whatever AWS leaves out, a verdict comes out, and nothing raises."""

from __future__ import annotations

import pytest
from absence import absences
from example_evidence import example, judged
from worlds import FAST, in_world

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
