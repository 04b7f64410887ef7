"""Blocks: what AWS says stays text, and the three forms of a block say the same."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.showing.blocks import (
    MIME,
    Block,
    Chart,
    Column,
    Fact,
    Facts,
    FindingBlock,
    LossBlock,
    Prose,
    Reason,
    RemedyBlock,
    Stack,
    TableBlock,
    VerdictBlock,
    visible,
)

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "'\"><svg/onload=alert(1)>",
    "{{ 7*7 }} {% raw %}",
    "$\\frac{1}{0}$",
    "=cmd|' /C calc'!A0",
    "\x1b[31mred\x1b]8;;http://example.com\x07link",
    "left\u202etfel\u2066x\u2069",
    "line\nbreak\rreturn\ttab\u2028sep",
    "nul\x00del\x7fc1\x85\x9b",
    "zero\u200bwidth\ufeffbom",
    "lone\ud800surrogate",
    "x" * 5000,
)


def _every_kind(text: str) -> tuple[Block, ...]:
    """Give one block of every kind with the text in every place that takes text."""
    remedy = RemedyBlock("R1", text, text, text, text, text)
    return (
        Prose.of(text, text, style="gap"),
        Facts(text, (Fact(text, text, text),)),
        TableBlock(text, (Column(text, "code"), Column(text, "number")), ((text, text),), text, (text,), text),
        VerdictBlock("fault", text, text, LossBlock("at_risk", text, text), text, (text,), text),
        FindingBlock("cause", text, text, text, text, (Reason(text, (text,)),), (text,), (text,), (remedy,), (1,)),
        Chart(text, text, text, (text,), 10, 10, b"png"),
    )


class _Elements(HTMLParser):
    """Collects the elements and attributes of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag with its attributes."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def _elements(html: str) -> _Elements:
    found = _Elements()
    found.feed(html)
    return found


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain Ünïcode 日本語 🙂", "plain Ünïcode 日本語 🙂"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u2066b", "a\\u2066b"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x00\x7f\x85", "\\x00\\x7f\\x85"),
        ("\u200b\ufeff", "\\u200b\\ufeff"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("9\u00a0h", "9\u00a0h"),
    ],
)
def test_what_hides_is_made_visible(raw: str, shown: str) -> None:
    """Control, bidi and zero-width characters are spelled out; letters of any script and spaces stay."""
    assert visible(raw) == shown


@given(st.text(alphabet=st.characters()))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """Cleaned text is printable, can be encoded, and does not change when cleaned again."""
    once = visible(text)
    assert visible(once) == once
    assert once.encode("utf-8").decode("utf-8") == once
    assert all(char.isprintable() or char.isspace() for char in once)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    """No form of any block holds a raw control character, and its HTML holds no element but the block's own."""
    ordinary = Stack("t", _every_kind("x"))
    hostile = Stack(text, _every_kind(text))
    assert _elements(hostile.to_html()).tags == _elements(ordinary.to_html()).tags
    assert _elements(hostile.to_html()).attributes == _elements(ordinary.to_html()).attributes
    told = json.dumps(hostile.to_json(), ensure_ascii=False)
    assert told.encode("utf-8")
    for form in (hostile.to_html(), told, hostile.text.replace("\n", "")):
        assert all(char.isprintable() or char == "\u00a0" for char in form)


@given(st.text(), st.text())
def test_html_shows_what_was_given(name: str, value: str) -> None:
    """Every text given can be read back from the HTML."""
    said: list[str] = []
    parser = HTMLParser(convert_charrefs=True)
    parser.handle_data = said.append  # type: ignore[method-assign]
    parser.feed(Facts("t", (Fact(name, value),)).to_html())
    parser.close()
    assert visible(name) + visible(value) in "".join(said) or not (name or value)


def test_every_string_is_cleaned_when_built() -> None:
    """Cleaning happens on construction, in nested parts and in tuples too."""
    facts = Facts("a\x1b", (Fact("b\x1b", "c\x1b", "d\x1b"),))
    assert facts.title == "a\\x1b"
    assert facts.facts[0] == Fact("b\\x1b", "c\\x1b", "d\\x1b")
    assert TableBlock("t", (Column("n\x1b"),), (("v\x1b",),)).rows == (("v\\x1b",),)


def test_prose_json() -> None:
    """Prose gives its style and paragraphs."""
    assert Prose.of("a", "b", style="answer").to_json() == {
        "block": "prose",
        "style": "answer",
        "paragraphs": ["a", "b"],
    }


def test_facts_json() -> None:
    """Facts give name, value and call, which is null where there is none."""
    facts = Facts("T", (Fact("a", "1", "Call-1"), Fact("b", "2")))
    assert facts.to_json() == {"block": "facts", "title": "T", "facts": [["a", "1", "Call-1"], ["b", "2", None]]}


def test_table_json() -> None:
    """A table gives its columns with their kinds, rows, note, calls and what was left out."""
    table = TableBlock("T", (Column("UTC", "time"), Column("What")), (("1", "2"),), "n", ("r",), "more")
    assert table.to_json() == {
        "block": "table",
        "title": "T",
        "columns": [{"name": "UTC", "kind": "time"}, {"name": "What", "kind": "text"}],
        "rows": [["1", "2"]],
        "note": "n",
        "refs": ["r"],
        "more": "more",
    }


def test_verdict_json() -> None:
    """The verdict gives status, sentence, confidence, loss, first action, what was not seen, and the clock."""
    verdict = VerdictBlock(
        "fault", "s", "proved", LossBlock("losing", "now", None), "act", ("u",), "2026-03-14T15:00:00Z"
    )
    assert verdict.to_json() == {
        "block": "verdict",
        "status": "fault",
        "sentence": "s",
        "confidence": "proved",
        "loss": {"state": "losing", "sentence": "now", "deadline": None},
        "first_action": "act",
        "unseen": ["u"],
        "as_of": "2026-03-14T15:00:00Z",
    }


def test_finding_json() -> None:
    """A finding gives its kind, evidence with calls, and remedies with command, risk, effect and check."""
    remedy = RemedyBlock("R1", "t", "aws x", "r", "e", "c")
    finding = FindingBlock(
        "cause", "esm", "T", "proved", "w", (Reason("b", ("r1",)),), ("u",), ("n",), (remedy,), (3, 8)
    )
    assert finding.to_json() == {
        "block": "finding",
        "kind": "cause",
        "id": "esm",
        "title": "T",
        "confidence": "proved",
        "why": "w",
        "because": [{"sentence": "b", "refs": ["r1"]}],
        "unexplained": ["u"],
        "needs": ["n"],
        "remedies": [{"id": "R1", "title": "t", "command": "aws x", "risk": "r", "effect": "e", "check": "c"}],
        "steps": [3, 8],
    }


def test_a_chart_carries_its_picture() -> None:
    """A chart alone gives its picture as image/png; within a stack, and a stack in it, as `png` in the JSON."""
    chart = Chart("slug", "T", "alt", ("d",), 100, 50, b"\x89PNG")
    bundle = chart._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]) == b"\x89PNG"
    assert "png" not in bundle[MIME]
    stacked = Stack(None, (Stack("inner", (chart,)),)).to_json()
    assert base64.b64decode(stacked["blocks"][0]["blocks"][0]["png"]) == b"\x89PNG"


@pytest.mark.parametrize("block", [block for block in _every_kind("x") if not isinstance(block, Chart)])
def test_a_bundle_has_three_forms(block: Block) -> None:
    """A block offers typed JSON, HTML and text, and its repr is the text."""
    bundle = block._repr_mimebundle_()
    assert set(bundle) == {MIME, "text/html", "text/plain"}
    assert repr(block) == bundle["text/plain"]
    assert "style=" not in bundle["text/html"]
    assert "<style" not in bundle["text/html"]


def test_a_gap_says_not_examined() -> None:
    """What could not be seen reads NOT EXAMINED in text and in HTML."""
    gap = Prose.of("No permission.", style="gap")
    assert repr(gap) == "NOT EXAMINED. No permission."
    assert "NOT EXAMINED." in gap.to_html()


def test_a_row_must_fit_its_columns() -> None:
    """A table with a row of another length is refused."""
    with pytest.raises(ValueError, match="does not have 1 cells"):
        TableBlock("T", (Column("a"),), (("1", "2"),))


def test_a_table_of_text_keeps_times_whole() -> None:
    """Times and numbers are not broken, numbers stand right, and no line is longer than 110 characters."""
    head = (Column("UTC", "time"), Column("n", "number"), Column("What"), Column("Why"))
    table = TableBlock("T", head, (("2026-03-14 15:00:00", "7", "w " * 90, "y" * 300), ("x", "1,234", "", "")))
    lines = repr(table).splitlines()
    assert all(len(line) <= 110 for line in lines)
    assert lines[3].startswith("  2026-03-14 15:00:00      7  w")
    assert any(line.startswith("  x                    1,234") for line in lines)


def test_a_table_of_a_notebook_keeps_times_whole() -> None:
    """No time is broken between its date and its hour, and no other cell is kept from breaking."""
    head = (Column("UTC", "time"), Column("What"))
    html = TableBlock("T", head, (("2026-03-14 15:00:00", "a 1"),)).to_html()
    assert "<nobr>2026-03-14&nbsp;15:00:00</nobr>" in html
    assert "a 1" in html


def test_a_cell_does_not_repeat_the_heading_above_it() -> None:
    """The output of a cell leaves its own title out as HTML, keeps those within, and the text keeps all."""
    shown = Stack("Causes", (Stack("Symptoms", (Prose.of("One."),)),))._repr_mimebundle_()
    assert "<h3>Symptoms</h3>" in shown["text/html"]
    assert "Causes" not in shown["text/html"]
    assert {"Causes", "Symptoms"} <= set(shown["text/plain"].splitlines())


def test_a_sentence_of_a_notebook_keeps_dates_and_code() -> None:
    """What stands between backticks is code, no date or region is broken at its hyphens, and all else is escaped."""
    html = Prose.of("At 2026-03-14T12:29:10.952 in us-east-1 `Invocations` <b> x:eu-west-1:y `left").to_html()
    assert "<nobr>2026-03-14T12:29:10.952</nobr> in <nobr>us-east-1</nobr> <code>Invocations</code>" in html
    assert "&lt;b&gt; x:eu-west-1:y `left" in html


@given(
    st.lists(st.lists(st.text(max_size=60), min_size=3, max_size=3).map(tuple), max_size=5).map(tuple),
    st.tuples(*[st.sampled_from(["text", "time", "number", "code"])] * 3),
)
def test_a_table_of_text_loses_nothing(rows: tuple[tuple[str, ...], ...], kinds: tuple[str, ...]) -> None:
    """Every character of every cell but blanks stands in the text, whatever the widths."""
    table = TableBlock("T", tuple(Column(f"c{at}", kind) for at, kind in enumerate(kinds)), rows)  # type: ignore[arg-type]
    said = sorted("".join("".join(repr(table).split()).replace("-", "")))
    given_text = "T" + "c0c1c2" * bool(rows) + "".join(cell for row in table.rows for cell in row)
    assert said == sorted("".join(given_text.split()).replace("-", ""))
