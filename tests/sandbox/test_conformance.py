"""The validator of answers, and the registry that holds them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runbook_lib.sandbox.wire import moto_backend, registry
from runbook_lib.sandbox.wire.conformance import violations
from runbook_lib.sandbox.wire.models import SERVICES_BY_SIGNING_NAME, service_model

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
MAPPING = {"UUID": "11111111-2222-4333-8444-555555555555", "State": "Enabled", "BatchSize": 100, "LastModified": NOW}

FAULTY = [
    ("lambda", "GetEventSourceMapping", {"BatchSise": 100}, "BatchSise is not in the model"),
    ("lambda", "GetEventSourceMapping", {"BatchSize": "100"}, "BatchSize is str, the model says integer"),
    ("lambda", "GetEventSourceMapping", {"BatchSize": True}, "BatchSize is bool, the model says integer"),
    ("lambda", "GetEventSourceMapping", {"BatchSize": 0}, "BatchSize has 0, outside 1..10000"),
    ("lambda", "GetEventSourceMapping", {"StartingPosition": "OLDEST"}, "not one of TRIM_HORIZON, LATEST"),
    ("lambda", "GetEventSourceMapping", {"FunctionArn": "orders"}, "does not match arn:"),
    ("lambda", "GetEventSourceMapping", {"LastModified": "2026"}, "LastModified is str, the model says timestamp"),
    ("lambda", "GetEventSourceMapping", {"LastModified": datetime(2026, 1, 1)}, "has no time zone"),
    ("lambda", "GetEventSourceMapping", {"FilterCriteria": {"Filters": {}}}, "Filters is dict, the model says list"),
    ("lambda", "GetEventSourceMapping", {"FilterCriteria": {"Filters": [{"Patern": ""}]}}, "Filters[0].Patern is not"),
    ("dynamodb", "DescribeTable", {"Table": {"TableName": "a"}}, "TableName has length 1, outside 3.."),
    ("dynamodb", "DescribeTable", {"Table": {"KeySchema": [{"KeyType": "HASH"}]}}, "AttributeName is required"),
    ("lambda", "DeleteFunctionConcurrency", {"Done": True}, "has no output"),
]

FINE: list[tuple[str, str, dict[str, Any]]] = [
    ("lambda", "GetEventSourceMapping", MAPPING),
    ("lambda", "GetEventSourceMapping", {**MAPPING, "LastProcessingResult": None}),
    ("lambda", "GetEventSourceMapping", {**MAPPING, "ResponseMetadata": {"HTTPStatusCode": 200}}),
    ("lambda", "DeleteFunctionConcurrency", {}),
    ("iam", "GetRolePolicy", {"RoleName": "r", "PolicyName": "p", "PolicyDocument": {"Statement": []}}),
    ("dynamodb", "DescribeTable", {}),
]


@pytest.mark.parametrize(("service", "operation", "answer", "complaint"), FAULTY)
def test_a_fault_is_named(service: str, operation: str, answer: dict[str, Any], complaint: str) -> None:
    """What the model does not allow is named with its place, once."""
    (found,) = violations(service, operation, answer)
    assert complaint in found


@pytest.mark.parametrize(("service", "operation", "answer"), FINE)
def test_a_conformant_answer_has_no_violations(service: str, operation: str, answer: dict[str, Any]) -> None:
    """What the model allows is not complained of; None counts as absent, policy documents as text."""
    assert violations(service, operation, answer) == []


def test_every_fault_is_named() -> None:
    """Several faults give several sentences."""
    assert len(violations("lambda", "GetEventSourceMapping", {"BatchSize": 0, "Nothing": 1, "State": 7})) == 3


def test_one_truth_per_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answering an operation twice is refused."""
    monkeypatch.setattr(registry, "ANSWERS", {})
    registry.answers("sns", "Publish")(lambda world, call: {})
    with pytest.raises(ValueError, match="sns:Publish is answered twice"):
        registry.answers("sns", "Publish")(lambda world, call: {})


def test_the_services_are_signed_with_the_names_the_table_says() -> None:
    """Every service stands under the signing name of its model."""
    for signing_name, services in SERVICES_BY_SIGNING_NAME.items():
        assert {service_model(service).signing_name for service in services} == {signing_name}


def test_moto_is_let_answer_only_what_exists() -> None:
    """Every operation on moto's list is one of its service's model."""
    for service, operations in moto_backend.ALLOWED.items():
        assert operations <= set(service_model(service).operation_names)
