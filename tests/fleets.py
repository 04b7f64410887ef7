"""Fleets of the sandbox under a sweep, each swept once per test process and shared."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

from jsonschema import Draft202012Validator
from worlds import NOW

from runbook_lib.sandbox import (
    PLANTED,
    Fleet,
    JournalEntry,
    Kind,
    Rule,
    RunningSandbox,
    ServedWorld,
    kind,
    mixed,
    serve,
)
from runbook_lib.sweep import everywhere
from runbook_lib.sweep.area import Area
from runbook_lib.sweep.everywhere import SweepOptions

REGION = "eu-west-1"
SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "sweep.schema.json").read_text(encoding="utf-8"))
OBEYS = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
"""What every document of a sweep is held against."""


def fleet(triggers: int, broken: int = 0, unread: int = 0, account: str = "123456789012") -> Fleet:
    """Give a fleet of so many triggers, of which so many are broken, and so many streams that nobody reads."""
    return Fleet(mixed(triggers, broken, unread, partial(kind, now=NOW, account=account)))


def fleet_of(*kinds: str, account: str = "123456789012") -> Fleet:
    """Give a fleet of one trigger of each of these kinds."""
    return Fleet(kind(name, NOW, account) for name in kinds)


@contextmanager
def enforcing(world: ServedWorld, *rules: Rule) -> Iterator[RunningSandbox]:
    """Serve a world as AWS would, rates and all, and point this process at it."""
    sandbox = serve(world, rules=rules, rates=True)
    with sandbox, mock.patch.dict(os.environ, {**sandbox.environment, "RUNBOOK_PACE": "aws"}):
        yield sandbox


@contextmanager
def unhurried(world: ServedWorld) -> Iterator[RunningSandbox]:
    """Serve a world that grants everything at once, as an investigation of it would take minutes otherwise."""
    sandbox = serve(world)
    with sandbox, mock.patch.dict(os.environ, sandbox.environment):
        yield sandbox


@dataclass(frozen=True)
class SweptFleet:
    """A sweep: its document, the kinds of what it saw by table, and every call that the sandbox saw."""

    document: dict[str, Any]
    kinds: dict[str, Kind]
    journal: tuple[JournalEntry, ...]
    violations: tuple[str, ...]
    folder: Path

    @property
    def triggers(self) -> dict[str, dict[str, Any]]:
        """The triggers by the name of their kind, one each."""
        return {self.kinds[connection["table"]].name: connection for connection in self.document["triggers"]}


def sweep_all(areas: list[Area], wanted: SweepOptions) -> dict[str, Any]:
    """Sweep areas; whatever comes of it, the document is as its published schema says."""
    document = everywhere.sweep_all(areas, wanted)
    OBEYS.validate(document)
    return document


def swept(fleet: Fleet, *rules: Rule, **wanted: Any) -> SweptFleet:
    """Sweep a fleet over HTTP."""
    archive = Path(tempfile.mkdtemp(prefix="runbook-sweeps-"))
    with enforcing(fleet, *rules) as sandbox:
        document = sweep_all([Area(REGION)], SweepOptions(archive, **wanted))
        journal, violations = tuple(sandbox.journal), tuple(sandbox.violations)
    kinds = {member.table: member.kind for member in fleet.members}
    return SweptFleet(document, kinds, journal, violations, Path(document["areas"][0]["run_folder"] or archive))


@cache
def sixty() -> SweptFleet:
    """Sixty triggers with one of every way to be broken, and two streams that nobody reads."""
    return swept(fleet(60, len(PLANTED), 2))


@cache
def ten() -> SweptFleet:
    """Ten triggers, one of them broken."""
    return swept(fleet(10, 1))
