"""Did the repair work? Two runs compared: what is fixed, what still fails, what is new.

"Recovered" needs data: records that were written after the first run and were handled. A second run that finds no
cause without having seen that says so instead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from runbook_lib import instant
from runbook_lib.errors import BadArchive


class Outcome(StrEnum):
    """What became of an incident between two runs."""

    RECOVERED = "recovered"
    STILL_FAILING = "still failing"
    NOT_SHOWN = "not shown to have recovered"
    SOUND = "nothing was wrong in either run"


@dataclass(frozen=True)
class Recovery:
    """The comparison of two runs, by finding ids, with the sentence that sums it up."""

    outcome: Outcome
    fixed: tuple[str, ...]
    still: tuple[str, ...]
    new: tuple[str, ...]
    sentence: str

    @property
    def exit_code(self) -> int:
        """0 recovered or sound, 1 still failing or newly broken, 2 not shown."""
        return {Outcome.RECOVERED: 0, Outcome.SOUND: 0, Outcome.STILL_FAILING: 1, Outcome.NOT_SHOWN: 2}[self.outcome]


def compare(before: Path, after: Path) -> Recovery:
    """Compare two run folders of one incident. Raises BadArchive where one holds no verdict, or is the later one."""
    first, second = _verdict(before), _verdict(after)
    if first["as_of"] >= second["as_of"]:
        raise BadArchive(f"{after} is not later than {before}.", "Give the run before the repair first.")
    was, now = _causes(first), _causes(second)
    fixed = tuple(one for one in was if one not in now)
    still = tuple(one for one in was if one in now)
    new = tuple(one for one in now if one not in was)
    outcome, sentence = _judged(first, second, still + new)
    return Recovery(outcome, fixed, still, new, sentence)


def _verdict(folder: Path) -> dict[str, Any]:
    try:
        verdict: dict[str, Any] = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BadArchive(f"{folder} holds no readable verdict.json.", "Run `runbook replay` on it first.") from None
    return verdict


def _causes(verdict: dict[str, Any]) -> tuple[str, ...]:
    """The ids of what is wrong, whether it has done harm or not."""
    return tuple(one["id"] for kind in ("causes", "latent") for one in verdict[kind])


def _judged(first: dict[str, Any], second: dict[str, Any], failing: tuple[str, ...]) -> tuple[Outcome, str]:
    if failing:
        return Outcome.STILL_FAILING, f"Still failing: {', '.join(failing)}."
    if second["status"] != "no_fault":
        return Outcome.NOT_SHOWN, f"Not shown to have recovered: {second['sentence']}"
    handled = second["stages"]["succeeded"]["last"]
    if first["status"] == "no_fault":
        return Outcome.SOUND, "Nothing was wrong in either run."
    if handled is None or instant.parse(handled) <= instant.parse(first["as_of"]):
        words = "no record is seen to have been handled since the first run. Write to the table and look again."
        return Outcome.NOT_SHOWN, f"Not shown to have recovered: {words}"
    at = instant.clock(instant.parse(handled))
    return Outcome.RECOVERED, f"Recovered: records written since are handled, the last seen at {at}."
