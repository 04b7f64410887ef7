"""Pictures, and blocks one under another."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from runbook_lib.showing.blocks.base import MIME, Block
from runbook_lib.showing.markup import escaped, hanging


@dataclass(frozen=True, repr=False)
class Chart(Block):
    """A picture and what it shows in words, computed from the same data.

    `alt` is one sentence, `description` the full text; `width_px` and `height_px` are the size at which it is meant to
    be shown, in CSS pixels (the picture itself holds twice as many each way).
    """

    kind: ClassVar[str] = "chart"
    id: str
    title: str
    alt: str
    description: tuple[str, ...]
    width_px: int
    height_px: int
    png: bytes = b""

    @property
    def png_base64(self) -> str:
        """The picture in base64."""
        return base64.b64encode(self.png).decode("ascii")

    def to_json(self) -> dict[str, Any]:
        """Give the typed JSON, without the picture."""
        return {
            "block": self.kind,
            "id": self.id,
            "title": self.title,
            "alt": self.alt,
            "description": list(self.description),
            "width_px": self.width_px,
            "height_px": self.height_px,
        }

    def to_html(self) -> str:
        """Give a figure with its text alternative and the full description to unfold."""
        told = "".join(f"<p>{escaped(paragraph)}</p>" for paragraph in self.description)
        return (
            f'<figure class="rb-chart"><img src="data:image/png;base64,{self.png_base64}" alt="{escaped(self.alt)}"'
            f' width="{self.width_px}"><figcaption>{escaped(self.title)}'
            f"<details><summary>In words</summary>{told}</details></figcaption></figure>"
        )

    def lines(self) -> Iterator[str]:
        """Give title, alternative and description: all that a terminal can show of a picture."""
        yield self.title
        for paragraph in (self.alt, *self.description):
            yield from hanging("  ", paragraph)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Give the picture as PNG and no HTML, which every front end would prefer and code hosts strip of images."""
        return {MIME: self.to_json(), "image/png": self.png_base64, "text/plain": self.text}


@dataclass(frozen=True, repr=False)
class Stack(Block):
    """Blocks in reading order, under a title where there is one."""

    kind: ClassVar[str] = "stack"
    title: str | None
    blocks: tuple[Block, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the typed JSON; charts within carry their picture as `png`, for a stack has no other place for it."""
        told = [
            block.to_json() | ({"png": block.png_base64} if isinstance(block, Chart) else {}) for block in self.blocks
        ]
        return {"block": self.kind, "title": self.title, "blocks": told}

    def to_html(self) -> str:
        """Give the blocks one under another."""
        heading = f"<h3>{escaped(self.title)}</h3>" if self.title else ""
        return f'<div class="rb-stack">{heading}{"".join(block.to_html() for block in self.blocks)}</div>'

    def to_output(self) -> str:
        """Leave out the title, which the heading above the cell says already."""
        return replace(self, title=None).to_html()

    def lines(self) -> Iterator[str]:
        """Give the blocks with an empty line between them."""
        if self.title:
            yield from (self.title, "=" * len(self.title))
        for at, block in enumerate(self.blocks):
            if at or self.title:
                yield ""
            yield from block.lines()
