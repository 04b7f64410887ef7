"""Several accounts behind one endpoint: whoever assumes a role in one of them sees its world from then on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from runbook_lib.sandbox.answers.identity import INVESTIGATOR
from runbook_lib.sandbox.wire.call import Call
from runbook_lib.sandbox.wire.errors import ApiError
from runbook_lib.sandbox.wire.front import ServedWorld
from runbook_lib.sandbox.wire.registry import ANSWERS

_KEY = "ASIASANDBOX"
"""What the access key of an assumed role begins with; the account follows."""


class Accounts:
    """The caller's own account, and those in which a role trusts the caller. A role of any other cannot be assumed."""

    def __init__(self, home: ServedWorld, *others: ServedWorld) -> None:
        self._home = home
        self._by_account = {world.account: world for world in (home, *others)}

    @property
    def now(self) -> datetime:
        """The clock, which all accounts have."""
        return self._home.now

    @property
    def account(self) -> str:
        """The caller's own account."""
        return self._home.account

    def seed_moto(self, client_factory: Callable[[str, str], Any]) -> None:
        """Let the caller's own world have what it wants there."""
        self._home.seed_moto(client_factory)

    def account_of(self, call: Call) -> str:
        """Tell whose credentials a call was made with."""
        return call.access_key.removeprefix(_KEY) if call.access_key.startswith(_KEY) else self.account

    def answer(self, call: Call) -> dict[str, Any] | None:
        """Answer from the world of the account that a call goes to; None for what that does not answer."""
        if (call.service, call.operation) == ("sts", "AssumeRole"):
            return self._assumed(call)
        world = self._by_account[self.account_of(call)]
        own = getattr(world, "answer", None)
        answer = ANSWERS.get((call.service, call.operation))
        found: dict[str, Any] | None = own(call) if own else answer(world, call) if answer else None
        return found

    def _assumed(self, call: Call) -> dict[str, Any]:
        arn = str(call.params["RoleArn"])
        account, role = arn.split(":")[4], arn.rpartition("/")[2]
        if account not in self._by_account:
            caller = f"arn:aws:iam::{self.account}:user/{INVESTIGATOR}"
            message = f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {arn}"
            raise ApiError("AccessDenied", message, 403)
        session = call.params["RoleSessionName"]
        return {
            "Credentials": {
                "AccessKeyId": f"{_KEY}{account}",
                "SecretAccessKey": "sandbox",
                "SessionToken": "sandbox-session-token",
                "Expiration": self.now + timedelta(hours=1),
            },
            "AssumedRoleUser": {
                "AssumedRoleId": f"AROASANDBOX7SWEEPER77:{session}",
                "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
            },
        }
