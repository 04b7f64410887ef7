"""Random values that a botocore model allows."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.model import Shape

TEXTS = ("plain", "two words", "<tag> & 'quote' \"double\"", "a\rb\nc", "üñí ✓", "", "per%20cent+plus", "[]")
EPOCH = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)


def random_value(shape: Shape, rng: random.Random, depth: int = 0) -> Any:
    """Return a value of this shape; deep recursion ends in empty lists, maps and structures."""
    if shape.type_name == "structure":
        return _random_structure(shape, rng, depth)
    if shape.type_name == "list":
        low = shape.metadata.get("min", 0)
        count = 0 if depth > 4 else rng.randint(low, min(low + 2, shape.metadata.get("max", low + 2)))
        return [random_value(shape.member, rng, depth + 1) for _ in range(count)]
    if shape.type_name == "map":
        count = 0 if depth > 4 else rng.randint(1, 2)
        keys = [random_value(shape.key, rng, depth + 1) or f"key{number}" for number in range(count)]
        return {key: random_value(shape.value, rng, depth + 1) for key in keys}
    return _random_scalar(shape, rng)


def _random_structure(shape: Shape, rng: random.Random, depth: int) -> dict[str, Any]:
    """Return required members and, now and then, optional ones; a union gets exactly one."""
    names = [name for name, inner in shape.members.items() if not getattr(inner, "is_document_type", False)]
    if getattr(shape, "is_tagged_union", False):
        names = [rng.choice(names)] if names else []
    else:
        wanted = 0.0 if depth > 4 else 0.6
        names = [name for name in names if name in shape.required_members or rng.random() < wanted]
    return {name: random_value(shape.members[name], rng, depth + 1) for name in names}


def _random_scalar(shape: Shape, rng: random.Random) -> Any:
    """Return a scalar within enumeration, length and range; patterns are not honoured."""
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 10**6)
    if shape.type_name == "string":
        enum = shape.metadata.get("enum")
        text = rng.choice(enum) if enum else rng.choice(TEXTS)
        return text if enum else text.ljust(low, "x")[:high]
    if shape.serialization.get("location") == "statusCode":
        return 202
    if shape.type_name in {"integer", "long"}:
        return rng.randint(int(low), int(min(high, low + 10**6)))
    if shape.type_name in {"float", "double"}:
        return float(rng.choice((low, (low + high) / 2)))
    if shape.type_name == "boolean":
        return rng.random() < 0.5
    if shape.type_name == "blob":
        return bytes(rng.randrange(256) for _ in range(max(low, 7)))
    seconds = EPOCH + timedelta(seconds=rng.randrange(10**6))
    exact = shape.serialization.get("timestampFormat") == "rfc822" or "location" in shape.serialization
    return seconds if exact else seconds + timedelta(milliseconds=rng.choice((0, 535)))
