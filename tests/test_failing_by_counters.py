"""Every invocation fails by the counters, and the log does not say how: said so, and never ruled out by a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest
from example_evidence import DENIED, example, replaced, with_fields
from worlds import NOW, in_world

from runbook_lib.evidence import Evidence
from runbook_lib.findings import FINDINGS, Confidence, Verdict, VerdictWord, judge
from runbook_lib.judging.diagnosis import Status, diagnose
from runbook_lib.measuring.pipe import Measured
from runbook_lib.sandbox import BROKEN_HANDLER, PIPELINE, Code, Failure, Setting, World
from serve_world import served_world

MINUTE = timedelta(minutes=1)
KINDS = ("init-or-import-error", "timeout", "oom", "handler-error")
UNSPOKEN = Failure("Unspoken", "ends", line="bye")


def _verdict(name: str, seen: Evidence) -> Verdict:
    return judge(FINDINGS[name], Measured(seen))


@cache
def _failing(*, silent: bool = True) -> Evidence:
    """A function that fails on every batch, with a log that does not say how, or with its log."""
    seen = example("import-error-after-deploy")
    return with_fields(seen, "logs", errors=(), failure_times=()) if silent else seen


def _counted(seen: Evidence, failed: Mapping[int, tuple[float, float]]) -> Evidence:
    """Count invocations and failures in minutes before the newest that is counted, a batch of the stream in each."""
    minutes = {seen.window.settled_end - (ago + 1) * MINUTE: both for ago, both in failed.items()}
    metrics, age = seen.metrics, seen.backlog.iterator_age_ms
    seen = with_fields(
        seen,
        "metrics",
        invocations=replace(metrics.invocations, points={at: ran for at, (ran, _) in minutes.items()}),
        errors=replace(metrics.errors, points={at: wrong for at, (_, wrong) in minutes.items()}),
    )
    return with_fields(seen, "backlog", iterator_age_ms=replace(age, points=dict.fromkeys(minutes, 500.0)))


@in_world("import-error-after-deploy")
def test_an_empty_search_rules_out_no_kind_of_failure() -> None:
    """While all invocations fail, none of the four kinds is ruled out, and each says that no line tells."""
    for name in KINDS:
        verdict = _verdict(name, _failing())
        assert verdict.word is VerdictWord.UNDETERMINED
        assert "no line that was found says how" in verdict.lacking[0]
    assert _verdict("every-batch-fails", _failing()).confidence is Confidence.LIKELY


@in_world("import-error-after-deploy")
def test_a_log_that_says_how_is_believed() -> None:
    """Where the log names the failure, that is the cause, and nothing is said of a log that does not say how."""
    seen = _failing(silent=False)
    assert _verdict("init-or-import-error", seen).confidence is Confidence.PROVED
    verdict = _verdict("every-batch-fails", seen)
    assert verdict.word is VerdictWord.ABSENT
    assert verdict.because[0].startswith("The log says how: ")


@in_world("import-error-after-deploy")
def test_a_log_that_may_not_be_read_hides_no_failure() -> None:
    """With the log refused the counters still show the failure, and what would settle it is named."""
    seen = with_fields(_failing(), "logs", errors=DENIED, group=DENIED)
    verdict = _verdict("every-batch-fails", seen)
    assert (verdict.word, verdict.lacking) == (VerdictWord.PRESENT, ("lambda:Granted",))
    assert diagnose(seen).causes[0].finding.id == "every-batch-fails"


@in_world("import-error-after-deploy")
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"exists": False}, "does not exist"),
        ({"last_event_at": None}, "holds no line of these minutes"),
        ({}, "read without a filter"),
    ],
)
def test_what_the_log_is_like_is_told(changed: dict[str, object], said: str) -> None:
    """A group that is gone, one without a line of that time, and one that was searched in vain are told apart."""
    seen = _failing()
    seen = with_fields(seen, "logs", group=replaced(seen.logs.group, **changed))
    assert said in _verdict("every-batch-fails", seen).because[-1]


@in_world("import-error-after-deploy")
@pytest.mark.parametrize(
    ("minutes", "word"),
    [
        ({0: (16, 16), 1: (20, 9), 2: (20, 0)}, VerdictWord.PRESENT),
        ({0: (1, 1), 1: (1, 1), 2: (1, 1), 3: (1, 0)}, VerdictWord.PRESENT),
        ({0: (1, 1), 1: (1, 1), 2: (1, 0)}, VerdictWord.ABSENT),
        (dict.fromkeys(range(60), (20, 10)), VerdictWord.ABSENT),
        ({ago: (1, int(ago < 3) or ago % 2) for ago in range(60)}, VerdictWord.ABSENT),
        (dict.fromkeys(range(5, 40), (20, 20)), VerdictWord.PRESENT),
        (dict.fromkeys(range(50, 90), (20, 20)), VerdictWord.ABSENT),
        ({0: (20, 0), **dict.fromkeys(range(1, 40), (20, 20))}, VerdictWord.ABSENT),
    ],
    ids=["a minute", "sparse", "two of two", "half", "half, sparse", "a pause", "over", "repaired"],
)
def test_all_that_fail_are_all_of_the_newest(minutes: dict[int, tuple[float, float]], word: VerdictWord) -> None:
    """Failures without a success since are every batch; half of them, few by chance, old and mended ones are not."""
    assert _verdict("every-batch-fails", _counted(_failing(), minutes)).word is word


@in_world("import-error-after-deploy")
def test_other_triggers_failures_are_not_the_streams() -> None:
    """Where the stream sent no batch meanwhile, what fails are invocations by other triggers."""
    seen = _failing()
    quiet = replace(seen.backlog.iterator_age_ms, points={})
    assert _verdict("every-batch-fails", with_fields(seen, "backlog", iterator_age_ms=quiet)).word is VerdictWord.ABSENT


@in_world("import-error-after-deploy")
@pytest.mark.parametrize(("of_limit", "timed_out"), [(1.0, True), (0.995, True), (0.9, False)])
def test_durations_at_the_limit_are_a_timeout(of_limit: float, timed_out: bool) -> None:
    """Where the failing invocations run as long as they may, the timeout is the cause, and how they fail is known."""
    seen = _failing()
    limit = seen.mappings.function.timeout_s * 1000 * of_limit
    longest = replace(seen.metrics.duration_ms, points=dict.fromkeys(seen.metrics.duration_ms.points, limit))
    seen = with_fields(seen, "metrics", duration_ms=longest)
    assert (_verdict("timeout", seen).word is VerdictWord.PRESENT) is timed_out
    assert (_verdict("every-batch-fails", seen).word is VerdictWord.PRESENT) is not timed_out


@in_world("import-error-after-deploy")
def test_unread_counters_rule_out_no_failure() -> None:
    """An empty search says nothing where the counters could not be read beside it."""
    seen = with_fields(_failing(), "metrics", errors=DENIED)
    assert {_verdict(name, seen).word for name in (*KINDS, "every-batch-fails")} == {VerdictWord.UNDETERMINED}


@in_world("view-type-without-image")
def test_a_missing_image_that_the_stream_carries_is_an_error_of_the_code() -> None:
    """A handler that misses an image raises an error where the stream carries it; else the stream lacks it."""
    seen = example("view-type-without-image")
    assert _verdict("handler-error", seen).word is VerdictWord.ABSENT
    whole = with_fields(seen, "streams", table=replaced(seen.streams.table, view_type="NEW_AND_OLD_IMAGES"))
    assert _verdict("handler-error", whole).confidence is Confidence.PROVED
    assert _verdict("view-type-lacks-image", whole).word is VerdictWord.ABSENT


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [5, 10, 15, 60, 26 * 60])
@pytest.mark.parametrize("per_minute", [1, 20])
@pytest.mark.parametrize("setting", [Setting(), Setting(event_count=True), Setting(alias="live")])
def test_failures_of_any_age_are_a_fault(minutes: int, per_minute: int, setting: Setting) -> None:
    """A release that fails without a word is a fault five minutes on and a day on, on busy and on sparse tables."""
    world = World(NOW, 1, history=timedelta(hours=30), setting=setting)
    world.set_traffic(world.start, per_minute=per_minute, jitter=1)
    world.deploy(world.ago(minutes=minutes), world.setting.function, Code("r42", always=UNSPOKEN), by=PIPELINE)
    with served_world(world) as served:
        found = served.investigate().diagnosis
    assert (found.status, [cause.finding.id for cause in found.causes]) == (Status.FAULT, ["every-batch-fails"])


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [5, 15])
def test_young_failures_that_are_logged_are_named(minutes: int) -> None:
    """A release that fails with a word is named by it within minutes."""
    world = World(NOW, 1, history=timedelta(hours=30))
    world.deploy(world.ago(minutes=minutes), world.setting.function, Code("r42", always=BROKEN_HANDLER), by=PIPELINE)
    with served_world(world) as served:
        found = served.investigate().diagnosis
    assert [cause.finding.id for cause in found.causes] == ["handler-error"]
