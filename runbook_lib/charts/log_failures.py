"""The failures in the log, a tick each: as data, in words, and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.observed import NotObserved
from runbook_lib.showing import canvas
from runbook_lib.showing.axis import Axis, Stretch, between, is_blind
from runbook_lib.showing.canvas import GREY, RED, x


@dataclass(frozen=True)
class Failures:
    """The failures in the log, oldest first; `note` says why there can be none."""

    times: tuple[datetime, ...]
    unexamined: tuple[Stretch, ...]
    note: str | None = None


def failures(seen: Evidence, axis: Axis) -> Failures:
    """Give the failures of the log on the axis, and where the search could not look."""
    try:
        group, times, searches = seen.logs.group, seen.logs.failure_times, seen.logs.searches
    except NotObserved as unseen:
        return Failures((), tuple(axis.clip(axis.start, axis.end, unseen.gap.reason)))
    if not group.exists:
        return Failures((), tuple(axis.clip(axis.start, axis.end, "no log group")), "There is no log group.")
    blind = [*axis.clip(axis.start, min(search.window.start for search in searches), "not searched")]
    for search in searches:
        if search.truncated:
            reached = max(
                (at for at in times if search.window.start <= at < search.window.end), default=search.window.start
            )
            blind += axis.clip(reached, search.window.end, "search cut short")
    return Failures(tuple(at for at in times if at in axis), tuple(blind))


# -- in words --------------------------------------------------------------------------------------------------------


def failures_words(failures: Failures, axis: Axis) -> str:
    """Say what the log showed."""
    if failures.note:
        return f"Log failures: {failures.note}"
    if is_blind(failures.unexamined, axis) and not failures.times:
        return f"Log failures: not examined, {failures.unexamined[0].why.rstrip('.')}."
    blind = "".join(f"; {part.why} {between(part, axis)}" for part in failures.unexamined)
    if not failures.times:
        return f"Log failures: none found{blind}."
    first, last = instant.clock(failures.times[0], axis.end), instant.clock(failures.times[-1], axis.end)
    return f"Log failures: {len(failures.times):,} between {first} and {last}{blind}."


# -- drawn -----------------------------------------------------------------------------------------------------------


def draw_failures(axes: Any, failures: Failures, axis: Axis) -> None:
    """Draw each failure in the log as a tick."""
    canvas.bare(axes, keep=("bottom",))
    axes.set_yticks([])
    axes.set_ylim(0, 1)
    canvas.name(axes, "Log failures")
    canvas.hatch(axes, failures.unexamined, axis, blind=True)
    if failures.times:
        axes.vlines([x(at) for at in failures.times], 0.14, 0.9, color=RED, linewidth=0.6, alpha=0.75, zorder=3)
    blind = is_blind(failures.unexamined, axis)
    words = f"{len(failures.times):,} in all" if failures.times else "not examined" if blind else "none found"
    canvas.aside(axes, words, RED if failures.times else GREY)
