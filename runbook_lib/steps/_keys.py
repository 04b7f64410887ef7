"""The KMS keys of table and function, and whether the execution role may use the table's."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.aws import StepReader
from runbook_lib.evidence.key import Key, KeyUse
from runbook_lib.interpret.arn import Arn
from runbook_lib.interpret.key_policy import DECRYPT, may_use_key, stream_key_context
from runbook_lib.interpret.policy import Policy
from runbook_lib.observed import attempt, known


def read_key(aws: StepReader, arn: str | None) -> Key | None:
    """Read a key; None where there is none to read. Who may use it is asked for a customer's key only."""
    if not arn:
        return None
    raw = aws.call("kms", "DescribeKey", KeyId=arn)["KeyMetadata"].require(Arn=Arn.parse, KeyManager=str)
    own = raw.get("KeyManager") == "CUSTOMER"
    return Key(
        arn=raw["Arn"],
        manager=raw.get("KeyManager", ""),
        state=raw.get("KeyState", ""),
        ref=aws.ref("kms", "DescribeKey", KeyId=arn),
        policy=attempt(lambda: _policy(aws, arn)) if own else None,
        policy_ref=aws.ref("kms", "GetKeyPolicy", KeyId=arn, PolicyName="default"),
        grantees=attempt(lambda: _grantees(aws, arn)) if own else (),
    )


def _policy(aws: StepReader, arn: str) -> Policy:
    return Policy.parse("key policy", aws.call("kms", "GetKeyPolicy", KeyId=arn, PolicyName="default").get("Policy"))


def _grantees(aws: StepReader, arn: str) -> tuple[str, ...]:
    grants = aws.pages("kms", "ListGrants", most=5, KeyId=arn).every("Grants")
    return tuple(grant.get("GranteePrincipal", "") for grant in grants if "Decrypt" in grant.get("Operations", ()))


def use_of(
    key: Key | None, role_arn: str, region: str, policies: Sequence[Policy], boundary: Policy | None
) -> KeyUse | None:
    """Evaluate whether the role may decrypt with the table's key; None for a table without one of the account's."""
    if key is None or key.manager != "CUSTOMER":
        return None
    decrypt = attempt(
        lambda: may_use_key(
            DECRYPT,
            key.arn,
            identity=policies,
            boundary=boundary,
            key_policy=known(key.policy) or Policy("key policy", None),
            principal_arn=role_arn,
            context=stream_key_context(role_arn, region),
        )
    )
    return KeyUse(key, decrypt)
