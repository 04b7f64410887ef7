"""One self-contained page from an executed document: no script, no request, nothing trusted that has no known form."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from itertools import chain, count
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.exceptions import TemplateError
from jinja2.runtime import Context
from markupsafe import Markup, escape

from runbook_lib import instant
from runbook_lib._version import __version__
from runbook_lib.archive.record import EVIDENCE, Record, RecordedCall
from runbook_lib.evidence import step_number
from runbook_lib.report import sanitise
from runbook_lib.report.join import DIAGNOSIS
from runbook_lib.report.sections import AddedOutput, CellFailure, Heading, MarkdownText, Part, Section, ShownBlock
from runbook_lib.showing.markup import TICKS, WHOLE

_ANSWER_SHOWN = 300
"""Characters of a recorded answer that the page shows; the evidence file holds the rest."""


_FEWEST_FOLDED = 4
"""Rows from which on a table that the page has shown before is folded."""

_MOST_UNSEEN = 4
"""Entries of "could not be seen" on the first screen; all of them have a chapter of their own."""


@dataclass(frozen=True)
class EvidenceFile:
    """One file of recorded calls: its path in the run folder, size in bytes and SHA-256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Meta:
    """What the page says of the run itself. `headline` is the JSON of a verdict block, or None when there is none."""

    parameters: Mapping[str, Any]
    as_of: datetime
    start: datetime
    end: datetime
    kit_version: str
    identity: Mapping[str, Any]
    files: tuple[EvidenceFile, ...]
    calls: tuple[RecordedCall, ...]
    headline: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, record: Record, headline: Mapping[str, Any] | None = None) -> Meta:
        """Take it from a run's record; the headline comes from whoever judged, so that no broken cell can lose it."""
        window = record.scope.window(record.as_of)
        return cls(
            parameters=record.scope.parameters(),
            as_of=record.as_of,
            start=window.start,
            end=window.end,
            kit_version=str(record.run.get("kit_version", __version__)),
            identity=dict(record.run.get("identity") or {}),
            files=tuple(_evidence_files(record)),
            calls=record.calls(),
            headline=headline,
        )

    @property
    def redacted(self) -> dict[str, int]:
        """What was taken out of the answers before anything was written, counted by kind."""
        total: dict[str, int] = {}
        for call in self.calls:
            for kind, times in (call.redacted or {}).items():
                total[kind] = total.get(kind, 0) + times
        return dict(sorted(total.items()))


def render(sections: Iterable[Section], meta: Meta) -> str:
    """Give the whole page as HTML text; the same sections and run give the same bytes."""
    found = tuple(sections)
    steps = [section for section in found if section.name != DIAGNOSIS]
    page = _Page(meta, steps)
    opening, chapters = _chapters([section for section in found if section.name == DIAGNOSIS], page)
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            meta=meta,
            page=page,
            opening=opening,
            chapters=chapters,
            steps=steps,
            most_unseen=_MOST_UNSEEN,
            file_rows=[[file.path, f"{file.size:,}", file.sha256] for file in meta.files],
            **style(),
            for_people=_FOR_PEOPLE,
        )
    )


def style() -> dict[str, Any]:
    """Give what every page's head needs: the one style sheet, and its hash for the page's security policy."""
    sheet = files(__package__).joinpath("page.css").read_text(encoding="utf-8").strip()
    return {
        "style": Markup(sheet),
        "style_hash": base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode(),
    }


@dataclass(frozen=True)
class _Chapter:
    title: str
    anchor: str
    parts: tuple[Part, ...]

    @property
    def count(self) -> int:
        """How many findings, calls and other things with a name of their own it lists."""
        return sum(_listed(part.block) for part in self.parts if isinstance(part, ShownBlock))


def _listed(block: Mapping[str, Any]) -> int:
    """Count what a block lists: a finding is one thing, a table of things has their names, as code, in front."""
    match block:
        case {"block": "stack", "blocks": list(inner)}:
            return sum(_listed(block) for block in inner if isinstance(block, Mapping))
        case {"block": "table", "columns": [{"kind": "code"}, *_], "rows": list(rows)}:
            return len(rows)
        case {"block": "finding"}:
            return 1
    return 0


def _chapters(diagnosis: Iterable[Section], page: _Page) -> tuple[tuple[Part, ...], tuple[_Chapter, ...]]:
    """Split the diagnosis. Of what stands before its first chapter only failures and additions are kept.

    The rest of the opening is the verdict, which the head of the page says already.
    """
    split = [chapter for section in diagnosis for chapter in section.chapters()]
    opening = tuple(
        part for title, parts in split if not title for part in parts if isinstance(part, CellFailure | AddedOutput)
    )
    return opening, tuple(_Chapter(title, page.id(title), parts) for title, parts in split if title)


_Row = tuple[str, ...]
"""The title of a table and the cells of one of its rows."""


class _Taken(NamedTuple):
    """What a page has handed out: ids, labels, the anchors of findings, and the rows of tables."""

    ids: set[str]
    labels: set[str]
    findings: dict[str, str]
    rows: frozenset[_Row]


class _Page:
    """What the templates ask while they write: which anchors exist, which ids and labels are taken."""

    def __init__(self, meta: Meta, steps: Sequence[Section] = ()) -> None:
        self._refs = {call.ref for call in meta.calls}
        self._operations = Counter(ref.rpartition("-")[0] for ref in self._refs)
        self._ids = {"main", "run", "people", "provenance", "loss", "first", "unseen", "failed"}
        self._sections = {
            section.name: self.id(f"step {section.number}" if section.number else section.name) for section in steps
        }
        self._steps = {section.number: self._sections[section.name] for section in steps if section.number}
        self._labels: set[str] = set()
        self._findings: dict[str, str] = {}
        self._rows: frozenset[_Row] = frozenset()

    def taken(self) -> _Taken:
        """Give what has been handed out so far."""
        return _Taken(set(self._ids), set(self._labels), dict(self._findings), self._rows)

    def restore(self, taken: _Taken) -> None:
        """Take back what was handed out since, for a part that could not be written."""
        self._ids, self._labels, self._findings, self._rows = taken

    def id(self, wanted: str) -> str:
        """Give an id that the page does not have yet, as near to the wish as can be."""
        slug = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in wanted.lower()).split()) or "part"
        return _free(slug, self._ids, "-")

    def finding(self, name: str) -> str:
        """Give the anchor of a finding that the page has shown in full; empty when this is its first time."""
        before = self._findings.get(name, "")
        if not before:
            self._findings[name] = self.id(name)
        return before

    def has_shown(self, table: Mapping[str, Any]) -> bool:
        """Tell whether the page has shown every row of a table of some length before, under the same title."""
        rows = frozenset((str(table["title"]), *map(str, row)) for row in table["rows"])
        before = len(rows) >= _FEWEST_FOLDED and rows <= self._rows
        self._rows |= rows
        return before

    def is_index(self, table: Mapping[str, Any]) -> bool:
        """Tell whether a table's last column names the calls it was read from, and nothing else."""
        named = [ref for row in table["rows"] for ref in str(row[-1]).split(", ")]
        return bool(named) and set(named) == set(table["refs"])

    def section(self, step: Section) -> str:
        """Give the anchor of a section."""
        return self._sections[step.name]

    def step(self, number: int) -> str | None:
        """Give the anchor of a step's section; None when the page has none."""
        return self._steps.get(number)

    def label(self, wanted: str) -> str:
        """Give a label for a scrolling area that no other one has."""
        return _free(wanted, self._labels, ", ")

    def anchor(self, ref: str) -> str | None:
        """Give the anchor of a recorded call, of the run, or of the step that read an event; None for others."""
        if ref == "run":
            return "run"
        if ref.startswith(_EVENT):
            return self.step(step_number("changes"))
        return f"call-{ref}" if ref in self._refs else None

    def name(self, ref: str) -> str:
        """Name a reference: the operation, and what tells it from others where it was called more than once."""
        if ref.startswith(_EVENT):
            return f"trail event {ref.removeprefix(_EVENT)[:8]}"
        operation, _, mark = ref.rpartition("-")
        return f"{operation} {mark[:4]}" if self._operations[operation] > 1 else operation or ref


_EVENT = "trail:"


def _free(wanted: str, taken: set[str], joint: str) -> str:
    """Give the wish, or the wish with the first number that makes it new; it is taken from now on."""
    numbered = (f"{wanted}{joint}{number}" for number in count(2))
    found = next(candidate for candidate in chain([wanted], numbered) if candidate not in taken)
    taken.add(found)
    return found


_MACROS: Mapping[type[Part], str] = {
    Heading: "heading",
    MarkdownText: "prose",
    ShownBlock: "shown",
    AddedOutput: "added",
    CellFailure: "failure",
}
"""The macro of parts.html.j2 that writes each kind of part."""


@pass_context
def _show(context: Context, part: Part, level: int) -> Markup:
    """Write one part; a block of damaged form is shown as its text instead of breaking the page."""
    page = context["page"]
    taken = page.taken()
    try:
        macro = context.environment.get_template("parts.html.j2").make_module({"page": page})
        return Markup(getattr(macro, _MACROS[type(part)])(part, level))
    except (TemplateError, TypeError, ValueError, KeyError, AttributeError):
        if not isinstance(part, ShownBlock):
            raise
        page.restore(taken)
        return Markup('<pre class="text">{}</pre>').format(part.text or "This block cannot be read.")


@cache
def environment() -> Environment:
    """Give the templates and filters of every page: everything escaped, what is undefined an error."""
    made = Environment(
        loader=PackageLoader("runbook_lib.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: sanitise.visible_lines(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    made.filters.update(
        show=_show,
        markdown=sanitise.sanitised_markdown,
        cleaned=sanitise.sanitised_html,
        png=sanitise.png_data_url,
        iso=instant.iso,
        clock=instant.clock,
        parsed=instant.parse,
        span=instant.span,
        compact=_compact,
        excerpt=_excerpt,
        said=_said,
        bare=lambda title: str(title).partition("—")[2].strip() or title,
        command=_command,
        whole=_whole,
    )
    return made


def _command(text: str) -> Markup:
    """Let a long command break before its options, where a reader would break it; copied, it is the same text."""
    first, *options = sanitise.visible_lines(text).split(" --")
    short = [Markup('<span class="option">--{}</span>').format(option) for option in options]
    return Markup(" ").join([escape(first), *short])


_HYPHENATED = re.compile(r"(?<![\w-])[a-z]{1,12}-[a-z]{1,12}(?![\w-])", re.IGNORECASE)
_WHOLE = r'<span class="whole">\g<0></span>'


def _whole(title: str) -> Markup:
    """Let no word of a heading be broken at its hyphen; long names stay free to break."""
    return Markup(_HYPHENATED.sub(_WHOLE, str(escape(sanitise.visible_lines(title)))))


_LONG_WORD = re.compile(r"[^\s<>]{28,}")


def _said(text: str) -> Markup:
    """Give text, code between backticks as such; long names break after `:`, `/` and `.`, dates and regions nowhere."""
    safe = str(escape(sanitise.visible_lines(str(text))))
    dated = WHOLE.sub(_WHOLE, safe).replace("/<", "/<wbr><")
    broken = _LONG_WORD.sub(lambda word: re.sub(r"(?<=[:/.])(?=[^:/.])", "<wbr>", word.group()), dated)
    return Markup(TICKS.sub(r"<code>\1</code>", broken))


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(", ", ": "))


def _excerpt(call: RecordedCall) -> str:
    """Give the beginning of an answer, or of an error, and say how much more the evidence file holds."""
    said = _compact(call.error if call.error is not None else call.response)
    if len(said) <= _ANSWER_SHOWN:
        return said
    return f"{said[:_ANSWER_SHOWN]} … {len(said) - _ANSWER_SHOWN:,} more characters in {EVIDENCE}/{call.step}.jsonl"


def _evidence_files(record: Record) -> Iterable[EvidenceFile]:
    if record.folder is None:
        return
    for path in sorted((record.folder / EVIDENCE).glob("*.jsonl")):
        content = path.read_bytes()
        yield EvidenceFile(f"{EVIDENCE}/{path.name}", len(content), hashlib.sha256(content).hexdigest())


_FOR_PEOPLE: Sequence[tuple[str, str]] = (
    ("Customer impact", "Who noticed what, from when to when."),
    ("How it was noticed", "Alarm, customer or chance; and how long that took."),
    ("Decisions", "Who decided what, and with which knowledge at the time."),
    ("What surprised us", "Where the system did not behave as its people expected."),
    ("Where we were lucky", "What would have made it worse and did not happen."),
    ("Actions", "Each with an owner and a date."),
)
"""What no machine knows. It stands on the page blank, for people, and is never filled in by the kit."""
