"""Worlds that people met, investigated over HTTP: the kit says of each what stands beside it, until it says better."""

from __future__ import annotations

import pytest
import worlds_of_backlogs  # noqa: F401  # their import enters the worlds
import worlds_of_code  # noqa: F401
import worlds_of_filters  # noqa: F401
import worlds_of_mappings  # noqa: F401
import worlds_of_sources  # noqa: F401
from reported_worlds import WORLDS, Said, in_short

from serve_world import served_world

SAMPLED = (
    *("made-anew-and-left-disabled", "creation-refused-as-there-is-one", "failing-since-thirteen-minutes"),
    *("rare-status-with-counts", "one-record-reported-as-failed-for-ever"),
)
"""What `make test-more` investigates; the others are marked slow."""


def _marked(name: str) -> object:
    return pytest.param(name, marks=pytest.mark.sampled if name in SAMPLED else pytest.mark.slow)


@pytest.mark.parametrize("name", [_marked(name) for name in WORLDS])
def test_reported_world(name: str) -> None:
    """The kit says of the world what is written down as said now, or raises what is written down."""
    world = WORLDS[name]
    with served_world(world.tell()) as sandbox:
        if isinstance(world.now, Said):
            assert in_short(sandbox.investigate().diagnosis) == world.now
        else:
            with pytest.raises(world.now):
                sandbox.investigate()


def test_reported_worlds_are_all_there() -> None:
    """There are 38, each with a story and a word on what is right; one that ends in an exception is not right."""
    assert len(WORLDS) == 38
    assert all(one.story and one.right for one in WORLDS.values())
    assert not any(one.is_right for one in WORLDS.values() if not isinstance(one.now, Said))
    assert set(SAMPLED) <= set(WORLDS)
