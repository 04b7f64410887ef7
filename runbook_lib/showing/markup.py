"""How blocks are written: characters made visible, HTML fragments, lines of plain text. All pure functions."""

from __future__ import annotations

import html
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import zip_longest

LINE = 110
"""Characters of a line of plain text; longer ones are wrapped."""

_WORD, _UUID = 20, 36
"""No word of this length, and no identifier of that, is broken while there is room."""


def visible(text: str) -> str:
    """Make every character that hides, moves or reorders others visible: control codes, bidi overrides, line breaks.

    Text from AWS is hostile. What a terminal or browser would obey (C0, C1, DEL, U+202E, zero-width characters, lone
    surrogates) is written out as `\\x1b` or `\\u202e`; ordinary letters of any script stay. Cleaning twice is cleaning
    once.
    """
    if text.isprintable():
        return str(text)
    return "".join(
        character if character.isprintable() or unicodedata.category(character) == "Zs" else _spelled(character)
        for character in text
    )


def _spelled(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def escaped(content: str) -> str:
    """Escape text for HTML, quotes included."""
    return html.escape(content)


TICKS = re.compile(r"`([^`\n]+)`")
"""What a sentence sets as code."""
WHOLE = re.compile(r"\b\d{4}-\d\d-\d\d(?:T\d\d:\d\d[\d:.]*\d)?\b|(?<![:/\w-])[a-z]{2}(?:-[a-z]+)+-\d\b")
"""A date, with or without its time, or a region outside an ARN: no line may end within it."""


def whole(markup: str) -> str:
    """Keep markup on one line.

    JupyterLab's own style lets cells break, also at hyphens, and leaves this old element alone; a code host drops it.
    """
    return f"<nobr>{markup}</nobr>"


def said(sentence: str) -> str:
    """Escape a sentence: what stands between backticks is code, no date and no region is broken at its hyphens."""
    unbroken = WHOLE.sub(lambda found: whole(found.group()), escaped(sentence))
    return TICKS.sub(r"<code>\1</code>", unbroken)


def tag(name: str, content: str) -> str:
    """Put escaped text into an element."""
    return f"<{name}>{escaped(content)}</{name}>"


def caption(title: str) -> str:
    """Give a table its caption; nothing for no title."""
    return f"<caption>{tag('strong', title)}</caption>" if title else ""


def bullets(items: Iterable[str]) -> str:
    """Give an unordered list of sentences."""
    return f"<ul>{''.join(f'<li>{said(item)}</li>' for item in items)}</ul>"


def left(content: str) -> str:
    """Set a cell left: JupyterLab sets the cells of every HTML table right, and only an element within can differ."""
    return f'<div align="left">{content}</div>'


def pairs(title: str, facts: Iterable[tuple[str, str]]) -> str:
    """Give names and values as a table of two columns, which JupyterLab sets better than a definition list."""
    rows = "".join(
        f'<tr><th scope="row">{left(escaped(name))}</th><td>{left(said(value))}</td></tr>' for name, value in facts
    )
    return f'<table class="rb-facts">{caption(title)}<tbody>{rows}</tbody></table>'


def wrapped(content: str, width: int = LINE) -> list[str]:
    """Break text into lines; there is always one, so that empty text still takes its place."""
    return textwrap.wrap(content, max(width, 1), break_long_words=True, break_on_hyphens=False) or [""]


def hanging(label: str, content: str) -> list[str]:
    """Wrap behind a label, the further lines set in under it."""
    first, *rest = wrapped(content, LINE - len(label))
    return [label + first, *(" " * len(label) + line for line in rest)]


def grid(names: tuple[str, ...], rows: tuple[tuple[str, ...], ...], kinds: tuple[str, ...]) -> Iterator[str]:
    """Give aligned columns under their names: times and numbers whole, numbers to the right, other cells wrapped."""
    spread = _widths(names, rows, kinds)
    for row in (names, tuple("-" * width for width in spread), *rows):
        parts = [wrapped(cell, width) for cell, width in zip(row, spread, strict=True)]
        for line in zip_longest(*parts, fillvalue=""):
            cells = zip(line, spread, kinds, strict=True)
            yield "  " + "  ".join(
                f"{cell:>{width}}" if kind == "number" else f"{cell:<{width}}" for cell, width, kind in cells
            )


def _widths(names: tuple[str, ...], rows: tuple[tuple[str, ...], ...], kinds: tuple[str, ...]) -> list[int]:
    """Share a line among columns: each what must not be broken, as far as it goes; the narrow ones first."""
    columns = list(zip(names, *rows, strict=True))
    wanted = [max(map(len, column)) for column in columns]
    least = [_unbroken(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return _shared(wanted, _shared(least, [0] * len(columns)))


def _unbroken(column: tuple[str, ...], kind: str) -> int:
    if kind in ("time", "number"):
        return max(map(len, column))
    return min(_UUID if kind == "code" else _WORD, max(len(word) for cell in column for word in cell.split() or [""]))


def _shared(wanted: list[int], given: list[int]) -> list[int]:
    """Add to what columns were given, up to what they want, the narrow ones first, until the line is full."""
    room, shared = LINE - 2 * len(wanted) - sum(given), list(given)
    for rank, at in enumerate(sorted(range(len(wanted)), key=lambda at: wanted[at] - given[at])):
        more = min(wanted[at] - given[at], max(1 if not given[at] else 0, room // (len(wanted) - rank)))
        shared[at] += more
        room -= more
    return shared
