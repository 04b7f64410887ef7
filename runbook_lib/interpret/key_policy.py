"""May a role use a KMS key? The key's policy decides alone, or hands the question on to IAM.

Unlike other resources' policies a key's policy must allow every use: naming the account is what lets identity-based
policies count at all. Grants come on top and are not evaluated here.
Source: docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html.
"""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.interpret.arn import Arn
from runbook_lib.interpret.policy import Decision, Evaluation, Policy, evaluate
from runbook_lib.interpret.policy_document import AccessRequest
from runbook_lib.interpret.policy_pattern import Context, lowered

DECRYPT = "kms:Decrypt"


def stream_key_context(role_arn: str, region: str) -> Context:
    """What is known of a decryption that DynamoDB asks for on behalf of a stream's reader."""
    account = Arn.parse(role_arn).account
    return {
        "kms:ViaService": f"dynamodb.{region}.amazonaws.com",
        "kms:CallerAccount": account,
        "aws:PrincipalArn": role_arn,
        "aws:PrincipalAccount": account,
        "aws:PrincipalType": "AssumedRole",
        "aws:RequestedRegion": region,
    }


def may_use_key(
    action: str,
    key_arn: str,
    *,
    identity: Sequence[Policy],
    boundary: Policy | None,
    key_policy: Policy,
    principal_arn: str,
    context: Context,
) -> Evaluation:
    """Decide one use of a key by a role of the key's own account, grants aside."""

    def decide(own: Sequence[Policy]) -> Evaluation:
        return evaluate(
            action,
            key_arn,
            identity=own,
            boundary=boundary,
            resource_policies=(key_policy,),
            principal_arn=principal_arn,
            context=context,
        )

    by_key = decide(())
    if by_key.decision is Decision.IMPLICIT_DENY and _hands_on(action, key_arn, key_policy, principal_arn, context):
        return decide(identity)
    return by_key


def _hands_on(action: str, key_arn: str, key_policy: Policy, principal_arn: str, context: Context) -> bool:
    """Whether the key's policy allows the account as a whole, which lets the account's own policies decide."""
    request = AccessRequest(action, key_arn, principal_arn, lowered(context))
    return any(
        statement.allows
        and statement.apply(request, statement.names(principal_arn, by_account=True)).truth is not False
        for statement in key_policy.statements or ()
    )
