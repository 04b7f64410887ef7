"""The scope of a run and the incident in it: validated parameters in, errors that name the key out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, MISSING, asdict, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from runbook_lib import instant
from runbook_lib.errors import BadParameters
from runbook_lib.interpret.arn import FunctionRef

_METRIC_DELAY = timedelta(minutes=3)
"""The newest minutes of CloudWatch data are still filling; nothing is concluded from them."""


@dataclass(frozen=True)
class Window:
    """A stretch of time, UTC, start included and end excluded."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    @property
    def settled_end(self) -> datetime:
        """The end less the minutes that CloudWatch has not finished counting."""
        return instant.floor(self.end - _METRIC_DELAY)

    def widened(self, lookback: timedelta) -> Window:
        """Give the window of the same end that looks back this far, never a shorter one."""
        return Window(min(self.start, self.end - lookback), self.end)


@dataclass(frozen=True)
class Scope:
    """Where and when a run looks, with whose credentials, and where that is kept. Build it with `from_mapping`.

    It is about no table or function in particular, as a sweep is. `incident_id` names the folder of its runs.
    `detected_at` is when somebody noticed, not the onset.
    """

    incident_id: str
    region: str
    _: KW_ONLY
    detected_at: datetime | None = None
    lookback_hours: int = 24
    account_id: str | None = None
    profile: str | None = None
    assume_role_arn: str | None = None
    archive: str = "archive"

    def window(self, as_of: datetime) -> Window:
        """Give the stretch to examine: `lookback_hours` before detection, up to a day after it or the run's clock.

        A run about an old incident must look around that incident, not around today.
        """
        detected = min(self.detected_at or as_of, as_of)
        end = min(as_of, detected + timedelta(hours=24))
        return Window(instant.floor(detected - timedelta(hours=self.lookback_hours)), end)

    def parameters(self) -> dict[str, Any]:
        """Give the parameters back as they would stand in a YAML file: plain strings and numbers, nothing unset."""
        values = asdict(self)
        given = {key: values[key] for key in self.parameter_names() if values[key] is not None}
        return {key: instant.iso(value) if isinstance(value, datetime) else value for key, value in given.items()}

    @classmethod
    def parameter_names(cls) -> list[str]:
        """Name every parameter, in the order in which a parameter file has them."""
        own = {field.name for field in fields(cls)}
        return [key for key in _RULES if key in own]

    @classmethod
    def from_mapping(cls, given: Mapping[Any, Any], *, source: str = "the parameters") -> Self:
        """Validate parameters. Raises BadParameters for an unknown, missing or malformed key, naming it."""
        known = cls.parameter_names()
        for key in given:
            if key not in known:
                raise BadParameters(f"Unknown parameter `{key}` in {source}.", suggestion(str(key), known))
        values = {key: value for key, value in given.items() if value is not None and value != ""}
        for key in (field.name for field in fields(cls) if field.default is MISSING):
            if key not in values:
                raise BadParameters(f"Parameter `{key}` is missing in {source}.", f"Add a line `{key}: ...`.")
        return cls(**{key: _RULES[key].read(key, value, source) for key, value in values.items()})


@dataclass(frozen=True)
class Incident(Scope):
    """What the on-call engineer tells us: a scope, and which table's stream does not trigger which function in it.

    Build it with `from_mapping` or `from_file`, which validate. `function_name` may be a name, `name:alias` or an
    ARN. `role_name` is a cross-check only: the role that matters is read from the mapped function version.
    """

    table_name: str
    function_name: str
    _: KW_ONLY
    cloudtrail_log_group: str | None = None
    role_name: str | None = None

    @property
    def function(self) -> FunctionRef:
        """The function's name and qualifier, whatever form it was given in."""
        return FunctionRef.parse(self.function_name)

    @classmethod
    def within(cls, scope: Scope, incident_id: str, table_name: str, function_name: str) -> Incident:
        """Give the incident of one trigger that is seen through a scope."""
        seen = {name: getattr(scope, name) for name in Scope.parameter_names()}
        return cls(**{**seen, "incident_id": incident_id}, table_name=table_name, function_name=function_name)

    @classmethod
    def from_file(cls, path: Path) -> Incident:
        """Read a parameter file (YAML). Raises BadParameters naming the file, and the key where one is at fault."""
        content = _read_yaml(path)
        if not isinstance(content, Mapping):
            raise BadParameters(
                f"Parameter file {path} holds no `key: value` lines.", "Compare it with params/INC-EXAMPLE.yaml."
            )
        return cls.from_mapping(content, source=str(path))

    @classmethod
    def from_mapping(cls, given: Mapping[Any, Any], *, source: str = "the parameters") -> Self:
        """Validate parameters, and that they agree. Raises BadParameters, naming the key."""
        incident = super().from_mapping(given, source=source)
        _agree(incident, source)
        return incident


def _read_yaml(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadParameters(f"There is no parameter file {path}.", f"{_nearby(path)}") from None
    except (OSError, UnicodeDecodeError) as failure:
        raise BadParameters(f"Parameter file {path} cannot be read: {failure}.", "Check its path and mode.") from None
    except yaml.YAMLError as failure:
        where = getattr(failure, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise BadParameters(
            f"Parameter file {path} is not valid YAML{line}.", "Compare it with params/INC-EXAMPLE.yaml."
        ) from None


def suggestion(word: str, known: list[str]) -> str:
    """Name the known word that was probably meant, or list them all."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean `{near[0]}`?" if near else f"Known are: {', '.join(known)}."


@dataclass(frozen=True)
class _ParameterRule:
    """How one parameter must look, and how to say so."""

    accepts: Callable[[str], bool]
    form: str

    def read(self, key: str, value: Any, source: str) -> Any:
        """Accept a string of the right form. YAML turns `012345678901` or `14:03:00` into numbers: refuse those."""
        if not isinstance(value, str):
            raise BadParameters(
                f"Parameter `{key}` in {source} is {value!r}, a {type(value).__name__}, not text.",
                f'Quote it: `{key}: "..."`.',
            )
        if not self.accepts(value):
            raise BadParameters(f"Parameter `{key}` in {source} is {value!r}.", f"It must be {self.form}.")
        return value


class _Instant(_ParameterRule):
    def read(self, key: str, value: Any, source: str) -> datetime:
        """Read ISO 8601 text, or the datetime that some YAML loaders make of it."""
        if isinstance(value, datetime):
            value = value.isoformat()
        text = super().read(key, value, source)
        return instant.parse(str(text))


class _Hours(_ParameterRule):
    def read(self, key: str, value: Any, source: str) -> int:
        """Read a whole number of hours; YAML's true and text are refused."""
        if isinstance(value, bool) or not isinstance(value, int) or not self.accepts(str(value)):
            raise BadParameters(f"Parameter `{key}` in {source} is {value!r}.", f"It must be {self.form}.")
        return value


def _matching(pattern: str, form: str) -> _ParameterRule:
    return _ParameterRule(lambda text: re.fullmatch(pattern, text) is not None, form)


def _is_instant(text: str) -> bool:
    try:
        instant.parse(text)
    except ValueError:
        return False
    return True


def _is_function(text: str) -> bool:
    try:
        FunctionRef.parse(text)
    except ValueError:
        return False
    return True


_NAME = r"[A-Za-z0-9_.-]{3,255}"
_RULES: dict[str, _ParameterRule] = {
    "incident_id": _matching(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "1-64 letters, digits, `.`, `_` or `-`, as it names a folder"
    ),
    "region": _matching(r"[a-z]{2}(-[a-z]+)+-\d", "an AWS region such as `eu-west-1`"),
    "table_name": _matching(_NAME, "a DynamoDB table name: 3-255 letters, digits, `_`, `-` or `.`, no ARN"),
    "function_name": _ParameterRule(_is_function, "a Lambda function name, `name:alias` or function ARN"),
    "detected_at": _Instant(_is_instant, "an ISO 8601 time such as `2026-03-14T15:09:00Z`"),
    "lookback_hours": _Hours(lambda text: 1 <= int(text) <= 24 * 14, "a whole number of hours from 1 to 336"),
    "cloudtrail_log_group": _matching(r"[\w./#-]{1,512}", "the name of a CloudWatch Logs group"),
    "role_name": _matching(r"[\w+=,.@-]{1,64}", "the name of an IAM role, no ARN"),
    "account_id": _matching(r"\d{12}", "twelve digits, quoted"),
    "profile": _matching(r"[^\s\x00-\x1f]{1,128}", "the name of a profile in your AWS configuration"),
    "assume_role_arn": _matching(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+", "the ARN of an IAM role"),
    "archive": _ParameterRule(
        lambda text: "\x00" not in text and "://" not in text, "a folder; s3://... is for --archive"
    ),
}


def _agree(incident: Incident, source: str) -> None:
    """Refuse parameters that contradict one another; a Lambda trigger cannot cross regions."""
    named = incident.function
    if named.region and named.region != incident.region:
        raise BadParameters(
            f"Parameters `region` ({incident.region}) and `function_name` (in {named.region}) in {source} disagree.",
            "A stream can only trigger a function in its own region: correct one of them.",
        )
    if incident.account_id and named.account and named.account != incident.account_id:
        raise BadParameters(
            f"Parameters `account_id` ({incident.account_id}) and `function_name` (in {named.account}) in {source}"
            " disagree.",
            "Correct one of them.",
        )


def _nearby(path: Path) -> str:
    """Name the parameter files that do exist beside a missing one."""
    found = sorted(path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, [other.name for other in found], n=1, cutoff=0.5)
    return f"Did you mean {path.parent / near[0]}?" if near else "Give the path of a YAML file as in params/."
