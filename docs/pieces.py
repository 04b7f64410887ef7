"""The few pieces of Markdown that the generated pages are made of."""

from __future__ import annotations

from collections.abc import Iterable

NOTICE = "<!-- Generated: change the code it describes, then run make docs. -->"
NOT_YET = "not yet covered"


def code(text: str) -> str:
    """Set a name in code type."""
    return f"`{text}`"


def codes(texts: Iterable[str]) -> str:
    """Set names in code type, in a row; an empty row is a dash."""
    return ", ".join(code(text) for text in texts) or "-"


def link(text: str, to: str) -> str:
    """Link to another page or file."""
    return f"[{text}]({to})"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Lay out a table; a bar or line break inside a cell would end it, so bars are escaped and lines joined."""
    header = tuple(header)
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def document(title: str, *parts: str) -> str:
    """Put a whole page together: notice, title, parts."""
    return "\n\n".join((NOTICE, f"# {title}", *(part for part in parts if part))) + "\n"
