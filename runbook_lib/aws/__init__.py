"""The one door to AWS: read-only by construction, recorded, replayable.

`Reader` answers a call from the record when it is there, asks AWS (`Live`) when it may, and otherwise leaves a gap.
Nothing behind it can tell a live run from a replayed one. Answers are plain JSON values: times are ISO 8601 UTC text.
Nothing here writes to AWS, or knows what an answer means.
"""

from runbook_lib.aws.budget import LIMITS, Budget, Limit
from runbook_lib.aws.live import CallOutcome, Live, load
from runbook_lib.aws.reader import Answer, Pages, Reader, StepReader, plain, together
from runbook_lib.aws.reads import READS, Paging, iam_action

__all__ = [
    "LIMITS",
    "READS",
    "Answer",
    "Budget",
    "CallOutcome",
    "Limit",
    "Live",
    "Pages",
    "Paging",
    "Reader",
    "StepReader",
    "iam_action",
    "load",
    "plain",
    "together",
]
