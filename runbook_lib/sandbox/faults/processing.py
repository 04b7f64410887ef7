"""Faults of the code: the function is invoked, and fails, or answers what Lambda takes for a failure."""

from datetime import datetime, timedelta

from runbook_lib.sandbox.account.code import (
    BROKEN_HANDLER,
    MISREPORTED,
    OUT_OF_MEMORY,
    STATELESS,
    TIMEOUT,
    Code,
    Failure,
)
from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.trail import PIPELINE
from runbook_lib.sandbox.faults.fault import fault
from runbook_lib.sandbox.world import World

_FAILING = ("iterator-age-rising", "errors-high")


@fault(
    expects="timeout", onset=timedelta(hours=2, minutes=12, seconds=31), loss="at_risk",
    set_off_by="UpdateFunctionCode20150331v2", symptoms=_FAILING, remedies=("R10",),
    forbids=("poison-record", "oom", "init-or-import-error"),
)  # fmt: skip
def times_out_after_deploy(world: World, at: datetime) -> None:
    """A release calls a service that its subnet has no way to; every batch waits until the timeout ends it."""
    world.deploy(at, world.setting.function, Code("r42", always=TIMEOUT), by=PIPELINE)


@fault(
    expects="poison-record", onset=timedelta(hours=4, minutes=8, seconds=20), set_off_by=None, loss="at_risk",
    symptoms=_FAILING, remedies=("R6",), forbids=("timeout", "oom", "handler-error"),
)  # fmt: skip
def one_record_times_out(world: World, at: datetime) -> None:
    """One order holds ten thousand lines; the shard it is on times out over it while the others go on."""
    patient = Code("r40", poisoned=TIMEOUT)
    world.deploy(world.start + timedelta(minutes=3), world.setting.function, patient, by=PIPELINE)
    world.poison(at)


@fault(
    expects="oom", onset=timedelta(hours=1, minutes=6, seconds=47), loss="at_risk",
    set_off_by="UpdateFunctionCode20150331v2", symptoms=_FAILING, remedies=("R10",),
    forbids=("poison-record", "timeout", "init-or-import-error"),
)  # fmt: skip
def out_of_memory_after_deploy(world: World, at: datetime) -> None:
    """A release loads the whole price list for every batch and is killed before it has read it."""
    world.deploy(at, world.setting.function, Code("r42", always=OUT_OF_MEMORY), by=PIPELINE)


@fault(
    expects="handler-error", onset=timedelta(hours=3, minutes=21, seconds=14), loss="at_risk",
    set_off_by="UpdateFunctionCode20150331v2", symptoms=_FAILING, remedies=("R10",),
    forbids=("poison-record", "init-or-import-error", "view-type-lacks-image"),
)  # fmt: skip
def handler_fails_after_deploy(world: World, at: datetime) -> None:
    """A release reads a setting that nobody made; it loads, and raises on every batch."""
    world.deploy(at, world.setting.function, Code("r42", always=BROKEN_HANDLER), by=PIPELINE)


@fault(
    expects="partial-batch-misuse", onset=timedelta(hours=2, minutes=47, seconds=9), loss="at_risk",
    set_off_by="UpdateFunctionCode20150331v2", symptoms=("iterator-age-rising",), remedies=("R10",),
    forbids=("poison-record", "handler-error", "shard-serial-lag"),
    setting=Setting(mapping={"event_count": True, "response_types": ("ReportBatchItemFailures",)}),
)  # fmt: skip
def failed_records_misnamed(world: World, at: datetime) -> None:
    """A release misspells the key under which it reports failed records: whole batches fail, and no error shows."""
    world.deploy(at, world.setting.function, Code("r42", always=MISREPORTED), by=PIPELINE)


@fault(
    expects="tumbling-no-state", onset=timedelta(hours=1, minutes=51, seconds=38), loss="at_risk",
    set_off_by="UpdateFunctionCode20150331v2", symptoms=("iterator-age-rising",), remedies=("R10",),
    forbids=("poison-record", "handler-error", "partial-batch-misuse"),
    setting=Setting(mapping={"event_count": True, "tumbling": 60}),
)  # fmt: skip
def window_without_state(world: World, at: datetime) -> None:
    """A release forgot to return the state of its tumbling window, and every batch counts as failed."""
    world.deploy(at, world.setting.function, Code("r42", always=STATELESS), by=PIPELINE)


@fault(
    expects="poison-record", onset=timedelta(hours=23, minutes=46, seconds=8), set_off_by=None, loss="at_risk",
    symptoms=(*_FAILING, "trimmed"), remedies=("R6",), forbids=("handler-error", "max-age-drop"),
)  # fmt: skip
def shard_blocked_for_a_day(world: World, at: datetime) -> None:
    """A malformed order has held its shard since yesterday; it expires in a moment, and then what waits behind it."""
    world.poison(at)


@fault(
    expects="every-batch-fails", onset=timedelta(minutes=56, seconds=17), loss="at_risk",
    set_off_by="UpdateFunctionCode20150331v2", symptoms=_FAILING, remedies=("R10",),
    forbids=("handler-error", "init-or-import-error", "timeout", "oom"),
)  # fmt: skip
def fails_without_a_word(world: World, at: datetime) -> None:
    """A release ends every invocation with an error, and writes nothing that a search for failures would find."""
    wordless = Failure("Ended", "the code says goodbye and ends", line="goodbye")
    world.deploy(at, world.setting.function, Code("r42", always=wordless), by=PIPELINE)
