"""One investigation, from incident to diagnosis: what a notebook holds.

Evidence is collected step by step or all at once, each step as soon as the steps it needs have been observed. The same
object works on AWS, on a run that was recorded, and on one that was begun and not finished.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_lib.archive.record import Record, is_sealed
from runbook_lib.archive.redact import Redactor
from runbook_lib.aws import Budget, Live, Reader
from runbook_lib.evidence import Evidence, step_number
from runbook_lib.evidence.changes import EXTENDED
from runbook_lib.incident import Incident, Window
from runbook_lib.observed import Gap, NotObserved, Observed
from runbook_lib.steps import STEPS, Step

if TYPE_CHECKING:
    # A tenth of a second to import, which `collect` spends while AWS is waited for.
    from runbook_lib.judging.diagnosis import Diagnosis

Progress = Callable[[Step, Observed | Gap], None]
Early = Callable[["Diagnosis"], None]

_PATIENCE_S = 1.0
"""How long the last step may keep the others' verdict waiting: the trail alone grants two questions a second."""

_ALWAYS_ASKED = ("lambda", "dynamodb", "cloudtrail", "dynamodbstreams", "cloudwatch", "logs", "iam")
"""Services that every investigation asks, the one first that most other questions wait for."""


class Investigation:
    """An incident under investigation. `live` None: only what is recorded can be seen."""

    def __init__(self, record: Record, live: Live | None = None, redactor: Redactor | None = None) -> None:
        self.record = record
        self.reader = Reader(record, live, redactor)
        self.window: Window = record.incident.window(record.as_of)
        self.observations: dict[str, Observed | Gap] = {}
        self._diagnosis: Diagnosis | None = None

    @property
    def incident(self) -> Incident:
        """The incident's parameters."""
        return self.record.incident

    @property
    def as_of(self) -> datetime:
        """The run's clock, UTC: AWS's own when the run began."""
        return self.record.as_of

    @property
    def evidence(self) -> Evidence:
        """What has been observed so far."""
        ordered = {step.observes: self.observations[step.observes] for step in _ordered(self.observations)}
        return Evidence(self.incident, self.as_of, ordered, self.window)

    @property
    def diagnosis(self) -> Diagnosis:
        """The diagnosis of everything; what has not been observed yet is collected first.

        Where no change is known to have set a cause off, the search for changes is widened to 48 hours, as the
        playbook's last paragraph asks.
        """
        self.collect()
        from runbook_lib.judging.diagnosis import diagnose

        if self._diagnosis is None:
            self._diagnosis = diagnose(self.evidence)
            if self._is_worth_widening(self._diagnosis):
                self.observe(step_number("changes"), window=self.window.widened(EXTENDED))
                self._diagnosis = diagnose(self.evidence)
        return self._diagnosis

    def _is_worth_widening(self, diagnosis: Diagnosis) -> bool:
        from runbook_lib.judging.diagnosis import Status

        broken = diagnosis.status is not Status.NO_FAULT and diagnosis.onset is not None
        return broken and diagnosis.set_off_by is None and self.window.end - self.window.start < EXTENDED

    def observe(self, number: int, *, refresh: bool = False, window: Window | None = None) -> Observed | Gap:
        """Observe one step, and first what it needs. `refresh` asks AWS again; `window` looks at another stretch."""
        step = STEPS[number]
        if refresh:
            self.record.forget(step.file)
        if refresh or window or step.observes not in self.observations:
            self.collect(step.needs)
            self.observations[step.observes] = self._look(step, window)
            self._diagnosis = None
        return self.observations[step.observes]

    def so_far(self) -> Diagnosis:
        """Diagnose what has been observed; a step that has not been is a gap."""
        from runbook_lib.judging.diagnosis import diagnose

        waiting = {step.observes: _unfinished(step) for step in STEPS.values()}
        return diagnose(Evidence(self.incident, self.as_of, {**waiting, **self.observations}, self.window))

    def collect(
        self,
        numbers: Iterable[int] = tuple(STEPS),
        progress: Progress | None = None,
        timeout_s: float | None = None,
        early: Early | None = None,
    ) -> None:
        """Observe several steps side by side, each as soon as what it needs is there.

        After `timeout_s` seconds AWS is asked no more, and a step that is not done is a gap. `early` is told the
        diagnosis of the other steps, once, where the last one takes long.
        """
        todo = {
            number: STEPS[number] for number in _with_needs(numbers) if STEPS[number].observes not in self.observations
        }
        if not todo:
            return
        self._diagnosis = None
        flying: dict[Future[Observed | Gap], Step] = {}
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        pool = ThreadPoolExecutor(max_workers=len(todo))
        while todo or flying:
            for number in [n for n, step in todo.items() if self._is_ready(step)]:
                step = todo.pop(number)
                flying[pool.submit(self._look, step)] = step
            import_module("runbook_lib.judging.diagnosis")
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if early and not todo and len(flying) == 1:
                done, _ = wait(flying, timeout=_PATIENCE_S if left is None else min(left, _PATIENCE_S))
                if not done:
                    early(self.so_far())
                    early = None
                    continue
            done, _ = wait(flying, timeout=left, return_when=FIRST_COMPLETED)
            finished = {flying.pop(future): future.result() for future in done}
            if not done:
                self.reader.stop()
                finished = {step: _timed_out(step, timeout_s) for step in (*flying.values(), *todo.values())}
                todo, flying = {}, {}
            for step, outcome in finished.items():
                self.observations[step.observes] = outcome
                if progress:
                    progress(step, outcome)
        pool.shutdown(wait=False)

    def _is_ready(self, step: Step) -> bool:
        return all(STEPS[need].observes in self.observations for need in step.needs)

    def _look(self, step: Step, window: Window | None = None) -> Observed | Gap:
        """Look once; what blinds a whole step stands in its place."""
        seen = Evidence(self.incident, self.as_of, self.observations, window or self.window)
        try:
            return step.look(self.incident, self.reader.for_step(step.file), seen)
        except NotObserved as unseen:
            return unseen.gap
        finally:
            self.reader.settle(step.file)


def _unfinished(step: Step) -> Gap:
    return Gap(f"step {step.number}", "", "Unfinished", f"Step {step.number} ({step.title}) is still being looked at.")


def _timed_out(step: Step, timeout_s: float | None) -> Gap:
    reason = f"Step {step.number} was not finished within the {timeout_s:.0f} seconds of --timeout."
    return Gap(f"step {step.number}", "", "Timeout", reason)


def _with_needs(numbers: Iterable[int]) -> list[int]:
    wanted: set[int] = set()
    waiting = list(numbers)
    while waiting:
        number = waiting.pop()
        if number not in wanted:
            wanted.add(number)
            waiting += STEPS[number].needs
    return sorted(wanted)


def _ordered(observations: dict[str, Observed | Gap]) -> list[Step]:
    return [step for _, step in sorted(STEPS.items()) if step.observes in observations]


def begin(
    incident: Incident, archive: Path | None = None, *, peek: bool = False, batch: str = "", share: int = 1
) -> Investigation:
    """Begin a run on AWS, in a new folder of the archive. Raises CannotRun, BadArchive.

    `share`: how many runs ask this account at the same time. A run of a `batch` can be taken up again by its name.
    """
    live = Live(incident, Budget(share=share), _ALWAYS_ASKED)
    identity, as_of = live.identify()
    redactor = Redactor()
    known, _ = redactor.answer("GetCallerIdentity", identity)
    home = archive or archive_of(incident)
    record = Record.create(incident, as_of, known, archive=home, peek=peek, batch=batch)
    return Investigation(record, live, redactor)


def take_up(folder: Path, incident: Incident, share: int = 1) -> Investigation | None:
    """Go on with a run that was begun with these parameters and not finished; None when it was begun with others."""
    record = Record.open(folder)
    if record.scope != incident:
        return None
    live = Live(incident, Budget(share=share), _ALWAYS_ASKED)
    live.identify()
    return Investigation(record, live, Redactor.beside(folder))


def unfinished(incident: Incident, archive: Path | None = None) -> tuple[Path, ...]:
    """Give the folders of this incident's runs that were begun and not finished, the newest first."""
    runs = (archive or archive_of(incident)) / incident.incident_id
    folders = runs.iterdir() if runs.is_dir() else ()
    return tuple(sorted((path for path in folders if path.is_dir() and not is_sealed(path)), reverse=True))


def archive_of(incident: Incident) -> Path:
    """Find the archive: a relative one lies in the project that the current folder belongs to, or else right here.

    Notebooks run in their own folder, the command line in the caller's; both must find the same place.
    """
    here = Path.cwd()
    project = next(
        (up for up in (here, *here.parents) if (up / "notebooks").is_dir() and (up / "params").is_dir()), here
    )
    return project / incident.archive
