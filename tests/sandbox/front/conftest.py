"""Sandboxes around the small world, answering with its answers alone."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from small_world import ANSWERS, ROLE, SmallWorld

from runbook_lib.sandbox import RunningSandbox, serve
from runbook_lib.sandbox.wire import registry


@pytest.fixture(autouse=True)
def _only_these_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the answers above be the only ones, and moto answer what else it may."""
    monkeypatch.setattr(registry, "ANSWERS", ANSWERS)
    monkeypatch.setattr("runbook_lib.sandbox.wire.front.ANSWERS", ANSWERS)
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)


@pytest.fixture
def sandbox_with_role() -> Iterator[RunningSandbox]:
    """Serve a world with a role in moto."""
    with serve(SmallWorld(ROLE)) as running:
        yield running


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """Serve a small world."""
    with serve(SmallWorld()) as running:
        yield running
