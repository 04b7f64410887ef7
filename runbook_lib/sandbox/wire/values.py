"""Values on the wire: scalars as text, and whole answers as the trees JSON and CBOR carry."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from botocore.model import Shape
from botocore.utils import parse_timestamp

Leaf = Callable[[Any, Shape], Any]
"""Converts one scalar of a given shape."""


class CodecError(ValueError):
    """A value does not fit botocore's model of the answer it is part of."""


def members_of(value: Any, shape: Shape, where: str) -> Iterator[tuple[str, Any, Shape]]:
    """Yield (member, value, shape) of a structure, leaving out None. Raises `CodecError` on an unknown member."""
    if not isinstance(value, Mapping):
        raise CodecError(f"{where}: a structure is wanted, {type(value).__name__} was given")
    unknown = sorted(set(value) - set(shape.members))
    if unknown:
        raise CodecError(f"{where}: {shape.name} has no member {', '.join(map(repr, unknown))}")
    for name, item in value.items():
        if item is not None:
            yield name, item, shape.members[name]


def wire_name(shape: Shape, member: str) -> str:
    """Return the name of a member on the wire."""
    return str(shape.serialization.get("name", member))


_NESTED = frozenset({"structure", "list", "map"})


def to_tree(value: Any, shape: Shape, leaf: Leaf, where: str = "answer") -> Any:
    """Return a python value as the tree a JSON or CBOR body carries. Raises `CodecError`."""
    if getattr(shape, "is_document_type", False) or value is None:
        return value
    if shape.type_name == "structure":
        return {
            wire_name(inner, name): to_tree(item, inner, leaf, f"{where}.{name}")
            for name, item, inner in members_of(value, shape, where)
        }
    if shape.type_name == "list":
        if isinstance(value, str | bytes | Mapping):
            raise CodecError(f"{where}: a list is wanted, {type(value).__name__} was given")
        if shape.member.type_name not in _NESTED:  # a day of metrics is a hundred thousand of them
            with suppress(TypeError, ValueError, AttributeError):  # said below, with its place
                return [None if item is None else leaf(item, shape.member) for item in value]
        return [to_tree(item, shape.member, leaf, f"{where}[{index}]") for index, item in enumerate(value)]
    if shape.type_name == "map":
        return {key: to_tree(item, shape.value, leaf, f"{where}[{key!r}]") for key, item in dict(value).items()}
    return _checked(leaf, value, shape, where)


def from_tree(value: Any, shape: Shape, leaf: Leaf) -> Any:
    """Return the python value a JSON or CBOR tree stands for; members the model does not know are left out."""
    if getattr(shape, "is_document_type", False) or value is None:
        return value
    if shape.type_name == "structure":
        present = ((name, inner, value.get(wire_name(inner, name))) for name, inner in shape.members.items())
        return {name: from_tree(item, inner, leaf) for name, inner, item in present if item is not None}
    if shape.type_name == "list":
        return [from_tree(item, shape.member, leaf) for item in value]
    if shape.type_name == "map":
        return {key: from_tree(item, shape.value, leaf) for key, item in value.items()}
    return leaf(value, shape)


def _checked(leaf: Leaf, value: Any, shape: Shape, where: str) -> Any:
    """Convert a scalar, saying where it stands if that fails."""
    try:
        return leaf(value, shape)
    except (TypeError, ValueError, AttributeError) as error:
        raise CodecError(f"{where}: {error}") from error


def json_leaf(value: Any, shape: Shape) -> Any:
    """Return a scalar as JSON carries it: blobs in base64, times as epoch seconds, special floats as words."""
    if shape.type_name == "timestamp":
        return wire_time(value, shape, "unixTimestamp")
    if shape.type_name == "blob":
        return base64.b64encode(_bytes(value)).decode("ascii")
    if shape.type_name in {"float", "double"} and not math.isfinite(value):
        return _float_word(value)
    return value


def cbor_leaf(value: Any, shape: Shape) -> Any:
    """Return a scalar as CBOR carries it: bytes and times have forms of their own."""
    if shape.type_name == "timestamp":
        return _aware(value)
    if shape.type_name == "blob":
        return _bytes(value)
    return float(value) if shape.type_name in {"float", "double"} else value


def python_leaf(value: Any, shape: Shape) -> Any:
    """Return the python value of a scalar from a JSON or CBOR tree."""
    if shape.type_name == "timestamp":
        return python_time(value)
    if shape.type_name == "blob":
        return value if isinstance(value, bytes) else base64.b64decode(value)
    if shape.type_name in {"float", "double"}:
        return float(value)
    return value


def text_of(value: Any, shape: Shape, time_format: str) -> str:
    """Return a scalar as text, for XML and for headers.

    A mapping in place of a string is a policy document, which IAM returns as URL-encoded JSON (and botocore's IAM
    client decodes into a dict): https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html
    """
    if shape.type_name == "timestamp":
        return str(wire_time(value, shape, time_format))
    if shape.type_name == "blob":
        return base64.b64encode(_bytes(value)).decode("ascii")
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if shape.type_name in {"float", "double"} and not math.isfinite(value):
        return _float_word(value)
    if isinstance(value, Mapping):
        return quote(json.dumps(value), safe="")
    if shape.type_name == "string" and not isinstance(value, str):
        raise CodecError(f"a string is wanted, {type(value).__name__} was given")
    return str(value)


def python_of(text: str, shape: Shape) -> Any:
    """Return the python value of a scalar from a form field, a path label, a query string or a header."""
    readers: dict[str, Callable[[str], Any]] = {
        "boolean": lambda word: word == "true",
        "integer": int,
        "long": int,
        "float": float,
        "double": float,
        "blob": base64.b64decode,
        "timestamp": python_time,
    }
    return readers.get(shape.type_name, str)(text)


def python_time(value: Any) -> datetime:
    """Return the aware UTC datetime of a time in any form AWS uses (epoch seconds, ISO 8601, RFC 822)."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except ValueError:
        return parse_timestamp(value).astimezone(UTC)  # type: ignore[no-any-return]


def wire_time(value: datetime, shape: Shape, default_format: str) -> str | int | float:
    """Return a time to the millisecond, in the format its shape names or else the given one."""
    time_format = shape.serialization.get("timestampFormat", default_format)
    if time_format == "unixTimestamp":
        return _epoch(value)
    moment = _aware(value)
    if time_format == "rfc822":
        return format_datetime(moment.replace(microsecond=0), usegmt=True)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


@lru_cache(maxsize=32_768)  # the series of one answer share their minutes
def _epoch(value: datetime) -> int | float:
    """Return a time as seconds since 1970, whole where it is."""
    seconds = round(_aware(value).timestamp(), 3)
    return int(seconds) if seconds.is_integer() else seconds


def _aware(value: Any) -> datetime:
    """Return a datetime in UTC to the millisecond. Raises `CodecError` for anything but an aware datetime."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise CodecError(f"an aware datetime is wanted, {value!r} was given")
    moment = value.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _bytes(value: Any) -> bytes:
    """Return a blob's bytes; text stands for its UTF-8."""
    return value.encode("utf-8") if isinstance(value, str) else bytes(value)


def _float_word(value: float) -> str:
    """Return the word AWS uses for a float JSON and XML cannot write."""
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
