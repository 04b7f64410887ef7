"""Nothing to deliver: the source side of the pipe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib.evidence import Evidence
from runbook_lib.findings import Kind, Sign, against, counter, decisive, finding, sign
from runbook_lib.stages import Stage, State, measure

_STREAMS = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html"


@finding(
    "stream-disabled",
    kind=Kind.CAUSE,
    title="No stream is enabled on the table",
    modes=("A5",),
    stops=Stage.IN_STREAM,
    diagnosis=(4,),
    reads=(1, 2),
    remedies=("R8", "R2"),
    set_off_by=("stream-disabled", "table-deleted", "table-restored", "table-created"),
    lag=timedelta(hours=24),
    source=_STREAMS,
)
def stream_disabled(seen: Evidence) -> Iterator[Sign]:
    """A write to a table without an enabled stream leaves no record, so nothing can ever be delivered.

    Records written before it was switched off stay readable for 24 hours, so the mapping may go on for a while and
    still reads Enabled and OK.
    """
    table = seen.streams.table
    if table.stream_enabled:
        yield against(f"The stream of {table.name} is enabled ({table.view_type}).", table)
        return
    if not table.exists:
        yield decisive(f"Table {table.name} does not exist, so it has no stream.", table)
    else:
        yield decisive(f"DescribeTable shows no enabled stream on {table.name}.", table)
    for stream in seen.streams.generations[:1]:
        yield sign(f"Its newest stream, {stream.label}, is {stream.status}.", stream)


@finding(
    "no-table-writes",
    kind=Kind.INNOCENT,
    title="Nobody writes to the table, so there is nothing to trigger on",
    modes=("A1",),
    stops=None,
    diagnosis=(1, 3),
    reads=(7,),
    remedies=("R20",),
    set_off_by=(),
    lag=timedelta(0),
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html",
)
def no_table_writes(seen: Evidence) -> Iterator[Sign]:
    """Without writes there are no records and no invocations; a trigger that works looks exactly like this.

    CloudWatch has no datapoints for an idle table, which is also what a wrong name looks like, so another series of
    the same answer must have some before silence counts.
    """
    written = measure(seen).observed(Stage.WRITTEN)
    if written.state is not State.IDLE:
        yield against(written.basis, *written.refs)
        return
    account = seen.metrics.account_concurrent
    if account.points and (written.last is None or max(account.points) > written.last) and seen.streams.table.exists:
        yield decisive(f"{written.basis} The same answer does hold newer data of other metrics.", *written.refs)
        yield counter("No write operation of any kind has a newer datapoint.", *written.refs)
    else:
        yield sign(f"{written.basis} Nothing else in the account has data either.", *written.refs)
