"""The one door to AWS: read-only by construction, recorded, replayable.

`Reader` answers a call from the record when it is there, asks AWS when it may, and otherwise leaves a gap. Nothing
behind it can tell a live run from a replayed one. Answers are plain JSON values: times are ISO 8601 UTC text.
"""

from __future__ import annotations

import base64
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, cast

from runbook_lib import instant
from runbook_lib._version import __version__
from runbook_lib.errors import CannotRun
from runbook_lib.evidence import Gap, NotObserved, attempt
from runbook_lib.incident import Incident, suggestion
from runbook_lib.record import Call, Record, call_ref
from runbook_lib.redact import Redactor


class Paging(NamedTuple):
    """How an operation pages: the parameter that takes the token, and where the answer holds the next one."""

    parameter: str
    token: tuple[str, ...]


_MARKER = Paging("Marker", ("NextMarker",))
_IAM = Paging("Marker", ("Marker",))
_ONE = None

READS: Mapping[str, Mapping[str, Paging | None]] = {
    "sts": {"GetCallerIdentity": _ONE},
    "health": {"DescribeEvents": Paging("nextToken", ("nextToken",))},
    "dynamodb": {
        "DescribeTable": _ONE,
        "ListTables": Paging("ExclusiveStartTableName", ("LastEvaluatedTableName",)),
        "DescribeKinesisStreamingDestination": _ONE,
        "GetResourcePolicy": _ONE,
    },
    "dynamodbstreams": {
        "ListStreams": Paging("ExclusiveStartStreamArn", ("LastEvaluatedStreamArn",)),
        "DescribeStream": Paging("ExclusiveStartShardId", ("StreamDescription", "LastEvaluatedShardId")),
        "GetShardIterator": _ONE,
        "GetRecords": _ONE,
    },
    "lambda": {
        "ListEventSourceMappings": _MARKER,
        "GetEventSourceMapping": _ONE,
        "GetFunctionConfiguration": _ONE,
        "ListFunctions": _MARKER,
        "ListAliases": _MARKER,
        "GetFunctionConcurrency": _ONE,
        "GetAccountSettings": _ONE,
    },
    "iam": {
        "GetRole": _ONE,
        "ListRolePolicies": _IAM,
        "GetRolePolicy": _ONE,
        "ListAttachedRolePolicies": _IAM,
        "GetPolicy": _ONE,
        "GetPolicyVersion": _ONE,
        "SimulatePrincipalPolicy": _IAM,
    },
    "logs": {
        "DescribeLogGroups": Paging("nextToken", ("nextToken",)),
        "DescribeLogStreams": Paging("nextToken", ("nextToken",)),
        "FilterLogEvents": Paging("nextToken", ("nextToken",)),
    },
    "cloudwatch": {"GetMetricData": Paging("NextToken", ("NextToken",))},
    "cloudtrail": {"LookupEvents": Paging("NextToken", ("NextToken",))},
}
"""Every operation that may leave through this door. All are reads."""

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "Forbidden"}
_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
}
_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "InvalidSignatureException",
    "AuthFailure",
}
_MOST_PAGES = 50

_PACE_PER_S: Mapping[tuple[str, str], float] = {
    ("cloudtrail", "LookupEvents"): 2,
    ("dynamodbstreams", "DescribeStream"): 10,
    ("dynamodbstreams", "ListStreams"): 5,
    ("lambda", "*"): 15,
    ("logs", "FilterLogEvents"): 5,
}
"""Requests per second that AWS grants one account in one region (service quota pages, read 2026)."""


class Answer(dict[str, Any]):
    """An answer of AWS, with the name of the recorded call it came from."""

    ref: str


@dataclass(frozen=True)
class Pages:
    """The pages of one paginated call. `truncated`: there was more than may be fetched."""

    answers: tuple[Answer, ...]
    truncated: bool
    ref: str

    def items(self, member: str) -> list[dict[str, Any]]:
        """Give the items of all pages, in order."""
        return [item for answer in self.answers for item in answer.get(member) or ()]


def iam_action(service: str, operation: str) -> str:
    """Name the IAM action that a call needs."""
    prefix = {"dynamodbstreams": "dynamodb"}.get(service, service)
    return f"{prefix}:{operation}"


def together(*looks: Callable[[], Any]) -> tuple[Any, ...]:
    """Look at several things at the same time; each that could not be seen leaves its gap."""
    if len(looks) < 2:
        return tuple(attempt(look) for look in looks)
    with ThreadPoolExecutor(max_workers=min(len(looks), 12)) as pool:
        return tuple(pool.map(attempt, looks))


class Reader:
    """Reads AWS for one run. `live` None replays: what was not recorded is a gap."""

    def __init__(self, record: Record, live: Live | None, redactor: Redactor | None = None) -> None:
        self.record = record
        self.live = live
        self.redactor = redactor or Redactor()
        self._flying: dict[tuple[str, int], Future[Call]] = {}
        self._lock = threading.Lock()

    @property
    def incident(self) -> Incident:
        """The incident under investigation."""
        return self.record.incident

    def for_step(self, step: str) -> StepReader:
        """Give the door to one step; its calls are kept in that step's evidence file."""
        return StepReader(self, step)

    def settle(self, step: str) -> None:
        """Make sure that a step's calls are on the disk, and who stands behind the pseudonyms beside them."""
        self.record.sync(step)
        if self.record.folder is not None and self.live is not None:
            self.redactor.keep(self.record.folder)

    def fetch(
        self,
        step: str,
        service: str,
        operation: str,
        region: str,
        params: Mapping[str, Any],
        *,
        token: str | None = None,
        page: int = 1,
        keep: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> Call:
        """Answer one call from the record, from one already under way, or from AWS. Raises NotObserved in replay."""
        if operation not in READS.get(service, ()):
            raise PermissionError(f"{service}:{operation} is not on the Reader's list of reads.")
        ref = call_ref(service, operation, region, params)
        with self._lock:
            known = self.record.find(ref, page)
            if known is not None:
                return known
            flying = self._flying.get((ref, page))
            mine: Future[Call] = Future()
            if flying is None:
                self._flying[ref, page] = mine
        if flying is not None:
            return flying.result()
        try:
            if self.live is None:
                raise NotObserved(_not_recorded(service, operation, region, ref))
            call = self._ask(step, service, operation, region, params, ref, token, page, keep)
            self.record.add(call)
        except BaseException as failure:
            mine.set_exception(failure)
            raise
        else:
            mine.set_result(call)
            return call
        finally:
            with self._lock:
                self._flying.pop((ref, page), None)

    def _ask(
        self,
        step: str,
        service: str,
        operation: str,
        region: str,
        params: Mapping[str, Any],
        ref: str,
        token: str | None,
        page: int,
        keep: Callable[[dict[str, Any]], dict[str, Any]] | None,
    ) -> Call:
        assert self.live is not None
        paging = READS[service][operation]
        asked = dict(params)
        if token is not None and paging is not None:
            asked[paging.parameter] = token
        started = datetime.now(UTC)
        begun = time.monotonic()
        outcome = self.live.ask(service, operation, region, asked)
        ms = round((time.monotonic() - begun) * 1000)
        answer = plain(outcome.answer)
        response = None if outcome.failed else (keep(answer) if keep else answer)
        kept, redacted = self.redactor.answer(operation, answer if outcome.failed else response)
        return Call(
            ref=ref,
            page=page,
            step=step,
            service=service,
            operation=operation,
            region=region,
            params=plain(asked),
            started=instant.iso(started),
            ms=ms,
            request_id=outcome.request_id,
            retries=outcome.retries,
            response=None if outcome.failed else kept,
            error=kept if outcome.failed else None,
            redacted=redacted or None,
        )


class StepReader:
    """The Reader as one step sees it; `asked` remembers the IAM actions that its calls needed."""

    def __init__(self, reader: Reader, step: str) -> None:
        self._reader = reader
        self._step = step
        self.asked: set[str] = set()

    @property
    def identity(self) -> Mapping[str, str]:
        """Who we are: `Account` and `Arn`, as the run began with."""
        return cast(Mapping[str, str], self._reader.record.run["identity"])

    @property
    def peek(self) -> bool:
        """Whether a sample of stream records was asked for when the run began."""
        return bool(self._reader.record.run.get("peek"))

    @property
    def region(self) -> str:
        """The incident's region."""
        return self._reader.incident.region

    def call(
        self,
        service: str,
        operation: str,
        *,
        region: str | None = None,
        keep: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        **params: Any,
    ) -> Answer:
        """Make one call. Raises NotObserved for whatever keeps us from an answer.

        `keep` reduces an answer to what may be kept; nothing else of it is recorded or returned.
        """
        answer = self.find(service, operation, absent=(), region=region, keep=keep, **params)
        assert answer is not None
        return answer

    def find(
        self,
        service: str,
        operation: str,
        *,
        absent: tuple[str, ...] = ("ResourceNotFoundException",),
        region: str | None = None,
        keep: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        **params: Any,
    ) -> Answer | None:
        """Make one call for something that may not exist: None when AWS answers with one of the `absent` codes."""
        region = region or self._reader.incident.region
        self.asked.add(iam_action(service, operation))
        call = self._reader.fetch(self._step, service, operation, region, params, keep=keep)
        if call.error is None:
            return _answer(call)
        if call.error["code"] in absent:
            return None
        raise NotObserved(_gap(call))

    def ref(self, service: str, operation: str, *, region: str | None = None, **params: Any) -> str:
        """Name the recorded call that these arguments make, for something whose absence was the answer."""
        return call_ref(service, operation, region or self._reader.incident.region, params)

    def pages(
        self, service: str, operation: str, *, region: str | None = None, most: int = _MOST_PAGES, **params: Any
    ) -> Pages:
        """Follow a pagination to its end, or to `most` pages. Raises NotObserved if the first page cannot be had.

        A page that fails later, or a token that comes back twice, ends it as truncated: what was read is kept.
        """
        region = region or self._reader.incident.region
        self.asked.add(iam_action(service, operation))
        paging = READS[service][operation]
        assert paging is not None, f"{operation} does not page"
        answers: list[Answer] = []
        token: str | None = None
        used: set[str] = set()
        ref = call_ref(service, operation, region, params)
        while True:
            try:
                call = self._reader.fetch(
                    self._step, service, operation, region, params, token=token, page=len(answers) + 1
                )
            except NotObserved:
                if not answers:
                    raise
                return Pages(tuple(answers), True, ref)
            if call.error is not None:
                if not answers:
                    raise NotObserved(_gap(call))
                return Pages(tuple(answers), True, ref)
            answers.append(_answer(call))
            token = _next_token(answers[-1], paging)
            if token is None:
                return Pages(tuple(answers), False, ref)
            if token in used or len(answers) >= most:
                return Pages(tuple(answers), True, ref)
            used.add(token)


def _answer(call: Call) -> Answer:
    answer = Answer(call.response or {})
    answer.ref = call.ref
    return answer


def _next_token(answer: Mapping[str, Any], paging: Paging) -> str | None:
    if answer.get("IsTruncated") is False:
        return None
    value: Any = answer
    for name in paging.token:
        value = (value or {}).get(name)
    return value or None


def plain(value: Any) -> Any:
    """Turn boto3's values into plain JSON ones: times to ISO 8601 UTC text, bytes to base64 text."""
    if isinstance(value, datetime):
        return instant.iso(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _gap(call: Call) -> Gap:
    """Say in one sentence why an answer is missing, and what would help."""
    error = call.error or {}
    code = str(error.get("code", "Unknown"))
    name = iam_action(call.service, call.operation)
    where = f"{name} in {call.region}"
    if code in _DENIED:
        reason = f"These credentials may not call {where}."
    elif code in _THROTTLED:
        reason = f"{where} was still throttled after {call.retries + 1} attempts."
    elif code in _CREDENTIALS:
        reason = f"The credentials were no longer accepted at {where} ({code})."
    elif code == "SubscriptionRequiredException":
        reason = "AWS Health answers only accounts with a Business or Enterprise support plan; nothing was ruled out."
    else:
        reason = f"{where} failed: {code}: {error.get('message') or 'no message'}"
    return Gap(name, call.region, code, reason, name if code in _DENIED else None, call.ref)


def _not_recorded(service: str, operation: str, region: str, ref: str) -> Gap:
    name = iam_action(service, operation)
    return Gap(name, region, "NotRecorded", f"The recorded run holds no answer of {name} in {region}.", None, ref)


class Outcome(NamedTuple):
    """What came back from AWS: an answer, or an error as `{code, message, status}`."""

    answer: Mapping[str, Any]
    failed: bool
    request_id: str
    retries: int


class Live:
    """AWS itself, through boto3, with the responder's credentials. Clients are made once and shared by threads."""

    def __init__(self, incident: Incident) -> None:
        self._incident = incident
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self._pace = Pace()
        self._session = self._open_session()

    def identify(self) -> tuple[dict[str, Any], datetime]:
        """Ask who we are: the identity, and AWS's own clock, which becomes the run's. Raises CannotRun."""
        outcome = self.ask("sts", "GetCallerIdentity", self._incident.region, {})
        if outcome.failed:
            raise self._cannot_run(outcome.answer)
        identity = {"Account": outcome.answer.get("Account", ""), "Arn": outcome.answer.get("Arn", "")}
        expected = self._incident.account_id
        if expected and identity["Account"] != expected:
            raise CannotRun(
                f"These credentials belong to account {identity['Account']}, the parameters expect {expected}.",
                "Choose another `profile` or `assume_role_arn`, or correct `account_id`.",
            )
        date = (outcome.answer.get("ResponseMetadata") or {}).get("HTTPHeaders", {}).get("date")
        as_of = parsedate_to_datetime(date).astimezone(UTC) if date else datetime.now(UTC).replace(microsecond=0)
        return identity, as_of

    def ask(self, service: str, operation: str, region: str, params: Mapping[str, Any]) -> Outcome:
        """Make one request, with botocore's retries. Never raises for what AWS or the network answers."""
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            client = self._client(service, region)
            self._pace.wait(service, operation, region)
            answer = getattr(client, xform_name(operation))(**_typed(service, operation, params))
        except ClientError as failure:
            error = failure.response.get("Error") or {}
            meta = failure.response.get("ResponseMetadata") or {}
            said = {
                "code": error.get("Code", ""),
                "message": error.get("Message", ""),
                "status": meta.get("HTTPStatusCode"),
            }
            return Outcome(said, True, meta.get("RequestId", ""), meta.get("RetryAttempts", 0))
        except (BotoCoreError, OSError, ValueError) as failure:
            return Outcome({"code": type(failure).__name__, "message": str(failure), "status": None}, True, "", 0)
        meta = answer.get("ResponseMetadata") or {}
        return Outcome(answer, False, meta.get("RequestId", ""), meta.get("RetryAttempts", 0))

    def _client(self, service: str, region: str) -> Any:
        from botocore.config import Config

        key = (service, region)
        with self._lock:  # botocore sessions are not safe to create clients from concurrently
            if key not in self._clients:
                self._clients[key] = self._session.client(
                    service,
                    region_name=region,
                    config=Config(
                        retries={"mode": "standard", "total_max_attempts": 4},
                        connect_timeout=5,
                        read_timeout=20,
                        max_pool_connections=16,
                        user_agent_extra=f"stream-trigger-runbook/{__version__} incident/{self._incident.incident_id}",
                    ),
                )
            return self._clients[key]

    def _open_session(self) -> Any:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            session = boto3.Session(profile_name=self._incident.profile, region_name=self._incident.region)
            known = session.get_available_regions("dynamodb", partition_name=_partition(self._incident.region))
            if self._incident.region not in known:
                raise CannotRun(
                    f"There is no AWS region `{self._incident.region}`.", suggestion(self._incident.region, known)
                )
            if self._incident.assume_role_arn:
                session = _assume(session, self._incident)
        except (BotoCoreError, ClientError) as failure:
            raise self._cannot_run({"code": type(failure).__name__, "message": str(failure)}) from None
        return session

    def _cannot_run(self, error: Mapping[str, Any]) -> CannotRun:
        """Say what keeps us out of AWS, and what to do about it."""
        code, message = str(error.get("code", "")), str(error.get("message", ""))
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
        _CREDENTIALS,
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
        _DENIED,
        "The role cannot be assumed: {message}.",
        "Correct `assume_role_arn`, or ask for sts:AssumeRole on it.",
    ),
)


def _assume(session: Any, incident: Incident) -> Any:
    import boto3

    answer = session.client("sts").assume_role(
        RoleArn=incident.assume_role_arn, RoleSessionName=f"runbook-{incident.incident_id}"[:64]
    )
    given = answer["Credentials"]
    return boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=incident.region,
    )


def _partition(region: str) -> str:
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get("us-gov" if region.startswith("us-gov") else region[:2], "aws")


def _typed(service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Give times the type boto3 wants; CloudWatch Logs alone takes them as whole milliseconds, which stay."""
    timed = ("StartTime", "EndTime")
    return {
        key: instant.parse(value) if key in timed and isinstance(value, str) else value for key, value in params.items()
    }


class Pace:
    """Keeps calls under the rates AWS grants an account in a region; an overridden endpoint is not AWS and has none."""

    def __init__(self) -> None:
        self._next: dict[tuple[str, str, str], float] = {}
        self._lock = threading.Lock()
        self._applies = not os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("RUNBOOK_PACE") == "aws"

    def wait(self, service: str, operation: str, region: str) -> None:
        """Sleep until this call is due."""
        name = operation if (service, operation) in _PACE_PER_S else "*"
        rate = _PACE_PER_S.get((service, name))
        if rate is None or not self._applies:
            return
        with self._lock:
            now = time.monotonic()
            due = max(self._next.get((service, name, region), now), now)
            self._next[service, name, region] = due + 1 / rate
        time.sleep(max(0.0, due - now))
