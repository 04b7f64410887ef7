"""The verbs that tell how a world was all along: they hold from the start of the history and leave no event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.state import Function, State, Stream, Table, without
from runbook_lib.sandbox.account.story import Told
from runbook_lib.sandbox.account.timeline import Change

_OF_FUNCTION = frozenset(one.name for one in fields(Function))


class Beginnings(Told):
    """What may differ from the healthy world from the start, where `Setting` has no field for it."""

    def begin_without_mapping(self) -> None:
        """Never have had the mapping of the story's function; `world.mapping` still gives it, to be made later."""
        self._begin(lambda s: replace(s, mappings=without(s.mappings, self.mapping.uuid)))

    def begin_without_table(self) -> None:
        """Never have had the story's table in this account; who reads its stream reads another account's."""
        self._begin(lambda s: replace(s, tables=without(s.tables, self.setting.table)))

    def begin_without_writes(self, until: datetime, per_minute: float = 16.0) -> None:
        """Have nobody write to the table until this instant, and as often as this from then on."""
        self._begin(lambda s: replace(s, traffic=replace(s.traffic, per_minute=0, swing=0, jitter=0)))
        self.add(Change(until, lambda s: replace(s, traffic=replace(s.traffic, per_minute=per_minute))))

    def begin_without_expiry(self) -> None:
        """Have the table's TTL delete nothing, as no item reaches its time."""
        self._begin(lambda s: replace(s, traffic=replace(s.traffic, expiring=False)))

    def begin_with_second_table(self, name: str) -> EventSourceMapping:
        """Have a second table, written to like the first, whose stream triggers the function too; give its mapping."""
        first = self.at(self.start).tables[self.setting.table].streams[-1]
        stream = Stream(name, first.created, first.view_type)
        table = Table(name, noise.uuid4(self.seed, name), first.created, (stream,))
        uuid = noise.uuid4(self.seed, "mapping", name)
        mapping = replace(self.mapping, uuid=uuid, stream_arn=stream.arn(self.scope))
        self._begin(lambda s: s.with_table(table).with_mapping(mapping).with_traffic(s.traffic, name))
        return mapping

    def begin_with_organization_trail(self, *members: str) -> None:
        """Have the trail be the organization's: its log group holds the events of these accounts too, in every region.

        The event history (LookupEvents) of an account never has another's.
        """
        self._begin(lambda s: replace(s, members=members))

    def begin_with_function(self, **changes: Any) -> None:
        """Have the story's function otherwise; `changes` are fields of `Function`, or of its `$LATEST`."""
        name = self.setting.function
        own = {field: value for field, value in changes.items() if field in _OF_FUNCTION}
        latest = {field: value for field, value in changes.items() if field not in _OF_FUNCTION}
        self._begin(lambda s: s.with_function(replace(s.functions[name], **own).with_latest(**latest)))

    def begin_with_role(self, **changes: Any) -> None:
        """Have the role of the story's function otherwise; `changes` are fields of `Role`."""
        name = f"{self.setting.function}-role"
        self._begin(lambda s: s.with_role(replace(s.roles[name], **changes)))

    def _begin(self, apply: Callable[[State], State]) -> None:
        self.add(Change(self.start, apply))
