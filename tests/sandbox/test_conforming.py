"""What every world answers: botocore's models allow it, and the same question gets the same answer."""

import json
from datetime import timedelta
from typing import Any

import pytest
from fault_worlds import FAULTS, NOW, TRAIL_GROUP, ask, each, world_of

from runbook_lib.sandbox import ApiError, World, build
from runbook_lib.sandbox.wire import conformance


def calls(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    """One call of every read an investigation makes, and more, in terms of this world."""
    function, role, uuid = "orders-projector", "orders-projector-role", world.mapping.uuid
    stream = (world.table.latest or world.at(world.start).tables["Orders"].streams[-1]).arn(world.scope)
    group = "/aws/lambda/orders-projector"
    table, name, of_role = {"TableName": "Orders"}, {"FunctionName": function}, {"RoleName": role}
    managed = {"PolicyArn": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"}
    metric = {
        "Namespace": "AWS/Lambda",
        "MetricName": "Duration",
        "Dimensions": [{"Name": "FunctionName", "Value": function}],
    }
    window = {"StartTime": NOW - timedelta(hours=2), "EndTime": NOW}
    query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "p99"}}
    source = f"arn:aws:iam::123456789012:role/{role}"
    return [
        ("sts", "GetCallerIdentity", {}),
        *(("dynamodb", operation, table) for operation in (
            "DescribeTable", "DescribeTimeToLive", "DescribeKinesisStreamingDestination")),
        ("dynamodb", "ListTables", {}),
        ("dynamodb", "GetResourcePolicy", {"ResourceArn": stream}),
        ("dynamodbstreams", "ListStreams", table),
        ("dynamodbstreams", "DescribeStream", {"StreamArn": stream}),
        *(("lambda", operation, name) for operation in (
            "GetFunction", "GetFunctionConfiguration", "ListAliases",
            "GetFunctionConcurrency", "GetPolicy", "ListEventSourceMappings")),
        ("lambda", "GetAlias", {**name, "Name": "live"}),
        ("lambda", "ListEventSourceMappings", {"EventSourceArn": stream}),
        ("lambda", "GetEventSourceMapping", {"UUID": uuid}),
        ("lambda", "ListFunctions", {"FunctionVersion": "ALL"}),
        ("lambda", "GetAccountSettings", {}),
        *(("iam", operation, of_role) for operation in (
            "GetRole", "ListRolePolicies", "ListAttachedRolePolicies")),
        ("iam", "GetRolePolicy", {**of_role, "PolicyName": "stream-access"}),
        ("iam", "ListRoles", {}),
        ("iam", "GetPolicy", managed),
        ("iam", "GetPolicyVersion", {**managed, "VersionId": "v1"}),
        ("iam", "SimulatePrincipalPolicy", {
            "PolicySourceArn": source, "ActionNames": ["dynamodb:GetRecords"], "ResourceArns": [stream]}),
        ("cloudwatch", "GetMetricData", {"MetricDataQueries": [query], **window}),
        ("cloudwatch", "DescribeAlarms", {}),
        ("cloudwatch", "DescribeAlarmHistory", {}),
        ("logs", "DescribeLogGroups", {}),
        ("logs", "DescribeLogStreams", {"logGroupName": group}),
        ("logs", "FilterLogEvents", {"logGroupName": group, "limit": 50}),
        ("logs", "FilterLogEvents", {"logGroupName": TRAIL_GROUP, "limit": 50}),
        ("cloudtrail", "LookupEvents", {}),
        ("health", "DescribeEvents", {}),
        ("service-quotas", "GetServiceQuota", {"ServiceCode": "lambda", "QuotaCode": "L-B99A9384"}),
    ]  # fmt: skip


@pytest.mark.parametrize("name", each(FAULTS))
def test_every_answer_of_every_world_conforms(name: str) -> None:
    """Whatever is asked of whichever world, botocore's models allow the answer, and errors are typed ones."""
    world, found, errors = world_of(name), [], set()
    for service, operation, params in calls(world):
        try:
            answer = ask(world, service, operation, **params)
        except ApiError as error:
            errors.add(error.code)
        else:
            found += conformance.violations(service, operation, answer)
    assert found == []
    absent = {"ResourceNotFoundException", "PolicyNotFoundException", "NoSuchEntity"}
    assert errors <= {*absent, "SubscriptionRequiredException"}


@pytest.mark.parametrize("name", each(["poison-record", "explicit-deny"]))
def test_two_builds_of_a_fault_give_the_same_answers(name: str) -> None:
    """The same fault, clock and seed answer every call alike."""
    again = build(name, NOW, history=timedelta(hours=12), cloudtrail_log_group=TRAIL_GROUP)

    def said(world: World, service: str, operation: str, params: dict[str, Any]) -> str:
        try:
            return json.dumps(ask(world, service, operation, **params), default=str)
        except ApiError as error:
            return str(error)

    for call in calls(again):
        assert said(again, *call) == said(world_of(name), *call)
