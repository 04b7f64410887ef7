"""Faults in which records are given up: the mapping's own limits throw away what waits."""

from datetime import datetime, timedelta

from runbook_lib.sandbox.account.code import Code
from runbook_lib.sandbox.account.healthy import REPORTS
from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.trail import OPERATOR, PIPELINE, SECURITY
from runbook_lib.sandbox.faults.fault import fault
from runbook_lib.sandbox.world import World

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders-failures"
_GIVES_UP = {"maximum_retry_attempts": 2, "bisect": True, "destination": QUEUE, "event_count": True}


@fault(
    expects="retry-exhausted-drop", onset=timedelta(hours=1, minutes=52, seconds=33), loss="at_risk",
    set_off_by="UpdateFunctionCode20150331v2", symptoms=("errors-high",), remedies=("R10", "R21"),
    forbids=("poison-record", "max-age-drop", "no-table-writes"),
    setting=Setting(mapping=_GIVES_UP),
)  # fmt: skip
def retries_exhausted(world: World, at: datetime) -> None:
    """A release does not know cancelled orders; each fails three times and goes to a queue that nobody reads."""
    world.deploy(at, world.setting.function, Code("r42", chokes_on="CANCELLED"), by=PIPELINE)


@fault(
    expects="retry-exhausted-drop", onset=timedelta(hours=2, minutes=17, seconds=6), loss="at_risk",
    set_off_by="UpdateFunctionCode20150331v2", symptoms=("errors-high",), remedies=("R10", "R21"),
    contributing=("destination-broken",), forbids=("poison-record", "max-age-drop"),
    setting=Setting(mapping=_GIVES_UP),
)  # fmt: skip
def failure_queue_refused(world: World, at: datetime) -> None:
    """A review took the role's right to write to the failure queue; the next bad release lost its failures for good."""
    world.delete_role_policy(at - timedelta(hours=27, minutes=12), world.role_name, REPORTS, by=SECURITY)
    world.deploy(at, world.setting.function, Code("r42", chokes_on="CANCELLED"), by=PIPELINE)


@fault(
    expects="reserved-concurrency-zero", onset=timedelta(hours=3, minutes=38, seconds=44), loss="at_risk",
    set_off_by="PutFunctionConcurrency20171031", symptoms=("function-not-invoked", "throttled"), remedies=("R5", "R22"),
    contributing=("max-age-drop",), forbids=("retry-exhausted-drop",),
    setting=Setting(mapping={"maximum_record_age": 3600, "destination": QUEUE, "event_count": True}),
)  # fmt: skip
def record_age_limited(world: World, at: datetime) -> None:
    """The emergency brake was pulled again, and this mapping gives records up after an hour instead of a day."""
    world.put_concurrency(at, world.setting.function, 0, by=OPERATOR)
