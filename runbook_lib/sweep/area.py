"""One account in one region: opened on AWS or from its folder, with a budget, a record and gaps of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto
from pathlib import Path

from runbook_lib.archive.record import EVIDENCE, Record
from runbook_lib.archive.redact import Redactor
from runbook_lib.aws import Budget, Live, Reader, StepReader
from runbook_lib.errors import BadArchive
from runbook_lib.incident import Scope, Window

_HEAD = "00-run.jsonl"


class SweepPart(StrEnum):
    """A part of a sweep's evidence, by the stem of its file: its number, in the order of asking, and its name."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:
        return f"{start + count:02d}-{name.lower()}"

    MAPPINGS = auto()
    STREAMS = auto()
    TABLES = auto()
    ACCOUNT = auto()
    METRICS = auto()
    CLOSER = auto()

    def of_batch(self, number: int) -> str:
        """Give the stem for one batch of triggers."""
        return f"{self}-{number:04d}"


@dataclass(frozen=True)
class Area:
    """What to sweep: a region, seen through a role of another account or through the caller's own credentials."""

    region: str
    role_arn: str | None = None

    @property
    def label(self) -> str:
        """How it is named before anybody knows its account."""
        return f"{self.region} through {self.role_arn}" if self.role_arn else self.region

    def scope(self, incident_id: str = "sweep") -> Scope:
        """Give what the Reader and the record want to know. Raises BadParameters for a region or role of no form."""
        given = {"incident_id": incident_id, "region": self.region, "assume_role_arn": self.role_arn}
        return Scope.from_mapping(given, source="the arguments of `sweep`")


@dataclass(frozen=True)
class OpenArea:
    """An area that can be looked at. Its calls are kept by part, so that a part that is judged can be let go."""

    area: Area
    reader: Reader

    @property
    def record(self) -> Record:
        """Everything that was asked."""
        return self.reader.record

    @property
    def account(self) -> str:
        """The account id."""
        return str(self.record.run["identity"]["Account"])

    @property
    def as_of(self) -> datetime:
        """The clock of this sweep."""
        return self.record.as_of

    @property
    def window(self) -> Window:
        """The stretch of time that is looked at."""
        return self.record.scope.window(self.as_of)

    def part(self, name: str) -> StepReader:
        """Give the door for one part; in replay its calls are read from the folder now."""
        if self.reader.live is None:
            self.record.load(name)
        return self.reader.for_step(name)

    def done(self, name: str) -> None:
        """Let go of a part."""
        self.record.finish(name)


def begin(area: Area, archive: Path, budgets: dict[str, Budget], timeout_s: float) -> OpenArea:
    """Open an area on AWS, in a new folder of the archive; areas of one account share its budget.

    Raises BadParameters, CannotRun and BadArchive.
    """
    live = Live(area.scope())
    identity, as_of = live.identify()
    account = str(identity["Account"])
    live.budget = budgets.setdefault(account, live.budget)
    live.budget.expire_in(timeout_s)
    redactor = Redactor()
    known, _ = redactor.answer("GetCallerIdentity", identity)
    scope = area.scope(f"sweep-{account}-{area.region}")
    record = Record.create(scope, as_of, known, archive=archive, sweep=True)
    return OpenArea(area, Reader(record, live, redactor))


def is_sweep(folder: Path) -> bool:
    """Whether a run folder is of a sweep; of what is no run folder whoever opens it complains."""
    try:
        return bool(Record.read(folder / EVIDENCE, _HEAD).run.get("sweep"))
    except BadArchive:
        return False


def reopen(folder: Path) -> OpenArea:
    """Open the recorded area of a folder; its calls are read as they are wanted. Raises BadArchive."""
    record = Record.read(folder / EVIDENCE, _HEAD)
    if not record.run.get("sweep"):
        raise BadArchive(f"{folder} is not the folder of a sweep.", "Give a folder such as archive/sweep-.../<run>.")
    record.folder = folder
    scope = record.scope
    return OpenArea(Area(scope.region, scope.assume_role_arn), Reader(record, None))
