"""Markup of others, on its way into the page."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.report import sanitise

HOSTILE = (
    "<script>window.x=1</script>",
    "<img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    "<svg onload=alert(1)><text>x</text></svg>",
    '<p style="background:url(//evil)" onclick="x()" id="main" class="y">x</p>',
    '<iframe src="//evil"></iframe><style>p{}</style>',
    "[x](javascript:alert(1)) ![y](http://evil/p.png) <b onmouseover=x()>z</b>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "```\n<script>x</script>\n```",
    "<http://evil.example/>",
)


class Elements(HTMLParser):
    """Collects every element and every attribute name."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def assert_inert(html: str) -> None:
    """Nothing in it can run, load, lead away or style."""
    found = Elements(html)
    assert not found.tags & {"script", "style", "iframe", "img", "a", "svg", "math", "link", "form", "input", "object"}
    assert found.attributes <= {"scope", "colspan", "rowspan"}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_markup_is_inert(text: str) -> None:
    """Hostile HTML and Markdown lose everything that acts."""
    assert_inert(sanitise.sanitised_html(text))
    assert_inert(sanitise.sanitised_markdown(text, 3))


@given(st.text(alphabet="<>a\"'=/ !-[]()`*_:#&;\nscriptonimg", max_size=80))
def test_any_markup_is_inert(text: str) -> None:
    """No arrangement of markup characters brings in anything that acts."""
    assert_inert(sanitise.sanitised_html(text))
    assert_inert(sanitise.sanitised_markdown(text, 3))


def test_tables_survive_cleaning() -> None:
    """A plain table keeps its structure, scopes included."""
    html = '<table><thead><tr><th scope="col">a</th></tr></thead><tbody><tr><td colspan="2">1</td></tr></tbody></table>'
    assert sanitise.sanitised_html(html) == html


def test_headings_go_below_the_pages_own() -> None:
    """Markdown headings are shifted below the level that they stand at, and never deeper than h6."""
    assert sanitise.sanitised_markdown("# a\n\n###### b", 3) == "<h4>a</h4>\n<h6>b</h6>\n"


def test_links_become_text() -> None:
    """A link keeps its text and its address, and leads nowhere."""
    assert sanitise.sanitised_markdown("[guide](https://docs.aws.amazon.com/x?a=1&b=2)", 3) == (
        "<p>guide <code>https://docs.aws.amazon.com/x?a=1&amp;b=2</code></p>\n"
    )


@pytest.mark.parametrize(
    ("given_text", "url"),
    [
        ("iVBORw0KGgo=", "data:image/png;base64,iVBORw0KGgo="),
        ('iVBORw0KGgo" onerror="x', "data:image/png;base64,iVBORw0KGgoonerror=x"),
        ("PHN2Zz4=", None),
        (None, None),
        ({"a": 1}, None),
    ],
)
def test_only_png_is_a_picture(given_text: object, url: str | None) -> None:
    """Only base64 of a PNG becomes a data URL, and only of base64's own characters."""
    assert sanitise.png_data_url(given_text) == url
