"""What must never reach a file or a screen: secrets are dropped, people become stable pseudonyms.

Works on answers as plain JSON values, before anything else sees them. A pseudonym is a salted hash, so that the same
person reads the same throughout a run and cannot be guessed from the run folder; the map back to names belongs to
the responder alone and lies outside the folder (`<run>.actors.json`, mode 0600). ARNs, UUIDs, sequence numbers and
hashes survive: without them evidence is useless.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_POLLER_SESSION = "awslambda_"
_SECRETS = re.compile(
    r"(?P<access_key>\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)"
    r"|(?P<token>\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"
    r"|(?P<presigned>X-Amz-(?:Signature|Security-Token|Credential)=[^&\s\"]+)"
    r"|(?P<authorization>\b(?:Bearer|Basic)\s+[A-Za-z0-9+/_.~-]{12,}=*)"
    r"|(?P<password>(?<=[\s\"'{,;&?])(?:password|passwd|secret|token|api[_-]?key)[\"']?\s*[:=]\s*[\"']?[^\s\"',;&}]{3,})"
    r"|(?P<session>(?<=:assumed-role/)[\w+=,.@-]+/(?!awslambda_)[\w+=,.@-]+)"
    r"|(?P<user>(?<=:user/)[\w+=,.@/-]+)"
    r"|(?P<email>\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b)",
    re.IGNORECASE,
)
_WORTH_A_LOOK = re.compile(r"AKIA|ASIA|eyJ|X-Amz-|Bearer|Basic|passw|secret|token|api.?key|assumed-role|:user/|@", re.I)


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
        """Give the name that stands for a person in this run."""
        alias = f"person-{hashlib.sha256((self.salt + name).encode()).hexdigest()[:6]}"
        self.names[alias] = name
        return alias

    def answer(self, operation: str, answer: Any) -> tuple[Any, dict[str, int]]:
        """Redact one answer; returns it with the count of what was redacted, by kind."""
        count: Counter[str] = Counter()
        return self._value(answer, operation, count), dict(sorted(count.items()))

    def _value(self, value: Any, key: str, count: Counter[str]) -> Any:
        if isinstance(value, str):
            if key == "CloudTrailEvent" or (key == "message" and '"userIdentity"' in value):
                return self._trail_event(value, count)
            return self._text(value, count)
        if isinstance(value, Mapping):
            special = _DROPPED.get(key)
            if special:
                count[special] += len(value)
                return dict.fromkeys(value, "[redacted]")
            return {name: self._member(name, item, count) for name, item in value.items()}
        if isinstance(value, list):
            return [self._value(item, key, count) for item in value]
        return value

    def _member(self, name: str, item: Any, count: Counter[str]) -> Any:
        if isinstance(item, str) and item:
            if name in ("Username", "userName") and not item.startswith(_POLLER_SESSION):
                count["name"] += 1
                return self.pseudonym(item)
            if name in ("AccessKeyId", "accessKeyId"):
                count["access_key"] += 1
                return "[access key]"
            if name == "sourceIPAddress" and not item.endswith(".amazonaws.com"):
                count["address"] += 1
                return "[address]"
            if name == "principalId" and ":" in item and _POLLER_SESSION not in item:
                identifier, session = item.split(":", 1)
                return f"{identifier}:{self.pseudonym(session)}"
        return self._value(item, name, count)

    def _trail_event(self, text: str, count: Counter[str]) -> str:
        """Redact inside the JSON text that CloudTrail wraps an event in."""
        try:
            event = json.loads(text)
        except ValueError:
            return self._text(text, count)
        return json.dumps(self._value(event, "event", count), separators=(",", ":"), ensure_ascii=False)

    def _text(self, text: str, count: Counter[str]) -> str:
        if not _WORTH_A_LOOK.search(text):
            return text

        def replace(found: re.Match[str]) -> str:
            kind = found.lastgroup or "secret"
            count[kind] += 1
            if kind == "session":
                role, session = found.group().rsplit("/", 1)
                return f"{role}/{self.pseudonym(session)}"
            if kind in ("user", "email"):
                return self.pseudonym(found.group())
            return f"[{kind.replace('_', ' ')}]"

        return _SECRETS.sub(replace, text)


_DROPPED = {"Variables": "environment", "Keys": "item", "NewImage": "item", "OldImage": "item"}


def actors_file(folder: Path) -> Path:
    """Name the map of a run: beside the run folder, so that the folder can be attached as it is."""
    return folder.with_name(f"{folder.name}.actors.json")
