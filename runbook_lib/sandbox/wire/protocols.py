"""Requests as they arrive and replies as they leave, and reading from a request who asks what, in which protocol.

The protocol is read from the request and never from the model: a client may choose among those a service has. Botocore
1.44 speaks JSON to CloudWatch and Health, whose models name CBOR first; older clients speak the query protocol to
CloudWatch; newer ones may speak CBOR.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import parse_qs

from runbook_lib.sandbox.wire import models
from runbook_lib.sandbox.wire.errors import ApiError


class Protocol(Enum):
    """The wire protocols of AWS the sandbox tells apart."""

    JSON = "json"
    REST_JSON = "rest-json"
    REST_XML = "rest-xml"
    QUERY = "query"
    CBOR = "smithy-rpc-v2-cbor"


@dataclass(frozen=True)
class Request:
    """An HTTP request: the path undecoded, header names in lower case, the body uncompressed."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def from_environ(cls, environ: Mapping[str, Any]) -> Request:
        """Read a WSGI environment; werkzeug keeps the undecoded path, which ARNs in Lambda's paths need."""
        raw = str(environ.get("REQUEST_URI") or environ.get("RAW_URI") or environ.get("PATH_INFO") or "/")
        headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
        headers["content-type"] = environ.get("CONTENT_TYPE") or ""
        to_its_end = -1 if environ.get("wsgi.input_terminated") else 0
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or to_its_end))
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        return cls(environ["REQUEST_METHOD"], raw.partition("?")[0], environ.get("QUERY_STRING", ""), headers, body)

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form body (or, for a GET, of the query string), each with its first value."""
        text = self.body.decode("utf-8") if self.body else self.query
        return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}


@dataclass(frozen=True)
class Reply:
    """An HTTP reply. The front adds `Date` and the length."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Scope:
    """The signature scope of a request: who signed, for which region and which service."""

    access_key: str
    region: str
    signing_name: str


_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_CBOR_PATH = re.compile(r".*/service/(?P<prefix>[^/]+)/operation/(?P<operation>[^/]+)")
_XML_REST_SERVICES = frozenset({"s3", "s3express", "route53", "cloudfront"})


def scope_of(request: Request) -> Scope | None:
    """Return the signature scope, or None for an unsigned request. The signature itself is not checked."""
    match = _CREDENTIAL.search(request.headers.get("authorization", ""))
    return Scope(match["key"], match["region"], match["service"]) if match else None


def protocol_of(request: Request) -> Protocol:
    """Return the protocol a request speaks; never fails, so that any request gets an answer it can read."""
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return Protocol.CBOR
    if "x-amz-target" in request.headers:
        return Protocol.JSON
    if "form-urlencoded" in request.headers.get("content-type", "") or "Action=" in request.query:
        return Protocol.QUERY
    scope = scope_of(request)
    return Protocol.REST_XML if scope and scope.signing_name in _XML_REST_SERVICES else Protocol.REST_JSON


def operation_of(request: Request, protocol: Protocol, scope: Scope | None) -> tuple[str, str]:
    """Return (service, operation) of a request: botocore's names, or for a service the sandbox cannot read the signing
    name and what the request calls its operation (see `is_known`).

    Raises `ApiError("MissingAuthenticationToken")` for an unsigned request.
    """
    if scope is None:
        raise ApiError("MissingAuthenticationToken", "Request is missing Authentication Token", status=403)
    service, operation = _RECOGNISE[protocol](request, scope.signing_name)
    return service or scope.signing_name, operation


def is_known(service: str, operation: str) -> bool:
    """Tell whether the sandbox can read requests for this operation at all."""
    return models.is_known_service(service) and operation in models.service_model(service).operation_names


def _by_target(request: Request, signing_name: str) -> tuple[str | None, str]:
    """Read the target header: `DynamoDB_20120810.DescribeTable`."""
    prefix, _, operation = request.headers["x-amz-target"].rpartition(".")
    return models.by_target_prefix(signing_name, prefix), operation


def _by_cbor_path(request: Request, signing_name: str) -> tuple[str | None, str]:
    """Read the path of the CBOR protocol: `/service/GraniteServiceVersion20100801/operation/GetMetricData`."""
    match = _CBOR_PATH.fullmatch(request.path)
    if match is None:
        return None, request.path
    return models.by_target_prefix(signing_name, match["prefix"]), match["operation"]


def _by_action(request: Request, signing_name: str) -> tuple[str | None, str]:
    """Read the form field `Action`."""
    services = models.SERVICES_BY_SIGNING_NAME.get(signing_name, (None,))
    return services[0], request.form.get("Action", "without an Action")


def _by_path(request: Request, signing_name: str) -> tuple[str | None, str]:
    """Match method and path against the routes of a REST service."""
    found = models.by_route(signing_name, request.method, request.path, request.query)
    return found or (None, f"{request.method} {request.path}")


_RECOGNISE = {
    Protocol.JSON: _by_target,
    Protocol.CBOR: _by_cbor_path,
    Protocol.QUERY: _by_action,
    Protocol.REST_JSON: _by_path,
    Protocol.REST_XML: _by_path,
}
