"""Faults of the function: it is gone, may not run, or cannot digest what it gets."""

from datetime import datetime, timedelta

from runbook_lib.sandbox.code import MISSING_MODULE, Code
from runbook_lib.sandbox.faults.fault import fault
from runbook_lib.sandbox.healthy import Setting
from runbook_lib.sandbox.trail import CONSOLE, OPERATOR, PIPELINE
from runbook_lib.sandbox.world import World


@fault(
    expects="reserved-concurrency-zero", onset=timedelta(minutes=41, seconds=17), loss="at_risk",
    trigger="PutFunctionConcurrency20171031", symptoms=("function-not-invoked", "throttled"), remedies=("R5",),
    forbids=("esm-disabled-by-user", "account-concurrency-exhausted"),
)  # fmt: skip
def concurrency_zero(world: World, at: datetime) -> None:
    """During another incident somebody pulled the emergency brake, a reserved concurrency of 0, and forgot it."""
    world.put_concurrency(at, world.setting.function, 0, by=OPERATOR)


@fault(
    expects="poison-record", onset=timedelta(hours=8, minutes=52, seconds=5), trigger=None, loss="at_risk",
    symptoms=("iterator-age-rising", "errors-high"), remedies=("R6",), forbids=("init-or-import-error", "timeout"),
)  # fmt: skip
def poison_record(world: World, at: datetime) -> None:
    """A partner wrote one order with text for its total; the shard it is on has been retrying it ever since."""
    world.poison(at)


@fault(
    expects="init-or-import-error", onset=timedelta(hours=1, minutes=37, seconds=49), loss="at_risk",
    trigger="UpdateFunctionCode20150331v2", symptoms=("iterator-age-rising", "errors-high"), remedies=("R10",),
    forbids=("poison-record", "view-type-lacks-image"),
)  # fmt: skip
def import_error_after_deploy(world: World, at: datetime) -> None:
    """A release left a library out of the package, so every invocation dies before the handler is reached."""
    world.deploy(at, world.setting.function, Code("r42", always=MISSING_MODULE), by=PIPELINE)


@fault(
    expects="function-or-qualifier-deleted", onset=timedelta(hours=3, minutes=6, seconds=12), loss="at_risk",
    trigger="DeleteFunction20150331", symptoms=("function-not-invoked",), remedies=("R16",),
    forbids=("esm-missing", "esm-disabled-by-lambda"),
)  # fmt: skip
def function_deleted(world: World, at: datetime) -> None:
    """A tidy-up of old stacks deleted the function; its mapping still says Enabled."""
    world.delete_function(at, world.setting.function, by=CONSOLE)


@fault(
    expects="view-type-lacks-image", onset=timedelta(hours=2, minutes=29, seconds=40), loss="at_risk",
    trigger="UpdateFunctionCode20150331v2", symptoms=("iterator-age-rising", "errors-high"),
    remedies=("R10", "R8", "R2"), setting=Setting(view_type="KEYS_ONLY"),
    forbids=("poison-record", "init-or-import-error"),
)  # fmt: skip
def view_type_without_image(world: World, at: datetime) -> None:
    """A release reads the new image of each record, but the stream has always carried keys only."""
    world.deploy(at, world.setting.function, Code("r42", needs="NewImage"), by=PIPELINE)
