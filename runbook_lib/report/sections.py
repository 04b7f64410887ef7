"""What an executed document says, as typed parts: prose, blocks, what an investigator added, what failed.

Only the kit's own MIME type is trusted to have a form. Whatever else a cell shows is an addition by an investigator:
it is kept beside the code that made it, as text, as a picture, or as HTML that the renderer cleans.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nbformat import NotebookNode

from runbook_lib.report.join import origin, tag
from runbook_lib.report.sanitise import visible_lines
from runbook_lib.showing.blocks import MIME

_HEADING = re.compile(r"\A(#{1,6})[ \t]+(.+?)[ \t]*(?:\n|\Z)")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


@dataclass(frozen=True)
class Heading:
    """A heading of a notebook, by its level there: 2 opens a chapter."""

    level: int
    text: str


@dataclass(frozen=True)
class MarkdownText:
    """Markdown of a notebook."""

    markdown: str


@dataclass(frozen=True)
class ShownBlock:
    """A block that the kit showed, as the JSON of its MIME type, with the same as `text` for the day it is damaged."""

    block: Mapping[str, Any]
    text: str


@dataclass(frozen=True)
class AddedOutput:
    """What a cell outside the kit's own showed. `form` is `text`, `html`, `markdown` or `png` (base64)."""

    source: str
    form: str
    content: str


@dataclass(frozen=True)
class CellFailure:
    """A cell that raised, or never ran: what it asked is not examined."""

    name: str
    message: str
    traceback: str


Part = Heading | MarkdownText | ShownBlock | AddedOutput | CellFailure


@dataclass(frozen=True)
class Section:
    """One notebook as executed. `name` is its stem; `title` its first heading."""

    name: str
    title: str
    parts: tuple[Part, ...]

    @property
    def number(self) -> int | None:
        """The number that its name begins with; None for a notebook that bears none."""
        digits = self.name.partition("_")[0]
        return int(digits) if digits.isascii() and digits.isdigit() else None

    @property
    def failures(self) -> tuple[CellFailure, ...]:
        """What of this notebook raised or never ran."""
        return tuple(part for part in self.parts if isinstance(part, CellFailure))

    @property
    def is_examined(self) -> bool:
        """Whether everything it asks was answered: nothing failed and no block speaks of a gap."""
        return not self.failures and not any(
            _is_blind(part.block) for part in self.parts if isinstance(part, ShownBlock)
        )

    def chapters(self) -> tuple[tuple[str, tuple[Part, ...]], ...]:
        """Split at the headings of level 2; what stands before the first has no title."""
        split: list[tuple[str, list[Part]]] = [("", [])]
        for part in self.parts:
            if isinstance(part, Heading) and part.level == 2:
                split.append((part.text, []))
            else:
                split[-1][1].append(part)
        return tuple((title, tuple(parts)) for title, parts in split if title or parts)


def read(document: NotebookNode) -> tuple[Section, ...]:
    """Read an executed document, section by section, in its order. A set-up that failed fails every section."""
    broken = [part for cell in document.cells if tag(cell) for part in _failures(cell)]
    cells: dict[str, list[NotebookNode]] = {}
    for cell in document.cells:
        if origin(cell):
            cells.setdefault(origin(cell), []).append(cell)
    return tuple(_section(name, found, broken) for name, found in cells.items())


def _section(name: str, cells: Iterable[NotebookNode], broken: list[CellFailure]) -> Section:
    parts: list[Part] = [part for cell in cells for part in _parts(cell)]
    title = next((part.text for part in parts if isinstance(part, Heading) and part.level == 1), name)
    kept = [part for part in parts if not (isinstance(part, Heading) and part.level == 1)]
    if broken:
        kept = [*broken, *(part for part in kept if not isinstance(part, CellFailure))]
    return Section(name, title, tuple(_once(kept, title)))


def _once(parts: Iterable[Part], title: str) -> Iterator[Part]:
    """Leave out what a block says at its top when a heading has just said it: its title, its question."""
    said = {_bare(title)}
    for part in parts:
        if isinstance(part, Heading):
            said.add(_bare(part.text))
        yield replace(part, block=_unrepeated(part.block, said)) if isinstance(part, ShownBlock) else part


def _unrepeated(block: Mapping[str, Any], said: set[str]) -> Mapping[str, Any]:
    """Mark a block whose title `repeats` the heading above it; take title and question off the top of a stack."""
    titled = isinstance(block.get("title"), str) and _bare(block["title"]) in said
    if block.get("block") != "stack" or not isinstance(block.get("blocks"), list):
        return {**block, "repeats": titled}
    inner = [_unrepeated(inner_block, said) for inner_block in block["blocks"] if isinstance(inner_block, Mapping)]
    if (
        inner
        and isinstance(inner[0].get("paragraphs"), list)
        and _bare(" ".join(map(str, inner[0]["paragraphs"]))) in said
    ):
        inner = inner[1:]
    return {**block, "title": None if titled else block.get("title"), "blocks": inner}


def _bare(heading: str) -> str:
    """Give a heading as it is compared: without case, and `Step 6 — Backlog` like `Step 6: Backlog`."""
    return heading.casefold().replace(" — ", ": ").strip()


def _parts(cell: NotebookNode) -> Iterator[Part]:
    if cell.cell_type == "markdown":
        yield from _prose(visible_lines(cell.source))
    elif cell.cell_type == "code":
        for output in cell.outputs:
            if output.output_type != "error":
                yield from _output(cell.source, output)
        yield from _failures(cell)


def _prose(markdown: str) -> Iterator[Part]:
    while found := _HEADING.match(markdown):
        yield Heading(len(found[1]), found[2])
        markdown = markdown[found.end() :].lstrip("\n")
    if markdown.strip():
        yield MarkdownText(markdown)


def _output(source: str, output: NotebookNode) -> Iterator[Part]:
    source = visible_lines(source)
    if output.output_type == "stream":
        yield AddedOutput(source, "text", _plain(output.text))
        return
    data = output.get("data", {})
    if isinstance(data.get(MIME), Mapping):
        picture = {"png": data["image/png"]} if "image/png" in data else {}
        yield ShownBlock({**data[MIME], **picture}, _plain(data.get("text/plain", "")))
        return
    for form, kind in (
        ("png", "image/png"),
        ("html", "text/html"),
        ("markdown", "text/markdown"),
        ("text", "text/plain"),
    ):
        if data.get(kind):
            content = _text(data[kind])
            yield AddedOutput(source, form, content if form == "png" else _plain(content))
            return


def _failures(cell: NotebookNode) -> Iterator[CellFailure]:
    if cell.cell_type != "code":
        return
    for output in cell.outputs:
        if output.output_type == "error":
            yield CellFailure(_plain(output.ename), _plain(output.evalue), _plain("\n".join(output.traceback)))
    if cell.execution_count is None:
        yield CellFailure("NotRun", "The kernel ended before this cell ran.", "")


def _is_blind(block: Mapping[str, Any]) -> bool:
    if block.get("block") == "stack":
        return any(_is_blind(inner) for inner in block.get("blocks", ()) if isinstance(inner, Mapping))
    return block.get("block") == "prose" and block.get("style") == "gap"


def _text(value: Any) -> str:
    """Give the text of a MIME type: JSON ones hold values, the others text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _plain(text: Any) -> str:
    """Give text without terminal colours and with what else controls a terminal made visible."""
    return visible_lines(_ANSI.sub("", _text(text)))
