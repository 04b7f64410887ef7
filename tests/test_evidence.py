"""What was seen of several things, where one of them could not be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest

from runbook_lib.observed import Each, Gap, NotObserved, Observed

GAP = Gap("dynamodb:DescribeStream", "eu-west-1", "AccessDeniedException", "denied", "dynamodb:DescribeStream", "r")
SEEN = Each({"one": 1, "other": cast("int", GAP)})


@dataclass(frozen=True)
class _Observation(Observed):
    counts: Each[int]


def test_what_was_seen_of_each_is_read_like_a_table() -> None:
    """Names are known, what was seen is given, and an unknown name has the default."""
    assert list(SEEN) == ["one", "other"]
    assert (SEEN["one"], SEEN.get("none", 7), len(SEEN)) == (1, 7, 2)


@pytest.mark.parametrize("read", [lambda: SEEN["other"], lambda: SEEN.get("other"), lambda: list(SEEN.values())])
def test_reading_what_was_not_seen_of_one_is_no_zero(read: object) -> None:
    """Whichever way the one is read that could not be seen, its gap is raised."""
    with pytest.raises(NotObserved, match="denied"):
        read()  # type: ignore[operator]


def test_the_gap_of_one_is_listed() -> None:
    """An observation gives the gaps of what it holds of each."""
    assert list(_Observation(SEEN).gaps()) == [GAP]
