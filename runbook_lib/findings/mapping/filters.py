"""What a mapping's filters let through."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib.evidence import Evidence
from runbook_lib.evidence.mapping import EventSourceMapping
from runbook_lib.findings import FindingKind, Sign, against, counter, decisive, finding, sign
from runbook_lib.findings.mapping import GUIDE, expected_to_deliver
from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.interpret.amount import amount
from runbook_lib.interpret.filter_pattern import defects, never_matches
from runbook_lib.measuring.filtered import events_of
from runbook_lib.measuring.pipe import Stage
from runbook_lib.observed import otherwise


@finding(
    "filter-matches-nothing",
    kind=FindingKind.CAUSE,
    title="The mapping's filter can match no record",
    modes=("B9",),
    stops=Stage.INVOKED,
    diagnosis=(5,),
    reads=(2, 3, 8),
    remedies=(RemedyId.CORRECT_FILTER,),
    set_off_by=("mapping-filter-changed", "mapping-created", "stream-enabled"),
    lag=timedelta(minutes=10),
    source=f"{GUIDE}/with-ddb-filtering.html",
)
def filter_matches_nothing(seen: Evidence) -> Iterator[Sign]:
    """A filtered record is passed over for good: no error, no retry, no log line, and the mapping reads Enabled.

    Values in a stream record are typed (`{"S": "paid"}`) and numbers are strings, so a filter that looks right in
    plain JSON can be unable to match anything.
    """
    view = otherwise(lambda: seen.streams.table.view_type, None) or "NEW_AND_OLD_IMAGES"
    for mapping in expected_to_deliver(seen):
        if not mapping.readable_filters:
            yield against(f"Mapping {mapping.uuid} has no filter.", mapping)
            continue
        if not never_matches(mapping.filters, view_type=view):
            yield from _filtered_out(seen, mapping)
            continue
        for text in mapping.filters:
            for defect in defects(text, view_type=view):
                if defect.never_matches:
                    yield decisive(f"Filter of mapping {mapping.uuid}, at {defect.leaf}: {defect.sentence}", mapping)
        yield from _filtered_out(seen, mapping)


def _filtered_out(seen: Evidence, mapping: EventSourceMapping) -> Iterator[Sign]:
    """Compare what was polled with what was filtered out, where the mapping counts its events."""
    counted = events_of(seen, mapping)
    if not counted:
        return
    polled = sum(counted["PolledEventCount"].points.values())
    dropped = sum(counted["FilteredOutEventCount"].points.values())
    if polled and dropped == polled:
        yield counter(f"All {amount(polled, 'polled records were')} filtered out.", counted["FilteredOutEventCount"])


@finding(
    "filter-unreadable",
    kind=FindingKind.CONTRIBUTING,
    title="The mapping's filters are encrypted with a key that cannot be used",
    modes=("B10",),
    diagnosis=(5,),
    reads=(3, 8),
    remedies=(RemedyId.ENABLE_KEY, RemedyId.CORRECT_FILTER),
    set_off_by=("key-disabled", "key-deletion-scheduled", "key-policy-changed"),
    lag=timedelta(hours=24),
    source=f"{GUIDE}/invocation-eventfiltering.html",
)
def filter_unreadable(seen: Evidence) -> Iterator[Sign]:
    """A list of mappings leaves encrypted filters out without a word, which reads as "no filter".

    A refusal may be the reader's own missing right to decrypt; a disabled key is one for everybody.
    """
    failing = [mapping for mapping in expected_to_deliver(seen) if mapping.filter_error]
    if not failing:
        yield against("Every filter can be read.", seen.mappings)
    for mapping in failing:
        yield sign(f"AWS shows no filter of mapping {mapping.uuid}: {mapping.filter_error}", mapping)
