"""What every block is: cleaned when it is built, and able to say itself three ways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from runbook_lib.showing.markup import visible

MIME = "application/vnd.runbook.v1+json"
"""The MIME type of a block's typed JSON."""

_NO_MATHEMATICS = "tex2jax_ignore mathjax_ignore"
"""Classes that keep MathJax away: JupyterLab sets what stands between dollars in any HTML, and AWS's text may."""


def _cleaned(value: Any) -> Any:
    """Clean the strings of a field, however deep; what is not text or a tuple is left as it is."""
    if isinstance(value, str):
        return visible(value)
    return tuple(_cleaned(item) for item in value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Clean:
    """A dataclass whose every string is made visible when it is built."""

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, _cleaned(getattr(self, field.name)))


@dataclass(frozen=True, repr=False)
class Block(Clean):
    """Anything shown. Subclasses say what they hold as JSON, as HTML and as text."""

    kind: ClassVar[str] = ""

    def to_json(self) -> dict[str, Any]:
        """Give the typed JSON that the report is made of."""
        raise NotImplementedError

    def to_html(self) -> str:
        """Give escaped HTML: no script, no style, no link, readable without a stylesheet."""
        raise NotImplementedError

    def lines(self) -> Iterator[str]:
        """Give the plain text, line by line."""
        raise NotImplementedError

    @property
    def text(self) -> str:
        """The plain text as one string."""
        return "\n".join(line.rstrip() for line in self.lines())

    def to_output(self) -> str:
        """Give the HTML of a cell's whole output, which stands under a heading of the notebook."""
        return self.to_html()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        html = f'<div class="{_NO_MATHEMATICS}">{self.to_output()}</div>'
        return {MIME: self.to_json(), "text/html": html, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text
