"""The execution role as observed, and what it may do to the stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.evidence.key import Key, KeyUse
from runbook_lib.interpret.policy import POLLER_CONTEXT, Decision, Evaluation, Policy, PolicyType
from runbook_lib.observed import Gap, NotObserved, Observed, attempt, known, otherwise


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
class SimulationResult(Observed):
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
    """One answer to "may the role do this?". `by` names the kind of policy that refuses, if one does.

    `conditions` are the tests a refusal hangs on that a poller can never meet; `lacking` the keys that the simulator
    was not given, without which its refusal settles nothing.
    """

    action: str
    decision: Decision
    by: PolicyType | None
    sentence: str
    ref: str
    conditions: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether the answer is a refusal of either kind."""
        return self.decision in (Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY)

    @classmethod
    def of_evaluation(cls, evaluation: Evaluation, ref: str) -> Reading:
        """Take our own evaluation of the documents."""
        refused = evaluation.decision in (Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY)
        hanging = tuple(
            test
            for test in evaluation.conditions
            if evaluation.decision is Decision.IMPLICIT_DENY or test.split()[-1] in _NOT_CARRIED
        )
        return cls(
            evaluation.action,
            evaluation.decision,
            evaluation.policy_type if refused else None,
            evaluation.because,
            ref,
            hanging,
        )

    @classmethod
    def of_simulation(cls, result: SimulationResult) -> Reading:
        """Take the simulator's answer; it names a boundary or organization that did not allow the action."""
        decision = Decision(result.decision) if result.decision in tuple(Decision) else Decision.UNKNOWN
        by = PolicyType.IDENTITY_BASED if decision in (Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY) else None
        if by and result.organization_allows is False:
            by = PolicyType.SERVICE_CONTROL
        elif decision is Decision.IMPLICIT_DENY and result.boundary_allows is False:
            by = PolicyType.PERMISSIONS_BOUNDARY
        matched = f" (matched: {', '.join(result.matched)})" if result.matched else ""
        because = f", refused by the {by}" if by else ""
        asked = f"{result.action} on {result.resource}"
        words = f"SimulatePrincipalPolicy answers {result.decision} for {asked}{because}{matched}."
        lacking = result.missing_context if by in (PolicyType.IDENTITY_BASED, PolicyType.PERMISSIONS_BOUNDARY) else ()
        return cls(result.action, decision, by, words, result.ref, lacking=lacking)


_NOT_CARRIED = frozenset(key for key, value in POLLER_CONTEXT.items() if value is None)
"""Condition keys that no call of a poller carries."""


@dataclass(frozen=True)
class ExecutionRole(Observed):
    """Step 5: the role of the mapped function version, its policies, and two readings of what they allow.

    `stream_arn` is the stream the questions are about: the table's latest. `simulated` is AWS's own answer, `evaluated`
    ours from the documents; a gap in one leaves the other. `policies` holds identity policies, inline and attached;
    one that exists and could not be read stands in it without a document, and its gap in `unread`. `latest_role_arn`
    is the role of `$LATEST`, which need not be that of the mapped version. `table_key` and `function_key` are the KMS
    keys that these are encrypted with, None where they have none of the account's.
    """

    role: Role
    latest_role_arn: str
    stream_arn: str
    policies: tuple[Policy, ...]
    policies_ref: str
    unread: tuple[Gap, ...]
    boundary: Policy | None
    resource_policies: tuple[Policy, ...]
    resource_policies_ref: str
    simulated: tuple[SimulationResult, ...]
    evaluated: tuple[Evaluation, ...]
    table_key: KeyUse | None
    function_key: Key | None

    def readings(self, action: str) -> tuple[Reading, ...]:
        """Give what AWS's simulator and our evaluation each say of an action, each where it can know.

        The simulator does not see resource policies and we do not see the organization's, so neither's consent counts
        against the other's refusal there; and a refusal for want of context that we have is not the simulator's last
        word. Of a role that is gone nothing is said: what was simulated is of a principal that does not exist.

        Raises NotObserved where nothing settles the matter.
        """
        if otherwise(lambda: not self.role.exists, False):
            return ()
        theirs = attempt(
            lambda: tuple(Reading.of_simulation(result) for result in self.simulated if result.action == action)
        )
        ours = attempt(
            lambda: tuple(self._evaluation(evaluation) for evaluation in self.evaluated if evaluation.action == action)
        )
        if isinstance(ours, Gap):
            return _settled(known(theirs), ours)
        if isinstance(theirs, Gap) or not ours:
            return ours or known(theirs)
        known_here = any(reading.decision is not Decision.UNKNOWN for reading in ours)
        if not known_here:
            return (*_settled(theirs, self._first_unread(action)), *ours)
        blind = any(reading.by is PolicyType.RESOURCE_BASED for reading in ours)
        theirs = tuple(reading for reading in theirs if not reading.lacking and (reading.refused or not blind))
        if any(reading.by is PolicyType.SERVICE_CONTROL for reading in theirs):
            ours = tuple(reading for reading in ours if reading.refused)
        return (*theirs, *ours)

    def _evaluation(self, evaluation: Evaluation) -> Reading:
        by_resource = evaluation.policy_type is PolicyType.RESOURCE_BASED
        return Reading.of_evaluation(evaluation, self.resource_policies_ref if by_resource else self.policies_ref)

    def _first_unread(self, action: str) -> Gap:
        """The document that keeps our own evaluation open, or what else it hangs on."""
        because = next(
            (evaluation.because for evaluation in self.evaluated if evaluation.action == action),
            "Nothing was evaluated.",
        )
        region = self.stream_arn.split(":")[3]
        hangs = Gap("iam:SimulatePrincipalPolicy", region, "MissingContext", because, ref=self.policies_ref)
        return next(iter(self.unread), hangs)


def _settled(theirs: tuple[Reading, ...], ours: Gap) -> tuple[Reading, ...]:
    """Take the simulator's word alone; raises NotObserved where it has none, or refuses for want of context."""
    if not theirs or any(reading.refused and reading.lacking for reading in theirs):
        raise NotObserved(ours)
    return theirs
