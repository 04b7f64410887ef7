"""Worlds that try to fool an investigator: none is offered as a fault to look at, all are there to be judged on.

Nothing here is played by `runbook demo`.
"""

from runbook_lib.sandbox.worlds import big, compound, decoys, lookalikes, unknown
from runbook_lib.sandbox.worlds.trial import TRIALS, Trial

__all__ = ["Trial", "big", "compound", "decoys", "lookalikes", "trials", "unknown"]


def trials() -> tuple[Trial, ...]:
    """Every trial, by kind and then by name."""
    return tuple(sorted(TRIALS.values(), key=lambda trial: (trial.kind, trial.id)))
