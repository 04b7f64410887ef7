"""Pictures: each has its words, is the same bytes each time, and can be read."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise, product

import pytest
from example_evidence import (
    BLINDED_STEPS,
    DENIED,
    Seen,
    example,
    example_seen,
    failing_seen,
    judged,
    with_observations,
)
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image

from runbook_lib import charts
from runbook_lib.blocks import Prose
from runbook_lib.charts import canvas, draw_correlation
from runbook_lib.charts.correlation import ChartData, correlation, describe
from runbook_lib.charts.data import (
    Axis,
    overview_axis,
)
from runbook_lib.charts.draw_correlation import MOST_NUMBERS, worth_numbers
from runbook_lib.charts.draw_single import look
from runbook_lib.charts.single import age_data, pipe_data
from runbook_lib.evidence import Evidence
from runbook_lib.loss_clock import LossState
from runbook_lib.stages import Stage, State

MINUTE = timedelta(minutes=1)
START = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)


def _overview(seen: Seen) -> ChartData:
    return correlation(seen.evidence, seen.diagnosis, overview_axis(seen.evidence, seen.diagnosis))


# -- in words ----------------------------------------------------------------------------------------------------


def test_the_words_tell_what_the_picture_draws() -> None:
    """The description holds every change, every metric's highest and last value, and every state."""
    data = _overview(example_seen())
    said = " ".join(describe(data))
    for lane in data.lanes:
        for mark in lane.marks:
            assert f"{mark.number}. {mark.at:%Y-%m-%d %H:%M:%S} UTC: {mark.sentence}" in said
    for one in data.panels[:2]:
        assert one.peak
        assert one.last
        assert f"highest {one.peak[1]:,.0f} at" in said
        assert f"last {one.last[1]:,.0f} at" in said
        assert f"{one.counted:,} datapoints" in said
    for strip in data.strips:
        assert all(span.state in said for span in strip.spans)


ALTS = {
    "correlation_overview": "onset at 12:29 UTC: 6 changes against the metrics; invocations are silent for",
    "correlation_zoom": "onset at 12:29 UTC: 2 changes against the metrics; invocations are silent for",
    "error_classes": "by class: ValueError 2,1",
    "iterator_age": "by the loss clock the oldest record is lost at 2026-03-15 12:29 UTC.",
    "outcomes": "19,666 succeeded (the last at 12:28 UTC), 0 failed, 0 throttled.",
    "pipe_stages": "the first stage seen to stop is 'function invoked'.",
    "siblings": "on one scale: orders-notifier: 19,666 succeeded (the last at 12:28 UTC), 0 failed.",
}


@pytest.mark.parametrize("name", charts.__all__)
def test_every_chart_has_its_alternative(name: str) -> None:
    """Each chart is a PNG of 64 colours at twice its size, with one sentence and a description of the same data."""
    chart = getattr(charts, name)(failing_seen() if name == "error_classes" else example_seen())
    assert ALTS[name] in chart.alt
    assert chart.alt.count(". ") <= 1
    assert chart.description
    assert re.fullmatch(r"[a-z-]+", chart.id)
    picture = Image.open(io.BytesIO(chart.png))
    assert picture.size == (2 * chart.width_px, 2 * chart.height_px)
    assert picture.mode == "P"
    assert len(picture.getcolors() or ()) <= 64
    assert len(chart.png) < 120_000


def test_drawing_twice_gives_the_same_bytes() -> None:
    """The same evidence gives the same picture, byte for byte."""
    for name in ("correlation_zoom", "pipe_stages"):
        draw = getattr(charts, name)
        assert draw(example_seen()).png == draw(example_seen()).png


@pytest.mark.parametrize("name", charts.__all__)
def test_charts_of_nothing_seen_say_so(name: str) -> None:
    """With every step unseen each chart is still drawn, or says that it cannot be; its words claim nothing."""
    blind = dict.fromkeys(BLINDED_STEPS, DENIED)
    shown = getattr(charts, name)(judged(with_observations(example(), **blind)))
    said = shown.text.lower()
    assert "not examined" in said or "not known" in said
    if name in ("error_classes", "siblings"):
        assert isinstance(shown, Prose)
        assert shown.style == "gap"
    else:
        assert shown.png.startswith(b"\x89PNG")
    for claim in ("none found", "no change recorded", "flowing", "all zero", "no other function"):
        assert claim not in said, claim


def test_of_many_changes_the_trigger_keeps_its_number() -> None:
    """Where there are more changes than numbers that can be told apart, the trigger and its neighbours keep theirs."""
    seen = example_seen()
    change, onset = seen.diagnosis.changes[0], seen.diagnosis.onset
    assert onset
    many = tuple(
        replace(change, event=replace(change.event, event_id=str(at), at=onset.at + timedelta(seconds=at)))
        for at in range(-200, 200)
    )
    trigger = replace(seen.diagnosis.trigger, change=many[3])  # type: ignore[type-var]
    data = _overview(Seen(seen.evidence, replace(seen.diagnosis, changes=many, trigger=trigger)))
    kept = [one.number for one in worth_numbers(data)]
    assert len(kept) == MOST_NUMBERS
    assert kept == sorted(kept)
    assert 4 in kept
    assert 201 in kept


def test_names_of_lines_never_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever onset and noticing lie, the drawn names of the two lines neither touch nor leave the axis."""
    shown: list[tuple[int, list[Bbox]]] = []

    def measure(figure: Figure) -> bytes:
        named = [one for one in figure.axes[2].texts if not one.get_text().isdigit()]
        shown.append((len(named), [one.get_window_extent() for one in named] + [figure.axes[2].get_window_extent()]))
        return b""

    monkeypatch.setattr(canvas, "png", measure)
    data = replace(_overview(example_seen()), panels=(), lanes=(), strips=())
    for onset, noticed in product((30, 700, 1300), range(50, 1450, 280)):
        first, second = (data.axis.start + at * MINUTE for at in (onset, noticed))
        lines = replace(data.lines, onset=first, onset_range=(first - MINUTE, first + MINUTE), noticed=second)
        draw_correlation.draw(replace(data, lines=lines))
    for _, boxes in shown:
        *names, axis = boxes
        assert all(axis.x0 <= one.x0 and one.x1 <= axis.x1 for one in names)
        assert all(one.x1 < two.x0 or two.x1 < one.x0 for one, two in combinations(names, 2))
    assert sum(count == 2 for count, _ in shown) >= 0.8 * len(shown)


def test_names_with_markup_do_not_break_a_picture() -> None:
    """Names that mean something to a typesetter are drawn as they are."""
    evidence = example()
    incident = replace(evidence.incident, table_name="a$\\frac{1}{0}$_{x}^<b>")
    odd = Evidence(incident, evidence.as_of, evidence.observations, evidence.window)
    assert charts.correlation_zoom(Seen(odd, example_seen().diagnosis)).png.startswith(b"\x89PNG")


# -- charts of one question --------------------------------------------------------------------------------------


def test_the_projection_ends_at_the_deadline() -> None:
    """The age chart projects from the oldest undelivered record to the deadline of the loss clock, 24 hours on."""
    data = age_data(example(), example_seen().diagnosis)
    assert data.deadline == example_seen().diagnosis.loss.deadline
    assert data.deadline
    assert data.oldest
    assert data.deadline - data.oldest == timedelta(hours=24)
    assert data.axis.end > data.deadline


def test_without_a_deadline_nothing_is_projected() -> None:
    """A loss clock without a deadline leaves the age chart as it was measured."""
    diagnosis = example_seen().diagnosis
    for state in (LossState.NONE, LossState.UNKNOWN, LossState.LOSING):
        loss = replace(diagnosis.loss, state=state, deadline=None)
        data = age_data(example(), replace(diagnosis, loss=loss))
        assert (data.oldest, data.deadline) == (None, None)
        assert data.axis.end == example().window.end


def test_the_pipe_has_every_stage_and_one_break() -> None:
    """The boxes are the stages of the diagnosis, and exactly the first that stopped is marked."""
    boxes = pipe_data(example_seen().diagnosis)
    assert [one.stage for one in boxes] == list(example_seen().diagnosis.stages.flows)
    assert [one.name for one in boxes if one.broken] == ["function invoked"]


def test_failures_that_flow_are_not_drawn_as_well() -> None:
    """The stage of failed invocations never looks like one that works, though it flows."""
    boxes = {one.stage: one for one in pipe_data(failing_seen().diagnosis)}
    assert boxes[Stage.FAILED].state is State.FLOWING
    assert look(boxes[Stage.FAILED]) != look(boxes[Stage.WRITTEN])


# -- drawing -----------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 100, allow_nan=False), max_size=20).map(sorted))
def test_labels_are_spread_without_touching(wanted: list[float]) -> None:
    """Labels keep their order and distance, and lie between the bounds when they fit."""
    placed = canvas.spread(wanted, 4.0, 0.0, 100.0)
    assert len(placed) == len(wanted)
    assert all(later - sooner >= 4.0 - 1e-6 for sooner, later in pairwise(placed))
    assert all(-1e-6 <= one <= 100 + 1e-6 for one in placed)


def test_labels_with_room_stay_where_they_are() -> None:
    """Labels that do not touch are not moved; two that do share the distance."""
    assert canvas.spread([10, 50, 90], 4, 0, 100) == [10, 50, 90]
    assert canvas.spread([50, 50], 4, 0, 100) == [48, 52]
    assert canvas.spread([99, 100], 4, 0, 100) == [96, 100]


@given(st.integers(5, 72 * 60), st.integers(0, 24 * 60))
def test_ticks_are_round_and_on_the_axis(minutes: int, offset: int) -> None:
    """There are 2 to 14 labels, in order, on the axis, and the first one tells the date."""
    start = START + offset * MINUTE
    end = start + minutes * MINUTE
    told = list(canvas.ticks(Axis(start, end, end, start, end)))
    assert 1 <= len(told) <= 14
    assert all(start <= at <= end for at, _ in told)
    assert "\n" in told[0][1]
    assert [at for at, _ in told] == sorted(at for at, _ in told)


def _luminance(colour: str) -> float:
    levels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


INKS = (canvas.INK, canvas.GREY, canvas.BLUE, canvas.RED, canvas.PURPLE, canvas.GREEN, canvas.DANGER)


@pytest.mark.parametrize("ink", INKS)
def test_every_ink_reads_on_the_card(ink: str) -> None:
    """Every colour that text is set in reaches 4.5:1 on the card."""
    assert _contrast(ink, canvas.CARD) >= 4.5


@pytest.mark.parametrize("ground", [*canvas.SOFT.values(), canvas.BAND, canvas.UNSEEN])
def test_ink_reads_on_every_ground(ground: str) -> None:
    """The ink of labels reaches 4.5:1 on every ground they may stand on, grey too."""
    assert _contrast(canvas.INK, ground) >= 4.5
    assert _contrast(canvas.GREY, ground) >= 4.5
