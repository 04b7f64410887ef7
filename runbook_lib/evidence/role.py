"""The execution role as observed, and what it may do to the stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.evidence import Observed
from runbook_lib.interpret.policy import Evaluation, Policy


@dataclass(frozen=True)
class Role(Observed):
    """An IAM role. `exists` False: GetRole says NoSuchEntity, so the role was deleted."""

    name: str
    arn: str
    exists: bool
    ref: str
    trust: Mapping[str, Any] | None = None
    boundary_arn: str | None = None


@dataclass(frozen=True)
class Simulated(Observed):
    """What SimulatePrincipalPolicy answered for one action. Resource policies are not part of it.

    `decision` is `allowed`, `explicitDeny` or `implicitDeny`; `boundary_allows` and `organization_allows` are None
    where no boundary or organization took part.
    """

    action: str
    resource: str
    decision: str
    matched: tuple[str, ...]
    boundary_allows: bool | None
    organization_allows: bool | None
    missing_context: tuple[str, ...]
    ref: str


@dataclass(frozen=True)
class ExecutionRole(Observed):
    """Step 5: the role of the mapped function version, its policies, and two readings of what they allow.

    `stream_arn` is the stream the questions are about: the table's latest. `simulated` is AWS's own answer, `evaluated`
    ours from the documents; a gap in one leaves the other. `policies` holds identity policies, inline and attached.
    """

    role: Role
    stream_arn: str
    policies: tuple[Policy, ...]
    policies_ref: str
    boundary: Policy | None
    resource_policies: tuple[Policy, ...]
    simulated: tuple[Simulated, ...]
    evaluated: tuple[Evaluation, ...]
