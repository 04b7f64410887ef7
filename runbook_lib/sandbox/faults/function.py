"""Faults of the function: it is gone, may not run, or cannot digest what it gets."""

from datetime import datetime, timedelta

from runbook_lib.sandbox.account.code import MISSING_MODULE, Code
from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.timeline import Change
from runbook_lib.sandbox.account.trail import CONSOLE, OPERATOR, PIPELINE, STACK
from runbook_lib.sandbox.faults.fault import fault
from runbook_lib.sandbox.world import World

_STOPPED = ("function-not-invoked",)


@fault(
    expects="reserved-concurrency-zero", onset=timedelta(minutes=41, seconds=17), loss="at_risk",
    set_off_by="PutFunctionConcurrency20171031", symptoms=("function-not-invoked", "throttled"), remedies=("R5",),
    forbids=("esm-disabled-by-user", "account-concurrency-exhausted"),
)  # fmt: skip
def concurrency_zero(world: World, at: datetime) -> None:
    """During another incident somebody pulled the emergency brake, a reserved concurrency of 0, and forgot it."""
    world.put_concurrency(at, world.setting.function, 0, by=OPERATOR)


@fault(
    expects="poison-record", onset=timedelta(hours=8, minutes=52, seconds=5), set_off_by=None, loss="at_risk",
    symptoms=("iterator-age-rising", "errors-high"), remedies=("R6",), forbids=("init-or-import-error", "timeout"),
)  # fmt: skip
def poison_record(world: World, at: datetime) -> None:
    """A partner wrote one order with text for its total; the shard it is on has been retrying it ever since."""
    world.poison(at)


@fault(
    expects="init-or-import-error", onset=timedelta(hours=1, minutes=37, seconds=49), loss="at_risk",
    set_off_by="UpdateFunctionCode20150331v2", symptoms=("iterator-age-rising", "errors-high"), remedies=("R10",),
    forbids=("poison-record", "view-type-lacks-image"),
)  # fmt: skip
def import_error_after_deploy(world: World, at: datetime) -> None:
    """A release left a library out of the package, so every invocation dies before the handler is reached."""
    world.deploy(at, world.setting.function, Code("r42", always=MISSING_MODULE), by=PIPELINE)


@fault(
    expects="function-or-qualifier-deleted", onset=timedelta(hours=3, minutes=6, seconds=12), loss="at_risk",
    set_off_by="DeleteFunction20150331", symptoms=("function-not-invoked",), remedies=("R16",),
    forbids=("esm-missing", "esm-disabled-by-lambda"),
)  # fmt: skip
def function_deleted(world: World, at: datetime) -> None:
    """A tidy-up of old stacks deleted the function; its mapping still says Enabled."""
    world.delete_function(at, world.setting.function, by=CONSOLE)


@fault(
    expects="view-type-lacks-image", onset=timedelta(hours=2, minutes=29, seconds=40), loss="at_risk",
    set_off_by="UpdateFunctionCode20150331v2", symptoms=("iterator-age-rising", "errors-high"),
    remedies=("R10", "R19"), setting=Setting(view_type="KEYS_ONLY"),
    forbids=("poison-record", "init-or-import-error"),
)  # fmt: skip
def view_type_without_image(world: World, at: datetime) -> None:
    """A release reads the new image of each record, but the stream has always carried keys only."""
    world.deploy(at, world.setting.function, Code("r42", needs="NewImage"), by=PIPELINE)


@fault(
    expects="artifact-lost", onset=timedelta(hours=3, minutes=39, seconds=28), set_off_by=None, loss="at_risk",
    symptoms=_STOPPED, remedies=("R10",), forbids=("state-failed", "vpc-eni-subnet"),
)  # fmt: skip
def image_expired(world: World, at: datetime) -> None:
    """The registry's lifecycle rule expired the image that the function runs from, and Lambda had to fetch it again."""
    world.begin_with_function(package="Image")
    reason = "The function's image was deleted from its repository."
    world.put_out_of_service(at, world.setting.function, "Inactive", "ImageDeleted", reason)


@fault(
    expects="function-key-denied", onset=timedelta(hours=1, minutes=18, seconds=7), set_off_by="DisableKey",
    loss="at_risk", symptoms=_STOPPED, remedies=("R38",), forbids=("state-failed", "cmk-denied-to-role"),
)  # fmt: skip
def function_key_disabled(world: World, at: datetime) -> None:
    """A clean-up of unused keys disabled the one that the function's environment is encrypted with."""
    key = world.scope.arn("kms", "key/8c41f0d2-3e97-4a5b-b6d8-1f20a94c7e63")
    world.begin_with_function(key=key)
    world.disable_function_key(at, key)


@fault(
    expects="vpc-eni-subnet", onset=timedelta(hours=1, minutes=46, seconds=11), set_off_by="CreateFunction20150331",
    loss="at_risk", symptoms=_STOPPED, remedies=("R33",), forbids=("state-pending", "function-or-qualifier-deleted"),
)  # fmt: skip
def subnet_full(world: World, at: datetime) -> None:
    """A stack replaced the function by one in a VPC whose subnet has no address left for its network interface."""
    reason = "Lambda could not create a network interface: the subnet has no free IP addresses."
    world.recreate_function(
        at, world.setting.function, by=STACK,
        state="Failed", state_reason=reason, state_reason_code="SubnetOutOfIPAddresses",
    )  # fmt: skip


@fault(
    expects="state-failed", onset=timedelta(minutes=58, seconds=42), loss="at_risk",
    set_off_by="CreateFunction20150331", symptoms=_STOPPED, remedies=("R42",),
    forbids=("artifact-lost", "function-or-qualifier-deleted"),
)  # fmt: skip
def creation_failed(world: World, at: datetime) -> None:
    """A stack replaced the function, and its successor could not be set up; it stays in state Failed."""
    reason = "The function could not be created with this configuration."
    world.recreate_function(
        at, world.setting.function, by=STACK,
        state="Failed", state_reason=reason, state_reason_code="InvalidConfiguration",
    )  # fmt: skip


@fault(
    expects="state-pending", onset=timedelta(minutes=49, seconds=31), loss="at_risk",
    set_off_by="CreateFunction20150331", symptoms=_STOPPED, remedies=("R34",),
    forbids=("state-failed", "function-or-qualifier-deleted"),
)  # fmt: skip
def creation_stuck(world: World, at: datetime) -> None:
    """A stack replaced the function, and its successor has been getting ready ever since."""
    reason = "The function is being created."
    world.recreate_function(
        at, world.setting.function, by=STACK, state="Pending", state_reason=reason, state_reason_code="Creating"
    )


@fault(
    expects="newer-function-types", onset=timedelta(hours=2, minutes=22, seconds=16), set_off_by=None, loss="at_risk",
    symptoms=_STOPPED, remedies=("R18",), forbids=("state-failed",),
)  # fmt: skip
def instances_ran_out(world: World, at: datetime) -> None:
    """The function runs on instances of the team's own, and their provider could get no more of them."""
    reason = "The capacity provider has no capacity left to run the function."
    world.put_out_of_service(at, world.setting.function, "ActiveNonInvocable", "InsufficientCapacity", reason)


@fault(
    expects=None, onset=timedelta(hours=72), loss="none", notes=("state-inactive-idle", "no-table-writes"),
    forbids=("state-failed",),
)  # fmt: skip
def function_asleep(world: World, at: datetime) -> None:
    """The shop opens in summer only; nobody has written for weeks, and Lambda has put the function to sleep."""
    world.set_traffic(world.start, per_minute=0)
    world.put_out_of_service(at, world.setting.function, "Inactive", "Idle", "The function is idle.")


@fault(
    expects=None, onset=timedelta(hours=2, minutes=8, seconds=3), loss="none", notes=("update-failed-red-herring",),
    set_off_by="UpdateFunctionConfiguration20150331v2", forbids=("state-failed",),
)  # fmt: skip
def update_failed(world: World, at: datetime) -> None:
    """A release asked for a layer that does not exist; the update failed, and yesterday's code serves on."""
    name, reason = world.setting.function, "The layer version does not exist."
    world.reconfigure(at, name, by=PIPELINE)
    after = at + timedelta(seconds=9)
    world.add(Change(after, lambda s: s.with_function(s.functions[name].with_latest(update_failure=reason))))


@fault(
    expects=None, onset=None, loss="none", notes=("runtime-deprecated",), forbids=("init-or-import-error",),
)  # fmt: skip
def runtime_out_of_support(world: World, at: datetime) -> None:
    """The function has run on a runtime that AWS no longer supports for a long time, and runs on."""
    world.begin_with_function(runtime="python3.8")


@fault(
    expects=None, onset=timedelta(hours=1, minutes=33, seconds=20), loss="none", notes=("code-signing",),
    forbids=("init-or-import-error",),
)  # fmt: skip
def unsigned_release_refused(world: World, at: datetime) -> None:
    """A release was refused for want of a signature; what ran before runs on."""
    error = ("CodeVerificationFailedException", "The code signature failed the integrity check.")
    request = {"functionName": world.setting.function, "publish": False}
    world.refuse(at, "lambda", "UpdateFunctionCode20150331v2", request, error, by=PIPELINE)
