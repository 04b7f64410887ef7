"""What a reported world is: told through the face of the sandbox, with what the kit says now and what is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from runbook_lib.findings import Verdict
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.sandbox import Setting, World

NOW = datetime(2026, 3, 14, 15, 9, 26, 535_000, tzinfo=UTC)
SEED = 1


@dataclass(frozen=True)
class Said:
    """What a diagnosis says, in short.

    `causes` and `latent` are "finding (confidence)", surest first; `contributing` and `symptoms` ids of findings;
    `first` is the id of the remedy to do first, `set_off_by` the trail event of the change, `loss` the clock's state.
    """

    status: str
    loss: str
    causes: tuple[str, ...] = ()
    first: str | None = None
    set_off_by: str | None = None
    symptoms: tuple[str, ...] = ()
    contributing: tuple[str, ...] = ()
    latent: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportedWorld:
    """A world that somebody met. `now` is what the kit says (or what it raises), `right` what it should say.

    `is_right`: the two agree. Whoever mends the kit changes `now`, and `is_right` once nothing is left to mend.
    """

    name: str
    story: str
    tell: Callable[[], World]
    now: Said | type[Exception]
    right: str
    is_right: bool


WORLDS: dict[str, ReportedWorld] = {}

Tell = Callable[[], World]


def reported(*, now: Said | type[Exception], right: str, is_right: bool = False) -> Callable[[Tell], Tell]:
    """Enter the decorated world under its own name; its docstring is the story."""

    def enter(tell: Tell) -> Tell:
        name = tell.__name__.replace("_", "-")
        WORLDS[name] = ReportedWorld(name, " ".join(str(tell.__doc__).split()), tell, now, right, is_right)
        return tell

    return enter


def healthy(**setting: object) -> World:
    """The healthy world at the clock of all these stories; `setting` are fields of `Setting`."""
    return World(NOW, SEED, setting=Setting(**setting))  # type: ignore[arg-type]


def in_short(found: Diagnosis) -> Said:
    """Shorten a diagnosis to what is compared."""
    return Said(
        status=found.status.value,
        loss=found.loss.state.value,
        causes=_sure(found.causes),
        first=found.remedies[0].id if found.remedies else None,
        set_off_by=found.set_off_by.change.event.event_name if found.set_off_by else None,
        symptoms=_ids(found.symptoms),
        contributing=_ids(found.contributing),
        latent=_sure(found.latent),
    )


def _sure(verdicts: tuple[Verdict, ...]) -> tuple[str, ...]:
    return tuple(f"{one.finding.id} ({one.confidence})" for one in verdicts)


def _ids(verdicts: tuple[Verdict, ...]) -> tuple[str, ...]:
    return tuple(one.finding.id for one in verdicts)
