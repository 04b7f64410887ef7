"""What the command line says. Everything that AWS sent is made visible first: a log line must not steer a terminal."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbook_lib.archive.redact import Redactor
from runbook_lib.errors import RunbookError
from runbook_lib.instant import clock, parse
from runbook_lib.observed import Gap, Observed
from runbook_lib.running.investigation import Progress
from runbook_lib.showing.markup import visible
from runbook_lib.steps import STEPS, Step

if TYPE_CHECKING:
    # What judges is imported where it judges: while AWS is waited for.
    from runbook_lib.findings import Finding, Verdict
    from runbook_lib.judging.diagnosis import Diagnosis
    from runbook_lib.running.recovery import Recovery

_MOST_GAPS = 5
_LABEL = 11


def print_error(trouble: RunbookError) -> None:
    """Say what stopped the command, and what to do about it."""
    print(f"runbook: {visible(str(trouble))}", file=sys.stderr)


def print_missing(sentence: str) -> None:
    """Say what the run folder lacks although it was asked for."""
    print(f"runbook: {visible(sentence)}", file=sys.stderr)


def print_note(sentence: str) -> None:
    """Say what was found on the way to the answer."""
    print(f"runbook: {visible(sentence)}", file=sys.stderr)


def print_defect(defect: Exception) -> None:
    """Say where the kit itself failed, in a form that may be sent to its maintainers: redacted, and visible."""
    frames = traceback.extract_tb(defect.__traceback__)[-6:]
    where = " > ".join(f"{frame.name} ({Path(frame.filename).name}:{frame.lineno})" for frame in frames)
    told = Redactor().text(f"{type(defect).__name__}: {defect}")
    print(f"runbook: a defect of the runbook stopped it: {visible(told)}", file=sys.stderr)
    print(f"         at {where}. What was collected stays in the run folder.", file=sys.stderr)


def print_progress(begun: float) -> Progress:
    """Give the listener that says each finished step on stderr; `begun` is `time.monotonic()` at the start."""

    def say(step: Step, seen: Observed | Gap) -> None:
        outcome = "NOT EXAMINED" if isinstance(seen, Gap) else "looked"
        took = time.monotonic() - begun
        print(f"  {took:5.1f} s  {step.number} of {len(STEPS)}  {step.title}: {outcome}", file=sys.stderr)

    return say


def print_early(diagnosis: Diagnosis) -> None:
    """Say on stderr what stands already while the trail is still being asked: verdict and loss clock."""
    told = [_said("So far", diagnosis.sentence), _said("", diagnosis.loss.sentence(diagnosis.as_of))]
    told.append(_said("", "The trail is still being asked what changed; it grants two questions a second."))
    print("\n".join(told), file=sys.stderr, flush=True)


def print_diagnosis(diagnosis: Diagnosis, folder: Path) -> None:
    """Say the verdict: what is wrong, how sure, what is lost when, what to do first, what could not be seen."""
    lines = [_said("Verdict", diagnosis.sentence)]
    for label, found in (("Cause", diagnosis.causes), ("Latent", diagnosis.latent)):
        for number, verdict in enumerate(found, start=1):
            lines.append(
                _said(f"{label} {number}", f"{verdict.finding.id} ({verdict.confidence}): {verdict.finding.title}.")
            )
            lines += [_said("", f"- {sentence}") for sentence in _shortened(verdict)]
    if diagnosis.set_off_by:
        setting_change = diagnosis.set_off_by
        who = setting_change.change.event.actor
        lines.append(_said("Set off by", f"{setting_change.change.sentence} By {who}, {setting_change.correlation}."))
    elif diagnosis.causes:
        lines.append(_said("Set off by", "No change that fits was found in what could be searched."))
    lines.append(_said("Data loss", diagnosis.loss.sentence(diagnosis.as_of)))
    for remedy in diagnosis.remedies[:1]:
        lines.append(_said("Do first", f"{remedy.title}. Risk: {remedy.risk}"))
        lines.append(" " * _LABEL + visible(remedy.command))
    important = [blind for blind in diagnosis.gaps if blind.findings] or list(diagnosis.gaps)
    for blind in important[:_MOST_GAPS]:
        lines.append(_said("Not seen", blind.gap.reason))
    if len(important) > _MOST_GAPS:
        lines.append(_said("", f"and {len(important) - _MOST_GAPS} more, listed in {folder / 'verdict.json'}"))
    print("\n".join(lines), flush=True)


def _shortened(verdict: Verdict, most: int = 4) -> Iterable[str]:
    yield from verdict.because[:most]
    if len(verdict.because) > most:
        yield f"and {len(verdict.because) - most} more"


def _said(label: str, text: str) -> str:
    """Set a labelled paragraph in the width of the terminal."""
    width = max(60, min(shutil.get_terminal_size((100, 24)).columns, 120))
    first = f"{label:<{_LABEL}}"
    return textwrap.fill(
        visible(text),
        width,
        initial_indent=first,
        subsequent_indent=" " * _LABEL,
        break_long_words=False,
        break_on_hyphens=False,
    )


def print_recovery(recovery: Recovery) -> None:
    """Say what became of an incident between two runs."""
    rows = (
        ("Outcome", recovery.sentence),
        ("Fixed", ", ".join(recovery.fixed)),
        ("Still", ", ".join(recovery.still)),
        ("New", ", ".join(recovery.new)),
        ("Not seen", ", ".join(recovery.unseen)),
        ("Over", ", ".join(f"{id} (nothing failed since the repair)" for id in recovery.over)),
        ("Backlog", recovery.trend.sentence if recovery.trend and not recovery.is_draining else ""),
    )
    print("\n".join(_said(label, text) for label, text in rows if text))


def print_arrival(total: int) -> Callable[[int, dict[str, Any]], None]:
    """Give the listener that says each incident of a batch, in two lines, when its verdict is there."""

    def say(number: int, document: dict[str, Any]) -> None:
        told = (
            document.get("sentence") or document["error"],
            _loss_words(document["loss"]) if "loss" in document else "",
        )
        print(_said(f"{number} of {total}", f"{document['incident_id']}: {' '.join(filter(None, told))}"))
        where = document.get("report") or document.get("run_folder")
        print(" " * _LABEL + visible(where or "no run"), flush=True)
        for sentence in document.get("missing", ()):
            print_missing(sentence)

    return say


def _loss_words(loss: Mapping[str, Any]) -> str:
    if loss["state"] == "losing":
        return "Records are being lost now."
    return f"Records are lost from {clock(parse(loss['deadline']))}." if loss["deadline"] else ""


def print_fault_list(faults: Sequence[Any], *, as_json: bool) -> None:
    """List the sandbox's faults with their stories and the cause a good diagnosis names."""
    if as_json:
        print(
            json.dumps([{"id": fault.id, "story": fault.story, "expects": fault.expects} for fault in faults], indent=2)
        )
        return
    for fault in faults:
        print(_row(fault.id, fault.expects or "no cause", fault.story))


def print_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    """List the findings, one a line."""
    if as_json:
        print(json.dumps([_card(finding) for finding in findings], indent=2))
        return
    for finding in findings:
        print(_row(finding.id, finding.kind, finding.title))


def print_finding(finding: Finding, *, as_json: bool) -> None:
    """Explain one finding."""
    from runbook_lib.findings.explained import explain

    if as_json:
        print(json.dumps(_card(finding), indent=2))
        return
    rows = (
        ("Finding", f"{finding.id} ({finding.kind})"),
        ("What", f"{finding.title}."),
        ("Why", finding.why),
        ("Stops", f"the pipe at: {finding.stops}" if finding.stops else "nothing by itself"),
        *_listed("Known by", explain(finding).known_by),
        *_listed("Refuted by", explain(finding).refuted_by),
        ("Reads", f"playbook steps {', '.join(map(str, finding.reads))}"),
        ("Remedies", ", ".join(finding.remedies) or "none"),
        ("Source", finding.source),
    )
    print("\n".join(_said(label, text) for label, text in rows))


def _listed(label: str, sentences: Sequence[str]) -> list[tuple[str, str]]:
    return [(label if not number else "", f"- {sentence}") for number, sentence in enumerate(sentences)]


def _row(name: str, kind: str, text: str) -> str:
    return f"{name:<32} {kind:<30} {' '.join(text.split())}"


def _card(finding: Finding) -> dict[str, Any]:
    from runbook_lib.findings.explained import explain

    return {
        "id": finding.id,
        "kind": finding.kind.value,
        "title": finding.title,
        "why": finding.why,
        "known_by": list(explain(finding).known_by),
        "refuted_by": list(explain(finding).refuted_by),
        "stops": finding.stops.value if finding.stops else None,
        "diagnosis": list(finding.diagnosis),
        "steps": list(finding.reads),
        "remedies": list(finding.remedies),
        "source": finding.source,
    }
