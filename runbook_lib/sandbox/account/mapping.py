"""An event source mapping, as the account holds it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class EventSourceMapping:
    """An event source mapping. `function` is a name with an optional qualifier: `orders-projector:live`.

    `stalled`: its poller stands still for a reason inside AWS that no API tells. `tumbling` is its window in seconds,
    `settling` how long after its last change AWS shows it as being updated, `remark` what follows its last result,
    `result` what stands in the last one's place. `maximum_record_age` (seconds) and
    `maximum_retry_attempts` are -1 where there is no limit.
    """

    uuid: str
    function: str
    stream_arn: str
    created: datetime
    modified: datetime
    enabled: bool = True
    starting_position: str = "TRIM_HORIZON"
    batch_size: int = 100
    window: int = 0
    parallelization: int = 1
    maximum_record_age: int = -1
    maximum_retry_attempts: int = -1
    bisect: bool = False
    destination: str | None = None
    filters: tuple[str, ...] = ()
    event_count: bool = False
    response_types: tuple[str, ...] = ()
    reason: str = "User action"
    filter_key: str | None = None
    stalled: bool = False
    tumbling: int = 0
    settling: timedelta = timedelta(0)
    remark: str = ""
    result: str | None = None

    def shown(self, at: datetime) -> str:
        """The state that AWS shows at an instant."""
        if at < self.modified + self.settling:
            return "Updating"
        return "Enabled" if self.enabled else "Disabled"

    def gathers(self, waiting: int, seconds: float) -> bool:
        """Whether the batching window still waits for more, with the oldest record this old."""
        return waiting < self.batch_size and seconds < self.window

    @property
    def function_name(self) -> str:
        """The function's name without the qualifier."""
        return self.function.partition(":")[0]

    @property
    def qualifier(self) -> str | None:
        """The alias or version the mapping invokes; None for the unqualified function."""
        return self.function.partition(":")[2] or None

    @property
    def stream_label(self) -> str:
        """The label of the stream generation the mapping reads."""
        return self.stream_arn.rpartition("/stream/")[2]
