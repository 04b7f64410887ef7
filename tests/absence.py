"""Evidence with one optional thing absent: every member that may be missing, at any depth of every observation."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union

from example_evidence import replaced, with_observations

from runbook_lib.evidence import Evidence
from runbook_lib.observed import Each, Gap

_LEAF_KEYS = 40
"""A mapping with more keys than this is a series of points: it is emptied, not thinned point by point."""


_NEVER_EMPTY = (".times",)
"""What is made of at least one thing: a class of failures, of its lines."""


def absences(seen: Evidence) -> Iterator[tuple[str, Evidence]]:
    """Give the evidence with each optional thing absent in turn, by the path of what is absent."""
    for name, observation in seen.observations.items():
        for path, lessened in _lessened(observation, name):
            yield path, with_observations(seen, **{name: lessened})


def _lessened(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Give the variants of a value in which one thing, at any depth, is absent."""
    if isinstance(value, Gap):
        return
    if isinstance(value, Each):
        for where, held in _lessened(value.held, path):
            yield where, Each(held)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            held = object.__getattribute__(value, field.name)
            where = f"{path}.{field.name}"
            if held is not None and field.name in _optional(type(value)):
                yield f"{where} absent", replaced(value, **{field.name: None})
            for deeper, lessened in _lessened(held, where):
                yield deeper, replaced(value, **{field.name: lessened})
    elif isinstance(value, tuple) and value and type(value) is tuple:
        if not path.endswith(_NEVER_EMPTY):
            yield f"{path} empty", ()
        for place in {0, len(value) - 1}:
            for deeper, lessened in _lessened(value[place], f"{path}[{place}]"):
                yield deeper, (*value[:place], lessened, *value[place + 1 :])
    elif isinstance(value, Mapping) and value:
        yield f"{path} empty", {}
        for key in value if len(value) <= _LEAF_KEYS else ():
            yield f"{path}[{key}] absent", {other: held for other, held in value.items() if other != key}
            for deeper, lessened in _lessened(value[key], f"{path}[{key}]"):
                yield deeper, {**value, key: lessened}


@cache
def _optional(kind: type) -> frozenset[str]:
    """Name the fields of a dataclass whose type allows None."""
    hints = typing.get_type_hints(kind)
    return frozenset(
        name
        for name, hint in hints.items()
        if typing.get_origin(hint) in (Union, UnionType) and NoneType in typing.get_args(hint)
    )
