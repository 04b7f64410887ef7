"""The function cannot be invoked, or is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook_lib import instant
from runbook_lib.evidence import Evidence
from runbook_lib.evidence.function import Function
from runbook_lib.findings import FindingKind, Sign, against, counter, decisive, finding, sign
from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.interpret.amount import amount, begun
from runbook_lib.interpret.runtime import deprecated_on
from runbook_lib.measuring.pipe import FlowState, Measured, Stage
from runbook_lib.measuring.thresholds import PENDING

_STATES_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html"


@finding(
    "function-or-qualifier-deleted",
    kind=FindingKind.CAUSE,
    title="The mapping invokes a function, version or alias that does not exist",
    modes=("D1",),
    stops=Stage.INVOKED,
    diagnosis=(3, 5),
    reads=(3, 8),
    remedies=(RemedyId.RETARGET_MAPPING,),
    set_off_by=("function-deleted", "alias-deleted"),
    lag=timedelta(minutes=15),
    source="https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html",
)
def function_or_qualifier_deleted(seen: Evidence) -> Iterator[Sign]:
    """Deleting a function leaves its mappings behind, Enabled and with nothing to invoke (observed, n=1).

    Created again under the same name within 24 hours, the mapping goes on where it stopped.
    """
    function = seen.mappings.function
    if function.exists:
        yield against(f"Function {function.label} exists (state {function.state or 'not given'}).", function)
        return
    for mapping in seen.mappings.ours:
        yield decisive(
            f"Mapping {mapping.uuid} ({mapping.state}) invokes {function.label}, which does not exist.",
            function,
            mapping,
        )


_IDLE = ("Idle", "")
_STATES = {"Active": "usable", "": "usable", "Pending": "state-pending"}
_REASONS = {
    "artifact-lost": ("ImageDeleted", "ImageAccessDenied", "InvalidImage"),
    "function-key-denied": ("KMSKeyAccessDenied", "KMSKeyNotFound", "InvalidStateKMSKey", "DisabledKMSKey"),
    "vpc-eni-subnet": (
        *("EniLimitExceeded", "SubnetOutOfIPAddresses", "InvalidSubnet", "InvalidSecurityGroup"),
        *("EC2RequestLimitExceeded", "DisallowedByVpcEncryptionControl", "InsufficientRolePermissions"),
        *("EFSIOError", "EFSMountConnectivityError", "EFSMountFailure", "EFSMountTimeout"),
    ),
    "newer-function-types": (
        *("VcpuLimitExceeded", "CapacityProviderScalingLimitExceeded", "InsufficientCapacity"),
        *("DrainingDurableExecutions", "IncompatibleAcceleratorInstanceTypes"),
    ),
}
"""The reason codes of a state by what has to be mended (Lambda API reference, FunctionConfiguration)."""

_GROUP_OF = {code: name for name, codes in _REASONS.items() for code in codes}
_NEWER_STATES = {"Deactivating", "Deactivated", "ActiveNonInvocable", "Deleting"}


def _condition(function: Function) -> str:
    """Which finding a function's state belongs to; `usable` for one that can be invoked."""
    if function.state in _STATES:
        return _STATES[function.state]
    if function.state == "Inactive" and function.state_reason_code in _IDLE:
        return "state-inactive-idle"
    by_state = "newer-function-types" if function.state in _NEWER_STATES else "state-failed"
    return _GROUP_OF.get(function.state_reason_code, by_state)


def _out_of_service(seen: Evidence, condition: str) -> Iterator[Sign]:
    """Recognise a state in which nothing can be invoked, by its reason code."""
    function = seen.mappings.function
    if not function.exists:
        yield against(f"Function {function.label} does not exist, so it is in no state.", function)
        return
    reason = function.state_reason_code or function.state_reason
    words = f"Function {function.label} is {function.state or 'usable'}{f': {reason}' if reason else ''}."
    yield decisive(words, function) if _condition(function) == condition else against(words, function)


@finding(
    "artifact-lost",
    kind=FindingKind.CAUSE,
    title="The image or package that the function runs from is gone",
    modes=("D4",),
    stops=Stage.INVOKED,
    diagnosis=(3,),
    reads=(3,),
    remedies=(RemedyId.DEPLOY_WORKING_CODE,),
    set_off_by=("code-changed", "function-created"),
    lag=timedelta(hours=24),
    source=_STATES_GUIDE,
)
def artifact_lost(seen: Evidence) -> Iterator[Sign]:
    """Lambda needs a function's image again and again; a registry's lifecycle rule or policy can take it away.

    Who removed it stands in the registry's own events, which are not searched here.
    """
    yield from _out_of_service(seen, "artifact-lost")


@finding(
    "function-key-denied",
    kind=FindingKind.CAUSE,
    title="The key that encrypts the function cannot be used",
    modes=("D6",),
    stops=Stage.INVOKED,
    diagnosis=(3,),
    reads=(3, 5),
    remedies=(RemedyId.ENABLE_KEY,),
    set_off_by=("key-disabled", "key-deletion-scheduled", "key-policy-changed", "configuration-changed"),
    lag=timedelta(hours=24),
    source="https://docs.aws.amazon.com/lambda/latest/dg/security-encryption-at-rest.html",
)
def function_key_denied(seen: Evidence) -> Iterator[Sign]:
    """Lambda decrypts the environment and the package with the function's own key before it starts anything.

    Without the key nothing runs, so there is no error of the code and no log line either.
    """
    function = seen.mappings.function
    if _condition(function) != "usable" or not function.kms_key_arn:
        yield from _out_of_service(seen, "function-key-denied")
        return
    key = seen.role.function_key
    if key is not None and key.state not in ("", "Enabled"):
        yield decisive(f"Key {key.arn}, which encrypts {function.label}, is {key.state}.", key, function)
    else:
        yield against(f"The key of {function.label} is enabled.", function)


@finding(
    "vpc-eni-subnet",
    kind=FindingKind.CAUSE,
    title="The function cannot be connected to its network or file system",
    modes=("D7",),
    stops=Stage.INVOKED,
    diagnosis=(3,),
    reads=(3,),
    remedies=(RemedyId.CHANGE_NETWORK,),
    set_off_by=("configuration-changed", "function-created", "role-policy-deleted", "role-policy-detached"),
    lag=timedelta(hours=24),
    source="https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html",
)
def vpc_eni_subnet(seen: Evidence) -> Iterator[Sign]:
    """A function in a VPC needs a network interface in its subnets before it can start.

    Polling needs none of this: the poller is not in the VPC, and a missing route makes the code time out instead.
    """
    yield from _out_of_service(seen, "vpc-eni-subnet")


@finding(
    "newer-function-types",
    kind=FindingKind.CAUSE,
    title="The capacity that the function runs on is not there",
    modes=("D11",),
    stops=Stage.INVOKED,
    diagnosis=(3, 9),
    reads=(3,),
    remedies=(RemedyId.RAISE_QUOTA,),
    set_off_by=("configuration-changed", "function-created", "version-published"),
    lag=timedelta(hours=24),
    source="https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html",
)
def newer_function_types(seen: Evidence) -> Iterator[Sign]:
    """Functions on instances of your own, and durable ones, have states of their own in which nothing is invoked."""
    yield from _out_of_service(seen, "newer-function-types")


@finding(
    "state-failed",
    kind=FindingKind.CAUSE,
    title="The function is in a state in which it cannot be invoked",
    modes=("D5",),
    stops=Stage.INVOKED,
    diagnosis=(3,),
    reads=(3,),
    remedies=(RemedyId.CREATE_FUNCTION_AGAIN, RemedyId.DEPLOY_WORKING_CODE),
    set_off_by=("code-changed", "configuration-changed", "function-created"),
    lag=timedelta(hours=24),
    source=_STATES_GUIDE,
)
def state_failed(seen: Evidence) -> Iterator[Sign]:
    """Lambda takes a function out of service when it cannot set up what was asked for.

    It stays out of service until it is changed.
    Idle is no such state: the next invocation wakes the function, and the mapping retries meanwhile.
    """
    yield from _out_of_service(seen, "state-failed")


@finding(
    "state-pending",
    kind=FindingKind.CAUSE,
    title="The function has been getting ready for too long",
    modes=("D2",),
    stops=Stage.INVOKED,
    diagnosis=(3,),
    reads=(3,),
    remedies=(RemedyId.PREPARE_FUNCTION_AGAIN,),
    set_off_by=("function-created", "configuration-changed"),
    lag=timedelta(minutes=30),
    source="https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html",
)
def state_pending(seen: Measured) -> Iterator[Sign]:
    """A function that was just created is Pending while Lambda prepares it, and nothing is invoked until it is Active.

    That takes seconds, with a VPC about a minute; one that takes longer than six minutes is stuck.
    """
    function = seen.mappings.function
    if not function.exists or _condition(function) != "state-pending":
        yield against(f"Function {function.label} is {function.state or 'in no state'}.", function)
        return
    since = function.last_modified
    if since is None or seen.as_of - since > PENDING:
        when = instant.clock(since, seen.as_of) if since else "an unknown time"
        yield decisive(f"Function {function.label} is Pending; it was last changed at {when}.", function)
    elif seen.stages.observed(Stage.INVOKED).state is FlowState.FLOWING:
        yield against(f"Function {function.label} is Pending and was changed a moment ago.", function)
    else:
        yield sign(f"Function {function.label} is Pending since {instant.clock(since, seen.as_of)}.", function)


@finding(
    "state-inactive-idle",
    kind=FindingKind.INNOCENT,
    title="The function sleeps because nothing called it for weeks",
    modes=("D3",),
    diagnosis=(3,),
    reads=(3,),
    source=_STATES_GUIDE,
)
def state_inactive_idle(seen: Evidence) -> Iterator[Sign]:
    """Lambda reclaims what a function that nobody calls holds.

    The next record wakes it, and is retried until it is up.
    """
    yield from _out_of_service(seen, "state-inactive-idle")


@finding(
    "update-failed-red-herring",
    kind=FindingKind.INNOCENT,
    title="The last update of the function failed, and the code before it serves on",
    modes=("D8",),
    diagnosis=(3,),
    reads=(3,),
    remedies=(RemedyId.DEPLOY_WORKING_CODE,),
    source=_STATES_GUIDE,
)
def update_failed_red_herring(seen: Evidence) -> Iterator[Sign]:
    """An update that fails changes nothing: the function stays Active and runs the code and configuration it had."""
    function = seen.mappings.function
    if function.update_status != "Failed" or _condition(function) != "usable":
        yield against(f"The last update of {function.label} is {function.update_status or 'not given'}.", function)
        return
    words = f"The last update of {function.label} failed ({function.update_reason}); its state is {function.state}."
    yield decisive(words, function)


@finding(
    "runtime-deprecated",
    kind=FindingKind.INNOCENT,
    title="The function's runtime is deprecated, and runs",
    modes=("D9",),
    diagnosis=(3,),
    reads=(3,),
    source="https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html",
)
def runtime_deprecated(seen: Evidence) -> Iterator[Sign]:
    """Lambda goes on invoking functions on deprecated runtimes; only creating and updating them is blocked in the end.

    So this stops no trigger, and may explain why a mended version cannot be deployed.
    """
    function = seen.mappings.function
    since = deprecated_on(function.runtime)
    if since is None or since > seen.as_of.date():
        yield against(f"The runtime {function.runtime or 'of the image'} is not known to be deprecated.", function)
        return
    yield decisive(f"{function.label} runs on {function.runtime}, deprecated since {since:%Y-%m-%d}.", function)


@finding(
    "code-signing",
    kind=FindingKind.INNOCENT,
    title="A deployment was refused for its signature; what ran before runs on",
    modes=("D10",),
    diagnosis=(7,),
    reads=(9,),
    source="https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html",
)
def code_signing(seen: Evidence) -> Iterator[Sign]:
    """Code signing is checked when code is uploaded, never when it is invoked: it can only keep a repair out."""
    refused = [
        event
        for event in seen.changes.regional
        if event.error_code in _UNSIGNED and any(target.name == seen.incident.function.name for target in event.targets)
    ]
    for event in refused:
        when = instant.clock(event.at, seen.as_of)
        yield decisive(f"{event.operation} at {when} was refused: {event.error_code}.", f"trail:{event.event_id}")


_UNSIGNED = {"CodeVerificationFailedException", "InvalidCodeSignatureException", "CodeSigningConfigNotFoundException"}


@finding(
    "function-not-invoked",
    kind=FindingKind.SYMPTOM,
    title="The table is written to and the stream invokes nothing",
    modes=(),
    diagnosis=(3,),
    reads=(6, 7),
    source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
)
def function_not_invoked(seen: Measured) -> Iterator[Sign]:
    """IteratorAge has a datapoint for every minute in which a stream invoked the function, and none otherwise."""
    invoked = seen.stages.observed(Stage.INVOKED)
    if invoked.state is FlowState.STOPPED:
        yield sign(invoked.basis, *invoked.refs)
        yield counter(f"{begun(amount(invoked.total or 0, 'invocations'))} of any kind in the window.", *invoked.refs)
    elif invoked.state is FlowState.FLOWING:
        yield against(invoked.basis, *invoked.refs)
