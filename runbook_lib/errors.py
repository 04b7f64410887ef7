"""Every error a person can meet, as one small tree.

::

    RunbookError               one sentence, and what to do about it; the command ends with exit code 3
    ├── BadParameters          a parameter is unknown, missing or of the wrong form
    ├── CannotRun              AWS cannot be reached at all: credentials, account, region, endpoint
    ├── NothingToInvestigate   the table or function named exists nowhere that AWS shows
    ├── BadArchive             the archive or a run folder cannot be written, read or trusted
    └── NotPublished           a finished run could not be copied to S3; it stays where it is

`NotObserved` stands outside the tree: it is how a single unseen fact travels to the
loop that turns it into *undetermined* (see `runbook_lib.evidence`).
"""

from __future__ import annotations

from collections.abc import Collection

COULD_NOT_RUN = 3
"""The exit code of a command that one of these stopped."""

_GRAVEST_FIRST = (COULD_NOT_RUN, 1, 2, 0)


def gravest(codes: Collection[int]) -> int:
    """Give the exit code that counts for several: could not run, a cause, undetermined, no fault."""
    return next(code for code in _GRAVEST_FIRST if code in codes)


class RunbookError(Exception):
    """What stopped the runbook (`problem`), and what the reader can do about it (`remedy`)."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy


class BadParameters(RunbookError):
    """A parameter is unknown, missing, or not of the form AWS uses."""


class CannotRun(RunbookError):
    """AWS could not be reached at all with these credentials, in this account, region or endpoint."""


class NothingToInvestigate(RunbookError):
    """The table or the function exists nowhere that AWS shows, and nothing says that it ever did."""


class BadArchive(RunbookError):
    """The archive or a run folder cannot be written, read or trusted."""


class NotPublished(RunbookError):
    """A finished run could not be copied to S3; it stays where it is."""
