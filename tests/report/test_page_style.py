"""The page's colours, by WCAG's own formula."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runbook_lib.report import render

CSS = (Path(render.__file__).parent / "page.css").read_text(encoding="utf-8")
LIGHT, DARK, PRINT = (
    dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{3,6})\b", part))
    for part in (CSS.partition("@media")[0], CSS.split("@media")[1], CSS.partition("@media print")[2])
)
TEXT = ("ink", "soft", "link", "fault", "care", "good")
GROUNDS = ("paper", "card", "code")


def luminance(colour: str) -> float:
    """Give the relative luminance of `#rgb` or `#rrggbb`. Source: WCAG 2.2, "relative luminance"."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first_colour: str, other_colour: str) -> float:
    """Give the contrast ratio of two colours."""
    light, dark = sorted((luminance(first_colour), luminance(other_colour)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK, PRINT], ids=["light", "dark", "print"])
def test_text_stands_out_from_every_ground(scheme: dict[str, str]) -> None:
    """Every colour of text has a contrast of 4.5 to 1 or more on every ground, in each scheme."""
    pairs = [(text, ground) for text in TEXT for ground in GROUNDS]
    pairs += [(text, f"{text}-tint") for text in ("fault", "care", "good")]
    pairs += [("ink", f"{tint}-tint") for tint in ("fault", "care", "good")]
    weak = {pair for pair in pairs if contrast(scheme[pair[0]], scheme[pair[1]]) < 4.5}
    assert weak == set()


def test_style_loads_nothing() -> None:
    """The style sheet names no address and no font to load."""
    assert not re.search(r"url\(|@import|@font-face|https?:", CSS)
