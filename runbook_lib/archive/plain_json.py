"""JSON text that nothing obeys: it may be shown in a terminal and read by line, whatever it holds."""

from __future__ import annotations

import json
import unicodedata
from typing import Any


def dumped(value: Any, **how: Any) -> str:
    """Give a value as JSON, letters of every script as they are, and as `\\uXXXX` what a reader would obey.

    That is: control codes above ASCII, reordering and invisible characters, line separators (at which many readers
    would break a line of JSON Lines), and lone surrogates (which UTF-8 cannot hold). It reads back the same.
    """
    text = json.dumps(value, ensure_ascii=False, **how)
    if text.isprintable():
        return text
    odd = (
        character
        for character in set(text)
        if character != "\n" and not character.isprintable() and unicodedata.category(character) != "Zs"
    )
    return text.translate({ord(character): json.dumps(character)[1:-1] for character in odd})
