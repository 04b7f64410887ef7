"""Botocore's service models, and which of them a request is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.loaders import create_loader
from botocore.model import OperationModel, ServiceModel

SERVICES_BY_SIGNING_NAME: dict[str, tuple[str, ...]] = {
    "cloudtrail": ("cloudtrail",),
    "config": ("config",),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "events": ("events",),
    "health": ("health",),
    "iam": ("iam",),
    "kms": ("kms",),
    "lambda": ("lambda",),
    "logs": ("logs",),
    "monitoring": ("cloudwatch",),
    "pipes": ("pipes",),
    "servicequotas": ("service-quotas",),
    "sns": ("sns",),
    "sqs": ("sqs",),
    "sts": ("sts",),
    "tagging": ("resourcegroupstaggingapi",),
}
"""The services whose requests the sandbox can read, by the name in a request's signature scope."""


def is_known_service(service: str) -> bool:
    """Tell whether the sandbox can read requests to this service."""
    return any(service in services for services in SERVICES_BY_SIGNING_NAME.values())


@cache
def _loader() -> Any:
    """Return the one loader of botocore's data files."""
    return create_loader()


@cache
def service_model(service: str) -> ServiceModel:
    """Return botocore's model of a service; the model is read from disk once."""
    return ServiceModel(_loader().load_service_model(service, "service-2"), service)


@cache
def operation_model(service: str, operation: str) -> OperationModel:
    """Return the model of one operation; raises botocore's `OperationNotFoundError` for an unknown name."""
    return service_model(service).operation_model(operation)


def by_target_prefix(signing_name: str, prefix: str) -> str | None:
    """Return the service whose JSON or CBOR target prefix this is, or None."""
    for service in SERVICES_BY_SIGNING_NAME.get(signing_name, ()):
        if service_model(service).metadata.get("targetPrefix") == prefix:
            return service
    return None


def by_route(signing_name: str, method: str, path: str, query: str) -> tuple[str, str] | None:
    """Return (service, operation) of a REST request by its method, undecoded path and query string, or None."""
    sent = set(query.split("&"))
    for service in SERVICES_BY_SIGNING_NAME.get(signing_name, ()):
        for route in _routes(service):
            if method == route.method and route.path.fullmatch(path) and route.query <= sent:
                return service, route.operation
    return None


def path_labels(operation: OperationModel, path: str) -> dict[str, str]:
    """Return the labels of a REST path, by their wire names and still URL-encoded."""
    match = _pattern(operation.http["requestUri"]).fullmatch(path)
    names = _LABEL.findall(_path_of(operation.http["requestUri"]))
    return dict(zip((name for name, _ in names), match.groups(), strict=True)) if match else {}


_LABEL = re.compile(r"\{(\w+)(\+?)\}")


def _path_of(request_uri: str) -> str:
    """Return a modelled URI without its fixed query string."""
    return request_uri.partition("?")[0]


@cache
def _pattern(request_uri: str) -> re.Pattern[str]:
    """Return the pattern of a modelled URI; a trailing slash is optional, as it is with AWS."""
    path = _path_of(request_uri).rstrip("/")
    parts: list[str] = []
    position = 0
    for label in _LABEL.finditer(path):
        parts += [re.escape(path[position : label.start()]), "(.+)" if label[2] else "([^/]+)"]
        position = label.end()
    return re.compile("".join([*parts, re.escape(path[position:]), "/?"]))


@dataclass(frozen=True)
class _Route:
    """Where one REST operation lives; `query` is the fixed part of its query string."""

    method: str
    path: re.Pattern[str]
    query: frozenset[str]
    operation: str

    @property
    def specificity(self) -> tuple[int, int, int]:
        """Sorts the most literal route first, so that a label never swallows a fixed segment."""
        return self.path.groups, -len(self.path.pattern), -len(self.query)


@cache
def _routes(service: str) -> tuple[_Route, ...]:
    """Return a REST service's routes, the most literal first."""
    return tuple(sorted(_unsorted_routes(service), key=lambda route: route.specificity))


def _unsorted_routes(service: str) -> Iterator[_Route]:
    """Yield the routes of a REST service; another has none."""
    model = service_model(service)
    if str(model.metadata["protocol"]).startswith("rest-"):
        for name in model.operation_names:
            http = model.operation_model(name).http
            fixed = http["requestUri"].partition("?")[2]
            yield _Route(http["method"], _pattern(http["requestUri"]), frozenset(fixed.split("&")) - {""}, name)
