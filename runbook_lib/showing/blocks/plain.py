"""Sentences, facts and tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from runbook_lib.showing.blocks.base import Block, Clean
from runbook_lib.showing.markup import LINE, caption, escaped, grid, hanging, left, pairs, said, tag, whole, wrapped

Style = Literal["plain", "answer", "meaning", "gap", "warning", "blank"]
ColumnKind = Literal["text", "time", "number", "code"]


@dataclass(frozen=True, repr=False)
class Prose(Block):
    """Sentences. `answer` answers a step's question, `meaning` says what follows from it, `gap` what could not be
    seen, `warning` what may do harm, `blank` what only people can fill in.
    """

    kind: ClassVar[str] = "prose"
    paragraphs: tuple[str, ...]
    style: Style = "plain"

    @classmethod
    def of(cls, *paragraphs: str, style: Style = "plain") -> Prose:
        """Write some paragraphs in one style."""
        return cls(paragraphs, style)

    def to_json(self) -> dict[str, Any]:
        """Give the typed JSON."""
        return {"block": self.kind, "style": self.style, "paragraphs": list(self.paragraphs)}

    def to_html(self) -> str:
        """Give paragraphs; a gap or a warning starts with its word in bold, an answer stands in bold."""
        label = _LABELS.get(self.style)
        told = [
            f"<strong>{said(paragraph)}</strong>" if self.style == "answer" else said(paragraph)
            for paragraph in self.paragraphs
        ]
        if label and told:
            told[0] = f"{tag('strong', label)} {told[0]}"
        body = "".join(f"<p>{paragraph}</p>" for paragraph in told)
        return f'<div class="rb-prose rb-{self.style}">{body}</div>'

    def lines(self) -> Iterator[str]:
        """Give the paragraphs, wrapped, a gap or warning behind its word."""
        label = _LABELS.get(self.style)
        for at, paragraph in enumerate(self.paragraphs):
            yield from wrapped(f"{label} {paragraph}" if label and at == 0 else paragraph)


_LABELS = {"gap": "NOT EXAMINED.", "warning": "WARNING.", "blank": "TO BE FILLED IN."}


@dataclass(frozen=True)
class Fact(Clean):
    """A name, its value in words, and the recorded call that says so (None where no single call does)."""

    name: str
    value: str
    ref: str | None = None


@dataclass(frozen=True, repr=False)
class Facts(Block):
    """Facts under one title."""

    kind: ClassVar[str] = "facts"
    title: str
    facts: tuple[Fact, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the typed JSON."""
        told = [[fact.name, fact.value, fact.ref] for fact in self.facts]
        return {"block": self.kind, "title": self.title, "facts": told}

    def to_html(self) -> str:
        """Give a table of two columns: JupyterLab sets tables well and definition lists badly."""
        return pairs(self.title, [(fact.name, fact.value) for fact in self.facts])

    def lines(self) -> Iterator[str]:
        """Give one line per fact, values aligned."""
        yield self.title
        width = min(44, max((len(fact.name) for fact in self.facts), default=0))
        for fact in self.facts:
            first, *rest = wrapped(fact.value, LINE - width - 4)
            yield f"  {fact.name:<{width}}  {first}"
            yield from (f"  {'':<{width}}  {line}" for line in rest)


@dataclass(frozen=True)
class Column(Clean):
    """A column and how its cells are set."""

    name: str
    kind: ColumnKind = "text"


@dataclass(frozen=True, repr=False)
class TableBlock(Block):
    """Rows under named columns. Raises ValueError when a row does not fit them.

    `note` says what the rows are or that there are none, `refs` the recorded calls, `more` what was left out and where
    it stands.
    """

    kind: ClassVar[str] = "table"
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str | None = None
    refs: tuple[str, ...] = ()
    more: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"A row of the table {self.title!r} does not have {len(self.columns)} cells.")

    def to_json(self) -> dict[str, Any]:
        """Give the typed JSON."""
        return {
            "block": self.kind,
            "title": self.title,
            "columns": [{"name": column.name, "kind": column.kind} for column in self.columns],
            "rows": [list(row) for row in self.rows],
            "note": self.note,
            "refs": list(self.refs),
            "more": self.more,
        }

    def to_html(self) -> str:
        """Give a table with a caption and column headings; numbers stand right, everything else left, no time wraps."""
        head = "".join(
            f'<th scope="col">{self._set(at, escaped(column.name))}</th>' for at, column in enumerate(self.columns)
        )
        body = "".join(
            f"<tr>{''.join(f'<td>{self._cell(at, cell)}</td>' for at, cell in enumerate(row))}</tr>"
            for row in self.rows
        )
        below = "".join(f"<p>{said(line)}</p>" for line in (self.note, self.more) if line)
        inside = f"{caption(self.title)}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        return f'<table class="rb-table">{inside}</table>{below}'

    def _cell(self, at: int, content: str) -> str:
        kind = self.columns[at].kind
        if kind == "time":
            return self._set(at, whole(escaped(content).replace(" ", "&nbsp;")))
        return self._set(at, tag("code", content) if kind == "code" and content else said(content))

    def _set(self, at: int, markup: str) -> str:
        return markup if self.columns[at].kind == "number" else left(markup)

    def lines(self) -> Iterator[str]:
        """Give aligned columns; a long cell is wrapped within its column."""
        yield self.title
        if self.rows:
            kinds = tuple(column.kind for column in self.columns)
            yield from grid(tuple(column.name for column in self.columns), self.rows, kinds)
        for below in filter(None, (self.note, self.more)):
            yield from hanging("  ", below)
