"""From when on a record can exist at all: nothing is older than the table and the stream that it lies in."""

from __future__ import annotations

from datetime import datetime

from runbook_lib.evidence import Evidence
from runbook_lib.interpret.arn import StreamArn
from runbook_lib.observed import otherwise


def born_within(seen: Evidence) -> tuple[datetime, str]:
    """Say from when on a record of the incident's stream can exist at all, UTC: nothing is older than its source.

    Gives the window's start and no words where table and stream are older than that, or are not seen; else the newest
    birth in the window (of the table, its restoration, the stream that is on), and what was born.
    """
    table = otherwise(lambda: seen.streams.table, None)
    births = [(seen.window.start, "")]
    if table is not None:
        arn = otherwise(lambda: table.latest_stream_arn if table.stream_enabled else None, None)
        label = (StreamArn.parse(arn).label_time if arn else None) or seen.window.start
        births += [
            (otherwise(lambda: table.created_at, None) or seen.window.start, "the table was made"),
            (otherwise(lambda: table.restored_at, None) or seen.window.start, "the table was restored"),
            (label, "the stream was switched on"),
        ]
    born, of_what = max((birth for birth in births if birth[0] < seen.window.end), key=lambda birth: birth[0])
    return (born, of_what) if born > seen.window.start else (seen.window.start, "")
