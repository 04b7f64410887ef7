"""Does an answer obey botocore's model of it? Required members, types, enumerations, bounds, patterns, unknown members.

This is necessary, not sufficient: few output shapes name required members, and no model knows what a value should mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from botocore.model import Shape

from runbook_lib.sandbox.wire import models

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (float, int),
    "double": (float, int),
    "boolean": (bool,),
    "timestamp": (datetime,),
    "blob": (bytes, str),
    "structure": (Mapping,),
    "map": (Mapping,),
    "list": (list, tuple),
}


def violations(service: str, operation: str, answer: Mapping[str, Any]) -> list[str]:
    """Return what an answer in boto3's shape violates, one sentence each; empty when it conforms.

    Works on answers of the sandbox before encoding and on what a client parsed; `ResponseMetadata` is passed over. A
    client drops members it does not know, so unknown members show in the former only.
    """
    shape = models.operation_model(service, operation).output_shape
    members = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    if shape is None:
        return [f"{operation} has no output, but {sorted(members)} was given"] if members else []
    return list(_check(members, shape, operation))


def _check(value: Any, shape: Shape, where: str) -> Iterator[str]:
    """Yield what a value violates."""
    kind = shape.type_name
    if getattr(shape, "is_document_type", False) or (kind == "string" and isinstance(value, Mapping)):
        return  # a document, or an IAM policy document, which clients return decoded
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{where} is {type(value).__name__}, the model says {kind}"
        return
    yield from _CHECKS.get(kind, _check_nothing)(value, shape, where)
    yield from _check_bounds(value, shape, where)


def _check_structure(value: Mapping[str, Any], shape: Shape, where: str) -> Iterator[str]:
    """Yield unknown and missing members, then what the members violate. None stands for an absent member."""
    present = {name: item for name, item in value.items() if item is not None}
    yield from (f"{where}.{name} is not in the model" for name in present if name not in shape.members)
    yield from (f"{where}.{name} is required and missing" for name in shape.required_members if name not in present)
    if getattr(shape, "is_tagged_union", False) and len(present) != 1:
        yield f"{where} is a union and has {len(present)} members"
    for name, item in present.items():
        if name in shape.members:
            yield from _check(item, shape.members[name], f"{where}.{name}")


def _is_unknown(_: Any) -> bool:
    return False


_FREE: dict[str, Callable[[Any], bool]] = {
    "double": lambda value: type(value) is float,
    "timestamp": lambda value: isinstance(value, datetime) and value.tzinfo is not None,
}
"""What conforms where the model sets no bounds: metrics come by the hundred thousand."""


def _check_list(value: list[Any], shape: Shape, where: str) -> Iterator[str]:
    """Yield what the items violate."""
    if not shape.member.metadata and all(map(_FREE.get(shape.member.type_name, _is_unknown), value)):
        return
    for index, item in enumerate(value):
        yield from _check(item, shape.member, f"{where}[{index}]")


def _check_map(value: Mapping[str, Any], shape: Shape, where: str) -> Iterator[str]:
    """Yield what keys and values violate."""
    for key, item in value.items():
        yield from _check(key, shape.key, f"{where} key {key!r}")
        yield from _check(item, shape.value, f"{where}[{key!r}]")


def _check_string(value: str, shape: Shape, where: str) -> Iterator[str]:
    """Yield an unknown word of an enumeration, or a text that does not match the pattern."""
    enum = shape.metadata.get("enum")
    if enum and value not in enum:
        yield f"{where} is {value!r}, not one of {', '.join(enum)}"
    pattern = _compiled(shape.metadata.get("pattern"))
    if pattern and not pattern.fullmatch(value):
        yield f"{where} is {value!r}, which does not match {pattern.pattern}"


def _check_timestamp(value: datetime, shape: Shape, where: str) -> Iterator[str]:
    """Yield a time without a time zone."""
    if value.tzinfo is None:
        yield f"{where} has no time zone"


def _check_nothing(value: Any, shape: Shape, where: str) -> Iterator[str]:
    """Yield nothing: numbers, booleans and blobs have bounds at most."""
    yield from ()


_CHECKS: dict[str, Callable[[Any, Shape, str], Iterator[str]]] = {
    "structure": _check_structure,
    "list": _check_list,
    "map": _check_map,
    "string": _check_string,
    "timestamp": _check_timestamp,
}


def _check_bounds(value: Any, shape: Shape, where: str) -> Iterator[str]:
    """Yield a number out of its range, or a text, list or map out of its range of lengths."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    sized = isinstance(value, str | bytes | list | tuple | Mapping)
    if (low is None and high is None) or not (sized or isinstance(value, int | float)):
        return
    size, word = (len(value), "length ") if sized else (value, "")
    if (low is not None and size < low) or (high is not None and size > high):
        yield f"{where} has {word}{size}, outside {low}..{high}"


@cache
def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    """Return a model's pattern, or None where there is none or it is in a dialect python does not read."""
    try:
        return re.compile(pattern) if pattern else None
    except re.error:
        return None
