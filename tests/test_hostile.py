"""Nothing executes: text of AWS, planted in every field that can carry any, changes no page, chart, file or screen."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import nbformat
import pytest
from canaries import Run, cli, worst

from runbook_lib.report import sections
from runbook_lib.showing.markup import visible

pytestmark = pytest.mark.xdist_group("hostile")
ACTING = {"script", "iframe", "object", "embed", "link", "base", "form", "input", "svg", "math", "applet", "frame"}
ADDRESSES = {"src", "href", "action", "formaction", "xlink:href", "srcdoc", "background", "poster", "data", "srcset"}


class Markup(HTMLParser):
    """Collects what a page is made of: its tags, its attributes and where they lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.addresses: set[str] = set()
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses |= {value or "" for name, value in attrs if name in ADDRESSES}

    def harm(self) -> set[str]:
        """Name what could run, load or lead away."""
        leading = {
            address[:60] for address in self.addresses if not address.startswith(("#", "data:image/png;base64,"))
        }
        return (
            set(self.tags) & ACTING
            | {attribute for attribute in self.attributes if attribute.startswith("on")}
            | leading
        )


@pytest.fixture
def shown() -> Run:
    """Investigate a world full of hostile text, with its report, once."""
    return worst()


def _notebook(run: Run) -> nbformat.NotebookNode:
    """Read the executed notebook."""
    return nbformat.read(run.folder / "runbook.ipynb", as_version=4)


def test_verdict_is_the_faults(shown: Run) -> None:
    """Hostile text changes neither the exit code nor the cause."""
    verdict = json.loads((shown.folder / "verdict.json").read_text(encoding="utf-8"))
    assert shown.code == 1
    assert [cause["id"] for cause in verdict["causes"]] == ["handler-error"]


def test_page_holds_nothing_that_acts(shown: Run) -> None:
    """The report parses to the end, without script, handler or any address but its own places and pictures."""
    page = (shown.folder / "report.html").read_text(encoding="utf-8")
    found = Markup(page)
    assert found.harm() <= {"input"}
    assert re.findall(r"<input[^>]*>", page) in ([], ['<input type="checkbox" id="failed">'])
    assert found.tags.count("main") == 1
    assert page.rstrip().endswith("</html>")
    assert page.count("window.__x") > 0


def test_every_file_is_valid(shown: Run) -> None:
    """JSON, JSON Lines, XML and notebook are valid, text is UTF-8 without control characters, the folder verifies."""
    for path in shown.folder.rglob("*"):
        if path.suffix == ".xml":
            assert ElementTree.fromstring(path.read_text(encoding="utf-8")).tag == "testsuites"
        if path.suffix in (".json", ".ipynb", ".sarif"):
            json.loads(path.read_text(encoding="utf-8"))
        if path.suffix == ".jsonl":
            assert [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
        if path.suffix in (".md", ".html", ".json", ".jsonl", ".sarif", ".xml"):
            assert _obeyed(path.read_text(encoding="utf-8")) == set()
    nbformat.validate(_notebook(shown))
    assert cli("verify", str(shown.folder))[0] == 0


def test_every_chart_is_drawn(shown: Run) -> None:
    """No cell fails, and every picture of the notebook is a PNG that stands in the page."""
    document = _notebook(shown)
    assert [section.failures for section in sections.read(document)] == [()] * 10
    drawing = [cell for cell in document.cells if cell.cell_type == "code" and "charts." in cell.source]
    pictures = [found for cell in drawing for found in re.findall(r'"(iVBORw0KGgo[\w+/=]{1000,})', json.dumps(cell))]
    page = (shown.folder / "report.html").read_text(encoding="utf-8")
    assert len(pictures) >= len(drawing) > 3
    assert [picture[:60] for picture in pictures if picture not in page] == []


def test_screen_shows_escapes_and_obeys_none(shown: Run) -> None:
    """What a terminal would obey is written out."""
    assert _obeyed(shown.said) == set()
    assert "\\x1b[31mred" in shown.said
    assert "\\u202e" in shown.said


def test_summary_is_plain_markdown(shown: Run) -> None:
    """The summary holds no HTML, link, mention or code that was not written by the kit."""
    text = (shown.folder / "summary.md").read_text(encoding="utf-8")
    plain = text.replace("\\\\", "")
    assert [char for char in "<>[]`|" if plain.count(char) != plain.count(f"\\{char}")] == []
    assert "@" not in text


def test_outputs_in_jupyterlab_are_inert(shown: Run) -> None:
    """Every HTML output of the notebook is free of what acts, and keeps mathematics from being set."""
    parts = ["".join(data["text/html"]) for data in _outputs(_notebook(shown)) if "text/html" in data]
    assert len(parts) > 20
    assert any("$\\frac" in part for part in parts)
    for part in parts:
        found = Markup(part)
        assert found.harm() == set()
        assert not found.addresses
        assert set(found.tags) <= {
            *(
                "div",
                "section",
                "p",
                "h3",
                "h4",
                "ul",
                "ol",
                "li",
                "table",
                "caption",
                "nobr",
                "thead",
                "tbody",
                "tr",
                "th",
            ),
            *("td", "strong", "em", "code", "pre", "details", "summary", "span", "dl", "dt", "dd", "br", "small"),
        }
        assert part.startswith('<div class="tex2jax_ignore mathjax_ignore">')


def test_outputs_are_no_markdown_and_no_latex(shown: Run) -> None:
    """No output offers a form that a front end would render from the text itself."""
    kinds = {kind for data in _outputs(_notebook(shown)) for kind in data}
    assert kinds <= {"application/vnd.runbook.v1+json", "text/html", "text/plain", "image/png"}
    plain = "\n".join(data["text/plain"] for data in _outputs(_notebook(shown)) if "text/plain" in data)
    assert _obeyed(plain) == set()


def _outputs(document: nbformat.NotebookNode) -> list[dict[str, Any]]:
    cells = (cell for cell in document.cells if cell.cell_type == "code")
    return [output["data"] for cell in cells for output in cell.outputs if "data" in output]


def _obeyed(text: str) -> set[str]:
    """Name the characters that a terminal or browser would obey rather than show."""
    return {visible(char) for char in set(text) - {"\n"} if visible(char) != char}
