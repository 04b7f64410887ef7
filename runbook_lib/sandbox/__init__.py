"""The embedded AWS: one world of resources, served over HTTP to any AWS client.

These names are what it takes to tell a fault, a history, a fleet or a second account, to serve it, and to refuse or
slow what is asked of it; docs/telling-a-world.md shows how.
Inside, a module imports from other modules, never from here.
"""

from runbook_lib.sandbox.account.code import (
    BROKEN_HANDLER,
    HARDY,
    INDIGESTIBLE,
    MISREPORTED,
    MISSING_MODULE,
    OUT_OF_MEMORY,
    SOUND,
    STATELESS,
    TIMEOUT,
    Code,
    Failure,
)
from runbook_lib.sandbox.account.customer_alarms import ALARM
from runbook_lib.sandbox.account.healthy import BASIC_EXECUTION, LAMBDA_TRUST, REPORTS, allow, document, stream_reader
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.state import (
    RETENTION,
    Document,
    Function,
    ManagedPolicy,
    Role,
    Scope,
    State,
    Stream,
    Table,
    Version,
)
from runbook_lib.sandbox.account.timeline import Change
from runbook_lib.sandbox.account.traffic import Traffic, Write
from runbook_lib.sandbox.account.trail import (
    CONSOLE,
    LAMBDA,
    MONITOR,
    OPERATOR,
    PIPELINE,
    SECURITY,
    STACK,
    Actor,
    TrailEvent,
)
from runbook_lib.sandbox.account.watched import Alarm, CompositeAlarm, HealthEvent, Watched
from runbook_lib.sandbox.faults import Fault, all_faults, build
from runbook_lib.sandbox.faults.fault import fault
from runbook_lib.sandbox.fleet.accounts import Accounts
from runbook_lib.sandbox.fleet.fleet import Fleet, Member
from runbook_lib.sandbox.fleet.fleet_kinds import MODEL, PLANTED, Kind, kind, mixed
from runbook_lib.sandbox.pipe.iam_truth import root_statement
from runbook_lib.sandbox.server import INVESTIGATOR, RunningSandbox, serve
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError
from runbook_lib.sandbox.wire.front import ServedWorld
from runbook_lib.sandbox.wire.journal import JournalEntry
from runbook_lib.sandbox.wire.rules import (
    Rule,
    action_of,
    allow_only,
    cut,
    deny,
    drop,
    expired_credentials,
    fail,
    garble,
    latency,
    refuse,
    skew,
    throttle,
)
from runbook_lib.sandbox.world import HISTORY, World
from runbook_lib.sandbox.worlds import Trial, trials

__all__ = [
    "ALARM",
    "BASIC_EXECUTION",
    "BROKEN_HANDLER",
    "CONSOLE",
    "HARDY",
    "HISTORY",
    "INDIGESTIBLE",
    "INVESTIGATOR",
    "LAMBDA",
    "LAMBDA_TRUST",
    "MISREPORTED",
    "MISSING_MODULE",
    "MODEL",
    "MONITOR",
    "OPERATOR",
    "OUT_OF_MEMORY",
    "PIPELINE",
    "PLANTED",
    "REPORTS",
    "RETENTION",
    "SECURITY",
    "SOUND",
    "STACK",
    "STATELESS",
    "TIMEOUT",
    "Accounts",
    "Actor",
    "Alarm",
    "ApiError",
    "Call",
    "Change",
    "Code",
    "CompositeAlarm",
    "Document",
    "EventSourceMapping",
    "Failure",
    "Fault",
    "Fleet",
    "Function",
    "HealthEvent",
    "JournalEntry",
    "Kind",
    "ManagedPolicy",
    "Member",
    "Role",
    "Rule",
    "RunningSandbox",
    "Scope",
    "ServedWorld",
    "Setting",
    "State",
    "Stream",
    "Table",
    "Traffic",
    "TrailEvent",
    "Trial",
    "Version",
    "Watched",
    "World",
    "Write",
    "action_of",
    "all_faults",
    "allow",
    "allow_only",
    "build",
    "cut",
    "deny",
    "document",
    "drop",
    "expired_credentials",
    "fail",
    "fault",
    "garble",
    "kind",
    "latency",
    "mixed",
    "refuse",
    "root_statement",
    "serve",
    "skew",
    "stream_reader",
    "throttle",
    "trials",
]
