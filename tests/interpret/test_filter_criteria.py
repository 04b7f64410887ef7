"""The filters of a mapping together: they are alternatives, and are corrected together or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runbook_lib.interpret.filter_pattern import corrected, never_matches

ANY = "NEW_AND_OLD_IMAGES"


def _new(**attributes: Any) -> dict[str, Any]:
    return {"dynamodb": {"NewImage": attributes}}


GOOD, WRONG, HOPELESS = (
    json.dumps(pattern)
    for pattern in (_new(status={"S": ["SHIPPED"]}), _new(status=["SHIPPED"]), {"body": {"a": ["x"]}})
)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ((), False),
        ((WRONG,), True),
        ((WRONG, HOPELESS), True),
        ((WRONG, GOOD), False),
        ((WRONG, "{not json"), False),
        (('{"userIdentity": {"invokedBy": ["x"]}}',), False),  # its members are not documented to the last
    ],
)
def test_all_filters_have_to_be_hopeless(patterns: tuple[str, ...], expected: bool) -> None:
    """Filters are alternatives: one that may match or cannot be read, and nothing is proved; none is no filter."""
    assert never_matches(patterns, view_type=ANY) is expected


def _criteria(*patterns: str) -> dict[str, Any]:
    return {"Filters": [{"Pattern": text} for text in patterns]}


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ((WRONG,), _criteria(GOOD)),
        ((GOOD, WRONG), _criteria(GOOD, GOOD)),
        (('{"eventName": ["UPDATE"]}',), _criteria('{"eventName": ["MODIFY"]}')),
        ((GOOD,), None),
        ((), None),
        ((HOPELESS,), None),
        ((WRONG, HOPELESS), None),
        ((WRONG, "{not json"), None),
    ],
)
def test_corrected_criteria(patterns: tuple[str, ...], expected: dict[str, Any] | None) -> None:
    """The criteria to put in place hold every filter corrected; None unless all of them can then match."""
    text = corrected(patterns, view_type=ANY)
    assert (json.loads(text) if text else None) == expected


def test_corrected_criteria_stand_between_single_quotes() -> None:
    """An apostrophe in a value does not end the shell's quoting."""
    text = corrected([json.dumps(_new(name=["O'Hara"]))], view_type=ANY)
    assert text is not None
    assert "'" not in text
    assert "O'Hara" in json.loads(text)["Filters"][0]["Pattern"]
