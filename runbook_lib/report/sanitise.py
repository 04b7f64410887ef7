"""How text of others reaches the page: with every character visible, and its markup cleaned of all that acts."""

from __future__ import annotations

import re
from typing import Any

import mistune
import nh3
from markupsafe import Markup, escape

from runbook_lib.showing.markup import visible

_TAGS = {
    "p", "br", "hr", "ul", "ol", "li", "dl", "dt", "dd", "em", "strong", "b", "i", "u", "s", "sub", "sup", "code",
    "pre", "blockquote", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "span", "div",
}  # fmt: skip
_ATTRIBUTES = {"th": {"scope", "colspan", "rowspan"}, "td": {"colspan", "rowspan"}}
_DROPPED_WHOLE = {"script", "style", "template", "iframe", "object", "svg", "math", "noscript", "title", "textarea"}
_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")
_PNG = "iVBORw0KGgo"


def visible_lines(text: str) -> str:
    """Make visible what would hide or move text, line by line: line ends stay what they are."""
    if text.isprintable():
        return text
    return "\n".join(visible(line) for line in text.expandtabs(4).splitlines())


def sanitised_html(html: str) -> Markup:
    """Give somebody's HTML reduced to text, lists and tables: no links, no styles, no ids, no scripts."""
    return Markup(nh3.clean(html, tags=_TAGS, attributes=_ATTRIBUTES, clean_content_tags=_DROPPED_WHOLE))


def sanitised_markdown(text: str, level: int) -> Markup:
    """Give Markdown as HTML whose headings start below `level`; HTML in it stays text, links become their text."""
    render = mistune.create_markdown(renderer=_LowerHeadings(level), plugins=["table", "strikethrough"])
    return Markup(str(render(text)))


def png_data_url(base64_text: Any) -> str | None:
    """Give a picture as a data URL; None when it is no PNG."""
    data = _BASE64.sub("", base64_text) if isinstance(base64_text, str) else ""
    return f"data:image/png;base64,{data}" if data.startswith(_PNG) else None


class _LowerHeadings(mistune.HTMLRenderer):  # type: ignore[misc]
    """Renders Markdown inside a page whose outline goes on."""

    def __init__(self, level: int) -> None:
        super().__init__(escape=True)
        self._level = level

    def heading(self, text: str, level: int, **_: Any) -> str:
        """Shift a heading below the page's own."""
        deep = min(self._level + max(level - 1, 1), 6)
        return f"<h{deep}>{text}</h{deep}>\n"

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """Keep the text of a link, and its address as text: the page leads nowhere."""
        return text if text == url else f"{text} <code>{escape(url)}</code>"

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Keep what an image says; the page loads nothing."""
        return f"[{text}]"
