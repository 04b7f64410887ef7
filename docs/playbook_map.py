"""The map from the source playbook to this kit: each step, each clause of its diagnosis, each of its fallbacks."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import get_type_hints

from catalogue import covering, fault_links, finding_link, without_fault
from pieces import NOT_YET, code, codes, document, link, table
from runbook_lib.findings import FINDINGS
from runbook_lib.sandbox import all_faults
from runbook_lib.steps import STEPS, Step

ROOT = Path(__file__).parent.parent
PLAYBOOK = (
    "*DynamoDB Streams Not Triggering Lambda* of the public collection Scoutflo SRE Playbooks"
    f" ({link('MIT', '../LICENSE')})"
)
EVERY_CHANGE = tuple(
    fault.id for fault in all_faults().values() if fault.expects and fault.set_off_by and not fault.rules
)
"""The faults that begin with a configuration change that the investigator can read in the trail."""
NO_CHANGE = tuple(fault.id for fault in all_faults().values() if fault.expects and not fault.set_off_by)
"""The faults with a cause that no configuration change explains."""


@dataclass(frozen=True)
class Passage:
    """One passage of the playbook in our own words, and what answers it.

    `modules` judge or compute it besides the findings; `findings` are the ids that answer it, built or not; `faults`
    exercise it besides those of its findings.
    """

    key: str
    says: str
    modules: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def _clause(number: int, says: str, *modules: str, faults: tuple[str, ...] = ()) -> Passage:
    found = tuple(finding.id for finding in FINDINGS.values() if number in finding.diagnosis)
    return Passage(str(number), says, modules, found, faults)


CLAUSES = (
    _clause(
        1,
        "Read the function's log for errors and their pattern. No recent invocation points to the mapping, an access"
        " error to the role.",
        "interpret/lambda_log.py",
    ),
    _clause(
        2,
        "The role needs GetRecords, GetShardIterator, DescribeStream and ListStreams; without one nothing is read.",
        "interpret/policy.py",
    ),
    _clause(
        3, "Invocations at zero: the function is not triggered. Errors high: it is, and fails.", "measuring/pipe.py"
    ),
    _clause(4, "Is the stream on, and does its view type hold what the function expects?"),
    _clause(5, "Does the mapping exist, is it enabled, and does it read the right stream?"),
    _clause(
        6,
        "Records that pile up point to throttles, timeouts or errors behind the mapping.",
        "measuring/pipe.py",
        "judging/undelivered.py",
        "judging/loss_clock.py",
    ),
    _clause(
        7,
        "A change of stream or mapping within five minutes of the onset is the likely trigger.",
        "measuring/setting_change.py",
        "interpret/trail_effect.py",
        faults=EVERY_CHANGE,
    ),
    _clause(8, "Compare the functions on the same stream: all of them, or only this one?", "judging/comparison.py"),
    _clause(9, "A concurrency limit that is reached throttles invocations, and records pile up."),
)

FALLBACKS = (
    Passage(
        "extended-window",
        "Nothing correlates: widen the search to 48 hours.",
        ("judging/fallbacks.py", "measuring/setting_change.py", "running/investigation.py"),
        faults=NO_CHANGE,
    ),
    Passage(
        "record-age",
        "Look at the age of stream records.",
        ("judging/fallbacks.py", "judging/loss_clock.py"),
        ("iterator-age-rising",),
    ),
    Passage(
        "concurrency-limits",
        "Look at the concurrency limits of function and account.",
        ("judging/fallbacks.py",),
        ("reserved-concurrency-zero", "reserved-too-low", "account-concurrency-exhausted"),
    ),
    Passage(
        "gradual-drift",
        "Look for what builds up slowly, such as a mapping that changes state.",
        ("judging/fallbacks.py",),
        ("esm-disabled-by-lambda", "esm-transitional"),
    ),
    Passage(
        "view-type",
        "Compare the stream's view type with what the function reads.",
        ("judging/fallbacks.py",),
        ("view-type-lacks-image",),
    ),
    Passage(
        "dependencies",
        "Check what the trigger depends on: can the function be invoked, is the service well?",
        ("judging/fallbacks.py",),
        ("function-or-qualifier-deleted", "state-failed", "state-pending", "artifact-lost", "service-event"),
    ),
    Passage(
        "history",
        "Look for a pattern in earlier failures of the trigger.",
        ("judging/fallbacks.py",),
        faults=("mapping-paused-again",),
    ),
    Passage(
        "iterator-expiry",
        "Check whether shard iterators expired before they were used.",
        ("judging/fallbacks.py",),
        ("trimmed",),
    ),
    Passage(
        "batch-size",
        "Check the mapping's batch size and how it gathers batches.",
        ("judging/fallbacks.py",),
        ("batching-or-tumbling-delay", "payload-or-duration", "partial-batch-misuse"),
    ),
)
"""By the ids of `runbook_lib.judging.fallbacks`, in the order of the playbook's last paragraph."""


def page() -> str:
    """The whole map."""
    intro = (
        f"The playbook that this kit implements is {PLAYBOOK}. It has nine steps, nine clauses of diagnosis and a"
        " last paragraph of fallbacks. This page says where each of them lives, which findings answer it, and which"
        f" faults of the sandbox show them. Where there is nothing yet it says *{NOT_YET}*."
    )
    header = ("playbook", "says", "module", "findings", "faults that cover it")
    bare = without_fault()
    unproven = (
        "Every finding has a fault that shows it."
        if not bare
        else ", ".join(finding_link(finding_id) for finding_id in bare)
    )
    return document(
        "Playbook map",
        intro,
        "## Steps",
        table(
            ("step", "asks", "module", "findings that read it", "faults that cover it"), map(_step_row, STEPS.values())
        ),
        "## Diagnosis",
        table(header, map(_row, CLAUSES)),
        "## Fallbacks",
        "What the playbook's last paragraph falls back on when nothing correlates; the ids are those of the verdict.",
        table(header, map(_row, FALLBACKS)),
        "## Findings that no fault shows yet",
        unproven,
        "## What each step looks at",
        *map(_step_section, STEPS.values()),
    )


def _module(path: str) -> str:
    """Link to a module; one that is gone is an error here, not a dead link there."""
    if not (ROOT / "runbook_lib" / path).exists():
        raise FileNotFoundError(f"runbook_lib/{path} is named in docs/playbook_map.py and does not exist")
    return link(code(path), f"../runbook_lib/{path}")


def _step_path(step: Step) -> str:
    return f"steps/{step.name}.py"


def _step_row(step: Step) -> tuple[str, ...]:
    readers = tuple(finding.id for finding in FINDINGS.values() if step.number in finding.reads)
    asks = f"[{step.title}](#step-{step.number}): {step.question}"
    return f"{step.number}", asks, _module(_step_path(step)), _findings(readers), _faults(readers)


def _row(passage: Passage) -> tuple[str, ...]:
    own = (f"findings/{FINDINGS[finding_id].module}.py" for finding_id in passage.findings if finding_id in FINDINGS)
    modules = tuple(dict.fromkeys((*passage.modules, *own)))
    return (
        passage.key,
        passage.says,
        ", ".join(map(_module, modules)) or NOT_YET,
        _findings(passage.findings) if passage.findings or not passage.modules else "- (computed)",
        _faults(passage.findings, passage.faults),
    )


def _findings(ids: Iterable[str]) -> str:
    return ", ".join(map(finding_link, ids)) or NOT_YET


def _faults(finding_ids: Iterable[str], more: tuple[str, ...] = ()) -> str:
    """Link to the faults that cover these findings: a few, each of another finding first, and how many more."""
    by_finding = [covering(finding_id) for finding_id in finding_ids]
    first = dict.fromkeys(fault for rank in zip_longest(*by_finding) for fault in rank if fault)
    shown = tuple(first | dict.fromkeys(more))
    rest = len(shown) - _FEW
    return fault_links(shown[:_FEW]) + (f" and {rest} [more](faults.md)" if rest > 0 else "")


_FEW = 6


def _step_section(step: Step) -> str:
    observed = get_type_hints(step.look)["return"]
    meaning = " ".join((inspect.getdoc(observed) or "").split("\n\n")[0].split()).removeprefix(f"Step {step.number}: ")
    needs = ", ".join(f"step {number}" for number in step.needs) or "nothing: it starts at once"
    return "\n".join(
        (
            f'### <a id="step-{step.number}"></a>Step {step.number}: {step.title}',
            "",
            f"{step.playbook}",
            "",
            f"* **Question**: {step.question}",
            f"* **Observes**: {code(f'evidence.{step.observes}')} ({code(observed.__name__)}): {meaning}",
            f"* **Needs**: {needs}",
            f"* **Permissions**: {codes(step.permissions)}",
        )
    )
