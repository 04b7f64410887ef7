"""What an alarm leaves out, looked up through the Reader: its definition, when it went off, its triggers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from runbook_lib.alarm.events import Alarm, read_answer
from runbook_lib.alarm.named import NamedResources, mentioned, named_by
from runbook_lib.archive.record import Record
from runbook_lib.aws import Live, Reader, StepReader
from runbook_lib.errors import CannotRun, NothingToInvestigate
from runbook_lib.incident import Scope
from runbook_lib.interpret.alarm_history import turns
from runbook_lib.interpret.arn import FunctionRef, StreamArn
from runbook_lib.interpret.trail_event import BadTrailEvent, parse
from runbook_lib.observed import Gap, NotObserved, otherwise

PERMISSIONS = (
    "cloudwatch:DescribeAlarms",
    "cloudwatch:DescribeAlarmHistory",
    "lambda:ListEventSourceMappings",
    "lambda:GetEventSourceMapping",
    "cloudtrail:LookupEvents",
)
"""Every IAM action that a way from an alarm may need. An alarm that names table and function needs none."""

_DEEPEST = 5
"""Composite alarms of composite alarms that are followed."""

_KINDS = ["MetricAlarm", "CompositeAlarm"]
"""Asked for by name: without it CloudWatch answers as if there were no composite alarms."""

_DELETED = "DeleteEventSourceMapping20150331"

Door = Callable[[], StepReader]
"""Opens AWS when it is first needed: an alarm may name all there is to know."""

T = TypeVar("T")


@dataclass(frozen=True)
class AlarmSubject:
    """The table and function that an alarm is about, and the account it lives in, empty where nothing says which.

    `known` says in a sentence how it came to be named.
    """

    alarm: Alarm
    table: str
    function: str
    account: str
    known: str


@dataclass(frozen=True)
class _StreamMapping:
    """An event source mapping from a DynamoDB stream; `gone` once it was deleted."""

    uuid: str
    table: str
    function: FunctionRef
    gone: bool = False

    @property
    def pair(self) -> tuple[str, str]:
        """What an incident calls it by."""
        return self.table, str(replace(self.function, region=None, account=None, partition=None))


def door(region: str, profile: str | None, assume_role_arn: str | None, account: str | None) -> Door:
    """Give the way to AWS where there is no incident yet. Nothing of it is written: an investigation records its own.

    The door raises BadParameters and CannotRun when it is first used.
    """

    @cache
    def opened() -> StepReader:
        access = {"profile": profile, "assume_role_arn": assume_role_arn, "account_id": account}
        given = {"incident_id": "alarm", "region": region, **access}
        scope = Scope.from_mapping(given, source="what the alarm names")
        live = Live(scope)
        identity, as_of = live.identify()
        return Reader(Record.create(scope, as_of, identity, archive=None), live).for_step("alarm")

    return opened


def describe(name: str, aws: StepReader) -> Alarm:
    """Read an alarm by its name; `since` is when it last went to ALARM, though it may be well again by now.

    Raises CannotRun and NothingToInvestigate.
    """
    found = _seen(lambda: _described(aws, [name]))
    if not found:
        where = f"in {aws.region} of account {aws.identity['Account']}"
        raise NothingToInvestigate(f"There is no alarm `{name}` {where}.", "Correct --alarm, --region or --profile.")
    return replace(found[0], since=_went_off(found[0], aws))


def cases_of(
    alarm: Alarm, aws: Door, table: str | None = None, function: str | None = None
) -> tuple[AlarmSubject, ...]:
    """Find the triggers that an alarm is about, each once; `table` and `function` choose among them.

    Raises BadParameters, CannotRun and NothingToInvestigate.
    """
    leaves = () if table and function else _seen(lambda: _leaves(alarm, aws))
    told = named_by(leaves)
    named = NamedResources(
        (table,) if table else told.tables,
        (FunctionRef.parse(function),) if function else told.functions,
        () if table and function else told.mappings,
    )
    account = _account(alarm, leaves)
    if named.is_pair:
        return (
            AlarmSubject(alarm, named.tables[0], str(named.functions[0]), account, "Table and function are named."),
        )
    _same_account(alarm, account, aws())
    found = _seen(lambda: _stream_mappings(named, (alarm, *leaves), aws()))
    cases = {mapping.pair: AlarmSubject(alarm, *mapping.pair, account, _how(mapping)) for mapping in found}
    return tuple(case for _, case in sorted(cases.items()))


def _how(mapping: _StreamMapping) -> str:
    connects, until = ("connected", ", until it was deleted") if mapping.gone else ("connects", "")
    return f"Mapping {mapping.uuid} {connects} them{until}."


def _seen(look: Callable[[], T]) -> T:
    """Look, and say what keeps us from it: without this there is nothing to investigate."""
    try:
        return look()
    except NotObserved as unseen:
        ask = f"Ask for {unseen.gap.permission}, or name" if unseen.gap.permission else "Try again, or name"
        raise CannotRun(unseen.gap.reason, f"{ask} the trigger with --table and --function.") from None


# -- the alarm -------------------------------------------------------------------------------------------------


def _described(aws: StepReader, names: list[str]) -> tuple[Alarm, ...]:
    pages = aws.pages("cloudwatch", "DescribeAlarms", AlarmNames=names, AlarmTypes=_KINDS)
    return tuple(alarm for answer in pages.answers for alarm in read_answer(answer))


def _leaves(alarm: Alarm, aws: Door) -> tuple[Alarm, ...]:
    """Give the alarms with metrics that this one rests on: itself, or what the rule of a composite alarm leads to."""
    if not alarm.metrics and not alarm.rule:
        return _described(aws(), [alarm.name])
    leaves: list[Alarm] = []
    level: tuple[Alarm, ...] = (alarm,)
    met = {alarm.name}
    for _ in range(_DEEPEST):
        leaves += (candidate for candidate in level if candidate.metrics)
        wanted = [name for candidate in level for name in candidate.triggering or candidate.children if name not in met]
        if not wanted:
            break
        met.update(wanted)
        level = _ringing(_described(aws(), list(dict.fromkeys(wanted))[:100]))
    return tuple(leaves)


def _ringing(alarms: tuple[Alarm, ...]) -> tuple[Alarm, ...]:
    """Leave out those that are well: what a rule excepts, such as a window of maintenance, is not what went off."""
    return tuple(alarm for alarm in alarms if alarm.state == "ALARM") or alarms


def _went_off(alarm: Alarm, aws: StepReader) -> datetime | None:
    """Find when an alarm last went to ALARM; its own time of change is used where the history cannot be read."""
    asked: dict[str, Any] = {"AlarmName": alarm.name, "AlarmTypes": _KINDS, "HistoryItemType": "StateUpdate"}
    with suppress(NotObserved):
        pages = aws.pages("cloudwatch", "DescribeAlarmHistory", most=10, ScanBy="TimestampDescending", **asked)
        times = [turn.at for turn in turns(pages.items("AlarmHistoryItems")) if turn.after == "ALARM"]
        if times:
            return max(times)
    return alarm.since if alarm.state == "ALARM" else None


# -- the triggers ----------------------------------------------------------------------------------------------


def _account(alarm: Alarm, leaves: Iterable[Alarm]) -> str:
    """Tell whose metrics an alarm watches: the alarms of a monitoring account watch those of others."""
    others = {metric.account for leaf in leaves for metric in leaf.metrics if metric.account}
    return others.pop() if len(others) == 1 else alarm.account


def _same_account(alarm: Alarm, account: str, aws: StepReader) -> None:
    """Refuse to look for another account's function in ours."""
    ours = aws.identity["Account"]
    if account not in ("", ours):
        raise CannotRun(
            f"Alarm `{alarm.name}` watches account {account}, and these credentials are of {ours}.",
            "Choose another --profile or --assume-role-arn, or name the trigger with --table and --function.",
        )


def _stream_mappings(named: NamedResources, alarms: tuple[Alarm, ...], aws: StepReader) -> list[_StreamMapping]:
    """Find the mappings that fit what is named: those that are there, or else those that were deleted."""
    there = [mapping for uuid in named.mappings for mapping in _by_uuid(aws, uuid)] if named.mappings else _listed(aws)
    found = _fitting(there, named, alarms) or _fitting(otherwise(lambda: _deleted(aws), []), named, alarms)
    if not found:
        candidates = sorted({"{} -> {}".format(*mapping.pair) for mapping in there or _listed(aws)})
        known = f"The region's triggers are: {'; '.join(candidates[:10])}. " if candidates else ""
        raise NothingToInvestigate(
            f"Alarm `{alarms[0].name}` names {named}, and no mapping of a DynamoDB stream is known that fits it.",
            f"{known}Name the one that is meant with --table and --function.",
        )
    return found


def _fitting(mappings: list[_StreamMapping], named: NamedResources, alarms: tuple[Alarm, ...]) -> list[_StreamMapping]:
    """Choose by what the alarm's metrics name, or else by what its name and description mention."""
    if named.mappings:
        mappings = [mapping for mapping in mappings if mapping.uuid in named.mappings]
    elif not named.tables and not named.functions:
        told = [
            (mapping, mentioned(mapping.table, alarms) + mentioned(mapping.function.name, alarms))
            for mapping in mappings
        ]
        best = max((count for _, count in told), default=0)
        return [mapping for mapping, count in told if count == best and best > 0]
    return _exact(
        [
            mapping
            for mapping in mappings
            if (not named.tables or mapping.table in named.tables)
            and (not named.functions or any(ref.name == mapping.function.name for ref in named.functions))
        ],
        named,
    )


def _exact(mappings: list[_StreamMapping], named: NamedResources) -> list[_StreamMapping]:
    """Prefer the alias that is named, where a mapping is on it."""
    wanted = {str(ref) for ref in named.functions if ref.qualifier}
    return [mapping for mapping in mappings if mapping.pair[1] in wanted] or mappings


def _by_uuid(aws: StepReader, uuid: str) -> Iterator[_StreamMapping]:
    raw = aws.find("lambda", "GetEventSourceMapping", UUID=uuid)
    yield from _read(raw.get("UUID"), raw.get("EventSourceArn"), raw.get("FunctionArn")) if raw else ()


def _listed(aws: StepReader) -> list[_StreamMapping]:
    """Every trigger of the region: asking by a function's name would miss the mappings of its aliases."""
    pages = aws.pages("lambda", "ListEventSourceMappings")
    if pages.truncated:
        reason = f"The list of event source mappings broke off after {len(pages.answers)} pages."
        raise NotObserved(Gap("lambda:ListEventSourceMappings", aws.region, "Truncated", reason, ref=pages.ref))
    return [
        mapping
        for raw in pages.items("EventSourceMappings")
        for mapping in _read(raw.get("UUID"), raw.get("EventSourceArn"), raw.get("FunctionArn"))
    ]


def _deleted(aws: StepReader) -> list[_StreamMapping]:
    """The triggers that the trail knows to have been deleted, the newest first: that may be what the alarm tells."""
    asked = [{"AttributeKey": "EventName", "AttributeValue": _DELETED}]
    found: list[_StreamMapping] = []
    for item in aws.pages("cloudtrail", "LookupEvents", most=4, LookupAttributes=asked).items("Events"):
        with suppress(BadTrailEvent):
            gone = parse(item)
            uuid = gone.request.get("uUID") or gone.response.get("uUID")
            source, target = gone.response.get("eventSourceArn"), gone.response.get("functionArn")
            found += (replace(mapping, gone=True) for mapping in _read(uuid, source, target) if gone.succeeded)
    return found


def _read(uuid: object, source: object, target: object) -> Iterator[_StreamMapping]:
    """Read a mapping; one from another kind of source is no trigger of ours."""
    with suppress(ValueError):
        yield _StreamMapping(str(uuid), StreamArn.parse(str(source)).table, FunctionRef.parse(str(target)))
