"""The verbs about roles, managed policies and the organization above the account."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.state import Document, ManagedPolicy, Role, State, without
from runbook_lib.sandbox.account.story import Told
from runbook_lib.sandbox.account.timeline import Change
from runbook_lib.sandbox.account.trail import OPERATOR, PIPELINE, SECURITY, Actor, TrailEvent


class RoleStory(Told):
    """What may happen to roles and managed policies. Their events are kept in us-east-1."""

    def put_role_policy(self, at: datetime, role: str, policy: str, document: Document, by: Actor = PIPELINE) -> None:
        """Write an inline policy, replacing one of the same name."""
        members = {"policyName": policy, "policyDocument": json.dumps(document)}
        self._role_change(
            at, by, "PutRolePolicy", role, members, lambda r: replace(r, inline={**r.inline, policy: document})
        )

    def delete_role_policy(self, at: datetime, role: str, policy: str, by: Actor = OPERATOR) -> None:
        """Delete an inline policy."""
        self._role_change(
            at, by, "DeleteRolePolicy", role, {"policyName": policy},
            lambda r: replace(r, inline=without(r.inline, policy)),
        )  # fmt: skip

    def create_policy(self, at: datetime, name: str, document: Document, by: Actor = SECURITY) -> str:
        """Create a customer managed policy and return its ARN."""
        arn = self.scope.arn("iam", f"policy/{name}")
        policy = ManagedPolicy(arn, "ANPA" + noise.letters(17, self.seed, arn), at, document)
        request = {"policyName": name, "policyDocument": json.dumps(document)}
        response = {"policy": {"policyName": name, "arn": arn, "policyId": policy.policy_id}}
        event = TrailEvent(at, by, "iam", "CreatePolicy", request, response, (("AWS::IAM::Policy", arn),))
        self.add(Change(at, lambda s: s.with_policy(policy), event))
        return arn

    def attach_role_policy(self, at: datetime, role: str, arn: str, by: Actor = SECURITY) -> None:
        """Attach a managed policy."""
        self._role_change(
            at, by, "AttachRolePolicy", role, {"policyArn": arn},
            lambda r: replace(r, attached=(*(a for a in r.attached if a != arn), arn)),
        )  # fmt: skip

    def detach_role_policy(self, at: datetime, role: str, arn: str, by: Actor = OPERATOR) -> None:
        """Detach a managed policy."""
        self._role_change(
            at, by, "DetachRolePolicy", role, {"policyArn": arn},
            lambda r: replace(r, attached=tuple(a for a in r.attached if a != arn)),
        )  # fmt: skip

    def put_boundary(self, at: datetime, role: str, arn: str, by: Actor = SECURITY) -> None:
        """Make a managed policy the role's permissions boundary."""
        self._role_change(
            at, by, "PutRolePermissionsBoundary", role, {"permissionsBoundary": arn}, lambda r: replace(r, boundary=arn)
        )

    def delete_boundary(self, at: datetime, role: str, by: Actor = OPERATOR) -> None:
        """Take the role's permissions boundary away."""
        self._role_change(at, by, "DeleteRolePermissionsBoundary", role, {}, lambda r: replace(r, boundary=None))

    def delete_role(self, at: datetime, role: str, by: Actor = OPERATOR) -> None:
        """Delete a role; IAM asks for its policies to be removed first, which is done in the seconds before."""
        owner = self.at(at).roles[role]
        steps = [*((name, None) for name in owner.inline), *((None, arn) for arn in owner.attached)]
        for number, (name, arn) in enumerate(steps):
            before = at - timedelta(seconds=2 * (len(steps) - number))
            if name is not None:
                self.delete_role_policy(before, role, name, by)
            else:
                self.detach_role_policy(before, role, str(arn), by)
        event = TrailEvent(at, by, "iam", "DeleteRole", {"roleName": role}, None, (("AWS::IAM::Role", role),))
        self.add(Change(at, lambda s: replace(s, roles=without(s.roles, role)), event))

    def create_role(self, at: datetime, role: str, trust: Document, by: Actor = PIPELINE) -> None:
        """Create a role under a name that is free: as nobody's before it, it may do nothing yet."""
        anew = Role(role, "AROA" + noise.letters(17, self.seed, role, at), at, trust)
        request = {"roleName": role, "assumeRolePolicyDocument": json.dumps(trust)}
        event = TrailEvent(at, by, "iam", "CreateRole", request, None, (("AWS::IAM::Role", role),))
        self.add(Change(at, lambda s: s.with_role(anew), event))

    def put_policy_version(self, at: datetime, arn: str, document: Document, by: Actor = SECURITY) -> str:
        """Replace what a managed policy says by a new default version, and return that version's id."""
        before = self.at(at).policies[arn]
        version = f"v{int(before.version[1:]) + 1}"
        request = {"policyArn": arn, "policyDocument": json.dumps(document), "setAsDefault": True}
        event = TrailEvent(at, by, "iam", "CreatePolicyVersion", request, None, (("AWS::IAM::Policy", arn),))
        self.add(Change(at, lambda s: s.with_policy(replace(before, document=document, version=version)), event))
        return version

    def enable_key(self, at: datetime, key: str, by: Actor = SECURITY) -> None:
        """Enable a KMS key again; what is encrypted with it can be read as before."""

        def apply(state: State) -> State:
            for table in state.tables.values():
                if table.key == key and table.key_state != "Enabled":
                    state = state.with_table(replace(table, key_regained=at, key_state="Enabled"))
            return replace(state, disabled_keys=state.disabled_keys - {key})

        event = TrailEvent(at, by, "kms", "EnableKey", {"keyId": key}, None, (("AWS::KMS::Key", key),))
        self.add(Change(at, apply, event))

    def put_key_policy(self, at: datetime, key: str, document: Document, by: Actor = SECURITY) -> None:
        """Replace a KMS key's policy."""
        request = {"keyId": key, "policyName": "default", "policy": json.dumps(document)}
        event = TrailEvent(at, by, "kms", "PutKeyPolicy", request, None, (("AWS::KMS::Key", key),))
        self.add(Change(at, lambda s: replace(s, key_policies={**s.key_policies, key: document}), event))

    def disable_function_key(self, at: datetime, key: str, by: Actor = SECURITY) -> None:
        """Disable a KMS key that encrypts functions; those it encrypts cannot be started any more."""

        def apply(state: State) -> State:
            return replace(state, disabled_keys=state.disabled_keys | {key})

        event = TrailEvent(at, by, "kms", "DisableKey", {"keyId": key}, None, (("AWS::KMS::Key", key),))
        self.add(Change(at, apply, event))

    def attach_scp(self, at: datetime, document: Document) -> None:
        """Put a service control policy above the account. The management account's trail has it, ours does not."""
        self.add(Change(at, lambda s: replace(s, organization=(*(s.organization or ()), document))))

    def record_elsewhere(
        self, at: datetime, name: str, request: Mapping[str, Any], source: str = "lambda",
        account: str | None = None, region: str | None = None, by: Actor = PIPELINE,
    ) -> None:  # fmt: skip
        """Record a call in another account, which only an organization's trail tells here, or in another region."""
        event = TrailEvent(at, by, source, name, request, account=account, region=region)
        self.add(Change(at, lambda state: state, event))

    def detach_scps(self, at: datetime) -> None:
        """Take every service control policy off the account again."""
        self.add(Change(at, lambda s: replace(s, organization=())))

    def update_trust(self, at: datetime, role: str, document: Document, by: Actor = OPERATOR) -> None:
        """Replace the role's trust policy."""
        members = {"policyDocument": json.dumps(document)}
        self._role_change(at, by, "UpdateAssumeRolePolicy", role, members, lambda r: replace(r, trust=document))

    def _role_change(
        self, at: datetime, by: Actor, name: str, role: str, members: Mapping[str, Any], apply: Callable[[Role], Role]
    ) -> None:
        event = TrailEvent(
            at, by, "iam", name, {"roleName": role, **members}, None, (("AWS::IAM::Role", role),)
        )  # fmt: skip
        self.add(Change(at, lambda s: s.with_role(apply(s.roles[role])), event))
