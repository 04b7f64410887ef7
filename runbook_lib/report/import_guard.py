"""What the report's libraries would import and never use, left out while they are imported."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_GRAMMARS = "rfc3987_syntax"
"""Builds forty parsers when imported: most of a second. jsonschema takes it for the format `iri` where it is there."""


@contextmanager
def without_unused_grammars() -> Iterator[None]:
    """Let jsonschema be imported as where no checker of IRIs is installed; no schema of a notebook asks for one."""
    if _GRAMMARS in sys.modules or "jsonschema" in sys.modules:
        yield
        return
    sys.modules[_GRAMMARS] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[_GRAMMARS]
