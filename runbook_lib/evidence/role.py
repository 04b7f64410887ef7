"""The execution role as observed, and what it may do to the stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.evidence import Gap, NotObserved, Observed, attempt
from runbook_lib.interpret.policy import Decision, Evaluation, Policy, PolicyType


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
class Reading:
    """One answer to "may the role do this?". `by` names the kind of policy that refuses, if one does."""

    action: str
    decision: Decision
    by: PolicyType | None
    sentence: str
    ref: str

    @classmethod
    def of_evaluation(cls, one: Evaluation, ref: str) -> Reading:
        """Take our own evaluation of the documents."""
        refused = one.decision in (Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY)
        return cls(one.action, one.decision, one.policy_type if refused else None, one.because, ref)

    @classmethod
    def of_simulation(cls, one: Simulated) -> Reading:
        """Take the simulator's answer; it names a boundary or organization that did not allow the action."""
        decision = Decision(one.decision) if one.decision in tuple(Decision) else Decision.UNKNOWN
        by = PolicyType.IDENTITY_BASED if decision in (Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY) else None
        if by and one.organization_allows is False:
            by = PolicyType.SERVICE_CONTROL
        elif decision is Decision.IMPLICIT_DENY and one.boundary_allows is False:
            by = PolicyType.PERMISSIONS_BOUNDARY
        matched = f" (matched: {', '.join(one.matched)})" if one.matched else ""
        because = f", refused by the {by}" if by else ""
        words = f"SimulatePrincipalPolicy answers {one.decision} for {one.action} on {one.resource}{because}{matched}."
        return cls(one.action, decision, by, words, one.ref)


@dataclass(frozen=True)
class ExecutionRole(Observed):
    """Step 5: the role of the mapped function version, its policies, and two readings of what they allow.

    `stream_arn` is the stream the questions are about: the table's latest. `simulated` is AWS's own answer, `evaluated`
    ours from the documents; a gap in one leaves the other. `policies` holds identity policies, inline and attached;
    one that exists and could not be read stands in it without a document, and its gap in `unread`.
    """

    role: Role
    stream_arn: str
    policies: tuple[Policy, ...]
    policies_ref: str
    unread: tuple[Gap, ...]
    boundary: Policy | None
    resource_policies: tuple[Policy, ...]
    simulated: tuple[Simulated, ...]
    evaluated: tuple[Evaluation, ...]

    def readings(self, action: str) -> tuple[Reading, ...]:
        """Give what AWS's simulator and our evaluation each say of an action; raises NotObserved if neither does."""
        theirs = attempt(lambda: tuple(Reading.of_simulation(one) for one in self.simulated if one.action == action))
        ours = attempt(
            lambda: tuple(
                Reading.of_evaluation(one, self.policies_ref) for one in self.evaluated if one.action == action
            )
        )
        if isinstance(theirs, Gap) and isinstance(ours, Gap):
            raise NotObserved(theirs)
        return tuple(one for part in (theirs, ours) if isinstance(part, tuple) for one in part)
