"""What may differ between healthy worlds: names, options of the mapping, and how big the account is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.sandbox.account.flow import LOGGED_PER_MINUTE
from runbook_lib.sandbox.account.watched import HealthEvent


@dataclass(frozen=True)
class Setting:
    """What may differ between healthy worlds.

    `alias` puts the main mapping on that alias of the function; `event_count` opts the mapping into its own metrics;
    `table_fields` and `mapping` are further fields of the table and of the main mapping; where that has a failure
    destination its role may write there; `managed_access` gives the main function's role AWS's managed policy in place
    of an inline one; `health` is None for an account without a support plan that includes AWS Health.

    How big the account is: `other_sources` are tables of their own whose streams trigger the main function too, `teams`
    release what is theirs, and `logged_per_minute` invocations of a mapping find their way into the log. `note` is one
    more attribute of every item.
    """

    table: str = "Orders"
    function: str = "orders-projector"
    sibling: str = "orders-notifier"
    bystander: str = "billing-export"
    alias: str | None = None
    view_type: str = "NEW_AND_OLD_IMAGES"
    filters: tuple[str, ...] = ()
    event_count: bool = False
    log_format: str = "Text"
    maximum_retry_attempts: int = -1
    starting_position: str = "TRIM_HORIZON"
    mapping: Mapping[str, Any] = field(default_factory=dict, hash=False)
    table_fields: Mapping[str, Any] = field(default_factory=dict, hash=False)
    managed_access: bool = False
    health: tuple[HealthEvent, ...] | None = None
    other_sources: int = 0
    teams: int = 1
    logged_per_minute: int = LOGGED_PER_MINUTE
    note: str = ""
