"""KMS keys as observed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runbook_lib.interpret.policy import Decision, Evaluation, Policy
from runbook_lib.observed import Gap, NotObserved, Observed


@dataclass(frozen=True)
class Key(Observed):
    """A KMS key that the table or the function is encrypted with.

    `manager` is AWS for a key that AWS manages, which needs no permission of the role's; `state` is KMS's `KeyState`.
    `policy` and `grantees` (who holds a grant to decrypt) are read for a customer's key only.
    """

    arn: str
    manager: str
    state: str
    ref: str
    policy: Policy | None
    policy_ref: str
    grantees: tuple[str, ...]


@dataclass(frozen=True)
class KeyUse(Observed):
    """The table's key, and whether the execution role may decrypt with it when it reads the stream.

    `decrypt` is our own evaluation of the key's policy and the role's; grants are not part of it.
    """

    key: Key
    decrypt: Evaluation

    def settled(self, unread: Iterable[Gap]) -> Evaluation:
        """Give the evaluation; raises NotObserved where it hangs on something unknown.

        `unread` are the policies of the role that could not be read: then the first of them is what is needed.
        """
        if self.decrypt.decision is not Decision.UNKNOWN:
            return self.decrypt
        region = self.key.arn.split(":")[3]
        hangs = Gap("kms:GetKeyPolicy", region, "MissingContext", self.decrypt.because, ref=self.key.policy_ref)
        raise NotObserved(next(iter(unread), hangs))
