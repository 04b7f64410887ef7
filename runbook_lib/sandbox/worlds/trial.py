"""What a trial is: a world with a known truth in which a hasty reader goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from runbook_lib.sandbox.faults.fault import Fault, Tell

Kind = Literal["compound", "decoy", "look-alike", "unknown", "big"]

TRIALS: dict[str, Trial] = {}


@dataclass(frozen=True)
class Trial:
    """A trial of one kind.

    * compound: two real faults; `expects` are both causes in the order in which they must be repaired,
    * decoy: a real fault, and near its onset something innocent that must not be named,
    * look-alike: the trigger works, or has nothing to do, and looks broken,
    * unknown: the trigger is broken for a reason that AWS does not show; nothing may be named,
    * big: a fault in a big account.

    `fault` tells the story and holds the truth of the clocks. Where a trigger is expected it is that of the first of
    `expects`.
    """

    kind: Kind
    fault: Fault
    expects: tuple[str, ...]

    @property
    def id(self) -> str:
        """The name of the world."""
        return self.fault.id


def trial(kind: Kind, *expects: str, **members: Any) -> Callable[[Tell], Tell]:
    """Enter the decorated story under its own name; `members` are those of a `Fault`.

    Raises `ValueError` when it has no docstring or its name is taken.
    """

    def enter(tell: Tell) -> Tell:
        name = tell.__name__.replace("_", "-")
        if not tell.__doc__ or name in TRIALS:
            raise ValueError(f"{name} tells no story, or is told twice")
        truth: dict[str, Any] = {"onset": None, "loss": "none"} | members
        story = " ".join(tell.__doc__.split())
        fault = Fault(id=name, story=story, tell=tell, expects=next(iter(expects), None), **truth)
        TRIALS[name] = Trial(kind, fault, expects)
        return tell

    return enter
