"""Moto behind the front, in this process, for the operations it answers rightly.

Every sandbox has an account of its own inside moto (moto's state is one per process, apart by account), and this module
translates: calls go in with the world's account id replaced by the inner one and answers come out the other way. So
sandboxes never see each other and moto is never reset.

Moto is not on the world's clock (freezing time would freeze the whole process) nor deterministic by itself. Both are
mended here: its random source is seeded before every call, and the times it took from the process are replaced.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from threading import RLock
from typing import Any

import boto3
from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError, not_emulated
from runbook_lib.sandbox.wire.renamed import renamed

_IAM = (
    "AttachRolePolicy",
    "CreatePolicy",
    "CreatePolicyVersion",
    "CreateRole",
    "DeletePolicy",
    "DeletePolicyVersion",
    "DeleteRole",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "GetPolicy",
    "GetPolicyVersion",
    "GetRole",
    "GetRolePolicy",
    "ListAttachedRolePolicies",
    "ListPolicies",
    "ListRolePolicies",
    "ListRoles",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "SetDefaultPolicyVersion",
    "UpdateAssumeRolePolicy",
)
_KMS = ("CreateAlias", "CreateKey", "DescribeKey", "DisableKey", "EnableKey", "GetKeyPolicy", "ListAliases", "ListKeys")
_SNS = ("CreateTopic", "GetTopicAttributes", "ListSubscriptionsByTopic", "ListTopics")
_SQS = ("CreateQueue", "GetQueueAttributes", "GetQueueUrl", "ListQueues", "ReceiveMessage", "SendMessage")
_STS = ("AssumeRole", "GetCallerIdentity")

ALLOWED: dict[str, frozenset[str]] = {
    "iam": frozenset(_IAM),
    "kms": frozenset(_KMS),
    "sns": frozenset(_SNS),
    "sqs": frozenset(_SQS),
    "sts": frozenset(_STS),
}
"""What moto answers rightly and the sandbox lets it answer. All else is the world's, or not emulated.

Left out for cause: streams, mappings, metrics, log queries and the trail, which moto answers wrongly or not at all.
"""

AGE_OF_MOTO_RESOURCES = timedelta(days=180)
"""How long before the world's now everything moto holds is said to have been made."""

_Raw = tuple[int, dict[str, str], bytes]
"""Status, headers and body of a reply."""

_inner_accounts = count(900_000_000_000, 2)
_EPOCH = re.compile(r"\d{10,}(\.\d+)?")
_moto_lock = RLock()
"""Moto's own state is not safe under concurrent reading and writing, and its random source is one per process."""


class MotoBackend:
    """Moto as one sandbox sees it. `account` is the world's; `now` tells the world's time; `seed` fixes its ids."""

    def __init__(self, account: str, now: Callable[[], datetime], seed: int) -> None:
        with _moto_lock:
            inner = str(next(_inner_accounts) + int(account) % 2)
        self._inner = inner
        self._outward = {inner: account, _id_part(inner): _id_part(account)}
        self._inward = {outer: inner for inner, outer in self._outward.items()}
        self._now = now
        self._seed = seed
        self._calls = count()
        self._clients: dict[tuple[str, str], Any] = {}

    def answers(self, service: str, operation: str) -> bool:
        """Tell whether moto is let to answer this."""
        return operation in ALLOWED.get(service, frozenset())

    def client(self, service: str, region: str) -> Any:
        """Return a boto3 client that talks to moto in this process, in this sandbox's own inner account.

        Account ids in parameters and answers are translated; times are moto's own.
        """
        key = (service, region)
        with _moto_lock:
            if key not in self._clients:
                self._clients[key] = self._new_client(service, region)
            return self._clients[key]

    def ask(self, call: Call) -> dict[str, Any]:
        """Return moto's parsed answer to a call, with account ids and times made the world's. Raises `ApiError`."""
        ask = getattr(self.client(call.service, call.region), xform_name(call.operation))
        try:
            answer = ask(**call.params)
        except ClientError as error:
            raise _api_error(error.response) from error
        except NotImplementedError as error:
            raise not_emulated(call.action) from error
        answer.pop("ResponseMetadata", None)
        return dict(self._retimed(answer))

    def pass_on(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Give moto a request as it came; returns its status, headers and body, which speak of no account or time."""
        return self._answered(AWSPreparedRequest(method, url, dict(headers), body, False))

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()

    def _new_client(self, service: str, region: str) -> Any:
        """Return a client whose requests end in moto."""
        session = boto3.session.Session(
            aws_access_key_id="AKIDSANDBOXBACKEND", aws_secret_access_key="sandbox", region_name=region
        )
        config = Config(
            account_id_endpoint_mode="disabled",
            retries={"total_max_attempts": 1},
            parameter_validation=False,
            ignore_configured_endpoint_urls=True,
        )
        client = session.client(service, config=config)
        events = client.meta.events
        events.register("provide-client-params", lambda params, **_: renamed(params, self._inward))
        events.register("before-send", self._send)
        events.register("after-call", lambda parsed, **_: parsed.update(renamed(parsed, self._outward)))
        return client

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        """Give a prepared request to moto instead of the network."""
        from moto.core.botocore_stubber import MockRawResponse

        status, headers, body = self._answered(request)
        return AWSResponse(request.url, status, headers, MockRawResponse(body))

    def _answered(self, request: Any) -> _Raw:
        """Let moto answer, its random source seeded for this very call."""
        # Imported here: half a second, which a world that asks nothing of moto need not pay.
        from moto.core.botocore_stubber import BotocoreStubber
        from moto.moto_api._internal import mock_random

        request.headers["x-moto-account-id"] = self._inner
        with _moto_lock:
            _make_ready()
            mock_random.seed(f"{self._seed}:{next(self._calls)}")
            status, headers, body = BotocoreStubber().process_request(request)
        return status, dict(headers), body if isinstance(body, bytes) else str(body).encode()

    def _retimed(self, value: Any, name: str = "") -> Any:
        """Return an answer with a time of the world for every time moto took from the process clock.

        Session tokens, the one thing moto draws from the system's random source, become one word.
        """
        if isinstance(value, Mapping):
            return {key: self._retimed(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._retimed(item, name) for item in value]
        made = (self._now() - AGE_OF_MOTO_RESOURCES).replace(microsecond=0)
        if isinstance(value, datetime):
            return self._now() + timedelta(hours=1) if name == "Expiration" else made
        if name.endswith("Timestamp") and isinstance(value, str) and _EPOCH.fullmatch(value):
            return str(int(made.timestamp()))
        return "sandbox-session-token" if name == "SessionToken" else value


@cache
def _make_ready() -> None:
    """Have moto load its services and make the account it routes by, once per process.

    Both draw from its random source; left to the first call of a process, they would give that call other ids.
    """
    from moto.backends import get_backend
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.core.config import default_user_config

    default_user_config["iam"]["load_aws_managed_policies"] = True
    for service in ALLOWED:
        regions = get_backend(service)[DEFAULT_ACCOUNT_ID]
        _ = regions["us-east-1" if "us-east-1" in regions else "aws"].urls


def _id_part(account: str) -> str:
    """Return what an account contributes to the ids of its roles and keys, which is also what moto writes there.

    See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html; the half of the number is encoded,
    so an inner account must be even when the outer one is.
    """
    return base64.b32encode((int(account) // 2 + (1 << 39)).to_bytes(5, "big")).decode("ascii")


def _api_error(response: Mapping[str, Any]) -> ApiError:
    """Return a client's error as the error of the service it was."""
    error = response["Error"]
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    members = {key: value for key, value in response.items() if key not in {"Error", "ResponseMetadata", "message"}}
    return ApiError(error["Code"], error.get("Message", ""), status, **members)
