"""What watches the account: the customer's CloudWatch alarms, and the events of AWS Health."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Watched:
    """A metric under an alarm; `id` is what the alarm's expression calls it, if it has one."""

    namespace: str
    metric: str
    statistic: str
    dimensions: tuple[tuple[str, str], ...]
    id: str = "m1"


@dataclass(frozen=True)
class Alarm:
    """A CloudWatch alarm of the customer's, one-minute periods: on a metric, or on an expression of several."""

    name: str
    watched: tuple[Watched, ...]
    threshold: float
    comparison: str
    periods: int
    missing: str
    created: datetime
    description: str = ""
    expression: str = ""


@dataclass(frozen=True)
class CompositeAlarm:
    """An alarm that goes off when any of these alarms does."""

    name: str
    children: tuple[str, ...]
    created: datetime
    description: str = ""

    @property
    def rule(self) -> str:
        """Its rule, as AWS writes it."""
        return " OR ".join(f'ALARM("{name}")' for name in self.children)


@dataclass(frozen=True)
class HealthEvent:
    """A public AWS Health event."""

    code: str
    service: str
    begin: datetime
    end: datetime | None = None
    category: str = "issue"
