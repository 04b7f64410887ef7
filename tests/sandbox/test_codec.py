"""Requests and answers in every protocol, against botocore's own serialisers and parsers."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from random_shapes import random_value

from runbook_lib.sandbox import ApiError
from runbook_lib.sandbox.wire import codec, conformance, models
from runbook_lib.sandbox.wire.protocols import Protocol, Request

NOW = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)

SPOKEN = [
    ("cloudtrail", Protocol.JSON),
    ("cloudwatch", Protocol.JSON),
    ("cloudwatch", Protocol.QUERY),
    ("cloudwatch", Protocol.CBOR),
    ("dynamodb", Protocol.JSON),
    ("dynamodbstreams", Protocol.JSON),
    ("health", Protocol.JSON),
    ("health", Protocol.CBOR),
    ("iam", Protocol.QUERY),
    ("kms", Protocol.JSON),
    ("lambda", Protocol.REST_JSON),
    ("logs", Protocol.JSON),
    ("service-quotas", Protocol.JSON),
    ("sns", Protocol.QUERY),
    ("sqs", Protocol.JSON),
    ("sts", Protocol.QUERY),
]


def operations_of(service: str) -> list[Any]:
    """Return the operations of a service that neither take nor give a stream."""
    model = models.service_model(service)
    every = [model.operation_model(name) for name in model.operation_names]
    return [o for o in every if not (o.has_streaming_input or o.has_streaming_output or o.has_event_stream_output)]


def parsed(protocol: Protocol, operation: Any, reply: Any) -> dict[str, Any]:
    """Return what botocore's client would read from a reply."""
    response = {"status_code": reply.status, "headers": lowered(reply.headers), "body": reply.body}
    answer = dict(create_parser(protocol.value).parse(response, operation.output_shape))
    answer.pop("ResponseMetadata")
    return answer


def lowered(headers: Any) -> dict[str, str]:
    """Return headers with their names in lower case, as HTTP clients look them up."""
    return {name.lower(): value for name, value in headers.items()}


def sent(protocol: Protocol, operation: Any, params: dict[str, Any]) -> Request:
    """Return the request botocore's client would send."""
    serialized = create_serializer(protocol.value, include_validation=False).serialize_to_request(params, operation)
    prepare_request_dict(serialized, endpoint_url="http://127.0.0.1:1", context={"client_config": None})
    prepared = create_request_object(serialized).prepare()
    path, _, query = prepared.url.removeprefix("http://127.0.0.1:1").partition("?")
    body = prepared.body or b""
    headers = lowered(prepared.headers)
    return Request(prepared.method, path, query, headers, body.encode() if isinstance(body, str) else bytes(body))


@pytest.mark.parametrize(("service", "protocol"), SPOKEN)
def test_random_answers_survive_the_wire(service: str, protocol: Protocol) -> None:
    """For every operation, botocore's parser reads from the encoded answer what was answered."""
    for operation in operations_of(service):
        rng = random.Random(f"{service} {operation.name}")
        for _ in range(4):
            answer = random_value(operation.output_shape, rng) if operation.output_shape else {}
            reply = codec.encode(service, operation.name, protocol, answer, "request-id")
            if operation.output_shape:
                assert parsed(protocol, operation, reply) == without_status(operation, answer), operation.name


def without_status(operation: Any, answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with its status member as HTTP gives it, absent counting as the modelled status."""
    members = operation.output_shape.members
    status = [name for name, shape in members.items() if shape.serialization.get("location") == "statusCode"]
    return {**{name: operation.http.get("responseCode", 200) for name in status}, **answer}


@pytest.mark.parametrize(("service", "protocol"), SPOKEN)
def test_random_requests_are_read_as_they_were_meant(service: str, protocol: Protocol) -> None:
    """For every operation, decoding what botocore serialised gives the parameters back."""
    for operation in operations_of(service):
        if operation.input_shape is None:
            continue
        rng = random.Random(f"{service} {operation.name} input")
        for _ in range(4):
            params = sendable(random_value(operation.input_shape, rng), operation.input_shape, protocol)
            request = sent(protocol, operation, params)
            assert codec.decode(service, operation.name, protocol, request) == params, operation.name


def sendable(params: dict[str, Any], shape: Any, protocol: Protocol) -> dict[str, Any]:
    """Return parameters as a client can send them: path labels not empty, no empty collections in forms or queries,
    and a payload, which is sent as an empty object when absent.
    """
    for name, inner in shape.members.items():
        location = inner.serialization.get("location")
        if location == "uri" and name in params:
            params[name] = params[name] or "label"
        elif location in {"querystring", "header"} and params.get(name) in ([], {}, ""):
            del params[name]
        elif location == "header" and isinstance(params.get(name), str):
            params[name] = params[name].encode("ascii", "ignore").decode().replace("\r", "").replace("\n", "")
    payload = shape.serialization.get("payload")
    if payload and shape.members[payload].type_name == "structure":
        params.setdefault(payload, {})
    return without_empty(params) if protocol is Protocol.QUERY else params


def without_empty(value: Any) -> Any:
    """Return a value without empty lists, maps and structures, which a form cannot tell from absent ones."""
    if isinstance(value, dict):
        pruned = {key: without_empty(item) for key, item in value.items()}
        return {key: item for key, item in pruned.items() if item not in ([], {})}
    if isinstance(value, list):
        return [item for item in map(without_empty, value) if item not in ([], {})]
    return value


def test_random_answers_are_conformant() -> None:
    """The model validator accepts what the generator makes of the model (patterns apart, which it does not honour)."""
    for operation in operations_of("lambda"):
        if operation.output_shape:
            answer = random_value(operation.output_shape, random.Random(operation.name))
            found = conformance.violations("lambda", operation.name, answer)
            assert [what for what in found if "does not match" not in what] == []


@pytest.mark.parametrize(
    ("service", "operation", "protocol", "answer", "complaint"),
    [
        ("dynamodb", "DescribeTable", Protocol.JSON, {"Tabel": {}}, "no member 'Tabel'"),
        ("dynamodb", "DescribeTable", Protocol.JSON, {"Table": {"TableNam": "x"}}, "DescribeTable.Table: "),
        ("dynamodb", "DescribeTable", Protocol.JSON, {"Table": {"CreationDateTime": "today"}}, "aware datetime"),
        ("dynamodb", "DescribeTable", Protocol.JSON, {"Table": {"CreationDateTime": datetime(2026, 1, 1)}}, "aware"),
        ("dynamodb", "DescribeTable", Protocol.JSON, {"Table": {"KeySchema": {}}}, "a list is wanted"),
        ("cloudwatch", "GetMetricData", Protocol.CBOR, {"Metrics": []}, "no member 'Metrics'"),
        ("lambda", "GetFunction", Protocol.REST_JSON, {"Function": {}}, "no member 'Function'"),
        ("lambda", "DeleteFunctionConcurrency", Protocol.REST_JSON, {"Any": 1}, "has no output"),
        ("iam", "GetRole", Protocol.QUERY, {"Role": {"Name": "x"}}, "GetRole.Role: "),
        ("iam", "GetRole", Protocol.QUERY, {"Role": {"RoleName": 7}}, "GetRole.Role.RoleName: a string is wanted"),
    ],
)
def test_a_mistake_in_an_answer_fails_at_once(
    service: str, operation: str, protocol: Protocol, answer: dict[str, Any], complaint: str
) -> None:
    """A member the model does not have, or a value it cannot be, raises CodecError saying where."""
    with pytest.raises(codec.CodecError, match=complaint):
        codec.encode(service, operation, protocol, answer, "id")


def test_none_is_an_absent_member() -> None:
    """A member that is None is left out, as AWS leaves out what it has nothing to say about."""
    reply = codec.encode(
        "lambda", "GetFunctionConcurrency", Protocol.REST_JSON, {"ReservedConcurrentExecutions": None}, ""
    )
    assert reply.body == b"{}"


def test_zero_and_false_and_empty_are_not_absent() -> None:
    """Zero, false and the empty list are said, for absent and zero differ."""
    reply = codec.encode(
        "lambda", "GetFunctionConcurrency", Protocol.REST_JSON, {"ReservedConcurrentExecutions": 0}, ""
    )
    assert json.loads(reply.body) == {"ReservedConcurrentExecutions": 0}


def test_policy_documents_travel_as_url_encoded_json() -> None:
    """A policy document given as a dict is read as the same text IAM would send."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}]}
    answer = {"RoleName": "r", "PolicyName": "p", "PolicyDocument": document}
    reply = codec.encode("iam", "GetRolePolicy", Protocol.QUERY, answer, "id")
    assert b"%7B%22Version%22" in reply.body


def test_times_are_to_the_millisecond() -> None:
    """Times keep milliseconds and lose what is finer, as AWS's own."""
    answer = {"Table": {"CreationDateTime": NOW.replace(microsecond=535_999)}}
    reply = codec.encode("dynamodb", "DescribeTable", Protocol.JSON, answer, "id")
    assert json.loads(reply.body)["Table"]["CreationDateTime"] == 1773500966.535


ERRORS = [
    ("dynamodb", Protocol.JSON, "DescribeTable", "ResourceNotFoundException"),
    ("cloudwatch", Protocol.JSON, "GetMetricData", "AccessDenied"),
    ("cloudwatch", Protocol.QUERY, "GetMetricData", "AccessDenied"),
    ("cloudwatch", Protocol.CBOR, "GetMetricData", "AccessDenied"),
    ("lambda", Protocol.REST_JSON, "GetFunction", "ResourceNotFoundException"),
    ("iam", Protocol.QUERY, "GetRole", "NoSuchEntity"),
]


@pytest.mark.parametrize(("service", "protocol", "operation", "code"), ERRORS)
def test_errors_read_as_code_message_and_request_id(
    service: str, protocol: Protocol, operation: str, code: str
) -> None:
    """In every protocol botocore reads the code, the message and the request id of an error."""
    reply = codec.encode_error(service, protocol, ApiError(code, "no <such> thing", 404), "id-1")
    shape = models.operation_model(service, operation).output_shape
    response = {"status_code": reply.status, "headers": lowered(reply.headers), "body": reply.body}
    read = create_parser(protocol.value).parse(response, shape)
    assert (read["Error"]["Code"], read["Error"]["Message"]) == (code, "no <such> thing")
    assert read["ResponseMetadata"]["RequestId"] == "id-1"


@pytest.mark.parametrize(
    ("protocol", "body"),
    [(Protocol.JSON, b"{not json"), (Protocol.JSON, b"[1]"), (Protocol.CBOR, b"\xff"), (Protocol.JSON, b"\xff\xfe")],
)
def test_unreadable_requests_are_the_callers_fault(protocol: Protocol, body: bytes) -> None:
    """A body that cannot be read gives SerializationException with 400, never a crash."""
    with pytest.raises(ApiError) as caught:
        codec.decode("cloudwatch", "GetMetricData", protocol, Request("POST", "/", body=body))
    assert (caught.value.code, caught.value.status) == ("SerializationException", 400)


def test_the_protocol_botocore_prefers_is_among_the_tested() -> None:
    """What botocore prefers to speak to each service is covered above, so an upgrade that changes it shows."""
    preferred = {(service, models.service_model(service).resolved_protocol) for service, _ in SPOKEN}
    assert preferred <= {(service, protocol.value) for service, protocol in SPOKEN}
