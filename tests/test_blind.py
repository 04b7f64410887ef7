"""Reads are denied two families at a time; see `bench/blind.py`."""

from __future__ import annotations

import pytest

from blind import families, pairs, run
from serve_world import declared_actions

pytestmark = pytest.mark.sampled


def test_families_hold_every_read_once() -> None:
    """Every declared action is in one family, and a family is of one service."""
    held = [action for family in families() for action in family]
    assert sorted(held) == sorted(declared_actions())
    assert all(len({action.partition(":")[0] for action in family}) == 1 for family in families())


@pytest.mark.parametrize("name", ["healthy", "no-table-writes", "mapping-paused", "handler-fails-after-deploy"])
def test_denied_reads_give_no_false_all_clear(name: str) -> None:
    """With every ninth pair of families denied, exit code 0 is given as the rule for it allows."""
    assert [one.line for one in run(name, pairs()[::9])] == []
