"""Numbers with what they count."""

from __future__ import annotations

import pytest

from runbook_lib.interpret.amount import amount, begun, were


@pytest.mark.parametrize(
    ("number", "plural", "said"),
    [
        (0, "records", "no records"),
        (1, "records", "1 record"),
        (1.0, "write requests", "1 write request"),
        (2, "records", "2 records"),
        (12_345, "invocations were", "12,345 invocations were"),
        (1, "invocations were", "1 invocation was"),
        (1, "reserved executions are", "1 reserved execution is"),
        (1, "mappings read", "1 mapping reads"),
        (1, "batches", "1 batch"),
        (1, "deliveries", "1 delivery"),
        (1, "retries", "1 retry"),
    ],
)
def test_one_is_singular_and_none_a_word(number: float, plural: str, said: str) -> None:
    """One of a thing is told in the singular, its verb too; none is told in a word."""
    assert amount(number, plural) == said


def test_a_verb_apart_agrees() -> None:
    """A verb that stands apart from its number agrees with it."""
    assert [were(number) for number in (0, 1, 2)] == ["were", "was", "were"]


def test_a_sentence_begins_large() -> None:
    """A sentence that begins with none begins with a capital letter, and keeps the rest."""
    assert begun("no write to Orders") == "No write to Orders"
