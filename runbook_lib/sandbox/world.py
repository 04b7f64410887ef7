"""The world of the sandbox: one truth on a timeline, from which every answer is derived.

A world begins healthy, three days before its clock. The verbs of `story` change it at instants in between; nothing
else is stated. What the pipe did (`pipe`), and with it metrics, logs, trail and the mappings' last results, follows.
Answers are derived from it elsewhere (`sandbox.answers`, which `sandbox.server` registers).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from runbook_lib.sandbox.account.beginnings import Beginnings
from runbook_lib.sandbox.account.healthy import allow, document, healthy_state, stream_reader
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.mapping_story import MappingStory
from runbook_lib.sandbox.account.role_story import RoleStory
from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.state import Function, Scope, State, Table
from runbook_lib.sandbox.account.story import FunctionStory, TableStory
from runbook_lib.sandbox.account.table_story import TableLife
from runbook_lib.sandbox.account.timeline import Change, Timeline
from runbook_lib.sandbox.account.traffic import Traffic
from runbook_lib.sandbox.account.watched import HealthEvent
from runbook_lib.sandbox.pipe import iam_truth
from runbook_lib.sandbox.pipe.access import Owner
from runbook_lib.sandbox.pipe.pipe import Pipe

HISTORY = timedelta(hours=73)
"""How far back a world can be asked: the playbook's widest look is 48 hours before the incident."""


class World(TableStory, TableLife, MappingStory, FunctionStory, RoleStory, Beginnings):
    """An AWS account at one instant, with its history.

    `now` is the world's clock: it stands still until `advance`. `history` is how far back it can be asked. `rules` are
    the investigator's troubles (see `sandbox.rules`) the front applies. A world may be asked by many threads at once.
    """

    def __init__(
        self,
        now: datetime,
        seed: int = 0,
        region: str = "eu-west-1",
        account: str = "123456789012",
        setting: Setting | None = None,
        cloudtrail_log_group: str | None = None,
        retention_days: int | None = 14,
        history: timedelta = HISTORY,
    ) -> None:
        if now.tzinfo is None:
            raise ValueError("a world's clock needs a time zone")
        self.now = now.astimezone(UTC)
        self.seed = seed
        self.scope = Scope(account, region)
        self.setting = setting or Setting()
        self.cloudtrail_log_group = cloudtrail_log_group
        self.retention_days = retention_days
        self.rules: tuple[Any, ...] = ()
        self.start = (self.now - history).replace(second=0, microsecond=0)
        self.timeline = Timeline(healthy_state(self.scope, self.setting, self.start, seed))
        self._lock = threading.RLock()
        self._derived: dict[str, Any] = {}
        self._owners: tuple[World, ...] = ()
        self._readers: tuple[World, ...] = ()

    @property
    def account(self) -> str:
        """The account id."""
        return self.scope.account

    @property
    def region(self) -> str:
        """The region everything but IAM lives in."""
        return self.scope.region

    def add(self, change: Change) -> None:
        """Put a change into the history; what was derived before is forgotten."""
        with self._lock:
            self.timeline.add(change)
        for world in (self, *self._readers):
            world._forget()

    def advance(self, step: timedelta) -> None:
        """Let the world live on for a while, and with it the accounts whose streams it reads or that read its own."""
        for world in (self, *self._owners, *self._readers):
            world.now += step
            world._forget()

    @property
    def readers(self) -> tuple[World, ...]:
        """The accounts that read this one's streams."""
        return self._readers

    def _forget(self) -> None:
        with self._lock:
            self._derived.clear()

    def read_from(self, owner: World, policy: bool = True) -> None:
        """Read the stream of another account's table in place of one's own; `policy`: that one's policy allows it."""
        table = owner.at(owner.start).tables[owner.setting.table]
        stream = table.streams[-1]
        source, own = stream.arn(owner.scope), self.mapping.stream_arn
        self._owners, owner._readers = (*self._owners, owner), (*owner._readers, self)
        reader = stream_reader(f"{owner.scope.arn('dynamodb', f'table/{table.name}')}/stream/*")
        self.begin_without_table()
        for mapping in self.at(self.start).mappings.values():
            if mapping.stream_arn == own:
                moved = replace(mapping, stream_arn=source)
                self.add(Change(self.start, partial(State.with_mapping, mapping=moved)))
        for name in (self.setting.function, self.setting.sibling):
            role = self.at(self.start).roles[f"{name}-role"]
            self.add(Change(self.start, partial(State.with_role, role=replace(role, inline={"stream-access": reader}))))
        if policy:
            ours = {"Principal": {"AWS": self.scope.arn("iam", "root")}}
            allowed = document(allow([*iam_truth.STREAM_READS], source) | ours)
            shared = replace(table, stream_policies={stream.label: allowed})
            owner.add(Change(owner.start, partial(State.with_table, table=shared)))

    def at(self, instant: datetime) -> State:
        """The state at an instant."""
        return self.timeline.at(instant)

    @property
    def state(self) -> State:
        """The state now."""
        return self.at(self.now)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change of the history, oldest first."""
        return self.timeline.changes

    def abroad(self, region: str) -> World:
        """The same account seen from another region, where it has no tables, functions, metrics or logs."""

        def build() -> World:
            there = World(self.now, self.seed, region, self.account, self.setting, history=timedelta(minutes=1))
            there.timeline = Timeline(State({}, {}, {}, {}, {}, traffic=Traffic(0, 0, 0)))
            return there

        found: World = self.derive(f"abroad in {region}", build)
        return found

    def ago(self, **units: float) -> datetime:
        """The instant this long before now: `world.ago(hours=3, minutes=7)`."""
        return self.now - timedelta(**units)

    def derive(self, name: str, build: Callable[[], Any]) -> Any:
        """Something computed from the history once, and again after any change."""
        with self._lock:
            if name not in self._derived:
                self._derived[name] = build()
            return self._derived[name]

    @property
    def pipe(self) -> Pipe:
        """What happened to every write between the start of the history and now."""
        past = (self.timeline, self.scope, self.start, self.now, self.seed, self.setting.logged_per_minute)
        others = tuple(Owner(world.timeline, world.scope, world.seed) for world in self._owners)
        found: Pipe = self.derive("pipe", lambda: Pipe(*past, others))
        return found

    @property
    def table(self) -> Table:
        """The table of the story, as it is now."""
        return self.state.tables[self.setting.table]

    @property
    def function(self) -> Function:
        """The function of the story, as it is now; raises `KeyError` once it is deleted."""
        return self.state.functions[self.setting.function]

    @property
    def role_name(self) -> str:
        """The execution role of the function of the story."""
        return f"{self.setting.function}-role"

    @property
    def mapping(self) -> EventSourceMapping:
        """The mapping of the story's function in the healthy world, whatever became of it since."""
        initial = self.timeline.initial.mappings.values()
        return next(mapping for mapping in initial if mapping.function_name == self.setting.function)

    def set_account_concurrency(self, at: datetime, limit: int) -> None:
        """Set the account's concurrency limit. Quota changes leave no trail event the kit could use."""
        self.add(Change(at, lambda state: replace(state, concurrency_limit=limit)))

    def crowd_account(self, at: datetime, running: int) -> None:
        """Let a function that no stream triggers have this many executions running at any time from now on."""
        self.add(Change(at, lambda state: replace(state, crowd=running)))

    def report_health(self, event: HealthEvent) -> None:
        """Let AWS Health report an event from its beginning, in place of others, to an account whose plan has it."""
        self.add(Change(event.begin, lambda state: replace(state, health=(event,))))

    def seed_moto(self, client_factory: Callable[[str, str], Any]) -> None:
        """Create in moto what moto should hold: nothing, for the world answers for all it contains itself."""
