"""Event filters of a mapping over DynamoDB stream records: what they let through, and why they may let nothing through.

A mapping's filters are ORed; a mapping without filters passes everything. Records that are filtered out are passed over
for good, without an error, a retry or a log line.

Source: "Control which events Lambda sends to your function",
docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from runbook_lib.interpret.filter_defects import Defect, defects
from runbook_lib.interpret.filter_rule import BadPattern, Pattern, parse

__all__ = ["BadPattern", "Defect", "Pattern", "corrected", "defects", "never_matches", "parse", "passes"]


def passes(patterns: Iterable[str], record: Mapping[str, Any]) -> bool:
    """Whether a mapping with these filters hands the record to its function; BadPattern for one that is no pattern."""
    read = [parse(text) for text in patterns]
    return not read or any(pattern.matches(record) for pattern in read)


def never_matches(patterns: Iterable[str], *, view_type: str) -> bool:
    """Whether it is proved that no record of a stream of this view type passes any of the filters.

    False for no filters at all, and when one of them cannot be read: then nothing is proved.
    """
    texts = tuple(patterns)
    try:
        return bool(texts) and all(
            any(defect.never_matches for defect in defects(text, view_type=view_type)) for text in texts
        )
    except BadPattern:
        return False


def corrected(patterns: Iterable[str], *, view_type: str) -> str | None:
    """Give the filter criteria with every filter put right, as JSON for `--filter-criteria`; None if that is not known.

    Safe between single quotes in a shell. None as well when there is nothing to correct, when a filter that matches
    nothing cannot be derived right, or cannot be read.
    """
    fixed, changed = [], False
    for text in patterns:
        try:
            found = defects(text, view_type=view_type)
        except BadPattern:
            return None
        better = next((defect.corrected for defect in found if defect.corrected), text)
        if any(defect.never_matches for defect in defects(better, view_type=view_type)):
            return None
        changed = changed or better != text
        fixed.append({"Pattern": better})
    return json.dumps({"Filters": fixed}).replace("'", "\\u0027") if changed else None
