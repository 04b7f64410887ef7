"""Worlds in which the trouble is what can be seen, or that what is seen is of something else."""

from datetime import datetime, timedelta

from runbook_lib.sandbox.account.healthy import BASIC_EXECUTION
from runbook_lib.sandbox.account.trail import OPERATOR, SECURITY
from runbook_lib.sandbox.account.watched import HealthEvent
from runbook_lib.sandbox.faults.fault import fault
from runbook_lib.sandbox.world import World


@fault(
    expects=None, onset=timedelta(hours=5, minutes=33, seconds=18), loss="none", notes=("role-cannot-log",),
    forbids=("init-or-import-error", "role-missing-stream-actions"),
)  # fmt: skip
def role_cannot_log(world: World, at: datetime) -> None:
    """A review took the role's right to write logs: the function runs as ever, and looks as if it had stopped."""
    world.detach_role_policy(at, world.role_name, BASIC_EXECUTION, by=SECURITY)


@fault(
    expects=None, onset=timedelta(hours=61, minutes=12), loss="none", notes=("looking-in-wrong-logs",),
    forbids=("role-cannot-log",),
)  # fmt: skip
def logs_moved(world: World, at: datetime) -> None:
    """The platform team moved the function's logs to a shared group; the one of its own name is silent."""
    world.move_logs(at, world.setting.function, "/platform/orders")


@fault(
    expects="esm-disabled-by-user", onset=timedelta(hours=2, minutes=36, seconds=27), loss="at_risk",
    set_off_by="UpdateEventSourceMapping20150331", symptoms=("function-not-invoked",), notes=("other-triggers-mask",),
    remedies=("R1",), forbids=("esm-missing",),
)  # fmt: skip
def paused_behind_a_schedule(world: World, at: datetime) -> None:
    """The mapping was paused, and a schedule goes on invoking the function: its dashboard shows invocations."""
    world.begin_with_function(scheduled=True)
    world.update_mapping(at, world.mapping.uuid, by=OPERATOR, enabled=False)


@fault(
    expects="service-event", onset=timedelta(hours=1, minutes=58, seconds=44), loss="at_risk", set_off_by=None,
    symptoms=("function-not-invoked",), remedies=("R39",),
    forbids=("esm-disabled-by-user", "role-missing-stream-actions"), confidence="likely",
)  # fmt: skip
def service_event(world: World, at: datetime) -> None:
    """AWS has trouble with event source mappings in the region: every poller of the stream stands still at once."""
    world.stall_pollers(at, *world.at(at).mappings)
    world.report_health(HealthEvent("AWS_LAMBDA_OPERATIONAL_ISSUE", "LAMBDA", at))


@fault(
    expects=None, onset=timedelta(hours=2, minutes=56, seconds=31), loss="none", notes=("recursion-detection",),
    forbids=("account-concurrency-exhausted", "reserved-concurrency-zero"),
)  # fmt: skip
def topic_feeds_itself(world: World, at: datetime) -> None:
    """A topic that the function publishes its reminders to was made a trigger of it: a loop that Lambda breaks off."""
    world.subscribe(at, world.setting.function, "orders-reminders", by=OPERATOR)
