"""From an alarm to the incidents it is about.

`events` reads what CloudWatch sends or answers into alarms, and `named` their dimensions into names; both are pure.
`lookup` finds through the Reader what an alarm leaves out. The alarm says where to look and since when, and nothing
more: it is the user's own, may treat silence as a breach, and is no evidence. Nothing here judges.
"""

from runbook_lib.alarm.events import LARGEST, Alarm, read_event
from runbook_lib.alarm.incidents import incidents_of
from runbook_lib.alarm.lookup import PERMISSIONS, AlarmSubject, cases_of, describe, door

__all__ = [
    "LARGEST",
    "PERMISSIONS",
    "Alarm",
    "AlarmSubject",
    "cases_of",
    "describe",
    "door",
    "incidents_of",
    "read_event",
]
