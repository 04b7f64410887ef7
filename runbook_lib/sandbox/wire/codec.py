"""Requests into python values and answers into replies, in every protocol, driven by botocore's service models.

Decoding ignores what the model does not know, as AWS does. Encoding refuses it (`CodecError`): a member the model does
not have is a mistake in an answer of the sandbox and would otherwise vanish silently in the client's parser.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, unquote

import cbor2
from botocore.model import OperationModel, Shape, StructureShape

from runbook_lib.sandbox.wire import models
from runbook_lib.sandbox.wire.errors import ApiError
from runbook_lib.sandbox.wire.protocols import Protocol, Reply, Request
from runbook_lib.sandbox.wire.query import decode_form, xml_of, xml_text
from runbook_lib.sandbox.wire.values import (
    CodecError,
    cbor_leaf,
    from_tree,
    json_leaf,
    members_of,
    python_leaf,
    python_of,
    text_of,
    to_tree,
    wire_name,
)

__all__ = ["CodecError", "decode", "encode", "encode_error"]

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def decode(service: str, operation: str, protocol: Protocol, request: Request) -> dict[str, Any]:
    """Return the parameters of a request as boto3's callers pass them.

    Raises `ApiError("SerializationException")` for a body that cannot be read.
    """
    model = models.operation_model(service, operation)
    if model.input_shape is None:
        return {}
    try:
        return _decode(model, protocol, request)
    except (ValueError, TypeError, AttributeError, KeyError, cbor2.CBORDecodeError) as error:
        raise ApiError("SerializationException", f"the request cannot be read: {error}") from error


def _decode(model: OperationModel, protocol: Protocol, request: Request) -> dict[str, Any]:
    """Return the parameters, raising whatever a malformed body makes python raise."""
    shape = model.input_shape
    match protocol:
        case Protocol.JSON:
            params = from_tree(json.loads(request.body or b"{}"), shape, python_leaf)
        case Protocol.CBOR:
            params = from_tree(cbor2.loads(request.body) if request.body else {}, shape, python_leaf)
        case Protocol.QUERY:
            params = decode_form(request.form, shape)
        case Protocol.REST_JSON | Protocol.REST_XML:
            params = _decode_rest(model, request)
    return dict(params)


def _decode_rest(model: OperationModel, request: Request) -> dict[str, Any]:
    """Collect the parameters of a REST request from its path, query string, headers and body."""
    shape = model.input_shape
    labels = models.path_labels(model, request.path)
    query = parse_qs(request.query, keep_blank_values=True)
    params: dict[str, Any] = {}
    for name, inner in shape.members.items():
        sent, location = wire_name(inner, name), inner.serialization.get("location")
        if location == "uri" and sent in labels:
            params[name] = python_of(unquote(labels[sent]), inner)
        elif location == "querystring" and inner.type_name == "list" and sent in query:
            params[name] = [python_of(text, inner.member) for text in query[sent]]
        elif location == "querystring" and sent in query:
            params[name] = python_of(query[sent][0], inner)
        elif location == "header" and sent.lower() in request.headers:
            params[name] = python_of(request.headers[sent.lower()], inner)
    return params | _decode_payload(shape, request.body)


def _decode_payload(shape: Shape, body: bytes) -> dict[str, Any]:
    """Return the parameters a REST body carries."""
    payload = shape.serialization.get("payload")
    if not body:
        return {}
    if payload and shape.members[payload].type_name in {"blob", "string"}:
        return {payload: body}
    tree = json.loads(body)
    if payload:
        return {payload: from_tree(tree, shape.members[payload], python_leaf)}
    in_body = {name for name, inner in shape.members.items() if "location" not in inner.serialization}
    return {name: value for name, value in from_tree(tree, shape, python_leaf).items() if name in in_body}


def encode(service: str, operation: str, protocol: Protocol, answer: Mapping[str, Any], request_id: str) -> Reply:
    """Return an answer in boto3's shape as a reply; None stands for an absent member, `ResponseMetadata` is ignored.

    Raises `CodecError` for a member the model does not have or a value of the wrong kind.
    """
    model = models.operation_model(service, operation)
    answer = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    if model.output_shape is None and answer:
        raise CodecError(f"{service}:{operation} has no output, {sorted(answer)} was given")
    if model.has_event_stream_output:
        raise CodecError(f"{service}:{operation} answers with an event stream, which the sandbox does not write")
    match protocol:
        case Protocol.QUERY:
            return _encode_query(model, answer, request_id)
        case Protocol.CBOR:
            return _reply(200, _tree(model, answer, cbor_leaf), protocol, request_id)
        case Protocol.REST_JSON | Protocol.REST_XML:
            return _encode_rest(model, answer, request_id)
    return _reply(200, _tree(model, answer, json_leaf), protocol, request_id)


def _tree(model: OperationModel, answer: Mapping[str, Any], leaf: Any) -> Any:
    """Return the tree of an answer; an operation without output answers with an empty map."""
    return to_tree(answer, model.output_shape, leaf, model.name) if model.output_shape else {}


def _reply(status: int, tree: Any, protocol: Protocol, request_id: str, extra: Mapping[str, str] = NO_HEADERS) -> Reply:
    """Return a tree as a JSON or CBOR reply."""
    if protocol is Protocol.CBOR:
        headers = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        written = cbor2.dumps(tree, datetime_as_timestamp=True)
        return Reply(status, headers | {"x-amzn-RequestId": request_id, **extra}, written)
    content_type = "application/json" if protocol is Protocol.REST_JSON else "application/x-amz-json-1.1"
    body = json.dumps(tree, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")
    return Reply(status, {"Content-Type": content_type, "x-amzn-RequestId": request_id, **extra}, body)


def _encode_query(model: OperationModel, answer: Mapping[str, Any], request_id: str) -> Reply:
    """Return an answer in the XML of the query protocol."""
    result = ""
    if model.output_shape is not None:
        tag = model.output_shape.serialization.get("resultWrapper", f"{model.name}Result")
        result = xml_of(answer, model.output_shape, tag, model.name)
    metadata = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    namespace = model.service_model.metadata.get("xmlNamespace", "")
    xml = f'<{model.name}Response xmlns="{namespace}">{result}{metadata}</{model.name}Response>'
    return Reply(200, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, xml.encode("utf-8"))


def _encode_rest(model: OperationModel, answer: Mapping[str, Any], request_id: str) -> Reply:
    """Return an answer of a REST service: some members are headers or the status, one may be the whole body."""
    status, shape = int(model.http.get("responseCode", 200)), model.output_shape
    if shape is None:
        return Reply(status, {"x-amzn-RequestId": request_id}, b"")
    status, headers, in_body = _rest_parts(answer, shape, model.name, status)
    payload = shape.serialization.get("payload")
    if payload is None:
        return _reply(status, to_tree(in_body, shape, json_leaf, model.name), Protocol.REST_JSON, request_id, headers)
    inner, value = shape.members[payload], in_body.get(payload)
    if inner.type_name in {"blob", "string"}:
        body = value.encode("utf-8") if isinstance(value, str) else bytes(value or b"")
        return Reply(status, {"x-amzn-RequestId": request_id, **headers}, body)
    tree = to_tree(value or {}, inner, json_leaf, f"{model.name}.{payload}")
    return _reply(status, tree, Protocol.REST_JSON, request_id, headers)


def _rest_parts(
    answer: Mapping[str, Any], shape: StructureShape, where: str, status: int
) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Tell the members of an answer apart: the status (`status` where none is), the headers, and what is left."""
    headers: dict[str, str] = {}
    in_body: dict[str, Any] = {}
    for name, value, inner in members_of(answer, shape, where):
        match inner.serialization.get("location"):
            case "statusCode":
                status = int(value)
            case "header":
                headers[wire_name(inner, name)] = text_of(value, inner, "rfc822")
            case _:
                in_body[name] = value
    return status, headers, in_body


def encode_error(service: str, protocol: Protocol, error: ApiError, request_id: str) -> Reply:
    """Return an error as the protocol carries it; the service need not be one the sandbox knows."""
    if protocol in {Protocol.QUERY, Protocol.REST_XML}:
        side = "Sender" if error.status < 500 else "Receiver"
        xml = (
            f"<ErrorResponse><Error><Type>{side}</Type><Code>{xml_text(error.code)}</Code>"
            f"<Message>{xml_text(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return Reply(error.status, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, xml.encode("utf-8"))
    model = models.service_model(service) if models.is_known_service(service) else None
    shape = model.shape_for_error_code(error.code) if model else None
    message_name = "Message" if shape is not None and "Message" in shape.members else "message"
    members = {name: _plain(value) for name, value in error.members.items() if value is not None}
    tree = {"__type": error.code, message_name: error.message, **members}
    extra: dict[str, str] = {}
    if protocol is Protocol.REST_JSON:
        extra["x-amzn-ErrorType"] = error.code
        del tree["__type"]
    elif model and "awsQueryCompatible" in model.metadata:
        extra["x-amzn-query-error"] = f"{error.code};{'Sender' if error.status < 500 else 'Receiver'}"
    return _reply(error.status, tree, protocol, request_id, extra)


def _plain(value: Any) -> Any:
    """Return a member of an error as JSON and CBOR both carry it."""
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
