"""Whether a poller may read its stream, and what Lambda says when it may not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.state import Scope, State, Stream
from runbook_lib.sandbox.account.timeline import Timeline
from runbook_lib.sandbox.pipe import iam_truth

IAM_SECONDS = 60
"""After how long a change of a role reaches the poller. AWS publishes no figure; the sandbox assumes one."""


CANNOT_ASSUME = (
    "PROBLEM: Lambda failed to assume your function execution role. Please check if the role trust Lambda service "
    "principal, and make sure it does not require setting source identity to be assumed."
)
"""What a poller without a session says, as it stood on a mapping of a real account in March 2026."""


class Owner(NamedTuple):
    """An account that owns streams, and how its writes come about."""

    timeline: Timeline
    scope: Scope
    seed: int


class Access:
    """The right of an account's pollers to read streams, its own and those of other accounts.

    `owners` are the accounts whose streams are known, by their ids.
    """

    def __init__(self, home: Owner, owners: Mapping[str, Owner]) -> None:
        self._timeline, self._scope, self._seed = home
        self._owners = owners
        self._refusals: dict[tuple[int, int, str, str, int], str | None] = {}

    def owner(self, stream_arn: str) -> Owner | None:
        """The account that a stream is in; None when the sandbox does not know it."""
        return self._owners.get(stream_arn.split(":")[4])

    def stream(self, stream_arn: str, at: datetime) -> Stream | None:
        """The stream generation with this ARN as it is at an instant, in whatever account; None when there is none."""
        owner = self.owner(stream_arn)
        return owner.timeline.at(at).stream(stream_arn) if owner else None

    def refusal(self, mapping: EventSourceMapping, at: float) -> str | None:
        """The LastProcessingResult of a poller that may not read its stream; None when it may, or cannot be tried."""
        then, owner = instant(at - IAM_SECONDS), self.owner(mapping.stream_arn)
        state = self._timeline.at(then)
        there = owner.timeline.at(then) if owner else state
        key = (id(state), id(there), mapping.uuid, mapping.stream_arn, int(at // 3600))
        if key not in self._refusals:
            self._refusals[key] = self._refuse(mapping, state, there, at)
        return self._refusals[key]

    def _refuse(self, mapping: EventSourceMapping, state: State, there: State, at: float) -> str | None:
        role = self.role_of(mapping, at - IAM_SECONDS)
        if role is None:
            return None
        if role not in state.roles or not iam_truth.trusts_lambda(state.roles[role]):
            return CANNOT_ASSUME
        found = iam_truth.refusal(state, role, mapping.stream_arn, self._scope.account, there)
        if found is None:
            return self._refuse_key(mapping, state, role)
        action, ruling = found
        principal = f"arn:aws:sts::{self._scope.account}:assumed-role/{role}/{self.session(mapping, at)}"
        return (
            f"PROBLEM: User: {principal} is not authorized to perform: {action} on resource: {mapping.stream_arn}"
            f" {ruling.reason(action)}"
        )

    def _refuse_key(self, mapping: EventSourceMapping, state: State, role: str) -> str | None:
        """What a poller says that may read the stream and not decrypt it. The wording is not documented by AWS."""
        stream = state.stream(mapping.stream_arn)
        owner = state.tables.get(stream.table) if stream else None
        if owner is None or owner.key is None:
            return None
        if iam_truth.may_decrypt(state, state.roles[role], owner.key, mapping.stream_arn):
            return None
        return f"PROBLEM: KMS key access denied error. {owner.key} may not be used by role {role}."

    def session(self, mapping: EventSourceMapping, at: float) -> str:
        """The name of the poller's role session, renewed every hour."""
        begun = instant(at // 3600 * 3600 + noise.between(0, 59, self._seed, mapping.uuid, at // 3600))
        number = 100 + int(noise.hexes(3, self._seed, mapping.uuid), 16) % 900
        return f"awslambda_{number}_{begun:%Y%m%d%H%M%S}{begun.microsecond // 1000:03d}"

    def role_of(self, mapping: EventSourceMapping, at: float) -> str | None:
        """The name of the role a mapping's poller works with, also when its function is gone; None if it never was."""
        instants = [instant(at), *(c.at - timedelta(microseconds=1) for c in reversed(self._timeline.changes))]
        for each in instants:
            if each.timestamp() <= at and (version := self._timeline.at(each).target(mapping)) is not None:
                return version.role.rpartition("/")[2]
        return None


def instant(at: float) -> datetime:
    """The instant that is this many seconds after the epoch."""
    return datetime.fromtimestamp(at, UTC)
