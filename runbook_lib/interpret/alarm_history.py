"""What the history of a CloudWatch alarm says of its states."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbook_lib import instant

_TOLD = re.compile(r"from (\w+) to (\w+)")


@dataclass(frozen=True)
class StateTurn:
    """A change of an alarm's state, at an instant in UTC. `before` is empty where nothing says what it was."""

    at: datetime
    before: str
    after: str


def turns(items: Iterable[Mapping[str, Any]]) -> Iterator[StateTurn]:
    """Read the items of DescribeAlarmHistory: from the data where it is legible, or else from the summary.

    An item that tells no time, or no state that the alarm came to, is left out.
    """
    for item in items:
        at = instant.optional(item.get("Timestamp"))
        said = _TOLD.search(str(item.get("HistorySummary", "")))
        before, after = said.groups() if said else ("", "")
        with suppress(KeyError, TypeError, ValueError):
            data = json.loads(item["HistoryData"])
            after = str(data["newState"]["stateValue"])
            before = str(data["oldState"]["stateValue"])
        if at and after:
            yield StateTurn(at, before, after)
