"""AWS played from a recorded run, with the answers of some operations mutated as its models allow.

What is mutated hangs on the seed and the call alone, so a run that fails can be run again, and with fewer operations
mutated. Where the record has no answer, the call is denied.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from botocore.model import Shape

from runbook_lib.archive.record import Record
from runbook_lib.aws import Budget, CallOutcome, Live, iam_action
from runbook_lib.sandbox.wire.models import operation_model

Path = tuple[str | int, ...]


Place = tuple[Path, Any, Shape | None, bool]
"""The way to a value of an answer, what holds it, its shape if there is a model of it, and whether it is required."""


class MutationKind(StrEnum):
    """What is done to an answer: made up from the model alone, some values replaced, or some members left out."""

    INVENTED = "invented"
    REPLACED = "replaced"
    REMOVED = "removed"


TEXTS = (
    *("", " ", "null", "0", "-1", "[]", "{", "NaN", "$LATEST", "a/b:c", "arn:aws:", "arn:aws:lambda:eu-west-1:x"),
    *("<b>&'\"", "a\r\nb\x00\x1b[31m", "\u202eabc\u2028", "\ud800", "üñí ✓", "x" * 70_000, ":" * 12, "/" * 9),
)
UNKNOWN = ("SOMETHING_NEW", "Quiescing", "")
"""Values of enumerations that no model knows yet."""

MEANS_NONE = frozenset({"StreamSpecification", "StreamEnabled", "ReservedConcurrentExecutions"})
"""Members that AWS leaves out to say that there is no such thing: a table without a stream, no limit of its own."""

NUMBERS = (0, 1, -1, 2, 10, 59, 1000, 86_400, 2**31 - 1, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63))
FLOATS = (0.0, -0.0, 1.5, -1.0, 1e-300, 1e18, 1e300, -1e300, float("nan"), float("inf"), float("-inf"))
TIMES = (
    datetime.min.replace(tzinfo=UTC),
    datetime(1, 1, 2, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2026, 3, 14, 9, 0, tzinfo=UTC),
    datetime(2026, 3, 14, 9, 0, 0, 535_000, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
)
MOST_ITEMS = 3
DEEP = 5


@dataclass(frozen=True)
class Mutation:
    """Which operations are mutated, how, and from which seed."""

    seed: int
    how: MutationKind
    operations: frozenset[str]


class MutatedAnswers(Live):
    """AWS as a record remembers it, mutated. `mutated` names what was done to which answer."""

    def __init__(self, record: Record, mutation: Mutation) -> None:
        self.budget = Budget()
        self.mutated: set[str] = set()
        self._mutation = mutation
        self._known = {_key(call.service, call.operation, call.region, call.params): call for call in record.calls()}
        self._region = record.scope.region

    @cached_property
    def _words(self) -> Mapping[str, list[Any]]:
        """Give what each member holds anywhere in the record, so that names of made-up answers now and then agree."""
        found: dict[str, list[Any]] = {}
        for call in self._known.values():
            for path, value in leaves(call.response or {}):
                name = next((part for part in reversed(path) if isinstance(part, str)), "")
                if len(held := found.setdefault(name, [])) < 50:
                    held.append(value)
        return found

    def ask(self, service: str, operation: str, region: str, params: Mapping[str, Any]) -> CallOutcome:
        """Answer from the record, mutated where it is this operation's turn."""
        key = _key(service, operation, region, params)
        known = self._known.get(key)
        action = iam_action(service, operation)
        if action in self._mutation.operations:
            maker = ValueMaker(random.Random(f"{self._mutation.seed} {key}"), self._words)
            shape = operation_model(service, operation).output_shape
            if self._mutation.how is MutationKind.INVENTED:
                return CallOutcome(maker.structure(shape), False, "", 0)
            if known is not None and known.response is not None:
                answer = json.loads(json.dumps(known.response))
                mutate = maker.replace if self._mutation.how is MutationKind.REPLACED else maker.remove
                self.mutated |= {f"{operation}: {said}" for said in mutate(answer, shape)}
                return CallOutcome(answer, False, "", 0)
        if known is None:
            return CallOutcome({"code": "AccessDeniedException", "message": "not recorded", "status": 403}, True, "", 0)
        return CallOutcome(known.response or known.error or {}, known.error is not None, "", 0)


def _key(service: str, operation: str, region: str, params: Mapping[str, Any]) -> str:
    return json.dumps((service, operation, region, params), sort_keys=True, default=str)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Give every value of a JSON document that holds no other, with the way to it."""
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, name))
    else:
        yield path, value


class ValueMaker:
    """Makes values that a model allows, however odd. `words` are values that members of these names have held."""

    def __init__(self, rng: random.Random, words: Mapping[str, list[Any]]) -> None:
        self._rng = rng
        self._words = words

    # -- made up ---------------------------------------------------------------------------------------------------

    def structure(self, shape: Shape, depth: int = 0) -> dict[str, Any]:
        """Make a structure: required members and most of the others, some of them null."""
        found: dict[str, Any] = {}
        for name, inner in shape.members.items():
            if name in shape.required_members or (depth < DEEP and self._rng.random() < 0.75):
                is_null = name not in shape.required_members and self._rng.random() < 0.05
                found[name] = None if is_null else self.value(inner, name, depth + 1)
        return found

    def value(self, shape: Shape, name: str = "", depth: int = 0) -> Any:
        """Make a value of a shape; `name` is the member's that holds it."""
        if shape.type_name == "structure":
            return self.structure(shape, depth)
        if shape.type_name == "list":
            count = 0 if depth > DEEP else self._rng.randrange(MOST_ITEMS + 1)
            return [self.value(shape.member, name, depth + 1) for _ in range(count)]
        if shape.type_name == "map":
            keys = [str(self.value(shape.key, name, depth + 1)) for _ in range(0 if depth > DEEP else 2)]
            return {key: self.value(shape.value, key, depth + 1) for key in keys}
        return self._scalar(shape, name)

    def _scalar(self, shape: Shape, name: str) -> Any:
        kind = shape.type_name
        if kind == "string":
            return self._text(shape, name)
        if kind in ("integer", "long"):
            odd = self._rng.choice(NUMBERS) if self._rng.random() < 0.5 else self._rng.randrange(1000)
            return max(shape.metadata.get("min", odd), min(odd, shape.metadata.get("max", odd)))
        if kind in ("float", "double"):
            return self._rng.choice(FLOATS) if self._rng.random() < 0.5 else self._rng.random() * 1000
        if kind == "boolean":
            return self._rng.random() < 0.5
        if kind == "blob":
            return self._rng.randbytes(5)
        if self._rng.random() < 0.6:
            return self._rng.choice(TIMES)
        return TIMES[3] + timedelta(minutes=self._rng.randrange(-2000, 2000))

    def _text(self, shape: Shape, name: str) -> Any:
        held = [word for word in self._words.get(name, ()) if isinstance(word, str)]
        if held and self._rng.random() < 0.6:
            return self._rng.choice(held)
        enum = shape.metadata.get("enum")
        return self._rng.choice((*enum, *UNKNOWN)) if enum else self._rng.choice(TEXTS)

    def _anything(self, old: Any) -> Any:
        """Make what may stand in a document that has no model: anything that is JSON."""
        return self._rng.choice(
            (None, True, [], {}, [None], {"": None}, [old], {"a": old}, *TEXTS, *NUMBERS, 1.5, str(old))
        )

    # -- mutated ---------------------------------------------------------------------------------------------------

    def replace(self, answer: dict[str, Any], shape: Shape) -> Iterator[str]:
        """Replace a few values of an answer, those inside a document of text as well; say which."""
        return self._mutate(answer, shape, self._replaced)

    def remove(self, answer: dict[str, Any], shape: Shape) -> Iterator[str]:
        """Leave a few members of an answer out, or make them null; say which."""
        return self._mutate(answer, shape, self._removed)

    def _mutate(
        self, answer: dict[str, Any], shape: Shape, change: Callable[[Any, str | int, Shape | None, bool], None]
    ) -> Iterator[str]:
        for _ in range(self._rng.choice((1, 1, 2, 4))):
            places = list(self._places(answer, shape))
            if not places:
                return
            kinds = sorted({_kind(path) for path, *_ in places})
            wanted = self._rng.choice(kinds)
            of_kind = [place for place in places if _kind(place[0]) == wanted]
            chosen = of_kind if self._rng.random() < 0.4 else [self._rng.choice(of_kind)]
            for path, holder, inner, required in chosen:
                if path[-1] in holder if isinstance(holder, dict) else int(path[-1]) < len(holder):
                    change(holder, path[-1], inner, required)
            yield wanted

    def _places(self, value: Any, shape: Shape | None, path: Path = ()) -> Iterator[Place]:
        """Give every place of an answer."""
        if isinstance(value, dict):
            for name, held in value.items():
                inner, required = _member(shape, name)
                yield (*path, name), value, inner, required
                yield from self._places(held, inner, (*path, name))
        elif isinstance(value, list):
            for number, held in enumerate(value):
                inner = shape.member if shape is not None and shape.type_name == "list" else None
                yield (*path, number), value, inner, False
                yield from self._places(held, inner, (*path, number))

    def _replaced(self, holder: Any, name: str | int, shape: Shape | None, required: bool) -> None:
        old = holder[name]
        document = _document(old)
        if document is not None and self._rng.random() < 0.8:
            places = [place for place in self._places(document, None) if place[0]]
            if places:
                path, inner, *_ = self._rng.choice(places)
                inner[path[-1]] = self._anything(inner[path[-1]])
                holder[name] = json.dumps(document)
                return
        label = name if isinstance(name, str) else ""
        if not required and self._rng.random() < 0.2:
            holder[name] = None
        else:
            holder[name] = self._anything(old) if shape is None else self.value(shape, label)

    def _removed(self, holder: Any, name: str | int, shape: Shape | None, required: bool) -> None:
        if required or shape is None or isinstance(holder, list) or name in MEANS_NONE:
            return  # what a customer's document leaves out is what it says
        if self._rng.random() < 0.3:
            holder[name] = None
        else:
            del holder[name]


def _kind(path: Path) -> str:
    """Name a place without the numbers of lists, so that a long list counts as much as a short one."""
    return ".".join(part if isinstance(part, str) else "*" for part in path)


def _member(shape: Shape | None, name: str) -> tuple[Shape | None, bool]:
    if shape is None:
        return None, False
    if shape.type_name == "structure":
        return shape.members.get(name), name in shape.required_members
    return (shape.value if shape.type_name == "map" else None), False


def _document(value: Any) -> Any:
    """Read a text that holds a JSON object or array; None for any other."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return None
    return None
