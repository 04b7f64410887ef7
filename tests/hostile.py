"""What people plant where text is shown: markup, scripts, terminal codes, bidi, mathematics, templates, formulas."""

from __future__ import annotations

CORPUS: tuple[str, ...] = (
    "<script>window.__x=1</script>",
    "</script><script>window.__x=2</script>",
    "</title></style></textarea></pre><script>window.__x=3</script>",
    "<img src=x onerror=window.__x=4>",
    "<svg/onload=window.__x=5>",
    "<details open ontoggle=window.__x=6>",
    "<a href=javascript:window.__x=7>here</a>",
    "<iframe srcdoc='<script>parent.__x=8</script>'></iframe>",
    "<link rel=stylesheet href=//evil.invalid/x.css><base href=//evil.invalid/>",
    "<meta http-equiv=refresh content='0;url=//evil.invalid/'>",
    '" onmouseover="window.__x=9" x="',
    "' autofocus onfocus='window.__x=10",
    "<!-- --!><script>window.__x=11</script>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.__x=12>",
    "&lt;script&gt;window.__x=13&lt;/script&gt;",
    "[click](javascript:window.__x=14) ![x](http://evil.invalid/x.png) <http://evil.invalid/>",
    "`code` **bold** | a | b |\n|---|---|\n# heading\n```\nfence",
    "$\\frac{1}{0}$ $$\\href{javascript:window.__x=15}{x}$$ \\(x\\) \\begin{align}x\\end{align}",
    "$\\frac",
    "{{7*7}} {% raise %} ${7*7} #{7*7} <%= 7*7 %> %(x)s {0.__class__} %s%n",
    '=HYPERLINK("http://evil.invalid/","x") @SUM(1) +1+cmd|\'/c calc\'!A0 -2+3',
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b]8;;http://evil.invalid\x1b\\link\x1b]8;;\x1b\\ \x9b2J",
    "\x00 \x08\x08\x08 \x7f \x85 \r overwritten \x0b \x0c",
    "\u202eesrever\u202c \u2066isolate\u2069 \u200b\u200d\ufeff \u2028 \u2029 \u061c \U000e0041",
    "Z\u0351\u036b\u0343\u036a\u0302a\u0346\u030a\u0364lgo \u5b57 \U0001f468\u200d\U0001f469",
    "..\\..\\..\\etc ../../../etc/passwd file:///etc/passwd",
    '\'; DROP TABLE orders; -- " or "1"="1',
    "]]> <![CDATA[ <?xml version='1.0'?><!ENTITY x SYSTEM 'file:///etc/passwd'>",
    "__proto__ constructor NaN Infinity null undefined",
    "A" * 1500,
)
TEXT = " ".join(CORPUS)
"""All of it in one text."""

NAME = "=cmd,+1@x.-"
"""A name as hostile as IAM allows one to be."""
