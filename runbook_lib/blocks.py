"""What people see, as data: prose, facts, tables, the verdict, findings, charts, and stacks of them.

A block says itself three ways and always says the same: typed JSON for the report, escaped HTML for JupyterLab, plain
text for the terminal. The report trusts the JSON alone, so nothing that AWS says is ever
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal

from runbook_lib.markup import LINE, bullets, caption, escaped, grid, hanging, left, pairs, tag, visible, wrapped

MIME = "application/vnd.runbook.v1+json"
"""The MIME type of a block's typed JSON."""

Style = Literal["plain", "answer", "meaning", "gap", "warning", "blank"]
ColumnKind = Literal["text", "time", "number", "code"]


def _cleaned(value: Any) -> Any:
    """Clean the strings of a field, however deep; what is not text or a tuple is left as it is."""
    if isinstance(value, str):
        return visible(value)
    return tuple(_cleaned(one) for one in value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class _Clean:
    """A dataclass whose every string is made visible when it is built."""

    def __post_init__(self) -> None:
        for one in fields(self):
            object.__setattr__(self, one.name, _cleaned(getattr(self, one.name)))


@dataclass(frozen=True, repr=False)
class Block(_Clean):
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

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {MIME: self.to_json(), "text/html": self.to_html(), "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text


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
        said = [tag("strong", one) if self.style == "answer" else escaped(one) for one in self.paragraphs]
        if label and said:
            said[0] = f"{tag('strong', label)} {said[0]}"
        body = "".join(f"<p>{one}</p>" for one in said)
        return f'<div class="rb-prose rb-{self.style}">{body}</div>'

    def lines(self) -> Iterator[str]:
        """Give the paragraphs, wrapped, a gap or warning behind its word."""
        label = _LABELS.get(self.style)
        for at, paragraph in enumerate(self.paragraphs):
            yield from wrapped(f"{label} {paragraph}" if label and at == 0 else paragraph)


_LABELS = {"gap": "NOT EXAMINED.", "warning": "WARNING.", "blank": "TO BE FILLED IN."}


@dataclass(frozen=True)
class Fact(_Clean):
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
        told = [[one.name, one.value, one.ref] for one in self.facts]
        return {"block": self.kind, "title": self.title, "facts": told}

    def to_html(self) -> str:
        """Give a table of two columns: JupyterLab sets tables well and definition lists badly."""
        return pairs(self.title, [(one.name, one.value) for one in self.facts])

    def lines(self) -> Iterator[str]:
        """Give one line per fact, values aligned."""
        yield self.title
        width = min(32, max((len(one.name) for one in self.facts), default=0))
        for one in self.facts:
            first, *rest = wrapped(one.value, LINE - width - 4)
            yield f"  {one.name:<{width}}  {first}"
            yield from (f"  {'':<{width}}  {line}" for line in rest)


@dataclass(frozen=True)
class Column(_Clean):
    """A column and how its cells are set."""

    name: str
    kind: ColumnKind = "text"


@dataclass(frozen=True, repr=False)
class Table(Block):
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
            "columns": [{"name": one.name, "kind": one.kind} for one in self.columns],
            "rows": [list(row) for row in self.rows],
            "note": self.note,
            "refs": list(self.refs),
            "more": self.more,
        }

    def to_html(self) -> str:
        """Give a table with a caption and column headings; numbers stand right, everything else left."""
        head = "".join(f'<th scope="col">{self._cell(at, one.name)}</th>' for at, one in enumerate(self.columns))
        body = "".join(
            f"<tr>{''.join(f'<td>{self._cell(at, cell)}</td>' for at, cell in enumerate(row))}</tr>"
            for row in self.rows
        )
        below = "".join(f"<p>{escaped(one)}</p>" for one in (self.note, self.more) if one)
        inside = f"{caption(self.title)}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        return f'<table class="rb-table">{inside}</table>{below}'

    def _cell(self, at: int, content: str) -> str:
        kind = self.columns[at].kind
        if kind == "number":
            return escaped(content)
        return left(tag("code", content) if kind == "code" and content else escaped(content))

    def lines(self) -> Iterator[str]:
        """Give aligned columns; a long cell is wrapped within its column."""
        yield self.title
        if self.rows:
            numbers = tuple(one.kind == "number" for one in self.columns)
            yield from grid(tuple(one.name for one in self.columns), self.rows, numbers)
        for below in filter(None, (self.note, self.more)):
            yield from hanging("  ", below)


@dataclass(frozen=True)
class Loss(_Clean):
    """The loss clock in words. `state` is none, at_risk, losing or unknown; `deadline` ISO 8601, None where none is."""

    state: str
    sentence: str
    deadline: str | None = None


@dataclass(frozen=True, repr=False)
class Verdict(Block):
    """The first screen: what is wrong, how sure, how long until data is lost, what to do first, what was not seen.

    `status` is fault, no_fault or undetermined; `as_of` the run's clock, ISO 8601 UTC.
    """

    kind: ClassVar[str] = "verdict"
    status: str
    sentence: str
    confidence: str | None
    loss: Loss
    first_action: str | None
    unseen: tuple[str, ...]
    as_of: str

    def to_json(self) -> dict[str, Any]:
        """Give the typed JSON."""
        loss = {"state": self.loss.state, "sentence": self.loss.sentence, "deadline": self.loss.deadline}
        return {
            "block": self.kind,
            "status": self.status,
            "sentence": self.sentence,
            "confidence": self.confidence,
            "loss": loss,
            "first_action": self.first_action,
            "unseen": list(self.unseen),
            "as_of": self.as_of,
        }

    @property
    def _told(self) -> tuple[tuple[str, str], ...]:
        told = (("Confidence", self.confidence), ("Data loss", self.loss.sentence), ("Do first", self.first_action))
        return tuple((name, value) for name, value in told if value)

    def to_html(self) -> str:
        """Give the sentence as a heading, the rest as facts, what was not seen as a list."""
        unseen = f"<p>{tag('strong', 'Could not be seen:')}</p>{bullets(self.unseen)}" if self.unseen else ""
        head = f'<section class="rb-verdict rb-{escaped(self.status)}"><h3>{escaped(self.sentence)}</h3>'
        return f"{head}{pairs('', self._told)}{unseen}<p>As of {escaped(self.as_of)}.</p></section>"

    def lines(self) -> Iterator[str]:
        """Give the sentence, then one line each."""
        yield from wrapped(self.sentence)
        for name, value in self._told:
            yield from hanging(f"{name}: ", value)
        for one in self.unseen:
            yield from hanging("Not seen: ", one)
        yield f"As of: {self.as_of}"


@dataclass(frozen=True)
class Because(_Clean):
    """One sentence of evidence and the recorded calls behind it."""

    sentence: str
    refs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Remedy(_Clean):
    """A way to mend it: the command, its risk, what it does, and how to see that it worked. Never executed by us."""

    id: str
    title: str
    command: str
    risk: str
    effect: str
    check: str


@dataclass(frozen=True, repr=False)
class Finding(Block):
    """One verdict on one fault.

    `role` says what it is to the incident: cause, contributing factor, symptom, latent fault, not a cause, ruled out
    or undetermined. `unexplained` are the counts that it does not explain, `needs` what would settle it, `steps` the
    playbook steps it was read from.
    """

    kind: ClassVar[str] = "finding"
    role: str
    id: str
    title: str
    confidence: str | None
    why: str
    because: tuple[Because, ...] = ()
    unexplained: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    steps: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the typed JSON."""
        return {
            "block": self.kind,
            "kind": self.role,
            "id": self.id,
            "title": self.title,
            "confidence": self.confidence,
            "why": self.why,
            "because": [{"sentence": one.sentence, "refs": list(one.refs)} for one in self.because],
            "unexplained": list(self.unexplained),
            "needs": list(self.needs),
            "remedies": [{name.name: getattr(one, name.name) for name in fields(Remedy)} for one in self.remedies],
            "steps": list(self.steps),
        }

    @property
    def _heading(self) -> str:
        sure = f", {self.confidence}" if self.confidence else ""
        return f"{self.role.capitalize()}{sure}: {self.title}"

    def to_html(self) -> str:
        """Give a heading, the evidence as a numbered list, and each remedy with its command and risk."""
        parts = [tag("h4", self._heading), f"<p>{tag('code', self.id)} {escaped(self.why)}</p>"]
        if self.because:
            parts.append(f"<ol>{''.join(f'<li>{escaped(one.sentence)}</li>' for one in self.because)}</ol>")
        parts += [f"<p>{tag('strong', 'Does not explain:')} {escaped(one)}</p>" for one in self.unexplained]
        parts += [f"<p>{tag('strong', 'Would settle it:')} {escaped(one)}</p>" for one in self.needs]
        parts += [_remedy_html(one) for one in self.remedies]
        return f'<section class="rb-finding">{"".join(parts)}</section>'

    def lines(self) -> Iterator[str]:
        """Give the heading, the numbered evidence and the remedies."""
        yield from wrapped(f"{self._heading} [{self.id}]")
        for number, one in enumerate(self.because, 1):
            yield from hanging(f"  {number}. ", one.sentence)
        for one_left in self.unexplained:
            yield from hanging("  Does not explain: ", one_left)
        for need in self.needs:
            yield from hanging("  Would settle it: ", need)
        for remedy in self.remedies:
            yield from hanging("  Remedy: ", f"{remedy.title} ({remedy.id})")
            yield f"      {remedy.command}"
            for name, value in (("Risk", remedy.risk), ("Effect", remedy.effect), ("Check", remedy.check)):
                if value:
                    yield from hanging(f"      {name}: ", value)


def _remedy_html(one: Remedy) -> str:
    told = (("Risk:", one.risk), ("Effect:", one.effect), ("Check:", one.check))
    said = "".join(f"<p>{tag('strong', name)} {escaped(value)}</p>" for name, value in told if value)
    command = f"<pre>{tag('code', one.command)}</pre>" if one.command else ""
    return f"<p>{tag('strong', 'Remedy:')} {escaped(one.title)}</p>{command}{said}"


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
        told = "".join(f"<p>{escaped(one)}</p>" for one in self.description)
        return (
            f'<figure class="rb-chart"><img src="data:image/png;base64,{self.png_base64}" alt="{escaped(self.alt)}"'
            f' width="{self.width_px}"><figcaption>{escaped(self.title)}'
            f"<details><summary>In words</summary>{told}</details></figcaption></figure>"
        )

    def lines(self) -> Iterator[str]:
        """Give title, alternative and description: all that a terminal can show of a picture."""
        yield self.title
        for one in (self.alt, *self.description):
            yield from hanging("  ", one)

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
        told = [one.to_json() | ({"png": one.png_base64} if isinstance(one, Chart) else {}) for one in self.blocks]
        return {"block": self.kind, "title": self.title, "blocks": told}

    def to_html(self) -> str:
        """Give the blocks one under another."""
        heading = f"<h3>{escaped(self.title)}</h3>" if self.title else ""
        return f'<div class="rb-stack">{heading}{"".join(one.to_html() for one in self.blocks)}</div>'

    def lines(self) -> Iterator[str]:
        """Give the blocks with an empty line between them."""
        if self.title:
            yield from (self.title, "=" * len(self.title))
        for at, one in enumerate(self.blocks):
            if at or self.title:
                yield ""
            yield from one.lines()

    def with_blocks(self, *more: Block) -> Stack:
        """Give the stack with more blocks at its end."""
        return replace(self, blocks=(*self.blocks, *more))
