"""The front door of the sandbox: a WSGI application that speaks the wire protocols of AWS.

A call is recognised and decoded (`wire`, `codec`), passes the rules (`rules`), is answered by the world's own answers
(`registry`) or by moto behind them (`moto_backend`), checked against botocore's model (`conformance`) and encoded.

Deterministic: the `Date` header is the world's clock, and a request id follows from the seed and the call alone, so
that the same question to two sandboxes of one world gets the same bytes, in whatever order the questions come.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from itertools import count
from threading import Lock, RLock
from typing import Any, TypeVar
from typing import Protocol as TypingProtocol
from uuid import UUID

from runbook_lib.sandbox.wire import codec, conformance, objects, protocols
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError, not_emulated
from runbook_lib.sandbox.wire.journal import JournalEntry, Source
from runbook_lib.sandbox.wire.moto_backend import MotoBackend
from runbook_lib.sandbox.wire.rates import Rates
from runbook_lib.sandbox.wire.registry import ANSWERS
from runbook_lib.sandbox.wire.rules import ConnectionDropped, Rule, RuleBook, throttled

__all__ = ["Call", "Front", "ServedWorld"]

AnswerT = TypeVar("AnswerT")

_MOTOS_OWN = frozenset({"date", "last-modified", "content-length", "x-amz-request-id", "x-amzn-requestid", "server"})
"""Headers of moto's replies that tell its time and ids, or that the front writes itself."""

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class ServedWorld(TypingProtocol):
    """What the front needs of a world; the rest is between the world and its answers.

    `now` is the sandbox's clock (aware, UTC), `account` the account every answer speaks of. `seed_moto` is called once
    with a factory `(service, region) -> boto3 client` to create in moto what moto is to hold. A world may also have
    `rules`, an iterable of `Rule`, and `answer` calls itself, as one made of several worlds does; where it gives None
    the call is answered as for any other world. `account_of` tells such a world's account for a call.
    """

    @property
    def now(self) -> datetime:
        """The sandbox's clock."""

    @property
    def account(self) -> str:
        """The account every answer speaks of."""

    def seed_moto(self, client_factory: Callable[[str, str], Any]) -> None:
        """Create in moto what moto is to hold."""


@dataclass
class _Exchange:
    """One request on its way through the front: what is known of it so far, for the reply and the journal."""

    protocol: protocols.Protocol
    request_id: str
    sequence: int
    scope: protocols.Scope | None
    service: str = ""
    operation: str = ""
    source: Source = "none"
    error: str | None = None
    rules: tuple[Rule, ...] = ()


class Front:
    """A WSGI application that answers as AWS would, out of one world.

    `strict` turns an answer that botocore's models do not allow into HTTP 500 `SandboxDefect`; such answers, and
    exceptions in answers, are listed in `violations` either way. `rates` throttles what comes quicker than AWS lets it.
    `journal` lists every call in order of completion.
    """

    def __init__(
        self, world: ServedWorld, seed: int = 0, rules: Iterable[Rule] = (), strict: bool = True, rates: bool = False
    ) -> None:
        self._world = world
        self._rates = Rates() if rates else None
        self._seed = seed
        self._rules = RuleBook([*getattr(world, "rules", ()), *rules])
        self._strict = strict
        self._moto = MotoBackend(world.account, lambda: world.now, seed)
        self._sequence = count(1)
        self._answering = RLock()
        self._writing = Lock()
        self.journal: list[JournalEntry] = []
        self.violations: list[str] = []
        world.seed_moto(self._moto.client)

    def close(self) -> None:
        """Let go of the clients to moto."""
        self._moto.close()

    @property
    def enforces_rates(self) -> bool:
        """Whether what comes quicker than AWS lets it is throttled."""
        return self._rates is not None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one HTTP request. Raises `ConnectionDropped` when a rule says that no reply is to be given."""
        started = time.perf_counter()
        request = protocols.Request.from_environ(environ)
        exchange = self._open(request)
        status = 0
        try:
            reply = self._reply(exchange, request)
            status = reply.status
        finally:
            self._record(exchange, status, started)
        body = b"" if status == HTTPStatus.NO_CONTENT or request.method == "HEAD" else reply.body
        if any(rule.garbles for rule in exchange.rules):
            body = body[: len(body) // 2]
        ahead = sum((rule.ahead for rule in exchange.rules), timedelta(0))
        now = self._world.now.astimezone(UTC).replace(microsecond=0) + ahead
        length = reply.headers.get("Content-Length") if request.method == "HEAD" else None
        headers = {
            **reply.headers,
            "Date": format_datetime(now, usegmt=True),
            "Content-Length": length or str(len(body)),
        }
        if any(rule.cuts for rule in exchange.rules):
            body, headers["Connection"] = body[: len(body) // 2], "close"
        start_response(f"{status} {HTTPStatus(status).phrase}", list(headers.items()))
        return [body]

    def _open(self, request: protocols.Request) -> _Exchange:
        """Take a request in: its protocol, its signature scope, its ids."""
        scope = protocols.scope_of(request)
        asked = (request.method, request.path, request.query, request.headers.get("x-amz-target", ""))
        region = scope.region if scope else ""
        digest = hashlib.sha256(repr((self._seed, region, asked, request.body)).encode()).digest()
        with self._writing:
            sequence = next(self._sequence)
        return _Exchange(protocols.protocol_of(request), str(UUID(bytes=digest[:16], version=4)), sequence, scope)

    def _reply(self, exchange: _Exchange, request: protocols.Request) -> protocols.Reply:
        """Return the reply to a request, whatever becomes of it."""
        try:
            if exchange.scope and exchange.scope.signing_name == "s3" and (name := objects.operation_of(request)):
                return self._pass_on(exchange, exchange.scope, request, name)
            call = self._recognise(exchange, request)
            self._apply_rules(exchange, call)
            answer = self._answer(exchange, call)
            return self._encode(exchange, answer)
        except ApiError as error:
            exchange.error = error.code
            return codec.encode_error(exchange.service, exchange.protocol, error, exchange.request_id)

    def _pass_on(
        self, exchange: _Exchange, scope: protocols.Scope, request: protocols.Request, operation: str
    ) -> protocols.Reply:
        """Let moto keep or give a file of S3; the reply bears the world's time and the id of every other reply."""
        exchange.service, exchange.operation = "s3", operation
        self._apply_rules(exchange, Call("s3", operation, scope.region, scope.access_key, {}, exchange.sequence))
        objects.check(request)
        exchange.source = "moto"
        query = f"?{request.query}" if request.query else ""
        url = f"https://s3.{scope.region}.amazonaws.com{request.path}{query}"
        with self._answering:
            status, headers, body = self._moto.pass_on(request.method, url, request.headers, request.body)
        kept = {name: value for name, value in headers.items() if name.lower() not in _MOTOS_OWN}
        exchange.error = None if status < HTTPStatus.BAD_REQUEST else str(status)
        length = next((value for name, value in headers.items() if name.lower() == "content-length"), str(len(body)))
        told = {**kept, "Content-Length": length, "x-amz-request-id": exchange.request_id}
        return protocols.Reply(status, told, objects.retimed(body, self._world.now))

    def _recognise(self, exchange: _Exchange, request: protocols.Request) -> Call:
        """Find out what is asked."""
        service, operation = protocols.operation_of(request, exchange.protocol, exchange.scope)
        exchange.service, exchange.operation = service, operation
        if not protocols.is_known(service, operation):
            raise not_emulated(f"{service}:{operation}")
        params = codec.decode(service, operation, exchange.protocol, request)
        scope = exchange.scope
        assert scope is not None, "operation_of refuses unsigned requests"
        return Call(service, operation, scope.region, scope.access_key, params, exchange.sequence)

    def _apply_rules(self, exchange: _Exchange, call: Call) -> None:
        """Let the rules delay, drop or refuse a call, and AWS's rates throttle it."""
        account = self._account_of(call)
        if self._rates is not None and not self._rates.grants(call, account):
            exchange.source = "rule"
            raise throttled(call, account)
        exchange.rules = tuple(self._rules.apply_to(call))
        for rule in exchange.rules:
            if rule.latency_ms:
                time.sleep(rule.latency_ms / 1000)
            if rule.drops or rule.refusal:
                exchange.source = "rule"
            if rule.drops:
                exchange.error = "ConnectionDropped"
                raise ConnectionDropped(call.action)
            if rule.refusal:
                raise rule.refusal(call, account)

    def _account_of(self, call: Call) -> str:
        """Return the account that a call goes to: the world's, or the one that its credentials belong to."""
        tell = getattr(self._world, "account_of", None)
        return str(tell(call)) if tell else self._world.account

    def _answer(self, exchange: _Exchange, call: Call) -> Mapping[str, Any]:
        """Return the answer of the world, or else of moto. One call at a time: answers may change either."""
        key = (call.service, call.operation)
        own = getattr(self._world, "answer", None)
        with self._answering:
            if own and (found := self._guarded(call, lambda: own(call))) is not None:
                exchange.source = "world"
                return dict(found)
            if key in ANSWERS:
                exchange.source = "world"
                return self._guarded(call, lambda: ANSWERS[key](self._world, call))
            if not self._moto.answers(*key):
                raise not_emulated(call.action)
            exchange.source = "moto"
            return self._guarded(call, lambda: self._moto.ask(call))

    def _guarded(self, call: Call, answer: Callable[[], AnswerT]) -> AnswerT:
        """Return an answer; any exception but an `ApiError` is a defect of the sandbox and is listed as one."""
        try:
            return answer()
        except ApiError:
            raise
        except Exception as error:
            raise self._defect(f"{call.action}: {type(error).__name__}: {error}") from error

    def _encode(self, exchange: _Exchange, answer: Mapping[str, Any]) -> protocols.Reply:
        """Return an answer as a reply, checked against the model."""
        service, operation = exchange.service, exchange.operation
        found = [f"{service}:{operation}: {what}" for what in conformance.violations(service, operation, answer)]
        if found and self._strict:
            raise self._defect("; ".join(found))
        self.violations += found
        try:
            return codec.encode(service, operation, exchange.protocol, answer, exchange.request_id)
        except codec.CodecError as error:
            raise self._defect(str(error)) from error

    def _defect(self, what: str) -> ApiError:
        """List a defect and return the error a client gets for it."""
        self.violations.append(what)
        return ApiError("SandboxDefect", what, status=500)

    def _record(self, exchange: _Exchange, status: int, started: float) -> None:
        """Write the journal."""
        scope = exchange.scope or protocols.Scope("", "", "")
        ms = (time.perf_counter() - started) * 1000
        entry = JournalEntry(
            sequence=exchange.sequence,
            access_key=scope.access_key,
            service=exchange.service,
            operation=exchange.operation,
            region=scope.region,
            status=status,
            source=exchange.source,
            error=exchange.error,
            ms=ms,
        )
        with self._writing:
            self.journal.append(entry)
