"""Neighbours and alternatives shown: what is not known never reads as well."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from runbook_lib import views
from runbook_lib.judging.comparison import Comparison, Neighbour, NeighbourRelation, Reach
from runbook_lib.judging.fallbacks import Fallback
from runbook_lib.judging.proposals import Proposal
from runbook_lib.showing.blocks import Prose, TableBlock


def diagnosis(**given: Any) -> Any:
    """Give the part of a diagnosis that these views read."""
    return SimpleNamespace(**({"comparison": None, "fallbacks": (), "proposals": ()} | given))


def neighbour(works: bool | None) -> Neighbour:
    """Make one neighbour."""
    return Neighbour(
        "orders-notifier", NeighbourRelation.SAME_STREAM, works, "It was invoked.", ("GetMetricData-00000001",)
    )


@pytest.mark.parametrize(("works", "said"), [(True, "works"), (False, "does not work"), (None, "not known")])
def test_neighbour_says_its_state(works: bool | None, said: str) -> None:
    """A neighbour works, does not work, or is not known, which are three things."""
    compared = Comparison((neighbour(works),), Reach.UNKNOWN, "A sentence.")
    prose, table = views.comparison_view(diagnosis(comparison=compared)).blocks
    assert isinstance(prose, Prose)
    assert (prose.paragraphs, prose.style) == (("A sentence.",), "answer")
    assert isinstance(table, TableBlock)
    assert [row[2] for row in table.rows] == [said]
    assert table.refs == ("GetMetricData-00000001",)


def test_no_comparison_is_a_gap() -> None:
    """Where nothing was compared, that is a gap and no all-clear."""
    (prose,) = views.comparison_view(diagnosis()).blocks
    assert isinstance(prose, Prose)
    assert prose.style == "gap"


def test_no_neighbour_leaves_the_sentence() -> None:
    """Without neighbours only the sentence is shown, no empty table."""
    shown = views.comparison_view(diagnosis(comparison=Comparison((), Reach.UNKNOWN, "Nobody else reads it.")))
    assert [type(block) for block in shown.blocks] == [Prose]


def test_notable_alternatives_come_first() -> None:
    """Alternatives worth a look stand first, the others keep the playbook's order."""
    found = tuple(Fallback(name, name, "answer", name == "c", (f"Call-{name}",)) for name in "abcd")
    (table,) = views.fallbacks_view(diagnosis(fallbacks=found)).blocks
    assert isinstance(table, TableBlock)
    assert [(row[0], row[2]) for row in table.rows] == [("c", "yes"), ("a", "-"), ("b", "-"), ("d", "-")]


def test_unneeded_alternatives_say_so() -> None:
    """Where the alternatives were not looked at, the view says why."""
    (prose,) = views.fallbacks_view(diagnosis()).blocks
    assert isinstance(prose, Prose)
    assert "not needed" in prose.paragraphs[0]


def test_proposals_stand_with_their_reasons() -> None:
    """Each proposal is shown with the observation that speaks for it, and no call is named twice."""
    found = tuple(Proposal(name, f"Do {name}.", f"No {name}.", ("Call-1",)) for name in "ab")
    (table,) = views.proposals_view(diagnosis(proposals=found)).blocks
    assert isinstance(table, TableBlock)
    assert table.rows == (("Do a.", "No a."), ("Do b.", "No b."))
    assert table.refs == ("Call-1",)
    (prose,) = views.proposals_view(diagnosis()).blocks
    assert isinstance(prose, Prose)
