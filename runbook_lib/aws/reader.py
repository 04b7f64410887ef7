"""The Reader: answers from the record, from a call under way, or from AWS; everything is recorded."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from runbook_lib import instant
from runbook_lib.archive.record import Record, RecordedCall, call_ref
from runbook_lib.archive.redact import Redactor
from runbook_lib.aws.live import Live
from runbook_lib.aws.reads import READS, Paging, iam_action
from runbook_lib.aws.trouble import CREDENTIALS, DENIED, THROTTLED
from runbook_lib.incident import Scope
from runbook_lib.observed import Gap, NotObserved, attempt

_MOST_PAGES = 50


class Answer(dict[str, Any]):
    """An answer of AWS, or a part of one, and the recorded call it came from.

    `answer[name]` is for a member that AWS always sends: without it nothing follows from the answer, so reading it
    raises NotObserved. `answer.get(name)` is for a member whose absence says something.
    """

    def __init__(self, members: Mapping[str, Any], call: RecordedCall) -> None:
        super().__init__(members)
        self.ref = call.ref
        self.call = call

    def __getitem__(self, name: str) -> Any:
        value = self.get(name)
        if value is None:
            raise NotObserved(_unusable(self.call, f"without `{name}`"))
        return self.part(value)

    def part(self, value: Any) -> Any:
        """Give a part of this answer, as one with members of its own where it has any."""
        return Answer(value, self.call) if isinstance(value, Mapping) else value

    def require(self, **members: Callable[[Any], object]) -> Answer:
        """Give this answer when it has these members and each can be read so. Raises NotObserved."""
        for name, read in members.items():
            self._read(name, self[name], read)
        return self

    def require_if_present(self, **members: Callable[[Any], object]) -> Answer:
        """Give this answer when each of these members, where it is there, can be read so. Raises NotObserved."""
        for name, read in members.items():
            if self.get(name) is not None:
                self._read(name, self[name], read)
        return self

    def _read(self, name: str, value: Any, read: Callable[[Any], object]) -> None:
        try:
            read(value)
        except ValueError:
            raise NotObserved(_unusable(self.call, f"with a `{name}` that cannot be read")) from None


@dataclass(frozen=True)
class Pages:
    """The pages of one paginated call. `truncated`: there was more than may be fetched."""

    answers: tuple[Answer, ...]
    truncated: bool
    ref: str

    def items(self, member: str) -> list[Any]:
        """Give the items of all pages, in order. Raises NotObserved when a page has no such list, not even an empty."""
        return [answer.part(item) for answer in self.answers for item in answer[member]]

    def every(self, member: str) -> list[Any]:
        """Give the items of all pages where absence from the list says something. Raises NotObserved when it is cut."""
        if self.truncated:
            raise NotObserved(_truncated(self.answers[0], len(self.answers)))
        return self.items(member)


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
        self._flying: dict[tuple[str, int], Future[RecordedCall]] = {}
        self._lock = threading.Lock()

    @property
    def scope(self) -> Scope:
        """Where and when this run looks."""
        return self.record.scope

    def for_step(self, step: str) -> StepReader:
        """Give the door to one step; its calls are kept in that step's evidence file."""
        return StepReader(self, step)

    def stop(self) -> None:
        """Ask AWS no more: from here on only what is recorded can be had."""
        if self.live is not None:
            self.live.budget.stop()
        self.live = None

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
    ) -> RecordedCall:
        """Answer one call from the record, from one already under way, or from AWS. Raises NotObserved in replay."""
        if operation not in READS.get(service, ()):
            raise PermissionError(f"{service}:{operation} is not on the Reader's list of reads.")
        ref = call_ref(service, operation, region, params)
        with self._lock:
            known = self.record.find(ref, page)
            if known is not None:
                return known
            flying = self._flying.get((ref, page))
            mine: Future[RecordedCall] = Future()
            if flying is None:
                self._flying[ref, page] = mine
        if flying is not None:
            return flying.result()
        try:
            live = self.live
            if live is None:
                raise NotObserved(_not_recorded(service, operation, region, ref))
            call = self._ask(live, step, service, operation, region, params, ref, token, page, keep)
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
        live: Live,
        step: str,
        service: str,
        operation: str,
        region: str,
        params: Mapping[str, Any],
        ref: str,
        token: str | None,
        page: int,
        keep: Callable[[dict[str, Any]], dict[str, Any]] | None,
    ) -> RecordedCall:
        paging = READS[service][operation]
        asked = dict(params)
        if token is not None and paging is not None:
            asked[paging.parameter] = token
        started = datetime.now(UTC)
        begun = time.monotonic()
        outcome = live.ask(service, operation, region, asked)
        ms = round((time.monotonic() - begun) * 1000)
        answer = plain(outcome.answer)
        response = None if outcome.failed else (keep(answer) if keep else answer)
        kept, redacted = self.redactor.answer(operation, answer if outcome.failed else response)
        return RecordedCall(
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
    """The Reader as one step sees it; `actions` remembers the IAM actions that its calls needed."""

    def __init__(self, reader: Reader, step: str) -> None:
        self._reader = reader
        self._step = step
        self.actions: set[str] = set()

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
        """The region of the run."""
        return self._reader.scope.region

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
        region = region or self._reader.scope.region
        self.actions.add(iam_action(service, operation))
        call = self._reader.fetch(self._step, service, operation, region, params, keep=keep)
        if call.error is None:
            return _answer(call)
        if call.error["code"] in absent:
            return None
        raise NotObserved(_gap(call))

    def ref(self, service: str, operation: str, *, region: str | None = None, **params: Any) -> str:
        """Name the recorded call that these arguments make, for something whose absence was the answer."""
        return call_ref(service, operation, region or self._reader.scope.region, params)

    def pages(
        self, service: str, operation: str, *, region: str | None = None, most: int = _MOST_PAGES, **params: Any
    ) -> Pages:
        """Follow a pagination to its end, or to `most` pages. Raises NotObserved if the first page cannot be had.

        A page that fails later, or a token that comes back twice, ends it as truncated: what was read is kept.
        """
        region = region or self._reader.scope.region
        self.actions.add(iam_action(service, operation))
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


def _answer(call: RecordedCall) -> Answer:
    return Answer(call.response or {}, call)


def _next_token(answer: Mapping[str, Any], paging: Paging) -> str | None:
    if answer.get("IsTruncated") is False:
        return None
    value: Any = answer
    for name in paging.token:
        value = (value or {}).get(name)
    return value or None


def plain(value: Any) -> Any:
    """Turn boto3's values into plain JSON ones: times to ISO 8601 UTC text, bytes to base64 text.

    A null says nothing, so it is left out.
    """
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, datetime):
        return instant.iso(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items() if key != "ResponseMetadata" and item is not None}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value if item is not None]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def _gap(call: RecordedCall) -> Gap:
    """Say in one sentence why an answer is missing, and what would help."""
    error = call.error or {}
    code = str(error.get("code", "Unknown"))
    name = iam_action(call.service, call.operation)
    where = f"{name} in {call.region}"
    if code in DENIED:
        reason = f"These credentials may not call {where}."
    elif code in THROTTLED:
        reason = f"{where} was still throttled after {call.retries + 1} attempts."
    elif code in CREDENTIALS:
        reason = f"The credentials were no longer accepted at {where} ({code})."
    elif code == "SubscriptionRequiredException":
        reason = "AWS Health answers only accounts with a Business or Enterprise support plan; nothing was ruled out."
    else:
        reason = f"{where} failed: {code}: {error.get('message') or 'no message'}"
    return Gap(name, call.region, code, reason, name if code in DENIED else None, call.ref)


def _unusable(call: RecordedCall, how: str) -> Gap:
    name = iam_action(call.service, call.operation)
    return Gap(name, call.region, "Unusable", f"{name} in {call.region} answered {how}.", None, call.ref)


def _truncated(first: Answer, pages: int) -> Gap:
    name, region = iam_action(first.call.service, first.call.operation), first.call.region
    return Gap(name, region, "Truncated", f"{name} in {region} broke off after {pages} pages.", None, first.ref)


def _not_recorded(service: str, operation: str, region: str, ref: str) -> Gap:
    name = iam_action(service, operation)
    return Gap(name, region, "NotRecorded", f"The recorded run holds no answer of {name} in {region}.", None, ref)
