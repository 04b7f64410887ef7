"""The verbs about the life of a table: deleted, restored, locked, written to in vain, fed to another product."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.state import State, Stream, Table, without
from runbook_lib.sandbox.account.story import Told
from runbook_lib.sandbox.account.timeline import Change
from runbook_lib.sandbox.account.trail import OPERATOR, PIPELINE, SECURITY, Actor, TrailEvent, long_date


class TableLife(Told):
    """What may happen to a table as a whole."""

    def delete_table(self, at: datetime, table: str, by: Actor = OPERATOR) -> None:
        """Delete a table; its stream ends and stays readable for 24 hours."""

        def apply(state: State) -> State:
            ended = tuple(s if s.disabled else replace(s, disabled=at) for s in state.tables[table].streams)
            return replace(state, tables=without(state.tables, table), orphans=(*state.orphans, *ended))

        self._table_event(at, by, "DeleteTable", table, {"tableName": table}, apply)

    def restore_table(self, at: datetime, table: str, by: Actor = OPERATOR) -> None:
        """Restore a deleted table under its name: items come back, stream and TTL settings do not."""
        again = Table(table, noise.uuid4(self.seed, "restored", table), at, restored=True)
        backup = f"{self.scope.arn('dynamodb', f'table/{table}')}/backup/01773460000000-{noise.hexes(8, 0, table)}"
        request = {"targetTableName": table, "backupArn": backup}
        self._table_event(at, by, "RestoreTableFromBackup", table, request, lambda s: s.with_table(again))

    def create_table(self, at: datetime, table: str, view_type: str | None = None, by: Actor = PIPELINE) -> None:
        """Create a table under a name that is free, with a stream of this view type or none."""
        streams = (Stream(table, at, view_type),) if view_type else ()
        anew = Table(table, noise.uuid4(self.seed, "created", table, at), at, streams)
        request: dict[str, Any] = {"tableName": table}
        if view_type:
            request["streamSpecification"] = {"streamEnabled": True, "streamViewType": view_type}
        self._table_event(at, by, "CreateTable", table, request, lambda s: s.with_table(anew))

    def disable_key(self, at: datetime, table: str, by: Actor = SECURITY) -> None:
        """Disable the customer's KMS key of a table."""
        self._lose_key(at, by, "DisableKey", table, "Disabled")

    def schedule_key_deletion(self, at: datetime, table: str, by: Actor = SECURITY) -> None:
        """Schedule the customer's KMS key of a table for deletion, which disables it at once."""
        self._lose_key(at, by, "ScheduleKeyDeletion", table, "PendingDeletion", pendingWindowInDays=30)

    def revoke_grants(self, at: datetime, table: str, by: Actor = SECURITY) -> None:
        """Revoke DynamoDB's grants on the customer's KMS key of a table; the key itself stays enabled."""
        self._lose_key(at, by, "RevokeGrant", table, "Enabled", grantId=noise.hexes(64, self.seed, "grant", table))

    def _lose_key(self, at: datetime, by: Actor, name: str, table: str, state: str, **members: Any) -> None:
        key = self.at(at).tables[table].key
        assert key is not None, "the table is encrypted with a key of the customer's"
        event = TrailEvent(at, by, "kms", name, {"keyId": key, **members}, None, (("AWS::KMS::Key", key),))
        lost: dict[str, Any] = {"key_lost": at, "key_regained": None, "key_state": state}
        self.add(Change(at, lambda s: s.with_table(replace(s.tables[table], **lost)), event))

    def feed_kinesis(self, at: datetime, table: str, stream: str, by: Actor = PIPELINE) -> None:
        """Switch Kinesis Data Streams for DynamoDB on, which is another product than DynamoDB Streams."""
        request = {"tableName": table, "streamArn": stream}
        self._table_event(
            at, by, "EnableKinesisStreamingDestination", table, request,
            lambda s: s.with_table(replace(s.tables[table], kinesis=stream, kinesis_since=at)),
        )  # fmt: skip

    def write_in_vain(self, at: datetime, how: Literal["no-op", "rejected"] | None) -> None:
        """Let every write from now on change nothing, or fail its condition; None: write as before."""
        self.add(Change(at, lambda s: replace(s, traffic=replace(s.traffic, futile=how))))

    def _table_event(self, at: datetime, by: Actor, name: str, table: str, request: dict[str, Any], apply: Any) -> None:
        described = {"tableName": table, "tableStatus": "UPDATING", "creationDateTime": long_date(at)}
        event = TrailEvent(
            at, by, "dynamodb", name, request, {"tableDescription": described}, (("AWS::DynamoDB::Table", table),)
        )  # fmt: skip
        self.add(Change(at, apply, event))
