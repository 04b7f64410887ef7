"""Parts of a picture one under another, on one clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runbook_lib.charts.moments import MomentLines
from runbook_lib.showing import canvas
from runbook_lib.showing.axis import Axis
from runbook_lib.showing.canvas import Drawn

_LEFT, _RIGHT = 0.075, 0.85
_HEAD_IN, _ONSET_IN, _FOOT_IN, _ABOVE_IN = 0.24, 0.12, 0.44, 0.25

Row = tuple[float, Callable[[Any], None]]
"""A row: its height in inches, and how to draw it."""


def draw_rows(subject: str, said: str, rows: list[Row], axis: Axis, marked: MomentLines) -> Drawn:
    """Draw the rows under a title; `said` stands at its right."""
    head = _HEAD_IN + (_ONSET_IN if marked.onset else 0)
    tall = head + sum(height + _ABOVE_IN for height, _ in rows) + _FOOT_IN
    with canvas.drawing(tall) as figure:
        canvas.title(figure, subject, tall)
        canvas.said_beside(figure, said, tall, _RIGHT)
        top = tall - head
        for place, (height, part) in enumerate(rows):
            top -= height + _ABOVE_IN
            axes = figure.add_axes((_LEFT, top / tall, _RIGHT - _LEFT, height / tall))
            part(axes)
            canvas.time_axis(axes, axis, labelled=place == len(rows) - 1)
            canvas.moments(axes, marked.onset, marked.band, named=place == 0)
        return canvas.png(figure), *canvas.size(tall)
