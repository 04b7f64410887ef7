"""Accounts of a size at which lists have pages and a search may end before it has seen everything."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from runbook_lib.sandbox.account.code import BROKEN_HANDLER, Code
from runbook_lib.sandbox.account.healthy import stream_reader
from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.trail import OPERATOR, PIPELINE
from runbook_lib.sandbox.faults.fault import Tell
from runbook_lib.sandbox.world import World
from runbook_lib.sandbox.worlds.trial import trial


def _big(*expects: str, **members: Any) -> Callable[[Tell], Tell]:
    return trial("big", *expects, **({"loss": "at_risk"} | members))


@_big(
    "esm-disabled-by-user", onset=timedelta(hours=2, minutes=17, seconds=51),
    set_off_by="UpdateEventSourceMapping20150331", setting=Setting(teams=215),
)  # fmt: skip
def paused_among_thousands_of_changes(world: World, at: datetime) -> None:
    """Two hundred teams release all day long, and one of five thousand changes paused the mapping."""
    world.update_mapping(at, world.mapping.uuid, by=OPERATOR, enabled=False)


@_big(
    "role-missing-stream-actions", onset=timedelta(hours=3, minutes=9, seconds=22), set_off_by="PutRolePolicy",
    setting=Setting(other_sources=39, table_fields={"partitions": 29}),
)  # fmt: skip
def role_lost_its_rights_on_many_sources(world: World, at: datetime) -> None:
    """Forty tables trigger the function, the busy one by two hundred shards; a release took a right off its role."""
    streams = f"{world.scope.arn('dynamodb', f'table/{world.setting.table}')}/stream/*"
    kept = ["dynamodb:DescribeStream", "dynamodb:GetShardIterator"]
    world.put_role_policy(at, world.role_name, "stream-access", stream_reader(streams, kept), by=PIPELINE)


@_big(
    "handler-error", onset=timedelta(hours=4, minutes=38, seconds=16), set_off_by="UpdateFunctionCode20150331v2",
    setting=Setting(logged_per_minute=1000),
)  # fmt: skip
def release_fails_in_a_talkative_function(world: World, at: datetime) -> None:
    """Every invocation writes its lines, two hundred thousand in two days, and a release fails among them."""
    world.set_traffic(world.start, per_minute=24)
    world.deploy(at, world.setting.function, Code("r42", always=BROKEN_HANDLER), by=PIPELINE)
