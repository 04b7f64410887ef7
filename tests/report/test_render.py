"""The page: what it says, in which order, and what cannot get into it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from report_samples import (
    MAPPING_REF,
    calls,
    code_cell,
    executed,
    finding,
    meta,
    shown_cell,
    step_stack,
    text_cell,
    verdict,
)

from runbook_lib.report import join, render, sections
from runbook_lib.showing import blocks

VOID = {"meta", "img", "br", "wbr", "hr", "link", "input"}


class Page(HTMLParser):
    """A page as elements with their text; fails on elements that are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text.append(data)

    def all(self, *tags: str) -> Iterator[dict[str, str | None]]:
        """Give the attributes of every element of these names."""
        return (attributes for tag, attributes in self.elements if tag in tags)

    @property
    def ids(self) -> list[str]:
        """Every id on the page."""
        return [str(attributes["id"]) for _, attributes in self.elements if "id" in attributes]


def rendered(document: NotebookNode | None = None, **changed: object) -> str:
    """Render a document for the sample run."""
    return render.render(sections.read(document or executed()), meta(**changed))


def one_cell(block: blocks.Block) -> NotebookNode:
    """Make a document whose third step shows one block."""
    return nbformat.v4.new_notebook(cells=[shown_cell(block, "a", "03_event_source_mappings")])


def assert_closed(html: str) -> Page:
    """The page holds nothing that runs, loads or leads away, and its policy forbids the rest."""
    page = Page(html)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "iframe", "object", "embed", "form", "link", "svg", "base", "audio", "video"}
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style" or name == "srcset"]
        assert str(attributes.get("href", "#")).startswith("#")
        assert str(attributes.get("src", "data:image/png;base64,")).startswith("data:image/png;base64,")
    return page


def test_page_is_closed() -> None:
    """The sample page needs nothing and runs nothing."""
    assert_closed(rendered())


def test_policy_names_the_style() -> None:
    """The content security policy allows exactly the style that the page carries."""
    html = rendered()
    style = html.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'" in html


def test_headings_are_one_outline() -> None:
    """There is one h1, and no level is skipped on the way down."""
    levels = [int(tag[1]) for tag, _ in Page(rendered()).elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_ids_and_labels_are_unique() -> None:
    """No id and no label of a scrolling area stands twice, though blocks repeat."""
    page = Page(rendered())
    labels = [attributes["aria-label"] for _, attributes in page.elements if "aria-label" in attributes]
    assert len(set(page.ids)) == len(page.ids)
    assert len(set(labels)) == len(labels)


def test_every_link_leads_somewhere() -> None:
    """Every link on the page leads to an id on the page."""
    page = Page(rendered())
    assert {str(a["href"])[1:] for a in page.all("a")} <= set(page.ids)


def test_links_of_a_partial_page_lead_somewhere() -> None:
    """Where only some steps were run, no link leads to one that is not on the page."""
    page = Page(rendered(one_cell(finding())))
    assert {str(a["href"])[1:] for a in page.all("a")} <= set(page.ids)
    assert "step-3" in page.ids


def test_finding_is_told_once() -> None:
    """A finding that was shown in full is linked where it stands again, with its ids unique."""
    cells = [shown_cell(finding(), "a", "03_x"), shown_cell(finding(), "b", "08_y")]
    html = rendered(nbformat.v4.new_notebook(cells=cells))
    assert html.count("Remedy R1") == 1
    assert '<a href="#mapping-disabled">' in html


def test_finding_after_a_damaged_one_is_told() -> None:
    """A finding whose first telling was damaged is told in full the next time."""
    damaged = {name: value for name, value in finding().to_json().items() if name != "remedies"}
    output = nbformat.v4.new_output("display_data", data={blocks.MIME: damaged, "text/plain": "damaged"})
    cells = [code_cell([output], "a", "03_x", "x"), shown_cell(finding(), "b", "08_y")]
    html = rendered(nbformat.v4.new_notebook(cells=cells))
    assert html.count("Remedy R1") == 1
    assert html.count('id="mapping-disabled"') == 1


def _refuted(*numbers: int) -> blocks.TableBlock:
    rows = tuple((f"finding-{number}", f"It would mean {number}") for number in numbers)
    return blocks.TableBlock("Refuted", (blocks.Column("Finding", "code"), blocks.Column("Would mean")), rows)


def test_rows_that_were_shown_are_folded_away() -> None:
    """A table of some length is folded where all its rows were shown before; one new row, and it is open."""
    tables = (_refuted(*range(9)), _refuted(1, 2, 3, 4), _refuted(5, 6), _refuted(6, 7, 8, 9))
    cells = [shown_cell(table, f"t{number}", "03_x") for number, table in enumerate(tables)]
    html = rendered(nbformat.v4.new_notebook(cells=cells))
    assert re.findall(r"<summary>(Refuted.*?)</summary>", html) == ["Refuted: 4, all in the list above"]
    assert html.count("<table") == 5  # and the evidence files


def test_table_that_only_names_calls_is_a_line_of_links() -> None:
    """A table whose last column names the calls it was read from, and no more, becomes one line of links to them."""
    head = (blocks.Column("Operation", "code"), blocks.Column("Recorded as", "code"))
    html = rendered(one_cell(blocks.TableBlock("Calls", head, (("x", MAPPING_REF),), None, (MAPPING_REF,))))
    assert f'Calls: <a class="ref" href="#call-{MAPPING_REF}">' in html
    assert "Recorded as" not in html


def test_contents_say_how_much_each_chapter_lists() -> None:
    """The contents count findings and named things by chapter; a chapter of prose, charts or times has no count."""
    html = rendered()
    contents = html[html.index("<nav") : html.index("</nav>")]
    counted = dict(re.findall(r'">([^<]+)</a> <span class="count">(\d+)</span>', contents))
    assert counted == {"Causes": "1"}
    cells = [text_cell("## Ruled out", "t", "10_diagnosis"), shown_cell(_refuted(1, 2, 3), "b", "10_diagnosis")]
    assert '<span class="count">3</span>' in rendered(nbformat.v4.new_notebook(cells=cells))


def test_headings_link_to_themselves() -> None:
    """Every chapter, step and finding can be linked to: its heading is the link."""
    html = rendered()
    anchors = re.findall(r'<h\d id="([^"]+)"><a class="here" href="#([^"]+)">', html)
    assert all(here == to for here, to in anchors)
    assert {"causes", "step-1", "step-9", "mapping-disabled", "people", "provenance"} <= {here for here, _ in anchors}


def test_words_and_dates_stay_whole() -> None:
    """A heading's word with a hyphen, and a date in running text, are not broken between two lines."""
    shown = replace(finding(), title="It was re-created", why="Reads stream/2026-03-14T15:09:26.535 since 2026-03-15.")
    html = rendered(one_cell(shown))
    assert 'It was <span class="whole">re-created</span>' in html
    assert 'stream/<wbr><span class="whole">2026-03-14T15:09:26.535</span> since' in html
    assert '<span class="whole">2026-03-15</span>.' in html


def test_failed_calls_can_be_sifted_out() -> None:
    """The calls that failed are counted and marked, with a switch that shows them alone; without any there is none."""
    html = rendered()
    assert "40 answers of AWS, as recorded, 1 of them an error." in html
    assert html.count('<li class="failed"') == 1
    assert 'id="failed"' in html
    fine = replace(meta(), calls=tuple(replace(call, error=None) for call in meta().calls))
    assert 'id="failed"' not in render.render((), fine)


def test_unseen_is_capped_on_the_first_screen() -> None:
    """Of much that was not seen the first screen shows four, and says how many more there are."""
    html = rendered(headline=replace(verdict(), unseen=tuple(f"gap {number}" for number in range(9))).to_json())
    assert "gap 3" in html
    assert "gap 4" not in html
    assert "And 5 more" in html


def test_page_reads_in_order() -> None:
    """Verdict and loss first, then causes, what was not seen, timeline, ruled out, steps, provenance."""
    html = rendered()
    marks = (
        "<h1>", "9 h 12 min left", "Causes</a></h2>", "What could not be seen</a></h2>",
        "Correlation timeline</a></h2>", "Ruled out</a></h2>", "Step 1 —", "Step 9 —",
        "For people to complete</a></h2>", "Provenance</a></h2>",
        "Recorded calls</h3>",
    )  # fmt: skip
    main = html[html.index("<header>") :]
    found = [main.rindex(mark) for mark in marks]
    assert found == sorted(found)


def test_evidence_links_to_its_call() -> None:
    """A reference becomes a link to the recorded call, or plain text when the record does not hold it."""
    html = rendered(one_cell(finding()))
    assert 'href="#call-ListEventSourceMappings-00000000"' in html
    assert '<span class="ref">LookupEvents</span>' in html


def test_failed_step_reads_not_examined() -> None:
    """A step that raised says Not examined with the error, in its section and in the contents."""
    html = rendered()
    step = html[html.index('<h2 id="step-4">') : html.index('<h2 id="step-5">')]
    assert "<strong>Not examined.</strong>" in step
    assert "<code>KeyError</code>: &#39;message&#39;" in step
    assert re.search(r"Function logs</a>\s*<span class=\"mark\">not fully examined", html)


def test_nothing_executed_never_reads_as_well() -> None:
    """With no sections and no headline the page says that it knows nothing."""
    html = render.render((), meta(headline=None))
    assert "No verdict was reached." in html
    assert "Not examined." in html
    assert "No fault found" not in html


@pytest.mark.parametrize(
    ("state", "deadline", "big"),
    [
        ("at_risk", "2026-03-15T13:55:00Z", "9 h 12 min left"),
        ("at_risk", "2026-03-15T04:00:00Z", "Deadline passed"),
        ("losing", "2026-03-15T13:55:00Z", "Losing now"),
        ("losing", None, "Losing now"),
        ("none", None, "None at risk"),
        ("unknown", None, "Not known"),
    ],
)
def test_loss_clock_says_its_state(state: str, deadline: str | None, big: str) -> None:
    """The loss clock shows the time left while there is some, and the state otherwise."""
    headline = replace(verdict(), loss=blocks.LossBlock(state, "A sentence.", deadline)).to_json()
    assert f'<p class="big">{big}</p>' in rendered(headline=headline)


def test_opening_of_the_diagnosis_keeps_failures() -> None:
    """What stands before the first chapter is the headline again and left out, but never a failure."""
    error = nbformat.v4.new_output("error", ename="Boom", evalue="no", traceback=[])
    name = join.DIAGNOSIS
    cells = [shown_cell(verdict(), "a", name), code_cell([error], "b", name, "x"), text_cell("## Causes", "c", name)]
    html = rendered(nbformat.v4.new_notebook(cells=cells))
    assert "<code>Boom</code>" in html
    assert html.count(verdict().sentence) == 2  # title and h1


def test_page_is_deterministic() -> None:
    """The same document and run give the same bytes."""
    assert rendered() == rendered()


def test_page_stays_small() -> None:
    """A normal incident with two charts and 40 calls stays under 500 KB, a heavy one with 400 calls under 1.5 MB."""
    assert len(rendered().encode()) < 500_000
    assert len(rendered(calls=calls(400)).encode()) < 1_500_000


def test_long_answers_are_cut_with_their_file_named() -> None:
    """A long answer is cut, and the page says how much more is in which file."""
    html = rendered(calls=(replace(calls(1)[0], response={"x": "y" * 5_000}),))
    assert "more characters in evidence/01-step.jsonl" in html
    assert "y" * 1_300 not in html


def test_redactions_are_counted() -> None:
    """What was redacted is counted by kind."""
    assert re.search(r"<dt>Redacted</dt><dd>name: 1</dd>", rendered())


PAYLOADS = (
    "<script>window.x=1</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% raise %}",
    "javascript:alert(1)",
    "\u202eevil\u2066",
    "\x1b[31m\x07\x00",
    "$\\frac{1}{0}$",
    "=cmd|' /C calc'!A0",
    "x" * 4_000,
    "</style></title><script>1</script>",
)


def poisoned(value: Any, payload: str) -> Any:
    """Put a payload into every free text of a block, however deep."""
    if isinstance(value, str):
        return f"{value} {payload}"
    if isinstance(value, tuple):
        return tuple(poisoned(item, payload) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        kept = {"style", "kind", "status", "deadline", "as_of", "png", "state"}
        given = {field.name: getattr(value, field.name) for field in fields(value)}
        return replace(value, **{n: v if n in kept else poisoned(v, payload) for n, v in given.items()})
    return value


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_stays_text(payload: str) -> None:
    """A payload in every text that AWS can carry leaves a page that is closed and well-formed."""
    cells = [
        shown_cell(poisoned(block, payload), f"c{number}", "03_event_source_mappings", f"x = {payload!r}")
        for number, block in enumerate((finding(), step_stack(5), verdict()))
    ]
    for kind in ("text/html", "text/markdown", "text/plain"):
        cells.append(
            code_cell([nbformat.v4.new_output("display_data", data={kind: payload})], f"d{kind[5:]}", "04_x", payload)
        )
    parameters = {**meta().parameters, "table_name": payload, "incident_id": payload}
    said = tuple(replace(call, params={"x": payload}, response={payload: payload}, error=None) for call in calls(3))
    html = rendered(
        nbformat.v4.new_notebook(cells=cells),
        parameters=parameters,
        calls=said,
        headline=poisoned(verdict(), payload).to_json(),
    )
    assert_closed(html)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", html)
    assert "49" not in Page(html).text


def test_edited_blocks_are_cleaned_again() -> None:
    """A block whose JSON was edited by hand cannot bring control characters in."""
    data = {blocks.MIME: {"block": "prose", "style": "plain", "paragraphs": ["a\u202eb\x1b"]}}
    output = nbformat.v4.new_output("display_data", data=data)
    html = rendered(nbformat.v4.new_notebook(cells=[code_cell([output], "a", "03_x", "x")]))
    assert "<p>a\\u202eb\\x1b</p>" in html


DAMAGED = (
    {},
    {"block": "table"},
    {"block": "table", "title": "t", "columns": 3, "rows": 4, "note": None, "refs": [], "more": None},
    {"block": "unheard-of"},
    {"block": "facts", "title": "t", "facts": [["only one"]]},
    {"block": "stack", "title": None, "blocks": [{"block": "chart"}]},
    {"block": "finding", "title": ["x"]},
    {
        "block": "chart",
        "id": 1,
        "title": 2,
        "alt": 3,
        "description": 4,
        "width_px": "wide",
        "height_px": None,
        "png": "no",
    },
)


@pytest.mark.parametrize("damaged", DAMAGED)
def test_damaged_block_falls_back_to_text(damaged: dict[str, Any]) -> None:
    """A block of damaged form is shown as its plain text and breaks nothing else."""
    output = nbformat.v4.new_output("display_data", data={blocks.MIME: damaged, "text/plain": "what it said"})
    cells = [code_cell([output], "a", "03_x", "x"), shown_cell(finding(), "b", "03_x")]
    html = rendered(nbformat.v4.new_notebook(cells=cells))
    assert_closed(html)
    assert "what it said" in html
    assert "mapping-disabled" in html
