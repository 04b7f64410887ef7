"""One investigation, from incident to diagnosis: what a notebook holds.

Evidence is collected step by step or all at once, each step as soon as the steps it needs have been observed. The same
object works on AWS, on a run that was recorded, and on one that was begun and not finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime

from runbook_lib.aws import Live, Reader
from runbook_lib.diagnosis import Diagnosis, Status, diagnose
from runbook_lib.errors import NothingToInvestigate
from runbook_lib.evidence import Evidence, Gap, NotObserved, Observed, otherwise
from runbook_lib.incident import Incident, Window
from runbook_lib.record import Record
from runbook_lib.redact import Redactor
from runbook_lib.steps import STEPS, Step
from runbook_lib.timeline import EXTENDED

Progress = Callable[[Step, Observed | Gap], None]


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

        When a cause has no trigger, the search for changes is widened to 48 hours, as the playbook's last paragraph
        asks.
        """
        self.collect()
        if self._diagnosis is None:
            self._diagnosis = diagnose(self.evidence)
            if self._is_worth_widening(self._diagnosis):
                self.observe(9, window=self.window.widened(EXTENDED))
                self._diagnosis = diagnose(self.evidence)
        return self._diagnosis

    def _is_worth_widening(self, diagnosis: Diagnosis) -> bool:
        broken = diagnosis.status is not Status.NO_FAULT and diagnosis.onset is not None
        return broken and diagnosis.trigger is None and self.window.end - self.window.start < EXTENDED

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

    def collect(self, numbers: Iterable[int] = tuple(STEPS), progress: Progress | None = None) -> None:
        """Observe several steps side by side, each as soon as what it needs is there."""
        todo = {number: STEPS[number] for number in _with_needs(numbers) if STEPS[number].observes not in self.observations}
        if not todo:
            return
        self._diagnosis = None
        flying: dict[Future[Observed | Gap], Step] = {}
        with ThreadPoolExecutor(max_workers=len(todo)) as pool:
            while todo or flying:
                for number in [n for n, step in todo.items() if self._is_ready(step)]:
                    step = todo.pop(number)
                    flying[pool.submit(self._look, step)] = step
                done, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in done:
                    step = flying.pop(future)
                    self.observations[step.observes] = future.result()
                    if progress:
                        progress(step, self.observations[step.observes])

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
            self.record.sync(step.file)

    def check_scope(self) -> None:
        """Refuse to diagnose names that stand for nothing. Raises NothingToInvestigate.

        A table or function that a mapping or the trail still speaks of was deleted, which is a fault; one that nothing
        speaks of is a typing error, or the wrong region or account.
        """
        seen = self.evidence
        where = f"in {self.incident.region} of account {otherwise(lambda: seen.health.identity.account, 'unknown')}"
        table, function = self.incident.table_name, self.incident.function.name
        mapped = otherwise(lambda: bool(seen.mappings.ours), True)
        named = {str(value) for event in otherwise(lambda: seen.changes.visible(), ()) for value in _names(event.request)}
        if not mapped and table not in named and not otherwise(lambda: seen.health.table.exists, True):
            near = otherwise(lambda: seen.health.similar_tables, ())
            raise NothingToInvestigate(f"There is no table `{table}` {where}.", _near("table_name", near))
        if not mapped and function not in named and not otherwise(lambda: seen.mappings.function.exists, True):
            near = otherwise(lambda: seen.mappings.similar_functions, ())
            raise NothingToInvestigate(f"There is no function `{function}` {where}.", _near("function_name", near))


def _names(value: object) -> Iterable[object]:
    """Give every text inside a request, and the last part of those that are ARNs."""
    if isinstance(value, str):
        yield value
        yield value.rsplit(":", 1)[-1].rsplit("/", 1)[-1]
    elif isinstance(value, dict):
        for item in value.values():
            yield from _names(item)


def _near(key: str, near: tuple[str, ...]) -> str:
    meant = f"Did you mean `{near[0]}`? " if near else ""
    return f"{meant}Correct `{key}`, `region` or the profile in the parameters."


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
