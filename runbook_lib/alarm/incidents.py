"""Incidents from what an alarm is about: the parameters that somebody would write who had read it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runbook_lib import instant
from runbook_lib.alarm.events import Alarm
from runbook_lib.alarm.lookup import AlarmSubject
from runbook_lib.incident import Incident

_LONGEST = 64
"""Characters of an incident id."""


def incidents_of(
    cases: Sequence[AlarmSubject], region: str, profile: str | None = None, assume_role_arn: str | None = None
) -> tuple[Incident, ...]:
    """Give each case the parameters of an incident; its id tells the alarm and when it went off, and a number of many.

    Raises BadParameters where the alarm names what AWS would never call anything.
    """
    return tuple(
        Incident.from_mapping(
            {
                "incident_id": _id(case.alarm, f"-{number}" if len(cases) > 1 else ""),
                "region": region,
                "table_name": case.table,
                "function_name": case.function,
                "detected_at": instant.iso(case.alarm.since) if case.alarm.since else None,
                "account_id": case.account,
                "profile": profile,
                "assume_role_arn": assume_role_arn,
            },
            source=f"alarm `{case.alarm.name}`",
        )
        for number, case in enumerate(cases, start=1)
    )


def _id(alarm: Alarm, number: str) -> str:
    """Make an id of an alarm's name, which may hold anything, and its time."""
    tail = (f"-{alarm.since:%Y%m%dT%H%M%SZ}" if alarm.since else "") + number
    name = re.sub(r"[^A-Za-z0-9._]+", "-", alarm.name)[: _LONGEST - len(tail)].strip("._-")
    return f"{name or 'alarm'}{tail}"
