"""The kinds of trigger a fleet is made of: most work, some are quiet, a few are broken, a few streams nobody reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import cycle, islice

from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.state import State
from runbook_lib.sandbox.account.timeline import Timeline
from runbook_lib.sandbox.account.traffic import Traffic
from runbook_lib.sandbox.account.trail import OPERATOR
from runbook_lib.sandbox.faults import all_faults
from runbook_lib.sandbox.world import World

MODEL = "model-99999"
"""What the table of every kind is named, and everything of it is named after."""

SETTING = Setting(table=MODEL, function=f"{MODEL}-projector", sibling=f"{MODEL}-notifier", bystander=f"{MODEL}-export")
_HISTORY = timedelta(hours=30)
_TRAFFIC = Traffic(per_minute=3.0, swing=0.8, jitter=0.6)

PLANTED = (
    "mapping-paused",
    "stream-disabled",
    "stream-recreated",
    "table-replaced",
    "table-deleted",
    "concurrency-zero",
    "import-error-after-deploy",
    "poison-record",
    "role-lost-getrecords",
)
"""What is broken about the broken ones: mapping, table or metrics show it of each."""

_SOUND = ("healthy", "healthy", "healthy", "no-table-writes", "healthy", "healthy", "rejected-writes", "healthy")
UNREAD = "unread"
"""A table with a stream and without a mapping."""


@dataclass(frozen=True)
class Kind:
    """One way to be: a world of a single trigger, and the fault that was told of it.

    `expects` is the cause that a full diagnosis names, None for a trigger that works or has nothing to do.
    """

    name: str
    world: World
    expects: str | None

    @property
    def broken(self) -> bool:
        """Whether records do not arrive that should."""
        return self.expects is not None

    @property
    def uuids(self) -> tuple[str, ...]:
        """Every mapping that there ever was."""
        states = (self.world.at(self.world.start), *(self.world.at(change.at) for change in self.world.changes))
        return tuple(dict.fromkeys(uuid for state in states for uuid in state.mappings))


@cache
def kind(name: str, now: datetime, account: str = "123456789012", seed: int = 1) -> Kind:
    """Build the world of a kind, once."""
    if name == UNREAD:
        return Kind(name, _alone(World(now, seed, account=account, setting=SETTING, history=_HISTORY), ""), None)
    fault = all_faults().get(name)
    setting = replace(SETTING, mapping=fault.setting.mapping) if fault else SETTING
    world = _alone(World(now, seed, account=account, setting=setting, history=_HISTORY), setting.function)
    if fault is None:
        world.delete_table(world.ago(hours=1, minutes=12, seconds=5), MODEL, by=OPERATOR)
        return Kind(name, world, "stream-disabled")
    fault.tell(world, fault.began(world.now) or world.now)
    return Kind(name, world, fault.expects)


def _alone(world: World, function: str) -> World:
    """Let the world's table have one reader at most, this function, and little to do."""
    world.timeline = Timeline(_with_one_reader(world.state, function))
    return world


def _with_one_reader(state: State, function: str) -> State:
    ours = {uuid: mapping for uuid, mapping in state.mappings.items() if mapping.function_name == function}
    return replace(state, mappings=ours, traffic=_TRAFFIC, alarms=())


Build = Callable[[str], Kind]


def mixed(triggers: int, broken: int, unread: int, build: Build) -> Iterator[Kind]:
    """Give the kinds of a fleet: the broken ones spread evenly and each kind in turn, the unread streams last."""
    every = triggers / broken if broken else 0
    places = {int(every * (number + 0.5)) for number in range(broken)}
    planted, sound = islice(cycle(PLANTED), broken), cycle(_SOUND)
    for place in range(triggers):
        yield build(next(planted) if place in places else next(sound))
    for _ in range(unread):
        yield build(UNREAD)
