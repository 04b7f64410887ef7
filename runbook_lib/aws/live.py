"""AWS itself, through boto3: sessions, clients, retries, and what keeps us out."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, NamedTuple

from runbook_lib import instant
from runbook_lib._version import __version__
from runbook_lib.archive.redact import Redactor
from runbook_lib.aws.budget import Budget
from runbook_lib.aws.trouble import CREDENTIALS, DENIED
from runbook_lib.errors import CannotRun
from runbook_lib.incident import Scope, suggestion
from runbook_lib.observed import NotObserved


def load() -> None:
    """Import boto3, which is otherwise done by the first question; a process that investigates often does it once."""
    import boto3  # noqa: F401


class CallOutcome(NamedTuple):
    """What came back from AWS: an answer, or an error as `{code, message, status}`."""

    answer: Mapping[str, Any]
    failed: bool
    request_id: str
    retries: int


class Live:
    """AWS itself, through boto3, with the responder's credentials. Clients are made once and shared by threads.

    `budget` is the account's; whoever looks at one account twice at the same time gives both the same. The clients of
    the services in `preload` are made while AWS says who we are, the others when they are asked for.
    """

    def __init__(self, scope: Scope, budget: Budget | None = None, preload: tuple[str, ...] = ()) -> None:
        self._scope = scope
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self.budget = budget or Budget()
        self._preload = preload
        self._session = self._open_session()

    def identify(self) -> tuple[dict[str, Any], datetime]:
        """Ask who we are: the identity, and AWS's own clock, which becomes the run's. Raises CannotRun."""
        self._client("sts", self._scope.region)
        if self._preload:
            threading.Thread(target=self._prepare, daemon=True).start()
        outcome = self.ask("sts", "GetCallerIdentity", self._scope.region, {})
        if outcome.failed:
            raise self._cannot_run(outcome.answer)
        identity = {"Account": outcome.answer.get("Account", ""), "Arn": outcome.answer.get("Arn", "")}
        expected = self._scope.account_id
        if expected and identity["Account"] != expected:
            raise CannotRun(
                f"These credentials belong to account {identity['Account']}, the parameters expect {expected}.",
                "Choose another `profile` or `assume_role_arn`, or correct `account_id`.",
            )
        date = (outcome.answer.get("ResponseMetadata") or {}).get("HTTPHeaders", {}).get("date")
        as_of = parsedate_to_datetime(date).astimezone(UTC) if date else datetime.now(UTC).replace(microsecond=0)
        return identity, as_of

    def ask(self, service: str, operation: str, region: str, params: Mapping[str, Any]) -> CallOutcome:
        """Make one request, with botocore's retries, when the budget allows it.

        Never raises for what AWS or the network answers. Raises NotObserved when it cannot be made in time.
        """
        from botocore import xform_name
        from botocore.exceptions import ClientError

        try:
            client = self._client(service, region)
            self.budget.wait(service, operation, region)
            answer = getattr(client, xform_name(operation))(**_typed(service, operation, params))
        except ClientError as failure:
            error = failure.response.get("Error") or {}
            meta = failure.response.get("ResponseMetadata") or {}
            said = {
                "code": error.get("Code", ""),
                "message": error.get("Message", ""),
                "status": meta.get("HTTPStatusCode"),
            }
            return CallOutcome(said, True, meta.get("RequestId", ""), meta.get("RetryAttempts", 0))
        except NotObserved:
            raise
        except Exception as failure:  # a body that is no answer makes botocore's parsers raise whatever they meet
            words = str(failure).partition("\n")[0]  # the body itself may follow
            return CallOutcome({"code": type(failure).__name__, "message": words, "status": None}, True, "", 0)
        meta = answer.get("ResponseMetadata") or {}
        return CallOutcome(answer, False, meta.get("RequestId", ""), meta.get("RetryAttempts", 0))

    def _prepare(self) -> None:
        """Make the clients that are needed first; what cannot be made is told by the call that needs it."""
        for service in self._preload:
            with suppress(Exception):  # also what a change of the environment, read meanwhile, makes of it
                self._client(service, self._scope.region)

    def _client(self, service: str, region: str) -> Any:
        from botocore.config import Config

        key = (service, region)
        with self._lock:  # botocore sessions are not safe to create clients from concurrently
            if key not in self._clients:
                client = self._clients[key] = self._session.client(
                    service,
                    region_name=region,
                    config=Config(
                        retries={"mode": "standard", "total_max_attempts": 4},
                        connect_timeout=5,
                        read_timeout=20,
                        max_pool_connections=16,
                        user_agent_extra=f"stream-trigger-runbook/{__version__} incident/{self._scope.incident_id}",
                    ),
                )
                client.meta.events.register("before-parse", _refuse_broken)
            return self._clients[key]

    def _open_session(self) -> Any:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            session = boto3.Session(profile_name=self._scope.profile, region_name=self._scope.region)
            known = session.get_available_regions("dynamodb", partition_name=_partition(self._scope.region))
            if self._scope.region not in known:
                raise CannotRun(
                    f"There is no AWS region `{self._scope.region}`.", suggestion(self._scope.region, known)
                )
            if self._scope.assume_role_arn:
                session = _assume(session, self._scope)
        except ClientError as failure:
            error = failure.response.get("Error") or {}
            raise self._cannot_run({"code": error.get("Code", ""), "message": error.get("Message", "")}) from None
        except BotoCoreError as failure:
            raise self._cannot_run({"code": type(failure).__name__, "message": str(failure)}) from None
        # botocore takes every time through the local zone: seconds for a day of metrics by the minute.
        session._session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_utc)
        return session

    def _cannot_run(self, error: Mapping[str, Any]) -> CannotRun:
        """Say what keeps us out of AWS, and what to do about it."""
        code, message = str(error.get("code", "")), Redactor().text(str(error.get("message", "")))
        for codes, problem, remedy in _STARTING_TROUBLE:
            if code in codes:
                return CannotRun(problem.format(message=message), remedy)
        return CannotRun(f"AWS did not say who we are: {code}: {message}.", "Try `aws sts get-caller-identity`.")


_STARTING_TROUBLE: tuple[tuple[set[str], str, str], ...] = (
    (
        {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"},
        "No AWS credentials were found.",
        "Sign in (`aws sso login`, or set AWS_PROFILE), or name a `profile` in the parameters.",
    ),
    (
        {
            "ExpiredToken",
            "ExpiredTokenException",
            "TokenRetrievalError",
            "SSOTokenLoadError",
            "UnauthorizedSSOTokenError",
        },
        "The AWS credentials have expired.",
        "Sign in again (`aws sso login`) and run the same command.",
    ),
    (
        CREDENTIALS,
        "AWS does not accept these credentials ({message}).",
        "Check AWS_PROFILE and the account, then try `aws sts get-caller-identity`.",
    ),
    ({"ProfileNotFound"}, "{message}.", "Correct `profile` in the parameters, or see `aws configure list-profiles`."),
    (
        {
            "EndpointConnectionError",
            "ConnectTimeoutError",
            "ReadTimeoutError",
            "ConnectionClosedError",
            "SSLError",
            "ProxyConnectionError",
        },
        "AWS cannot be reached: {message}.",
        "Check the network, proxy and AWS_ENDPOINT_URL.",
    ),
    (
        DENIED,
        "The role cannot be assumed: {message}.",
        "Correct `assume_role_arn`, or ask for sts:AssumeRole on it.",
    ),
)


def _assume(session: Any, scope: Scope) -> Any:
    import boto3

    answer = session.client("sts").assume_role(
        RoleArn=scope.assume_role_arn, RoleSessionName=f"runbook-{scope.incident_id}"[:64]
    )
    given = answer["Credentials"]
    return boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=scope.region,
    )


@lru_cache(maxsize=32_768)  # the series of one answer share their minutes, up to 20,160 in 14 days
def _utc(value: Any) -> datetime:
    """Read a time of an answer: epoch seconds, or text as botocore reads it."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    from botocore.utils import parse_timestamp

    found: datetime = parse_timestamp(value)
    return found.astimezone(UTC)


def _refuse_broken(response_dict: Mapping[str, Any], **_: Any) -> None:
    """Refuse a body that is not whole: botocore takes JSON that it cannot read for an answer without members."""
    kind = response_dict["headers"].get("content-type", "")
    if response_dict["status_code"] < 300 and "json" in kind and response_dict["body"]:
        json.loads(response_dict["body"])


def _partition(region: str) -> str:
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get("us-gov" if region.startswith("us-gov") else region[:2], "aws")


def _typed(service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Give times the type boto3 wants; CloudWatch Logs alone takes them as whole milliseconds, which stay."""
    timed = ("StartTime", "EndTime")
    return {
        key: instant.parse(value) if key in timed and isinstance(value, str) else value for key, value in params.items()
    }
