"""Error classes over time: every line is counted once, in its period, and what was not searched is not quiet."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
from example_evidence import DENIED, Seen, example_seen, failing_seen, replaced, with_fields
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import StepPatch

from runbook_lib import charts
from runbook_lib.charts.error_classes import (
    MOST_CLASSES,
    OTHER,
    ErrorsData,
    draw_class,
    errors_data,
    errors_words,
    period_of,
    shown,
)
from runbook_lib.interpret.lambda_log import ErrorClass, LineKind
from runbook_lib.showing import canvas
from runbook_lib.showing.blocks import Chart, Prose


def _data(*classes: ErrorClass) -> ErrorsData:
    seen = failing_seen()
    return errors_data(with_fields(seen.evidence, "logs", errors=classes), seen.diagnosis)


def _class(name: str | None, minutes: list[int], kind: LineKind = LineKind.CODE_ERROR) -> ErrorClass:
    start = failing_seen().evidence.window.start
    times = tuple(start + timedelta(minutes=minute) for minute in sorted(minutes))
    return ErrorClass(f"{name}: <n>", kind, name, times, f"{name}: 1")


NAMES = st.one_of(st.none(), st.sampled_from(["ValueError", "Runtime.ExitError", "other classes"]), st.text())
KINDS = st.sampled_from([LineKind.CODE_ERROR, LineKind.TIMEOUT, LineKind.OUT_OF_MEMORY, LineKind.CRASH])
CLASSES = st.lists(
    st.builds(_class, NAMES, st.lists(st.integers(-30, 24 * 60 + 30), min_size=1, max_size=12), KINDS), max_size=9
)


@given(CLASSES, st.randoms(use_true_random=False))
def test_every_line_is_counted_once(classes: list[ErrorClass], chance: random.Random) -> None:
    """The rows hold every line on the axis in its own period, in few rows; the order of classes does not matter."""
    data = _data(*classes)
    times = [at for error_class in classes for at in error_class.times if at in data.axis]
    assert sum(row.total for row in data.rows) == len(times)
    assert len(data.rows) <= MOST_CLASSES + 1
    counted: dict[datetime, int] = {}
    for row in data.rows:
        for at, number in row.counts:
            assert number > 0
            counted[at] = counted.get(at, 0) + number
    wanted: dict[datetime, int] = {}
    for at in times:
        home = period_of(at, data.axis)
        assert home <= at < home + data.axis.bucket
        wanted[home] = wanted.get(home, 0) + 1
    assert counted == wanted
    shuffled = list(classes)
    chance.shuffle(shuffled)
    assert _data(*shuffled) == data


@settings(max_examples=20)  # each is drawn
@given(CLASSES)
def test_what_is_drawn_is_the_data(classes: list[ErrorClass]) -> None:
    """Read back from the axes, each period has its count and lies within the axis; no name upsets the drawing."""
    data = _data(*classes)
    for row in data.rows:
        with canvas.drawing(1.0) as figure:
            axes = figure.add_axes((0, 0, 1, 1))
            draw_class(axes, row, data)
            shapes = [patch.get_data() for patch in axes.patches if isinstance(patch, StepPatch)]
        drawn = [(at, value) for shape in shapes for at, value in zip(shape.edges, shape.values, strict=False)]
        assert drawn == [(canvas.x(at), number) for at, number in row.counts]
        assert all(max(shape.edges) <= canvas.x(data.axis.end) for shape in shapes)


@given(st.text())
def test_names_are_drawn_in_letters_that_exist(name: str) -> None:
    """A name out of a log is drawn short, on one line, in ASCII."""
    assert len(shown(name)) <= 34
    assert all(" " <= letter <= "~" for letter in shown(name))


def test_many_classes_leave_a_row_of_others() -> None:
    """Beyond so many classes the rarest are one row together, and the words say how many they are."""
    data = _data(*(_class(f"Error{n}", list(range(60, 70 + n))) for n in range(9)))
    assert [row.name for row in data.rows] == [*(f"Error{n}" for n in range(8, 3, -1)), OTHER]
    assert data.others == 4
    assert data.rows[-1].total == 10 + 11 + 12 + 13
    assert any(sentence.startswith("other classes (4): 46 lines between ") for sentence in errors_words(data))


def test_classes_bear_the_name_of_what_happened() -> None:
    """Timeouts and lack of memory are named so, whatever type the line gives; a class without a type is not dropped."""
    data = _data(
        _class("Runtime.ExitError", [5], LineKind.OUT_OF_MEMORY),
        _class(None, [6, 7], LineKind.TIMEOUT),
        _class(None, [8, 9, 10]),
    )
    assert [row.name for row in data.rows] == ["code error, no type given", "Task timed out", "Out of memory"]


def test_the_classes_of_a_failing_function() -> None:
    """The chart of a function that fails counts every line that step 4 found, none of them before the onset."""
    seen = failing_seen()
    data = errors_data(seen.evidence, seen.diagnosis)
    assert (
        sum(row.total for row in data.rows) == sum(error_class.count for error_class in seen.evidence.logs.errors) > 0
    )
    assert "ValueError" in {row.name for row in data.rows}
    for row, said in zip(data.rows, errors_words(data), strict=False):
        assert said.startswith(f"{row.name}: {row.total:,} lines between ")
        assert said.endswith(", 0 of them before the period of the onset.")


def test_a_search_cut_short_is_hatched() -> None:
    """What a search did not reach is unexamined in picture and words."""
    seen = failing_seen()
    searches = tuple(replaced(search, truncated=True) for search in seen.evidence.logs.searches)
    data = errors_data(with_fields(seen.evidence, "logs", searches=searches), seen.diagnosis)
    assert {stretch.why for stretch in data.unexamined} == {"search cut short"}
    assert any(sentence.startswith("Not examined from ") for sentence in errors_words(data))


@pytest.mark.parametrize("field", ["errors", "group"])
def test_an_unseen_log_is_not_a_quiet_one(field: str) -> None:
    """Where the log could not be read there is a gap in words and no empty frame."""
    seen = failing_seen()
    said = charts.error_classes(Seen(with_fields(seen.evidence, "logs", **{field: DENIED}), seen.diagnosis))
    assert said == Prose.of("There is no picture: May not be called.", style="gap")


def test_no_failure_and_no_log_group_are_said_apart() -> None:
    """A log without failures, one that was searched in part, and one that does not exist are three things."""
    seen = example_seen()
    logs = seen.evidence.logs
    missing = with_fields(seen.evidence, "logs", group=replaced(logs.group, exists=False))
    cut = with_fields(
        seen.evidence, "logs", searches=tuple(replaced(search, truncated=True) for search in logs.searches)
    )
    said = [charts.error_classes(Seen(evidence, seen.diagnosis)).text for evidence in (seen.evidence, cut, missing)]
    assert said[0].startswith("No failure was found in /aws/lambda/orders-projector: ")
    assert "as far as it was searched" in " ".join(said[1].split())
    assert said[2].startswith("There is no log group /aws/lambda/orders-projector")
    assert isinstance(charts.error_classes(failing_seen()), Chart)
