"""Signals besides the counters are held against the onset, and named whether they agree or not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from example_evidence import DENIED, example, example_seen, judged, with_fields, with_observations
from worlds import in_world

from runbook_lib.judging.onset_signals import corroborated
from runbook_lib.measuring.onset import Onset


def _onset(fault: str) -> Onset:
    began = judged(example(fault)).diagnosis.onset
    assert began is not None
    return began


@in_world("mapping-paused")
def test_a_paused_mapping_and_its_poller_agree_with_the_silence() -> None:
    """The minute in which the mapping changed and the poller's last call stand beside what the counters say."""
    said = _onset("mapping-paused").signals
    assert len(said) == 3
    assert "became Disabled in the minute of" in said[1]
    assert said[2].startswith("The trail last shows the poller at work on the stream at")


@in_world("import-error-after-deploy")
def test_the_first_failure_in_the_log_agrees() -> None:
    """The first line of the failure that goes on stands beside the counters."""
    assert any(
        signal.startswith("The log first shows the failure that it still repeats")
        for signal in _onset("import-error-after-deploy").signals
    )


@in_world("import-error-after-deploy")
def test_a_signal_of_another_time_is_named_as_such() -> None:
    """A failure that had been there for hours does not pass for agreement, and the estimate stays what it was."""
    seen = example("import-error-after-deploy")
    before = _onset("import-error-after-deploy")
    older = tuple(replace(error, times=(error.first - timedelta(hours=9), *error.times)) for error in seen.logs.errors)
    plain = replace(before, signals=before.signals[:1])
    found = corroborated(with_fields(seen, "logs", errors=older), plain)
    assert found is not None
    assert (found.at, found.earliest, found.latest) == (before.at, before.earliest, before.latest)
    assert found.signals[1].startswith("Not of the same time: the log first shows")


@in_world("import-error-after-deploy")
def test_without_harm_there_is_no_onset() -> None:
    """Other signals alone never make an onset."""
    assert corroborated(example("import-error-after-deploy"), None) is None


@in_world("stream-recreated")
@pytest.mark.parametrize("name", ["logs", "mappings", "changes"])
def test_what_is_unseen_says_nothing(name: str) -> None:
    """A signal that could not be read is left out, and the others are told."""
    began = example_seen().diagnosis.onset
    blind = with_observations(example(), **{name: DENIED})
    assert corroborated(blind, began) is not None
