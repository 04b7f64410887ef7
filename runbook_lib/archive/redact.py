"""What must never reach a file or a screen: secrets and people become stable pseudonyms.

Works on answers as plain JSON values, before anything else sees them. A pseudonym is a salted hash, so that the same
person or secret reads the same throughout a run and cannot be guessed from the run folder; the map back to the names
of those who acted belongs to the responder alone and lies outside the folder (`<run>.actors.json`, mode 0600). No map
leads back to a secret. ARNs, UUIDs, sequence numbers and hashes survive: without them evidence is useless.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from runbook_lib.archive.secret_kinds import OPAQUE_NAME, SECRET_NAME, TAKEN, SecretKind, suspected

_POLLER_SESSION = "awslambda_"
_SHORTEST = 6
"""No text shorter than this is looked into: no secret that can be told from a word is."""

_DROPPED = {
    name: kind
    for kind, names in {
        "environment": ("Variables", "variables"),
        "item": ("Keys", "keys", "NewImage", "newImage", "OldImage", "oldImage", "key", "item"),
    }.items()
    for name in names
}
_ATTRIBUTE_TYPES: Mapping[str, type] = {
    "S": str,
    "N": str,
    "B": str,
    "SS": list,
    "NS": list,
    "BS": list,
    "M": dict,
    "L": list,
}
_ACTORS = frozenset({"Username", "userName", "roleSessionName", "RoleSessionName", "sourceIdentity", "SourceIdentity"})
_PRINCIPALS = frozenset({"principalId", "assumedRoleId"})
_ACCESS_KEYS = frozenset({"AccessKeyId", "accessKeyId"})


class Redactor:
    """Redacts answers of one run and remembers who stands behind each pseudonym."""

    def __init__(self, salt: str | None = None, names: Mapping[str, str] | None = None) -> None:
        self.salt = salt or secrets.token_hex(16)
        self.names: dict[str, str] = dict(names or {})

    @classmethod
    def beside(cls, folder: Path) -> Redactor:
        """Take up the map of a run that was begun before, so that its pseudonyms stay the same."""
        try:
            kept = json.loads(actors_file(folder).read_text(encoding="utf-8"))
            return cls(kept["salt"], kept["actors"])
        except (OSError, ValueError, KeyError):
            return cls()

    def keep(self, folder: Path) -> None:
        """Write the map beside the run folder, readable by its owner alone."""
        path = actors_file(folder)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"salt": self.salt, "actors": dict(sorted(self.names.items()))}, file, indent=1)

    def pseudonym(self, name: str) -> str:
        """Give the name that stands for somebody who acted in this run, and remember whose it is."""
        if TAKEN.fullmatch(name):
            return name
        alias = self._person(name)
        self.names[alias] = name
        return alias

    def answer(self, operation: str, answer: Any) -> tuple[Any, dict[str, int]]:
        """Redact one answer; returns it with the count of what was redacted, by kind."""
        count: Counter[str] = Counter()
        redacted = self._value(answer, operation, count)
        return redacted, dict(sorted((+count).items()))

    def text(self, text: str) -> str:
        """Redact text that comes from no answer, such as the words of a failure."""
        return self._text(text, Counter())

    def _person(self, name: str) -> str:
        return f"person-{self._digest(name)}"

    def _stand_in(self, kind: str, secret: str) -> str:
        """Give what stands for a secret: the same for the same secret, so that equal lines stay equal."""
        return f"[{kind.replace('_', ' ')} {self._digest(secret)}]"

    def _digest(self, secret: str) -> str:
        return hashlib.sha256((self.salt + secret).encode("utf-8", "surrogatepass")).hexdigest()[:6]

    def _value(self, value: Any, key: str, count: Counter[str]) -> Any:
        if isinstance(value, str):
            if '"userIdentity"' in value and value.lstrip()[:1] == "{":
                return self._trail_event(value, count)
            return self._text(value, count)
        if isinstance(value, int | float):
            return value
        if isinstance(value, list):
            return [self._value(item, key, count) for item in value]
        if isinstance(value, Mapping):
            return self._members(value, key, count)
        return value

    def _members(self, value: Mapping[str, Any], key: str, count: Counter[str]) -> dict[str, Any]:
        dropped = _DROPPED.get(key)
        if dropped:
            count[dropped] += sum(item != "[redacted]" for item in value.values())
            return dict.fromkeys(value, "[redacted]")
        if _is_attribute(value):
            count["item"] += 1
            return dict.fromkeys(value, "[redacted]")
        return {
            self._text(name, count): self._member(_judged_as(value, name), item, count) for name, item in value.items()
        }

    def _member(self, name: str, item: Any, count: Counter[str]) -> Any:
        if not isinstance(item, str):
            return self._value(item, name, count)
        if not item or OPAQUE_NAME.fullmatch(name) or TAKEN.fullmatch(item):
            return item
        if name in _ACTORS and not item.startswith(_POLLER_SESSION) and not item.endswith(".amazonaws.com"):
            count["name"] += 1
            return self.pseudonym(item)
        if name in _ACCESS_KEYS:
            return self._taken("access_key", item, count)
        if name == "sourceIPAddress" and not item.endswith((".amazonaws.com", "AWS Internal")):
            return self._taken("address", item, count)
        if name in _PRINCIPALS and ":" in item and _POLLER_SESSION not in item:
            identifier, session = item.split(":", 1)
            count["session"] += not TAKEN.fullmatch(session)
            return f"{identifier}:{self.pseudonym(session)}"
        if SECRET_NAME.fullmatch(name) and not item.startswith("arn:"):
            return self._taken("token" if name.lower().endswith("token") else "password", item, count)
        return self._value(item, name, count)

    def _taken(self, kind: str, secret: str, count: Counter[str]) -> str:
        count[kind] += 1
        return self._stand_in(kind, secret)

    def _trail_event(self, text: str, count: Counter[str]) -> str:
        """Redact inside the JSON text that CloudTrail wraps an event in."""
        try:
            event = json.loads(text)
        except ValueError:
            return self._text(text, count)
        redacted = self._value(event, "event", count)
        self._hide_named(event, redacted)
        return json.dumps(redacted, separators=(",", ":"), ensure_ascii=False)

    def _hide_named(self, event: Mapping[str, Any], redacted: dict[str, Any]) -> None:
        """Put a pseudonym into IAM's error message, which names the user that the request was about."""
        asked, said = event.get("requestParameters"), redacted.get("errorMessage")
        name = asked.get("userName") if isinstance(asked, Mapping) else None
        if isinstance(name, str) and name and isinstance(said, str):
            redacted["errorMessage"] = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", self.pseudonym(name), said)

    def _text(self, text: str, count: Counter[str]) -> str:
        if len(text) < _SHORTEST:
            return text
        for kind in suspected(text):
            text = kind.pattern.sub(partial(self._replaced, kind, count), text)
        return text

    def _replaced(self, kind: SecretKind, count: Counter[str], match: re.Match[str]) -> str:
        """Put the stand-in in the secret's place; what the pattern found to no secret stays."""
        named = match.re.groupindex
        group = next((name for name in _SECRET_GROUPS if name in named and match.group(name) is not None), None)
        if group is None and any(name in named for name in _SECRET_GROUPS):
            return match.group()
        secret = match.group(group or 0)
        if not kind.holds(secret):
            return match.group()
        count[kind.name] += 1
        if kind.person:
            instead = self.pseudonym(secret) if kind.actor else self._person(secret)
        else:
            instead = self._stand_in(kind.name, secret)
        start = match.start(group or 0) - match.start()
        return match.group()[:start] + instead + match.group()[start + len(secret) :]


_SECRET_GROUPS = ("secret", "cookie", "alone")


def _judged_as(value: Mapping[str, Any], name: str) -> str:
    """Under which name a member is judged: a role's `userName` is no person's, the name of an IAM user's entry is."""
    if name == "userName" and value.get("type") == "Role":
        return ""
    return "userName" if name == "ResourceName" and value.get("ResourceType") == "AWS::IAM::User" else name


def _is_attribute(value: Mapping[str, Any]) -> bool:
    """Whether this is an attribute of an item as DynamoDB writes it, such as `{"S": "Jane"}`."""
    if len(value) != 1:
        return False
    ((name, item),) = value.items()
    return name in _ATTRIBUTE_TYPES and isinstance(item, _ATTRIBUTE_TYPES[name]) and item != "[redacted]"


def actors_file(folder: Path) -> Path:
    """Name the map of a run: beside the run folder, so that the folder can be attached as it is."""
    return folder.with_name(f"{folder.name}.actors.json")
