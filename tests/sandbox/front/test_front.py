"""The front over real HTTP: real boto3 clients, every protocol, many at once."""

from __future__ import annotations

import json
import urllib.request
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from small_world import NOW, ROLE, client, error_of

from runbook_lib.sandbox import INVESTIGATOR, RunningSandbox


def test_the_environment_alone_points_a_client_here(sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing but the environment handed out and a region, boto3 talks to the sandbox."""
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    dynamodb = boto3.session.Session().client("dynamodb", region_name="eu-west-1")
    table = dynamodb.describe_table(TableName="Orders")["Table"]
    assert table["TableArn"] == "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders"
    assert table["CreationDateTime"] == NOW


def test_arns_as_table_names_need_no_account_endpoint(sandbox: RunningSandbox) -> None:
    """An ARN in place of a table name, which moves newer clients to another host name, still comes here."""
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders"
    assert client(sandbox, "dynamodb").describe_table(TableName=arn)["Table"]["TableArn"] == arn


def test_function_arns_arrive_decoded(sandbox: RunningSandbox) -> None:
    """A function ARN in a URL path, percent-encoded on its way, is the ARN again."""
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:orders-projector:live"
    answer = client(sandbox, "lambda").get_function(FunctionName=arn)
    assert answer["Configuration"]["FunctionName"] == arn


def test_metric_data_keeps_its_times(sandbox: RunningSandbox) -> None:
    """Times in requests and answers are the same instants on both sides."""
    start = NOW - timedelta(hours=1)
    stat = {"Metric": {"Namespace": "AWS/Lambda", "MetricName": "Invocations"}, "Period": 60, "Stat": "Sum"}
    answer = client(sandbox, "cloudwatch").get_metric_data(
        MetricDataQueries=[{"Id": "a", "MetricStat": stat}], StartTime=start, EndTime=NOW
    )
    assert answer["MetricDataResults"][0]["Timestamps"] == [start]


@pytest.mark.parametrize(
    ("headers", "path", "body"),
    [
        (
            {"Content-Type": "application/x-www-form-urlencoded"},
            "/",
            b"Action=GetMetricData&Version=2010-08-01&StartTime=2026-03-14T14%3A00%3A00Z&EndTime=2026-03-14T15%3A00%3A00Z"
            b"&MetricDataQueries.member.1.Id=a",
        ),
        (
            {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"},
            "/service/GraniteServiceVersion20100801/operation/GetMetricData",
            bytes.fromhex("a2714d6574726963446174615175657269657381a16249646161695374617274")
            + bytes.fromhex("54696d65c11a69b56b20"),
        ),
    ],
)
def test_older_and_newer_clients_are_understood(
    sandbox: RunningSandbox, headers: dict[str, str], path: str, body: bytes
) -> None:
    """CloudWatch answers the query protocol and CBOR alike, each in its own kind."""
    scope = f"AWS4-HMAC-SHA256 Credential={INVESTIGATOR}/20260314/eu-west-1/monitoring/aws4_request, Signature=0"
    request = urllib.request.Request(sandbox.url + path, body, {**headers, "Authorization": scope})
    with urllib.request.urlopen(request) as reply:
        content, kind = reply.read(), reply.headers["Content-Type"]
    assert kind == {"/": "text/xml"}.get(path, "application/cbor")
    assert b"Complete" in content


def test_errors_of_answers_arrive_typed(sandbox: RunningSandbox) -> None:
    """An ApiError of an answer is the modelled exception on the client's side."""
    dynamodb = client(sandbox, "dynamodb")
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException, match="Table: missing not found"):
        dynamodb.describe_table(TableName="missing")


@pytest.mark.parametrize(
    ("service", "operation", "what"),
    [
        ("health", "describe_event_types", "health:DescribeEventTypes"),
        ("iam", "list_users", "iam:ListUsers"),
        ("lambda", "list_layers", "lambda:ListLayers"),
        ("ec2", "describe_instances", "ec2:DescribeInstances"),
        ("s3", "list_buckets", "s3:GET /"),
        ("rds", "describe_db_instances", "rds:DescribeDBInstances"),
        ("stepfunctions", "list_state_machines", "states:ListStateMachines"),
        ("apigateway", "get_rest_apis", "apigateway:GET /restapis"),
    ],
)
def test_what_is_not_emulated_says_so_once(sandbox: RunningSandbox, service: str, operation: str, what: str) -> None:
    """An operation nobody emulates gives one typed error naming it, in any protocol, and is not retried."""
    code, status, message = error_of(getattr(client(sandbox, service, attempts=4), operation))
    assert (code, status, message) == ("OperationNotEmulated", 501, f"the sandbox does not emulate {what}")
    assert len(sandbox.journal) == 1
    assert f"{sandbox.journal[0].service}:{sandbox.journal[0].operation}" == what
    assert sandbox.journal[0].source == "none"


def test_unsigned_requests_are_refused(sandbox: RunningSandbox) -> None:
    """A request without a signature gets MissingAuthenticationToken, as from AWS."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(sandbox.url)
    assert caught.value.code == 403
    assert caught.value.headers["x-amzn-ErrorType"] == "MissingAuthenticationToken"
    caught.value.close()


def test_every_answer_carries_the_clock_of_the_world(sandbox: RunningSandbox) -> None:
    """The Date header is the world's now, on answers and on errors."""
    dynamodb = client(sandbox, "dynamodb")
    fine = dynamodb.describe_table(TableName="Orders")["ResponseMetadata"]
    with pytest.raises(ClientError) as caught:
        dynamodb.describe_table(TableName="missing")
    for metadata in (fine, caught.value.response["ResponseMetadata"]):
        assert metadata["HTTPHeaders"]["date"] == "Sat, 14 Mar 2026 15:09:26 GMT"


def test_a_mistaken_answer_is_an_error_and_is_listed(sandbox: RunningSandbox) -> None:
    """An answer the model does not allow gives HTTP 500 and stands in the list of violations."""
    code, status, message = error_of(client(sandbox, "dynamodb").list_tables)
    assert (code, status) == ("SandboxDefect", 500)
    assert "ListTables.Tables is not in the model" in message
    assert sandbox.violations == [message]


def test_a_crashing_answer_is_an_error_and_is_listed(sandbox: RunningSandbox) -> None:
    """An exception in an answer gives HTTP 500 and stands in the list of violations."""
    code, status, message = error_of(client(sandbox, "dynamodb").describe_limits)
    assert (code, status, message) == ("SandboxDefect", 500, "dynamodb:DescribeLimits: KeyError: 'boom'")
    assert sandbox.violations == [message]


def test_moto_answers_in_the_account_and_time_of_the_world(sandbox_with_role: RunningSandbox) -> None:
    """What moto holds bears the world's account and a time long before the world's now."""
    iam = client(sandbox_with_role, "iam")
    role = iam.get_role(RoleName=ROLE)["Role"]
    assert role["Arn"] == f"arn:aws:iam::123456789012:role/{ROLE}"
    assert role["CreateDate"] == (NOW - timedelta(days=180)).replace(microsecond=0)
    assert iam.get_role_policy(RoleName=role["RoleName"], PolicyName="write-logs")["PolicyDocument"]["Statement"]
    assert client(sandbox_with_role, "sts").get_caller_identity()["Account"] == "123456789012"
    assert sandbox_with_role.journal[0].source == "moto"


def test_managed_policies_are_there(sandbox_with_role: RunningSandbox) -> None:
    """The policies AWS manages can be read, and attached to a role by their real ARN."""
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaDynamoDBExecutionRole"
    iam = client(sandbox_with_role, "iam")
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=arn)
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert "dynamodb:GetRecords" in json.dumps(document)


def test_errors_of_moto_arrive_typed(sandbox_with_role: RunningSandbox) -> None:
    """An error of moto is the modelled exception on the client's side."""
    iam = client(sandbox_with_role, "iam")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="nobody")


def test_queues_and_keys_bear_the_account_of_the_world(sandbox: RunningSandbox) -> None:
    """Queue URLs, key ARNs and queue attributes are of the world's account and time, and can be used again."""
    sqs, kms = client(sandbox, "sqs"), client(sandbox, "kms")
    url = sqs.create_queue(QueueName="failed")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["QueueArn"] == "arn:aws:sqs:eu-west-1:123456789012:failed"
    assert int(attributes["CreatedTimestamp"]) == int((NOW - timedelta(days=180)).timestamp())
    key = kms.create_key()["KeyMetadata"]
    assert kms.describe_key(KeyId=key["Arn"])["KeyMetadata"]["AWSAccountId"] == "123456789012"
