"""The front over real HTTP: real boto3 clients, every protocol, many at once."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.exceptions import ConnectionError as NoConnection

from runbook_lib.sandbox import registry, rules
from runbook_lib.sandbox.call import Call
from runbook_lib.sandbox.errors import ApiError
from runbook_lib.sandbox.server import INVESTIGATOR, RunningSandbox, serve

NOW = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
ROLE = "orders-projector-role"
SESSION = boto3.session.Session()
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


class SmallWorld:
    """As little of a world as the front needs, and a role in moto if one is named."""

    def __init__(self, role: str | None = None, account: str = "123456789012") -> None:
        self.now = NOW
        self.account = account
        self.role = role

    def seed_moto(self, client_factory: Callable[[str, str], Any]) -> None:
        """Create the role."""
        if self.role is None:
            return
        iam = client_factory("iam", "us-east-1")
        iam.create_role(RoleName=self.role, AssumeRolePolicyDocument=TRUST)
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
        iam.put_role_policy(RoleName=self.role, PolicyName="write-logs", PolicyDocument=json.dumps(policy))


def table_answer(world: SmallWorld, call: Call) -> dict[str, Any]:
    """Answer DescribeTable with the call's own table name, region and the world's clock."""
    name = call.params["TableName"].rpartition("/")[2]
    if name == "missing":
        raise ApiError("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")
    arn = f"arn:aws:dynamodb:{call.region}:{world.account}:table/{name}"
    return {"Table": {"TableName": name, "TableArn": arn, "TableStatus": "ACTIVE", "CreationDateTime": world.now}}


def function_answer(world: SmallWorld, call: Call) -> dict[str, Any]:
    """Answer GetFunction with the function name as it was asked for."""
    return {"Configuration": {"FunctionName": call.params["FunctionName"], "Runtime": "python3.12"}}


def metrics_answer(world: SmallWorld, call: Call) -> dict[str, Any]:
    """Answer GetMetricData with what was asked for, and the start time as the one timestamp."""
    asked = call.params["MetricDataQueries"]
    result = [{"Id": q["Id"], "Timestamps": [call.params["StartTime"]], "Values": [4.5]} for q in asked]
    return {"MetricDataResults": [{**r, "StatusCode": "Complete"} for r in result]}


def mistaken_answer(world: SmallWorld, call: Call) -> dict[str, Any]:
    """Answer ListTables with a member the model does not have."""
    return {"TableNames": ["Orders"], "Tables": 1}


def crashing_answer(world: SmallWorld, call: Call) -> dict[str, Any]:
    """Answer DescribeLimits with an exception."""
    raise KeyError("boom")


ANSWERS = {
    ("dynamodb", "DescribeTable"): table_answer,
    ("lambda", "GetFunction"): function_answer,
    ("cloudwatch", "GetMetricData"): metrics_answer,
    ("dynamodb", "ListTables"): mistaken_answer,
    ("dynamodb", "DescribeLimits"): crashing_answer,
}


@pytest.fixture(autouse=True)
def _only_these_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the answers above be the only ones, and moto answer what else it may."""
    monkeypatch.setattr(registry, "ANSWERS", ANSWERS)
    monkeypatch.setattr("runbook_lib.sandbox.front.ANSWERS", ANSWERS)
    monkeypatch.setattr("runbook_lib.sandbox.front.AMENDMENTS", {})
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)


@pytest.fixture
def sandbox_with_role() -> Iterator[RunningSandbox]:
    """Serve a world with a role in moto."""
    with serve(SmallWorld(ROLE)) as running:
        yield running


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """Serve a small world."""
    with serve(SmallWorld()) as running:
        yield running


def client(
    running: RunningSandbox, service: str, region: str = "eu-west-1", key: str = INVESTIGATOR, attempts: int = 1
) -> Any:
    """Return a boto3 client of a sandbox."""
    config = Config(retries={"total_max_attempts": attempts, "mode": "standard"}, max_pool_connections=20)
    return SESSION.client(
        service,
        region_name=region,
        endpoint_url=running.url,
        aws_access_key_id=key,
        aws_secret_access_key="sandbox",
        config=config,
    )


def error_of(call: Callable[[], Any]) -> tuple[str, int, str]:
    """Return code, status and message of the error a call ends in."""
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


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


def test_amendments_change_what_moto_answers(
    sandbox_with_role: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registered amendment has the last word on moto's answer."""

    def described(world: SmallWorld, call: Call, answer: dict[str, Any]) -> dict[str, Any]:
        return {"Role": {**answer["Role"], "Description": f"seen from {call.region}"}}

    monkeypatch.setattr("runbook_lib.sandbox.front.AMENDMENTS", {("iam", "GetRole"): described})
    role = client(sandbox_with_role, "iam", region="us-east-1").get_role(RoleName=ROLE)["Role"]
    assert role["Description"] == "seen from us-east-1"


def test_queues_and_keys_bear_the_account_of_the_world(sandbox: RunningSandbox) -> None:
    """Queue URLs, key ARNs and queue attributes are of the world's account and time, and can be used again."""
    sqs, kms = client(sandbox, "sqs"), client(sandbox, "kms")
    url = sqs.create_queue(QueueName="failed")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["QueueArn"] == "arn:aws:sqs:eu-west-1:123456789012:failed"
    assert int(attributes["CreatedTimestamp"]) == int((NOW - timedelta(days=180)).timestamp())
    key = kms.create_key()["KeyMetadata"]
    assert kms.describe_key(KeyId=key["Arn"])["KeyMetadata"]["AWSAccountId"] == "123456789012"


def bodies(running: RunningSandbox) -> list[bytes]:
    """Return the raw bodies and request ids of some calls, to compare two sandboxes by."""
    found: list[bytes] = []
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("dynamodb", "describe_table", {"TableName": "Orders"}),
        ("iam", "get_role", {"RoleName": ROLE}),
        ("kms", "create_key", {"Description": "k"}),
        ("sqs", "create_queue", {"QueueName": "q"}),
        ("sts", "assume_role", {"RoleArn": "arn:aws:iam::123456789012:role/x", "RoleSessionName": "session"}),
        ("iam", "list_roles", {}),
    ]
    for service, operation, params in calls:
        caller = client(running, service)
        caller.meta.events.register(
            "before-parse", lambda response_dict, **_: found.append(response_dict["body"]), unique_id=operation
        )
        answer = getattr(caller, operation)(**params)
        found.append(answer["ResponseMetadata"]["RequestId"].encode())
    return found


def test_the_same_world_gives_the_same_bytes() -> None:
    """Two sandboxes of the same world, alive at once, give byte-identical bodies and request ids."""
    with serve(SmallWorld(ROLE)) as one, serve(SmallWorld(ROLE)) as other:
        first, second = bodies(one), bodies(other)
    assert len(first) >= 12
    assert first == second


def test_the_seed_changes_the_request_ids() -> None:
    """Another seed gives other ids, so determinism is the seed's doing."""
    with serve(SmallWorld()) as one, serve(SmallWorld(), seed=1) as other:
        ids = [
            client(s, "dynamodb").describe_table(TableName="Orders")["ResponseMetadata"]["RequestId"]
            for s in (one, other)
        ]
    assert ids[0] != ids[1]


def test_sandboxes_do_not_see_each_other() -> None:
    """What is created in one sandbox is not there in another of the same account."""
    with serve(SmallWorld("role-one")) as one, serve(SmallWorld("role-two")) as other:
        names = [[role["RoleName"] for role in client(s, "iam").list_roles()["Roles"]] for s in (one, other)]
    assert names == [["role-one"], ["role-two"]]


@pytest.mark.parametrize("account", ["111122223333", "444455556666"])
def test_any_account_may_be_the_world_s(account: str) -> None:
    """Odd and even account ids are answered for alike."""
    with serve(SmallWorld(ROLE, account)) as running:
        role = client(running, "iam").get_role(RoleName=ROLE)["Role"]
    assert role["Arn"].split(":")[4] == account


def test_sixteen_clients_at_once(sandbox: RunningSandbox) -> None:
    """Sixteen clients reading and writing together get their own answers and no errors, each call journalled once."""
    services = {name: client(sandbox, name) for name in ("dynamodb", "iam", "lambda", "kms")}

    def work(number: int) -> bool:
        name = f"thing-{number}"
        table = services["dynamodb"].describe_table(TableName=name)["Table"]["TableName"]
        services["iam"].create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        role = services["iam"].get_role(RoleName=name)["Role"]["RoleName"]
        function = services["lambda"].get_function(FunctionName=name)["Configuration"]["FunctionName"]
        services["iam"].list_roles()
        services["kms"].create_key(Description=name)
        return {table, role, function} == {name}

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(work, range(32)))
    assert len(sandbox.journal) == 32 * 6
    assert sorted(entry.sequence for entry in sandbox.journal) == list(range(1, 32 * 6 + 1))
    assert sandbox.violations == []


def test_a_head_request_and_a_chunked_one_leave_the_connection_in_order(sandbox: RunningSandbox) -> None:
    """Replies without a body and requests without a length do not put later replies on a connection out of step."""
    connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"))
    connection.request("HEAD", "/")
    assert connection.getresponse().read() == b""
    scope = f"AWS4-HMAC-SHA256 Credential={INVESTIGATOR}/20260314/eu-west-1/dynamodb/aws4_request, Signature=0"
    headers = {"X-Amz-Target": "DynamoDB_20120810.DescribeTable", "Authorization": scope}
    for _ in range(2):
        connection.request("POST", "/", iter([b'{"TableName":', b'"Orders"}']), headers, encode_chunked=True)
        assert json.loads(connection.getresponse().read())["Table"]["TableName"] == "Orders"
    connection.close()


def test_connections_are_kept(sandbox: RunningSandbox) -> None:
    """Calls of one client share a connection, errors and answers alike."""
    connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"))
    connection.connect()
    socket_before = connection.sock
    for _ in range(3):
        connection.request("POST", "/", b"body")
        assert connection.getresponse().read()
    assert connection.sock is socket_before
    connection.close()


def test_the_journal_tells_who_asked_what(sandbox: RunningSandbox) -> None:
    """The journal names the caller, the call, the region, the outcome and where the answer came from."""
    error_of(lambda: client(sandbox, "dynamodb", "eu-north-1", "AKIDOTHER").describe_table(TableName="missing"))
    (entry,) = sandbox.journal
    assert (entry.access_key, entry.service, entry.operation) == ("AKIDOTHER", "dynamodb", "DescribeTable")
    assert (entry.region, entry.status, entry.source) == ("eu-north-1", 400, "world")
    assert entry.error == "ResourceNotFoundException"


def test_a_stopped_sandbox_is_gone() -> None:
    """After stop the port refuses connections, kept connections are closed and no thread is left; twice is harmless."""
    threads = threading.active_count()
    running = serve(SmallWorld())
    dynamodb = client(running, "dynamodb")
    dynamodb.describe_table(TableName="Orders")
    running.stop()
    running.stop()
    with pytest.raises((EndpointConnectionError, NoConnection)):
        dynamodb.describe_table(TableName="Orders")
    assert threading.active_count() <= threads


def test_a_taken_port_is_an_error(sandbox: RunningSandbox) -> None:
    """Serving on a port in use raises OSError."""
    with pytest.raises(OSError, match="in use"):
        serve(SmallWorld(), port=int(sandbox.url.rpartition(":")[2]))


def test_latency_is_added() -> None:
    """A latency rule makes a call wait, and only the calls it names."""
    with serve(SmallWorld(), rules=[rules.latency(300, "dynamodb")]) as running:
        slow, quick = client(running, "dynamodb"), client(running, "lambda")
        started = time.perf_counter()
        slow.describe_table(TableName="Orders")
        waited = time.perf_counter() - started
        quick.get_function(FunctionName="f")
        assert waited >= 0.3
        assert [entry.ms >= 300 for entry in running.journal] == [True, False]
