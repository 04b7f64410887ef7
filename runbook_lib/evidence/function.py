"""The function as observed: configuration, concurrency, and what its log says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbook_lib import instant
from runbook_lib.incident import Window
from runbook_lib.interpret.lambda_log import ErrorClass
from runbook_lib.observed import Observed


@dataclass(frozen=True)
class Function(Observed):
    """A Lambda function at one qualifier. `exists` False: AWS says there is none of this name and qualifier.

    While an update is in progress or has failed, the previous code keeps serving and `state` stays Active.
    """

    name: str
    qualifier: str | None
    exists: bool
    ref: str
    arn: str = ""
    role_arn: str = ""
    version: str = ""
    state: str = ""
    state_reason: str = ""
    state_reason_code: str = ""
    update_status: str = ""
    update_reason: str = ""
    runtime: str = ""
    handler: str = ""
    timeout_s: int = 3
    memory_mb: int = 128
    last_modified: datetime | None = None
    code_sha256: str = ""
    log_group: str = ""
    log_format: str = "Text"
    system_log_level: str | None = None
    kms_key_arn: str | None = None
    in_vpc: bool = False

    @property
    def label(self) -> str:
        """The name as people write it, with its qualifier."""
        return f"{self.name}:{self.qualifier}" if self.qualifier else self.name

    @classmethod
    def from_api(cls, name: str, qualifier: str | None, raw: Mapping[str, Any] | None, ref: str) -> Function:
        """Read a GetFunctionConfiguration answer; None stands for ResourceNotFoundException."""
        if raw is None:
            return cls(name=name, qualifier=qualifier, exists=False, ref=ref)
        logging = raw.get("LoggingConfig") or {}
        return cls(
            name=name,
            qualifier=qualifier,
            exists=True,
            ref=ref,
            arn=raw.get("FunctionArn", ""),
            role_arn=raw.get("Role", ""),
            version=raw.get("Version", ""),
            state=raw.get("State", ""),
            state_reason=raw.get("StateReason", ""),
            state_reason_code=raw.get("StateReasonCode", ""),
            update_status=raw.get("LastUpdateStatus", ""),
            update_reason=raw.get("LastUpdateStatusReason", ""),
            runtime=raw.get("Runtime", ""),
            handler=raw.get("Handler", ""),
            timeout_s=raw.get("Timeout", 3),
            memory_mb=raw.get("MemorySize", 128),
            last_modified=instant.optional(raw.get("LastModified")),
            code_sha256=raw.get("CodeSha256", ""),
            log_group=logging.get("LogGroup") or f"/aws/lambda/{name}",
            log_format=logging.get("LogFormat", "Text"),
            system_log_level=logging.get("SystemLogLevel"),
            kms_key_arn=raw.get("KMSKeyArn"),
            in_vpc=bool((raw.get("VpcConfig") or {}).get("VpcId")),
        )


@dataclass(frozen=True)
class LogGroup(Observed):
    """The log group that the function writes to. `last_event_at` is None when no stream says."""

    name: str
    exists: bool
    ref: str
    retention_days: int | None = None
    log_class: str = "STANDARD"
    last_event_at: datetime | None = None


@dataclass(frozen=True)
class LogSearch(Observed):
    """One search of the log: its pattern, the stretch searched, how many events matched, whether it was cut short."""

    pattern: str
    window: Window
    matched: int
    truncated: bool
    ref: str


@dataclass(frozen=True)
class Logs(Observed):
    """Step 4: failures that the function logged, in classes.

    `errors` empty means that the searches in `searches` matched no failure; a search cut short says so.
    `failure_times` holds the instant of every matched failure, oldest first.
    """

    group: LogGroup
    errors: tuple[ErrorClass, ...]
    failure_times: tuple[datetime, ...]
    searches: tuple[LogSearch, ...]
    ref: str
