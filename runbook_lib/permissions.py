"""The least-privilege IAM policy of an investigator, derived from what the steps declare."""

from __future__ import annotations

from typing import Any

from runbook_lib import alarm
from runbook_lib.steps import STEPS

PEEK_ONLY = frozenset({"dynamodb:GetShardIterator", "dynamodb:GetRecords"})
"""What only `--peek` needs: reading record bodies takes a reader slot of each shard."""


def policy(*, peek: bool = False, alarms: bool = False) -> dict[str, Any]:
    """Give the policy document; `peek` adds what sampling records needs, `alarms` what the way from an alarm needs.

    Resources are `*`: most of these actions cannot be narrowed, and an incident does not wait for a policy change.
    """
    actions = {action for step in STEPS.values() for action in step.permissions}
    wanted = sorted((actions if peek else actions - PEEK_ONLY) | set(alarm.PERMISSIONS if alarms else ()))
    return {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "ReadForRunbook", "Effect": "Allow", "Action": wanted, "Resource": "*"}],
    }
