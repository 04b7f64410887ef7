"""One world, served once over HTTP, and investigated as often as is wanted: as it is, or with IAM actions refused.

An answer that is not refused is the same in every investigation of a world whose clock stands still, so each is asked
for once and remembered; what is refused goes over the wire every time, through boto3 and its retries. Waiting between
retries is skipped: the sandbox throttles for ever, and would do so just as well slowly.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest import mock

from runbook_lib.archive.record import Record
from runbook_lib.aws import CallOutcome, Live, iam_action
from runbook_lib.incident import Incident
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.permissions import policy
from runbook_lib.running.investigation import Investigation
from runbook_lib.sandbox import Call, Rule, World, action_of, allow_only, deny, serve, throttle
from runbook_lib.steps import STEPS

DENIED, THROTTLED = "denied", "throttled"
REFUSALS: Mapping[str, Callable[[str], Rule]] = {DENIED: deny, THROTTLED: throttle}


def declared_actions() -> tuple[str, ...]:
    """Every IAM action that a step declares."""
    return tuple(sorted({action for step in STEPS.values() for action in step.permissions}))


@dataclass(frozen=True)
class SwitchableRule(Rule):
    """A rule that can be turned to other actions while the sandbox runs, those in `now`."""

    now: list[str] = field(default_factory=list, hash=False)

    def matches(self, call: Call) -> bool:
        """Tell whether the rule is turned to this call's action."""
        return action_of(call) in self.now


class CachedAws(Live):
    """AWS as the sandbox plays it, called once for each distinct answer. `asked_actions` names what was needed."""

    def __init__(self, incident: Incident) -> None:
        super().__init__(incident)
        self.refused: frozenset[str] = frozenset()
        self.asked_actions: set[str] = set()
        self._known: dict[str, CallOutcome] = {}

    def ask(self, service: str, operation: str, region: str, params: Mapping[str, Any]) -> CallOutcome:
        """Answer from memory, unless the action is being refused."""
        action = iam_action(service, operation)
        self.asked_actions.add(action)
        if action in self.refused:
            return super().ask(service, operation, region, params)
        key = json.dumps((service, operation, region, params), sort_keys=True, default=str)
        if key not in self._known:
            self._known[key] = super().ask(service, operation, region, params)
        return self._known[key]


@dataclass(frozen=True)
class InvestigationResult:
    """What one investigation concluded, and the calls it rests on."""

    diagnosis: Diagnosis
    record: Record


class InvestigatedWorld:
    """A world under investigation."""

    def __init__(self, world: World, switches: Mapping[str, SwitchableRule]) -> None:
        setting = world.setting
        self._switches = switches
        self.world = world
        self.incident = Incident("BENCH-1", world.region, setting.table, setting.function)
        self.live = CachedAws(self.incident)
        self._identity, self._as_of = self.live.identify()

    def investigate(self, *actions: str, how: str = DENIED) -> InvestigationResult:
        """Investigate, with these actions refused."""
        record = Record.create(self.incident, self._as_of, self._identity, archive=None)
        self.live.refused, self.live.asked_actions = frozenset(actions), set()
        for name, switch in self._switches.items():
            switch.now[:] = actions if name == how else ()
        return InvestigationResult(Investigation(record, self.live).diagnosis, record)


@contextmanager
def served_world(world: World) -> Iterator[InvestigatedWorld]:
    """Serve a world and point this process at it, allowed exactly what `runbook policy` asks for."""
    allowed = allow_only(*policy()["Statement"][0]["Action"])
    switches = {how: SwitchableRule(refusal=make("*").refusal) for how, make in REFUSALS.items()}
    hurried = mock.patch("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    with (
        serve(world, rules=[allowed, *switches.values()]) as sandbox,
        mock.patch.dict(os.environ, sandbox.environment),
        hurried,
    ):
        yield InvestigatedWorld(world, switches)
        if sandbox.violations:
            raise AssertionError(f"the sandbox gave answers that AWS would not give: {sandbox.violations[:3]}")
