"""Counting equal errors as one, and putting stack traces back together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.interpret.lambda_log import ErrorClass, LineKind, LogEvent, group, join_traces, read, signature
from runbook_lib.interpret.log_signs import raised_in

T0 = datetime(2026, 3, 2, 4, 43, tzinfo=UTC)


def _at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("first_text", "other_text"),
    [
        ("ValueError: order 17 is late", "ValueError: order 4711 is late"),
        ("ValueError: 1.5 of 3", "ValueError: 22.75 of 9"),
        ("ValueError: at 2026-03-02T04:43:07.123Z", "ValueError: at 2025-12-31 23:59:59"),
        ("ValueError: 0b1c2d3e-1111-4222-8333-444455556666", "ValueError: ffffffff-1111-4222-8333-aaaabbbbcccc"),
        ("panic: nil at 0xc000012345", "panic: nil at 0xdeadbeef"),
        ("KeyError: 'deadbeef12345678'", "KeyError: '00ff00ff00ff'"),
        (
            "ClientError: x (RequestId: 4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG)",
            "ClientError: x (RequestId: A1BNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAZZZ)",
        ),
        (
            "2026-03-02T04:43:07.123Z 0b1c2d3e-1111-4222-8333-444455556666 Task timed out after 3.00 seconds",
            "2026-03-02T05:43:07.123Z 9b1c2d3e-1111-4222-8333-444455556666 Task timed out after 3.01 seconds",
        ),
    ],
)
def test_equal_errors_have_one_signature(first_text: str, other_text: str) -> None:
    """Errors that differ in numbers, ids, hexadecimal or times only have the same signature."""
    assert signature(read(first_text)) == signature(read(other_text))


@pytest.mark.parametrize(
    ("first_text", "other_text"),
    [
        ("KeyError: 'status'", "KeyError: 'state'"),
        ("ValueError: bad", "TypeError: bad"),
        ("Runtime.ExitError", "Runtime.InvalidEntrypoint"),
        ("ValueError: facade", "ValueError: decade"),
    ],
)
def test_different_errors_have_different_signatures(first_text: str, other_text: str) -> None:
    """Errors that differ in words keep different signatures; words made of hexadecimal letters stay words."""
    assert signature(read(first_text)) != signature(read(other_text))


def test_group_counts_failures_by_class() -> None:
    """Failures are counted by class, most frequent first, with the time of each line; other lines are left out."""
    lines = [
        (_at(9), read("ValueError: order 3")),
        (_at(1), read("ValueError: order 1")),
        (_at(5), read("KeyError: 'NewImage'")),
        (_at(4), read("all is well")),
        (_at(7), read("ValueError: order 2")),
    ]
    assert group(lines) == [
        ErrorClass(
            "ValueError: order <n>",
            LineKind.CODE_ERROR,
            "ValueError",
            (_at(1), _at(7), _at(9)),
            "ValueError: order 1",
        ),
        ErrorClass("KeyError: 'NewImage'", LineKind.MISSING_IMAGE, "KeyError", (_at(5),), "KeyError: 'NewImage'"),
    ]
    assert group([]) == []


LINES = st.sampled_from(
    [
        "ValueError: 1",
        "ValueError: 2",
        "KeyError: 'a'",
        "fine",
        "Task timed out after 3.00 seconds",
        "Runtime.ExitError",
    ]
)


@given(st.lists(st.tuples(st.integers(0, 90).map(_at), LINES), max_size=30), st.randoms())
def test_grouping_loses_nothing_and_ignores_order(events: list[tuple[datetime, str]], random: object) -> None:
    """Every failure is in exactly one class, whatever order the lines come in."""
    lines = [(at, read(message)) for at, message in events]
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    classes = group(lines)
    assert sum(error_class.count for error_class in classes) == sum(line.is_failure for _, line in lines)
    assert all(list(error_class.times) == sorted(error_class.times) for error_class in classes)
    assert [(c.signature, c.times) for c in group(shuffled)] == [(c.signature, c.times) for c in classes]


def _events(*messages: str, stream: str = "s1", start: float = 0) -> list[LogEvent]:
    return [(_at(start + index / 1000), stream, message) for index, message in enumerate(messages)]


PYTHON_TRACE = (
    "[ERROR] boom",
    "Traceback (most recent call last):",
    '  File "/var/task/app.py", line 3, in handler',
    "    fail()",
    "KeyError: 'NewImage'",
)
JAVA_TRACE = (
    "java.lang.IllegalStateException: no",
    "\tat a.B.c(B.java:1)",
    "Caused by: java.io.IOException: x",
    "\t... 9 more",
)
NODE_TRACE = ("TypeError: x is not a function", "    at handler (/var/task/index.js:3:1)", "    at Runtime.handle")
GO_TRACE = ("panic: nil map", "goroutine 1 [running]:", "\tmain.go:3")


@pytest.mark.parametrize("trace", [PYTHON_TRACE, PYTHON_TRACE[1:], JAVA_TRACE, NODE_TRACE, GO_TRACE])
def test_trace_is_joined_to_its_head(trace: tuple[str, ...]) -> None:
    """The lines of a trace become one event at the time of its head; what follows stays apart."""
    joined = join_traces(_events("START RequestId: x Version: 1", *trace, "next message", "END RequestId: x"))
    assert [message for _, _, message in joined] == [
        "START RequestId: x Version: 1",
        "\n".join(trace),
        "next message",
        "END RequestId: x",
    ]
    assert joined[1][0] == _at(0.001)


def test_joined_trace_reads_as_one_failure() -> None:
    """A joined traceback is one line of the kind its last line tells."""
    (line,) = (read(message) for _, _, message in join_traces(_events(*PYTHON_TRACE)))
    assert (line.kind, line.message) == (LineKind.MISSING_IMAGE, "boom: KeyError: 'NewImage'")


def test_streams_are_joined_apart() -> None:
    """Traces of two log streams that interleave are each joined to their own head."""
    java_events, node_events = _events(*JAVA_TRACE), _events(*NODE_TRACE, stream="s2")
    mixed = [event for pair in zip(java_events, node_events, strict=False) for event in pair] + java_events[
        len(node_events) :
    ]
    assert {message for _, _, message in join_traces(mixed)} == {"\n".join(JAVA_TRACE), "\n".join(NODE_TRACE)}


@pytest.mark.parametrize(
    "messages",
    [
        ("START RequestId: x Version: 1", "  indented by the code"),
        ("END RequestId: x", "    at the end"),
        ('{"level": "INFO"}', "  next"),
        ("all is well", "Traceback (most recent call last):"),
        ("ValueError: x", "END RequestId: x", "    indented by the code"),
        ("one", "two", "three"),
    ],
)
def test_what_is_no_trace_stays_apart(messages: tuple[str, ...]) -> None:
    """Platform and JSON lines head no trace, and a traceback does not hang itself on a line that is no error."""
    assert join_traces(_events(*messages)) == _events(*messages)


def test_late_line_is_not_joined() -> None:
    """A line that comes more than two seconds later is of another story."""
    events = _events(NODE_TRACE[0]) + _events(NODE_TRACE[1], start=2.5)
    assert join_traces(events) == events


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5), st.sampled_from(["a", "b"]), st.sampled_from([*PYTHON_TRACE, *JAVA_TRACE, "", "x"])
        ),
        max_size=25,
    )
)
def test_joining_keeps_every_line(raw: list[tuple[int, str, str]]) -> None:
    """No line is lost, doubled or moved to another stream, and heads keep their order."""
    events = [
        (_at(seconds), stream, message)
        for seconds, stream, message in sorted(raw, key=lambda line_event: line_event[0])
    ]
    joined = join_traces(events)
    for name in ("a", "b"):
        before = "\n".join(message for _, stream, message in events if stream == name)
        assert "\n".join(message for _, stream, message in joined if stream == name) == before
    assert [at for at, _, _ in joined] == sorted(at for at, _, _ in joined)


def test_a_class_knows_its_first_and_its_last() -> None:
    """Whatever order the lines come in, first and last are the oldest and the newest of them."""
    line = read("[ERROR] ValueError: bad")
    (found,) = group([(_at(2), line), (_at(9), line), (_at(0), line), (_at(5), line)])
    assert (found.first, found.last, found.count) == (_at(0), _at(9), 4)


def test_a_second_traceback_goes_on_with_a_trace_that_has_begun() -> None:
    """A head that is no failure by itself heads a traceback where lines of a trace follow it already."""
    lines = ("order 17 went wrong", "  while packing", "Traceback (most recent call last):", "  a", "KeyError: 'x'")
    assert len(join_traces((_at(0), "stream", line) for line in lines)) == 1
    assert len(join_traces((_at(0), "stream", line) for line in (lines[0], *lines[2:]))) == 2


@pytest.mark.parametrize(
    ("trace", "raised"),
    [
        ("Traceback (most recent call last):\nKeyError: 'x'", "KeyError: 'x'"),
        ("Traceback (most recent call last):\n  ValueError: code\nKeyError: 'x'\n", "KeyError: 'x'"),
        ("KeyError: 'x'\n  its code", None),
        ("KeyError: 'x'", None),
    ],
)
def test_a_traceback_names_its_exception_below_its_head(trace: str, raised: str | None) -> None:
    """What was raised stands at the margin somewhere below the first line, which is the head and not it."""
    assert raised_in(trace) == raised
