"""Pictures: each has its words, is the same bytes each time, and can be read."""

from __future__ import annotations

import ast
import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

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
from PIL import Image

from runbook_lib import charts
from runbook_lib.evidence import Evidence
from runbook_lib.showing import canvas
from runbook_lib.showing.axis import Axis
from runbook_lib.showing.blocks import Prose

MINUTE = timedelta(minutes=1)
START = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)


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


def test_drawing_knows_no_evidence() -> None:
    """What a chart shows is computed first: no function that draws takes evidence or a diagnosis."""
    package = Path(charts.__file__).parent
    functions = [
        (path.stem, node)
        for path in package.glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    ]
    informed = {(module, node.name) for module, node in functions if _names(node.args) & {"Evidence", "Diagnosis"}}
    drawing = {(module, node.name) for module, node in functions if _names(node) & {"canvas", "axes", "figure"}}
    assert len(informed) > 20
    assert len(drawing) > 20
    assert informed & drawing == set()


def _names(node: ast.AST) -> set[str]:
    """Every name below a node: what it reads, and its parameters."""
    inside = list(ast.walk(node))
    return {name.id for name in inside if isinstance(name, ast.Name)} | {
        name.arg for name in inside if isinstance(name, ast.arg)
    }


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


def test_names_with_markup_do_not_break_a_picture() -> None:
    """Names that mean something to a typesetter are drawn as they are."""
    evidence = example()
    incident = replace(evidence.incident, table_name="a$\\frac{1}{0}$_{x}^<b>")
    odd = Evidence(incident, evidence.as_of, evidence.observations, evidence.window)
    assert charts.correlation_zoom(Seen(odd, example_seen().diagnosis)).png.startswith(b"\x89PNG")


# -- drawing -----------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 100, allow_nan=False), max_size=20).map(sorted))
def test_labels_are_spread_without_touching(wanted: list[float]) -> None:
    """Labels keep their order and distance, and lie between the bounds when they fit."""
    placed = canvas.spread(wanted, 4.0, 0.0, 100.0)
    assert len(placed) == len(wanted)
    assert all(later - sooner >= 4.0 - 1e-6 for sooner, later in pairwise(placed))
    assert all(-1e-6 <= place <= 100 + 1e-6 for place in placed)


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


def _contrast(first_colour: str, other_colour: str) -> float:
    low, high = sorted((_luminance(first_colour), _luminance(other_colour)))
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
