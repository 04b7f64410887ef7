"""Fleets: many triggers out of few worlds, each under its own name, and nothing of a world shows through."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from fleets import fleet, fleet_of
from worlds import NOW

from runbook_lib.sandbox import MODEL, PLANTED, Accounts, ApiError, Call, Fleet, Member
from runbook_lib.sandbox.wire import conformance

REGION = "eu-west-1"
OTHER = "111122223333"


@cache
def _fleet() -> Fleet:
    return fleet(250, 9, 3)


def _ask(fleet: Fleet | Accounts, service: str, operation: str, region: str = REGION, **params: Any) -> dict[str, Any]:
    answer = fleet.answer(Call(service, operation, region, params=params))
    assert answer is not None
    assert list(conformance.violations(service, operation, answer)) == []
    return answer


def _all(fleet: Fleet, service: str, operation: str, member: str, token: str, given: str) -> list[Any]:
    found: list[Any] = []
    params: dict[str, Any] = {}
    while True:
        answer = _ask(fleet, service, operation, **params)
        found += answer[member]
        if given not in answer:
            return found
        params = {token: answer[given]}


def _of(kind: str) -> Member:
    return next(member for member in _fleet().members if member.kind.name == kind)


LISTS = [
    ("lambda", "ListEventSourceMappings", "EventSourceMappings", "Marker", "NextMarker", 250),
    ("lambda", "ListFunctions", "Functions", "Marker", "NextMarker", 759),
    ("dynamodb", "ListTables", "TableNames", "ExclusiveStartTableName", "LastEvaluatedTableName", 252),
    ("dynamodbstreams", "ListStreams", "Streams", "ExclusiveStartStreamArn", "LastEvaluatedStreamArn", 255),
]


@pytest.mark.parametrize(("service", "operation", "member", "token", "given", "count"), LISTS)
def test_lists_hold_every_member_once(
    service: str, operation: str, member: str, token: str, given: str, count: int
) -> None:
    """A list followed to its end holds each member's own, once, and no name of the worlds behind them."""
    found = [json.dumps(item, default=str) for item in _all(_fleet(), service, operation, member, token, given)]
    assert len(set(found)) == len(found) == count
    assert not any(MODEL in item for item in found)


CALLS: list[tuple[str, str, dict[str, str]]] = [
    ("dynamodb", "DescribeTable", {"TableName": "{table}"}),
    ("dynamodb", "DescribeTimeToLive", {"TableName": "{table}"}),
    ("dynamodbstreams", "ListStreams", {"TableName": "{table}"}),
    ("lambda", "GetFunctionConfiguration", {"FunctionName": "{function}"}),
    ("lambda", "GetFunctionConcurrency", {"FunctionName": "{function}"}),
    ("lambda", "GetEventSourceMapping", {"UUID": "{uuid}"}),
    ("lambda", "ListEventSourceMappings", {"FunctionName": "{function}"}),
    ("iam", "GetRole", {"RoleName": "{function}-role"}),
    ("iam", "ListRolePolicies", {"RoleName": "{function}-role"}),
    ("logs", "DescribeLogGroups", {"logGroupNamePrefix": "/aws/lambda/{function}"}),
]


@pytest.mark.parametrize(("service", "operation", "params"), CALLS)
def test_a_member_answers_in_its_own_words(service: str, operation: str, params: dict[str, str]) -> None:
    """What is asked of one member is answered about that member, whatever world it shares."""
    first, second = [member for member in _fleet().members if member.kind.name == "healthy"][:2]
    answers = []
    for member in (first, second):
        uuid = member.outward[member.kind.uuids[0]]
        names = {"table": member.table, "function": member.function, "uuid": uuid}
        asked = {name: value.format(**names) for name, value in params.items()}
        answers.append(json.dumps(_ask(_fleet(), service, operation, **asked), default=str, sort_keys=True))
    assert not any(MODEL in answer for answer in answers)
    assert second.stem not in answers[0]
    assert (
        answers[0]
        .replace(first.stem, second.stem)
        .replace(first.outward[first.kind.uuids[0]], second.outward[second.kind.uuids[0]])
        == (answers[1])
    )


def test_errors_speak_of_the_member_too() -> None:
    """A table that was deleted is missed under its own name."""
    gone = _of("table-deleted")
    with pytest.raises(ApiError) as missing:
        _ask(_fleet(), "dynamodb", "DescribeTable", TableName=gone.table)
    assert gone.table in missing.value.message
    assert MODEL not in missing.value.message


def test_nobody_is_found_under_a_name_that_is_not_there() -> None:
    """A name of the right form that no member has does not exist."""
    with pytest.raises(ApiError) as missing:
        _ask(_fleet(), "dynamodb", "DescribeTable", TableName="orders-00999")
    assert missing.value.code == "ResourceNotFoundException"


def test_metrics_are_each_members_own() -> None:
    """One call for several members gives each its series: none for a paused function, some for one at work."""
    paused, healthy = _of("mapping-paused"), _of("healthy")
    queries = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": "Invocations",
                    "Dimensions": [{"Name": "FunctionName", "Value": member.function}],
                },
                "Period": 300,
                "Stat": "Sum",
            },
        }
        for name, member in (("paused", paused), ("healthy", healthy))
    ]
    answer = _ask(
        _fleet(),
        "cloudwatch",
        "GetMetricData",
        StartTime=NOW - timedelta(hours=1),
        EndTime=NOW,
        MetricDataQueries=queries,
    )
    points = {result["Id"]: len(result["Values"]) for result in answer["MetricDataResults"]}
    assert points["paused"] == 0
    assert points["healthy"] >= 11


def test_the_trail_tells_of_all_and_mixes_nobody_up() -> None:
    """Two members that were paused alike have an event each, with ids of their own, newest first."""
    two = fleet_of("mapping-paused", "healthy", "mapping-paused")
    name = {"AttributeKey": "EventName", "AttributeValue": "UpdateEventSourceMapping20150331"}
    events = _ask(two, "cloudtrail", "LookupEvents", LookupAttributes=[name])["Events"]
    assert len({event["EventId"] for event in events}) == len(events)
    paused = [two.members[place] for place in (0, 2)]
    for member in paused:
        uuid = member.outward[member.kind.uuids[0]]
        assert any(uuid in event["CloudTrailEvent"] for event in events)
    assert [event["EventTime"] for event in events] == sorted((e["EventTime"] for e in events), reverse=True)


def test_another_region_is_empty() -> None:
    """There are no triggers where the fleet is not."""
    assert _ask(_fleet(), "lambda", "ListEventSourceMappings", "us-west-2")["EventSourceMappings"] == []
    assert _ask(_fleet(), "dynamodbstreams", "ListStreams", "us-west-2")["Streams"] == []


def test_nothing_is_changed_through_a_fleet() -> None:
    """A request that changes something is not emulated: it would change all members of the world."""
    with pytest.raises(ApiError) as refused:
        _ask(_fleet(), "dynamodb", "UpdateTable", TableName=_of("healthy").table)
    assert refused.value.code == "OperationNotEmulated"


def test_as_many_are_broken_as_were_asked_for() -> None:
    """The broken ones are as many as asked for, one of each kind in turn, and not all in one place."""
    kinds = Counter(member.kind.name for member in _fleet().members if member.kind.broken)
    assert kinds == dict.fromkeys(PLANTED, 1)
    numbers = [member.number for member in _fleet().members if member.kind.broken]
    assert max(numbers) - min(numbers) > 150


def test_whoever_assumes_a_role_sees_its_account() -> None:
    """Credentials of a role lead to its account's world, and the caller's own to the caller's."""
    both = Accounts(fleet_of("healthy"), fleet_of("healthy", "unread", account=OTHER))
    role = f"arn:aws:iam::{OTHER}:role/Reader"
    assumed = _ask(both, "sts", "AssumeRole", RoleArn=role, RoleSessionName="x")
    there = Call("dynamodb", "ListTables", REGION, access_key=assumed["Credentials"]["AccessKeyId"])
    answer = both.answer(there)
    assert answer is not None
    assert len(answer["TableNames"]) == 2
    assert both.account_of(there) == OTHER
    assert len(_ask(both, "dynamodb", "ListTables")["TableNames"]) == 1


def test_a_role_of_an_unknown_account_cannot_be_assumed() -> None:
    """A role that does not trust the caller is refused by its ARN."""
    both = Accounts(fleet_of("healthy"))
    with pytest.raises(ApiError) as refused:
        _ask(both, "sts", "AssumeRole", RoleArn=f"arn:aws:iam::{OTHER}:role/Reader", RoleSessionName="x")
    assert refused.value.code == "AccessDenied"
    assert OTHER in refused.value.message
