"""Drawing: one style, a few primitives, and a figure as small PNG bytes. Nothing here knows what it draws.

No global state of matplotlib is touched: figures are made without pyplot, the style holds only while one is drawn, and
text is never parsed as mathematics (a `$` in a name would otherwise end the picture). matplotlib is loaded only when
something is drawn, so that what draws may be imported for nothing.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, cast

from runbook_lib.showing.axis import Axis, Stretch

if TYPE_CHECKING:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

DPI = 200
WIDTH_IN = 10.0
INK, GREY, FAINT, CARD = "#1b1f24", "#5b5b5b", "#d9d9d6", "#ffffff"
BLUE, RED, PURPLE, GREEN = "#0072B2", "#C24E00", "#A8527F", "#007A5A"
"""Okabe and Ito's hues, darkened until they reach 4.5:1 as text on white."""
BAND, DANGER = "#FFF1C2", "#B3261E"
UNSEEN, UNSEEN_EDGE, SILENT_EDGE = "#F1F1EF", "#BDBDB9", "#DCDCD8"
"""Grounds and hatches of what was not examined, and of what holds no datapoint."""
COLOURS = 64
SOFT = {BLUE: "#CFE3F1", RED: "#F6DCCB", GREEN: "#CDE6DD", GREY: "#ECECEA", PURPLE: "#EBD9E4"}

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": GREY,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": CARD,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7,
    "ytick.major.size": 0,
    "xtick.major.size": 3,
    "hatch.linewidth": 0.5,
    "timezone": "UTC",
    "axes.unicode_minus": False,
}


Drawn = tuple[bytes, int, int]
"""PNG bytes, and the size in CSS pixels."""


@contextmanager
def drawing(height_in: float) -> Iterator[Figure]:
    """Give an empty figure of the common width; the style holds inside the block."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI)
        FigureCanvasAgg(figure)
        yield figure


def size(tall: float) -> tuple[int, int]:
    """Give the size of a figure in CSS pixels by its height in inches."""
    return round(WIDTH_IN * 100), round(tall * 100)


def png(figure: Figure) -> bytes:
    """Render a figure as PNG of 64 fixed colours and no metadata: the same figure gives the same bytes.

    A third of the size, and no colour drifts, as it would with a palette computed from the picture.
    """
    from PIL import Image

    canvas = cast("FigureCanvasAgg", figure.canvas)
    canvas.draw()
    palette = Image.new("P", (1, 1))
    palette.putpalette([level for colour in _palette() for level in colour])
    drawn = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
    picture = drawn.convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE)
    packed = io.BytesIO()
    picture.save(packed, format="PNG", compress_level=8, bits=6)
    return packed.getvalue()


def _palette() -> list[tuple[int, int, int]]:
    """Give the colours used, and those between them and white that smooth edges need."""
    flat = (CARD, FAINT, BAND, UNSEEN, UNSEEN_EDGE, SILENT_EDGE, "#FFFFFF", *SOFT.values())
    strong = {INK: 5, GREY: 4, BLUE: 4, RED: 4, GREEN: 4, DANGER: 4, PURPLE: 4}
    mixed = [_mix(colour, part / steps) for colour, steps in strong.items() for part in range(1, steps + 1)]
    colours = list(dict.fromkeys([*map(_rgb, flat), *mixed]))
    return (colours + [colours[-1]] * COLOURS)[:COLOURS]


def _rgb(colour: str) -> tuple[int, int, int]:
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))


def _mix(colour: str, part: float) -> tuple[int, int, int]:
    """Mix a colour into white."""
    red, green, blue = (round(255 + (level - 255) * part) for level in _rgb(colour))
    return red, green, blue


_EPOCH, _DAY = datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=1)
"""What matplotlib counts time from, and in."""


def x(at: datetime) -> float:
    """Place an instant on a time axis."""
    return (at - _EPOCH) / _DAY


def title(figure: Figure, words: str, tall: float) -> None:
    """Write what a picture of this height, in inches, is about."""
    figure.text(0.012, 1 - 0.15 / tall, words, fontsize=9.5, fontweight="bold", va="center")


def said_beside(figure: Figure, words: str, tall: float, right: float) -> None:
    """Write something small at the height of the title, up to a place at the right."""
    figure.text(right, 1 - 0.15 / tall, words, fontsize=7.5, color=GREY, ha="right", va="center")


def bare(axes: Any, *, keep: Iterable[str] = ()) -> None:
    """Take the frame away but for the sides to keep."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in keep)


def aside(axes: Any, words: str, colour: str) -> None:
    """Say something of a part at its right edge."""
    place = axes.transAxes
    axes.text(1.008, 0.5, words, transform=place, fontsize=6.8, va="center", color=colour, linespacing=1.25)


def name(axes: Any, words: str) -> None:
    """Name a part at its left edge."""
    axes.text(-0.012, 0.5, words, transform=axes.transAxes, fontsize=7.5, ha="right", va="center", color=INK)


def headed(axes: Any, title: str, unit: str, colour: str) -> None:
    """Head a part with its title, and behind it the unit."""
    drawn = axes.annotate(
        title, (0, 1), (0, 2.5), xycoords="axes fraction", textcoords="offset points", fontsize=8, va="bottom",
        fontweight="bold", color=colour,
    )  # fmt: skip
    axes.annotate(
        unit, (1, 0), (6, 0.4), xycoords=drawn, textcoords="offset points", fontsize=6.8, va="bottom", color=GREY
    )


def count_scale(axes: Any, top: float, counted: bool) -> None:
    """Scale a part from 0 to `top` and label both; nothing where nothing was counted."""
    axes.set_ylim(-0.06 * top if top else -1, top * 1.1 or 1)
    if top:
        axes.axhline(top, color=FAINT, linewidth=0.5, zorder=0.4)
    axes.set_yticks([0, top] if top else [0] * counted, ["0", f"{top:,.0f}"] if top else ["0"] * counted)


def edges(starts: Iterable[datetime], bucket: timedelta, axis: Axis) -> list[float]:
    """Give the edges of bars without a gap: the start of each, and the end of the last, cut off at the axis."""
    found = list(starts)
    return [x(min(max(at, axis.start), axis.end)) for at in (*found, found[-1] + bucket)]


def moments(axes: Any, onset: datetime | None, band: tuple[datetime, datetime] | None, *, named: bool) -> None:
    """Mark the onset and the minutes about it; its name stands over the title of the first part."""
    if band:
        axes.axvspan(x(band[0]), x(band[1]), color=BAND, linewidth=0, zorder=0.2)
    if onset:
        axes.axvline(x(onset), color=INK, linewidth=1.0, zorder=3)
    if onset and named:
        side = beside(axes, onset)
        axes.annotate(
            f"onset {onset:%H:%M}", (x(onset), 1), (ASIDE[side], 13), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha=side, va="bottom", fontsize=7.5, fontweight="bold", color=INK,
        )  # fmt: skip
        if side == "right":  # Near the left end a leader would strike out the title.
            axes.annotate(
                "", (x(onset), 1), (0, 21), xycoords=("data", "axes fraction"), textcoords="offset points",
                arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0},
            )  # fmt: skip


def beside(axes: Any, at: datetime, *, wanted: Literal["left", "right"] = "right") -> Literal["left", "right"]:
    """Give the side of its text at which a label meets a line: as wanted, unless it would run out of the part."""
    low, high = axes.get_xlim()
    place = (x(at) - low) / (high - low)
    return "left" if place < _LABEL else "right" if place > 1 - _LABEL else wanted


ASIDE = {"left": 4, "right": -4}
"""Points between a line and its label, by the side of the text that meets the line."""

_LABEL = 0.15
"""The part of an axis's width that a label beside a line may take."""


def hatch(axes: Any, stretches: Iterable[Stretch], axis: Axis, *, blind: bool, label: bool = True) -> None:
    """Hatch stretches: dense and grey what was not examined, light and white where nothing was counted."""
    face, edge, lines = (UNSEEN, UNSEEN_EDGE, "////") if blind else ("none", SILENT_EDGE, "\\\\")
    for stretch in stretches:
        axes.axvspan(
            x(stretch.start), x(stretch.end), facecolor=face, edgecolor=edge, hatch=lines, linewidth=0, zorder=0.5
        )
        if label:
            _write_why(axes, stretch, axis)


def _write_why(axes: Any, stretch: Stretch, axis: Axis) -> None:
    """Write into a stretch why it is hatched, where there is room for it."""
    room = stretch.length / axis.length * 150
    words = stretch.why if room > len(stretch.why) else _folded(stretch.why, axes)
    if room > max(map(len, words.split("\n"))):
        middle = x(stretch.start) + (x(stretch.end) - x(stretch.start)) / 2
        axes.text(
            middle, 0.5, words, transform=axes.get_xaxis_transform(), ha="center", va="center", fontsize=7, color=GREY,
            bbox={"facecolor": CARD, "edgecolor": "none", "pad": 1.2, "alpha": 0.85}, zorder=4,
        )  # fmt: skip


def _folded(words: str, axes: Any) -> str:
    """Put two words one under another, where a part is tall enough for that."""
    tall = axes.get_position().height * axes.figure.get_figheight()
    return words.replace(" ", "\n") if words.count(" ") == 1 and tall > _TWO_LINES_IN else words


_TWO_LINES_IN = 0.4

_TICKS = tuple(timedelta(minutes=size) for size in (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880))


def ticks(axis: Axis, most: int = 13) -> Iterator[tuple[datetime, str]]:
    """Give round instants to label, the date at the first and wherever a day begins."""
    step = next((size for size in _TICKS if axis.length / size <= most), _TICKS[-1])
    day = axis.start.replace(hour=0, minute=0, second=0, microsecond=0)
    at = day + -(-(axis.start - day) // step) * step
    first = True
    while at <= axis.end:
        new_day = first or (at.hour, at.minute) == (0, 0)
        yield at, f"{at:%H:%M}\n{at.day} {at:%b}" if new_day else f"{at:%H:%M}"
        first, at = False, at + step


def time_axis(axes: Any, axis: Axis, *, labelled: bool) -> None:
    """Put the shared time axis under a part; only the lowest is labelled."""
    told = list(ticks(axis)) if labelled else []
    axes.set_xlim(x(axis.start), x(axis.end))
    axes.set_xticks([x(at) for at, _ in told], [name for _, name in told])
    if labelled:
        axes.text(1.03, 0.0, "UTC", transform=axes.transAxes, ha="left", va="top", fontsize=7.5, color=GREY)


def spread(wanted: list[float], least: float, low: float, high: float) -> list[float]:
    """Move labels apart until `least` lies between neighbours, each as near to its place as can be.

    The places wanted come in ascending order and lie between `low` and `high`; the labels do so too, unless there are
    more than fit.
    """
    groups: list[tuple[float, int]] = []
    for place in wanted:
        total, size = place, 1
        while groups and _first(total, size, least) < _first(*groups[-1], least) + groups[-1][1] * least:
            before, members = groups.pop()
            total, size = total + before, size + members
        groups.append((total, size))
    placed = [_first(total, size, least) + least * n for total, size in groups for n in range(size)]
    for at in reversed(range(len(placed))):
        placed[at] = min(placed[at], high - least * (len(placed) - 1 - at))
    for at in range(len(placed)):
        placed[at] = max(placed[at], low + least * at)
    return placed


def _first(total: float, size: int, least: float) -> float:
    """Where the first of a group of touching labels stands: the group is centred on the mean of its places."""
    return total / size - least * (size - 1) / 2
