"""What a fault is: a healthy world, one departure from it, and what a good diagnosis says about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.traffic import writes_of
from runbook_lib.sandbox.wire.rules import Rule
from runbook_lib.sandbox.world import HISTORY, World

Loss = Literal["none", "at_risk", "losing", "unknown"]
Tell = Callable[[World, datetime], None]

FAULTS: dict[str, Fault] = {}


@dataclass(frozen=True)
class Fault:
    """A fault of the catalogue.

    `expects` is the id of the finding that names the cause, None when nothing is wrong; `contributing`, `symptoms` and
    `notes` (findings that are no fault) are ids that belong in the diagnosis, `forbids` ids that must not be named as
    its cause; `remedies` are ids of the remedy table. `onset` is how long before now the change was made, None where
    nothing changed; `set_off_by` is the CloudTrail event name of that change, None when it left none. `loss` is the
    state of the loss clock. `gradual`: what waits has been growing since the onset, and younger records are delivered.
    `confidence` is the surest word that AWS's answers allow for the cause.
    """

    id: str
    story: str
    tell: Tell
    expects: str | None
    onset: timedelta | None
    loss: Loss
    set_off_by: str | None = None
    contributing: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    forbids: tuple[str, ...] = ()
    gradual: bool = False
    confidence: Literal["proved", "likely"] = "proved"
    setting: Setting = field(default_factory=Setting)
    rules: tuple[Rule, ...] = ()

    def began(self, now: datetime) -> datetime | None:
        """When the change was made, for a world with this clock."""
        return None if self.onset is None else now - self.onset

    def build(
        self,
        now: datetime,
        seed: int = 0,
        cloudtrail_log_group: str | None = None,
        history: timedelta = HISTORY,
        **setting: Any,
    ) -> World:
        """The world with this fault; `setting` are fields of `Setting` to have otherwise, such as `event_count`."""
        changed = replace(self.setting, **setting)
        world = World(now, seed, setting=changed, cloudtrail_log_group=cloudtrail_log_group, history=history)
        world.rules = self.rules
        self.tell(world, self.began(world.now) or world.now)
        return world

    def oldest_unread(self, world: World) -> datetime | None:
        """When the oldest write was made that never reached the function, the truth of the loss clock; None if none.

        It may wait still, or have been given up.

        While the stream is off no write waits: then the first write that was never recorded. A lost key ends reads and
        writes together, and leaves nothing behind.
        """
        began = self.began(world.now)
        if self.loss == "none" or began is None:
            return None
        cursor = world.pipe.cursors.get(world.mapping.uuid)
        waiting = [cursor.oldest, *cursor.lost] if cursor is not None else []
        if unread := [write for write in waiting if write is not None]:
            return datetime.fromtimestamp(min(unread).at, began.tzinfo)
        if world.table.key_lost is not None:
            return None
        stream = world.table.stream
        if stream is None:
            unrecorded = (write.at for write in world.pipe.unrecorded if write.at >= began.timestamp())
            return next((datetime.fromtimestamp(at, began.tzinfo) for at in unrecorded), None)
        first = max(began, stream.created).timestamp()
        later = (
            write.at
            for minute in range(int(first // 60), int(world.now.timestamp() // 60))
            for write in writes_of(world.state.traffic, world.seed, minute)
            if write.at >= first
        )
        oldest = next(later, None)
        return None if oldest is None else datetime.fromtimestamp(oldest, began.tzinfo)


def fault(**members: Any) -> Callable[[Tell], Tell]:
    """Enter the decorated story into the catalogue under its own name; its docstring is the story.

    Raises `TypeError` when a required member is missing, `ValueError` when it has no docstring.
    """

    def enter(tell: Tell) -> Tell:
        name = tell.__name__.replace("_", "-")
        if not tell.__doc__:
            raise ValueError(f"{name} tells no story")
        FAULTS[name] = Fault(id=name, story=" ".join(tell.__doc__.split()), tell=tell, **members)
        return tell

    return enter
