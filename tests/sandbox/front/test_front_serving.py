"""The front as a server: determinism, isolation, many clients at once, connections, the journal."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ConnectionError as NoConnection
from botocore.exceptions import EndpointConnectionError
from small_world import ROLE, TRUST, SmallWorld, client, error_of

from runbook_lib.sandbox import INVESTIGATOR, RunningSandbox, serve
from runbook_lib.sandbox.wire import rules


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


def of_two_sandboxes() -> tuple[list[bytes], list[bytes]]:
    """Return the bodies of two sandboxes of the same world, alive at once."""
    with serve(SmallWorld(ROLE)) as first, serve(SmallWorld(ROLE)) as other:
        return bodies(first), bodies(other)


def test_the_same_world_gives_the_same_bytes() -> None:
    """Two sandboxes of the same world give byte-identical bodies and request ids."""
    first, second = of_two_sandboxes()
    assert len(first) >= 12
    assert first == second


@pytest.mark.sampled
def test_the_first_sandbox_of_a_process_gives_the_same_bytes() -> None:
    """What moto does once per process leaves no mark on the ids of whichever sandbox comes first in it."""
    code = """if True:
        import test_front_serving, small_world
        from runbook_lib.sandbox.wire import front
        front.ANSWERS = small_world.ANSWERS
        print(*test_front_serving.of_two_sandboxes(), sep="\\n")
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    printed = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True, timeout=120)
    first, second = printed.splitlines()
    assert first == second == repr(of_two_sandboxes()[0])


def test_the_seed_changes_the_request_ids() -> None:
    """Another seed gives other ids, so determinism is the seed's doing."""
    with serve(SmallWorld()) as first, serve(SmallWorld(), seed=1) as other:
        ids = [
            client(s, "dynamodb").describe_table(TableName="Orders")["ResponseMetadata"]["RequestId"]
            for s in (first, other)
        ]
    assert ids[0] != ids[1]


def test_sandboxes_do_not_see_each_other() -> None:
    """What is created in one sandbox is not there in another of the same account."""
    with serve(SmallWorld("role-one")) as first, serve(SmallWorld("role-two")) as other:
        names = [[role["RoleName"] for role in client(s, "iam").list_roles()["Roles"]] for s in (first, other)]
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
        assert all(pool.map(work, range(16)))
    assert len(sandbox.journal) == 16 * 6
    assert sorted(entry.sequence for entry in sandbox.journal) == list(range(1, 16 * 6 + 1))
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
